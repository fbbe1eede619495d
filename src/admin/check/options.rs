//! What is wrong with the daemon's options: those that it would refuse, and
//! those that do not do what one hopes.

use crate::cli::admin::{Check, plain_word};
use crate::cli::defaults::{self, Defaults, Setting};
use crate::cli::{self, Fault, Options};
use crate::daemon::errno;
use crate::greylist::{Lookup, SECONDS_PER_DAY};
use crate::lists::advice::{Finding, Severity};
use crate::lists::{Files, Form, Reader, Whitelists};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{io, iter};

/// Returns the daemon's options, unless they are invalid, and what is wrong with
/// them and with the file in which the service has them.
pub fn read(check: &Check) -> (Option<Options>, Vec<Finding>) {
    if check.words.is_empty() {
        return of_service(&check.defaults);
    }
    let mut findings = Vec::new();
    let options = parse(Path::new(NO_FILE), None, &check.words, &mut findings);
    findings.extend(about_given(&cli::merged(&check.words)));
    (options.map(|(options, _)| options), findings)
}

/// The options with which Debian's service starts the daemon.
fn of_service(file: &Path) -> (Option<Options>, Vec<Finding>) {
    let mut findings = Vec::new();
    let defaults = match defaults::read(file) {
        Ok(defaults) => defaults,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = "does not exist: the service starts no daemon without options";
            let remedy = "create it with POSTGREY_OPTS=\"--inet=10023\", or give the daemon's \
                          options as arguments of postgrey check";
            findings.push(wrong_in(file, None, "no-options", problem, remedy));
            Defaults::default()
        }
        Err(error) => {
            findings.push(unreadable(file, &error));
            Defaults::default()
        }
    };
    let line = defaults.line();
    let mut words = defaults.options.as_ref().map(Setting::arguments).unwrap_or_default();
    findings.extend(about_setting(file, &defaults, &words));
    let of_text = defaults.text.as_deref().filter(|text| !text.is_empty());
    let given = cli::merged(&words);
    words.extend(of_text.map(|text| format!("--greylist-text={text}").into()));
    let Some((options, listens)) = parse(file, line, &words, &mut findings) else {
        return (None, findings);
    };
    if line.is_some() && !listens {
        let problem = "POSTGREY_OPTS has no --inet, --unix or --milter: the daemon does not start";
        let remedy = "add --inet=10023, or where else the mail server connects";
        findings.push(wrong_in(file, line, "nowhere-to-listen", problem, remedy));
    }
    findings.extend(about_given(&given));
    findings.extend(against_unit(file, line, &given, defaults.text.as_deref()));
    (Some(options), findings)
}

/// What is wrong with the file's assignment, whatever the options in it.
fn about_setting(file: &Path, defaults: &Defaults, words: &[OsString]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let line = defaults.line();
    let mut find =
        |line, kind, problem, remedy| findings.push(wrong_in(file, line, kind, problem, remedy));
    match (&defaults.options, defaults.exported) {
        (None, Some(exported)) => {
            let problem = "POSTGREY_OPTS is exported: systemd ignores such a line";
            find(Some(exported), "exported", problem, "delete the word export");
        }
        (None, None) if file.exists() => {
            let problem = "POSTGREY_OPTS is not set: the service starts no daemon without options";
            find(None, "no-options", problem, "add POSTGREY_OPTS=\"--inet=10023\"");
        }
        (Some(options), _) if options.value.contains('$') => {
            let problem = "POSTGREY_OPTS contains a $, which systemd does not replace";
            find(line, "variable", problem, "write all options into one assignment");
        }
        _ => {}
    }
    if let Some(word) = plain_word(words) {
        let problem = format!("{} is no option, and ends the options", word.to_string_lossy());
        find(line, "plain-word", &problem, "delete it: the daemon ignores what follows");
    }
    findings
}

