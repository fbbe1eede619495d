//! `--whitelist-senders` and the blacklists.

use crate::features::{count, defers, ours, stranger};
use nix::sys::signal::Signal;
use std::fs;

const REFUSED: &str = "REJECT Access denied";

#[test]
fn senders_on_a_whitelist_pass_and_others_do_not() {
    let list = "friends.test\nalice@mixed.test\nnews@\n/^bounce-\\d+@/\n";
    let daemon = ours(&[]).list("whitelist-senders", list).start();
    let mut client = daemon.client();
    let mut ask = |sender: &str| client.ask(&stranger().with("sender", sender));
    for sender in [
        "bob@friends.test",
        "Bob@mail.FRIENDS.test",
        "alice+list@mixed.test",
        "news@any.test",
        "bounce-42@any.test",
    ] {
        assert_eq!(ask(sender), "DUNNO", "{sender}");
    }
    for sender in ["", "bob@mixed.test", "bob@notfriends.test"] {
        assert!(defers(&ask(sender)), "{sender}");
    }
    let log = daemon.stop().log;
    assert_eq!(count(&log, "action=pass, reason=sender whitelist, client_name=mx.a.test"), 5);
}

#[test]
fn blacklisted_mail_is_refused_and_not_recorded() {
    let builder = ours(&[]).list("blacklist-clients", "spam.test\n203.0.113.0/24\n");
    let builder = builder.list("blacklist-senders", "/^$/\nbad@\n");
    let daemon = builder.list("blacklist-recipients", "trap@example.org\n").start();
    let mut client = daemon.client();
    let cases = [
        ("client", stranger().with("client_name", "mx.spam.test")),
        ("client", stranger().with("client_address", "203.0.113.7")),
        ("sender", stranger().with("sender", "bad@a.test")),
        ("sender", stranger().with("sender", "")),
        ("recipient", stranger().with("recipient", "trap@example.org")),
    ];
    for (who, attempt) in cases {
        for seconds in [0, 300, 86_400] {
            assert_eq!(client.ask(&attempt.clone().at(seconds)), REFUSED, "{who} {seconds}");
        }
    }
    assert!(defers(&client.ask(&stranger().at(86_400))), "nothing was learned of the client");
    let log = daemon.stop().log;
    for (who, lines) in [("client", 6), ("sender", 6), ("recipient", 3)] {
        assert_eq!(count(&log, &format!("action=blacklist, reason={who} blacklist, ")), lines);
    }
}

#[test]
fn a_client_of_the_auto_whitelist_is_refused_once_it_is_on_a_blacklist() {
    let builder = ours(&["--auto-whitelist-clients=1"]);
    let daemon = builder.list("blacklist-clients", "").start();
    let mut client = daemon.client();
    assert!(defers(&client.ask(&stranger().at(0))));
    assert!(client.ask(&stranger().at(300)).starts_with("PREPEND "));
    let other = stranger().with("sender", "other@a.test");
    assert_eq!(client.ask(&other.clone().at(301)), "DUNNO", "on the auto-whitelist");
    let list = daemon.scratch().path().join("blacklist-clients");
    fs::write(&list, "192.0.2.256\n192.0.2.1\n").expect("the list");
    daemon.signal(Signal::SIGHUP);
    let complaint = "blacklist-clients line 1: 192.0.2.256 is not an IPv4 address";
    daemon.wait_for_line(complaint);
    assert_eq!(client.ask(&other.at(302)), REFUSED);
}

#[test]
fn a_missing_blacklist_is_reported_and_refuses_no_mail() {
    let daemon = ours(&["--blacklist-clients=/nonexistent/list"]).start();
    assert!(defers(&daemon.client().ask(&stranger())));
    let complaint = "can't open /nonexistent/list: No such file or directory";
    assert_eq!(count(&daemon.stop().log, complaint), 1);
}
