//! The source of the daemon's options: the command line of `check`, or the file
//! with the options of Debian's service.

use super::finding::{Finding, Level};
use super::options::{NO_FILE, has, lint_given};
use crate::cli::admin::{CheckOptions, plain_word};
use crate::cli::defaults::{self, Defaults, Variable};
use crate::cli::{self, ConfigError, Options};
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
    let options = parse(Path::new(NO_FILE), None, &check.words, &mut findings);
    findings.extend(lint_given(&cli::merged(&check.words)));
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
            findings.push(wrong_in(file, None, "no-options", problem, fix));
            Defaults::default()
        }
        Err(error) => {
            findings.push(unreadable(file, &error));
            Defaults::default()
        }
    };
    let line = defaults.line();
    let mut words = defaults.options.as_ref().map(Variable::arguments).unwrap_or_default();
    findings.extend(about_setting(file, &defaults, &words));
    let of_text = defaults.text.as_deref().filter(|text| !text.is_empty());
    let given = cli::merged(&words);
    words.extend(of_text.map(|text| format!("--greylist-text={text}").into()));
    let Some((options, listens)) = parse(file, line, &words, &mut findings) else {
        return (None, findings);
    };
    if line.is_some() && !listens {
        let problem = "POSTGREY_OPTS has no --inet, --unix or --milter: the daemon does not start";
        let fix = "add --inet=10023, or where else the mail server connects";
        findings.push(wrong_in(file, line, "nowhere-to-listen", problem, fix));
    }
    findings.extend(lint_given(&given));
    findings.extend(against_unit(file, line, &given, defaults.text.as_deref()));
    (Some(options), findings)
}

/// Errors in the file's assignment, independent of the options in it.
fn about_setting(file: &Path, defaults: &Defaults, words: &[OsString]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let line = defaults.line();
    let mut find =
        |line, kind, problem, fix| findings.push(wrong_in(file, line, kind, problem, fix));
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
fn against_unit(
    file: &Path,
    line: Option<u32>,
    given: &[OsString],
    text: Option<&str>,
) -> Vec<Finding> {
    let warn =
        |kind, problem, fix| Finding::of_file(file, line, Level::Warning, kind, problem, fix);
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

/// Returns the options, and true if they name a listener; a `check` of single
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
    fix: &str,
) -> Finding {
    Finding::of_file(file, line, Level::Error, kind, problem, fix)
}

/// A line of the configuration file that the daemon would refuse.
fn refused_line(ConfigError { file, line, what }: ConfigError) -> Finding {
    refused(&file, line, what)
}

fn refused(file: &Path, line: Option<u32>, problem: String) -> Finding {
    let fix = "fix it: the daemon refuses to start";
    Finding::of_file(file, line, Level::Error, "refused", problem, fix)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    let problem = format!("can't be read: {}", errno(error).desc());
    let fix = "make it readable, or name another file with --defaults";
    Finding::of_file(path, None, Level::Error, "unreadable", problem, fix)
}
