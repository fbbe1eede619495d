//! The daemon's options where Debian's service has them: `POSTGREY_OPTS` of
//! `/etc/default/postgrey`, and the text of the reply in `POSTGREY_TEXT`.

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;
use std::{fs, io, mem};

/// The settings of the file that concern the daemon.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `POSTGREY_OPTS`, if it is set.
    pub options: Option<Variable>,
    /// `POSTGREY_TEXT`, if it is set.
    pub text: Option<String>,
    /// The line of an assignment of `POSTGREY_OPTS` that systemd ignores because
    /// of the shell's `export`.
    pub exported: Option<u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    /// The line on which the assignment starts, from 1.
    pub line: u32,
    /// The value without its quotes.
    pub value: String,
}

impl Defaults {
    /// The arguments with which Debian's service starts the daemon.
    pub fn words(&self) -> Vec<OsString> {
        let mut words = self.options.as_ref().map(Variable::arguments).unwrap_or_default();
        let text = self.text.as_deref().filter(|text| !text.is_empty());
        words.extend(text.map(|text| format!("--greylist-text={text}").into()));
        words
    }

    pub fn line(&self) -> Option<u32> {
        self.options.as_ref().map(|options| options.line)
    }
}

impl Variable {
    pub fn arguments(&self) -> Vec<OsString> {
        split(&self.value)
    }
}

pub fn read(path: &Path) -> io::Result<Defaults> {
    fs::read(path).map(|bytes| parse(&String::from_utf8_lossy(&bytes)))
}

fn parse(text: &str) -> Defaults {
    let mut defaults = Defaults::default();
    let mut characters = Numbered { characters: text.chars().peekable(), line: 1 };
    while let Some((name, line)) = characters.name() {
        let value = characters.value();
        match &*name {
            "POSTGREY_OPTS" => defaults.options = Some(Variable { line, value }),
            "POSTGREY_TEXT" => defaults.text = Some(value),
            "export POSTGREY_OPTS" => defaults.exported = Some(line),
            _ => {}
        }
    }
    defaults
}

/// A reader of systemd's environment files (systemd.exec(5), `EnvironmentFile=`;
/// `parse_env_file` in its source). Where they are also valid for the shell,
/// both read the same, except that the shell replaces variables.
struct Numbered<'t> {
    characters: Peekable<Chars<'t>>,
    line: u32,
}

impl Numbered<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.characters.next()?;
        self.line += u32::from(next == '\n');
        Some(next)
    }

    /// Skips to the next assignment and returns its name and line.
    fn name(&mut self) -> Option<(String, u32)> {
        let mut name = String::new();
        loop {
            let line = self.line;
            match self.next()? {
                '\n' => name.clear(),
                '=' => return Some((name.trim().to_owned(), line)),
                '#' | ';' if name.trim().is_empty() => self.skip_line(),
                other => name.push(other),
            }
        }
    }

    fn skip_line(&mut self) {
        while self.characters.peek().is_some_and(|next| *next != '\n') {
            self.next();
        }
    }

    /// The value, up to a newline that is neither quoted nor escaped.
    fn value(&mut self) -> String {
        let mut value = String::new();
        // Quotes count before the first plain character only.
        let mut is_plain = false;
        // Blanks after the value are dropped; quoted and escaped ones belong to it.
        let mut kept = 0;
        while let Some(next) = self.next().filter(|next| !matches!(next, '\n' | '\r')) {
            match next {
                '\'' | '"' if !is_plain => self.quoted(next, &mut value),
                '\\' => {
                    is_plain = true;
                    value.extend(self.next().filter(|next| *next != '\n'));
                }
                blank if blank.is_whitespace() => {
                    if is_plain {
                        value.push(blank);
                    }
                    continue;
                }
                other => {
                    is_plain = true;
                    value.push(other);
                }
            }
            kept = value.len();
        }
        value.truncate(kept);
        value
    }

    fn quoted(&mut self, quote: char, value: &mut String) {
        while let Some(next) = self.next().filter(|next| *next != quote) {
            if next != '\\' || quote == '\'' {
                value.push(next);
                continue;
            }
            match self.next() {
                Some('\n') | None => {}
                Some(escaped @ ('"' | '\\' | '`' | '$')) => value.push(escaped),
                Some(other) => value.extend(['\\', other]),
            }
        }
    }
}

