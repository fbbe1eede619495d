//! Verdicts, and their reasons.

use super::awl_key::AwlSubject;

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not to be greylisted at all.
    Exempt(Exemption),
    /// To be refused.
    Blacklisted(Blacklist),
    /// To be tried again later.
    Greylisted {
        /// Why it has to wait.
        reason: Wait,
        /// Seconds until it may pass.
        missing: i64,
    },
    /// A triplet that has waited long enough.
    Passed {
        /// Seconds since its first attempt.
        waited: i64,
        /// Whether it passes for the first time, which earns the mail a header.
        first_time: bool,
    },
    /// Not decided, because the client has no address to tell it by.
    NoAddress,
}

/// Why mail is not greylisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// The client has logged in, and is trusted for that.
    Authenticated,
    /// The client is in a trusted network, or is the machine itself.
    Network,
    /// The client is on a whitelist, by name or by address.
    Client,
    /// The recipient is on a whitelist.
    Recipient,
    /// The sender is on a whitelist.
    Sender,
    /// The recipient is not among those who are greylisted.
    NotGreylisted,
    /// The client passed often enough before.
    AutoWhitelist,
}

/// Which list refuses mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blacklist {
    /// That of clients.
    Client,
    /// That of senders.
    Sender,
    /// That of recipients.
    Recipient,
}

impl Exemption {
    /// Whether the mail is the site's own, of which the log tells only with
    /// `--verbose`.
    pub fn is_own(self) -> bool {
        matches!(self, Exemption::Authenticated | Exemption::Network)
    }
}

/// Why a triplet has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Never seen before, or too long ago.
    New,
    /// Seen, but the delay is not over.
    EarlyRetry,
}

/// An event besides the verdict that the log reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The triplet was first seen in the future: the clock was set back.
    FirstSeenInFuture,
    /// A client has just reached the auto-whitelist.
    AutoWhitelisted(AwlSubject),
}
