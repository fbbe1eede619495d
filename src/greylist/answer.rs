//! From a verdict to what the mail server is told.

use super::templates;
use super::{Policy, Verdict};
use crate::request::Request;
use std::collections::VecDeque;

/// What the mail server is told, whichever protocol it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing against this mail; go on with the other restrictions.
    Dunno,
    /// Try again later, for the reason given.
    Defer(Vec<u8>),
    /// Blacklisted, for the reason given.
    Refuse(Vec<u8>),
    /// Go on, and put this header in front of the mail.
    Prepend(Vec<u8>),
}

impl Answer {
    /// The word before the text of the answer, if it has one of the
    /// administrator's: `--greylist-action` or `--blacklist-action`.
    pub fn action<'p>(&self, policy: &'p Policy) -> &'p [u8] {
        match self {
            Answer::Refuse(_) => &policy.blacklist_action,
            _ => &policy.greylist_action,
        }
    }

    /// What is told of the answer, as the policy has it: nothing in a dry run,
    /// and no header if mails shall get none. The log's line is made before,
    /// and tells what would be done.
    #[must_use]
    pub fn in_effect(self, policy: &Policy) -> Answer {
        match self {
            _ if policy.is_dry_run => Answer::Dunno,
            Answer::Prepend(_) if !policy.adds_header => Answer::Dunno,
            other => other,
        }
    }
}

/// Remembers which messages have got their header, since a message with many
/// recipients asks once for each (BEHAVIOUR D5).
#[derive(Debug)]
pub struct HeaderMemory {
    instances: VecDeque<Vec<u8>>,
}

/// Messages that are remembered; the original's number.
const REMEMBERED: usize = 10;

/// The instance that never gets a header: the original begins with a list of it.
const NOBODY: &[u8] = b"0";

impl Default for HeaderMemory {
    fn default() -> Self {
        HeaderMemory { instances: std::iter::repeat_n(NOBODY.to_vec(), REMEMBERED).collect() }
    }
}

impl HeaderMemory {
    /// A memory for one message alone, which may have got its header already,
    /// where the protocol tells messages apart. Its instance is empty.
    pub fn of_one_message(has_header: bool) -> Self {
        HeaderMemory { instances: has_header.then(Vec::new).into_iter().collect() }
    }

    /// Whether a message is still to get its header; remembers that it did.
    /// Without an instance there is nothing to tell messages apart by.
    fn is_first_of(&mut self, instance: Option<&[u8]>) -> bool {
        let Some(instance) = instance else {
            return true;
        };
        if self.instances.iter().any(|known| known == instance) {
            return false;
        }
        self.instances.pop_front();
        self.instances.push_back(instance.to_vec());
        true
    }

    /// Takes back that a message got its header.
    pub fn forget(&mut self, instance: &[u8]) {
        if let Some(known) = self.instances.iter_mut().find(|known| *known == instance) {
            *known = NOBODY.to_vec();
        }
    }
}

/// Turns a verdict into an answer. `date` makes the header's date and is only
/// asked when there is a header.
pub fn answer(
    policy: &Policy,
    memory: &mut HeaderMemory,
    request: &Request<'_>,
    verdict: Verdict,
    date: impl FnOnce() -> String,
) -> Answer {
    match verdict {
        Verdict::Exempt(_) | Verdict::NoAddress => Answer::Dunno,
        Verdict::Blacklisted(_) => Answer::Refuse(policy.blacklist_text.clone()),
        Verdict::Greylisted { missing, .. } => {
            Answer::Defer(templates::deferral(policy, request, missing))
        }
        Verdict::Passed { waited, first_time } => {
            if first_time && memory.is_first_of(request.instance) {
                Answer::Prepend(templates::header(policy, waited, &date()))
            } else {
                Answer::Dunno
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: Verdict = Verdict::Passed { waited: 300, first_time: true };

    fn ask(memory: &mut HeaderMemory, instance: Option<&[u8]>) -> Answer {
        let request = Request { instance, ..Request::default() };
        answer(&Policy::default(), memory, &request, PASSED, || "DATE".to_string())
    }

    fn header() -> Answer {
        Answer::Prepend(
            concat!(
                "X-Greylist: delayed 300 seconds by postgrey-",
                env!("CARGO_PKG_VERSION"),
                " at ; DATE"
            )
            .into(),
        )
    }

    #[test]
    fn a_message_gets_one_header() {
        let mut memory = HeaderMemory::default();
        assert_eq!(ask(&mut memory, Some(b"m1")), header());
        assert_eq!(ask(&mut memory, Some(b"m1")), Answer::Dunno);
        assert_eq!(ask(&mut memory, Some(b"")), header());
        assert_eq!(ask(&mut memory, Some(b"")), Answer::Dunno);
        assert_eq!(ask(&mut memory, Some(b"0")), Answer::Dunno);
        assert_eq!(ask(&mut memory, None), header());
        assert_eq!(ask(&mut memory, None), header());
    }

    #[test]
    fn ten_messages_are_remembered() {
        let mut memory = HeaderMemory::default();
        for message in 1..=10 {
            assert_eq!(ask(&mut memory, Some(format!("m{message}").as_bytes())), header());
        }
        assert_eq!(ask(&mut memory, Some(b"m1")), Answer::Dunno);
        assert_eq!(ask(&mut memory, Some(b"m11")), header());
        assert_eq!(ask(&mut memory, Some(b"m1")), header());
    }

    #[test]
    fn a_message_whose_header_was_taken_back_is_still_to_get_it() {
        let mut memory = HeaderMemory::default();
        for message in 1..=10 {
            ask(&mut memory, Some(format!("m{message}").as_bytes()));
        }
        memory.forget(b"m5");
        memory.forget(b"never seen");
        assert_eq!(ask(&mut memory, Some(b"m10")), Answer::Dunno);
        assert_eq!(ask(&mut memory, Some(b"m5")), header());
        assert_eq!(ask(&mut memory, Some(b"m5")), Answer::Dunno);
        assert_eq!(ask(&mut memory, Some(b"m2")), Answer::Dunno);
        assert_eq!(ask(&mut memory, Some(b"m1")), header());
    }

    #[test]
    fn a_dry_run_lets_all_pass() {
        let dry = Policy { is_dry_run: true, ..Policy::default() };
        let refuse = Answer::Refuse(b"no".to_vec());
        for answer in [header(), refuse, Answer::Defer(b"wait".to_vec()), Answer::Dunno] {
            assert_eq!(answer.clone().in_effect(&dry), Answer::Dunno);
            assert_eq!(answer.clone().in_effect(&Policy::default()), answer);
        }
    }
}
