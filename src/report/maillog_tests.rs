use super::*;
use crate::maillog::stamp;

fn maillog() -> Maillog {
    Maillog::new(b"Greylisted").unwrap()
}

/// The parts of the refusal in a line, separated by bars.
fn attempt(line: &str) -> Option<String> {
    match maillog().event(line.as_bytes()) {
        Some(Event::Deferred(it)) => {
            let parts = [stamp(line.as_bytes()), it.name, it.address, it.sender, it.recipient];
            Some(parts.map(String::from_utf8_lossy).join("|"))
        }
        Some(Event::Passed(passed)) => panic!("{passed:?}"),
        None => None,
    }
}

const TIME: &str = "Jun 20 10:00:00";

/// A line with these words of the client and the envelope.
fn line(client: &str, code: &str, envelope: &str) -> String {
    format!(
        "{TIME} mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from {client}: {code} <r@d.test>: \
         Recipient address rejected: Greylisted, see there; {envelope} proto=ESMTP helo=<x>"
    )
}

#[test]
fn deferred_mail_is_found_in_all_its_spellings() {
    for (client, code, envelope, parts) in [
        (
            "mx.b.test[192.0.2.1]",
            "450 4.2.0",
            "from=<a@b.test> to=<r@d.test>",
            "mx.b.test|192.0.2.1|a@b.test|r@d.test",
        ),
        (
            "unknown[192.0.2.1]",
            "450",
            "from=<a@b.test> to=<r@d.test>",
            "unknown|192.0.2.1|a@b.test|r@d.test",
        ),
        (
            "mx.b.test[192.0.2.1]:4711",
            "450 4.2.0",
            "from=<a@b.test> to=<r@d.test>",
            "mx.b.test|192.0.2.1|a@b.test|r@d.test",
        ),
        (
            "mx.b.test[2001:db8::1]",
            "450 4.2.0",
            "from=<a@b.test> to=<r@d.test>",
            "mx.b.test|2001:db8::1|a@b.test|r@d.test",
        ),
        (
            "mx.b.test[2001:db8::1]:25",
            "450 4.2.0",
            "from=<> to=<r@d.test>",
            "mx.b.test|2001:db8::1||r@d.test",
        ),
        ("mx[192.0.2.1]", "450 4.2.0", "from=<a@b> orig_to=<o@d> to=<r@d>", "mx|192.0.2.1|a@b|r@d"),
        (
            "mx[192.0.2.1]",
            "450 4.2.0",
            "from=<z/slash@b> to=<r/slash@d>",
            "mx|192.0.2.1|z/slash@b|r/slash@d",
        ),
        (
            "mx[192.0.2.1]",
            "450 4.2.0",
            "from=<\"a> to=<x\\\" b\"@b> to=<r@d>",
            "mx|192.0.2.1|\"a> to=<x\\\" b\"@b|r@d",
        ),
    ] {
        let line = line(client, code, envelope);
        assert_eq!(attempt(&line), Some(format!("{TIME}|{parts}")), "{line}");
    }
}

#[test]
fn other_lines_give_no_event() {
    let good = line("mx[192.0.2.1]", "450 4.2.0", "from=<a@b> to=<r@d>");
    assert!(attempt(&good).is_some());
    for bad in [
        good.replace("reject: ", "reject_warning: "),
        good.replace("Greylisted", "greylisted"),
        good.replace(": 450 ", ": 554 "),
        good.replace(": 450 ", ": 45 "),
        good.replace(": 450 ", ": 4500 "),
        good.replace("to=<r@d>", "to=<>"),
        good.replace("from=<a@b> ", ""),
        good.replace("192.0.2.1", "192.0.2.300"),
        good.replace("mx[", "["),
        "reject: Greylisted: 450 from=< to=<".to_owned(),
        String::new(),
    ] {
        assert_eq!(attempt(&bad), None, "{bad}");
    }
}

#[test]
fn the_text_is_a_perl_pattern() {
    let line = line("mx[192.0.2.1]", "450 4.2.0", "from=<a@b> to=<r@d>");
    for (text, matches) in [
        ("Greylisted, see", true),
        ("^Jun.*Grey(?=listed)", true),
        ("Come back", false),
        ("", true),
    ] {
        let event = Maillog::new(text.as_bytes()).unwrap();
        assert_eq!(event.event(line.as_bytes()).is_some(), matches, "{text}");
    }
    assert!(Maillog::new(b"(").is_err());
}

#[test]
fn passed_mail_is_found_in_the_daemons_lines() {
    for (fields, sender, recipient) in [
        (", sender=a@b, recipient=r@d", "a@b", "r@d"),
        (", recipient=r@d", "", "r@d"),
        (", sender=a, recipient=x@b, recipient=r@d", "a, recipient=x@b", "r@d"),
        (", sender=a@b, recipient=r@d\r", "a@b", "r@d"),
    ] {
        let line = format!(
            "{TIME} mx postgrey[7]: 4A: action=pass, reason=triplet found, delay=300, \
             client_name=mx.b, client_address=192.0.2.1{fields}"
        );
        let expected = LoggedDecision {
            reason: b"action=pass, reason=triplet found, delay=300",
            name: b"mx.b",
            client: "192.0.2.1".parse().unwrap(),
            sender: sender.as_bytes().into(),
            recipient: recipient.as_bytes().into(),
        };
        assert_eq!(maillog().event(line.as_bytes()), Some(Event::Passed(expected)), "{line}");
    }
    for line in ["action=greylist, reason=new", "action=pass, reason=x", ""] {
        assert_eq!(maillog().event(line.as_bytes()), None);
    }
}

#[test]
fn the_code_may_be_any_that_is_not_for_good_if_the_text_is_there() {
    for code in ["450 4.2.0", "451 4.7.1", "421 4.7.0", "499"] {
        let line = line("mx[192.0.2.1]", code, "from=<a@b> to=<r@d>");
        assert!(attempt(&line).is_some(), "{line}");
        let by_milter = line.replace("reject: ", "milter-reject: ");
        assert!(attempt(&by_milter).is_some(), "{by_milter}");
        let all = Maillog::new(b"").unwrap();
        assert_eq!(all.event(line.as_bytes()).is_some(), code.starts_with("450"), "{line}");
    }
}

#[test]
fn the_time_of_every_form_of_syslog_is_shown_as_it_is_written() {
    let rest = line("mx.b.test[192.0.2.1]", "450", "from=<a@b.test> to=<r@d.test>");
    let rest = rest.strip_prefix(TIME).unwrap();
    for (before, time) in [
        ("Jun 20 10:00:00 <mail.info>", "Jun 20 10:00:00"),
        ("mail-1  | Jun 20 10:00:00", "Jun 20 10:00:00"),
        ("<22>1 2026-06-20T10:00:00.123+02:00", "2026-06-20T10:00:00.123+02:00"),
        ("2026 Jun 20 10:00:00", "2026 Jun 20 10:00:00"),
        ("2026-06-20 10:00:00", "2026-06-20 10:00:00"),
        ("2024-06-20T10:00:00.123456+02:00", "2024-06-20T10:00:00.123456+02:00"),
        ("2024-06-20T10:00:00Z", "2024-06-20T10:00:00Z"),
    ] {
        let parts = attempt(&format!("{before}{rest}")).unwrap();
        assert_eq!(parts, format!("{time}|mx.b.test|192.0.2.1|a@b.test|r@d.test"), "{before}");
    }
}
