//! From a verdict to the reply.

use super::templates;
use super::{Action, Policy, Reason, Verdict};
use crate::request::Request;
use std::collections::VecDeque;

/// The reply to a mail server, in no protocol's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing against this mail; other restrictions apply.
    Dunno,
    /// An action of the administrator's (`--greylist-action`,
    /// `--blacklist-action`), and the text that follows it.
    Restrict {
        /// The action, as the option has it.
        action: Vec<u8>,
        text: Vec<u8>,
    },
    /// Accept, and prepend this header to the mail.
    Prepend(Vec<u8>),
}

impl Reply {
    /// Returns the reply that is sent: none against the mail in a dry run, and no
    /// header with `--no-x-greylist-header`. The log line is made from the reply before
    /// and shows what would be done.
    #[must_use]
    pub fn in_effect(self, policy: &Policy) -> Reply {
        match self {
            _ if policy.is_dry_run => Reply::Dunno,
            Reply::Prepend(_) if !policy.adds_header => Reply::Dunno,
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
    /// Returns true if a message does not have its header yet, and remembers that
    /// it has it now. For requests without an instance, the protocol itself
    /// remembers ([`Request::has_header`]).
    fn is_first_of(&mut self, request: &Request<'_>) -> bool {
        let Some(instance) = request.instance else {
            return !request.has_header;
        };
        if self.instances.iter().any(|known| known == instance) {
            return false;
        }
        self.instances.pop_front();
        self.instances.push_back(instance.to_vec());
        true
    }
}

/// The reply to a request with this verdict. `date` is called for the header's
/// date, if there is a header.
pub fn reply(
    policy: &Policy,
    memory: &mut HeaderMemory,
    request: &Request<'_>,
    verdict: Verdict,
    date: impl FnOnce() -> String,
) -> Reply {
    let Verdict { reason, seconds } = verdict;
    match reason.action() {
        Action::Blacklist => Reply::Restrict {
            action: policy.blacklist_action.clone(),
            text: policy.blacklist_text.clone(),
        },
        Action::Greylist => Reply::Restrict {
            action: policy.greylist_action.clone(),
            text: templates::deferral(policy, request, seconds),
        },
        Action::Pass if reason == Reason::FirstPass && memory.is_first_of(request) => {
            Reply::Prepend(templates::header(policy, seconds, &date()))
        }
        Action::Pass => Reply::Dunno,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: Verdict = Verdict { reason: Reason::FirstPass, seconds: 300 };

    fn ask(memory: &mut HeaderMemory, instance: Option<&[u8]>) -> Reply {
        let request = Request { instance, ..Request::default() };
        reply(&Policy::default(), memory, &request, PASSED, || "DATE".to_string())
    }

    fn header() -> Reply {
        Reply::Prepend(
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
        assert_eq!(ask(&mut memory, Some(b"m1")), Reply::Dunno);
        assert_eq!(ask(&mut memory, Some(b"")), header());
        assert_eq!(ask(&mut memory, Some(b"")), Reply::Dunno);
        assert_eq!(ask(&mut memory, Some(b"0")), Reply::Dunno);
        assert_eq!(ask(&mut memory, None), header());
        assert_eq!(ask(&mut memory, None), header());
    }

    #[test]
    fn ten_messages_are_remembered() {
        let mut memory = HeaderMemory::default();
        for message in 1..=10 {
            assert_eq!(ask(&mut memory, Some(format!("m{message}").as_bytes())), header());
        }
        assert_eq!(ask(&mut memory, Some(b"m1")), Reply::Dunno);
        assert_eq!(ask(&mut memory, Some(b"m11")), header());
        assert_eq!(ask(&mut memory, Some(b"m1")), header());
    }

    #[test]
    fn a_message_of_a_protocol_that_knows_gets_one_header() {
        let mut memory = HeaderMemory::default();
        let policy = Policy::default();
        let mut ask = |has_header| {
            let request = Request { has_header, ..Request::default() };
            reply(&policy, &mut memory, &request, PASSED, || "DATE".to_string())
        };
        assert_eq!(ask(false), header());
        assert_eq!(ask(true), Reply::Dunno);
    }

    #[test]
    fn a_dry_run_lets_all_pass() {
        let dry = Policy { is_dry_run: true, ..Policy::default() };
        let restrict = Reply::Restrict { action: b"REJECT".to_vec(), text: b"no".to_vec() };
        for reply in [header(), restrict, Reply::Dunno] {
            assert_eq!(reply.clone().in_effect(&dry), Reply::Dunno);
            assert_eq!(reply.clone().in_effect(&Policy::default()), reply);
        }
    }

    #[test]
    fn a_delayed_mail_passes_unchanged_without_the_header() {
        let policy = Policy { adds_header: false, ..Policy::default() };
        assert_eq!(header().in_effect(&policy), Reply::Dunno);
    }
}
