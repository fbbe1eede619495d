//! Slices of the records of a table, for tools.
//!
//! The servers' own cursors are the positions of slices. A record that is moved within
//! a server's table meanwhile may be returned twice (documentation of `SCAN`).

use super::link::{self, Link, unexpected};
use super::names;
use super::resp::Value;
use crate::state::{Error, Slice, Table};
use std::time::Instant;

/// Names that a server looks at for one slice. It serves nothing else meanwhile, which
/// takes it less than a millisecond.
const SCAN_SIZE: &[u8] = b"500";

/// A server and its cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    server: usize,
    cursor: u64,
}

impl Position {
    fn parse(text: &[u8]) -> Option<Position> {
        let (server, cursor) = std::str::from_utf8(text).ok()?.split_once(':')?;
        Some(Position { server: server.parse().ok()?, cursor: cursor.parse().ok()? })
    }

    fn text(self) -> Vec<u8> {
        format!("{}:{}", self.server, self.cursor).into_bytes()
    }
}

/// The next records whose names start with a prefix, see [`crate::state::Query`].
pub fn slice(
    link: &mut dyn Link,
    table: Table,
    prefix: &[u8],
    position: Option<&[u8]>,
    deadline: Instant,
) -> Result<Slice, Error> {
    let malformed = || Error::new("shared state: a malformed position");
    let position = position.map_or(Some(Position::default()), Position::parse);
    let Position { server, cursor } = position.ok_or_else(malformed)?;
    let (cursor, pattern) = (cursor.to_string(), names::pattern(table, prefix));
    let command: [&[u8]; 6] = [b"SCAN", cursor.as_bytes(), b"MATCH", &pattern, b"COUNT", SCAN_SIZE];
    let Some(reply) = link.ask(server, &command, deadline)? else {
        return Ok(Slice::default());
    };
    let (cursor, found) = scanned(&reply)?;
    let found: Vec<Vec<u8>> = found.filter(|name| names::parse(name).is_some()).collect();
    let texts = link::read(link, &found, deadline)?;
    let rows = found.iter().zip(texts).filter_map(|(name, text)| {
        // It may have expired meanwhile.
        let (of, key) = names::parse(name)?;
        (of == table && key.starts_with(prefix)).then_some((key.to_vec(), text?))
    });
    let next = match cursor {
        0 => Position { server: server + 1, cursor: 0 },
        cursor => Position { server, cursor },
    };
    Ok(Slice { rows: rows.collect(), next: Some(next.text()) })
}

/// The cursor and the names in the reply to `SCAN`.
fn scanned(reply: &Value) -> Result<(u64, impl Iterator<Item = Vec<u8>> + '_), Error> {
    let unexpected = || unexpected(reply);
    let Some([cursor, names]) = reply.elements() else {
        return Err(unexpected());
    };
    let cursor = cursor.text().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let names = names.elements().ok_or_else(unexpected)?;
    let names = names.iter().filter_map(|name| name.text().map(<[u8]>::to_vec));
    Ok((cursor.ok_or_else(unexpected)?, names))
}
