//! Parsing of command lines (BEHAVIOUR A1, A2).
//!
//! A line without an error would start a server. Most lines here end in
//! `--version`, which both programs print once they have understood the rest.

use crate::case::{Run, case, differs};
use crate::process::{Process, SERVES, words};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use testkit::{PERL_WARNING, Scratch};

/// The output for a line that was parsed up to its `--version`.
const UNDERSTOOD: &str = "postgrey VERSION\nexit status: 0";

/// The output for a line in which `--version` was not an option.
const NOWHERE: &str = "ERROR: --unix or --inet must be specified\nexit status: 2";

/// Holds the outcome of a line to what is expected.
fn check(run: &Run, line: &str, expected: &str) {
    run.expect(line, run.outcome(&words(line)).shown(), expected);
}

/// Words that are understood, each alone and so all together.
fn all_understood(lines: &[&str]) {
    case(|run| check(run, &format!("{} --version", lines.join(" ")), UNDERSTOOD));
}

/// Words and the complaints about them. A line's complaints come one after the
/// other, so that one line shows them all.
fn all_refused(table: &[(&str, &str)]) {
    let (words, complaints): (Vec<&str>, Vec<&str>) = table.iter().copied().unzip();
    case(|run| {
        let expected = format!("{}\nexit status: 1", complaints.join("\n"));
        check(run, &words.join(" "), &expected);
    });
}

/// Options without a value, by all their names.
pub const SWITCHES: [&str; 13] = [
    "noaction",
    "no-action",
    "n",
    "verbose",
    "v",
    "quiet",
    "q",
    "daemonize",
    "d",
    "exim",
    "lookup-by-subnet",
    "lookup-by-host",
    "privacy",
];

pub const TEXTS: [&str; 19] = [
    "unix",
    "u",
    "inet",
    "i",
    "socketmode",
    "user",
    "group",
    "dbdir",
    "pidfile",
    "whitelist-clients",
    "whitelist-recipients",
    "syslogfacility",
    "syslog-facility",
    "facility",
    "retry-window",
    "greylist-action",
    "greylist-text",
    "hostname",
    "x-greylist-header",
];

pub const NUMBERS: [&str; 5] = ["delay", "max-age", "ipv4cidr", "ipv6cidr", "listen-queue-size"];

/// One line of all names, each used as the pattern says.
fn line_of(names: &[&str], pattern: &str) -> String {
    let uses: Vec<String> = names.iter().map(|name| pattern.replace("NAME", name)).collect();
    uses.join(" ")
}

#[test]
fn every_option_has_these_names_with_one_dash_or_two() {
    case(|run| {
        let understood = |pattern: &str, names: &[&str]| {
            check(run, &format!("{} --version", line_of(names, pattern)), UNDERSTOOD);
        };
        understood("--NAME -NAME", &SWITCHES);
        understood("--NAME=x --NAME x -NAME x --NAME ''", &TEXTS);
        understood("--NAME=7 --NAME 7 -NAME 7", &NUMBERS);
    });
}

#[test]
fn values_are_given_where_they_are_wanted_and_nowhere_else() {
    case(|run| {
        let refused = |pattern: &str, names: &[&str], complaint: &str| {
            let complaints: Vec<String> =
                names.iter().map(|name| complaint.replace("NAME", name)).collect();
            let expected = format!("{}\nexit status: 1", complaints.join("\n"));
            check(run, &line_of(names, pattern), &expected);
        };
        refused("--NAME=1", &SWITCHES, "Option NAME does not take an argument");
        refused("--NAME=", &NUMBERS, "Option NAME requires an argument");
        refused("--NAME=x", &NUMBERS, "Value \"x\" invalid for option NAME (number expected)");
        for name in TEXTS.iter().chain(&NUMBERS) {
            refused("-NAME", &[name], "Option NAME requires an argument");
        }
    });
}

#[test]
fn names_are_not_abbreviated_and_case_counts() {
    all_refused(&[
        ("--daemon", "Unknown option: daemon"),
        ("--wh", "Unknown option: wh"),
        ("--he", "Unknown option: he"),
        ("--dela", "Unknown option: dela"),
        ("--Delay=5", "Unknown option: Delay"),
        ("-V", "Unknown option: V"),
        ("--max_age=3", "Unknown option: max_age"),
        ("--greylist_text=x", "Unknown option: greylist_text"),
        ("--no_action", "Unknown option: no_action"),
        ("--unknown", "Unknown option: unknown"),
        ("-?", "Unknown option: ?"),
        ("---help", "Unknown option: -help"),
        ("---delay=5", "Unknown option: -delay"),
        ("--=x", "Unknown option: =x"),
        ("-=", "Unknown option: ="),
    ]);
}

#[test]
fn switches_are_not_negated() {
    all_refused(&[
        ("--noverbose", "Unknown option: noverbose"),
        ("--no-verbose", "Unknown option: no-verbose"),
        ("--no-daemonize", "Unknown option: no-daemonize"),
        ("--noprivacy", "Unknown option: noprivacy"),
        ("--no-delay", "Unknown option: no-delay"),
    ]);
}

