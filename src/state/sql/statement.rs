//! The statements of a dump that matter.

use super::lexer::{Lexer, Token};
use super::{Item, Row, copy};
use std::collections::HashMap;
use std::io::{self, BufRead};

/// Columns of a row that are kept; the tables of interest have a dozen.
pub(super) const MOST_COLUMNS: usize = 64;

/// Words with which parts of a table's definition begin that are no columns.
const NO_COLUMNS: &[&str] = &[
    "primary",
    "key",
    "unique",
    "index",
    "constraint",
    "foreign",
    "check",
    "fulltext",
    "spatial",
    "exclude",
    "like",
];

/// Calls `take` with each row of the `wanted` tables, whose names are in lower
/// case, and with each line that is broken.
///
/// # Errors
/// When `text` cannot be read.
pub fn read(text: impl BufRead, wanted: &[&str], take: impl FnMut(Item<'_>)) -> io::Result<()> {
    Reader { lexer: Lexer::new(text), wanted, take, columns: HashMap::new(), is_utc: false }
        .statements()
}

pub(super) struct Reader<'w, T, F> {
    pub lexer: Lexer<T>,
    pub wanted: &'w [&'w str],
    pub take: F,
    /// Of the tables that were defined so far.
    pub columns: HashMap<String, Vec<String>>,
    pub is_utc: bool,
}

/// Whether the statement is over, or its rest has to be skipped.
pub(super) type Over = bool;

impl<T: BufRead, F: FnMut(Item<'_>)> Reader<'_, T, F> {
    fn statements(&mut self) -> io::Result<()> {
        loop {
            let is_over = match self.lexer.next()? {
                Token::End => return Ok(()),
                Token::Mark(b';') => true,
                // For the program that reads the dump: \connect and others.
                Token::Mark(b'\\') => {
                    self.lexer.skip_line()?;
                    true
                }
                Token::Word if self.lexer.is("CREATE") => self.create()?,
                Token::Word if self.lexer.is("INSERT") || self.lexer.is("REPLACE") => {
                    self.insert()?
                }
                Token::Word if self.lexer.is("COPY") => self.copy()?,
                Token::Broken => self.broken()?,
                _ => false,
            };
            if !is_over {
                self.skip_statement()?;
            }
        }
    }

    /// Leaves out the rest of a statement, but for the zone of times.
    fn skip_statement(&mut self) -> io::Result<()> {
        let mut is_zone = false;
        loop {
            match self.lexer.next()? {
                Token::End | Token::Mark(b';') => return Ok(()),
                Token::Broken => {
                    self.broken()?;
                    return Ok(());
                }
                Token::Word => {
                    is_zone = self.lexer.is("TIME_ZONE") || is_zone && self.lexer.is("TO");
                }
                Token::Text if is_zone => {
                    self.is_utc = [b"+00:00".as_slice(), b"UTC"].contains(&self.lexer.bytes());
                }
                Token::Mark(b'=') => {}
                _ => is_zone = false,
            }
        }
    }

    pub fn broken(&mut self) -> io::Result<Over> {
        (self.take)(Item::Broken { line: self.lexer.line });
        self.lexer.skip_line()?;
        Ok(true)
    }

    /// A name after the `token`; behind it is the last token's place. Of a name
    /// with a schema only the last part counts.
    pub fn name(&mut self, token: Token) -> io::Result<(Option<String>, Token)> {
        if !matches!(token, Token::Word | Token::Name) {
            return Ok((None, token));
        }
        let mut name = self.lexer.name();
        loop {
            match self.lexer.next()? {
                Token::Mark(b'.') => match self.lexer.next()? {
                    Token::Word | Token::Name => name = self.lexer.name(),
                    other => return Ok((None, other)),
                },
                other => return Ok((Some(name), other)),
            }
        }
    }

    /// `CREATE TABLE [IF NOT EXISTS] name (column type, ...)`.
    fn create(&mut self) -> io::Result<Over> {
        let mut token = self.lexer.next()?;
        while token == Token::Word
            && ["GLOBAL", "LOCAL", "TEMPORARY", "UNLOGGED"].iter().any(|word| self.lexer.is(word))
        {
            token = self.lexer.next()?;
        }
        if token != Token::Word || !self.lexer.is("TABLE") {
            return Ok(is_end(token));
        }
        token = self.lexer.next()?;
        if token == Token::Word && self.lexer.is("IF") {
            self.lexer.next()?;
            self.lexer.next()?;
            token = self.lexer.next()?;
        }
        let (name, token) = self.name(token)?;
        match (name, token) {
            (Some(name), Token::Mark(b'(')) if self.wanted.contains(&name.as_str()) => {
                self.definitions(name)
            }
            (_, token) => Ok(is_end(token)),
        }
    }

    /// What stands in the brackets of a `CREATE TABLE`.
    fn definitions(&mut self, table: String) -> io::Result<Over> {
        let mut columns = Vec::new();
        let (mut depth, mut is_at_start) = (1, true);
        while depth > 0 {
            let token = self.lexer.next()?;
            match token {
                Token::End | Token::Mark(b';') => return Ok(true),
                Token::Broken => return self.broken(),
                Token::Mark(b'(') => depth += 1,
                Token::Mark(b')') => depth -= 1,
                Token::Word | Token::Name if is_at_start && columns.len() < MOST_COLUMNS => {
                    let name = self.lexer.name();
                    if token == Token::Name || !NO_COLUMNS.contains(&name.as_str()) {
                        columns.push(name);
                    }
                }
                _ => {}
            }
            is_at_start = depth == 1 && token == Token::Mark(b',');
        }
        self.columns.insert(table, columns);
        Ok(false)
    }

    /// Names up to the bracket that ends them.
    pub fn names(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        loop {
            match self.lexer.next()? {
                Token::Word | Token::Name if names.len() < MOST_COLUMNS => {
                    names.push(self.lexer.name());
                }
                Token::Mark(b',') | Token::Word | Token::Name => {}
                _ => return Ok(names),
            }
        }
    }

    /// `COPY name (column, ...) FROM stdin;`, and lines.
    fn copy(&mut self) -> io::Result<Over> {
        let token = self.lexer.next()?;
        let (name, mut token) = self.name(token)?;
        let mut columns = Vec::new();
        if token == Token::Mark(b'(') {
            columns = self.names()?;
            token = self.lexer.next()?;
        }
        while !matches!(token, Token::End | Token::Broken | Token::Mark(b';')) {
            token = self.lexer.next()?;
        }
        self.lexer.skip_line()?;
        let is_wanted = |name: &String| self.wanted.contains(&name.as_str());
        let name = name.filter(is_wanted);
        let Reader { lexer, take, is_utc, .. } = self;
        copy::read_lines(lexer, |line, values| match (&name, values) {
            (Some(table), Some(values)) => {
                let (columns, is_utc) = (&columns, *is_utc);
                take(Item::Row(Row { table, line, columns, values, is_utc }));
            }
            (Some(_), None) => take(Item::Broken { line }),
            (None, _) => {}
        })?;
        Ok(true)
    }
}

pub(super) fn is_end(token: Token) -> Over {
    matches!(token, Token::End | Token::Mark(b';'))
}
