//! The protocol of tools and the daemon on the socket in the database directory.
//! No I/O: values to texts and back.
//!
//! A request is a line with its name, further lines, and an empty line. A reply
//! starts with `ok` or `error` and ends with an empty line as well. Unprintable
//! bytes and blanks are written as `\xNN`.

mod answer;
mod scan;

pub use answer::{
    metadata_lines, metadata_of, record_lines, record_of, slice_lines, slice_of, totals_lines,
    totals_of,
};
pub use scan::Scan;

use crate::greylist::edit::{Change, Edit};
use crate::greylist::{Record, Table};

pub const SOCKET_NAME: &str = "postgrey.control";

/// The maximum length of a request in bytes, which bounds the daemon's memory.
pub const MAX_REQUEST: usize = 1 << 20;

/// Edits of one request: together they are one commit, for which mail waits.
pub const MAX_EDITS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolRequest {
    /// The daemon's counters since the start.
    Statistics,
    /// Write all records that wait for the disk to the file.
    Settle,
    Reload,
    Metadata,
    Totals,
    Record(Table, Vec<u8>),
    Scan(Scan),
    /// Changes, in order.
    Edit(Vec<Edit>),
}

impl ToolRequest {
    pub fn text(&self) -> String {
        let (name, lines) = match self {
            ToolRequest::Statistics => ("statistics", String::new()),
            ToolRequest::Settle => ("settle", String::new()),
            ToolRequest::Reload => ("reload", String::new()),
            ToolRequest::Metadata => ("metadata", String::new()),
            ToolRequest::Totals => ("totals", String::new()),
            ToolRequest::Record(table, key) => {
                ("record", format!("{} {}\n", table.name(), escaped(key)))
            }
            ToolRequest::Scan(scan) => ("scan", scan.text()),
            ToolRequest::Edit(edits) => ("edit", edits.iter().map(edit_text).collect()),
        };
        format!("{name}\n{lines}\n")
    }

    /// Parses the lines of a request, without the empty one.
    pub fn parse(text: &[u8]) -> Result<ToolRequest, String> {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        let mut lines = text.lines();
        let name = lines.next().unwrap_or_default();
        match name {
            "statistics" => Ok(ToolRequest::Statistics),
            "settle" => Ok(ToolRequest::Settle),
            "reload" => Ok(ToolRequest::Reload),
            "metadata" => Ok(ToolRequest::Metadata),
            "totals" => Ok(ToolRequest::Totals),
            "record" => {
                lines.next().and_then(parse_record).ok_or("malformed record request".into())
            }
            "scan" => Scan::parse(lines).map(ToolRequest::Scan).ok_or("malformed scan".into()),
            "edit" if lines.clone().count() > MAX_EDITS => {
                Err(format!("more than {MAX_EDITS} edits at once"))
            }
            "edit" => lines
                .map(|line| parse_edit(line).ok_or_else(|| format!("malformed edit: {line}")))
                .collect::<Result<_, _>>()
                .map(ToolRequest::Edit),
            other => Err(format!("unknown request: {other}")),
        }
    }
}

fn parse_record(line: &str) -> Option<ToolRequest> {
    let (name, key) = line.split_once(' ')?;
    Some(ToolRequest::Record(table(name)?, unescaped(key)?))
}

fn table(name: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.name() == name)
}

fn edit_text(Edit { table, key, change }: &Edit) -> String {
    let (table, key) = (table.name(), escaped(key));
    match change {
        Change::Forget => format!("forget {table} {key}\n"),
        Change::Allow => format!("allow {table} {key}\n"),
        Change::Merge(record) => format!("merge {table} {key} {}\n", record.text()),
        Change::Put(record) => format!("put {table} {key} {}\n", record.text()),
    }
}

fn parse_edit(line: &str) -> Option<Edit> {
    let mut words = line.split(' ');
    let (name, table, key) = (words.next()?, table(words.next()?)?, words.next()?);
    let change = match (name, words.next()) {
        ("forget", None) => Change::Forget,
        ("allow", None) => Change::Allow,
        ("merge", Some(text)) => Change::Merge(Record::parse(table, text.as_bytes())?),
        ("put", Some(text)) => Change::Put(Record::parse(table, text.as_bytes())?),
        _ => return None,
    };
    // LMDB has no empty keys: one would fail the whole batch, mail included.
    let key = unescaped(key).filter(|key| !key.is_empty())?;
    Some(Edit { table, key, change })
}

/// A daemon's reply: lines, or an error.
pub type ToolReply = Result<Vec<String>, String>;

pub fn reply_text(reply: &ToolReply) -> String {
    match reply {
        Ok(lines) => {
            let length: usize = lines.iter().map(|line| line.len() + 1).sum();
            let mut text = String::with_capacity(length + 4);
            text += "ok\n";
            for line in lines {
                text += line;
                text.push('\n');
            }
            text.push('\n');
            text
        }
        Err(sentence) => format!("error {}\n\n", sentence.replace('\n', " ")),
    }
}

