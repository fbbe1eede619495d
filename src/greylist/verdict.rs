//! Verdicts, and their reasons in the words of the log and of statistics.

use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub reason: Reason,
    /// Of greylisted mail, seconds until it may pass; of a triplet that passes,
    /// seconds since its first attempt; otherwise 0.
    pub seconds: i64,
}

impl From<Reason> for Verdict {
    /// A verdict that does not depend on a triplet.
    fn from(reason: Reason) -> Verdict {
        Verdict { reason, seconds: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The triplet was never seen before, or too long ago.
    New,
    /// The triplet was seen, but the delay is not over.
    EarlyRetry,
    /// A triplet that has waited long enough passes for the first time, which earns
    /// the mail a header.
    FirstPass,
    TripletFound,
    /// The client has logged in, and is trusted for that.
    Authenticated,
    /// The client is in a trusted network, or is the machine itself.
    TrustedNetwork,
    /// The client is on a whitelist, by name or by address.
    ClientWhitelist,
    RecipientWhitelist,
    SenderWhitelist,
    /// The recipient is not on the list of greylisted recipients.
    RecipientNotListed,
    ClientBlacklist,
    SenderBlacklist,
    RecipientBlacklist,
    AutoWhitelist,
    /// Not decided, because the client has no valid address.
    NoAddress,
}

/// What is done with a mail; the words are the log's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Pass,
    Greylist,
    Blacklist,
}

/// A reason's action and words in the log (BEHAVIOUR E2), and its name in metrics,
/// statistics and JSON.
type Row = (Reason, Action, &'static str, &'static str);

/// In the order of [`Reason`], which is that of the statistics.
const TABLE: [Row; 15] = [
    (Reason::New, Action::Greylist, "new", "new"),
    (Reason::EarlyRetry, Action::Greylist, "early-retry", "early-retry"),
    (Reason::FirstPass, Action::Pass, "triplet found", "first-pass"),
    (Reason::TripletFound, Action::Pass, "triplet found", "triplet-found"),
    (Reason::Authenticated, Action::Pass, "authenticated client", "authenticated"),
    (Reason::TrustedNetwork, Action::Pass, "trusted network", "trusted-network"),
    (Reason::ClientWhitelist, Action::Pass, "client whitelist", "client-whitelist"),
    (Reason::RecipientWhitelist, Action::Pass, "recipient whitelist", "recipient-whitelist"),
    (Reason::SenderWhitelist, Action::Pass, "sender whitelist", "sender-whitelist"),
    (Reason::RecipientNotListed, Action::Pass, "recipient not listed", "recipient-not-listed"),
    (Reason::ClientBlacklist, Action::Blacklist, "client blacklist", "client-blacklist"),
    (Reason::SenderBlacklist, Action::Blacklist, "sender blacklist", "sender-blacklist"),
    (Reason::RecipientBlacklist, Action::Blacklist, "recipient blacklist", "recipient-blacklist"),
    (Reason::AutoWhitelist, Action::Pass, "client AWL", "client-awl"),
    (Reason::NoAddress, Action::Pass, "no client address", "incomplete"),
];

impl Reason {
    pub const COUNT: usize = TABLE.len();

    pub fn all() -> impl Iterator<Item = Reason> {
        TABLE.into_iter().map(|(reason, ..)| reason)
    }

    pub fn action(self) -> Action {
        TABLE[self as usize].1
    }

    /// The words of the log.
    pub fn words(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// The name in metrics, statistics and JSON.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].3
    }
    /// Returns true for mail of the site's own users and networks, which is
    /// logged only with `--verbose`.
    pub fn is_own(self) -> bool {
        matches!(self, Reason::Authenticated | Reason::TrustedNetwork)
    }
}

impl Action {
    pub fn word(self) -> &'static str {
        match self {
            Action::Pass => "pass",
            Action::Greylist => "greylist",
            Action::Blacklist => "blacklist",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_reasons() {
        for (place, reason) in Reason::all().enumerate() {
            assert_eq!(reason as usize, place, "{reason:?}");
        }
    }

    #[test]
    fn manual_names_every_reason_of_the_log() {
        let manual = include_str!("../../man/postgrey.8.in");
        for words in Reason::all().filter(|reason| *reason != Reason::NoAddress).map(Reason::words)
        {
            assert!(manual.contains(words), "LOG of man/postgrey.8.in lacks {words:?}");
        }
    }
}