/// Options that do not work in Debian's systemd unit, which runs the daemon in
/// the foreground and gives it the text of the reply last.
fn against_unit(
    file: &Path,
    line: Option<u32>,
    given: &[OsString],
    text: Option<&str>,
) -> Vec<Finding> {
    let warn = |kind, problem, remedy| {
        Finding::of_file(file, line, Severity::Warning, kind, problem, remedy)
    };
    let mut findings = Vec::new();
    if has(given, "--daemonize") {
        let problem = "--daemonize makes the service fail: systemd waits for the process that it \
                       started, which ends";
        findings.push(warn("daemonize", problem, "delete it; the init script adds it itself"));
    }
    let is_replaced = text.is_none_or(|text| !text.is_empty());
    if has(given, "--greylist-text") && is_replaced {
        let problem = "--greylist-text has no effect: the service sets it from POSTGREY_TEXT";
        findings.push(warn("text-replaced", problem, "set POSTGREY_TEXT to the text instead"));
    }
    findings
}

/// Options whose effect is not the one written, from their names and values.
fn about_given(given: &[OsString]) -> Vec<Finding> {
    two_places(given).into_iter().chain(zeros(given)).collect()
}

/// Zeros that the original replaces by the default (BEHAVIOUR A3).
fn zeros(given: &[OsString]) -> Vec<Finding> {
    let defaults = [
        ("--delay", "300"),
        ("--ipv4cidr", "24"),
        ("--ipv6cidr", "64"),
        ("--user", "postgrey"),
        ("--group", "postgrey"),
    ];
    let is_zero = |word: &OsString| {
        let value = word.to_str().and_then(|word| word.split_once('=')).map(|(_, value)| value);
        value.is_some_and(|value| !value.is_empty() && value.bytes().all(|digit| digit == b'0'))
    };
    let found = defaults.into_iter().filter_map(|(name, default)| {
        given.iter().rev().find(|word| is_named(word, name)).filter(|word| is_zero(word))?;
        let problem = format!("{name}=0 means the default, {default}");
        let remedy = "write the value that is meant";
        Some(about_options(Severity::Warning, "zero-is-default", problem, remedy))
    });
    found.collect()
}

/// Listening options of which one has no effect.
fn two_places(given: &[OsString]) -> Option<Finding> {
    let count = |name| given.iter().filter(|word| is_named(word, name)).count();
    let problem = match (count("--inet"), count("--unix")) {
        (1.., 1..) => "--unix has no effect next to --inet: no socket appears",
        (2.., 0) => "--inet is given more than once: only the last one is used",
        (0, 2..) => "--unix is given more than once: only the last one is used",
        _ => return None,
    };
    let remedy = "keep the one that the mail server uses";
    Some(about_options(Severity::Warning, "two-places", problem.to_owned(), remedy))
}

fn has(given: &[OsString], name: &str) -> bool {
    given.iter().any(|word| is_named(word, name))
}

/// Returns true if an option as [`cli::merged`] returns it has this name.
fn is_named(word: &OsStr, name: &str) -> bool {
    word.as_bytes()
        .strip_prefix(name.as_bytes())
        .is_some_and(|rest| matches!(rest, [] | [b'=', ..]))
}

/// Returns the options, and true if they say where to listen; a `check` of single
/// options need not.
fn parse(
    file: &Path,
    line: Option<u32>,
    words: &[OsString],
    findings: &mut Vec<Finding>,
) -> Option<(Options, bool)> {
    let faults = cli::faults_of_file(words);
    if !faults.is_empty() {
        findings.extend(faults.into_iter().map(refused_line));
        return None;
    }
    if let Ok(options) = cli::options(words.to_vec()) {
        return Some((options, true));
    }
    let listening = iter::once("--inet=10023".into()).chain(words.iter().cloned());
    match cli::options(listening.collect()) {
        Ok(options) => Some((options, false)),
        Err(error) => {
            let message = error.message.strip_prefix("ERROR: ").unwrap_or(&error.message);
            findings.push(refused(file, line, message.to_owned()));
            None
        }
    }
}

/// An error in the file with the service's options.
fn wrong_in(
    file: &Path,
    line: Option<u32>,
    kind: &'static str,
    problem: &str,
    remedy: &str,
) -> Finding {
    Finding::of_file(file, line, Severity::Error, kind, problem, remedy)
}

