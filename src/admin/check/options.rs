//! What is wrong with the daemon's options: those that it would refuse, and
//! those that do not do what one hopes.

use super::defaults::{self, Defaults};
use crate::cli::admin::{Check, plain_word};
use crate::cli::{self, Fault, Options};
use crate::daemon::errno;
use crate::greylist::{Lookup, SECONDS_PER_DAY};
use crate::lists::advice::{Finding, Severity};
use crate::lists::{Files, Form, Reader, Whitelists};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The options that a daemon would have, and what is wrong with where they
/// come from. Without options there is nothing more to look at.
pub fn read(check: &Check) -> (Option<Options>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut words = check.words.clone();
    let (mut file, mut line) = (PathBuf::from(NO_FILE), None);
    if words.is_empty() {
        let Defaults { words: set, line: number, has_variable } = defaults::read(&check.defaults)
            .unwrap_or_else(|error| {
                findings.push(unreadable(&check.defaults, &error));
                Defaults::default()
            });
        (file, line) = (check.defaults.clone(), number);
        words = set;
        let mut find = |kind, problem: String, remedy: &str| {
            findings.push(Finding::of_file(&file, line, Severity::Error, kind, problem, remedy));
        };
        if has_variable {
            let problem = "POSTGREY_OPTS holds a $, which systemd does not replace".to_owned();
            find("variable", problem, "write all options into one line");
        }
        if let Some(word) = plain_word(&words) {
            let problem = format!("{} is no option, and ends the options", word.to_string_lossy());
            find("plain-word", problem, "delete it: the daemon ignores what follows");
        }
    }
    let faults = cli::faults_of_file(&words);
    if !faults.is_empty() {
        findings.extend(faults.into_iter().map(refused_line));
        return (None, findings);
    }
    match parse(words) {
        Ok(options) => (Some(options), findings),
        Err(error) => {
            let message = error.message.strip_prefix("ERROR: ").unwrap_or(&error.message);
            findings.push(refused(&file, line, message.to_owned()));
            (None, findings)
        }
    }
}

/// A line of the configuration file that the daemon would refuse.
fn refused_line(Fault { file, line, what }: Fault) -> Finding {
    refused(&file, line, what)
}

fn refused(file: &Path, line: Option<u32>, problem: String) -> Finding {
    let remedy = "mend it: with this the daemon does not start";
    Finding::of_file(file, line, Severity::Error, "refused", problem, remedy)
}

/// Where to listen need not be said for this; what is said is looked at.
fn parse(mut words: Vec<OsString>) -> Result<Options, cli::UsageError> {
    cli::options(words.clone()).or_else(|_| {
        words.insert(0, "--inet=10023".into());
        cli::options(words)
    })
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
