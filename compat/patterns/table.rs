//! Perl's answers that are held by hand, see `answers.txt`.

use super::engines::Answer;

const ANSWERS: &str = include_str!("answers.txt");

pub struct Line {
    pub pattern: &'static str,
    pub perl: Answer,
    pub names: Vec<Vec<u8>>,
    pub is_refused_by_ours: bool,
    pub is_only_of_perl_5_36: bool,
}

pub fn lines() -> impl Iterator<Item = Line> {
    let lines = ANSWERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut columns = line.split('\t');
        let pattern = columns.next().expect("a whole line");
        let answer = columns.next().expect("an answer");
        let [yes, no] = match answer {
            "refused" | "dies" => [vec![], vec![b"a".to_vec()]],
            yes => [yes, columns.next().expect("names that do not match")].map(names),
        };
        let perl = match answer {
            "refused" => Answer::Refused(String::new()),
            "dies" => Answer::GaveUp,
            _ => Answer::Matches([vec![true; yes.len()], vec![false; no.len()]].concat()),
        };
        let (mut is_refused_by_ours, mut is_only_of_perl_5_36) = (answer == "refused", false);
        for remark in columns {
            match remark {
                "ours: refused" => is_refused_by_ours = true,
                "only 5.36" => is_only_of_perl_5_36 = true,
                _ => panic!("{line}"),
            }
        }
        let names = [yes, no].concat();
        Line { pattern, perl, names, is_refused_by_ours, is_only_of_perl_5_36 }
    })
}

fn names(column: &str) -> Vec<Vec<u8>> {
    let words = column.split(' ').filter(|word| *word != "none");
    words.map(|word| if word == "''" { Vec::new() } else { unescaped(word) }).collect()
}

/// Undoes what `escape_ascii` does to bytes that are no plain text.
fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        let escaped = if byte == b'\\' { rest.next() } else { None };
        bytes.push(match escaped {
            None => byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            Some(other) => other,
        });
    }
    bytes
}
