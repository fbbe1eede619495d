//! From a verdict to what the mail server is told and what the log says.

use super::texts;
use super::{Blacklist, Exemption, Policy, Verdict, Wait};
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

impl Default for HeaderMemory {
    /// The original begins with a list of zeros, so the instance `0` never
    /// gets a header.
    fn default() -> Self {
        HeaderMemory { instances: std::iter::repeat_n(b"0".to_vec(), REMEMBERED).collect() }
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
            Answer::Defer(texts::deferral(policy, request, missing))
        }
        Verdict::Passed { waited, first_time } => {
            if first_time && memory.is_first_of(request.instance) {
                Answer::Prepend(texts::header(policy, waited, &date()))
            } else {
                Answer::Dunno
            }
        }
    }
}

/// The log line of an answer (BEHAVIOUR E2). Fields are as received, and left
/// out when empty or `0`. In a dry run it says so.
pub fn log_line(
    policy: &Policy,
    request: &Request<'_>,
    verdict: Verdict,
    answer: &Answer,
) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    if is_true(request.queue_id) {
        line.extend_from_slice(request.queue_id);
        line.extend_from_slice(b": ");
    }
    line.extend_from_slice(action_and_reason(verdict, answer).as_bytes());
    if policy.is_dry_run {
        line.extend_from_slice(b", dry-run");
    }
    let fields = [
        ("client_name", request.client_name),
        ("client_address", request.client_address),
        ("sender", request.sender),
        ("recipient", request.recipient),
    ];
    for (name, value) in fields.into_iter().filter(|(_, value)| is_true(value)) {
        line.extend_from_slice(b", ");
        line.extend_from_slice(name.as_bytes());
        line.push(b'=');
        line.extend_from_slice(value);
    }
    line
}

fn action_and_reason(verdict: Verdict, answer: &Answer) -> String {
    let text = match verdict {
        Verdict::Exempt(Exemption::Authenticated) => "action=pass, reason=authenticated client",
        Verdict::Exempt(Exemption::Network) => "action=pass, reason=trusted network",
        Verdict::Exempt(Exemption::Client) => "action=pass, reason=client whitelist",
        Verdict::Exempt(Exemption::Recipient) => "action=pass, reason=recipient whitelist",
        Verdict::Exempt(Exemption::Sender) => "action=pass, reason=sender whitelist",
        Verdict::Exempt(Exemption::NotGreylisted) => "action=pass, reason=recipient not listed",
        Verdict::Blacklisted(Blacklist::Client) => "action=blacklist, reason=client blacklist",
        Verdict::Blacklisted(Blacklist::Sender) => "action=blacklist, reason=sender blacklist",
        Verdict::Blacklisted(Blacklist::Recipient) => {
            "action=blacklist, reason=recipient blacklist"
        }
        Verdict::Exempt(Exemption::AutoWhitelist) => "action=pass, reason=client AWL",
        Verdict::NoAddress => "action=pass, reason=no client address",
        Verdict::Greylisted { reason: Wait::New, .. } => "action=greylist, reason=new",
        Verdict::Greylisted { reason: Wait::EarlyRetry, missing } => {
            return format!("action=greylist, reason=early-retry ({missing}s missing)");
        }
        Verdict::Passed { waited, .. } if matches!(answer, Answer::Prepend(_)) => {
            return format!("action=pass, reason=triplet found, delay={waited}");
        }
        Verdict::Passed { .. } => "action=pass, reason=triplet found",
    };
    text.to_string()
}

/// Perl's truth: the original leaves out what is empty or `0`.
pub fn is_true(value: &[u8]) -> bool {
    !matches!(value, b"" | b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: Verdict = Verdict::Passed { waited: 300, first_time: true };

    fn request<'a>() -> Request<'a> {
        Request {
            client_address: b"1.2.3.4",
            client_name: b"mx.b.example",
            sender: b"A@b.example",
            recipient: b"c@D.example",
            ..Request::default()
        }
    }

    fn ask(memory: &mut HeaderMemory, instance: Option<&[u8]>) -> Answer {
        let request = Request { instance, ..request() };
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
    fn each_answer_has_its_log_line() {
        const FIELDS: &str = "client_name=mx.b.example, client_address=1.2.3.4, \
                              sender=A@b.example, recipient=c@D.example";
        let early = Verdict::Greylisted { reason: Wait::EarlyRetry, missing: 299 };
        let new = Verdict::Greylisted { reason: Wait::New, missing: 300 };
        let table = [
            (Verdict::Exempt(Exemption::Client), Answer::Dunno, "pass, reason=client whitelist"),
            (
                Verdict::Exempt(Exemption::Recipient),
                Answer::Dunno,
                "pass, reason=recipient whitelist",
            ),
            (Verdict::Exempt(Exemption::AutoWhitelist), Answer::Dunno, "pass, reason=client AWL"),
            (Verdict::Exempt(Exemption::Sender), Answer::Dunno, "pass, reason=sender whitelist"),
            (
                Verdict::Blacklisted(Blacklist::Client),
                Answer::Refuse(Vec::new()),
                "blacklist, reason=client blacklist",
            ),
            (new, Answer::Defer(Vec::new()), "greylist, reason=new"),
            (early, Answer::Defer(Vec::new()), "greylist, reason=early-retry (299s missing)"),
            (PASSED, header(), "pass, reason=triplet found, delay=300"),
            (PASSED, Answer::Dunno, "pass, reason=triplet found"),
        ];
        for (verdict, answer, text) in table {
            let line = log_line(&Policy::default(), &request(), verdict, &answer);
            let expected = format!("action={text}, {FIELDS}");
            assert_eq!(line.escape_ascii().to_string(), expected);
        }
    }

    #[test]
    fn a_dry_run_lets_all_pass_and_says_what_it_would_do() {
        let dry = Policy { is_dry_run: true, ..Policy::default() };
        let refuse = Answer::Refuse(b"no".to_vec());
        for answer in [header(), refuse, Answer::Defer(b"wait".to_vec()), Answer::Dunno] {
            assert_eq!(answer.clone().in_effect(&dry), Answer::Dunno);
            assert_eq!(answer.clone().in_effect(&Policy::default()), answer);
        }
        let line = log_line(&dry, &request(), PASSED, &header());
        let text =
            b"action=pass, reason=triplet found, delay=300, dry-run, client_name=mx.b.example";
        assert!(line.starts_with(text), "{}", line.escape_ascii());
    }

    #[test]
    fn the_log_leaves_out_what_is_empty_or_zero() {
        let new = Verdict::Greylisted { reason: Wait::New, missing: 300 };
        let request = Request { sender: b"", recipient: b"0", queue_id: b"3F1A2B", ..request() };
        let line = log_line(&Policy::default(), &request, new, &Answer::Dunno);
        assert_eq!(
            line,
            b"3F1A2B: action=greylist, reason=new, client_name=mx.b.example, \
              client_address=1.2.3.4"
        );
        let request = Request { queue_id: b"0", client_name: b"", ..request };
        let line = log_line(&Policy::default(), &request, new, &Answer::Dunno);
        assert_eq!(line, b"action=greylist, reason=new, client_address=1.2.3.4");
    }
}
