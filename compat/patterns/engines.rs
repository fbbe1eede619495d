//! Perl and our whitelists, asked the same.

use postgrey::lists::{Budget, Clients, Text};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The result of one of the two for a pattern and some names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Refused(String),
    Matches(Vec<bool>),
    /// Matching did not come to an end: it took too long or failed.
    GaveUp,
}

/// The version of Perl, such as `v5.36.0`.
pub fn version_of_perl() -> String {
    let output = Command::new("perl").args(["-e", "print $^V"]).output().expect("Perl");
    String::from_utf8(output.stdout).expect("a number")
}

pub struct Perl {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Perl {
    pub fn start() -> Perl {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/compat/patterns/ask.pl");
        let mut process = Command::new("perl")
            .args(["-w", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Perl: apt-get install perl");
        let answers = BufReader::new(process.stdout.take().expect("its answers"));
        Perl { process, answers }
    }

    /// Compiles a pattern as the original would and matches names with it.
    pub fn ask(&mut self, pattern: &[u8], names: &[Vec<u8>]) -> Answer {
        let words = std::iter::once(pattern).chain(names.iter().map(Vec::as_slice));
        let question = words.map(hexadecimal).collect::<Vec<_>>().join(",");
        let input = self.process.stdin.as_mut().expect("its questions");
        writeln!(input, "{question}").expect("a living Perl");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("text");
        let (word, rest) = line.trim_end_matches('\n').split_once(' ').unwrap_or((&line, ""));
        match word {
            "refused" => Answer::Refused(rest.to_string()),
            "matches" => Answer::Matches(rest.bytes().map(|byte| byte == b'1').collect()),
            "" => {
                // The alarm ended it.
                *self = Perl::start();
                Answer::GaveUp
            }
            _ => Answer::GaveUp,
        }
    }
}

impl Drop for Perl {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads the pattern as the only rule of a list and looks names up in it.
pub fn ours(pattern: &[u8], names: &[Vec<u8>]) -> Answer {
    let text = Text { file: PathBuf::from("list"), bytes: [b"/", pattern, b"/"].concat() };
    let mut warnings = Vec::new();
    let list = Clients::parse([text], &mut warnings);
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if let Some(why) = warnings.iter().find_map(|text| text.split_once("pattern ignored, ")) {
        return Answer::Refused(why.1.to_string());
    }
    let mut complaints = Vec::new();
    let is_in_list = |name: &Vec<u8>| {
        let mut budget = Budget::default();
        let is_found = list.by_name(name, &mut budget).is_some();
        complaints.extend(budget.into_warnings());
        is_found
    };
    let names = names.iter().map(is_in_list).collect();
    match complaints.is_empty() {
        true => Answer::Matches(names),
        false => Answer::GaveUp,
    }
}
