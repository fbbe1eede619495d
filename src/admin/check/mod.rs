//! `postgrey check`: what is wrong with the configuration, and with
//! `--database` whether the database is sound.

mod answer;
pub mod database;
mod finding;
mod lint;
mod options;
mod places;
mod print;
mod smtp;
mod source;
mod verdict;

use super::{Error, Outcome};
use crate::cli::Options;
use crate::cli::admin::Check;
use crate::daemon::privileges::Identity;
use finding::{Finding, Severity};
use std::io::Write;

/// Looks at the options and lists of a daemon, and prints what it finds.
pub fn run(check: &Check, out: &mut impl Write) -> Result<Outcome, Error> {
    let (options, mut findings) = source::read(check);
    if let Some(question) = &check.question {
        let Some(options) = options else {
            print::all(&findings, &[], check.form, out)?;
            return Ok(Outcome::Errors);
        };
        return answer::run(question, &options, !check.words.is_empty(), check.form, out);
    }
    let mut files = Vec::new();
    if let Some(options) = &options {
        read_as_daemon(options)?;
        findings.extend(places::lint(options));
        findings.extend(options.smtp.iter().flat_map(smtp::lint));
        findings.extend(options::lint(options));
        findings.extend(lint::lint(&options.lists));
        files = options.lists.all();
    }
    print::all(&findings, &files, check.form, out)?;
    Ok(outcome(&findings))
}

/// Switches permanently to the daemon's user, who may be unable to read root's
/// files.
fn read_as_daemon(options: &Options) -> Result<(), Error> {
    match Identity::look_up(&options.user, &options.group) {
        Ok(identity) => Ok(identity.assume_silently()?),
        // Reported by `places`.
        Err(_) => Ok(()),
    }
}

fn outcome(findings: &[Finding]) -> Outcome {
    match findings.iter().map(|finding| finding.severity).max() {
        None => Outcome::Done,
        Some(Severity::Warning) => Outcome::Warnings,
        Some(Severity::Error) => Outcome::Errors,
    }
}

#[cfg(test)]
mod tests;
