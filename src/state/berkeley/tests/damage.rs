//! Broken files: what can be read of them, and that nothing worse happens.

use std::fs;

use super::super::pages::MAX_ITEM_BYTES;
use super::super::{BerkeleyFile, Lsn, MAX_NOTES, Visit, changes_pending};
use testkit::random::Random;

use super::{Scratch, dumped, fixture, rows_of_changed, sorted};

/// Bytes of a page of all fixtures but the original's.
const PAGE: usize = 512;

/// Bytes of rows and their offsets start here on a page without a checksum.
const CONTENT: usize = 26;

/// The place of a field of a page's header in the file.
fn header(page: usize, field: usize) -> usize {
    page * PAGE + field
}

// Offsets of fields in a header.
const PREVIOUS: usize = 12;
const NEXT: usize = 16;
const NUMBER: usize = 8;
const LENGTH: usize = 22;
const KIND: usize = 25;

// In little-endian.db the root is page 1, internal pages are 16 and 17, the
// leaves in key order 2 to 15 and 18 to 24.

#[test]
fn all_rows_are_salvaged_when_the_way_to_them_is_lost() {
    let cases = [
        (
            "no leaf is the first",
            header(2, PREVIOUS),
            9,
            "only 0 of 21 leaf pages follow each other",
        ),
        ("a leaf leads nowhere", header(7, NEXT), 77, "page 77 is not the leaf page after 7"),
        ("a leaf leads to itself", header(7, NEXT), 7, "page 7 is not the leaf page after 7"),
        ("a leaf leads back", header(7, NEXT), 5, "page 5 is not the leaf page after 7"),
        ("a leaf skips one", header(7, NEXT), 9, "page 9 is not the leaf page after 7"),
        ("a leaf follows itself", header(7, PREVIOUS), 7, "page 7 is not the leaf page after 6"),
        ("a leaf is the last", header(7, NEXT), 0, "only 6 of 21 leaf pages follow each other"),
        ("a leaf is another's", header(7, NUMBER), 99, "page 7 is not the leaf page after 6"),
    ];
    for (case, at, byte, note) in cases {
        let (found, summary) = rows_of_changed("little-endian.db", |bytes| bytes[at] = byte);
        assert_eq!(sorted(found), dumped("triplets.txt"), "{case}");
        assert!(summary.salvaged && summary.is_damaged(), "{case}");
        assert_eq!((summary.lost_pages, summary.lost_items), (0, 0), "{case}");
        assert_eq!(summary.notes, [note], "{case}");
    }
}

#[test]
fn a_file_without_leaves_is_damaged() {
    let (found, summary) = rows_of_changed("little-endian.db", |bytes| bytes.truncate(PAGE));
    assert!(found.is_empty() && summary.is_damaged());
    assert_eq!(summary.notes, ["there is no leaf page", "the last 24 pages are missing"]);
    let (found, summary) = rows_of_changed("little-endian.db", |bytes| {
        for page in (2..=24).filter(|page| ![16, 17].contains(page)) {
            bytes[header(page, KIND)] = 0;
        }
    });
    assert!(found.is_empty() && summary.is_damaged());
    assert_eq!(summary.notes, ["there is no leaf page"]);
}

#[test]
fn damage_above_the_leaves_does_not_matter() {
    const ROOT: usize = 88;
    for (at, byte) in [(ROOT, 254), (ROOT, 0), (header(1, KIND), 0), (header(1, 21), 3)] {
        let (found, summary) = rows_of_changed("little-endian.db", |bytes| bytes[at] = byte);
        assert_eq!(found, dumped("triplets.txt"), "{at}");
        assert!(!summary.is_damaged(), "{summary:?}");
    }
}

