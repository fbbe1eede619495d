//! `postgrey export`: all rows, as text that `db_load` reads or as JSON.

use super::Error;
use super::progress::Progress;
use crate::cli::admin::{OutputFormat, Tables};
use crate::json::Object;
use crate::state::local::{Reader, Table};
use crate::state::{ClientRecord, TripletRecord, dump};
use std::io::{self, IsTerminal, Write};

/// Prints the tables that were asked for. A single one is text for a file of
/// the original; of both, each is named, as in the dump of a file with several
/// databases.
pub fn run(
    reader: &Reader,
    tables: Tables,
    form: OutputFormat,
    out: &mut impl Write,
) -> Result<(), Error> {
    let (tables, is_named): (&[Table], bool) = match tables {
        Tables::Both => (&[Table::Triplets, Table::Clients], true),
        Tables::Triplets => (&[Table::Triplets], false),
        Tables::Clients => (&[Table::Clients], false),
    };
    // Between lines on the same terminal a bar would only be in the way.
    let is_bare = io::stdout().is_terminal();
    for table in tables {
        let mut progress = Progress::new(reader.count(*table)?);
        let step = || progress.advance(usize::from(!is_bare));
        match form {
            OutputFormat::Json => print_json(reader, *table, out, step)?,
            OutputFormat::Text => {
                print_dump(reader, *table, is_named.then(|| table.name()), out, step)?
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn print_dump(
    reader: &Reader,
    table: Table,
    name: Option<&str>,
    out: &mut impl Write,
    mut step: impl FnMut(),
) -> Result<(), Error> {
    dump::write_header(out, name)?;
    reader.for_each(table, |key, row| -> Result<(), Error> {
        step();
        Ok(dump::write_row(out, key, row)?)
    })?;
    Ok(dump::write_end(out)?)
}

/// Prints the fields `key`, and `first` and `last` of a triplet or `count` and
/// `last` of a client, times in seconds since the epoch.
fn print_json(
    reader: &Reader,
    table: Table,
    out: &mut impl Write,
    mut step: impl FnMut(),
) -> Result<(), Error> {
    reader.for_each(table, |key, row| {
        step();
        let object = Object::new().text("table", table.name()).text("key", key);
        let object = match table {
            Table::Triplets => {
                let seen = TripletRecord::parse(row).unwrap_or_default();
                object.number("first", seen.first).number("last", seen.last)
            }
            Table::Clients => {
                let passes = ClientRecord::parse(row).unwrap_or_default();
                object.number("count", passes.count).number("last", passes.last)
            }
        };
        Ok(object.write(out)?)
    })
}
