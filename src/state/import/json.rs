//! The lines of `postgrey export --json` and `postgrey list --json`.

use super::Import;
use crate::state::Table;
use crate::state::dump::from_hexadecimal;
use crate::state::text_lines::TextLine;
use serde_json::Value;

/// Returns true if a text starts like these lines.
pub fn is_json(start: &[u8]) -> bool {
    start.starts_with(b"{\"")
}

/// Imports a line, unless it is empty.
pub fn line(import: &mut Import<'_>, _: u64, TextLine { bytes, .. }: TextLine<'_>) {
    if bytes.trim_ascii().is_empty() {
        return;
    }
    match record(bytes) {
        Some((table, key, text)) => import.row(Some(table), &key, text.as_bytes()),
        None => import.report.refuse(bytes, "is not a line of postgrey export --json"),
    }
}

/// A line's table, key, and text in the original's form.
fn record(line: &[u8]) -> Option<(Table, Vec<u8>, String)> {
    let object: Value = serde_json::from_slice(line).ok()?;
    let number = |name: &str| object.get(name)?.as_i64();
    let (table, first) = match number("count") {
        Some(count) => (Table::Clients, count),
        None => (Table::Triplets, number("first")?),
    };
    let key = match object.get("key_hex") {
        Some(digits) => from_hexadecimal(digits.as_str()?.as_bytes())?,
        None => object.get("key")?.as_str()?.as_bytes().to_vec(),
    };
    Some((table, key, format!("{first},{}", number("last")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_commands_are_records() {
        let line =
            br#"{"table":"triplets","key":"192.0.2.0/a@b.test/c@d.test","first":5,"last":7}"#;
        let triplet = (Table::Triplets, b"192.0.2.0/a@b.test/c@d.test".to_vec(), "5,7".to_owned());
        assert_eq!(record(line), Some(triplet));
        let line =
            br#"{"state":"passed","count":5,"last":9,"client":"192.0.2.1","key":"192.0.2.1"}"#;
        assert_eq!(record(line), Some((Table::Clients, b"192.0.2.1".to_vec(), "5,9".to_owned())));
        let line = br#"{"table":"clients","key":"?","key_hex":"61ff","count":1,"last":2}"#;
        assert_eq!(record(line).map(|record| record.1), Some(b"a\xff".to_vec()));
    }

    #[test]
    fn other_lines_are_not() {
        for line in [
            r#"{"key":"a"}"#,
            r#"{"key":"a","first":1}"#,
            "hello",
            r#"{"key":"a","first":"1","last":2}"#,
            r#"{"key":"a","key_hex":"6","first":1,"last":2}"#,
            r#"{"key":"a","key_hex":"+6","first":1,"last":2}"#,
        ] {
            assert_eq!(record(line.as_bytes()), None, "{line}");
        }
    }
}
