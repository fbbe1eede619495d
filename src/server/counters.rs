//! Counters since the start, for USR1.

use crate::greylist::{Blacklist, Exemption, Verdict, Wait};
use std::fmt;

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub connections: u64,
    /// Requests that were let through because the database failed.
    pub failures: u64,
    /// Requests that lacked something, the client's address above all.
    pub incomplete: u64,
    authenticated: u64,
    trusted_network: u64,
    client_whitelist: u64,
    recipient_whitelist: u64,
    sender_whitelist: u64,
    not_listed: u64,
    client_blacklist: u64,
    sender_blacklist: u64,
    recipient_blacklist: u64,
    auto_whitelist: u64,
    new: u64,
    early_retry: u64,
    first_pass: u64,
    found: u64,
}

impl Counters {
    pub fn count(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Exempt(Exemption::Authenticated) => &mut self.authenticated,
            Verdict::Exempt(Exemption::Network) => &mut self.trusted_network,
            Verdict::Exempt(Exemption::Client) => &mut self.client_whitelist,
            Verdict::Exempt(Exemption::Recipient) => &mut self.recipient_whitelist,
            Verdict::Exempt(Exemption::Sender) => &mut self.sender_whitelist,
            Verdict::Exempt(Exemption::NotGreylisted) => &mut self.not_listed,
            Verdict::Blacklisted(Blacklist::Client) => &mut self.client_blacklist,
            Verdict::Blacklisted(Blacklist::Sender) => &mut self.sender_blacklist,
            Verdict::Blacklisted(Blacklist::Recipient) => &mut self.recipient_blacklist,
            Verdict::Exempt(Exemption::AutoWhitelist) => &mut self.auto_whitelist,
            Verdict::Greylisted { reason: Wait::New, .. } => &mut self.new,
            Verdict::Greylisted { reason: Wait::EarlyRetry, .. } => &mut self.early_retry,
            Verdict::Passed { first_time: true, .. } => &mut self.first_pass,
            Verdict::Passed { first_time: false, .. } => &mut self.found,
            Verdict::NoAddress => &mut self.incomplete,
        };
        *counter += 1;
    }

    /// The verdicts, their reasons (in the words of most log lines), and the number
    /// of requests of each.
    pub fn requests(&self) -> [(&'static str, &'static str, u64); 16] {
        [
            ("greylist", "new", self.new),
            ("greylist", "early-retry", self.early_retry),
            ("pass", "first-pass", self.first_pass),
            ("pass", "triplet-found", self.found),
            ("pass", "authenticated", self.authenticated),
            ("pass", "trusted-network", self.trusted_network),
            ("pass", "client-whitelist", self.client_whitelist),
            ("pass", "recipient-whitelist", self.recipient_whitelist),
            ("pass", "sender-whitelist", self.sender_whitelist),
            ("pass", "recipient-not-listed", self.not_listed),
            ("blacklist", "client-blacklist", self.client_blacklist),
            ("blacklist", "sender-blacklist", self.sender_blacklist),
            ("blacklist", "recipient-blacklist", self.recipient_blacklist),
            ("pass", "client-awl", self.auto_whitelist),
            ("pass", "incomplete", self.incomplete),
            ("pass", "database-failures", self.failures),
        ]
    }

    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let requests = self.requests().into_iter().map(|(_, reason, number)| (reason, number));
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
