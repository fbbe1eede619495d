//! Options that the daemon accepts, but that do not do what one expects.

use super::finding::Finding;
use crate::cli::{self, Given, Options};
use crate::greylist::Policy;
use crate::lists::{Files, ListKind, ListReader, Lists};
#[cfg(feature = "shared-state")]
use crate::state::shared;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Returns the findings about options whose effect is not the one written.
pub(super) fn lint_given(given: &[Given]) -> Vec<Finding> {
    two_places(given).into_iter().chain(zeros(given)).collect()
}

/// Zeros that the original replaces by the default (BEHAVIOUR A3).
fn zeros(given: &[Given]) -> Vec<Finding> {
    let is_zero =
        |value: &OsStr| !value.is_empty() && value.as_bytes().iter().all(|digit| *digit == b'0');
    let options = ["delay", "ipv4cidr", "ipv6cidr", "user", "group"].into_iter();
    let found = options.filter_map(|name| {
        let last = given.iter().rfind(|given| given.name == name)?;
        last.value.as_deref().filter(|value| is_zero(value))?;
        let problem = format!("--{name}=0 means the default, {}", cli::default_of(name)?);
        let fix = "write the value that is meant";
        Some(Finding::warning("zero-is-default", problem, fix))
    });
    found.collect()
}

/// Listening options of which one has no effect.
fn two_places(given: &[Given]) -> Option<Finding> {
    let count = |name| given.iter().filter(|given| given.name == name).count();
    let problem = match (count("inet"), count("unix")) {
        (1.., 1..) => "--unix has no effect next to --inet: no socket appears",
        (2.., 0) => "--inet is given more than once: only the last one is used",
        (0, 2..) => "--unix is given more than once: only the last one is used",
        _ => return None,
    };
    let fix = "keep the one that the mail server uses";
    Some(Finding::warning("two-places", problem, fix))
}

/// The certificates that check those of the shared state's servers. Without any, the
/// daemon does not start.
#[cfg(feature = "shared-state")]
fn authorities(options: &Options) -> Option<Finding> {
    let error = shared::check_authorities(options.shared_state.as_ref()?).err()?;
    let fix = "give --shared-state-ca a PEM file that the daemon's user can read";
    Some(Finding::error("refused", error.to_string(), fix))
}

/// Returns the findings about options that the daemon accepts.
pub fn lint(options: &Options) -> Vec<Finding> {
    let (lists, _) = ListReader::new(options.lists.clone()).read();
    let mut findings = times(options, &lists);
    findings.extend(list_files(&options.lists, &lists));
    findings.extend(unknown_action(&options.policy));
    #[cfg(feature = "shared-state")]
    findings.extend(authorities(options));
    let mut warn = |kind, problem: &str, fix| findings.push(Finding::warning(kind, problem, fix));
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

/// Times with which mail never passes.
fn times(options: &Options, lists: &Lists) -> Vec<Finding> {
    let (delay, window) = (options.policy.delay, options.policy.retry_window);
    let mut findings = Vec::new();
    if window == 0 && delay > 0 {
        let problem = "with --retry-window=0 no mail ever passes".to_owned();
        findings.push(Finding::warning("nothing-passes", problem, "write --retry-window=2"));
    }
    if window > 0 && delay >= window {
        let problem = format!(
            "--delay is {delay} seconds and --retry-window only {window}: no mail passes in time"
        );
        let fix = "make --retry-window days long, as servers retry for days";
        findings.push(Finding::warning("window-shorter-than-delay", problem, fix));
    }
    let longest = lists.delays.longest();
    if let Some(longest) = longest.filter(|longest| window > 0 && *longest >= window) {
        let problem = format!(
            "--recipient-delays has a delay of {longest} seconds, and --retry-window is only \
             {window}, so that such mail never passes"
        );
        let fix = "write a shorter delay, or make --retry-window days long";
        findings.push(Finding::warning("window-shorter-than-a-delay", problem, fix));
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
    Some(Finding::warning("unknown-action", problem, "write one of those, or leave it out"))
}

/// Files that are lists of two kinds, and lists that do not do what they seem to.
fn list_files(files: &Files, lists: &Lists) -> Vec<Finding> {
    use ListKind::{
        BlacklistClients, BlacklistRecipients, BlacklistSenders, GreylistRecipients,
        RecipientDelays, WhitelistClients, WhitelistRecipients, WhitelistSenders,
    };
    let mut findings = Vec::new();
    let of_clients = [WhitelistClients, BlacklistClients];
    let of_addresses = [
        WhitelistRecipients,
        WhitelistSenders,
        BlacklistRecipients,
        BlacklistSenders,
        GreylistRecipients,
        RecipientDelays,
    ];
    if let Some(file) = in_both(files, &of_clients, &of_addresses) {
        let problem = format!("{} is the list of clients and of mail addresses", file.display());
        let fix = "give each its own: clients are servers";
        findings.push(Finding::warning("same-list", problem, fix));
    }
    let black = [BlacklistClients, BlacklistSenders, BlacklistRecipients];
    let white = [WhitelistClients, WhitelistSenders, WhitelistRecipients];
    if let Some(file) = in_both(files, &black, &white) {
        let problem = format!("{} is a whitelist and a blacklist", file.display());
        let fix = "remove it from one: the whitelist overrides the blacklist";
        findings.push(Finding::warning("white-and-black", problem, fix));
    }
    if lists.greylisted.as_ref().is_some_and(|list| list.is_empty()) {
        let problem = "--greylist-recipients is empty: no mail is greylisted".to_owned();
        let fix = "write recipients into it, or leave it out to greylist the mail of all";
        findings.push(Finding::warning("nobody-greylisted", problem, fix));
    }
    let usual = Files::default();
    let left_out = ListKind::all().find_map(|kind| {
        let local = usual[kind].iter().find(|file| file.extension().is_some())?;
        (!files[kind].contains(local) && local.exists()).then_some(local)
    });
    if let Some(file) = left_out {
        let problem = format!("{} is not read", file.display());
        let fix = "name it, too: one --whitelist-... replaces all default lists of its kind";
        findings.push(Finding::warning("local-list-left-out", problem, fix));
    }
    findings
}

/// The first file of some kinds of lists that is one of other kinds as well.
fn in_both<'f>(files: &'f Files, some: &[ListKind], others: &[ListKind]) -> Option<&'f PathBuf> {
    let is_other = |file: &PathBuf| others.iter().any(|kind| files[*kind].contains(file));
    some.iter().flat_map(|kind| &files[*kind]).find(|file| file.is_file() && is_other(file))
}
