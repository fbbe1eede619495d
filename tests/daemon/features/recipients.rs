//! `--greylist-recipients` and `--recipient-delays`.

use crate::features::{count, defers, ours, stranger};
use nix::sys::signal::Signal;
use std::fs;
use testkit::wait_until;

#[test]
fn only_listed_recipients_are_greylisted() {
    let list = "bob@example.org\nlists.example.org\n";
    let daemon = ours(&[]).list("greylist-recipients", list).start();
    let mut client = daemon.client();
    let mut ask = |recipient: &str| client.ask(&stranger().with("recipient", recipient));
    for recipient in ["bob@example.org", "BOB+x@example.org", "a@lists.example.org"] {
        assert!(defers(&ask(recipient)), "{recipient}");
    }
    for recipient in ["carol@example.org", "bob@example.net"] {
        assert_eq!(ask(recipient), "DUNNO", "{recipient}");
        assert_eq!(ask(recipient), "DUNNO", "{recipient}");
    }
    fs::write(daemon.scratch().path().join("greylist-recipients"), "carol@\n").expect("the list");
    daemon.signal(Signal::SIGHUP);
    let to_carol = stranger().with("recipient", "carol@example.org");
    wait_until("the new list", || defers(&daemon.client().ask(&to_carol)));
    let log = daemon.stop().log;
    assert!(count(&log, "action=pass, reason=recipient not listed, client_name=mx.a.test") >= 4);
}

#[test]
fn with_an_unreadable_list_no_mail_is_greylisted() {
    let daemon = ours(&["--greylist-recipients=/nonexistent/list"]).start();
    assert_eq!(daemon.client().ask(&stranger()), "DUNNO");
    let complaint = "can't open /nonexistent/list: No such file or directory";
    assert_eq!(count(&daemon.stop().log, complaint), 1);
}

#[test]
fn recipients_have_their_own_delays() {
    let list = "example.org delay=60\nslow@example.org delay=600\nexample.net 60\n";
    let daemon = ours(&[]).list("recipient-delays", list).start();
    let mut client = daemon.client();
    let mut passes_at = |recipient: &str, delay: i64| {
        let attempt = stranger().with("recipient", recipient);
        client.assert_deferred(&attempt.clone().at(0));
        client.assert_deferred(&attempt.clone().at(delay - 1));
        let header = format!("PREPEND X-Greylist: delayed {delay} seconds by ");
        assert!(client.ask(&attempt.clone().at(delay)).starts_with(&header), "{recipient}");
        assert_eq!(client.ask(&attempt.at(delay + 1)), "DUNNO", "{recipient}");
    };
    passes_at("bob@example.org", 60);
    passes_at("slow@example.org", 600);
    passes_at("bob@example.net", 300);
    let log = daemon.log();
    assert_eq!(count(&log, "action=greylist, reason=early-retry (1s missing)"), 3);
    let complaint = "recipient-delays line 3: has no delay; write it like example.com delay=60";
    assert_eq!(count(&log, complaint), 1);

    // All have passed, for the tools as well, which go by --delay alone.
    let passed = daemon.tool("list --state=passed").success();
    for recipient in ["bob@example.org", "slow@example.org", "bob@example.net"] {
        assert!(passed.contains(recipient), "{recipient}: {passed}");
    }
}

#[test]
fn commands_know_the_delay_of_a_recipient() {
    let list = "slow@example.org delay=7200\n";
    let daemon = ours(&[]).list("recipient-delays", list).start();
    let mut client = daemon.client();
    let attempt = stranger().with("recipient", "slow@example.org");
    assert!(defers(&client.ask(&attempt.clone().at(-3600))));
    assert!(defers(&client.ask(&attempt.clone().at(-600))));
    let waiting = daemon.tool("list --state=waiting").success();
    assert!(waiting.contains("slow@example.org"), "{waiting}");
    let allowed = daemon.tool("allow 192.0.2.1 alice@a.test slow@example.org").success();
    assert_eq!(allowed, "allowed 1 entry\n");
    assert_eq!(client.ask(&attempt.at(0)), "DUNNO");
}
