//! Counters since the start, for the metrics and `postgrey stats`.

use crate::greylist::Reason;
use std::fmt;

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub connections: u64,
    /// Requests that were accepted because the database failed.
    pub failures: u64,
    reasons: [u64; Reason::COUNT],
}

impl Counters {
    pub fn count(&mut self, reason: Reason) {
        self.reasons[reason as usize] += 1;
    }

    /// The number of requests by action and reason.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let reasons = Reason::all()
            .zip(self.reasons)
            .map(|(reason, number)| (reason.action().word(), reason.name(), number));
        reasons.chain([("pass", "database-failures", self.failures)])
    }

    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let requests = self.requests().map(|(_, reason, number)| (reason, number));
        std::iter::once(("connections", self.connections)).chain(requests)
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> =
            self.named().map(|(name, number)| format!("{name}={number}")).collect();
        f.write_str(&numbers.join(", "))
    }
}
