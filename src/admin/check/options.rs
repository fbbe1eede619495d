//! Options that the daemon accepts, but that do not do what one expects.

use super::finding::{Finding, Severity};
use crate::cli::Options;
use crate::greylist::{LookupBy, SECONDS_PER_DAY};
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
        Some(about_options(Severity::Warning, "zero-is-default", problem, fix))
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
    Some(about_options(Severity::Warning, "two-places", problem.to_owned(), fix))
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

/// The kind of a finding, and the function that returns its problem and fix.
type Check = (&'static str, fn(&Configuration<'_>) -> Option<(String, &'static str)>);

/// Valid options, and the lists that they name.
struct Configuration<'o> {
    options: &'o Options,
    lists: Lists,
}

const CHECKS: &[Check] = &[
    ("dry-run", dry_run),
    ("policy-test-time", remote_test_time),
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

/// Stands for the file of options from the command line or of several options
/// together.
pub(super) const NO_FILE: &str = "(options)";

/// A finding about options, wherever they come from.
pub(super) fn about_options(
    severity: Severity,
    kind: &'static str,
    problem: String,
    fix: &str,
) -> Finding {
    Finding::of_file(Path::new(NO_FILE), None, severity, kind, problem, fix)
}

/// Returns the findings about options that the daemon accepts.
pub fn lint(options: &Options) -> Vec<Finding> {
    let (lists, _) = ListReader::new(options.lists.clone()).read();
    let configuration = Configuration { options, lists };
    let found = |(kind, check): &Check| {
        let (problem, fix) = check(&configuration)?;
        Some(about_options(Severity::Warning, kind, problem, fix))
    };
    CHECKS.iter().filter_map(found).collect()
}

fn dry_run(Configuration { options, .. }: &Configuration<'_>) -> Option<(String, &'static str)> {
    options.policy.is_dry_run.then(|| {
        let problem = "with --noaction no mail is deferred, although the log says so".to_owned();
        (problem, "delete it when you have seen enough")
    })
}

fn remote_test_time(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    options.remote_test_time.then(|| {
        let problem = "with --policy-test-time other machines can put clients on the \
                       auto-whitelist or keep them from it";
        (problem.to_owned(), "delete it when your tests are done")
    })
}

fn nothing_passes(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    (options.policy.retry_window == 0 && options.policy.delay > 0)
        .then(|| ("with --retry-window=0 no mail ever passes".to_owned(), "write --retry-window=2"))
}

fn short_window(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let (delay, window) = (options.policy.delay, options.policy.retry_window);
    (window > 0 && delay >= window).then(|| {
        let problem = format!(
            "--delay is {delay} seconds and --retry-window only {window}: no mail passes in time"
        );
        (problem, "make --retry-window days long, as servers retry for days")
    })
}

fn short_window_of_some(
    Configuration { options, lists }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let window = options.policy.retry_window;
    let longest = lists.delays.longest().filter(|delay| window > 0 && *delay >= window)?;
    let problem = format!(
        "--recipient-delays has a delay of {longest} seconds, and --retry-window is only {window}, \
         so that such mail never passes"
    );
    Some((problem, "write a shorter delay, or make --retry-window days long"))
}

fn everything_passes(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let delay = options.policy.delay;
    (delay < 60).then(|| {
        let problem = format!("--delay={delay} defers hardly any spam: most retries come later");
        (problem, "write --delay=60 or more, or leave it out for 300")
    })
}

fn forgets_early(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let (age, window) = (options.policy.max_age, options.policy.retry_window);
    (age < window || age < 7 * SECONDS_PER_DAY).then(|| {
        let problem =
            format!("--max-age={} forgets a sender that writes once a week", age / SECONDS_PER_DAY);
        (problem, "leave --max-age out: it is 35 then, so that monthly mail is not deferred")
    })
}

fn wide_networks(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let LookupBy::Subnet { ipv4, ipv6 } = options.policy.lookup else {
        return None;
    };
    (ipv4 < 16 || ipv6 < 32).then(|| {
        let problem = format!(
            "--ipv4cidr={ipv4} --ipv6cidr={ipv6} make one client of networks of many owners"
        );
        (problem, "leave them out for 24 and 64")
    })
}

/// The actions of access(5) without the numbers.
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

/// Postfix treats an unknown word with text after it as an undefined list of
/// restrictions.
fn unknown_action(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
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
        "{option}={} is not an action of access(5): Postfix answers such mail with \"451 Server \
         configuration error\"",
        String::from_utf8_lossy(action)
    );
    Some((problem, "write one of those, or leave it out"))
}

fn domains_as_one(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let is_counted = options.policy.by_domain.auto_whitelist;
    (is_counted && options.policy.auto_whitelist.is_some()).then(|| {
        let problem = "--auto-whitelist-by=domain counts all customers of a provider whose \
                       addresses are in its own domain for one: when some have proved \
                       themselves, spam of the others passes at once"
            .to_owned();
        (problem, "leave it out if you get much of that; --lookup-by-domain alone waits for each")
    })
}

fn same_list(Configuration { options, .. }: &Configuration<'_>) -> Option<(String, &'static str)> {
    let lists = options.lists.by_option();
    let of =
        |form| lists.iter().filter(move |(_, of, _)| *of == form).flat_map(|(.., files)| *files);
    let is_both = |file: &&PathBuf| {
        of(Syntax::Addresses).chain(of(Syntax::Delays)).any(|other| other == *file)
    };
    let twice = of(Syntax::Clients).find(|file| is_both(file) && file.is_file())?;
    let problem = format!("{} is the list of clients and of mail addresses", twice.display());
    Some((problem, "give each its own: clients are servers"))
}

fn white_and_black(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let lists = options.lists.by_option();
    let of = |word| {
        let lists = lists.iter().filter(move |(option, ..)| option.starts_with(word));
        lists.flat_map(|(.., files)| *files)
    };
    let is_white = |file: &&PathBuf| of("whitelist-").any(|white| white == *file);
    let twice = of("blacklist-").find(|file| is_white(file) && file.is_file())?;
    let problem = format!("{} is a whitelist and a blacklist", twice.display());
    Some((problem, "remove it from one: the whitelist overrides the blacklist"))
}

fn nobody_greylisted(
    Configuration { lists, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    lists.greylisted.as_ref().is_some_and(|list| list.is_empty()).then(|| {
        let problem = "--greylist-recipients is empty: no mail is greylisted".to_owned();
        (problem, "write recipients into it, or leave it out to greylist the mail of all")
    })
}

fn local_list_left_out(
    Configuration { options, .. }: &Configuration<'_>,
) -> Option<(String, &'static str)> {
    let (read, usual) = (&options.lists, Files::default());
    let left_out = ListKind::all().find_map(|kind| {
        let local = usual[kind].iter().find(|file| file.extension().is_some())?;
        (!read[kind].contains(local) && local.exists()).then_some(local)
    })?;
    let problem = format!("{} is not read", left_out.display());
    Some((problem, "name it, too: one --whitelist-... replaces all default lists of its kind"))
}
