//! A batch of decisions and edits: all records are read, the rules are applied, and
//! the records are changed if they are still the same.

use super::changes::{Evaluation, Item, Values};
use super::link::{self, Command, Link, unexpected};
use super::resp::Value;
use super::script::{Call, Change};
use crate::greylist::Policy;
use crate::state::{Done, Error, TaskResult};
use std::collections::HashSet;
use std::time::Instant;

/// How often an item is judged before it fails, because another host has changed its
/// records each time.
const MAX_ROUNDS: usize = 3;

/// A report of a running batch.
#[expect(clippy::large_enum_variant, reason = "nearly all are results")]
pub enum Progress {
    Done(usize, TaskResult),
    /// The batch waits for a server: the reports so far should take effect.
    Pause,
}

/// Runs a batch, for whose items these values were read. Returns the number of items
/// that had to be judged again. After an error, items that are not reported have failed.
pub fn run(
    link: &mut dyn Link,
    policy: &Policy,
    items: &[Item],
    mut values: Values,
    deadline: Instant,
    report: &mut dyn FnMut(Progress),
) -> Result<u64, Error> {
    let mut waiting: Vec<usize> = (0..items.len()).collect();
    let mut conflicts = 0;
    for _ in 0..MAX_ROUNDS {
        let sent = judge(policy, items, &waiting, &mut values, report);
        report(Progress::Pause);
        let replies = call(link, &sent, deadline)?;
        waiting.clear();
        for (Sent { item, names, done, .. }, reply) in sent.into_iter().zip(replies) {
            match (reply, done) {
                (Value::Integer(1), Some(done)) => report(Progress::Done(item, Ok(done))),
                (Value::Integer(1), None) => {}
                (Value::Array(present), done) => {
                    let present = present.iter().map(|it| it.text().unwrap_or_default().to_vec());
                    values.extend(names.into_iter().zip(present));
                    // A refresh that came second is not needed.
                    waiting.extend(done.map(|_| item));
                }
                // A cluster is just moving the records.
                (Value::Error(error), done) if error.starts_with("TRYAGAIN") => {
                    waiting.extend(done.map(|_| item));
                }
                (reply, _) => return Err(unexpected(&reply)),
            }
        }
        report(Progress::Pause);
        if waiting.is_empty() {
            return Ok(conflicts);
        }
        conflicts += waiting.len() as u64;
    }
    for item in waiting {
        let text = format!("shared state: a record was changed {MAX_ROUNDS} times meanwhile");
        report(Progress::Done(item, Err(Error::new(text))));
    }
    Ok(conflicts)
}

/// Reads the records of some items.
pub fn read(link: &mut dyn Link, items: &[Item], deadline: Instant) -> Result<Values, Error> {
    let names: Vec<&Vec<u8>> = items.iter().flat_map(|item| &item.names).collect();
    let values = link::read(link, &names, deadline)?;
    let values = values.into_iter().map(Option::unwrap_or_default);
    Ok(names.into_iter().cloned().zip(values).collect())
}

/// An item whose changes are sent.
struct Sent {
    item: usize,
    /// The records that are compared.
    names: Vec<Vec<u8>>,
    /// What is reported once the changes are made; `None` if it has been.
    done: Option<Done>,
    call: Call,
}

/// Judges items in order; each sees the changes of those before it. Results that
/// depend on no change are reported.
fn judge(
    policy: &Policy,
    items: &[Item],
    waiting: &[usize],
    values: &mut Values,
    report: &mut dyn FnMut(Progress),
) -> Vec<Sent> {
    let mut sent = Vec::new();
    // The records whose changes a result depends on.
    let mut unsettled: HashSet<&[u8]> = HashSet::new();
    for &number in waiting {
        let item = &items[number];
        let Evaluation { done, changes, is_urgent } = item.evaluate(policy, values);
        let depends = |name: &Vec<u8>| unsettled.contains(name.as_slice());
        let waits = is_urgent || item.names.iter().any(depends);
        // Records that stay as they are need not be compared: it is as if the attempt had
        // been made when they were read.
        let compared = item.names.iter().zip(changes);
        let compared = compared.filter(|(name, change)| *change != Change::None || depends(name));
        let (names, changes): (Vec<_>, Vec<_>) = compared.unzip();
        if names.is_empty() {
            report(Progress::Done(number, Ok(done)));
            continue;
        }
        let known = names.iter().map(|name| values.get(*name).map(Vec::as_slice));
        let known: Vec<&[u8]> = known.map(Option::unwrap_or_default).collect();
        let call = Call::new(&names, &known, &changes);
        for (name, change) in names.iter().zip(changes) {
            match change {
                Change::None => continue,
                Change::Set(value, _) => values.insert((*name).clone(), value),
                Change::Delete => values.insert((*name).clone(), Vec::new()),
            };
            if waits {
                unsettled.insert(name);
            }
        }
        let names = names.into_iter().cloned().collect();
        let done = if waits {
            Some(done)
        } else {
            report(Progress::Done(number, Ok(done)));
            None
        };
        sent.push(Sent { item: number, names, done, call });
    }
    sent
}

/// Calls the script for each, and sends it to servers that do not have it.
fn call(link: &mut dyn Link, sent: &[Sent], deadline: Instant) -> Result<Vec<Value>, Error> {
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let commands: Vec<Command> = sent.iter().map(|sent| sent.call.by_hash()).collect();
    let mut replies = link.run(&commands, deadline)?;
    let is_missing = |reply: &Value| reply.error().is_some_and(|it| it.starts_with("NOSCRIPT"));
    let missing: Vec<usize> = (0..replies.len()).filter(|it| is_missing(&replies[*it])).collect();
    if !missing.is_empty() {
        let commands: Vec<_> = missing.iter().map(|it| sent[*it].call.with_script()).collect();
        for (number, reply) in missing.into_iter().zip(link.run(&commands, deadline)?) {
            replies[number] = reply;
        }
    }
    Ok(replies)
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
