//! What greylisting did in a log: how much it deferred, and what that cost.

use super::super::json::Object;
use super::super::text::{duration, foreign, grouped, labelled};
use super::super::{Outcome, Trouble};
use super::attempt::Attempt;
use super::mail::{Mail, Mails};
use crate::cli::admin::Form;
use crate::maillog::Line;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

/// How many domains and networks are named.
const TOP: usize = 10;

/// Bounds of the chart's bars in minutes.
const BOUNDS: [u64; 7] = [5, 10, 15, 30, 60, 120, 360];

/// Numbers of attempts.
#[derive(Debug, Default)]
pub struct Counts {
    attempts: u64,
    deferred: u64,
    /// Passed, by the daemon's reason.
    passed: BTreeMap<Vec<u8>, u64>,
    auto_whitelisted: u64,
}

impl Counts {
    /// Counts an attempt.
    pub fn count(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        if attempt.is_deferred {
            self.deferred += 1;
        } else {
            *self.passed.entry(attempt.reason.clone()).or_default() += 1;
        }
    }

    /// Looks at a line that may be none of an attempt.
    pub fn note(&mut self, line: &Line<'_>) {
        let is_daemon = line.program.starts_with(b"postgrey");
        self.auto_whitelisted += u64::from(is_daemon && line.text.starts_with(b"whitelisted: "));
    }
}

/// What became of the mail that was deferred.
struct Ends {
    /// How long mail waited that passed, in seconds, the shortest first.
    delays: Vec<u64>,
    lost: usize,
    waiting: usize,
}

/// Prints the summary.
pub fn print(
    counts: &Counts,
    mails: &Mails,
    form: Form,
    out: &mut impl Write,
) -> Result<Outcome, Trouble> {
    if counts.attempts == 0 {
        return Ok(Outcome::NothingMatched);
    }
    let mut delays: Vec<u64> = mails.passed.iter().filter_map(Mail::delay).collect();
    delays.sort_unstable();
    let open = mails.waiting();
    let waiting = open.iter().filter(|mail| mails.may_return(mail)).count();
    let ends = Ends { delays, lost: open.len() - waiting, waiting };
    match form {
        Form::Json => json(counts, mails, &ends, out)?,
        Form::Text => out.write_all(text(counts, mails, &ends).as_bytes())?,
    }
    Ok(Outcome::Done)
}

fn text(counts: &Counts, mails: &Mails, ends: &Ends) -> String {
    let mut text = labelled("Attempts", &grouped(counts.attempts));
    text += &labelled("Deferred", &grouped(counts.deferred));
    for (reason, number) in &counts.passed {
        text += &labelled("Passed", &format!("{} ({})", grouped(*number), foreign(reason)));
    }
    let clients = grouped(counts.auto_whitelisted);
    text += &labelled("Whitelisted", &format!("{clients} (clients that passed often enough)"));
    let number = |number: usize| grouped(number as u64);
    text += &format!(
        "\nOf {} mails that were deferred:\n",
        number(ends.delays.len() + ends.lost + ends.waiting)
    );
    text += &labelled("Returned", &number(ends.delays.len()));
    text += &labelled("Lost", &format!("{} (never came back in time)", number(ends.lost)));
    text += &labelled("Waiting", &format!("{} (may still come back)", number(ends.waiting)));
    if let Some(longest) = ends.delays.last() {
        text += &labelled(
            "Delay",
            &format!(
                "half within {}, 90% {}, 99% {}, longest {}",
                duration(percentile(&ends.delays, 50)),
                duration(percentile(&ends.delays, 90)),
                duration(percentile(&ends.delays, 99)),
                duration(*longest)
            ),
        );
        if io::stdout().is_terminal() {
            text += &chart(&ends.delays);
        }
    }
    for (what, name) in
        [("domains of senders", domain as fn(&Mail) -> String), ("networks", network)]
    {
        let top = longest(mails, name);
        if !top.is_empty() {
            text += &format!("\nThe {what} whose mail waited longest, all together:\n");
        }
        for (name, (mails, seconds)) in top {
            let mail = if mails == 1 { "mail" } else { "mails" };
            text += &format!(
                "  {:>12}  {mails:>6} {mail:<5}  {}\n",
                duration(seconds),
                foreign(name.as_bytes())
            );
        }
    }
    text
}

/// The time within which a share of all came back.
fn percentile(delays: &[u64], share: usize) -> u64 {
    delays.get((delays.len() * share).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0)
}

fn domain(mail: &Mail) -> String {
    let sender = String::from_utf8_lossy(&mail.first().sender).to_lowercase();
    sender.rsplit_once('@').map_or_else(|| "(bounces)".to_owned(), |(_, domain)| domain.to_owned())
}

fn network(mail: &Mail) -> String {
    mail.networks[0].clone()
}

/// The names whose mail waited longest in sum, with the number of mails and
/// the seconds.
fn longest(mails: &Mails, name: fn(&Mail) -> String) -> Vec<(String, (u64, u64))> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for mail in &mails.passed {
        if let Some(delay) = mail.delay() {
            let sum = sums.entry(name(mail)).or_default();
            *sum = (sum.0 + 1, sum.1 + delay);
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|one, other| other.1.1.cmp(&one.1.1).then_with(|| one.0.cmp(&other.0)));
    sums.truncate(TOP);
    sums
}

/// How many mails waited how long, as bars.
fn chart(delays: &[u64]) -> String {
    const WIDEST: usize = 50;
    let mut bars = [0_usize; BOUNDS.len() + 1];
    for delay in delays {
        bars[BOUNDS.iter().position(|bound| delay / 60 < *bound).unwrap_or(BOUNDS.len())] += 1;
    }
    let most = bars.iter().max().copied().unwrap_or(0).max(1);
    let mut text = String::from("\n");
    for (index, bar) in bars.iter().enumerate() {
        let label = match BOUNDS.get(index) {
            Some(bound) => format!("< {bound} min"),
            None => format!(">= {} min", BOUNDS[BOUNDS.len() - 1]),
        };
        text += &format!("  {label:>10}  {} {bar}\n", "#".repeat((bar * WIDEST).div_ceil(most)));
    }
    text
}

fn json(counts: &Counts, mails: &Mails, ends: &Ends, out: &mut impl Write) -> Result<(), Trouble> {
    let number = |number: usize| i128::try_from(number).unwrap_or(i128::MAX);
    let mut object = Object::new()
        .text("kind", "summary")
        .number("attempts", counts.attempts)
        .number("deferred", counts.deferred)
        .number("auto_whitelisted", counts.auto_whitelisted)
        .number("returned", number(ends.delays.len()))
        .number("lost", number(ends.lost))
        .number("waiting", number(ends.waiting));
    for share in [50, 90, 99, 100] {
        object = object.number(&format!("delay_{share}"), percentile(&ends.delays, share));
    }
    object.write(out)?;
    for (reason, number) in &counts.passed {
        let object = Object::new().text("kind", "passed").text("reason", reason);
        object.number("number", *number).write(out)?;
    }
    for (kind, name) in [("domain", domain as fn(&Mail) -> String), ("network", network)] {
        for (name, (mails, seconds)) in longest(mails, name) {
            let object = Object::new().text("kind", kind).text("name", name);
            object.number("mails", mails).number("delay", seconds).write(out)?;
        }
    }
    Ok(())
}
