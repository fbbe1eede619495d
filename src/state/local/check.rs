//! Looking for damage in the rows.

use super::rows::{stored_key, whole};
use super::{Reader, Table};
use crate::state::{Error, Record};

/// The number of findings that are described.
const MAX_FINDINGS: usize = 10;

/// The findings about a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Rows that were looked at.
    pub rows: u64,
    /// The first findings of each kind, as sentences.
    pub damage: Vec<String>,
    /// The number of all findings.
    pub number: u64,
}

impl Findings {
    /// Looks at a record.
    pub fn look_at(&mut self, table: Table, key: &[u8], text: &[u8]) {
        self.rows += 1;
        let record = Record::parse(table, text);
        if record.is_none_or(|record| record.text().as_bytes() != text) {
            let (key, text) = (key.escape_ascii(), text.escape_ascii());
            self.add(|| format!("{} {key} has an odd row: {text}", table.name()));
        }
    }

    fn add(&mut self, sentence: impl FnOnce() -> String) {
        self.number += 1;
        if self.damage.len() < MAX_FINDINGS {
            self.damage.push(sentence());
        }
    }
}

/// Checks all rows; calls `advance` with the number of rows of each slice.
///
/// # Errors
/// When the database cannot be read.
pub fn check(reader: &Reader, mut advance: impl FnMut(usize)) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for table in Table::ALL {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let rows = reader.rows(table, last.as_deref())?;
            if rows.is_empty() {
                break;
            }
            advance(rows.len());
            for (key, row) in rows {
                look(table, &key, &row, &mut findings);
                last = Some(key);
            }
        }
    }
    Ok(findings)
}

fn look(table: Table, key: &[u8], row: &[u8], findings: &mut Findings) {
    let (whole_key, text) = whole(key, row);
    if stored_key(whole_key) != key {
        let name = format!("{} {}", table.name(), key.escape_ascii());
        findings.add(|| format!("{name} is not the short form of its key"));
    }
    findings.look_at(table, whole_key, text);
}
