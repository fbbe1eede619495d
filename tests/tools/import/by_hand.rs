//! `postgrey import`.

use crate::import::{exported, fixture, put, triplets};
use postgrey::state::TripletRecord;
use std::collections::BTreeMap;
use testkit::tool::{postgrey, run, run_with};
use testkit::{Daemon, Program, Scratch};

/// Runs `postgrey import` and returns its status and all that it printed.
pub fn import(scratch: &Scratch, from: &[&str], input: &str) -> (Option<i32>, String) {
    let directory = scratch.subdirectory("db").display().to_string();
    let mut import = postgrey("import");
    let finished = run_with(import.arg(scratch.dbdir_option()).args(from), input);
    let text = finished.out + &finished.err;
    (finished.status, text.trim_end().replace(&directory, "DB"))
}

fn done(text: &str) -> (Option<i32>, String) {
    (Some(0), text.to_string())
}

#[test]
fn an_import_merges_and_may_be_repeated() {
    let scratch = Scratch::new();
    let dump = |rows: &str| format!("VERSION=3\nformat=print\nHEADER=END\n{rows}DATA=END\n");
    let old = dump(
        " 1.2.3.0/24/a@b/c@d\n 100,500\n 1.2.3.4\n 7,900\n 2001:db8::1\n 2,900\n \
         nonsense\n 1\n",
    );
    let line = "imported 1 triplet and 2 clients from standard input; 1 row was not imported: \
                \"nonsense\" is the key of no triplet and no client";
    assert_eq!(import(&scratch, &["--from=-"], &old), done(line));
    // Another database knows the triplet only since later.
    let new = dump(" 1.2.3.0/a@b/c@d\n 2000,2000\n 1.2.3.4\n 3,3000\n");
    let line = "imported 1 triplet and 1 client from standard input";
    assert_eq!(import(&scratch, &["--from=-"], &new), done(line));
    let triplets = " 1.2.3.0/a@b/c@d\n 1600,2000\n";
    let clients = " 1.2.3.4\n 7,3000\n 2001:DB8:0:0:0:0:0:1\n 2,900\n";
    for again in [&old, &new, &old] {
        let (status, text) = import(&scratch, &["--from=-"], again);
        assert_eq!(status, Some(0));
        assert!(text.starts_with("imported 0 triplets and 0 clients"), "{text}");
        assert_eq!(exported(&scratch, "--triplets"), triplets);
        assert_eq!(exported(&scratch, "--clients"), clients);
    }
}

/// These rows with the networks of their IPv4 clients, as a daemon without
/// options looks for them.
fn in_networks(rows: &str) -> String {
    let mut merged: BTreeMap<String, TripletRecord> = BTreeMap::new();
    let lines: Vec<&str> = rows.lines().collect();
    for row in lines.chunks(2) {
        let parts = row[0].split_once('/');
        let network = parts.and_then(|(client, rest)| Some((client.rsplit_once('.')?.0, rest)));
        let key = network.map(|(network, rest)| format!("{network}.0/{rest}"));
        let key = key.unwrap_or_else(|| row[0].to_owned());
        let seen = TripletRecord::parse(row[1].trim_start().as_bytes()).expect("two times");
        merged.entry(key).and_modify(|known| *known = known.merged(seen)).or_insert(seen);
    }
    merged.iter().map(|(key, seen)| format!("{key}\n {}\n", seen.text())).collect()
}

#[test]
fn directories_files_and_exports_can_be_imported() {
    let theirs = Scratch::new();
    put(&theirs, "postgrey.db", fixture("big-endian.db"));
    let directory = format!("--from={}", theirs.path().join("db").display());
    let file = format!("{directory}/postgrey.db");
    for from in [&directory, &file] {
        let scratch = Scratch::new();
        let (status, text) = import(&scratch, &[from], "");
        assert_eq!(status, Some(0), "{text}");
        // Some of them are of other clients of one network.
        assert!(text.starts_with("imported 87 triplets and 0 clients"), "{text}");
        assert!(text.contains("; 2 entries were known already; "), "{text}");
        assert_eq!(exported(&scratch, "--triplets"), in_networks(&triplets()));
        let text = run(postgrey("export").arg(scratch.dbdir_option())).success();
        let copy = Scratch::new();
        let line = "imported 85 triplets and 0 clients from standard input";
        assert_eq!(import(&copy, &["--from=-"], &text), done(line));
        assert_eq!(exported(&copy, "--triplets"), in_networks(&triplets()));
    }
}

#[test]
fn an_import_before_the_first_start_is_the_first_start() {
    let scratch = Scratch::new();
    put(&scratch, "postgrey.db", fixture("original/recovered.db"));
    assert_eq!(import(&scratch, &[], ""), done("imported 2 triplets and 0 clients from DB"));
    let line = "imported 0 triplets and 0 clients from DB; 2 entries were known already";
    assert_eq!(import(&scratch, &[], ""), done(line));
}

#[test]
fn a_failed_import_reports_the_reason() {
    let daemon = Daemon::builder(Program::Ours).start();
    let socket = daemon.scratch().path().join("db/postgrey.control");
    std::fs::remove_file(&socket).expect("a socket");
    let (status, text) = import(daemon.scratch(), &["--from=-"], "");
    assert_eq!(status, Some(3));
    assert!(text.starts_with("postgrey: locked: DB/postgrey.lock by process "), "{text}");
    let scratch = daemon.stop().scratch;
    let text = "postgrey: standard input is not a database of postgrey 1, text of db_dump or \
                tab-separated triplets";
    assert_eq!(import(&scratch, &["--from=-"], "hello"), (Some(3), text.to_string()));
    let text = "postgrey: there is no postgrey.db in DB";
    assert_eq!(import(&scratch, &[], ""), (Some(3), text.to_string()));
    let (status, text) = import(&scratch, &["--from=/nowhere"], "");
    assert_eq!(status, Some(3));
    assert!(text.starts_with("postgrey: can't read /nowhere: No such file"), "{text}");
    let empty = "VERSION=3\nformat=print\nHEADER=END\nDATA=END\n";
    let text = "imported 0 triplets and 0 clients from standard input";
    assert_eq!(import(&scratch, &["--from=-"], empty), (Some(1), text.to_string()));
}
