//! `postgrey restore`: replaces the records of the database by those of a copy,
//! with a running daemon or without one.
//!
//! Records are replaced in small commits, and those that the copy lacks are
//! deleted last. An interrupted restore is completed by repeating it.

use super::edit::{edit_all, print_where};
use super::progress::for_each_record;
use super::text::counted;
use super::{Error, Exit, Output, question};
use crate::cli::admin::Consent;
use crate::database::Database;
use crate::greylist::edit::{Change, Edit};
use crate::state::{Record, Table};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;

const BATCH: usize = 1000;

pub fn run(
    database: &mut Database,
    copy: &Database,
    consent: Consent,
    out: &mut Output,
) -> Result<Exit, Error> {
    refuse_other_keys(database, copy)?;
    let number = copy.totals()?.records.iter().sum::<u64>();
    let [from, to] = [copy.name(), database.name()].map(str::to_owned);
    let entries = counted(number, "entry", "entries");
    question::ask(consent, &format!("replace all entries of {to} by {entries} of {from}"))?;
    let hasher = RandomState::new();
    let mut kept = HashSet::new();
    let mut changed = 0;
    let mut edits = Vec::new();
    for_each_record(copy, &Table::ALL, |table, key, text| {
        kept.insert(hasher.hash_one((table, key)));
        if let Some(record) = Record::parse(table, text) {
            edits.push(Edit { table, key: key.to_vec(), change: Change::Put(record) });
        }
        if edits.len() == BATCH {
            changed += edit_all(database, &std::mem::take(&mut edits))?;
        }
        Ok(())
    })?;
    changed += edit_all(database, &edits)?;
    let mut edits = Vec::new();
    for_each_record(database, &Table::ALL, |table, key, _| {
        if !kept.contains(&hasher.hash_one((table, key))) {
            edits.push(Edit { table, key: key.to_vec(), change: Change::Forget });
        }
        Ok(())
    })?;
    let deleted = edit_all(database, &edits)?;
    writeln!(
        out,
        "restored {entries} from {from}: {changed} written, {deleted} deleted, the others were the \
         same"
    )?;
    print_where(database, out)?;
    Ok(Exit::Done)
}

/// Entries under other keys would never be found.
fn refuse_other_keys(database: &Database, copy: &Database) -> Result<(), Error> {
    let (own, other) = (&database.metadata().keys, &copy.metadata().keys);
    if own.is_empty() || other.is_empty() || own == other {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{} has keys of other settings ({other}) than the database here ({own}); start the daemon \
         with the same --lookup-by-..., --ipv4cidr, --ipv6cidr and --privacy first",
        copy.name()
    )))
}
