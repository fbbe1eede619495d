//! Commands that show and change records, with a running daemon and without one.

use crate::database::{
    ALICE, BOUNCE, DAVE, NEWS, assert_changes, assert_no_match, attempt, command, daemon, keys,
    output, started, with_and_without,
};
use testkit::{Daemon, Program, assert_contains};

#[test]
fn a_list_can_be_filtered_sorted_and_limited() {
    with_and_without(daemon(), |directory| {
        for (words, expected) in [
            ("", &[BOUNCE, ALICE, NEWS, DAVE] as &[&str]),
            ("--client=192.0.2.77", &[BOUNCE, ALICE]),
            ("--network=192.0.0.0/8", &[BOUNCE, ALICE]),
            ("--network=2001:db8::/32", &[DAVE]),
            ("--sender=sender.test", &[ALICE, NEWS]),
            ("--sender=alice@sender.test", &[ALICE]),
            ("--sender=<>", &[BOUNCE]),
            ("--recipient=BOB@example.org", &[ALICE, NEWS]),
            ("--state=waiting", &[BOUNCE, ALICE, DAVE]),
            ("--state=passed", &[NEWS]),
            ("--state=waiting --sender=sender.test", &[ALICE]),
            ("--limit=2", &[BOUNCE, ALICE]),
            ("--sort=last", &[NEWS, ALICE, BOUNCE, DAVE]),
            ("--sort=last --reverse --limit=2", &[DAVE, BOUNCE]),
            ("--sort=first --limit=1", &[NEWS]),
            ("--reverse", &[DAVE, NEWS, ALICE, BOUNCE]),
        ] {
            assert_eq!(keys(directory, &format!("list {words}")), expected, "{words}");
        }
        assert_no_match(directory, "list --state=expired");
        assert_no_match(directory, "list --client=203.0.113.1");
        assert_no_match(directory, "list --limit=0");
    });
}

#[test]
fn a_list_is_a_table_by_default() {
    with_and_without(daemon(), |directory| {
        let list = output(directory, "list");
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines.len(), 5, "{list}");
        assert!(lines[0].starts_with("STATE    FIRST SEEN           LAST SEEN            CLIENT"));
        assert!(lines[1].starts_with("waiting  20"), "{list}");
        assert!(lines[1].ends_with("  192.0.2.0/24        <>  carol@example.org"), "{list}");
        assert!(lines[3].starts_with("passed   20"), "{list}");
        let clients = output(directory, "list --clients");
        assert!(clients.lines().nth(1).unwrap().starts_with("waiting        1  20"), "{clients}");
        assert!(clients.ends_with("  198.51.100.7\n"), "{clients}");
    });
}

#[test]
fn a_triplet_is_shown_with_its_next_state() {
    with_and_without(daemon(), |directory| {
        let shown = output(directory, "show 192.0.2.9 alice@sender.test bob@example.org");
        assert_contains(
            &shown,
            &[
                "Client      192.0.2.9, of the network 192.0.2.0/24\n",
                "Sender      alice@sender.test\n",
                "State       waiting\n",
                "Next        An attempt before 20",
                "is deferred.",
                "starts again.",
            ],
        );
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        let shown = output(directory, "show 192.0.2.9 '' carol@example.org");
        assert!(shown.contains("Sender      <>\n"), "{shown}");
        let shown = output(directory, "show 198.51.100.1 news42@lists.sender.test bob@example.org");
        assert!(shown.contains("State       passed\n"), "{shown}");
        assert!(shown.contains("Next        Attempts pass."), "{shown}");
    });
}

#[test]
fn unknown_entries_are_reported_as_unknown() {
    with_and_without(daemon(), |directory| {
        let done = command(directory, "show 192.0.2.9 nobody@sender.test bob@example.org");
        assert_eq!(done.status, Some(1));
        assert!(done.out.contains("State       not known\n"), "{done:?}");
        let words = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("it is deferred, and one after 10 min passes."), "{words}");
        assert_eq!(command(directory, "show 203.0.113.1").status, Some(1));
    });
}

#[test]
fn a_client_is_shown_with_its_count_and_its_network() {
    with_and_without(daemon(), |directory| {
        let shown = output(directory, "show 198.51.100.7");
        assert_contains(
            &shown,
            &[
                "Passes      1\n",
                "4 more first passes",
                "Triplets    1\n",
                "198.51.100.0/24     news42@lists.sender.test  bob@example.org\n",
            ],
        );
        assert_eq!(keys(directory, "show 198.51.100.7"), ["198.51.100.7", NEWS]);
    });
}

#[test]
fn statistics_count_the_entries_and_what_the_daemon_did() {
    let daemon = daemon();
    let text = output(&daemon.dbdir(), "stats");
    assert_contains(
        &text,
        &[
            "Triplets                         4\n",
            "  waiting                        3\n",
            "  passed                         1\n",
            "                                 2  192.0.2.0/24\n",
            "  new                            4\n",
            "  first-pass                     1\n",
        ],
    );
    assert!(text.lines().all(|line| line.len() <= 80 || line.starts_with('/')), "{text}");
    let json = output(&daemon.dbdir(), "stats --json");
    assert!(json.contains("\"triplets\":4,\"triplets_waiting\":3,"), "{json}");
    assert!(json.contains(&format!("\"pid\":{},", daemon.pid())), "{json}");

    let stopped = daemon.stop();
    let text = output(&stopped.dbdir(), "stats");
    assert!(text.contains("Triplets                         4\n"), "{text}");
    assert!(text.contains("No running daemon found"), "{text}");
}

