//! Rows of tests that send the same mail in two ways.

use postgrey::state::Table;
use postgrey::state::local::Reader;
use std::path::Path;

/// Seconds to the next mail: around the delay and the hour of the auto-whitelist.
pub const STEPS: [u64; 9] = [0, 0, 1, 10, 299, 300, 301, 3601, 86_400];

/// Nothing becomes old enough to expire, which happens at random times.
pub const KEEPING: [&str; 2] = ["--max-age=3650", "--retry-window=3650"];

/// All rows of a database directory, in order.
pub fn rows(dbdir: &Path) -> Vec<String> {
    let reader = Reader::open(dbdir).expect("a database");
    let mut rows = Vec::new();
    for table in Table::ALL {
        let mut position = None;
        loop {
            let slice = reader.reading().slice(table, b"", position.as_deref()).expect("a slice");
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