#[test]
fn one_dash_takes_no_attached_value_and_letters_are_not_bundled() {
    all_refused(&[
        ("-inet=10023", "Unknown option: inet=10023"),
        ("-delay=5", "Unknown option: delay=5"),
        ("-u=/x", "Unknown option: u=/x"),
        ("-u/x", "Unknown option: u/x"),
        ("-i20004", "Unknown option: i20004"),
        ("-vd", "Unknown option: vd"),
        ("-qd", "Unknown option: qd"),
        ("-dv", "Unknown option: dv"),
        ("-h=3", "Unknown option: h=3"),
    ]);
}

#[test]
fn a_value_is_the_next_argument_in_any_form() {
    all_understood(&[
        "--unix --inet",
        "--greylist-text --foo",
        "--delay -5",
        "--user -n",
        "--dbdir --",
        "--hostname -",
        "--delay=7 --delay 8 -delay 9",
        "--greylist-text=a=b --user==x",
    ]);
}

#[test]
fn a_value_after_an_equals_sign_is_not_empty() {
    all_refused(&[
        ("--delay=", "Option delay requires an argument"),
        ("--unix=", "Option unix requires an argument"),
        ("--u=", "Option u requires an argument"),
        ("--facility=", "Option facility requires an argument"),
        ("--whitelist-clients=", "Option whitelist-clients requires an argument"),
        ("--verbose=", "Option verbose does not take an argument"),
    ]);
}

#[test]
fn an_empty_text_after_an_equals_sign_is_the_usual_one() {
    // Debian's unit passes `--greylist-text=` when POSTGREY_TEXT is empty.
    case(|run| {
        let outcome = run.outcome(&words("--greylist-text= --version"));
        let theirs = "Option greylist-text requires an argument\nexit status: 1";
        run.expect("the outcome", outcome.shown(), differs("X40", theirs, UNDERSTOOD));
    });
}

#[test]
fn numbers_are_whole_and_decimal() {
    all_understood(&["--delay=+5", "--delay=-5", "--delay=010", "--delay=1_000", "--delay=-_1"]);
    all_refused(&[
        ("--delay=5x", "Value \"5x\" invalid for option delay (number expected)"),
        ("--delay=1.5", "Value \"1.5\" invalid for option delay (number expected)"),
        ("--delay=1e3", "Value \"1e3\" invalid for option delay (number expected)"),
        ("--max-age=0x10", "Value \"0x10\" invalid for option max-age (number expected)"),
        ("--ipv4cidr ''", "Value \"\" invalid for option ipv4cidr (number expected)"),
        ("--ipv6cidr=_", "Value \"_\" invalid for option ipv6cidr (number expected)"),
        ("--delay -", "Value \"-\" invalid for option delay (number expected)"),
        ("--delay --", "Value \"--\" invalid for option delay (number expected)"),
        ("--delay --unix", "Value \"--unix\" invalid for option delay (number expected)"),
    ]);
}

#[test]
fn the_number_of_the_auto_whitelist_is_optional() {
    all_understood(&[
        "--auto-whitelist-clients",
        "--auto-whitelist-clients=",
        "--auto-whitelist-clients ''",
        "--auto-whitelist-clients=3",
        "--auto-whitelist-clients 3",
        "--auto-whitelist-clients --delay=300",
        "-auto-whitelist-clients 3",
    ]);
    all_refused(&[
        ("--auto-whitelist-clients -5", "Unknown option: 5"),
        ("--auto-whitelist-clients --foo", "Unknown option: foo"),
    ]);
    case(|run| check(run, "--auto-whitelist-clients -- --version", NOWHERE));
}

#[test]
fn all_errors_of_a_command_line_are_reported_in_order() {
    let table = [
        (
            "--foo --delay=x -bar --help",
            "Unknown option: foo\n\
             Value \"x\" invalid for option delay (number expected)\n\
             Unknown option: bar",
        ),
        (
            "--verbose=1 --delay= --foo --unix",
            "Option verbose does not take an argument\n\
             Option delay requires an argument\n\
             Unknown option: foo\n\
             Option unix requires an argument",
        ),
        // Arguments after the plain word are ignored.
        ("--foo=bar --foo baz --nor", "Unknown option: foo\nUnknown option: foo"),
    ];
    case(|run| {
        for (line, complaints) in table {
            check(run, line, &format!("{complaints}\nexit status: 1"));
        }
    });
}

#[test]
fn options_end_at_the_first_plain_word() {
    case(|run| {
        for line in [
            "foo --version",
            "'' --version",
            "-- --version",
            "- --version",
            "foo=bar --version",
            "--delay=7 foo --unknown",
        ] {
            check(run, line, NOWHERE);
        }
        check(run, "--version foo --unknown", UNDERSTOOD);
        check(run, "--version -- --unknown", UNDERSTOOD);
        check(run, "--version ''", UNDERSTOOD);
    });
}