#[test]
fn a_forgotten_triplet_counts_as_new() {
    let daemon = daemon();
    let directory = daemon.dbdir();
    let mut client = daemon.client();
    let news = attempt("198.51.100.7", "news42@lists.sender.test", "bob@example.org");
    assert_eq!(client.ask(&news.clone().at(0)), "DUNNO");
    assert_changes(
        &directory,
        "forget 198.51.100.7 news42@lists.sender.test bob@example.org",
        "forgot 1 entry",
    );
    assert_no_match(&directory, "forget 198.51.100.7 news42@lists.sender.test bob@example.org");
    client.assert_deferred(&news.at(0));
}

#[test]
fn an_allowed_triplet_passes_at_once() {
    let daemon = daemon();
    let directory = daemon.dbdir();
    let mut client = daemon.client();
    for (words, sender) in [
        ("allow 192.0.2.1 alice@sender.test bob@example.org", "alice@sender.test"),
        ("allow 192.0.2.1 unknown@sender.test bob@example.org", "unknown@sender.test"),
    ] {
        assert_changes(&directory, words, "allowed 1 entry");
        let attempt = attempt("192.0.2.1", sender, "bob@example.org");
        assert_eq!(client.ask(&attempt.at(10_000)), "DUNNO", "{words}");
    }
}

#[test]
fn an_allowed_client_is_on_the_auto_whitelist_until_it_is_forgotten() {
    let daemon = daemon();
    let directory = daemon.dbdir();
    let mut client = daemon.client();
    let fresh = |number| attempt("192.0.2.1", "fresh@sender.test", &format!("{number}@x.test"));
    assert_changes(&directory, "allow 192.0.2.1", "allowed 1 entry");
    assert_eq!(client.ask(&fresh(1).at(5)), "DUNNO");
    // Its count, and the two triplets of its network.
    assert_changes(&directory, "forget 192.0.2.1", "forgot 3 entries");
    client.assert_deferred(&fresh(2).at(5));
}

#[test]
fn a_senders_domain_can_be_allowed_and_forgotten() {
    with_and_without(daemon(), |directory| {
        output(directory, "allow 192.0.2.1 eve@sender.test bob@example.org");
        // The second time, without the daemon, it passes already.
        let was_allowed = output(directory, "list --sender=sender.test").contains("waiting");
        if was_allowed {
            assert_changes(directory, "allow --sender-domain=Sender.test", "allowed 1 entry");
        }
        assert_no_match(directory, "list --sender=sender.test --state=waiting");
        let words = "forget --sender-domain=lists.sender.test";
        assert_eq!(command(directory, words).status, Some(i32::from(!was_allowed)));
        let eve = "forget 192.0.2.1 eve@sender.test bob@example.org";
        assert_changes(directory, eve, "forgot 1 entry");
        assert_eq!(keys(directory, "list"), [BOUNCE, ALICE, DAVE]);
    });
}

#[test]
fn commands_see_records_that_are_not_written_yet() {
    let daemon = started(Daemon::builder(Program::Ours).arg("--sync=3600"));
    let directory = daemon.dbdir();
    assert_eq!(keys(&directory, "list").len(), 4);
    assert_changes(&directory, "forget --sender-domain=other.test", "forgot 1 entry");
    let dave = attempt("2001:db8::1", "dave@other.test", "bob@example.net");
    let mut client = daemon.client();
    client.assert_deferred(&dave.clone().at(0));
    assert_changes(
        &directory,
        "forget 2001:db8::1 dave@other.test bob@example.net",
        "forgot 1 entry",
    );
    assert_eq!(keys(&directory, "list"), [BOUNCE, ALICE, NEWS]);
}

#[test]
fn hashed_keys_are_found_by_their_triplet_but_not_by_their_parts() {
    let daemon = started(Daemon::builder(Program::Ours).arg("--privacy"));
    let directory = daemon.dbdir();
    let shown = output(&directory, "show 192.0.2.1 alice@sender.test bob@example.org");
    assert!(shown.contains("State       waiting\n"), "{shown}");
    assert_changes(
        &directory,
        "allow 192.0.2.1 alice@sender.test bob@example.org",
        "allowed 1 entry",
    );
    assert_eq!(keys(&directory, "list --state=passed").len(), 2);
    assert_eq!(keys(&directory, "list --clients --client=198.51.100.7").len(), 1);
    for words in ["list --client=192.0.2.1", "forget --sender-domain=sender.test"] {
        command(&directory, words).refusal(2, "are hashes (--privacy)");
    }
}

#[test]
fn no_client_is_allowed_without_an_auto_whitelist() {
    let builder = Daemon::builder(Program::Ours).arg("--auto-whitelist-clients=0");
    let daemon = builder.start();
    command(&daemon.dbdir(), "allow 192.0.2.1").refusal(2, "without an auto-whitelist");
}
