//! The content of a program's database after it has stopped.

use crate::normalise;
use std::path::Path;
use std::process::Command;
use testkit::Program;
use testkit::tool::run;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Triplets,
    Clients,
}

/// The rows of a table as `key value`, in the order of their keys, with
/// unprintable bytes as `db_dump -p` shows them. Nothing if there is no such
/// table.
pub fn rows(program: Program, dbdir: &Path, table: Table) -> Vec<String> {
    let dump = match program {
        Program::Theirs => dump_of_theirs(dbdir, table),
        Program::Ours => dump_of_ours(dbdir, table),
    };
    let lines: Vec<&str> = dump
        .lines()
        .skip_while(|line| *line != "HEADER=END")
        .skip(1)
        .take_while(|line| *line != "DATA=END")
        .map(|line| line.strip_prefix(' ').expect("a line of db_dump"))
        .collect();
    let mut rows: Vec<_> = lines
        .chunks(2)
        .map(|row| {
            let (key, value) = whole(row[0], row[1]);
            format!("{key} {}", normalise::record(value))
        })
        .collect();
    rows.sort();
    rows
}

/// LMDB's keys end at 511 bytes: ours stores a longer one after the value.
fn whole<'a>(key: &'a str, value: &'a str) -> (&'a str, &'a str) {
    match value.split_once("\\00") {
        Some((value, key)) => (key, value),
        None => (key, value),
    }
}

fn dump_of_theirs(dbdir: &Path, table: Table) -> String {
    let file = dbdir.join(match table {
        Table::Triplets => "postgrey.db",
        Table::Clients => "postgrey_clients.db",
    });
    if !file.exists() {
        return String::new();
    }
    run(Command::new("db5.3_dump").arg("-p").arg(file)).success()
}

fn dump_of_ours(dbdir: &Path, table: Table) -> String {
    let table = match table {
        Table::Triplets => "triplets",
        Table::Clients => "clients",
    };
    let file = dbdir.join("postgrey.mdb");
    let dump = run(Command::new("mdb_dump").args(["-n", "-s", table]).arg(file)).success();
    let lines = dump.lines().map(|line| match line.strip_prefix(' ') {
        Some(digits) => format!(" {}\n", printed(digits)),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Bytes in hexadecimal as `db_dump -p` shows them. What mdb_dump calls the
/// same is not: it leaves backslashes alone.
fn printed(digits: &str) -> String {
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    let shown = pairs.map(|pair| match u8::from_str_radix(pair, 16) {
        Ok(b'\\') => "\\\\".to_string(),
        Ok(byte @ b' '..=b'~') => char::from(byte).to_string(),
        _ => format!("\\{pair}"),
    });
    shown.collect()
}
