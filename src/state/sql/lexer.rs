//! The words of a dump, one after the other. Memory does not grow with them.

use std::io::{self, BufRead};

/// Bytes of a word or text that are kept. No value of interest is longer.
const LONGEST: usize = 4096;

/// What stands in a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word or a number, without quotes.
    Word,
    /// A name in double quotes or in backticks.
    Name,
    /// A text in single quotes.
    Text,
    /// A text that is too long.
    LongText,
    /// What does not end, or not on its line where it should.
    Broken,
    /// Any other byte.
    Mark(u8),
    /// The end.
    End,
}

/// Whose dump it is: they do not agree on what a backslash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Unknown,
    /// Backslashes are themselves.
    Standard,
    /// Of MySQL or MariaDB: `\'` is a quote in a text.
    Backslashes,
}

/// Reads a dump.
pub struct Lexer<T> {
    text: T,
    dialect: Dialect,
    /// The bytes of the last token.
    bytes: Vec<u8>,
    is_long: bool,
    /// The line that is read, from 1.
    pub line: u64,
    /// Whether a line's end is none of what may follow: no dump has one within a
    /// row of interest, so that a lost quote spoils one line and not all.
    pub is_strict: bool,
}

impl<T: BufRead> Lexer<T> {
    pub fn new(text: T) -> Lexer<T> {
        let (dialect, bytes) = (Dialect::Unknown, Vec::new());
        Lexer { text, dialect, bytes, is_long: false, line: 1, is_strict: false }
    }

    /// The bytes of the last token, without quotes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The last token as a name, in lower case.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.bytes).to_ascii_lowercase()
    }

    /// Whether the last token is this word.
    pub fn is(&self, word: &str) -> bool {
        self.bytes.eq_ignore_ascii_case(word.as_bytes())
    }

    /// The next token.
    pub fn next(&mut self) -> io::Result<Token> {
        self.bytes.clear();
        self.is_long = false;
        loop {
            if self.is_strict && self.peek()? == Some(b'\n') {
                return Ok(Token::Broken);
            }
            let Some(byte) = self.take()? else {
                return Ok(Token::End);
            };
            return Ok(match byte {
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                b'-' if self.peek()? == Some(b'-') => {
                    self.comment()?;
                    continue;
                }
                b'/' if self.peek()? == Some(b'*') => {
                    self.block_comment()?;
                    continue;
                }
                // What stands in a conditional comment counts.
                b'*' if self.peek()? == Some(b'/') => {
                    self.take()?;
                    continue;
                }
                b'\'' => self.quoted(b'\'', self.dialect == Dialect::Backslashes)?,
                b'"' => self.quoted(b'"', false)?,
                b'`' => {
                    self.note(Dialect::Backslashes);
                    self.quoted(b'`', false)?
                }
                byte if is_of_word(byte) => self.word(byte)?,
                byte => Token::Mark(byte),
            });
        }
    }

    /// Leaves out what is left of the line.
    pub fn skip_line(&mut self) -> io::Result<()> {
        while self.take()?.is_some_and(|byte| byte != b'\n') {}
        Ok(())
    }

    /// The next byte, which stays.
    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.text.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next byte.
    pub fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.text.consume(1);
            self.line += u64::from(byte == Some(b'\n'));
        }
        Ok(byte)
    }

    fn push(&mut self, byte: u8) {
        if self.bytes.len() < LONGEST {
            self.bytes.push(byte);
        } else {
            self.is_long = true;
        }
    }

    /// The first sign of a dialect counts.
    fn note(&mut self, dialect: Dialect) {
        if self.dialect == Dialect::Unknown {
            self.dialect = dialect;
        }
    }

    fn word(&mut self, first: u8) -> io::Result<Token> {
        self.push(first);
        let is_number = first.is_ascii_digit();
        let goes_on = |byte: &u8| is_of_word(*byte) || is_number && *byte == b'.';
        while let Some(byte) = self.peek()?.filter(goes_on) {
            self.take()?;
            self.push(byte);
        }
        match (self.peek()?, self.bytes.as_slice()) {
            (Some(b'\''), b"E" | b"e") => {
                self.take()?;
                self.bytes.clear();
                self.quoted(b'\'', true)
            }
            (_, word) => {
                if word.eq_ignore_ascii_case(b"PRAGMA") {
                    self.note(Dialect::Standard);
                }
                Ok(Token::Word)
            }
        }
    }

    /// The rest of what is quoted.
    fn quoted(&mut self, quote: u8, has_escapes: bool) -> io::Result<Token> {
        loop {
            match self.peek()? {
                None => return Ok(Token::Broken),
                Some(b'\n') if self.is_strict => return Ok(Token::Broken),
                Some(byte) => {
                    self.take()?;
                    if byte == quote {
                        if self.peek()? != Some(quote) {
                            break;
                        }
                        self.take()?;
                        self.push(quote);
                    } else if byte == b'\\' && has_escapes {
                        let Some(escaped) = self.take()? else {
                            return Ok(Token::Broken);
                        };
                        self.push(unescaped(escaped));
                    } else {
                        self.push(byte);
                    }
                }
            }
        }
        Ok(match quote {
            b'\'' if self.is_long => Token::LongText,
            b'\'' => Token::Text,
            _ => Token::Name,
        })
    }

    fn comment(&mut self) -> io::Result<()> {
        let mut start = [0; 40];
        let mut length = 0;
        while let Some(byte) = self.take()?.filter(|byte| *byte != b'\n') {
            if let Some(place) = start.get_mut(length) {
                *place = byte;
                length += 1;
            }
        }
        let says = |word: &[u8]| memchr::memmem::find(&start, word).is_some();
        if says(b"MySQL") || says(b"MariaDB") {
            self.note(Dialect::Backslashes);
        } else if says(b"PostgreSQL") {
            self.note(Dialect::Standard);
        }
        Ok(())
    }

    /// What stands in `/*!40101 ... */` is meant for MySQL, and counts.
    fn block_comment(&mut self) -> io::Result<()> {
        self.take()?;
        let mut before = self.take()?;
        if before == Some(b'M') && self.peek()? == Some(b'!') {
            before = self.take()?;
        }
        if before == Some(b'!') {
            self.note(Dialect::Backslashes);
            while self.peek()?.is_some_and(|byte| byte.is_ascii_digit()) {
                self.take()?;
            }
            return Ok(());
        }
        while let Some(byte) = self.take()? {
            if (before, byte) == (Some(b'*'), b'/') {
                break;
            }
            before = Some(byte);
        }
        Ok(())
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte == b'@' || byte >= 0x80
}

/// What a byte behind a backslash stands for.
pub fn unescaped(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        other => other,
    }
}
