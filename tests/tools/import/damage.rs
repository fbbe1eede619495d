//! Randomly damaged databases and texts: an import of them comes to an end.

use crate::import::fixture;
use postgrey::greylist::Policy;
use postgrey::state::Metadata;
use postgrey::state::import;
use postgrey::state::local::Store;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::Scratch;
use testkit::mutation::mutate;
use testkit::process::peak_memory;
use testkit::random::{self, Random};

/// Files to try (`POSTGREY_RANDOM_CASES`).
const FILES: usize = 200;

/// Time that one of them may take. They take milliseconds, most of it for the
/// disk; only what would never end takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Memory in KiB that this process may come to need.
const MOST_MEMORY: usize = 512 * 1024;

/// Fields of pages, and what stands between the rows of a text.
const WORDS: &[&[u8]] = &[
    &[0xff; 4],
    &[0; 4],
    &[1, 0, 0, 0],
    &[0, 0, 1, 5],
    &[0, 0, 1, 7],
    &[0x62, 0x31, 5, 0],
    b"\n ",
    b"\\00",
    b"1.2.3.0/24/",
    b",",
    b"99999999999999999999",
    b"HEADER=END\n",
    b"DATA=END\n",
    b"database=clients\n",
    b"\t",
    b"<>",
    b"::",
    b"1e9",
];

#[test]
#[allow(clippy::print_stderr, reason = "the seed is for the reader")]
fn no_damage_makes_an_import_panic_hang_or_grow() {
    let seed = random::seed();
    eprintln!("POSTGREY_SEED={seed}");
    let mut random = Random::of(seed);
    let names = ["little-endian.db", "big-endian.db", "checksums.db", "long.db", "deleted.db"];
    let mut files: Vec<Vec<u8>> = names.iter().map(|name| fixture(name)).collect();
    files.push(fixture("original/killed.db"));
    let dump = [b"VERSION=3\nformat=print\nHEADER=END\n", &fixture("triplets.txt")[..]].concat();
    let table = "192.0.2.7\talice@sender.test\tbob@example.org\t1700000000\t1700000300\n\
                 2001:db8:0:1\t<>\t<bob@example.org>\t1700000000.5\t1700000000\n";
    let texts = [dump, table.repeat(20).into_bytes()];
    for number in 0..random::cases(FILES) {
        let scratch = Scratch::new();
        let begin = Instant::now();
        if random.one_in(4) {
            by_hand(&mutate(&texts, WORDS, &mut random), scratch.path());
        } else {
            first_start(&damage(&files, &mut random), scratch.path());
        }
        let what = format!("file {number} of POSTGREY_SEED={seed}");
        assert!(begin.elapsed() < TIMEOUT, "{what} took {:?}", begin.elapsed());
        assert!(peak_memory() < MOST_MEMORY, "{what} took {} KiB", peak_memory());
    }
}

/// One of the files with changes that keep its pages where they are, or with
/// any.
fn damage(files: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    if random.one_in(3) {
        return mutate(files, WORDS, random);
    }
    let mut file = files[random.below(files.len())].clone();
    for _ in 0..=random.below(30) {
        let word = random.pick(WORDS);
        let at = random.below(file.len() - word.len());
        file[at..at + word.len()].copy_from_slice(word);
    }
    file
}

fn first_start(file: &[u8], dbdir: &Path) {
    fs::write(dbdir.join("postgrey.db"), file).expect("a file");
    let started =
        import::open_or_import(dbdir, &Metadata::default(), &Policy::default(), &mut |_, _| {});
    let (_, report) = started.expect("a start that works");
    assert!(report.is_some(), "it was imported");
}

fn by_hand(text: &[u8], dbdir: &Path) {
    let file = dbdir.join("text");
    fs::write(&file, text).expect("a file");
    let mut store = Store::open(dbdir, Metadata::default()).expect("a new database");
    // A text that does not look like one is refused.
    let source = import::ImportSource { path: &file, dbdir, policy: &Policy::default() };
    let _ = source.import(&mut store, &mut |_, _| {});
}
