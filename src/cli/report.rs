//! The command line of `postgreyreport`, with a separate table: its options have
//! underscores, and files follow them (BEHAVIOUR H1).

mod table;

pub(super) use table::command;

use super::matched::{all, given, paths, text, typed};
use super::settings::ToolOptions;
use super::{Invocation, UsageError};
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The name under which `postgrey` is this program.
pub(super) const PROGRAM: &str = "postgreyreport";

/// The word that makes `postgrey` this program.
pub(super) const WORD: &str = "report";

/// The options of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportOptions {
    /// The logs to read; `-` or no file is standard input.
    pub files: Vec<PathBuf>,
    /// The database and the daemon's user.
    pub tool: ToolOptions,
    /// Whole seconds after which a second attempt counts; `None` is the delay of the
    /// daemon that wrote the database.
    pub delay: Option<i64>,
    /// A Perl pattern that marks deferred mail in the log (`Greylisted`).
    pub greylist_text: Vec<u8>,
    pub shown: Shown,
    /// Leave out clients whose name holds the end of their address.
    pub skip_pool: bool,
    pub skip_clients: Vec<PathBuf>,
    /// Lists of clients that alone are reported; none are all clients.
    pub match_clients: Vec<PathBuf>,
    /// The addresses of the sender's domain that are compared with the client's.
    pub checks: Vec<DnsCheck>,
    /// DNS blocklists; clients that one of them names are left out.
    pub skip_dnsbl: Vec<String>,
    /// Show the rows of clients whose name matches one of these Perl patterns,
    /// and nothing else.
    pub debug: Option<Vec<Vec<u8>>>,
    /// Lines to print before the report (`-v`).
    pub preface: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub tries: bool,
    pub time: bool,
    /// True to print the relation of the sender's domain to the client
    /// (`--check_sender`).
    pub check: bool,
    /// Columns are separated by a tab and not padded.
    pub tab: bool,
    /// True for one line per triplet; otherwise triplets are grouped by client.
    pub single_line: bool,
    /// Text before each new network, empty for none.
    pub separate_by_subnet: Vec<u8>,
    /// Text before each new client, empty for none.
    pub separate_by_ip: Vec<u8>,
}

/// The addresses of a domain that a client's address is compared with, in order
/// of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DnsCheck {
    Mx,
    MxNetwork,
    A,
    ANetwork,
}

impl DnsCheck {
    pub const ALL: [DnsCheck; 4] =
        [DnsCheck::Mx, DnsCheck::MxNetwork, DnsCheck::A, DnsCheck::ANetwork];

    pub fn word(self) -> &'static str {
        match self {
            DnsCheck::Mx => "mx",
            DnsCheck::MxNetwork => "mx/24",
            DnsCheck::A => "a",
            DnsCheck::ANetwork => "a/24",
        }
    }
}

/// Converts the options and arguments of `postgreyreport`.
pub(super) fn convert(
    matches: &ArgMatches,
    files: Vec<OsString>,
) -> Result<Invocation, UsageError> {
    let debug = debug(matches)?;
    let words = text(matches, "check_sender").to_string_lossy().to_ascii_lowercase();
    let words: Vec<&str> = if is_true(&words) { words.split(',').collect() } else { Vec::new() };
    let line = |word: &&str| format!("Enabling Check: opt{{do_checks}}{{{word}}} \n");
    let is_verbose = matches.get_count("v") > 0;
    let preface = words.iter().filter(|_| is_verbose).map(line).collect();
    Ok(Invocation::Report(Box::new(ReportOptions {
        files: files.into_iter().map(PathBuf::from).collect(),
        tool: ToolOptions {
            dbdir: typed(matches, "dbdir").map(PathBuf::from),
            user: typed(matches, "user").map(|user| user.to_string_lossy().into_owned()),
            ..ToolOptions::default()
        },
        delay: given(matches, "delay").map(leading_number),
        greylist_text: text(matches, "greylist-text").as_bytes().to_vec(),
        shown: shown(matches, !words.is_empty()),
        skip_pool: matches.get_flag("skip_pool"),
        skip_clients: paths(matches, "skip_clients"),
        match_clients: paths(matches, "match_clients"),
        checks: DnsCheck::ALL.into_iter().filter(|check| words.contains(&check.word())).collect(),
        skip_dnsbl: all(matches, "skip_dnsbl")
            .map(|zone| zone.to_string_lossy().into_owned())
            .collect(),
        debug,
        preface,
    })))
}

fn shown(matches: &ArgMatches, check: bool) -> Shown {
    let separator = |id| {
        let text = text(matches, id).as_bytes();
        if text == b"0" { Vec::new() } else { with_newlines(text) }
    };
    Shown {
        tries: matches.get_flag("show_tries"),
        time: matches.get_flag("show_time"),
        check,
        tab: matches.get_flag("tab"),
        single_line: !matches.get_flag("nosingle_line"),
        separate_by_subnet: separator("separate_by_subnet"),
        separate_by_ip: separator("separate_by_ip"),
    }
}

