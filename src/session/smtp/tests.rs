//! Whole dialogues with the session.

use super::{Event, Extensions, MAX_LINE, Offer, Session, Step};
use std::rc::Rc;

/// The offer of all tests: a mail server with most extensions, and TLS.
fn session() -> Session {
    let reply = b"250-x\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 CHUNKING\r\n";
    Session::new(Rc::new(Offer {
        host: "mx.test".to_owned(),
        extensions: Extensions::of_reply(reply),
        offers_tls: true,
    }))
}

/// Decides on a recipient: those at `pass.test` pass.
fn decide(session: &mut Session, recipient: &[u8]) -> Step {
    session.answer(match recipient {
        _ if recipient.ends_with(b"@pass.test") => None,
        _ if recipient.ends_with(b"@no.test") => Some(b"554 5.7.1 Blacklisted".to_vec()),
        _ => Some(b"451 4.7.1 Greylisted".to_vec()),
    })
}

/// All that a client sees, and what the session asks, up to the end of the
/// input or of the session.
fn transcript<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut session = session();
    let mut seen = Vec::new();
    let mut see = |kind: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "|");
        seen.push(format!("{kind}{}", text.trim_end_matches('|')));
    };
    for piece in pieces {
        session.feed(piece);
        while let Some(event) = session.next_event() {
            match event {
                Event::Reply(reply) => see("", &reply),
                Event::StartTls(reply) => see("tls ", &reply),
                Event::Close(reply) => {
                    see("close ", &reply);
                    return seen;
                }
                Event::Recipient(asked) => {
                    assert_eq!(session.next_event(), None);
                    see("from ", &asked.sender);
                    see("to ", &asked.recipient);
                    match decide(&mut session, &asked.recipient) {
                        Step::Reply(reply) => see("", &reply),
                        Step::HandOver(lines) => {
                            see("hand over ", &lines.concat());
                            let reply = session.refuse(b"450 4.2.0 backend".to_vec());
                            see("", &reply);
                        }
                    }
                }
            }
        }
        session.shrink();
    }
    seen
}

#[track_caller]
fn check(input: &str, expected: &[&str]) {
    assert_eq!(transcript([input.as_bytes()]), expected, "{input:?}");
}

#[test]
fn client_is_greeted() {
    assert_eq!(session().greeting(), b"220 mx.test ESMTP\r\n");
}

#[test]
fn extensions_are_those_of_the_settings() {
    check("HELO a\r\n", &["250 mx.test"]);
    let offered = "250-mx.test|250-SIZE 1000|250-8BITMIME|250-DSN|250-CHUNKING|250 STARTTLS";
    check("EHLO a\r\n", &[offered]);
}

#[test]
fn recipient_is_deferred() {
    check(
        "HELO a\r\nMAIL FROM:<s@a.test>\r\nRCPT TO:<r@b.test>\r\nDATA\r\nQUIT\r\n",
        &[
            "250 mx.test",
            "250 2.1.0 Ok",
            "from s@a.test",
            "to r@b.test",
            "451 4.7.1 Greylisted",
            "451 4.7.1 Error: no recipient was accepted",
            "close 221 2.0.0 Bye",
        ],
    );
}

#[test]
fn bounce_is_refused() {
    check(
        "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<r@no.test>\r\n",
        &["250 mx.test", "250 2.1.0 Ok", "from ", "to r@no.test", "554 5.7.1 Blacklisted"],
    );
}

#[test]
fn recipient_that_passes_is_handed_over_with_the_clients_own_lines() {
    check(
        "ehlo A.test \r\nmail from: <S@a.test>  size=3\r\nRCPT TO:<r@b.test>\n\
         rcpt to:<@x:\"r\"@pass.test> NOTIFY=NEVER\r\n",
        &[
            "250-mx.test|250-SIZE 1000|250-8BITMIME|250-DSN|250-CHUNKING|250 STARTTLS",
            "250 2.1.0 Ok",
            "from S@a.test",
            "to r@b.test",
            "451 4.7.1 Greylisted",
            "from S@a.test",
            "to r@pass.test",
            "hand over ehlo A.test |mail from: <S@a.test>  size=3|\
             rcpt to:<@x:\"r\"@pass.test> NOTIFY=NEVER",
            "450 4.2.0 backend",
        ],
    );
}