/// Splits a value as systemd does for `$POSTGREY_OPTS` in a unit: at blanks and
/// newlines that are not quoted or escaped.
fn split(value: &str) -> Vec<OsString> {
    let mut arguments = Vec::new();
    let mut argument: Option<String> = None;
    let mut quote = None;
    let mut characters = value.chars();
    while let Some(next) = characters.next() {
        match (quote, next) {
            (Some(open), close) if open == close => quote = None,
            (_, '\\') => argument.get_or_insert_default().extend(characters.next()),
            (None, '"' | '\'') => {
                quote = Some(next);
                argument.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => {
                arguments.extend(mem::take(&mut argument).map(OsString::from));
            }
            _ => argument.get_or_insert_default().push(next),
        }
    }
    arguments.extend(argument.map(OsString::from));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments in POSTGREY_OPTS, and the line of its assignment.
    fn arguments(text: &str) -> Option<(String, u32)> {
        let options = parse(text).options?;
        let arguments = options.arguments();
        let shown: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        Some((shown.join("|"), options.line))
    }

    #[test]
    fn options_are_read_as_the_shell_and_systemd_read_them() {
        for (text, expected, line) in [
            ("POSTGREY_OPTS=\"--inet=1  --delay=60\"", "--inet=1|--delay=60", 1),
            ("# POSTGREY_OPTS=\"--no\"\n ;x\nPOSTGREY_OPTS='--inet=1'\n", "--inet=1", 3),
            ("POSTGREY_OPTS=--inet=1\nA=\n\nPOSTGREY_OPTS=\"--unix=/s\"\n", "--unix=/s", 4),
            ("POSTGREY_OPTS=\"--inet=1 \\\n  --delay=60\"\n", "--inet=1|--delay=60", 1),
            ("\nPOSTGREY_OPTS=\"--inet=1\n --delay=60\n\"\nA=b", "--inet=1|--delay=60", 2),
            ("POSTGREY_OPTS=\"--inet=1\"\" --privacy\"\r\n", "--inet=1|--privacy", 1),
            ("POSTGREY_OPTS=\"--greylist-text='a  b' --exim\"", "--greylist-text=a  b|--exim", 1),
            ("POSTGREY_OPTS='--greylist-text=\"a b\"'", "--greylist-text=a b", 1),
            ("POSTGREY_OPTS=\"--greylist-text=\\\"a b\\\"\"", "--greylist-text=a b", 1),
            ("POSTGREY_OPTS=--inet=1\\ --exim  \n", "--inet=1|--exim", 1),
            ("POSTGREY_OPTS=\"--inet=1\" # local\n", "--inet=1#|local", 1),
            ("POSTGREY_OPTS=--greylist-text=\"a b\" --exim", "--greylist-text=a b|--exim", 1),
            ("POSTGREY_OPTS=\"--dbdir=/a\\\\\\\\ b\"", "--dbdir=/a\\|b", 1),
            ("POSTGREY_OPTS=", "", 1),
            ("# a \\\nPOSTGREY_OPTS=--exim", "--exim", 2),
        ] {
            assert_eq!(arguments(text), Some((expected.to_owned(), line)), "{text}");
        }
    }

    #[test]
    fn other_lines_set_nothing() {
        for text in ["", "POSTGREY_OPTS\n", "#POSTGREY_OPTS=--exim", "export POSTGREY_OPTS=--exim"]
        {
            assert_eq!(arguments(text), None, "{text}");
        }
    }

    #[test]
    fn the_text_of_the_reply_is_one_value() {
        assert_eq!(
            parse("POSTGREY_TEXT=\"Later, please\"\n").text.as_deref(),
            Some("Later, please")
        );
        assert_eq!(parse("POSTGREY_TEXT=\n").text.as_deref(), Some(""));
        assert_eq!(parse("POSTGREY_OPTS=\n").text, None);
    }
}