/// A line of the configuration file that the daemon would refuse.
fn refused_line(Fault { file, line, what }: Fault) -> Finding {
    refused(&file, line, what)
}

fn refused(file: &Path, line: Option<u32>, problem: String) -> Finding {
    let remedy = "mend it: with this the daemon does not start";
    Finding::of_file(file, line, Severity::Error, "refused", problem, remedy)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    let problem = format!("can't be read: {}", errno(error).desc());
    let remedy = "make it readable, or name another file with --defaults";
    Finding::of_file(path, None, Severity::Error, "unreadable", problem, remedy)
}

/// What a look at valid options may find: its kind, when, and what to say.
type Look = (&'static str, fn(&Looked<'_>) -> Option<(String, &'static str)>);

/// What is looked at: the options, and the lists that they name.
struct Looked<'o> {
    options: &'o Options,
    lists: Whitelists,
}

const LOOKS: &[Look] = &[
    ("dry-run", dry_run),
    ("nothing-passes", nothing_passes),
    ("window-shorter-than-delay", short_window),
    ("window-shorter-than-a-delay", short_window_of_some),
    ("everything-passes", everything_passes),
    ("forgets-early", forgets_early),
    ("wide-networks", wide_networks),
    ("unknown-action", unknown_action),
    ("same-list", same_list),
    ("nobody-greylisted", nobody_greylisted),
    ("white-and-black", white_and_black),
    ("local-list-left-out", local_list_left_out),
    ("domains-as-one", domains_as_one),
];

/// What stands for the file of options that were typed, or that only together
/// are what they are.
const NO_FILE: &str = "(options)";

/// What is wrong with the options, wherever they come from.
pub(super) fn about_options(
    severity: Severity,
    kind: &'static str,
    problem: String,
    remedy: &str,
) -> Finding {
    Finding::of_file(Path::new(NO_FILE), None, severity, kind, problem, remedy)
}

/// What is doubtful in options that a daemon takes.
pub fn advise(options: &Options) -> Vec<Finding> {
    let (lists, _) = Reader::new(options.whitelists.clone()).read();
    let looked = Looked { options, lists };
    let found = |(kind, look): &Look| {
        let (problem, remedy) = look(&looked)?;
        Some(about_options(Severity::Warning, kind, problem, remedy))
    };
    LOOKS.iter().filter_map(found).collect()
}

fn dry_run(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    options.policy.is_dry_run.then(|| {
        let problem = "with --noaction no mail is deferred, whatever the log says".to_owned();
        (problem, "delete it when you have seen enough")
    })
}

fn nothing_passes(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    (options.policy.retry_window == 0 && options.policy.delay > 0)
        .then(|| ("with --retry-window=0 no mail ever passes".to_owned(), "write --retry-window=2"))
}

fn short_window(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let (delay, window) = (options.policy.delay, options.policy.retry_window);
    (window > 0 && delay >= window).then(|| {
        let problem = format!(
            "--delay is {delay} seconds and --retry-window only {window}: no mail passes in time"
        );
        (problem, "make --retry-window days long, as servers retry for days")
    })
}

fn short_window_of_some(Looked { options, lists }: &Looked<'_>) -> Option<(String, &'static str)> {
    let window = options.policy.retry_window;
    let longest = lists.delays.longest().filter(|delay| window > 0 && *delay >= window)?;
    let problem = format!(
        "--recipient-delays has a delay of {longest} seconds, and --retry-window is only {window}, \
         so that such mail never passes"
    );
    Some((problem, "write a shorter delay, or make --retry-window days long"))
}

fn everything_passes(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let delay = options.policy.delay;
    (delay < 60).then(|| {
        let problem = format!("--delay={delay} defers hardly any spam: most retries come later");
        (problem, "write --delay=60 or more, or leave it out for 300")
    })
}

fn forgets_early(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let (age, window) = (options.policy.max_age, options.policy.retry_window);
    (age < window || age < 7 * SECONDS_PER_DAY).then(|| {
        let problem =
            format!("--max-age={} forgets a sender that writes once a week", age / SECONDS_PER_DAY);
        (problem, "leave --max-age out: it is 35 then, so that monthly mail is not deferred")
    })
}

