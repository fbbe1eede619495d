//! Verdicts in words.

use super::super::text::duration;
use crate::greylist::{Reason, Verdict};

/// The reason as a sentence, for people.
pub fn reason(verdict: Verdict) -> String {
    let time = duration(verdict.seconds.unsigned_abs());
    let sentence = match verdict.reason {
        Reason::Authenticated => "the client has logged in",
        Reason::TrustedNetwork => "the client is in a trusted network (--trusted-networks)",
        Reason::ClientWhitelist => "the client is on a whitelist",
        Reason::RecipientWhitelist => "the recipient is on a whitelist",
        Reason::SenderWhitelist => "the sender is on a whitelist",
        Reason::RecipientNotListed => {
            "the recipient is not on the list of those who are greylisted"
        }
        Reason::ClientBlacklist => "the client is on a blacklist",
        Reason::SenderBlacklist => "the sender is on a blacklist",
        Reason::RecipientBlacklist => "the recipient is on a blacklist",
        Reason::AutoWhitelist => {
            "the client passed often enough before: it is on the auto-whitelist"
        }
        Reason::NoAddress => "the client has no IP address to know it by; its mail passes",
        Reason::New => {
            return format!(
                "no such triplet is remembered, or it is too old: it has to wait {time}"
            );
        }
        Reason::EarlyRetry => {
            return format!(
                "the triplet is known, but came back too early: it has to wait {time} more"
            );
        }
        Reason::FirstPass => {
            return format!("it has waited {time}, and passes for the first time");
        }
        Reason::TripletFound => "the triplet passed before",
    };
    sentence.to_owned()
}
