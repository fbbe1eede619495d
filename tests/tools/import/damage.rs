//! Randomly damaged texts: an import of them comes to an end and uses bounded
//! memory. Damaged databases are tested in `state::berkeley`.

use crate::import::fixture;
use postgrey::greylist::Policy;
use postgrey::state::Metadata;
use postgrey::state::import::Import;
use postgrey::state::local::Store;
use std::fs;
use std::time::{Duration, Instant};
use testkit::Scratch;
use testkit::mutation::mutate;
use testkit::process::peak_memory;
use testkit::random::{self, Random};

/// Texts to try (`POSTGREY_RANDOM_CASES`).
const TEXTS: usize = 200;

/// They take milliseconds, most of it for the disk.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Memory in KiB that this process may come to need.
const MAX_MEMORY: usize = 512 * 1024;

/// Bytes between the rows and the fields of a text.
const WORDS: &[&[u8]] = &[
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
    b"\0",
    b"\xff",
];

#[test]
#[allow(clippy::print_stderr, reason = "the seed repeats a failure")]
fn damaged_texts_do_not_make_an_import_panic_hang_or_grow() {
    let seed = random::seed();
    eprintln!("POSTGREY_SEED={seed}");
    let mut random = Random::of(seed);
    let dump = [b"VERSION=3\nformat=print\nHEADER=END\n", &fixture("triplets.txt")[..]].concat();
    let table = "192.0.2.7\talice@sender.test\tbob@example.org\t1700000000\t1700000300\n\
                 2001:db8:0:1\t<>\t<bob@example.org>\t1700000000.5\t1700000000\n";
    let texts = [dump, table.repeat(20).into_bytes()];
    let scratch = Scratch::new();
    let file = scratch.path().join("text");
    let mut store = Store::open(scratch.path(), Metadata::default()).expect("a new database");
    let mut imported = 0;
    for number in 0..random::cases(TEXTS) {
        fs::write(&file, mutate(&texts, WORDS, &mut random)).expect("a file");
        let begin = Instant::now();
        let policy = Policy::default();
        let mut watch = |_, _| {};
        let import = Import::new(&mut store, &policy, &mut watch, String::new());
        // A text with a damaged first line is refused.
        imported += usize::from(import.read(&file, scratch.path()).is_ok());
        let what = format!("text {number} of POSTGREY_SEED={seed}");
        assert!(begin.elapsed() < TIMEOUT, "{what} took {:?}", begin.elapsed());
        assert!(peak_memory() < MAX_MEMORY, "{what} took {} KiB", peak_memory());
    }
    assert!(imported > 0, "all texts were refused");
}