#[test]
fn bytes_after_the_recipient_are_given_out_untouched() {
    let mut session = session();
    let rest = b"DATA\r\n\0\xff\n.\n\r.\r\nRCPT TO:<x@y>\r\n";
    session.feed(b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<r@pass.test>\r\n");
    session.feed(rest);
    while let Some(event) = session.next_event() {
        if let Event::Recipient(asked) = event {
            assert!(matches!(decide(&mut session, &asked.recipient), Step::HandOver(_)));
        }
    }
    assert_eq!(session.rest(), rest);
}

#[test]
fn commands_have_an_order() {
    check("MAIL FROM:<>\r\n", &["503 5.5.1 Error: send HELO or EHLO first"]);
    check("RCPT TO:<a@b>\r\n", &["503 5.5.1 Error: need MAIL command"]);
    check("DATA\r\n", &["503 5.5.1 Error: need MAIL command"]);
    for (second, reply) in [
        ("MAIL FROM:<>", "503 5.5.1 Error: nested MAIL command"),
        ("DATA", "503 5.5.1 Error: need RCPT command"),
        ("BDAT 0 LAST", "503 5.5.1 Error: need RCPT command"),
        ("MAIL FROM:<> SMTPUTF8", "503 5.5.1 Error: nested MAIL command"),
        ("RCPT TO:<a@b> SIZE=1", "555 5.5.4 Error: parameter not recognized"),
    ] {
        let input = format!("HELO a\r\nMAIL FROM:<>\r\n{second}\r\n");
        check(&input, &["250 mx.test", "250 2.1.0 Ok", reply]);
    }
    check(
        "HELO a\r\nMAIL FROM:<> SMTPUTF8\r\n",
        &["250 mx.test", "555 5.5.4 Error: parameter not recognized"],
    );
}

#[test]
fn transaction_ends_with_rset_and_ehlo() {
    for (end, reply) in [("RSET", "250 2.0.0 Ok"), ("HELO b", "250 mx.test")] {
        check(
            &format!("HELO a\r\nMAIL FROM:<>\r\n{end}\r\nRCPT TO:<a@b>\r\n"),
            &["250 mx.test", "250 2.1.0 Ok", reply, "503 5.5.1 Error: need MAIL command"],
        );
    }
}

#[test]
fn other_commands_are_answered() {
    for (command, reply) in [
        ("NOOP", "250 2.0.0 Ok"),
        ("VRFY bob", "252 2.0.0 Cannot verify, but will try to deliver"),
        ("HELP", "214 2.0.0 See RFC 5321"),
        ("AUTH PLAIN", "502 5.5.1 Error: command not implemented"),
        ("XCLIENT NAME=x", "502 5.5.1 Error: command not implemented"),
        ("XFORWARD NAME=x", "502 5.5.1 Error: command not implemented"),
        ("TURN", "502 5.5.1 Error: command not implemented"),
        ("WIZ", "500 5.5.2 Error: command not recognized"),
        ("NOOP \0", "500 5.5.2 Error: control character in command"),
        ("RCPT TO:<>", "501 5.1.3 Error: syntax: RCPT TO:<address>"),
        ("MAIL FROM:<a@b>x", "501 5.1.7 Error: syntax: MAIL FROM:<address>"),
        ("BDAT x", "close 501 5.5.4 Error: syntax: BDAT size [LAST]"),
        ("GET / HTTP/1.1", "close 421 4.7.0 Error: this is an SMTP server"),
    ] {
        check(&format!("{command}\r\n"), &[reply]);
    }
}

#[test]
fn chunks_of_refused_recipients_are_discarded() {
    check(
        "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<r@b.test>\r\nBDAT 10\r\nQUIT\r\n\r\n\r\n\
         BDAT 0 LAST\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
        &[
            "250 mx.test",
            "250 2.1.0 Ok",
            "from ",
            "to r@b.test",
            "451 4.7.1 Greylisted",
            "451 4.7.1 Error: no recipient was accepted",
            "451 4.7.1 Error: no recipient was accepted",
            "250 2.0.0 Ok",
            "503 5.5.1 Error: need MAIL command",
            "250 2.0.0 Ok",
        ],
    );
}

#[test]
fn discarded_bytes_are_bounded() {
    check(
        "BDAT 18446744073709551615\r\n",
        &["close 421 4.7.0 Error: too much data for refused recipients"],
    );
    let half = 60 << 20;
    let mut session = session();
    session.feed(format!("BDAT {half}\r\n").as_bytes());
    assert_eq!(session.next_event(), None);
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..60 {
        session.feed(&piece);
        let _ = session.next_event();
    }
    session.feed(format!("BDAT {half}\r\n").as_bytes());
    assert!(matches!(session.next_event(), Some(Event::Close(_))));
}

#[test]
fn tls_forgets_what_was_said_in_clear() {
    check(
        "EHLO a\r\nMAIL FROM:<>\r\nSTARTTLS\r\nRCPT TO:<a@b>\r\n",
        &[
            "250-mx.test|250-SIZE 1000|250-8BITMIME|250-DSN|250-CHUNKING|250 STARTTLS",
            "250 2.1.0 Ok",
            "tls 220 2.0.0 Ready to start TLS",
        ],
    );
    let encrypted = transcript(
        ["STARTTLS\r\n", "MAIL FROM:<>\r\n", "EHLO a\r\n", "STARTTLS\r\n"].map(str::as_bytes),
    );
    assert_eq!(
        encrypted,
        [
            "tls 220 2.0.0 Ready to start TLS",
            "503 5.5.1 Error: send HELO or EHLO first",
            "250-mx.test|250-SIZE 1000|250-8BITMIME|250-DSN|250 CHUNKING",
            "503 5.5.1 Error: TLS already active",
        ]
    );
    let mut without = Session::new(Rc::new(Offer::default()));
    without.feed(b"STARTTLS\r\n");
    let reply = b"502 5.5.1 Error: command not implemented\r\n".to_vec();
    assert_eq!(without.next_event(), Some(Event::Reply(reply)));
}

#[test]
fn client_is_given_up_after_twenty_errors() {
    let seen = transcript(["WIZ\r\n".repeat(100).as_bytes()]);
    assert_eq!(seen.len(), 20);
    assert_eq!(seen[18], "500 5.5.2 Error: command not recognized");
    assert_eq!(seen[19], "close 421 4.7.0 Error: too many errors");
}

#[test]
fn commands_that_lead_nowhere_are_bounded() {
    for command in ["NOOP", "EHLO a", "RSET", "BDAT 0"] {
        let seen = transcript([format!("{command}\r\n").repeat(1000).as_bytes()]);
        assert!((20..=120).contains(&seen.len()), "{command}: {}", seen.len());
        assert_eq!(seen.last().unwrap(), "close 421 4.7.0 Error: too many errors");
    }
}

#[test]
fn a_message_may_have_a_thousand_recipients() {
    let recipients = "RCPT TO:<r@b.test>\r\n".repeat(1001);
    let seen = transcript([format!("HELO a\r\nMAIL FROM:<>\r\n{recipients}").as_bytes()]);
    assert_eq!(seen.iter().filter(|line| line.starts_with("451 ")).count(), 1000);
    assert_eq!(seen.last().unwrap(), "452 4.5.3 Error: too many recipients");
}

#[test]
fn too_long_line_is_an_error() {
    let line = "x".repeat(10 * MAX_LINE);
    check(&format!("{line}\r\nNOOP\r\n"), &["500 5.5.2 Error: line too long", "250 2.0.0 Ok"]);
}

#[test]
fn addresses_count_to_a_length() {
    let long = "x".repeat(1000);
    let seen =
        transcript([format!("HELO a\r\nMAIL FROM:<{long}>\r\nRCPT TO:<{long}>\r\n").as_bytes()]);
    assert_eq!(seen[2].len(), "from ".len() + 512);
    assert_eq!(seen[3].len(), "to ".len() + 512);
}

#[test]
fn pieces_do_not_matter() {
    let input = format!(
        "EHLO a\r\nMAIL FROM:<s@a.test> SIZE=1\r\nRCPT TO:<r@b.test>\nRCPT TO:<r@pass.test>\r\n\
         BDAT 12 LAST\r\nHELO\r\n.\r\n\r\r\n{}\r\nWIZ\r\n\u{fc}\r\nRSET\r\nDATA\r\nSTARTTLS",
        "x".repeat(3000)
    );
    let whole = transcript([input.as_bytes()]);
    assert!(whole.len() > 12, "{whole:#?}");
    for size in (1..40).chain([2047, 2048, 2049]) {
        assert_eq!(transcript(input.as_bytes().chunks(size)), whole, "pieces of {size}");
    }
}
