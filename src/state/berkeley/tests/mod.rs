//! The reader with files of Berkeley DB (see `fixtures/README`) and, in `damage`,
//! with damaged ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

mod damage;

type Row = (Vec<u8>, Vec<u8>);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/state/berkeley/fixtures").join(name)
}

/// A temporary file, deleted with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(bytes: &[u8]) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("postgrey-berkeley-{}-{count}", std::process::id());
        let scratch = Scratch(std::env::temp_dir().join(name));
        scratch.write(bytes);
        scratch
    }

    fn write(&self, bytes: &[u8]) {
        let mut file = fs::File::create(&self.0).unwrap();
        file.write_all(bytes).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn rows(path: &Path) -> (Vec<Row>, Summary) {
    let mut rows = Vec::new();
    let file = BerkeleyFile::open(path).unwrap();
    let summary = file.read(|visit| {
        if let Visit::Row(key, value) = visit {
            rows.push((key.to_vec(), value.to_vec()));
        }
    });
    assert_eq!(summary.rows, rows.len() as u64);
    (rows, summary)
}

/// The rows of a fixture with some bytes of it replaced.
fn rows_of_changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> (Vec<Row>, Summary) {
    let mut bytes = fs::read(fixture(name)).unwrap();
    change(&mut bytes);
    rows(&Scratch::new(&bytes).0)
}

fn open_error(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read(fixture(name)).unwrap();
    change(&mut bytes);
    let scratch = Scratch::new(&bytes);
    BerkeleyFile::open(&scratch.0).unwrap_err().to_string()
}

/// Reads what `db_dump -p` prints between its header and its footer: a blank,
/// then bytes, with `\\` for a backslash and `\c3` for what cannot be printed.
fn dumped(name: &str) -> Vec<Row> {
    let text = fs::read_to_string(fixture(name)).unwrap();
    let items: Vec<Vec<u8>> = text.lines().map(|line| unescape(&line[1..])).collect();
    let pairs = items.chunks_exact(2);
    pairs.map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        rest = match escaped.strip_prefix('\\') {
            Some(after) => {
                bytes.push(b'\\');
                after
            }
            None => {
                bytes.push(u8::from_str_radix(&escaped[..2], 16).unwrap());
                &escaped[2..]
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

#[test]
fn rows_come_in_key_order_from_files_of_both_byte_orders_with_and_without_checksums() {
    for name in ["little-endian.db", "big-endian.db", "checksums.db"] {
        let (found, summary) = rows(&fixture(name));
        assert_eq!(found, dumped("triplets.txt"), "{name}");
        assert!(!summary.is_damaged(), "{name}: {summary:?}");
        assert_eq!(summary.notes, [""; 0], "{name}");
    }
}

#[test]
fn long_keys_and_values_are_put_together() {
    for name in ["long.db", "long-big-endian.db"] {
        let (found, summary) = rows(&fixture(name));
        assert_eq!(found, dumped("long.txt"), "{name}");
        assert!(!summary.is_damaged(), "{name}: {summary:?}");
    }
}

#[test]
fn empty_database_has_no_rows() {
    assert_eq!(
        rows(&fixture("empty.db")),
        (
            vec![],
            Summary {
                // Made without a log.
                newest_change: Lsn { file: 0, offset: 1 },
                ..Summary::default()
            }
        )
    );
}

#[test]
fn deleted_rows_and_freed_pages_are_passed_over() {
    let (found, summary) = rows(&fixture("deleted.db"));
    let left = (10..20).chain(60..70).chain(71..100);
    let left = left.map(|n| (format!("key{n}").into_bytes(), format!("value{n}").into_bytes()));
    assert_eq!(found, left.collect::<Vec<_>>());
    assert!(!summary.is_damaged(), "{summary:?}");
}

#[test]
fn of_several_values_of_a_key_the_first_counts() {
    let (found, summary) = rows(&fixture("duplicates.db"));
    let expected = [(b"a", b"1"), (b"b", b"2"), (b"c", b"5")];
    assert_eq!(found, expected.map(|(key, value)| (key.to_vec(), value.to_vec())));
    assert!(!summary.is_damaged(), "{summary:?}");
}

#[test]
fn the_originals_own_file_is_read() {
    let (found, summary) = rows(&fixture("original/recovered.db"));
    let expected: [(&[u8], &[u8]); 2] = [
        (b"192.0.2.0/alice@example.org/bob@example.com", b"1700000000,1700000400"),
        (b"2001:db8:0:0:0:0:0:0//bob@example.com", b"1700000100,1700000100"),
    ];
    assert_eq!(found, expected.map(|(key, value)| (key.to_vec(), value.to_vec())));
    assert_eq!(summary.newest_change, Lsn { file: 1, offset: 9194 });
}

#[test]
fn the_log_shows_unwritten_changes_of_a_killed_original() {
    let dbdir = fixture("original");
    let (found, killed) = rows(&dbdir.join("killed.db"));
    assert_eq!(found, []);
    assert!(changes_pending(&dbdir, killed.newest_change).unwrap());
    let (_, recovered) = rows(&dbdir.join("recovered.db"));
    assert!(!changes_pending(&dbdir, recovered.newest_change).unwrap());
    // The last change but one, too, leaves one to be written.
    assert!(changes_pending(&dbdir, Lsn { file: 1, offset: 9065 }).unwrap());
    // An older log file has been written back; no log at all has nothing.
    assert!(!changes_pending(&dbdir, Lsn { file: 2, offset: 0 }).unwrap());
    assert!(!changes_pending(&fixture(""), Lsn::default()).unwrap());
}

#[test]
fn btree_versions_8_to_10_are_read() {
    for version in [8, 9, 10] {
        let (found, _) = rows_of_changed("little-endian.db", |bytes| bytes[16] = version);
        assert_eq!(found, dumped("triplets.txt"), "{version}");
    }
}

#[test]
fn files_that_cannot_be_read_say_what_they_are() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(Change, &str); 14] = [
        (|bytes| bytes.clear(), "is an empty file"),
        (|bytes| bytes.truncate(15), "is not a Berkeley DB file"),
        (|bytes| bytes.truncate(91), "is not a Berkeley DB file"),
        (|bytes| bytes[12] = 0, "is not a Berkeley DB file"),
        (|bytes| bytes[..512].fill(0), "is not a Berkeley DB file"),
        (
            |bytes| bytes[16] = 7,
            "has version 7 of the Berkeley DB btree format; \
             versions 8 to 10 can be read (db_upgrade converts older ones)",
        ),
        (
            |bytes| bytes[12..16].copy_from_slice(&0x0006_1561_u32.to_be_bytes()),
            "is a Berkeley DB file, but not a plain btree",
        ),
        (
            |bytes| bytes[12..16].copy_from_slice(&0x0004_2253_u32.to_le_bytes()),
            "is a Berkeley DB file, but not a plain btree",
        ),
        (
            |bytes| bytes[12..16].copy_from_slice(&0x0007_4582_u32.to_le_bytes()),
            "is a Berkeley DB file, but not a plain btree",
        ),
        (|bytes| bytes[48] = 0x02, "is a Berkeley DB file, but not a plain btree"),
        (|bytes| bytes[48] = 0x20, "is a Berkeley DB file, but not a plain btree"),
        (|bytes| bytes[48] = 0x80, "is a Berkeley DB file, but not a plain btree"),
        (|bytes| bytes[24] = 1, "is encrypted"),
        (|bytes| bytes[21] = 3, "has a damaged first page (it claims pages of 768 bytes)"),
    ];
    for (change, expected) in cases {
        assert_eq!(open_error("little-endian.db", change), expected);
    }
    let directory = BerkeleyFile::open(&fixture("")).unwrap_err();
    assert_eq!(directory.to_string(), "is not a regular file");
    let missing = BerkeleyFile::open(&fixture("missing.db")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot be read: No such file or directory (os error 2)");
}
