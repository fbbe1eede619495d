//! `postgrey export`: all records, as text that `db_load` reads or as JSON.

use super::progress::Progress;
use super::{Error, Exit, Output};
use crate::cli::admin::OutputFormat;
use crate::database::Database;
use crate::greylist::filter::Filter;
use crate::json::Object;
use crate::state::{ClientRecord, Table, TripletRecord, dump};
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

/// Prints the selected tables. A single table is the dump of a file of the
/// original; both together have names, as in the dump of a file with several
/// databases.
pub fn run(database: &Database, table: Option<Table>, out: &mut Output) -> Result<Exit, Error> {
    database.require_all()?;
    let (tables, is_named) =
        table.map_or((Table::ALL.to_vec(), true), |table| (vec![table], false));
    // Between lines on the same terminal a bar would only be in the way.
    let is_bare = io::stdout().is_terminal();
    let records = database.totals()?.records;
    for table in tables {
        let mut progress = Progress::new(records[table as usize] as usize);
        if out.format == OutputFormat::Text {
            dump::write_header(out, is_named.then(|| table.name()))?;
        }
        database.scan(table, &Filter::default(), |key, text| -> Result<_, Error> {
            progress.advance(usize::from(!is_bare));
            match out.format {
                OutputFormat::Json => object(table, key, text).write(out)?,
                OutputFormat::Text => dump::write_row(out, key, text)?,
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if out.format == OutputFormat::Text {
            dump::write_end(out)?;
        }
    }
    Ok(Exit::Done)
}

/// The fields `key`, and `first` and `last` of a triplet or `count` and `last`
/// of a client, times in seconds since the epoch. JSON has nothing for a key
/// that is not UTF-8: its bytes are in `key_hex`.
fn object(table: Table, key: &[u8], text: &[u8]) -> Object {
    let mut object = Object::new().text("table", table.name()).text("key", key);
    if std::str::from_utf8(key).is_err() {
        object = object.text("key_hex", hexadecimal(key));
    }
    match table {
        Table::Triplets => {
            let record = TripletRecord::parse(text).unwrap_or_default();
            object.number("first", record.first).number("last", record.last)
        }
        Table::Clients => {
            let record = ClientRecord::parse(text).unwrap_or_default();
            object.number("count", record.count).number("last", record.last)
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
