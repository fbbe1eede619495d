//! From the original to ours and back: what one program has stored, the other
//! goes on with.

use crate::case::{can_compare, sides};
use crate::database::{self, Table};
use crate::normalise;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::tool::{postgrey, run};
use testkit::{Attempt, Builder, Daemon, Program, Scratch, Stopped, program_for, start_of_time};

/// Triplets that the original is asked about in each case
/// (`POSTGREY_IMPORT_TRIPLETS`).
const TRIPLETS: usize = 60;

/// Rows of the large database (`POSTGREY_IMPORT_ROWS`).
const ROWS: usize = 100_000;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |number| number.parse().expect("a number"))
}

/// The mail of a number: others have another client network or sender.
fn mail(number: usize) -> Attempt {
    let (high, low) = (number >> 8, number & 0xff);
    let client = match number % 3 {
        0 => format!("2001:db8:{high:x}:{low:x}::7"),
        _ => format!("10.{high}.{low}.{}", number % 200),
    };
    let sender = match number % 5 {
        0 => b"".to_vec(),
        1 => b"o'b/r\xfc\xdf/ch@m\xfcller.example".to_vec(),
        2 => format!("List-{number}+x@back\\slash.example").into_bytes(),
        3 => format!("{}@long.example", "x".repeat(490)).into_bytes(),
        _ => format!("alice{number}@example.com").into_bytes(),
    };
    let recipient = if number % 7 == 0 { "Bob/+1@Example.Org" } else { "bob@example.org" };
    Attempt::new(&client, "mx.example.com", "", recipient).with("sender", sender)
}

/// Mail of a client that becomes known, an hour after the other.
fn known_client(number: usize) -> Attempt {
    let sender = format!("carol-{number}x@example.net");
    Attempt::new("2001:db8:ffff::abcd", "known.example.com", &sender, "bob@example.org")
}

/// Lets a server learn triplets in all states and a client that is known.
fn teach(daemon: &Daemon, triplets: usize) {
    let mut client = daemon.client();
    for number in 0..triplets {
        client.ask(&mail(number).at(-2000));
    }
    for number in (0..triplets).step_by(3) {
        client.ask(&mail(number).at(-1600));
    }
    for (number, hour) in (-9..-3).enumerate() {
        client.ask(&known_client(number).at(3700 * hour));
        client.ask(&known_client(number).at(3700 * hour + 400));
    }
}

/// The answers of a server about known and unknown mail.
fn decisions(daemon: &Daemon, triplets: usize, time: i64) -> Vec<String> {
    let mut client = daemon.client();
    let some = (0..triplets).step_by(1 + triplets / 200).map(mail);
    let others = (triplets..triplets + 10).map(mail).chain((90..95).map(known_client));
    let replies = some.chain(others).map(|attempt| {
        let reply = client.ask(&attempt.at(time));
        normalise::text(&reply, daemon.scratch())
    });
    replies.collect()
}

fn dbdir(scratch: &Scratch) -> PathBuf {
    scratch.subdirectory("db")
}

/// Prepares a server that has a copy of the original's files. The copy belongs
/// to its user.
fn with_copy(program: Program, of: &Path) -> Builder {
    let builder = Daemon::builder(program);
    let to = dbdir(builder.scratch());
    let copy = "cp -p \"$0\"/postgrey*.db \"$0\"/log.* \"$1\"";
    run(Command::new("sh").args(["-c", copy]).args([of, &to])).success();
    builder
}

fn rows(program: Program, dbdir: &Path) -> [Vec<String>; 2] {
    [Table::Triplets, Table::Clients].map(|table| database::rows(program, dbdir, table))
}

/// The files of the original, which must not change: name, content, time.
fn files(dbdir: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let paths = fs::read_dir(dbdir).expect("a directory").map(|entry| entry.expect("it").path());
    let theirs = paths.filter(|path| !path.display().to_string().contains("postgrey.mdb"));
    let mut files: Vec<_> = theirs
        .map(|path| {
            let changed = fs::metadata(&path).and_then(|metadata| metadata.modified());
            (path.clone(), fs::read(&path).expect("a file"), changed.expect("its time"))
        })
        .collect();
    files.sort();
    files
}

