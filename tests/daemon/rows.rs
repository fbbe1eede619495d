//! The rows of a database, as tests compare them.

use postgrey::state::local::Reader;
use postgrey::state::{Inspect, Table};
use std::path::Path;

/// All rows of a database directory, in order.
pub fn rows(dbdir: &Path) -> Vec<String> {
    let mut reader = Reader::open(dbdir).expect("a database");
    let mut rows = Vec::new();
    for table in Table::ALL {
        let mut position = None;
        loop {
            let slice = reader.slice(table, b"", position.as_deref()).expect("a slice");
            rows.extend(slice.rows.iter().map(|(key, value)| {
                format!("{table:?} {} {}", key.escape_ascii(), value.escape_ascii())
            }));
            position = slice.next;
            if position.is_none() {
                break;
            }
        }
    }
    rows
}
