//! The totals of a log: deferrals and delays.

use super::super::text::{duration, foreign, grouped, labelled};
use super::super::{Error, Exit, Output};
use super::tally::{ABANDONED_AFTER, Ends, LogTotals, Waits};
use crate::cli::admin::OutputFormat;
use crate::json::Object;
use std::collections::HashMap;
use std::io::Write;

const TOP_NAMES: usize = 10;

pub fn print(tally: &LogTotals, out: &mut Output) -> Result<Exit, Error> {
    if tally.attempts == 0 {
        return Ok(Exit::NothingMatched);
    }
    let ends = tally.ends();
    match out.format {
        OutputFormat::Json => json(tally, &ends, out)?,
        OutputFormat::Text => out.write_all(text(tally, &ends).as_bytes())?,
    }
    Ok(Exit::Done)
}

fn text(tally: &LogTotals, ends: &Ends) -> String {
    let mut text = labelled("Attempts", &grouped(tally.attempts));
    text += &labelled("Deferred", &grouped(tally.deferred));
    for (reason, number) in &tally.passed {
        text += &labelled("Passed", &format!("{} ({})", grouped(*number), foreign(reason)));
    }
    let clients = grouped(tally.auto_whitelisted);
    text += &labelled("Whitelisted", &format!("{clients} (clients added to the auto-whitelist)"));
    let returned = ends.delays.len() as u64;
    text += &format!(
        "\nOf {} mails that were deferred:\n",
        grouped(returned + ends.lost + ends.waiting)
    );
    text += &labelled("Returned", &grouped(returned));
    let window = duration(tally.window());
    let lost = format!("{} (not sent again within {window})", grouped(ends.lost));
    text += &labelled("Lost", &lost);
    let waiting = format!("{} (still within {window} at the end)", grouped(ends.waiting));
    text += &labelled("Waiting", &waiting);
    if ends.waiting > 0 {
        let silence = duration(ABANDONED_AFTER.unsigned_abs());
        let silent = format!(
            "{} of these without an attempt for {silence}; probably lost",
            grouped(ends.silent)
        );
        text += &labelled("Silent", &silent);
    }
    if let Some(longest) = ends.delays.last() {
        text += &labelled(
            "Delay",
            &format!(
                "half within {}, 90% {}, 99% {}, longest {}",
                duration(percentile(&ends.delays, 50)),
                duration(percentile(&ends.delays, 90)),
                duration(percentile(&ends.delays, 99)),
                duration(u64::from(*longest))
            ),
        );
    }
    for (what, waits) in [("domains of senders", &tally.domains), ("networks", &tally.networks)] {
        let top = longest(waits);
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
fn percentile(delays: &[u32], share: usize) -> u64 {
    let at = (delays.len() * share).div_ceil(100).saturating_sub(1);
    delays.get(at).map_or(0, |delay| u64::from(*delay))
}

/// The names whose mail waited longest in sum.
fn longest(waits: &HashMap<Box<str>, Waits>) -> Vec<(&str, Waits)> {
    let mut sums: Vec<(&str, Waits)> =
        waits.iter().map(|(name, waits)| (name.as_ref(), *waits)).collect();
    sums.sort_by(|one, other| other.1.1.cmp(&one.1.1).then_with(|| one.0.cmp(other.0)));
    sums.truncate(TOP_NAMES);
    sums
}

fn json(tally: &LogTotals, ends: &Ends, out: &mut Output) -> Result<(), Error> {
    let mut object = Object::new()
        .text("kind", "summary")
        .number("attempts", tally.attempts)
        .number("deferred", tally.deferred)
        .number("auto_whitelisted", tally.auto_whitelisted)
        .number("returned", ends.delays.len() as u64)
        .number("lost", ends.lost)
        .number("waiting", ends.waiting)
        .number("silent", ends.silent);
    for share in [50, 90, 99, 100] {
        object = object.number(&format!("delay_{share}"), percentile(&ends.delays, share));
    }
    object.write(out)?;
    for (reason, number) in &tally.passed {
        let object = Object::new().text("kind", "passed").text("reason", reason);
        object.number("number", *number).write(out)?;
    }
    for (kind, waits) in [("domain", &tally.domains), ("network", &tally.networks)] {
        for (name, (mails, seconds)) in longest(waits) {
            let object = Object::new().text("kind", kind).text("name", name);
            object.number("mails", mails).number("delay", seconds).write(out)?;
        }
    }
    Ok(())
}
