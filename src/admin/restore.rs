//! `postgrey restore`: replaces the records of the database by those of a copy,
//! with a running daemon or without one.
//!
//! Records are replaced in small commits, and those that the copy lacks are
//! deleted last. An interrupted restore is completed by repeating it.

use super::edit::{edit_all, print_where};
use super::progress::Progress;
use super::text::counted;
use super::{Error, Exit, question};
use crate::cli::admin::Consent;
use crate::database::Database;
use crate::greylist::edit::{Change, Edit};
use crate::greylist::filter::Filter;
use crate::state::{Record, Table};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::ops::ControlFlow;

const BATCH: usize = 1000;

pub fn run(
    database: &mut Database,
    copy: &Database,
    consent: Consent,
    out: &mut impl Write,
) -> Result<Exit, Error> {
    refuse_other_keys(database, copy)?;
    let totals = copy.totals()?.records;
    let number = totals.iter().sum::<u64>();
    let [from, to] = [copy.name(), database.name()].map(str::to_owned);
    let entries = counted(number, "entry", "entries");
    question::ask(consent, &format!("replace all entries of {to} by {entries} of {from}"))?;
    let hasher = RandomState::new();
    let mut kept = HashSet::new();
    let mut progress = Progress::new(number as usize);
    let mut changed = 0;
    for table in Table::ALL {
        let mut edits = Vec::new();
        copy.scan(table, &Filter::default(), |key, text| -> Result<_, Error> {
            kept.insert(hasher.hash_one((table, key)));
            if let Some(record) = Record::parse(table, text) {
                edits.push(Edit { table, key: key.to_vec(), change: Change::Put(record) });
            }
            if edits.len() == BATCH {
                changed += edit_all(database, &std::mem::take(&mut edits))?;
            }
            progress.advance(1);
            Ok(ControlFlow::Continue(()))
        })?;
        changed += edit_all(database, &edits)?;
    }
    let mut deleted = 0;
    for table in Table::ALL {
        let mut edits = Vec::new();
        database.scan(table, &Filter::default(), |key, _| -> Result<_, Error> {
            if !kept.contains(&hasher.hash_one((table, key))) {
                edits.push(Edit { table, key: key.to_vec(), change: Change::Forget });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        deleted += edit_all(database, &edits)?;
    }
    writeln!(
        out,
        "restored {entries} from {from}: {changed} written, {deleted} deleted, the others were the \
         same"
    )?;
    print_where(database, out)?;
    out.flush()?;
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
