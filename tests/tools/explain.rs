//! `postgrey explain` on the real binary: the story of a mail, and the sum of
//! a day, from logs of every form.
mod postfix;

use testkit::tool::{postgrey, run};
use testkit::{Scratch, assert_contains};

/// Runs the command on a log; returns its exit status and its output.
fn explain(scratch: &Scratch, log: &str, words: &[&str]) -> (i32, String) {
    let file = scratch.file("mail.log", log);
    let finished = run(postgrey("explain").args(words).arg(scratch.dbdir_option()).arg(file));
    (finished.status.expect("no signal"), finished.out + &finished.err)
}

/// A line of the daemon at a minute of an hour of a day.
fn line(time: &str, action: &str, [name, address, sender]: [&str; 3]) -> String {
    format!(
        "2026-11-24T{time}+00:00 mx postgrey[7]: {action}, client_name={name}, \
         client_address={address}, sender={sender}, recipient=bob@example.org\n"
    )
}

const NEW: &str = "action=greylist, reason=new";
const EARLY: &str = "action=greylist, reason=early-retry (200s missing)";
const FOUND: &str = "action=pass, reason=triplet found, delay=600";
const ALICE: [&str; 3] = ["mx.a.test", "192.0.2.1", "alice@a.test"];

/// A mail from one server, one from a pool of servers, one that never came
/// back, and one that passed at once.
fn day() -> String {
    let pooled = |time: &str, action: &str, number: u8| {
        let name = format!("out{number}.mail.pool.test");
        line(time, action, [&name, &format!("198.51.{number}.1"), "news@pool.test"])
    };
    [
        line("10:00:00", NEW, ALICE),
        line("10:01:40", EARLY, ALICE),
        line("10:10:00", FOUND, ALICE),
        pooled("11:00:00", NEW, 1),
        pooled("11:20:00", NEW, 2),
        pooled("11:40:00", NEW, 3),
        pooled("12:00:00", FOUND, 1),
        line("08:00:00", NEW, ["unknown", "203.0.113.9", "spam@junk.test"]),
        line("12:30:00", "action=pass, reason=client whitelist", ["ok.test", "192.0.2.8", "x@ok.test"]),
        "2026-11-24T12:31:00+00:00 mx postgrey[7]: whitelisted: mx.a.test[192.0.2.1]\n".into(),
        "2026-11-27T12:31:00+00:00 mx postgrey[7]: action=pass, reason=client whitelist, \
         client_name=ok.test, client_address=192.0.2.8, sender=x@ok.test, recipient=bob@example.org\n"
            .into(),
    ]
    .concat()
}

#[test]
fn a_mail_is_explained_with_all_its_attempts() {
    let (status, text) = explain(&Scratch::new(), &day(), &["--sender=alice@a.test"]);
    assert_eq!(status, 0, "{text}");
    let expected = "\
Sender      alice@a.test
Recipient   bob@example.org
Attempt     2026-11-24 10:00:00 mx.a.test[192.0.2.1]: deferred, as nothing was
            known of it from this network
Attempt     2026-11-24 10:01:40 mx.a.test[192.0.2.1]: deferred, as it came back
            200s too early
Attempt     2026-11-24 10:10:00 mx.a.test[192.0.2.1]: passed, as it has waited
Outcome     passed after 10 min, at attempt 3
";
    assert_eq!(text, expected);
}

#[test]
fn a_mail_from_many_networks_gets_advice() {
    let (status, text) = explain(&Scratch::new(), &day(), &["--sender=pool.test"]);
    assert_eq!(status, 0, "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("passed after 1 h, at attempt 4"), "{text}");
    let advice = "came from 3 networks, and each of them had to wait on its own: exempt its \
                  servers by a line in whitelist_clients.local: mail.pool.test";
    assert!(text.contains(advice), "{text}");
}

#[test]
fn a_mail_that_never_returned_is_reported_as_lost() {
    let (_, text) = explain(&Scratch::new(), &day(), &["--client=203.0.113.9"]);
    assert!(text.contains("Outcome     never came back in time"), "{text}");
    let (_, json) = explain(&Scratch::new(), &day(), &["--client=203.0.113.9", "--json"]);
    assert!(json.ends_with("\"outcome\":\"lost\"}\n"), "{json}");
}

#[test]
fn no_match_is_exit_status_1() {
    let (status, text) = explain(&Scratch::new(), &day(), &["--sender=nobody@a.test"]);
    assert_eq!((status, text.as_str()), (1, "postgrey: nothing matched\n"));
}

#[test]
fn a_queue_id_selects_its_mail() {
    let postfix = "2026-11-24T10:10:00+00:00 mx postfix/qmgr[1]: 4bXyZw1234zQrTk: \
         from=<alice@a.test>, size=9, nrcpt=1 (queue active)\n\
         2026-11-24T10:10:01+00:00 mx postfix/local[1]: 4bXyZw1234zQrTk: to=<bob@example.org>, \
         relay=local, delay=1, dsn=2.0.0, status=sent (delivered to mailbox)\n";
    let log = day() + postfix;
    let (status, text) = explain(&Scratch::new(), &log, &["--id=4bXyZw1234zQrTk"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.starts_with("Sender      alice@a.test\n"), "{text}");
    assert!(text.contains("passed after 10 min, at attempt 3; Postfix: sent"), "{text}");
    assert_eq!(text.matches("Sender").count(), 1, "{text}");
}

#[test]
fn a_summary_counts_what_greylisting_did() {
    let (status, text) = explain(&Scratch::new(), &day(), &["--summary"]);
    assert_eq!(status, 0, "{text}");
    assert_contains(
        &text,
        &[
            "Attempts    10\n",
            "Deferred    6\n",
            "Passed      2 (client whitelist)\n",
            "Passed      2 (triplet found)\n",
            "Whitelisted 1 (clients added to the auto-whitelist)\n",
            "Of 3 mails that were deferred:\n",
            "Returned    2\n",
            "Lost        1 ",
            "Delay       half within 10 min, 90% 1 h, 99% 1 h, longest 1 h\n",
            "           1 h       1 mail   pool.test\n",
            "        10 min       1 mail   192.0.2.0/24\n",
        ],
    );
    let (_, json) = explain(&Scratch::new(), &day(), &["--summary", "--json", "--day=2026-11-24"]);
    let first = json.lines().next().expect("a line");
    assert!(first.contains("\"attempts\":9,\"deferred\":6,\"auto_whitelisted\":1"), "{json}");
    assert!(first.contains("\"delay_50\":600,\"delay_90\":3600"), "{json}");
}

#[test]
fn a_log_that_cannot_be_read_is_an_error() {
    let (status, text) = explain(&Scratch::new(), "hello\nworld\n", &[]);
    assert_eq!(status, 3, "{text}");
    assert!(text.contains("no line of the log is in a known format"), "{text}");
    run(&mut postgrey("explain /nonexistent/log"))
        .refusal(3, "can't open /nonexistent/log: No such file");
}