fn wide_networks(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let Lookup::Subnet { ipv4, ipv6 } = options.policy.lookup else {
        return None;
    };
    (ipv4 < 16 || ipv6 < 32).then(|| {
        let problem = format!(
            "--ipv4cidr={ipv4} --ipv6cidr={ipv6} make one client of networks of many owners"
        );
        (problem, "leave them out for 24 and 64")
    })
}

/// The actions of access(5) but for numbers.
const ACTIONS: [&str; 14] = [
    "BCC",
    "DEFER",
    "DEFER_IF_PERMIT",
    "DEFER_IF_REJECT",
    "DISCARD",
    "DUNNO",
    "FILTER",
    "HOLD",
    "INFO",
    "OK",
    "PREPEND",
    "REDIRECT",
    "REJECT",
    "WARN",
];

/// With text behind it, Postfix takes an unknown word for a list of restrictions
/// that nobody has defined.
fn unknown_action(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let policy = &options.policy;
    let actions = [
        ("--greylist-action", &policy.greylist_action),
        ("--blacklist-action", &policy.blacklist_action),
    ];
    let is_known = |action: &[u8]| {
        let word = action.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        word.iter().all(u8::is_ascii_digit)
            || ACTIONS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    let (option, action) = actions.into_iter().find(|(_, action)| !is_known(action))?;
    let problem = format!(
        "{option}={} is no action of access(5): Postfix answers such mail with \"451 Server \
         configuration error\"",
        String::from_utf8_lossy(action)
    );
    Some((problem, "write one of those, or leave it out"))
}

fn domains_as_one(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let is_counted = options.policy.by_domain.auto_whitelist;
    (is_counted && options.policy.auto_whitelist.is_some()).then(|| {
        let problem = "--auto-whitelist-by=domain takes all customers of a provider whose \
                       addresses are in its own domain for one: when some have proved \
                       themselves, spam of the others passes at once"
            .to_owned();
        (problem, "leave it out if you get much of that; --lookup-by-domain alone waits for each")
    })
}

fn same_list(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let lists = options.whitelists.by_option();
    let of =
        |form| lists.iter().filter(move |(_, of, _)| *of == form).flat_map(|(.., files)| *files);
    let is_both =
        |file: &&PathBuf| of(Form::Addresses).chain(of(Form::Delays)).any(|other| other == *file);
    let twice = of(Form::Clients).find(|file| is_both(file) && file.is_file())?;
    let problem = format!("{} is the list of clients and of mail addresses", twice.display());
    Some((problem, "give each its own: clients are servers"))
}

fn white_and_black(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let lists = options.whitelists.by_option();
    let of = |word| {
        let lists = lists.iter().filter(move |(option, ..)| option.starts_with(word));
        lists.flat_map(|(.., files)| *files)
    };
    let is_white = |file: &&PathBuf| of("whitelist-").any(|white| white == *file);
    let twice = of("blacklist-").find(|file| is_white(file) && file.is_file())?;
    let problem = format!("{} is a whitelist and a blacklist", twice.display());
    Some((problem, "take it out of one: the whitelist counts, so that nobody is refused"))
}

fn nobody_greylisted(Looked { lists, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    lists.greylisted.as_ref().is_some_and(|list| list.is_empty()).then(|| {
        let problem = "--greylist-recipients lists nobody, so that nobody is greylisted".to_owned();
        (problem, "write recipients into it, or leave it out to greylist the mail of all")
    })
}

fn local_list_left_out(Looked { options, .. }: &Looked<'_>) -> Option<(String, &'static str)> {
    let (read, usual) = (&options.whitelists, Files::default());
    let lists = [(&read.clients, usual.clients), (&read.recipients, usual.recipients)];
    let left_out = lists.into_iter().find_map(|(read, usual)| {
        let local = usual.into_iter().find(|file| file.extension().is_some())?;
        (!read.contains(&local) && local.exists()).then_some(local)
    })?;
    let problem = format!("{} is not read", left_out.display());
    Some((problem, "name it, too: one --whitelist-... replaces all default lists of its kind"))
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
