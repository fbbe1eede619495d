//! The source of the daemon's options: the command line of `check`, or the file
//! with the options of Debian's service.

use super::finding::Finding;
use super::options::lint_given;
use crate::cli::admin::{CheckOptions, plain_word};
use crate::cli::defaults::{self, Defaults, Variable};
use crate::cli::{self, FilePlace, Given, Options};
use crate::daemon::errno;
use std::ffi::OsString;
use std::path::Path;
use std::{io, iter};

/// Returns the daemon's options, unless they are invalid, and what is wrong with
/// them and with the file in which the service has them.
pub fn read(check: &CheckOptions) -> (Option<Options>, Vec<Finding>) {
    if check.words.is_empty() {
        return of_service(&check.defaults);
    }
    let mut findings = Vec::new();
    let options = parse(&FilePlace::options(), &check.words, &mut findings);
    findings.extend(lint_given(&cli::merged(&check.words).unwrap_or_default()));
    (options.map(|(options, _)| options), findings)
}

/// The options with which Debian's service starts the daemon.
fn of_service(file: &Path) -> (Option<Options>, Vec<Finding>) {
    let mut findings = Vec::new();
    let defaults = match defaults::read(file) {
        Ok(defaults) => defaults,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = "does not exist: the service starts no daemon without options";
            let fix = "create it with POSTGREY_OPTS=\"--inet=10023\", or give the daemon's \
                          options as arguments of postgrey check";
            findings
                .push(Finding::error("no-options", problem, fix).at(FilePlace::new(file, None)));
            Defaults::default()
        }
        Err(error) => {
            let problem = format!("can't be read: {}", errno(&error).desc());
            let fix = "make it readable, or name another file with --defaults";
            findings
                .push(Finding::error("unreadable", problem, fix).at(FilePlace::new(file, None)));
            Defaults::default()
        }
    };
    let place = FilePlace::new(file, defaults.line());
    let typed = defaults.options.as_ref().map(Variable::arguments).unwrap_or_default();
    findings.extend(about_setting(file, &defaults, &typed));
    let given = cli::merged(&typed).unwrap_or_default();
    let Some((options, listens)) = parse(&place, &defaults.words(), &mut findings) else {
        return (None, findings);
    };
    if place.line.is_some() && !listens {
        let problem = "POSTGREY_OPTS has no --inet, --unix or --milter: the daemon does not start";
        let fix = "add --inet=10023, or where else the mail server connects";
        findings.push(Finding::error("nowhere-to-listen", problem, fix).at(place.clone()));
    }
    findings.extend(lint_given(&given));
    findings.extend(against_unit(&place, &given, defaults.text.as_deref()));
    (Some(options), findings)
}

/// Errors in the file's assignment, independent of the options in it.
fn about_setting(file: &Path, defaults: &Defaults, words: &[OsString]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let line = defaults.line();
    let mut find = |line, kind, problem, fix| {
        findings.push(Finding::error(kind, problem, fix).at(FilePlace::new(file, line)));
    };
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
        let problem = format!("{} is not an option, and ends the options", word.to_string_lossy());
        find(line, "plain-word", &problem, "delete it: the daemon ignores what follows");
    }
    findings
}

/// Options that do not work in Debian's systemd unit, which runs the daemon in
/// the foreground and gives it the text of the reply last.
fn against_unit(place: &FilePlace, given: &[Given], text: Option<&str>) -> Vec<Finding> {
    let has = |name| given.iter().any(|given| given.name == name);
    let warn = |kind, problem, fix| Finding::warning(kind, problem, fix).at(place.clone());
    let mut findings = Vec::new();
    if has("daemonize") {
        let problem = "--daemonize makes the service fail: systemd waits for the process that it \
                       started, which ends";
        findings.push(warn("daemonize", problem, "delete it; the init script adds it itself"));
    }
    let is_replaced = text.is_none_or(|text| !text.is_empty());
    if has("greylist-text") && is_replaced {
        let problem = "--greylist-text has no effect: the service sets it from POSTGREY_TEXT";
        findings.push(warn("text-replaced", problem, "set POSTGREY_TEXT to the text instead"));
    }
    findings
}

/// Returns the options, and true if they name a listener; a `check` of single
/// options need not.
fn parse(
    place: &FilePlace,
    words: &[OsString],
    findings: &mut Vec<Finding>,
) -> Option<(Options, bool)> {
    if let Err(faults) = cli::merged(words) {
        findings.extend(faults.into_iter().map(|fault| refused(fault.place, &fault.what)));
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
            findings.push(refused(place.clone(), message));
            None
        }
    }
}

fn refused(place: FilePlace, problem: &str) -> Finding {
    Finding::error("refused", problem, "fix it: the daemon refuses to start").at(place)
}
