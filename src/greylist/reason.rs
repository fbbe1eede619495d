//! The reasons of verdicts, in the words of the log and of statistics.

use super::verdict::{Blacklist, Exemption, Verdict, Wait};

/// A verdict without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    New,
    EarlyRetry,
    FirstPass,
    TripletFound,
    Authenticated,
    TrustedNetwork,
    ClientWhitelist,
    RecipientWhitelist,
    SenderWhitelist,
    RecipientNotListed,
    ClientBlacklist,
    SenderBlacklist,
    RecipientBlacklist,
    AutoWhitelist,
    NoAddress,
}

/// A reason's action and words in the log (BEHAVIOUR E2), and its name in metrics,
/// statistics and JSON.
type Row = (Reason, &'static str, &'static str, &'static str);

/// In the order of [`Reason`], which is that of the statistics.
const TABLE: [Row; 15] = [
    (Reason::New, "greylist", "new", "new"),
    (Reason::EarlyRetry, "greylist", "early-retry", "early-retry"),
    (Reason::FirstPass, "pass", "triplet found", "first-pass"),
    (Reason::TripletFound, "pass", "triplet found", "triplet-found"),
    (Reason::Authenticated, "pass", "authenticated client", "authenticated"),
    (Reason::TrustedNetwork, "pass", "trusted network", "trusted-network"),
    (Reason::ClientWhitelist, "pass", "client whitelist", "client-whitelist"),
    (Reason::RecipientWhitelist, "pass", "recipient whitelist", "recipient-whitelist"),
    (Reason::SenderWhitelist, "pass", "sender whitelist", "sender-whitelist"),
    (Reason::RecipientNotListed, "pass", "recipient not listed", "recipient-not-listed"),
    (Reason::ClientBlacklist, "blacklist", "client blacklist", "client-blacklist"),
    (Reason::SenderBlacklist, "blacklist", "sender blacklist", "sender-blacklist"),
    (Reason::RecipientBlacklist, "blacklist", "recipient blacklist", "recipient-blacklist"),
    (Reason::AutoWhitelist, "pass", "client AWL", "client-awl"),
    (Reason::NoAddress, "pass", "no client address", "incomplete"),
];

impl Reason {
    pub const COUNT: usize = TABLE.len();

    pub fn all() -> impl Iterator<Item = Reason> {
        TABLE.into_iter().map(|(reason, ..)| reason)
    }

    pub fn action(self) -> &'static str {
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
}

impl Verdict {
    pub fn reason(self) -> Reason {
        match self {
            Verdict::Greylisted { reason: Wait::New, .. } => Reason::New,
            Verdict::Greylisted { reason: Wait::EarlyRetry, .. } => Reason::EarlyRetry,
            Verdict::Passed { first_time: true, .. } => Reason::FirstPass,
            Verdict::Passed { first_time: false, .. } => Reason::TripletFound,
            Verdict::Exempt(Exemption::Authenticated) => Reason::Authenticated,
            Verdict::Exempt(Exemption::Network) => Reason::TrustedNetwork,
            Verdict::Exempt(Exemption::Client) => Reason::ClientWhitelist,
            Verdict::Exempt(Exemption::Recipient) => Reason::RecipientWhitelist,
            Verdict::Exempt(Exemption::Sender) => Reason::SenderWhitelist,
            Verdict::Exempt(Exemption::NotGreylisted) => Reason::RecipientNotListed,
            Verdict::Exempt(Exemption::AutoWhitelist) => Reason::AutoWhitelist,
            Verdict::Blacklisted(Blacklist::Client) => Reason::ClientBlacklist,
            Verdict::Blacklisted(Blacklist::Sender) => Reason::SenderBlacklist,
            Verdict::Blacklisted(Blacklist::Recipient) => Reason::RecipientBlacklist,
            Verdict::NoAddress => Reason::NoAddress,
        }
    }
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
