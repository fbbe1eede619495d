//! `postgrey check`: what is wrong with the configuration, and with
//! `--database` whether the database is sound.

mod answer;
pub(crate) mod database;
mod finding;
mod lint;
mod options;
mod places;
mod print;
mod smtp;
mod source;
mod verdict;

use super::{Error, Exit, Output};
use crate::cli::Options;
use crate::cli::admin::CheckOptions;
use crate::daemon::privileges::Identity;
use finding::{Finding, Level};

/// Looks at the options and lists of a daemon, and prints what it finds.
pub fn run(check: &CheckOptions, out: &mut Output) -> Result<Exit, Error> {
    let (options, mut findings) = source::read(check);
    if let Some(mail) = &check.mail {
        let Some(options) = options else {
            print::all(&findings, &[], out)?;
            return Ok(Exit::Errors);
        };
        return answer::run(mail, &options, !check.words.is_empty(), out);
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
    print::all(&findings, &files, out)?;
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

fn outcome(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.level).max() {
        None => Exit::Done,
        Some(Level::Warning) => Exit::Warnings,
        Some(Level::Error) => Exit::Errors,
    }
}

#[cfg(test)]
mod tests;
