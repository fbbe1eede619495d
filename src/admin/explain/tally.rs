//! Totals of a log. A waiting mail takes a few dozen bytes, one that ended only
//! its delay.

use super::attempt::{Attempt, LoggedBy};
use crate::greylist::Policy;
use crate::maillog::Line;
use std::collections::{BTreeMap, HashMap};

/// Seconds without a further attempt after which most mail never comes back:
/// servers try again after minutes, and after hours at the latest.
pub const ABANDONED_AFTER: i64 = 5 * 3600;

/// Waiting mails after which it is worth looking for those whose time is over.
const FIRST_SWEEP: usize = 4096;

/// The SHA-1 sum of sender and recipient.
type Sum = [u8; 20];

/// The number of mails that waited, and the sum of their waits in seconds.
pub type Waits = (u64, u64);

/// A mail that was deferred and has not passed yet.
struct Open {
    first: i64,
    last: i64,
    domain: Box<str>,
    network: Box<str>,
}

pub struct LogTotals {
    policy: Policy,
    open: HashMap<Sum, Open>,
    sweep: usize,
    /// The time of the log's last line, in seconds since the epoch.
    end: i64,
    pub attempts: u64,
    pub deferred: u64,
    pub passed: BTreeMap<Vec<u8>, u64>,
    pub auto_whitelisted: u64,
    /// Mails whose retry window was over when the log went on.
    lost: u64,
    /// The delay of each mail that passed, in seconds.
    delays: Vec<u32>,
    pub domains: HashMap<Box<str>, Waits>,
    pub networks: HashMap<Box<str>, Waits>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Ends {
    /// The delays of mail that passed, in seconds, ascending.
    pub delays: Vec<u32>,
    /// Mails that did not return within the retry window.
    pub lost: u64,
    /// Mails that have not passed and are still within it.
    pub waiting: u64,
    /// Mails among these without an attempt for [`ABANDONED_AFTER`].
    pub silent: u64,
}

impl LogTotals {
    pub fn new(policy: &Policy) -> LogTotals {
        LogTotals {
            policy: policy.clone(),
            open: HashMap::new(),
            sweep: FIRST_SWEEP,
            end: 0,
            attempts: 0,
            deferred: 0,
            passed: BTreeMap::new(),
            auto_whitelisted: 0,
            lost: 0,
            delays: Vec::new(),
            domains: HashMap::new(),
            networks: HashMap::new(),
        }
    }

    /// Notes that the log continues until `time`.
    pub fn reach(&mut self, time: i64) {
        self.end = self.end.max(time);
    }

    /// Counts a line that is not an attempt.
    pub fn note(&mut self, line: &Line<'_>) {
        let is_daemon = line.program.starts_with(b"postgrey");
        self.auto_whitelisted += u64::from(is_daemon && line.text.starts_with(b"whitelisted: "));
    }

    /// Counts an attempt. An accepted mail that only Postfix logged counts only
    /// if it was deferred before.
    pub fn take(&mut self, attempt: &Attempt) {
        let sum = sum(attempt);
        let window = self.policy.retry_window;
        let open = self.open.get(&sum);
        let is_open = open.is_some_and(|open| attempt.time - open.last <= window);
        if attempt.source == LoggedBy::Postfix
            && !attempt.is_deferred
            && !(is_open && open.is_some_and(|open| open.last <= attempt.time))
        {
            return;
        }
        if open.is_some() && !is_open {
            self.open.remove(&sum);
            self.lost += 1;
        }
        self.attempts += 1;
        if attempt.is_deferred {
            self.deferred += 1;
            self.defer(sum, attempt);
            return;
        }
        match self.passed.get_mut(attempt.reason.as_slice()) {
            Some(number) => *number += 1,
            None => drop(self.passed.insert(attempt.reason.clone(), 1)),
        }
        if let Some(open) = self.open.remove(&sum) {
            let delay = attempt.time.saturating_sub(open.first).max(0).unsigned_abs();
            self.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
            for (waits, name) in
                [(&mut self.domains, open.domain), (&mut self.networks, open.network)]
            {
                let (mails, seconds) = waits.entry(name).or_default();
                *mails += 1;
                *seconds += delay;
            }
        }
    }

    fn defer(&mut self, sum: Sum, attempt: &Attempt) {
        if let Some(open) = self.open.get_mut(&sum) {
            open.last = open.last.max(attempt.time);
            return;
        }
        if self.open.len() >= self.sweep {
            let before = self.open.len();
            let (end, window) = (self.end, self.policy.retry_window);
            self.open.retain(|_, open| end - open.last <= window);
            self.lost += (before - self.open.len()) as u64;
            self.sweep = (2 * self.open.len()).max(FIRST_SWEEP);
        }
        let domain = domain(&attempt.sender).into();
        let network = attempt.network(&self.policy).into();
        let open = Open { first: attempt.time, last: attempt.time, domain, network };
        self.open.insert(sum, open);
    }

    pub fn ends(&self) -> Ends {
        let mut ends = Ends { delays: self.delays.clone(), lost: self.lost, waiting: 0, silent: 0 };
        ends.delays.sort_unstable();
        for open in self.open.values() {
            if self.end - open.first > self.policy.retry_window {
                ends.lost += 1;
            } else {
                ends.waiting += 1;
                ends.silent += u64::from(self.end - open.last > ABANDONED_AFTER);
            }
        }
        ends
    }

    /// Seconds within which a mail has to come back.
    pub fn window(&self) -> u64 {
        self.policy.retry_window.max(0).unsigned_abs()
    }
}

fn sum(attempt: &Attempt) -> Sum {
    let (sender, recipient) = attempt.mail();
    let mut sum = sha1_smol::Sha1::from(&sender);
    sum.update(b"\0");
    sum.update(&recipient);
    sum.digest().bytes()
}

fn domain(sender: &[u8]) -> String {
    let sender = String::from_utf8_lossy(sender).to_lowercase();
    sender.rsplit_once('@').map_or_else(|| "(bounces)".to_owned(), |(_, domain)| domain.to_owned())
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
