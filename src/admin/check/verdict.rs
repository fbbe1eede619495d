//! Verdicts in words.

use super::super::text::duration;
use crate::greylist::{Blacklist, Exemption, Verdict, Wait};

/// The reason as a sentence, for people.
pub fn reason(verdict: Verdict) -> String {
    let sentence = match verdict {
        Verdict::Exempt(Exemption::Authenticated) => "the client has logged in",
        Verdict::Exempt(Exemption::Network) => {
            "the client is in a trusted network (--trusted-networks)"
        }
        Verdict::Exempt(Exemption::Client) => "the client is on a whitelist",
        Verdict::Exempt(Exemption::Recipient) => "the recipient is on a whitelist",
        Verdict::Exempt(Exemption::Sender) => "the sender is on a whitelist",
        Verdict::Exempt(Exemption::NotGreylisted) => {
            "the recipient is not on the list of those who are greylisted"
        }
        Verdict::Blacklisted(Blacklist::Client) => "the client is on a blacklist",
        Verdict::Blacklisted(Blacklist::Sender) => "the sender is on a blacklist",
        Verdict::Blacklisted(Blacklist::Recipient) => "the recipient is on a blacklist",
        Verdict::Exempt(Exemption::AutoWhitelist) => {
            "the client passed often enough before: it is on the auto-whitelist"
        }
        Verdict::NoAddress => "the client has no IP address to know it by; its mail passes",
        Verdict::Greylisted { reason: Wait::New, missing } => {
            let wait = duration(missing.unsigned_abs());
            return format!(
                "no such triplet is remembered, or it is too old: it has to wait {wait}"
            );
        }
        Verdict::Greylisted { reason: Wait::EarlyRetry, missing } => {
            let wait = duration(missing.unsigned_abs());
            return format!(
                "the triplet is known, but came back too early: it has to wait {wait} more"
            );
        }
        Verdict::Passed { waited, first_time: true } => {
            let waited = duration(waited.unsigned_abs());
            return format!("it has waited {waited}, and passes for the first time");
        }
        Verdict::Passed { first_time: false, .. } => "the triplet passed before",
    };
    sentence.to_owned()
}