/// Moves what the original learned to ours and back, and compares rows and
/// decisions with those of an original that continues.
fn there_and_back(options: &[&str], triplets: usize, end: fn(Daemon) -> Stopped) {
    if sides().len() < 2 || !can_compare() {
        return;
    }
    let daemon = Daemon::builder(Program::Theirs).args(options).start();
    teach(&daemon, triplets);
    let left = end(daemon);
    let theirs = dbdir(&left.scratch);
    let before = files(&theirs);
    // It may have been killed: a start brings its files up to date.
    let goes_on = with_copy(Program::Theirs, &theirs).args(options).start();
    // The original listens before it opens its database, and a signal in
    // between ends it. This request, which lacks its sender, changes nothing.
    assert_eq!(goes_on.client().ask(&mail(0).without("sender")), "DUNNO");
    let goes_on = goes_on.stop();
    let expected = rows(Program::Theirs, &dbdir(&goes_on.scratch));
    assert!(expected[0].len() > triplets / 4, "{options:?}: {expected:?}");

    let ours = with_copy(Program::Ours, &theirs).args(options);
    let copy = files(&dbdir(ours.scratch()));
    let ours = ours.start().stop();
    assert_eq!(rows(Program::Ours, &dbdir(&ours.scratch)), expected, "{:#?}", ours.log);
    let kept = files(&dbdir(&ours.scratch));
    assert_eq!(of_the_original(kept), copy, "ours changed the original's files");
    assert_eq!(files(&theirs), before);

    let goes_on = goes_on.again(Program::Theirs).args(options).start();
    let ours = ours.again(Program::Ours).args(options).start();
    for time in [-1500, -1300] {
        let expected = decisions(&goes_on, triplets, time);
        assert_eq!(decisions(&ours, triplets, time), expected, "{options:?} at {time}");
    }
    let (goes_on, ours) = (goes_on.stop(), ours.stop());

    let back = Daemon::builder(Program::Theirs).args(options);
    load_exported(&dbdir(&ours.scratch), &dbdir(back.scratch()));
    assert_eq!(
        rows(Program::Theirs, &dbdir(back.scratch())),
        rows(Program::Theirs, &dbdir(&goes_on.scratch)),
        "{options:?}"
    );
    let back = back.start();
    let goes_on = goes_on.again(Program::Theirs).args(options).start();
    for time in [-900, 0] {
        let expected = decisions(&goes_on, triplets, time);
        assert_eq!(decisions(&back, triplets, time), expected, "{options:?} at {time}");
    }
}

/// The files that the original made; it has a `postgrey.lock` as well.
fn of_the_original<T>(files: Vec<(PathBuf, Vec<u8>, T)>) -> Vec<(PathBuf, Vec<u8>, T)> {
    let is_ours =
        |path: &Path| path.ends_with("postgrey.lock") || path.ends_with("postgrey.journal");
    files.into_iter().filter(|(path, ..)| !is_ours(path)).collect()
}

fn load_exported(ours: &Path, theirs: &Path) {
    let load = "\"$0\" export --triplets --dbdir=\"$1\" | db5.3_load \"$2\"/postgrey.db && \
                \"$0\" export --clients --dbdir=\"$1\" | db5.3_load \"$2\"/postgrey_clients.db && \
                chown --reference=\"$2\" \"$2\"/*";
    let mut shell = Command::new("sh");
    run(shell.args(["-c", load]).arg(Program::Ours.path()).args([ours, theirs])).success();
}

#[test]
fn one_triplet_moves_there_and_back() {
    there_and_back(&[], 1, Daemon::stop);
}

#[test]
fn a_stopped_original_s_entries_move_there_and_back() {
    there_and_back(&[], number("POSTGREY_IMPORT_TRIPLETS", TRIPLETS), Daemon::stop);
}

#[test]
fn a_killed_original_s_entries_move_there_and_back() {
    there_and_back(&[], number("POSTGREY_IMPORT_TRIPLETS", TRIPLETS), Daemon::kill);
}

#[test]
fn hashed_entries_move_there_and_back() {
    there_and_back(&["--privacy"], TRIPLETS, Daemon::stop);
}

#[test]
fn entries_of_hosts_move_there_and_back() {
    there_and_back(&["--lookup-by-host"], TRIPLETS, Daemon::stop);
}

#[test]
fn entries_of_other_networks_move_there_and_back() {
    there_and_back(&["--ipv4cidr=16", "--ipv6cidr=48"], TRIPLETS, Daemon::kill);
}

#[test]
fn a_large_database_comes_over_row_by_row() {
    let loader = "/usr/bin/db5.3_load";
    if sides().len() < 2 || !program_for("databases of Berkeley DB", loader, "db5.3-util") {
        return;
    }
    let count = number("POSTGREY_IMPORT_ROWS", ROWS);
    let scratch = Scratch::new();
    let dbdir = dbdir(&scratch);
    let text = scratch.file("text", dump(count));
    run(Command::new("db5.3_load").arg("-f").arg(&text).arg(dbdir.join("postgrey.db"))).success();
    let told = run(postgrey("import").arg(scratch.dbdir_option())).success();
    let line = format!("imported {count} triplets and 0 clients from {}\n", dbdir.display());
    assert_eq!(told, line);
    let exported = run(postgrey("export --triplets").arg(scratch.dbdir_option())).success();
    let dumped = run(Command::new("db5.3_dump").arg("-p").arg(dbdir.join("postgrey.db"))).success();
    assert!(exported == dumped, "the dumps differ");
}

/// Rows as text, not in the order of keys.
fn dump(count: usize) -> String {
    let mut text = String::from("VERSION=3\nformat=print\ntype=btree\nHEADER=END\n");
    for number in 0..count {
        let net = number.wrapping_mul(7919) & 0xff_ffff;
        let (one, two, three) = (net >> 16, net >> 8 & 0xff, net & 0xff);
        let first = start_of_time() - 90_000;
        writeln!(
            text,
            " {one}.{two}.{three}.0/user{number}@sender{}.example/bob@example.org\n {first},{}",
            number % 5000,
            first + i64::try_from(number % 9999).expect("a small number"),
        )
        .expect("strings can grow");
    }
    text + "DATA=END\n"
}