#[test]
fn a_lost_page_takes_only_its_own_rows_along() {
    let (found, summary) = rows_of_changed("little-endian.db", |bytes| {
        bytes[header(5, 0)..header(6, 0)].fill(0xff);
    });
    let expected = dumped("triplets.txt");
    // Five rows are on page 5, after 13 on the three leaves before.
    let expected = [&expected[..13], &expected[18..]].concat();
    assert_eq!(sorted(found), expected);
    assert_eq!((summary.lost_pages, summary.salvaged), (1, true));
    assert_eq!(
        summary.notes,
        ["page 5 is of the unknown type 255", "page 5 is not the leaf page after 4",]
    );
}

#[test]
fn a_leaf_that_claims_too_much_is_lost() {
    let (found, summary) = rows_of_changed("little-endian.db", |bytes| bytes[header(5, 21)] = 1);
    assert_eq!(found.len(), dumped("triplets.txt").len() - 5);
    assert_eq!((summary.lost_pages, summary.salvaged), (1, false));
    assert_eq!(summary.notes, ["page 5 claims to hold 266 items"]);
}

#[test]
fn a_lost_item_takes_only_its_own_row_along() {
    let cases = [
        ("an offset beyond the page", 600, "lies outside its page"),
        ("an offset into the header", 20, "lies outside its page"),
        ("an offset into the offsets", 30, "lies outside its page"),
        ("an offset at the page's end", 511, "lies outside its page"),
        ("an offset to no item", 80, "is of the unknown type 0"),
    ];
    for (case, offset, reason) in cases {
        let (mut found, summary) = rows_of_changed("little-endian.db", |bytes| {
            let second_key = header(5, CONTENT) + 2 * 2;
            bytes[second_key..second_key + 2].copy_from_slice(&u16::to_le_bytes(offset));
        });
        let all = dumped("triplets.txt");
        found.insert(14, all[14].clone());
        assert_eq!(found, all, "{case}");
        assert_eq!((summary.lost_items, summary.salvaged), (1, false), "{case}");
        assert_eq!(summary.notes, [format!("page 5, item 2: {reason}")], "{case}");
        assert!(summary.is_damaged(), "{case}");
    }
}

#[test]
fn a_file_cut_short_gives_what_is_left() {
    let (found, summary) =
        rows_of_changed("little-endian.db", |bytes| bytes.truncate(header(20, 9)));
    // The 16 leaves that are left hold 69 rows; page 24 was the last.
    assert_eq!(found, dumped("triplets.txt")[..69]);
    assert_eq!((summary.lost_pages, summary.salvaged), (5, true));
    assert_eq!(
        summary.notes,
        [
            "page 20: the file ends after 9 bytes of it",
            "page 20 is not the leaf page after 19",
            "the last 4 pages are missing",
        ]
    );
}

#[test]
fn broken_long_items_are_lost_and_noted() {
    // In long.db item 5, the value of item 4 on page 1, is on pages 7 to 10.
    const TOTAL: usize = 8;
    let item = |bytes: &[u8]| {
        let offset = header(1, CONTENT) + 2 * 5;
        header(1, usize::from(u16::from_le_bytes([bytes[offset], bytes[offset + 1]])))
    };
    let bytes = fs::read(fixture("long.db")).unwrap();
    let total = item(&bytes) + TOTAL;
    let cases: [(&str, usize, u32, &str); 10] = [
        ("a part leads to itself", header(8, NEXT), 8, "page 8 is not a part of the item"),
        ("a part leads back", header(9, NEXT), 7, "page 7 is not a part of the item"),
        ("a part is of another item", header(8, NEXT), 13, "page 13 is not a part of the item"),
        ("a part is the last", header(8, NEXT), 0, "page 0 is not a part of the item"),
        ("a part is nowhere", header(8, NEXT), 99, "page 99 lies beyond the end of the file"),
        ("a part is empty", header(8, LENGTH - 2), 1, "page 8 is not a part of the item"),
        (
            "a part is too long",
            header(8, LENGTH - 2),
            487 << 16 | 1,
            "page 8 is not a part of the item",
        ),
        ("the item is too short", total, 1499, "page 10 is not a part of the item"),
        ("the item ends early", total, 3 * 486, "continues after its 1458 bytes"),
        ("the item is huge", total, 65_537, "claims 65537 bytes"),
    ];
    for (case, at, number, reason) in cases {
        let (found, summary) = rows_of_changed("long.db", |bytes| {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        });
        let mut expected = dumped("long.txt");
        expected.remove(2);
        assert_eq!(found, expected, "{case}");
        assert_eq!(summary.notes, [format!("page 1, item 4: {reason}")], "{case}");
        assert_eq!((summary.lost_items, summary.salvaged), (1, false), "{case}");
    }
}

