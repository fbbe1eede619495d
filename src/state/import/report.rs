//! The report of an import.

use crate::state::Table;
use std::fmt;

const MAX_NAMED_ROWS: usize = 5;

/// Bytes of a refused row's key that are shown.
const MAX_SHOWN_BYTES: usize = 60;

/// The report of an import; one line as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub from: String,
    /// Entries of each table that were not there before, or knew more than the
    /// row that was.
    pub(super) new: [u64; 2],
    pub(super) known: u64,
    pub(super) refused: u64,
    /// The reasons for the first few of them.
    pub(super) refusals: Vec<String>,
    /// True if keys were made with the daemon's settings.
    pub has_made_keys: bool,
    /// Further sentences for the administrator.
    pub remarks: Vec<String>,
}

impl ImportReport {
    /// Counts entries of a table, `new` of which were new.
    pub(super) fn count(&mut self, table: Table, entries: usize, new: usize) {
        self.new[table as usize] += new as u64;
        self.known += entries.saturating_sub(new) as u64;
    }

    pub(super) fn refuse(&mut self, key: &[u8], why: &str) {
        self.refused += 1;
        if self.refusals.len() < MAX_NAMED_ROWS {
            let shown = key[..key.len().min(MAX_SHOWN_BYTES)].escape_ascii();
            self.refusals.push(format!("\"{shown}\" {why}"));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.new == [0, 0] && self.known == 0
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let triplets = number(self.new[0], "triplet");
        let clients = number(self.new[1], "client");
        write!(f, "imported {triplets} and {clients} from {}", self.from)?;
        if self.known > 0 {
            write!(f, "; {} known already", was(self.known, "entry", "entries"))?;
        }
        if self.refused > 0 {
            let refused = was(self.refused, "row", "rows");
            write!(f, "; {refused} not imported")?;
            if !self.refusals.is_empty() {
                write!(f, ": {}", self.refusals.join(", "))?;
                if self.refused > self.refusals.len() as u64 {
                    f.write_str(", ...")?;
                }
            }
        }
        Ok(())
    }
}

fn number(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn was(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one} was") } else { format!("{count} {several} were") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line() {
        let mut report = ImportReport { from: "/old".into(), ..ImportReport::default() };
        report.new = [10, 1];
        assert_eq!(report.to_string(), "imported 10 triplets and 1 client from /old");
        let unnamed = ImportReport { refused: 2, ..report.clone() };
        let line = "imported 10 triplets and 1 client from /old; 2 rows were not imported";
        assert_eq!(unnamed.to_string(), line);
        report.known = 2;
        report.refuse(b"a\nb", "is odd");
        assert_eq!(
            report.to_string(),
            "imported 10 triplets and 1 client from /old; 2 entries were known already; \
             1 row was not imported: \"a\\nb\" is odd"
        );
        for _ in 0..9 {
            report.refuse(&[b'x'; 500], "is odd");
        }
        assert!(report.to_string().ends_with(" is odd, ..."));
        assert!(report.to_string().len() < 600);
    }
}
