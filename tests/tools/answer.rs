//! `postgrey check --address=...` on the real binary: it says what the daemon
//! then answers, why, and writes nothing.

use std::fs;
use testkit::tool::{postgrey, run};
use testkit::{Attempt, Daemon, Program, Scratch, start_of_time};

/// The daemon's options, with which it does not depend on the machine.
const OPTIONS: [&str; 4] = [
    "--hostname=mail.example.org",
    "--greylist-text=Wait %s for %r",
    "--delay=600",
    "--auto-whitelist-clients=2",
];

fn daemon() -> Daemon {
    let clients = "# Ours.\n\nexample.com # a friend\n/^mx\\d+\\.pool\\.test$/\n2001:db8::/32\n";
    let builder = Daemon::builder(Program::Ours).args(OPTIONS);
    builder.whitelist_clients(clients).whitelist_recipients("postmaster@\n").start()
}

/// The options that name the database and the lists of a daemon.
fn places(scratch: &Scratch) -> [String; 3] {
    let list = |kind: &str| {
        let name = format!("whitelist_{kind}");
        format!("--whitelist-{kind}={}", scratch.path().join(name).display())
    };
    [scratch.dbdir_option(), list("clients"), list("recipients")]
}

/// Asks about an attempt, `seconds` after the start of time.
fn ask(scratch: &Scratch, attempt: [&str; 4], seconds: i64, form: &str) -> String {
    let names = ["address", "client", "sender", "recipient"];
    let mail = names.iter().zip(attempt).map(|(name, value)| format!("--{name}={value}"));
    let at = format!("--at={}", start_of_time() + seconds);
    let mut check = postgrey("check --defaults=/dev/null");
    run(check.args(OPTIONS).args(places(scratch)).args(mail).args([&at, form])).success()
}

/// Without the date of a header, which is that of the real clock.
fn without_date(answer: &str) -> &str {
    answer.split(" at mail.example.org;").next().unwrap_or_default()
}

fn answer(json: &str) -> &str {
    let rest = json.strip_prefix("{\"answer\":\"action=").expect("an answer first");
    rest.split('"').next().expect("an end")
}

#[test]
fn predicted_replies_are_the_daemons() {
    let daemon = daemon();
    let mut client = daemon.client();
    let alice = ["192.0.2.1", "mx.test", "alice@sender.test", "bob@example.org"];
    let carol = ["192.0.2.1", "mx.test", "carol@sender.test", "bob@example.org"];
    for (attempt, seconds, decision) in [
        (alice, 0, "new"),
        (alice, 100, "early-retry"),
        (alice, 599, "early-retry"),
        (alice, 600, "first-pass"),
        (alice, 700, "triplet-found"),
        (carol, 800, "new"),
        (carol, 800 + 3 * 86_400, "new"),
        (carol, 1500 + 3 * 86_400, "first-pass"),
        (["192.0.2.1", "mx.test", "", "bob@example.org"], 1600 + 3 * 86_400, "client-awl"),
        (["192.0.2.9", "mail.example.com", "a@b.test", "c@d.test"], 0, "client-whitelist"),
        (["192.0.2.9", "MX7.pool.test", "a@b.test", "c@d.test"], 0, "client-whitelist"),
        (["2001:db8::9", "unknown", "a@b.test", "c@d.test"], 0, "client-whitelist"),
        (["192.0.2.9", "mx.test", "a@b.test", "postmaster+x@d.test"], 0, "recipient-whitelist"),
        (["2001:db9::9", "unknown", "a@b.test", "c@d.test"], 5, "new"),
    ] {
        let predicted = ask(daemon.scratch(), attempt, seconds, "--json");
        let [address, name, sender, recipient] = attempt;
        let request = Attempt::new(address, name, sender, recipient).with("etrn_domain", "");
        let given = client.ask(&request.at(seconds));
        let both = [answer(&predicted), &given].map(|text| without_date(text).to_owned());
        assert_eq!(both[0], both[1], "{attempt:?} after {seconds}");
        assert!(predicted.contains(&format!("\"decision\":\"{decision}\"")), "{predicted}");
    }
}

#[test]
fn nothing_is_written() {
    let daemon = daemon();
    let mut client = daemon.client();
    let attempt = Attempt::new("192.0.2.1", "mx.test", "alice@sender.test", "bob@example.org");
    client.ask(&attempt.at(0));
    let scratch = daemon.stop().scratch;
    let file = scratch.dbdir().join("postgrey.mdb");
    let before = fs::read(&file).expect("the database");
    for seconds in [0, 300, 600, 100 * 86_400] {
        for sender in ["alice@sender.test", "dave@sender.test"] {
            ask(&scratch, ["192.0.2.1", "mx.test", sender, "bob@example.org"], seconds, "--json");
        }
    }
    assert!(fs::read(&file).expect("the database") == before, "the database has changed");
}

#[test]
fn without_a_database_everything_is_new() {
    let daemon = daemon();
    let scratch = daemon.stop().scratch;
    let file = scratch.dbdir().join("postgrey.mdb");
    fs::remove_file(&file).expect("the database");
    let json = ask(&scratch, ["192.0.2.1", "mx.test", "a@b.test", "c@d.test"], 0, "--json");
    assert!(json.contains("\"decision\":\"new\""), "{json}");
    assert!(!file.exists());
}

#[test]
fn no_entry_is_predicted_for_exempt_mail() {
    let daemon = daemon();
    let list = daemon.scratch().file("greylisted", "example.org\n");
    let greylisted = format!("--greylist-recipients={}", list.display());
    let ask = |more: &[&str], form: &str| {
        let mut check = postgrey("check --sender=a@b.test --recipient=c@d.test");
        check.args(places(daemon.scratch())).args(more).arg(form);
        run(check.args((!more.contains(&"--address=::1")).then_some("--address=10.1.2.3"))).out
    };
    for (options, reason) in [
        (&["--trusted-networks=10.0.0.0/8"][..], "trusted network"),
        (&["--trust-authenticated", "--login"], "has logged in"),
        (&["--milter=/run/m", "--login"], "has logged in"),
        (&["--milter=/run/m", "--address=::1"], "trusted network"),
        (&[&greylisted], "not on the list of those who are greylisted"),
    ] {
        let text = ask(options, "--verbose");
        assert!(text.replace("\n            ", " ").contains(reason), "{text}");
        assert!(!text.contains("Next") && !text.contains("Key"), "{text}");
        let json = ask(options, "--json");
        assert!(!json.contains("\"key\""), "{json}");
    }
    let text = ask(&["--noaction"], "--verbose");
    assert!(text.starts_with("Answer      action=DUNNO\nBecause     no such triplet"), "{text}");
    assert!(text.contains("Dry run     with --noaction mail passes, whatever"), "{text}");
    let json = ask(&["--noaction"], "--json");
    assert!(json.contains("\"dry_run\":true"), "{json}");
}
