//! `postgrey explain`: the reason for the delay of a mail. The log has the
//! attempts, the database the present state.

mod advice;
mod attempt;
mod mail;
mod postfix;
mod story;
mod summary;
mod tally;

use super::{Error, Exit, Output};
use crate::cli::admin::ExplainOptions;
use crate::cli::settings::ToolSettings;
use crate::daemon::clock;
use crate::daemon::privileges::Identity;
use crate::database::Database;
use crate::greylist::{Metadata, Policy};
use crate::maillog::{Inputs, Line, LogReader, UNKNOWN_FORMAT};
use attempt::{Attempt, Ids};
use mail::Mails;
use postfix::{Duplicates, Postfix};
use std::ops::ControlFlow;
use std::path::PathBuf;
use tally::LogTotals;

/// The mail logs of syslog on Debian and on other systems.
const LOGS: [&str; 2] = ["/var/log/mail.log", "/var/log/maillog"];

/// Reads the logs and prints the mail in them.
pub fn run(
    settings: &ToolSettings,
    explain: &ExplainOptions,
    out: &mut Output,
) -> Result<Exit, Error> {
    // The logs are root's, the database is the daemon's.
    let inputs = open(&explain.files)?;
    Identity::look_up(&settings.user, &settings.group)?.assume_silently()?;
    let database = Database::open(&settings.location()).ok();
    let metadata = database.as_ref().map(Database::metadata);
    let policy = metadata.map_or_else(Policy::default, Metadata::policy);
    let now = clock::now();
    let mut ids = Ids::new(explain.id.as_deref());
    let mut attempts = Attempts::default();
    let outcome = if explain.summary {
        let mut tally = LogTotals::new(&policy);
        for_each_line(inputs, explain, now, |line, is_of_day| {
            tally.reach(line.time);
            if is_of_day {
                tally.note(line);
                attempts.of(line, explain).iter().for_each(|attempt| tally.take(attempt));
            }
        })?;
        summary::print(&tally, out)?
    } else {
        let mut mails = Mails::new(&policy);
        for_each_line(inputs, explain, now, |line, is_of_day| {
            mails.reach(line.time);
            if is_of_day {
                ids.take(&line.text);
                attempts.of(line, explain).into_iter().for_each(|attempt| mails.take(attempt));
            }
        })?;
        let view = story::Context { mails: &mails, ids: &ids, database: database.as_ref(), now };
        story::print(&view, out)?
    };
    Ok(outcome)
}

/// Opens the logs; without any, the one that syslog writes.
fn open(files: &[PathBuf]) -> Result<Inputs, Error> {
    let usual = LOGS.map(PathBuf::from);
    let choices: Vec<&[PathBuf]> =
        if files.is_empty() { usual.chunks(1).collect() } else { vec![files] };
    let mut failures = Vec::new();
    for files in choices {
        let inputs = Inputs::open(files);
        match inputs.failure() {
            None => return Ok(inputs),
            Some(failure) => failures.push(failure),
        }
    }
    let mut failure = failures.join("; ");
    if files.is_empty() {
        failure += "; to read the journal: journalctl --facility=mail -o short-iso | postgrey \
                    explain [OPTIONS] -";
    }
    Err(Error::Access(failure))
}

/// Calls `take` with each line that can be parsed, and with true if it is of the
/// selected day.
fn for_each_line(
    inputs: Inputs,
    explain: &ExplainOptions,
    now: i64,
    mut take: impl FnMut(&Line<'_>, bool),
) -> Result<(), Error> {
    let mut maillog = LogReader::new(now);
    let (mut lines, mut known) = (0_u64, 0_u64);
    inputs.for_each_line(|line| {
        lines += 1;
        if let Some(line) = maillog.line(line) {
            known += 1;
            let is_of_day = |day: &String| clock::local(line.time).starts_with(day.as_str());
            take(&line, explain.day.as_ref().is_none_or(is_of_day));
        }
        ControlFlow::Continue(())
    });
    if lines > 0 && known == 0 {
        return Err(Error::Access(UNKNOWN_FORMAT.to_owned()));
    }
    Ok(())
}

/// Finds attempts in the lines of the daemon and of Postfix.
#[derive(Default)]
struct Attempts {
    postfix: Postfix,
    duplicates: Duplicates,
}

impl Attempts {
    /// Returns the attempt in a line, if it is selected and not a duplicate.
    fn of(&mut self, line: &Line<'_>, explain: &ExplainOptions) -> Option<Attempt> {
        let attempt = Attempt::parse(line).or_else(|| self.postfix.attempt(line))?;
        let is_new = explain.filter.selects(&attempt)
            && !(attempt.is_deferred && self.duplicates.has(&attempt));
        is_new.then_some(attempt)
    }
}
