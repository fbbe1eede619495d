//! Rows of tables in the text of a database's dump: what `sqlite3 FILE .dump`,
//! `mysqldump` and `pg_dump` print.
//!
//! No SQL parser, on purpose: those there are want whole statements in memory
//! as UTF-8, while `mysqldump` writes megabytes into one, and addresses are
//! bytes. Of all that SQL has a dump needs three statements, `CREATE TABLE` for
//! the names of columns, `INSERT` and `COPY`; the rest is skipped. What is
//! broken is told with its line, and reading goes on with the next.

mod copy;
mod insert;
mod lexer;
mod statement;
#[cfg(test)]
mod tests;

pub use statement::read;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// None at all.
    Null,
    /// A text or a number, as its bytes.
    Bytes(Vec<u8>),
    /// Something to calculate, or longer than any address.
    Other,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The table's name in lower case, without that of its schema.
    pub table: &'a str,
    /// The line on which the row ends, from 1.
    pub line: u64,
    /// The names of its columns in lower case; none if the dump does not say.
    pub columns: &'a [String],
    /// Their values.
    pub values: &'a [Value],
    /// Whether times without a zone are in UTC.
    pub is_utc: bool,
}

impl<'a> Row<'a> {
    /// The value of a column, if the row has it.
    pub fn get(&self, column: &str) -> Option<&'a Value> {
        let position = self.columns.iter().position(|name| name == column)?;
        self.values.get(position)
    }
}

/// What a dump holds.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A row of one of the tables that were asked for.
    Row(Row<'a>),
    /// A line of which the rest makes no sense.
    Broken {
        /// From 1.
        line: u64,
    },
}

/// Words with which dumps begin.
const BEGINNINGS: &[&[u8]] =
    &[b"PRAGMA ", b"BEGIN", b"CREATE ", b"INSERT ", b"REPLACE ", b"COPY ", b"SET ", b"DROP "];

/// Whether a text that begins so may be a dump.
pub fn is_dump(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let begins = |word: &&[u8]| {
        start.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    };
    start.starts_with(b"--") || start.starts_with(b"/*") || BEGINNINGS.iter().any(begins)
}
