//! The log line of a decision.

use super::{Policy, Reason, Reply, Verdict};
use crate::json::Object;
use crate::request::Request;

/// Returns the log line (BEHAVIOUR E2). Fields are as received; empty fields and
/// those that are `0` are omitted. A dry run is marked as such.
pub fn log_line(
    policy: &Policy,
    request: &Request<'_>,
    verdict: Verdict,
    reply: &Reply,
) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    if is_true(request.queue_id) {
        line.extend_from_slice(request.queue_id);
        line.extend_from_slice(b": ");
    }
    let Verdict { reason, seconds } = verdict;
    for part in ["action=", reason.action().word(), ", reason=", reason.words()] {
        line.extend_from_slice(part.as_bytes());
    }
    match reason {
        Reason::EarlyRetry => {
            line.extend_from_slice(format!(" ({seconds}s missing)").as_bytes());
        }
        Reason::FirstPass if matches!(reply, Reply::Prepend(_)) => {
            line.extend_from_slice(format!(", delay={seconds}").as_bytes());
        }
        _ => {}
    }
    if policy.is_dry_run {
        line.extend_from_slice(b", dry-run");
    }
    for (name, value) in fields(request).filter(|(_, value)| is_true(value)) {
        line.extend_from_slice(b", ");
        line.extend_from_slice(name.as_bytes());
        line.push(b'=');
        line.extend_from_slice(value);
    }
    line
}

/// The same as an object: `action`, `reason`, `missing` and `delay` in seconds,
/// `"dry_run":true`, and the attributes of the request that are not empty or `0`.
/// Mail that passes for the first time has a delay, with or without a header.
pub fn log_object(policy: &Policy, request: &Request<'_>, verdict: Verdict) -> Object {
    let Verdict { reason, seconds } = verdict;
    let mut object = Object::new().text("action", reason.action().word());
    object = object.text("reason", reason.words());
    object = match reason {
        Reason::New | Reason::EarlyRetry => object.number("missing", seconds),
        Reason::FirstPass => object.number("delay", seconds),
        _ => object,
    };
    if policy.is_dry_run {
        object = object.truth("dry_run", true);
    }
    let queue_id = [("queue_id", request.queue_id)];
    for (name, value) in queue_id.into_iter().chain(fields(request)) {
        if is_true(value) {
            object = object.text(name, value);
        }
    }
    object
}

fn fields<'r>(request: &Request<'r>) -> impl Iterator<Item = (&'static str, &'r [u8])> {
    [
        ("client_name", request.client_name),
        ("client_address", request.client_address),
        ("sender", request.sender),
        ("recipient", request.recipient),
    ]
    .into_iter()
}

/// Perl's truth: the original leaves out what is empty or `0`.
pub fn is_true(value: &[u8]) -> bool {
    !matches!(value, b"" | b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: Verdict = Verdict { reason: Reason::FirstPass, seconds: 300 };
    const NEW: Verdict = Verdict { reason: Reason::New, seconds: 300 };
    const EARLY: Verdict = Verdict { reason: Reason::EarlyRetry, seconds: 299 };

    fn request<'a>() -> Request<'a> {
        Request {
            client_address: b"1.2.3.4",
            client_name: b"mx.b.example",
            sender: b"A@b.example",
            recipient: b"c@D.example",
            ..Request::default()
        }
    }

    fn header() -> Reply {
        Reply::Prepend(b"X-Greylist: delayed 300 seconds".to_vec())
    }

    fn restrict() -> Reply {
        Reply::Restrict { action: b"DEFER_IF_PERMIT".to_vec(), text: Vec::new() }
    }

    fn object(policy: &Policy, request: &Request<'_>, verdict: Verdict) -> String {
        let object = log_object(policy, request, verdict);
        String::from_utf8(object.into_bytes()).expect("JSON is UTF-8")
    }

    #[test]
    fn each_answer_has_its_log_line() {
        const FIELDS: &str = "client_name=mx.b.example, client_address=1.2.3.4, \
                              sender=A@b.example, recipient=c@D.example";
        let table = [
            (Reason::ClientWhitelist.into(), Reply::Dunno, "pass, reason=client whitelist"),
            (Reason::RecipientWhitelist.into(), Reply::Dunno, "pass, reason=recipient whitelist"),
            (Reason::AutoWhitelist.into(), Reply::Dunno, "pass, reason=client AWL"),
            (Reason::SenderWhitelist.into(), Reply::Dunno, "pass, reason=sender whitelist"),
            (Reason::ClientBlacklist.into(), restrict(), "blacklist, reason=client blacklist"),
            (NEW, restrict(), "greylist, reason=new"),
            (EARLY, restrict(), "greylist, reason=early-retry (299s missing)"),
            (PASSED, header(), "pass, reason=triplet found, delay=300"),
            (PASSED, Reply::Dunno, "pass, reason=triplet found"),
        ];
        for (verdict, reply, text) in table {
            let line = log_line(&Policy::default(), &request(), verdict, &reply);
            let expected = format!("action={text}, {FIELDS}");
            assert_eq!(line.escape_ascii().to_string(), expected);
        }
    }

    #[test]
    fn a_dry_run_says_what_it_would_do() {
        let dry = Policy { is_dry_run: true, ..Policy::default() };
        let line = log_line(&dry, &request(), PASSED, &header());
        let text =
            b"action=pass, reason=triplet found, delay=300, dry-run, client_name=mx.b.example";
        assert!(line.starts_with(text), "{}", line.escape_ascii());
        let text = object(&dry, &request(), EARLY);
        assert!(text.contains("\"missing\":299,\"dry_run\":true,"), "{text}");
    }

    #[test]
    fn the_object_of_a_first_pass_has_its_delay() {
        let request = Request { queue_id: b"3F1A2B", ..request() };
        assert_eq!(
            object(&Policy::default(), &request, PASSED),
            "{\"action\":\"pass\",\"reason\":\"triplet found\",\"delay\":300,\
             \"queue_id\":\"3F1A2B\",\"client_name\":\"mx.b.example\",\
             \"client_address\":\"1.2.3.4\",\"sender\":\"A@b.example\",\
             \"recipient\":\"c@D.example\"}"
        );
        let known = Verdict { reason: Reason::TripletFound, seconds: 900 };
        let text = object(&Policy::default(), &request, known);
        assert!(!text.contains("delay"), "{text}");
    }

    #[test]
    fn the_log_leaves_out_what_is_empty_or_zero() {
        let request = Request { sender: b"", recipient: b"0", queue_id: b"3F1A2B", ..request() };
        let line = log_line(&Policy::default(), &request, NEW, &Reply::Dunno);
        assert_eq!(
            line,
            b"3F1A2B: action=greylist, reason=new, client_name=mx.b.example, \
              client_address=1.2.3.4"
        );
        let request = Request { queue_id: b"0", client_name: b"", ..request };
        let line = log_line(&Policy::default(), &request, NEW, &Reply::Dunno);
        assert_eq!(line, b"action=greylist, reason=new, client_address=1.2.3.4");
        assert_eq!(
            object(&Policy::default(), &request, NEW),
            "{\"action\":\"greylist\",\"reason\":\"new\",\"missing\":300,\
             \"client_address\":\"1.2.3.4\"}"
        );
    }
}