/// Parses a reply without its empty line; `None` if malformed.
pub fn parse_reply(text: &str) -> Option<ToolReply> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.split_once(' ') {
        None if first == "ok" => Some(Ok(rest.lines().map(str::to_owned).collect())),
        Some(("error", sentence)) => Some(Err(sentence.to_owned())),
        _ => None,
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    escape_into(&mut text, bytes);
    text
}

fn escape_into(text: &mut String, bytes: &[u8]) {
    let is_plain = |byte: &u8| matches!(byte, b'!'..=b'~') && *byte != b'\\';
    // Most texts have nothing to escape.
    match std::str::from_utf8(bytes) {
        Ok(plain) if bytes.iter().all(is_plain) => *text += plain,
        _ => {
            for byte in bytes {
                if is_plain(byte) {
                    text.push(char::from(*byte));
                } else {
                    *text += &format!("\\x{byte:02x}");
                }
            }
        }
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greylist::filter::{AddressFilter, ClientFilter, Filter, network};
    use crate::greylist::{ClientRecord, State, TripletRecord};

    fn edit(table: Table, key: &[u8], change: Change) -> Edit {
        Edit { table, key: key.to_vec(), change }
    }

    #[test]
    fn requests_come_over_as_they_are() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let triplet = Record::Triplet(TripletRecord { first: -1, last: 2 });
        let client = Record::Client(ClientRecord { count: 3, last: 4 });
        let edits = vec![
            edit(Table::Triplets, b"192.0.2.0/a b@c/d@e", Change::Forget),
            edit(Table::Clients, b"192.0.2.1", Change::Allow),
            edit(Table::Triplets, &every_byte, Change::Merge(triplet)),
            edit(Table::Clients, b"c", Change::Merge(client)),
            edit(Table::Clients, b"d", Change::Put(client)),
        ];
        let scan =
            |filter| ToolRequest::Scan(Scan { table: Table::Clients, filter, position: None });
        let full = Filter {
            client: Some(ClientFilter::One("2001:db8::1".parse().unwrap())),
            network: network("192.0.2.0/24"),
            sender: Some(AddressFilter::One(Vec::new())),
            recipient: Some(AddressFilter::Domain(every_byte.clone())),
            state: Some(State::Waiting),
        };
        let of_domain = Filter {
            client: Some(ClientFilter::Domain(b"pool.test".to_vec())),
            sender: Some(AddressFilter::Domain(b"b.test".to_vec())),
            recipient: Some(AddressFilter::One(b"c@d.test".to_vec())),
            ..Filter::default()
        };
        let position = Some(every_byte.clone());
        let later = Scan { table: Table::Triplets, filter: Filter::default(), position };
        for request in [
            ToolRequest::Statistics,
            ToolRequest::Settle,
            ToolRequest::Reload,
            ToolRequest::Metadata,
            ToolRequest::Totals,
            ToolRequest::Record(Table::Triplets, every_byte.clone()),
            scan(full),
            scan(of_domain),
            ToolRequest::Scan(later),
            ToolRequest::Edit(edits),
        ] {
            let text = request.text();
            let lines = text.strip_suffix("\n\n").unwrap();
            assert!(lines.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{lines}");
            assert!(!lines.contains("\n\n"), "{lines}");
            assert_eq!(ToolRequest::parse(lines.as_bytes()), Ok(request));
        }
    }

    #[test]
    fn invalid_requests_are_refused() {
        let many = format!("edit\n{}", "forget clients x\n".repeat(MAX_EDITS + 1));
        for text in [
            "",
            "stop",
            "edit\nforget clients",
            "edit\nforget meta format",
            "edit\nforget clients a b",
            "edit\nmerge clients a",
            "edit\nmerge clients a ,5",
            "edit\nallow clients \\x4",
            "edit\nallow clients \\xgg",
            "edit\nallow clients ",
            "record",
            "record meta format",
            "scan",
            "scan\nclient 192.0.2.1",
            "scan\ntable clients\nnetwork 192.0.2",
            "scan\ntable clients\nstate new",
            "scan\ntable clients\nother x",
            "edit\nmerge triplets  1,2",
            &many,
        ] {
            assert!(ToolRequest::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(ToolRequest::parse(b"\xff").is_err());
    }

    #[test]
    fn replies_come_over_as_they_are() {
        let lines = vec!["pid 5".to_owned(), "new 7".to_owned()];
        for reply in [Ok(lines), Ok(Vec::new()), Err("the disk is full".to_owned())] {
            let text = reply_text(&reply);
            assert_eq!(parse_reply(text.strip_suffix("\n\n").unwrap()), Some(reply));
        }
        assert_eq!(parse_reply("action=DUNNO"), None);
    }
}
