//! `postgrey explain`: why was this mail delayed? The log has the story, the
//! database what comes next.

mod advice;
mod attempt;
mod mail;
mod story;
mod summary;

use super::{Outcome, Trouble};
use crate::cli::admin::{Explain, Order};
use crate::daemon::clock;
use crate::daemon::privileges::Identity;
use crate::greylist::{self, Policy};
use crate::maillog;
use crate::report::Inputs;
use crate::store::lmdb::Reader;
use attempt::{Attempt, Ids};
use mail::Mails;
use std::io::Write;
use std::ops::ControlFlow;

/// Reads the logs and prints what they tell.
pub fn run(order: &Order, explain: &Explain, out: &mut impl Write) -> Result<Outcome, Trouble> {
    // The logs are root's, the database is the daemon's.
    let inputs = Inputs::open(&explain.files);
    Identity::look_up(&order.user, &order.group)?.assume_silently()?;
    let database = Reader::open(&order.dbdir).ok();
    let notes = database.as_ref().and_then(|database| database.notes().ok());
    let policy = notes.map_or_else(Policy::default, |notes| greylist::policy(&notes));
    let mut mails = Mails::new(&policy, !explain.summary);
    let mut ids = Ids::new(explain.id.as_deref());
    let mut summary = summary::Counts::default();
    let now = clock::now();
    inputs.for_each_line(|line| {
        if let Some(line) = maillog::parse(line, now) {
            mails.reach(line.time);
            let is_of_day = |day: &String| clock::local(line.time).starts_with(day.as_str());
            if explain.day.as_ref().is_none_or(is_of_day) {
                ids.take(&line.text);
                summary.note(&line);
                if let Some(attempt) = Attempt::parse(&line) {
                    if explain.filter.lets(&attempt) {
                        summary.count(&attempt);
                        mails.take(attempt);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    });
    let outcome = if explain.summary {
        summary::print(&summary, &mails, explain.form, out)?
    } else {
        let view = story::View { mails: &mails, ids: &ids, database: database.as_ref(), now };
        story::print(&view, explain, out)?
    };
    out.flush()?;
    Ok(outcome)
}
