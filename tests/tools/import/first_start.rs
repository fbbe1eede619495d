//! The first start with a database of the original.

use crate::import::{exported, fixture, put, triplets};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::tool::run_with;
use testkit::{Attempt, Daemon, Program, Stopped, program_for, wait_until};

/// The properties of the original's files that must not change.
fn state_of(directory: &Path) -> Vec<(PathBuf, Vec<u8>, i64, i64, u32)> {
    let ours = |path: &Path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        name.starts_with("postgrey.mdb")
            || ["postgrey.lock", "postgrey.journal"].contains(&name.as_str())
    };
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| !ours(path));
    let mut files: Vec<_> = paths
        .map(|path| {
            let metadata = fs::metadata(&path).expect("a file");
            let content = fs::read(&path).expect("a file");
            (path, content, metadata.mtime(), metadata.mtime_nsec(), metadata.mode())
        })
        .collect();
    files.sort();
    files
}

/// The lines of a log that tell of an import.
fn import_lines(stopped: &Stopped) -> Vec<String> {
    let directory = stopped.dbdir().display().to_string();
    let lines = stopped.log.iter().filter(|line| line.contains("import"));
    lines.map(|line| line.replace(&directory, "DB")).collect()
}

#[test]
fn the_first_start_imports_all_records_and_keeps_the_files() {
    for name in ["little-endian.db", "big-endian.db", "checksums.db"] {
        // Clients of the fixture are hosts.
        let builder = Daemon::builder(Program::Ours).arg("--ipv4cidr=32");
        put(builder.scratch(), "postgrey.db", fixture(name));
        let directory = builder.scratch().dbdir();
        let before = state_of(&directory);
        let stopped = builder.start().stop();
        let count = triplets().lines().count() / 2;
        let line = format!(
            "imported {count} triplets and 0 clients from DB; 2 rows were not imported: \
             \"\\x00\\xff\" is the key of no triplet and no client, \
             \"no-value\" is the key of no triplet and no client"
        );
        assert_eq!(import_lines(&stopped), [line], "{name}");
        assert_eq!(exported(&stopped.scratch, "--triplets"), triplets(), "{name}");
        assert_eq!(state_of(&directory), before, "{name}");
        assert!(!directory.join("postgrey.mdb.import").exists());
        // Nothing is left to be done.
        let stopped = stopped.again(Program::Ours).start().stop();
        assert_eq!(import_lines(&stopped), [""; 0]);
    }
}

#[test]
fn changes_in_the_log_of_a_killed_original_are_recovered_in_a_copy() {
    testkit::needs!(program_for(
        "the log of a killed original",
        "/usr/bin/db5.3_recover",
        "db5.3-util"
    ));
    let builder = Daemon::builder(Program::Ours);
    put(builder.scratch(), "postgrey.db", fixture("original/killed.db"));
    put(builder.scratch(), "log.0000000001", fixture("original/log.0000000001"));
    let directory = builder.scratch().dbdir();
    let before = state_of(&directory);
    let stopped = builder.start().stop();
    assert_eq!(import_lines(&stopped), ["imported 2 triplets and 0 clients from DB"]);
    assert_eq!(state_of(&directory), before);
}

#[test]
fn a_file_that_is_not_a_database_is_reported_and_the_daemon_starts() {
    let mut damaged = fixture("little-endian.db");
    damaged[4 * 512..5 * 512].fill(0xff);
    let cases = [
        (b"hello".repeat(200), "nothing was imported from DB/postgrey.db: it is not a Berkeley DB"),
        (damaged, "DB/postgrey.db is damaged: its other rows were imported, but 1 pages and 0"),
    ];
    for (content, sentence) in cases {
        let builder = Daemon::builder(Program::Ours);
        put(builder.scratch(), "postgrey.db", content);
        let daemon = builder.start();
        daemon.client().ask(&Attempt::new("192.0.2.1", "c", "a@b", "c@d"));
        let stopped = daemon.stop();
        let lines = import_lines(&stopped);
        assert!(lines[0].starts_with("imported "), "{lines:?}");
        assert!(lines[1].starts_with(sentence), "{lines:?}");
    }
}

#[test]
fn an_interrupted_import_is_repeated_at_the_next_start() {
    testkit::needs!(program_for("an interrupted import", "/usr/bin/db5.3_load", "db5.3-util"));
    const ENTRIES: usize = 100_000;
    let builder = Daemon::builder(Program::Ours);
    let file = put(builder.scratch(), "postgrey.db", "");
    load(&file, ENTRIES);
    let directory = builder.scratch().dbdir();
    let before = state_of(&directory);
    // If the kill comes too late, try again.
    let (begun, database) = ("postgrey.mdb.import/postgrey.mdb", directory.join("postgrey.mdb"));
    let mut builder = builder;
    let mut times = 0..20;
    let stopped = loop {
        times.next().expect("it was always too quick");
        let daemon = builder.launch();
        wait_until("an import", || directory.join(begun).exists() || database.exists());
        let killed = daemon.kill();
        if !database.exists() {
            break killed.again(Program::Ours).start().stop();
        }
        fs::remove_file(&database).expect("a database");
        builder = killed.again(Program::Ours);
    };
    assert_eq!(
        import_lines(&stopped),
        [format!("imported {ENTRIES} triplets and 0 clients from DB")]
    );
    assert_eq!(state_of(&directory), before);
    assert!(!directory.join("postgrey.mdb.import").exists());
}

fn load(file: &Path, entries: usize) {
    fs::remove_file(file).expect("an empty file");
    let mut text = String::from("VERSION=3\nformat=print\ntype=btree\nHEADER=END\n");
    for number in 0..entries {
        let (high, low) = (number >> 8 & 0xff, number & 0xff);
        text += &format!(
            " 10.{high}.{low}.0/user{number}@sender.example/bob@example.org\n \
             1700000000,1700000400\n"
        );
    }
    run_with(Command::new("db5.3_load").arg(file), text + "DATA=END\n").success();
}