/// `--debug_db` requires addresses.
fn debug(matches: &ArgMatches) -> Result<Option<Vec<Vec<u8>>>, UsageError> {
    if !matches.get_flag("debug_db") {
        return Ok(None);
    }
    let names = text(matches, "debug_re").as_bytes();
    if matches!(names, b"" | b"0") {
        let message = "\nDebugging_DB Activated, but no matching RE's defined. \
                       use --debug_re also! \n  ";
        return Err(UsageError { message: message.to_owned(), status: 255 });
    }
    Ok(Some(names.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect()))
}

/// The text with `\n` written as one.
fn with_newlines(text: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next_if_eq(&b'n').is_some() {
            written.push(b'\n');
        } else {
            written.push(byte);
        }
    }
    written
}

/// Perl's idea of a number: what the text begins with, or else 0. Seconds are
/// whole, so that a fraction is only reached with the next one.
fn leading_number(text: &OsStr) -> i64 {
    let text = text.to_string_lossy();
    let text = text.trim_start();
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let number = (0..=end).rev().find_map(|end| text[..end].parse().ok());
    number.map_or(0, |number: f64| number.ceil() as i64)
}

fn is_true(word: &str) -> bool {
    !matches!(word, "" | "0")
}

#[cfg(test)]
mod tests {
    use super::super::{help, parse_program};
    use super::*;

    fn of_line(line: &str) -> Result<Invocation, UsageError> {
        let words = ["postgreyreport"].into_iter().chain(line.split(' '));
        parse_program(words.map(OsString::from))
    }

    fn report(line: &str) -> ReportOptions {
        match of_line(line) {
            Ok(Invocation::Report(report)) => *report,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> (String, u8) {
        let error = of_line(line).expect_err(line);
        (error.message, error.status)
    }

    #[test]
    fn files_follow_the_options() {
        let report = report("--show_tries mail.log --tab - ");
        assert!(report.shown.tries && !report.shown.tab);
        assert_eq!(report.files, ["mail.log", "--tab", "-", ""].map(PathBuf::from));
    }

    #[test]
    fn of_the_switch_that_can_be_negated_the_last_word_counts() {
        for (line, is_single) in [
            ("--show_time", true),
            ("--nosingle_line", false),
            ("--no-single_line", false),
            ("-nosingle_line --single_line", true),
            ("--single_line --nosingle_line", false),
        ] {
            assert_eq!(report(line).shown.single_line, is_single, "{line}");
        }
    }

    #[test]
    fn names_have_underscores_and_no_abbreviations() {
        for (line, complaint) in [
            ("--show-tries", "Unknown option: show-tries; did you mean show_tries?"),
            ("--nosingle-line", "Unknown option: nosingle-line; did you mean nosingle_line?"),
            ("--notab", "Unknown option: notab"),
            ("--show", "Unknown option: show; did you mean show_time?"),
            ("-vv", "Unknown option: vv"),
            ("--delay=", "Option delay requires an argument"),
            ("--nosingle_line=1", "Option nosingle_line does not take an argument"),
        ] {
            assert_eq!(refusal(line), (complaint.to_owned(), 1), "{line}");
        }
    }

    #[test]
    fn a_delay_is_the_leading_number_of_the_value() {
        for (line, delay) in [
            ("--delay=60", 60),
            ("--delay=1.5x", 2),
            ("--delay=abc", 0),
            ("--delay -5", -5),
            ("--delay=+7", 7),
            ("--delay=1-2", 1),
            ("--delay=1e3x", 1000),
        ] {
            assert_eq!(report(line).delay, Some(delay), "{line}");
        }
        assert_eq!(report("-v").delay, None);
    }

    #[test]
    fn checks_are_words_in_any_case() {
        let report = report("-v --check_sender=A/24,spf,MX");
        assert_eq!(report.checks, [DnsCheck::Mx, DnsCheck::ANetwork]);
        assert!(report.shown.check);
        let lines = ["a/24", "spf", "mx"].map(|word| format!("{{{word}}} \n"));
        assert_eq!(
            report.preface,
            lines.map(|line| "Enabling Check: opt{do_checks}".to_owned() + &line).concat()
        );
    }

    #[test]
    fn separators_have_newlines_where_they_are_written() {
        let shown = report(r"--separate_by_subnet=\n==\\n\t --separate_by_ip=0").shown;
        assert_eq!(shown.separate_by_subnet, b"\n==\\\n\\t");
        assert_eq!(shown.separate_by_ip, b"");
    }

    #[test]
    fn rows_are_shown_of_named_clients_only() {
        assert_eq!(report("--debug_re=x").debug, None);
        let names = Some(vec![b"a.b".to_vec(), b"^c".to_vec()]);
        assert_eq!(report("--debug_db --debug_re=a.b,^c").debug, names);
        assert_eq!(refusal("--debug_db").1, 255);
    }

    #[test]
    fn help_explains_every_option_within_80_columns() {
        let mut command = command();
        let text = help::help(&mut command);
        assert!(text.starts_with("Usage: postgreyreport [OPTIONS] [FILE...]\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{arg}");
            assert!(text.contains(&format!("  {}", help::names(arg))), "{arg}");
        }
    }
}
