//! `postgrey check --database`: reads all of the database.
//!
//! Reading a damaged database can kill the process that does it, since LMDB
//! maps the file and trusts its pages. Another process does it, whose end is part
//! of the result.

use super::super::progress::{Progress, for_each_record};
use super::super::text::counted;
use super::super::{Error, Exit, Output};
use crate::daemon::DirectoryLock;
use crate::database::{self, Database, SharedLocation};
use crate::state::Table;
use crate::state::local::{FILE_NAME, Findings, Looked, Reader, check, look_at_pages};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process;

/// The environment variable of the process that reads the database.
const MARK: &str = "POSTGREY_CHECKS_HERE";

/// Returns true in the process that reads the database.
pub fn is_here() -> bool {
    std::env::var_os(MARK).is_some()
}

pub fn refuse_shared(shared: Option<&SharedLocation>) -> Result<(), Error> {
    let Some(shared) = shared else { return Ok(()) };
    Err(Error::Usage(format!(
        "--database checks the file in --dbdir, and the state is on {}; name --dbdir to check the \
         file nevertheless",
        shared.settings.address
    )))
}

/// Runs the check in another process and returns its result.
pub fn run(dbdir: &Path) -> Result<Exit, Error> {
    let mut arguments = std::env::args_os();
    let status = process::Command::new(database::program())
        .args(arguments.by_ref().skip(1))
        .env(MARK, "1")
        .status();
    let status = status.map_err(|error| Error::Access(format!("can't begin: {error}")))?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(Exit::Done),
        (Some(_), _) => Err(Error::Reported),
        (None, signal) => Err(Error::Access(format!(
            "{} is damaged: reading it ended by signal {}; go back to a copy (postgrey backup), or \
             start with an empty database: move this file and its -lock file away",
            dbdir.join(FILE_NAME).display(),
            signal.unwrap_or(0)
        ))),
    }
}

/// Only the daemon opens the database while it runs: it is asked for the records,
/// and the pages are compared without LMDB.
pub fn run_here(directory: &Path, out: &mut Output) -> Result<Exit, Error> {
    let path = directory.join(FILE_NAME);
    // A FIFO or a device would be read without end.
    if fs::metadata(&path).is_ok_and(|file| !file.is_file()) {
        let path = path.display();
        return Err(Error::Access(format!("{path} is not a regular file; move it away")));
    }
    let (looked, findings) = match Database::of_daemon(directory) {
        Some(daemon) => (look_at_file(&path)?, records_of(&daemon?)?),
        None => {
            // No lock is left where there is no database.
            let _lock = path.exists().then(|| DirectoryLock::take(directory)).transpose()?;
            // Reports a file that is not a database, before its pages are read.
            Reader::open_copy(&path)?;
            let looked = look_at_file(&path)?;
            // Only after this may LMDB walk through the tables.
            database::open_store(directory)?;
            let reader = Reader::open_copy(&path)?;
            let records = reader.reading().totals()?.records;
            let mut progress = Progress::new(records.iter().sum::<u64>() as usize);
            (looked, check(&reader, |rows| progress.advance(rows))?)
        }
    };
    print(&path, looked, &findings, out)
}

fn look_at_file(path: &Path) -> Result<Looked, Error> {
    let shown = path.display();
    read_all(path)
        .map_err(|error| Error::Access(format!("can't read {shown} to its end: {error}")))?;
    Ok(look_at_pages(path)?)
}

fn records_of(daemon: &Database) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for_each_record(daemon, &Table::ALL, |table, key, text| {
        findings.look_at(table, key, text);
        Ok(())
    })?;
    Ok(findings)
}

fn print(
    path: &Path,
    looked: Looked,
    findings: &Findings,
    out: &mut Output,
) -> Result<Exit, Error> {
    let path = path.display();
    for sentence in &findings.damage {
        writeln!(out, "{sentence}")?;
    }
    if looked == Looked::InVain {
        writeln!(out, "The pages were not compared: the daemon changes them all the time.")?;
    }
    let rows = counted(findings.rows, "entry", "entries");
    if findings.number == 0 {
        writeln!(out, "{path} is sound: {rows}")?;
        return Ok(Exit::Done);
    }
    let number = counted(findings.number, "finding", "findings");
    Err(Error::Access(format!("{path} is not as it should be: {number}, {rows}")))
}

/// Reads a file to its end, so that a bad disk is an error and no signal.
fn read_all(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}