fn byte(random: &mut Random) -> u8 {
    let edges = [0, 1, 2, 3, 5, 7, 0x7f, 0x80, 0xff];
    match random.below(2) {
        0 => edges[random.below(edges.len())],
        _ => random.below(256) as u8,
    }
}

/// Damages a file like bad disks, bad memory and full disks do, mostly at
/// numbers that point elsewhere.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(8) {
        let page = random.below(bytes.len() / PAGE) * PAGE;
        match random.below(8) {
            0..3 => bytes[page + random.below(64)] = byte(random),
            3..6 => bytes[page + random.below(PAGE)] = byte(random),
            6 => {
                let from = random.below(bytes.len() / PAGE) * PAGE;
                bytes.copy_within(from..from + PAGE, page);
            }
            _ => {
                let at = page + random.below(PAGE - 32);
                bytes[at..at + 32].fill(byte(random));
            }
        }
    }
    if random.below(10) == 0 {
        bytes.truncate(PAGE + random.below(bytes.len() - PAGE));
    }
}

#[test]
fn no_damage_makes_reading_panic_hang_or_grow() {
    let names = [
        "little-endian.db",
        "big-endian.db",
        "checksums.db",
        "long.db",
        "long-big-endian.db",
        "duplicates.db",
        "deleted.db",
        "original/recovered.db",
    ];
    let files = names.map(|name| fs::read(fixture(name)).unwrap());
    let scratch = Scratch::new(&[]);
    let mut random = Random::of(1);
    let mut opened = 0;
    for round in 0..5_000 {
        let mut bytes = files[round % files.len()].clone();
        damage(&mut random, &mut bytes);
        scratch.write(&bytes);
        let Ok(file) = BerkeleyFile::open(&scratch.0) else {
            continue;
        };
        opened += 1;
        let summary = file.read(|visit| {
            if let Visit::Row(key, value) = visit {
                assert!(key.len().max(value.len()) <= MAX_ITEM_BYTES as usize);
            }
        });
        // A row needs at least two offsets of two bytes, even if all of them
        // point to one item.
        let found = summary.rows + summary.lost_items;
        assert!(found <= bytes.len() as u64 / 4, "round {round}: {summary:?}");
        assert!(summary.notes.len() <= MAX_NOTES, "round {round}");
        assert!(summary.notes.iter().all(|note| note.len() < 200), "round {round}");
    }
    assert!(opened > 3_000, "most damage must get past the first page: {opened}");
}

#[test]
fn no_damage_makes_the_log_panic_or_hang() {
    let log = fs::read(fixture("original/log.0000000001")).unwrap();
    let dbdir = std::env::temp_dir().join(format!("postgrey-log-{}", std::process::id()));
    fs::create_dir_all(&dbdir).unwrap();
    let mut random = Random::of(2);
    let mut pending = 0;
    for _ in 0..500 {
        let mut bytes = log.clone();
        damage(&mut random, &mut bytes);
        fs::write(dbdir.join("log.0000000001"), bytes).unwrap();
        pending += usize::from(changes_pending(&dbdir, Lsn::default()).unwrap());
    }
    fs::remove_dir_all(&dbdir).unwrap();
    assert!((1..500).contains(&pending), "damage must matter at times: {pending}");
}
