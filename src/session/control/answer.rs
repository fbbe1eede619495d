//! Replies that consist of records: written by what has the database open, read
//! by tools.

use super::{escape_into, escaped, unescaped};
use crate::greylist::{FileSize, Metadata, Slice, Totals};

/// The reply to a scan: where the next slice starts, and the records that
/// `lets_through` keeps.
pub fn slice_lines(slice: &Slice, lets_through: impl Fn(&[u8], &[u8]) -> bool) -> Vec<String> {
    let next = match &slice.next {
        Some(position) => format!("next {}", escaped(position)),
        None => "end".to_owned(),
    };
    let rows = slice.rows.iter().filter(|(key, text)| lets_through(key, text));
    let rows = rows.map(|(key, text)| {
        let mut line = String::with_capacity(key.len() + 1 + text.len());
        escape_into(&mut line, key);
        line.push(' ');
        escape_into(&mut line, text);
        line
    });
    std::iter::once(next).chain(rows).collect()
}

/// Reads the reply to a scan; `None` if it is malformed.
pub fn slice_of(lines: &[String]) -> Option<Slice> {
    let (first, rows) = lines.split_first()?;
    let next = match first.split_once(' ') {
        None if first == "end" => None,
        Some(("next", position)) => Some(unescaped(position)?),
        _ => return None,
    };
    let row = |line: &String| {
        let (key, text) = line.split_once(' ')?;
        Some((unescaped(key)?, unescaped(text)?))
    };
    Some(Slice { rows: rows.iter().map(row).collect::<Option<_>>()?, next })
}

pub fn record_lines(record: Option<&[u8]>) -> Vec<String> {
    record.into_iter().map(escaped).collect()
}

pub fn record_of(lines: &[String]) -> Option<Vec<u8>> {
    unescaped(lines.first()?)
}

pub fn metadata_lines(metadata: &Metadata) -> Vec<String> {
    let named = metadata.named();
    named.iter().map(|(name, value)| format!("{name} {}", escaped(value.as_bytes()))).collect()
}

pub fn metadata_of(lines: &[String]) -> Metadata {
    let value = |name| {
        let value = named(lines, name).and_then(unescaped).unwrap_or_default();
        String::from_utf8_lossy(&value).into_owned()
    };
    Metadata { keys: value("keys"), rules: value("rules") }
}

pub fn totals_lines(totals: Totals) -> Vec<String> {
    let Totals { records: [triplets, clients], file } = totals;
    let file = file.map(|FileSize { bytes, free }| [("bytes", bytes), ("free", free)]);
    let named = [("triplets", triplets), ("clients", clients)].into_iter();
    named
        .chain(file.into_iter().flatten())
        .map(|(name, number)| format!("{name} {number}"))
        .collect()
}

pub fn totals_of(lines: &[String]) -> Totals {
    let number = |name| named(lines, name).and_then(|number| number.parse().ok());
    let file = || Some(FileSize { bytes: number("bytes")?, free: number("free")? });
    let records = ["triplets", "clients"].map(|name| number(name).unwrap_or(0));
    Totals { records, file: file() }
}

/// The value of a line that starts with its name.
fn named<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_over_as_they_are() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let rows = vec![(every_byte.clone(), b"1,2".to_vec()), (b"k".to_vec(), Vec::new())];
        for next in [None, Some(every_byte.clone())] {
            let slice = Slice { rows: rows.clone(), next };
            assert_eq!(slice_of(&slice_lines(&slice, |_, _| true)), Some(slice.clone()));
            let none = slice_of(&slice_lines(&slice, |_, _| false)).unwrap();
            assert_eq!((none.rows.len(), none.next), (0, slice.next));
        }
        assert_eq!(record_of(&record_lines(Some(&every_byte))), Some(every_byte));
        assert_eq!(record_of(&record_lines(None)), None);
        let metadata = Metadata { keys: "subnet,24,64".into(), rules: "300,1,2,5".into() };
        assert_eq!(metadata_of(&metadata_lines(&metadata)), metadata);
        for file in [None, Some(FileSize { bytes: 3, free: 4 })] {
            let totals = Totals { records: [1, 2], file };
            assert_eq!(totals_of(&totals_lines(totals)), totals);
        }
    }

    #[test]
    fn a_malformed_slice_is_rejected() {
        for line in ["", "next", "next \\x0", "other"] {
            assert_eq!(slice_of(&[line.to_owned()]), None, "{line}");
        }
        assert_eq!(slice_of(&["end".to_owned(), "key".to_owned()]), None);
    }
}
