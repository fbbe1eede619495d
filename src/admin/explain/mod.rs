//! `postgrey explain`: why was this mail delayed? The log has the story, the
//! database what comes next.

mod advice;
mod attempt;
mod mail;
mod postfix;
mod story;
mod summary;
mod tally;

use super::{Error, Outcome};
use crate::cli::admin::Explain;
use crate::cli::settings::Settings;
use crate::daemon::clock;
use crate::daemon::privileges::Identity;
use crate::greylist::{self, Policy};
use crate::maillog::{Line, Reader as Maillog};
use crate::report::Inputs;
use crate::state::local::Reader;
use attempt::{Attempt, Ids};
use mail::Mails;
use postfix::{Postfix, Told};
use std::io::Write;
use std::ops::ControlFlow;
use tally::Tally;

/// Reads the logs and prints what they tell.
pub fn run(settings: &Settings, explain: &Explain, out: &mut impl Write) -> Result<Outcome, Error> {
    // The logs are root's, the database is the daemon's.
    let inputs = Inputs::open(&explain.files);
    Identity::look_up(&settings.user, &settings.group)?.assume_silently()?;
    let database = Reader::open(&settings.dbdir).ok();
    let notes = database.as_ref().and_then(|database| database.notes().ok());
    let policy = notes.map_or_else(Policy::default, |notes| greylist::policy(&notes));
    let now = clock::now();
    let mut ids = Ids::new(explain.id.as_deref());
    let mut attempts = Attempts::default();
    let outcome = if explain.summary {
        let mut tally = Tally::new(&policy);
        for_each_line(inputs, explain, now, |line, is_of_day| {
            tally.reach(line.time);
            if is_of_day {
                tally.note(line);
                attempts.of(line, explain).iter().for_each(|attempt| tally.take(attempt));
            }
        });
        summary::print(&tally, explain.form, out)?
    } else {
        let mut mails = Mails::new(&policy);
        for_each_line(inputs, explain, now, |line, is_of_day| {
            mails.reach(line.time);
            if is_of_day {
                ids.take(&line.text);
                attempts.of(line, explain).into_iter().for_each(|attempt| mails.take(attempt));
            }
        });
        let view = story::View { mails: &mails, ids: &ids, database: database.as_ref(), now };
        story::print(&view, explain, out)?
    };
    out.flush()?;
    Ok(outcome)
}

/// Calls `take` with each line that is one of a log, and with whether it is of
/// the day that is asked for.
fn for_each_line(
    inputs: Inputs,
    explain: &Explain,
    now: i64,
    mut take: impl FnMut(&Line<'_>, bool),
) {
    let mut maillog = Maillog::new(now);
    inputs.for_each_line(|line| {
        if let Some(line) = maillog.line(line) {
            let is_of_day = |day: &String| clock::local(line.time).starts_with(day.as_str());
            take(&line, explain.day.as_ref().is_none_or(is_of_day));
        }
        ControlFlow::Continue(())
    });
}

/// Finds attempts in what the daemon and Postfix say.
#[derive(Default)]
struct Attempts {
    postfix: Postfix,
    told: Told,
}

impl Attempts {
    /// The attempt that a line tells of, if it was not told before and is one
    /// of those that are asked for.
    fn of(&mut self, line: &Line<'_>, explain: &Explain) -> Option<Attempt> {
        let attempt = Attempt::parse(line).or_else(|| self.postfix.attempt(line))?;
        let is_news =
            explain.filter.lets(&attempt) && !(attempt.is_deferred && self.told.has(&attempt));
        is_news.then_some(attempt)
    }
}
