//! Imports: all records of another database are taken over, damage is reported,
//! and the original's files are not changed.
mod beside_daemon;
mod by_hand;
mod damage;
mod first_start;
mod other_programs;
mod progress;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use testkit::Scratch;
use testkit::tool::{postgrey, run};

/// The original's files in `db`, with these rows in its text.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/state/berkeley/fixtures");

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(FIXTURES).join(name)).expect("a fixture")
}

/// Puts a file into the database directory, as the daemon's user would have.
fn put(scratch: &Scratch, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let directory = scratch.subdirectory("db");
    let path = directory.join(name);
    fs::write(&path, content).expect("a file");
    let owner = fs::metadata(&directory).expect("the directory");
    chown(&path, Some(owner.uid()), Some(owner.gid())).expect("chown");
    path
}

/// The output of `postgrey export` for a table.
fn exported(scratch: &Scratch, table: &str) -> String {
    let text = run(postgrey("export").arg(table).arg(scratch.dbdir_option())).success();
    let (_, rows) = text.split_once("HEADER=END\n").expect("a header");
    rows.strip_suffix("DATA=END\n").expect("an end").to_string()
}

/// The rows of a fixture that are triplets, which two are not. One of them is of
/// a version that kept a host name in a third field.
fn triplets() -> String {
    let text = String::from_utf8(fixture("triplets.txt")).expect("ASCII");
    let lines: Vec<_> = text.lines().collect();
    let rows = lines.chunks(2).filter(|row| row[1].starts_with(" 17"));
    let text: String = rows.map(|row| format!("{}\n{}\n", row[0], row[1])).collect();
    text.replace(",host.example\n", "\n")
}
