//! Options that the daemon accepts, but that do not do what one expects.

use super::finding::{Finding, Level};
use crate::cli::Options;
use crate::greylist::Policy;
use crate::lists::{Files, ListKind, ListReader, Lists, Syntax};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Returns the findings about options as [`cli::merged`] returns them: those
/// whose effect is not the one written.
pub(super) fn lint_given(given: &[OsString]) -> Vec<Finding> {
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
        let fix = "write the value that is meant";
        Some(about_options(Level::Warning, "zero-is-default", problem, fix))
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
    let fix = "keep the one that the mail server uses";
    Some(about_options(Level::Warning, "two-places", problem.to_owned(), fix))
}

pub(super) fn has(given: &[OsString], name: &str) -> bool {
    given.iter().any(|word| is_named(word, name))
}

/// Returns true if an option as [`cli::merged`] returns it has this name.
fn is_named(word: &OsStr, name: &str) -> bool {
    word.as_bytes()
        .strip_prefix(name.as_bytes())
        .is_some_and(|rest| matches!(rest, [] | [b'=', ..]))
}

/// Stands for the file of options from the command line or of several options
/// together.
pub(super) const NO_FILE: &str = "(options)";

/// A finding about options, wherever they come from.
pub(super) fn about_options(
    level: Level,
    kind: &'static str,
    problem: String,
    fix: &str,
) -> Finding {
    Finding::of_file(Path::new(NO_FILE), None, level, kind, problem, fix)
}

/// Returns the findings about options that the daemon accepts.
pub fn lint(options: &Options) -> Vec<Finding> {
    let (lists, _) = ListReader::new(options.lists.clone()).read();
    let mut findings = times(options, &lists);
    findings.extend(list_files(&options.lists, &lists));
    findings.extend(unknown_action(&options.policy));
    let mut warn = |kind, problem: &str, fix| findings.push(warning(kind, problem.to_owned(), fix));
    if options.policy.is_dry_run {
        let problem = "with --noaction no mail is deferred, although the log says so";
        warn("dry-run", problem, "delete it when you have seen enough");
    }
    if options.remote_test_time {
        let problem = "with --policy-test-time other machines can put clients on the auto-whitelist \
                       or keep them from it";
        warn("policy-test-time", problem, "delete it when your tests are done");
    }
    findings
}

fn warning(kind: &'static str, problem: String, fix: &str) -> Finding {
    about_options(Level::Warning, kind, problem, fix)
}

/// Times with which mail never passes.
fn times(options: &Options, lists: &Lists) -> Vec<Finding> {
    let (delay, window) = (options.policy.delay, options.policy.retry_window);
    let mut findings = Vec::new();
    if window == 0 && delay > 0 {
        let problem = "with --retry-window=0 no mail ever passes".to_owned();
        findings.push(warning("nothing-passes", problem, "write --retry-window=2"));
    }
    if window > 0 && delay >= window {
        let problem = format!(
            "--delay is {delay} seconds and --retry-window only {window}: no mail passes in time"
        );
        let fix = "make --retry-window days long, as servers retry for days";
        findings.push(warning("window-shorter-than-delay", problem, fix));
    }
    let longest = lists.delays.longest();
    if let Some(longest) = longest.filter(|longest| window > 0 && *longest >= window) {
        let problem = format!(
            "--recipient-delays has a delay of {longest} seconds, and --retry-window is only \
             {window}, so that such mail never passes"
        );
        let fix = "write a shorter delay, or make --retry-window days long";
        findings.push(warning("window-shorter-than-a-delay", problem, fix));
    }
    findings
}

/// The actions of access(5) without the numbers.
const ACTIONS: &str = "BCC DEFER DEFER_IF_PERMIT DEFER_IF_REJECT DISCARD DUNNO FILTER HOLD INFO OK \
                       PREPEND REDIRECT REJECT WARN";

/// Postfix treats an unknown word with text after it as an undefined list of
/// restrictions.
fn unknown_action(policy: &Policy) -> Option<Finding> {
    let actions = [
        ("--greylist-action", &policy.greylist_action),
        ("--blacklist-action", &policy.blacklist_action),
    ];
    let is_known = |action: &[u8]| {
        let word = action.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        word.iter().all(u8::is_ascii_digit)
            || ACTIONS.split(' ').any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    let (option, action) = actions.into_iter().find(|(_, action)| !is_known(action))?;
    let problem = format!(
        "{option}={} is not an action of access(5): Postfix answers such mail with \"451 Server \
         configuration error\"",
        String::from_utf8_lossy(action)
    );
    Some(warning("unknown-action", problem, "write one of those, or leave it out"))
}

/// Files that are lists of two kinds, and lists that do not do what they seem to.
fn list_files(files: &Files, lists: &Lists) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rows = files.by_option();
    let in_both = |one: &dyn Fn(&Row<'_>) -> bool, other: &dyn Fn(&Row<'_>) -> bool| {
        let mut files = rows.iter().filter(|row| one(row)).flat_map(|(.., files)| *files);
        let others: Vec<_> =
            rows.iter().filter(|row| other(row)).flat_map(|(.., files)| *files).collect();
        files.find(|file| others.contains(file) && file.is_file()).map(|file| file.display())
    };
    let are_clients = |row: &Row<'_>| row.1 == Syntax::Clients;
    if let Some(twice) = in_both(&are_clients, &|row| !are_clients(row)) {
        let problem = format!("{twice} is the list of clients and of mail addresses");
        findings.push(warning("same-list", problem, "give each its own: clients are servers"));
    }
    let are_white = |row: &Row<'_>| row.0.starts_with("whitelist-");
    if let Some(twice) = in_both(&|row| row.0.starts_with("blacklist-"), &are_white) {
        let problem = format!("{twice} is a whitelist and a blacklist");
        let fix = "remove it from one: the whitelist overrides the blacklist";
        findings.push(warning("white-and-black", problem, fix));
    }
    if lists.greylisted.as_ref().is_some_and(|list| list.is_empty()) {
        let problem = "--greylist-recipients is empty: no mail is greylisted".to_owned();
        let fix = "write recipients into it, or leave it out to greylist the mail of all";
        findings.push(warning("nobody-greylisted", problem, fix));
    }
    let usual = Files::default();
    let left_out = ListKind::all().find_map(|kind| {
        let local = usual[kind].iter().find(|file| file.extension().is_some())?;
        (!files[kind].contains(local) && local.exists()).then_some(local)
    });
    if let Some(file) = left_out {
        let problem = format!("{} is not read", file.display());
        let fix = "name it, too: one --whitelist-... replaces all default lists of its kind";
        findings.push(warning("local-list-left-out", problem, fix));
    }
    findings
}

/// A kind of list as [`Files::by_option`] returns it.
type Row<'f> = (&'static str, Syntax, &'f [PathBuf]);