#[test]
fn one_of_unix_and_inet_is_needed() {
    case(|run| {
        run.expect("nothing", run.outcome(&[""; 0]).shown(), NOWHERE);
        check(run, "--delay=7 --verbose --daemonize --pidfile=x", NOWHERE);
        check(run, "--retry-window=bad", NOWHERE);
    });
}

#[test]
fn misspelled_options_and_commands_are_recognized() {
    const LISTEN: &str = "ERROR: --unix or --inet must be specified";
    case(|run| {
        for (line, theirs, advice) in [
            ("--dely=5", "Unknown option: dely", "did you mean delay?"),
            ("-delay=5", "Unknown option: delay=5", "did you mean --delay=5?"),
            ("lisst", LISTEN, "unknown command \"lisst\", did you mean \"list\"?"),
            ("foo", LISTEN, "unknown command \"foo\", see \"postgrey help\""),
            (
                "--verbose",
                LISTEN,
                "the ways to listen are --inet, --unix, --milter, --smtp; \"postgrey help\" lists all \
                 commands",
            ),
        ] {
            let printed = run.advised(&words(line)).stderr;
            let ours = format!("{theirs}; {advice}");
            run.expect(line, printed.trim_end(), differs("X48", theirs, ours));
        }
    });
}

#[test]
fn a_retry_window_is_a_number_of_days_or_hours() {
    const WINDOW: &str = "ERROR: --retry-window must be either a number of days or a number\n       \
                          followed by 'h' for hours ('6h' for example).\nexit status: 2";
    case(|run| {
        for value in
            ["-1", "+1", "1.5", "6d", "6m", "6 h", " 6h", "6hh", "h", "", "6\nh", "\u{663}"]
        {
            let outcome = run.outcome(&["--unix=s", "--retry-window", value]);
            run.expect(format!("{value:?}"), outcome.shown(), WINDOW);
        }
    });
}

#[test]
fn arguments_that_are_not_utf_8_are_shown_as_text() {
    case(|run| {
        for word in [b"--de\xff".as_slice(), b"--\xffde"] {
            let scratch = Scratch::new();
            Process::start(run, &scratch, &[OsStr::from_bytes(word)]).wait(|| ());
            let outcome = fs::read(scratch.path().join("stderr")).expect("what it printed");
            let lines = outcome.split_inclusive(|byte| *byte == b'\n');
            let outcome: Vec<&[u8]> =
                lines.filter(|line| !line.starts_with(PERL_WARNING.as_bytes())).collect();
            let outcome = outcome.concat();
            let raw = word[2..].escape_ascii();
            let theirs = format!("Unknown option: {raw}\\n");
            let ours = theirs.replace("\\xff", "\\xef\\xbf\\xbd");
            run.expect(raw, outcome.escape_ascii().to_string(), differs("X43", theirs, ours));
        }
        let word = "--d\u{e9}lai";
        let outcome = run.outcome(&[word]);
        run.expect(word, outcome.shown(), "Unknown option: d\u{e9}lai\nexit status: 1");
    });
}

#[test]
fn no_action_is_a_dry_run() {
    case(|run| {
        for name in ["-n", "--noaction", "--no-action"] {
            let theirs = "ERROR: don't know how to \"no-action\".\nfailure";
            run.expect(name, run.fate(&[name]), differs("X95", theirs, SERVES));
        }
    });
}

#[test]
fn help_comes_before_the_version_and_the_version_before_refusals() {
    case(|run| {
        let version = "postgrey VERSION\nexit status: 0";
        for line in ["--version", "--version -n", "-n --version --delay=7", "-version"] {
            check(run, line, version);
        }
        check(run, "--version --unknown", "Unknown option: unknown\nexit status: 1");
    });
}

#[test]
fn help_goes_to_standard_output_with_success() {
    case(|run| {
        for line in ["--help", "-h", "--h", "-help", "--version --help --man -n", "-h foo"] {
            let outcome = run.outcome(&words(line));
            run.expect(format!("{line}: standard error"), outcome.stderr, "");
            run.expect(
                format!("{line}: the end"),
                outcome.status,
                differs("X41", "exit status: 1", "exit status: 0"),
            );
            let options = ["--unix", "--inet", "--delay", "--x-greylist-header", "--quiet"];
            let told = options.iter().filter(|option| outcome.stdout.contains(**option)).count();
            run.expect(format!("{line}: options told"), told.to_string(), "5");
        }
    });
}

#[test]
fn the_manual_is_printed() {
    case(|run| {
        let outcome = run.outcome(&words("--man"));
        let lines = outcome.stdout.lines().count();
        let seen = format!("a manual: {}, {}", lines > 100, outcome.status);
        let theirs = "a manual: false, exit status: 2";
        run.expect("--man", seen, differs("X42", theirs, "a manual: true, exit status: 0"));
    });
}
