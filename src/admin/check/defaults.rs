//! The daemon's options where Debian's service has them: `POSTGREY_OPTS` of
//! `/etc/default/postgrey`, and the text of the reply in `POSTGREY_TEXT`.

use std::ffi::OsString;
use std::io;
use std::path::Path;

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The options, word by word.
    pub words: Vec<OsString>,
    /// The line that sets them, from 1.
    pub line: Option<u32>,
    /// Whether that line holds a variable, which the init script would replace
    /// and systemd does not.
    pub has_variable: bool,
}

/// Reads the file. One that is not there says nothing.
pub fn read(path: &Path) -> io::Result<Defaults> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Defaults::default()),
        Err(error) => Err(error),
    }
}

/// systemd's environment files (systemd.exec(5), `EnvironmentFile=`): the last
/// setting of a name counts, and quotes around a value do not belong to it.
fn parse(text: &str) -> Defaults {
    let mut defaults = Defaults::default();
    let mut reply = None;
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let value = unquoted(value.trim());
        match name.trim().trim_start_matches("export ") {
            "POSTGREY_OPTS" => {
                defaults.has_variable = value.contains('$');
                defaults.words = words(value);
                defaults.line = Some(number);
            }
            "POSTGREY_TEXT" => reply = Some(value.to_owned()).filter(|text| !text.is_empty()),
            _ => {}
        }
    }
    defaults.words.extend(reply.map(|text| format!("--greylist-text={text}").into()));
    defaults
}

fn unquoted(value: &str) -> &str {
    let quotes = ['"', '\''];
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    quotes.into_iter().find_map(inner).unwrap_or(value)
}

/// The words between blanks, where quotes may hold blanks together.
fn words(value: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in value.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take().map(OsString::from)),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word.map(OsString::from));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_counts_and_its_blanks_part_words() {
        let defaults = parse(
            "# POSTGREY_OPTS=\"--no\"\nPOSTGREY_OPTS=\"--inet=1\"\n\nPOSTGREY_OPTS=\"--inet=10023  \
             --greylist-text='a b' --delay=60\"\nPOSTGREY_TEXT=\"Later, please\"\n",
        );
        let words =
            ["--inet=10023", "--greylist-text=a b", "--delay=60", "--greylist-text=Later, please"];
        assert_eq!(defaults.words, words);
        assert_eq!((defaults.line, defaults.has_variable), (Some(4), false));
        assert!(parse("POSTGREY_OPTS=\"$POSTGREY_OPTS --privacy\"").has_variable);
    }
}
