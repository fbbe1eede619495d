//! Verdicts, and their reasons.

use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Exempt(Exemption),
    Blacklisted(Blacklist),
    Greylisted {
        reason: Wait,
        /// Seconds until it may pass.
        missing: i64,
    },
    /// A triplet that has waited long enough.
    Passed {
        /// Seconds since its first attempt.
        waited: i64,
        /// True if it passes for the first time, which earns the mail a header.
        first_time: bool,
    },
    /// Not decided, because the client has no valid address.
    NoAddress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// The client has logged in, and is trusted for that.
    Authenticated,
    /// The client is in a trusted network, or is the machine itself.
    Network,
    /// The client is on a whitelist, by name or by address.
    Client,
    Recipient,
    Sender,
    /// The recipient is not on the list of greylisted recipients.
    NotGreylisted,
    AutoWhitelist,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blacklist {
    Client,
    Sender,
    Recipient,
}

impl Exemption {
    /// Returns true for mail of the site's own users and networks, which is
    /// logged only with `--verbose`.
    pub fn is_own(self) -> bool {
        match self {
            Exemption::Authenticated | Exemption::Network => true,
            Exemption::Client
            | Exemption::Recipient
            | Exemption::Sender
            | Exemption::NotGreylisted
            | Exemption::AutoWhitelist => false,
        }
    }
}

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

/// The subject whose passes a record of the auto-whitelist counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwlSubject {
    Client(IpAddr),
    /// The passes of mail from clients in one registered domain with senders in
    /// another, or the same.
    Domains {
        client: Vec<u8>,
        /// The domain of the senders, empty for bounces.
        sender: Vec<u8>,
    },
}
