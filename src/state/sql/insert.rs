//! `INSERT`, whose rows may be many and stand in one line.

use super::lexer::Token;
use super::statement::{MOST_COLUMNS, Over, Reader, is_end};
use super::{Item, Row, Value};
use std::io::{self, BufRead};

impl<T: BufRead, F: FnMut(Item<'_>)> Reader<'_, T, F> {
    /// `INSERT INTO name [(column, ...)] VALUES (value, ...), ...;`.
    pub fn insert(&mut self) -> io::Result<Over> {
        let mut token = self.lexer.next()?;
        while token == Token::Word && !self.lexer.is("INTO") {
            token = self.lexer.next()?;
        }
        if token != Token::Word {
            return Ok(is_end(token));
        }
        let token = self.lexer.next()?;
        let (name, mut token) = self.name(token)?;
        let Some(name) = name.filter(|name| self.wanted.contains(&name.as_str())) else {
            return Ok(is_end(token));
        };
        let mut columns = None;
        if token == Token::Mark(b'(') {
            columns = Some(self.names()?);
            token = self.lexer.next()?;
        }
        if token != Token::Word || !self.lexer.is("VALUES") {
            return if is_end(token) { Ok(true) } else { self.broken() };
        }
        let columns = columns.or_else(|| self.columns.get(&name).cloned()).unwrap_or_default();
        self.tuples(&name, &columns)
    }

    fn tuples(&mut self, table: &str, columns: &[String]) -> io::Result<Over> {
        let mut values = Vec::new();
        loop {
            match self.lexer.next()? {
                Token::Mark(b'(') => {
                    values.clear();
                    self.lexer.is_strict = true;
                    let makes_sense = self.values(&mut values)?;
                    self.lexer.is_strict = false;
                    if makes_sense {
                        let (line, is_utc) = (self.lexer.line, self.is_utc);
                        (self.take)(Item::Row(Row {
                            table,
                            line,
                            columns,
                            values: &values,
                            is_utc,
                        }));
                        continue;
                    }
                    self.broken()?;
                    // Some dumps give each row a line of its own.
                    if self.lexer.peek()? != Some(b'(') {
                        return Ok(true);
                    }
                }
                Token::Mark(b',') => {}
                Token::Mark(b';') | Token::End => return Ok(true),
                // ON DUPLICATE KEY ..., ON CONFLICT ...
                Token::Word if self.lexer.is("ON") => return Ok(false),
                _ => return self.broken(),
            }
        }
    }

    /// The values of a row up to its bracket; whether they make sense.
    fn values(&mut self, values: &mut Vec<Value>) -> io::Result<bool> {
        let mut value = None;
        let mut depth = 0;
        let mut is_cast = false;
        loop {
            match self.lexer.next()? {
                Token::End | Token::Broken | Token::Mark(b';') => return Ok(false),
                Token::Mark(b')') if depth == 0 => {
                    push(values, value);
                    return Ok(true);
                }
                Token::Mark(b',') if depth == 0 => {
                    push(values, value.take());
                    is_cast = false;
                }
                Token::Mark(b'(') => {
                    depth += 1;
                    value = if is_cast { value } else { Some(Value::Other) };
                }
                Token::Mark(b')') => depth -= 1,
                // '2004-08-15 12:00:00'::timestamp
                Token::Mark(b':') => is_cast = true,
                _ if is_cast || depth > 0 => {}
                Token::Text if value.is_none() => {
                    value = Some(Value::Bytes(self.lexer.bytes().to_vec()));
                }
                Token::Word if value.is_none() => value = word(self.lexer.bytes()),
                _ => value = Some(Value::Other),
            }
        }
    }
}

fn push(values: &mut Vec<Value>, value: Option<Value>) {
    if values.len() < MOST_COLUMNS {
        values.push(value.unwrap_or(Value::Other));
    }
}

/// The value of a bare word; none of one that only says how to read the next.
fn word(word: &[u8]) -> Option<Value> {
    if word.first().is_some_and(u8::is_ascii_digit) {
        Some(Value::Bytes(word.to_vec()))
    } else if word.eq_ignore_ascii_case(b"NULL") {
        Some(Value::Null)
    } else if word.starts_with(b"_") || word.eq_ignore_ascii_case(b"N") {
        None
    } else {
        Some(Value::Other)
    }
}
