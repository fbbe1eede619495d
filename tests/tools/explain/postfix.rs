//! Logs of Postfix: of a daemon that is quiet, and of one that is not.

use super::{ALICE, EARLY, FOUND, NEW, explain, line};
use testkit::{Scratch, assert_contains};

fn postfix(time: &str, text: &str) -> String {
    format!("2026-11-24T{time}.123456+00:00 mx postfix/smtpd[9]: {text}\n")
}

fn refused(time: &str, [name, address, sender]: [&str; 3]) -> String {
    postfix(
        time,
        &format!(
            "NOQUEUE: reject: RCPT from {name}[{address}]: 450 4.2.0 <bob@example.org>: Recipient \
             address rejected: Greylisted, see http://postgrey.schweikert.ch/; from=<{sender}> \
             to=<bob@example.org> proto=ESMTP helo=<{name}>"
        ),
    )
}

fn accepted(time: &str, later: &str, id: &str, [name, address, sender]: [&str; 3]) -> String {
    [
        postfix(time, &format!("{id}: client={name}[{address}]")),
        postfix(time, &format!("{id}: from=<{sender}>, size=9, nrcpt=1 (queue active)")),
        postfix(
            later,
            &format!(
                "{id}: to=<mailbox@store.test>, orig_to=<bob@example.org>, relay=store.test, \
                 delay=1, dsn=2.0.0, status=sent (250 ok)"
            ),
        ),
        postfix(later, &format!("{id}: removed")),
    ]
    .concat()
}

#[test]
fn mail_of_a_quiet_daemon_is_found_in_postfix_lines() {
    let log = [
        refused("10:00:00", ALICE),
        refused("10:01:40", ALICE),
        accepted("10:10:00", "11:30:00", "4bXyZw1234zQrTk", ALICE),
        // This one was not deferred before.
        accepted("10:20:00", "10:20:01", "4bXyZw1234zQrTm", ["x.test", "192.0.2.8", "x@x.test"]),
    ]
    .concat();
    let (status, text) = explain(&Scratch::new(), &log, &[]);
    assert_eq!(status, 0, "{text}");
    let expected = "\
Sender      alice@a.test
Recipient   bob@example.org
Attempt     2026-11-24 10:00:00 mx.a.test[192.0.2.1]: deferred
Attempt     2026-11-24 10:01:40 mx.a.test[192.0.2.1]: deferred
Attempt     2026-11-24 10:10:00 mx.a.test[192.0.2.1]: passed (accepted by
            Postfix)
Outcome     passed after 10 min, at attempt 3
";
    assert_eq!(text, expected);
    let (_, text) = explain(&Scratch::new(), &log, &["--summary"]);
    assert_contains(
        &text,
        &["Attempts    3\n", "Deferred    2\n", "Passed      1 (accepted by Postfix)\n"],
    );
}

#[test]
fn an_attempt_with_two_log_lines_is_shown_once() {
    let daemon = [
        line("10:00:00", NEW, ALICE),
        line("10:01:40", EARLY, ALICE),
        line("10:10:00", FOUND, ALICE),
    ];
    let postfix = [
        refused("10:00:01", ALICE),
        refused("10:01:40", ALICE),
        accepted("10:10:00", "10:10:02", "4bXyZw1234zQrTk", ALICE),
    ];
    let (_, expected) = explain(&Scratch::new(), &daemon.concat(), &[]);
    let together: String =
        daemon.iter().zip(&postfix).map(|(one, other)| one.clone() + other).collect();
    let crossed: String =
        daemon.iter().zip(&postfix).take(2).map(|(one, other)| other.clone() + one).collect();
    // And where each writes a log of its own.
    let in_turn = daemon.concat() + &postfix.concat();
    for log in [together, in_turn] {
        assert_eq!(explain(&Scratch::new(), &log, &[]).1, expected, "{log}");
    }
    // The first of two lines counts.
    let (_, text) = explain(&Scratch::new(), &(crossed + &daemon[2]), &[]);
    assert_eq!(text.matches("Attempt ").count(), 3, "{text}");
    assert!(text.contains("passed after 9 min 59 s, at attempt 3"), "{text}");
    let (_, text) = explain(&Scratch::new(), &(postfix.concat() + &daemon.concat()), &["--json"]);
    assert_eq!(text.matches("\"outcome\"").count(), 2, "{text}");
    assert!(!text.contains("\"outcome\":\"lost\"") && !text.contains("waiting"), "{text}");
}

#[test]
fn other_refusals_are_not_greylisting() {
    let log = [
        refused("10:00:00", ALICE).replace("Greylisted", "unverified address"),
        refused("10:00:00", ALICE).replace(" 450 ", " 554 "),
        refused("10:00:00", ALICE).replace("postfix/smtpd", "spamd"),
    ];
    assert_eq!(explain(&Scratch::new(), &log.concat(), &[]).0, 1);
    let by_milter = refused("10:00:00", ALICE).replace("reject:", "milter-reject:");
    assert_eq!(explain(&Scratch::new(), &by_milter.replace(" 450 ", " 451 "), &[]).0, 0);
}
