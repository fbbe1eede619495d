//! Commands on records that are stored by domain, with a running daemon and
//! without one.

use crate::database::{assert_changes, assert_no_match, command, keys, output, with_and_without};
use testkit::{Attempt, Daemon, Program, assert_contains};

const DEFERRED: &str = "DEFER_IF_PERMIT ";

/// After all that a command noted at the time of day, however slowly a test runs.
const LATER: i64 = 300;

/// Mail from a machine of a pool, and of a domain of senders.
fn attempt(machine: u8, sender: &str) -> Attempt {
    let name = format!("mx{machine}.pool.test");
    Attempt::new(&format!("192.0.{machine}.7"), &name, sender, "bob@example.org")
}

const BOTH: [&str; 3] =
    ["--lookup-by-domain", "--auto-whitelist-by=domain", "--auto-whitelist-clients=2"];

/// A daemon that has let mail of two domains of senders pass once from a pool,
/// and a bounce, and has others wait: one from the pool, one from elsewhere.
fn started(options: &[&str]) -> Daemon {
    let builder = Daemon::builder(Program::Ours).arg("--delay=600");
    let daemon = builder.args(options).start();
    let mut client = daemon.client();
    for (machine, sender) in [(1, "alice@one.test"), (2, "carol@mail.two.test"), (3, "")] {
        assert!(client.ask(&attempt(machine, sender).at(-9000)).starts_with(DEFERRED));
        assert!(client.ask(&attempt(machine, sender).at(-8000)).starts_with("PREPEND "));
    }
    client.ask(&attempt(4, "dave@one.test").at(-100));
    let elsewhere = Attempt::new("198.51.100.7", "unknown", "alice@one.test", "bob@example.org");
    client.ask(&elsewhere.at(-100));
    daemon
}

const ADDRESSES: [&str; 3] = ["192.0.1.7", "192.0.2.7", "192.0.3.7"];
const PAIRS: [&str; 3] = ["pool.test/", "pool.test/one.test", "pool.test/two.test"];
const BOUNCE: &str = "pool.test//bob@example.org";
const ALICE: &str = "pool.test/alice@one.test/bob@example.org";
const CAROL: &str = "pool.test/carol@mail.two.test/bob@example.org";
const DAVE: &str = "pool.test/dave@one.test/bob@example.org";
const ELSEWHERE: &str = "198.51.100.0/alice@one.test/bob@example.org";

#[test]
fn a_list_finds_domains_of_clients_and_of_senders() {
    with_and_without(started(&BOTH), |directory| {
        let all: Vec<&str> = ADDRESSES.into_iter().chain(PAIRS).collect();
        for (words, expected) in [
            ("list", &[ELSEWHERE, BOUNCE, ALICE, CAROL, DAVE] as &[&str]),
            ("list --client=pool.test", &[BOUNCE, ALICE, CAROL, DAVE]),
            ("list --client=Pool.test --sender=one.test", &[ALICE, DAVE]),
            ("list --clients", &all),
            ("list --clients --client=pool.test", &PAIRS),
            ("list --clients --client=192.0.2.7", &["192.0.2.7"]),
            ("list --clients --network=192.0.0.0/16", &ADDRESSES),
            ("list --clients --sender=@one.test", &["pool.test/one.test"]),
            ("list --clients --sender=carol@mail.two.test", &["pool.test/two.test"]),
            ("list --clients --sender=mail.two.test", &["pool.test/two.test"]),
            ("list --clients --sender=<>", &["pool.test/"]),
            ("list --clients --client=pool.test --sender=test", &PAIRS[1..]),
        ] {
            assert_eq!(keys(directory, words), expected, "{words}");
        }
        let table = output(directory, "list --clients --client=pool.test");
        let ends = ["CLIENT, DOMAIN OF SENDERS", "  <>", "  one.test", "  two.test"];
        for (line, end) in table.lines().zip(ends) {
            assert!(line.ends_with(end), "{end}: {table}");
        }
        let json = output(directory, "list --clients --json --sender=one.test");
        assert!(json.contains("\"client\":\"pool.test\",\"sender_domain\":\"one.test\""), "{json}");
        assert_eq!(command(directory, "list --clients --sender=three.test").status, Some(1));
    });
}

#[test]
fn a_domain_is_shown_with_what_is_counted_and_what_is_known() {
    with_and_without(started(&BOTH), |directory| {
        let shown = output(directory, "show pool.test");
        assert_contains(
            &shown,
            &[
                "Client      all of the domain pool.test\n",
                "Counted     3\n",
                "  pool.test        one.test\n",
                "Triplets    4\n",
                "  pool.test           alice@one.test  bob@example.org\n",
            ],
        );
        let all: Vec<&str> = PAIRS.into_iter().chain([BOUNCE, ALICE, CAROL, DAVE]).collect();
        assert_eq!(keys(directory, "show pool.test"), all);
        let shown = output(directory, "show pool.test dave@one.test bob@example.org");
        assert!(shown.contains("State       waiting\n"), "{shown}");
        assert!(!shown.contains("auto-whitelist"), "{shown}");
        assert_eq!(command(directory, "show other.test").status, Some(1));
        command(directory, "show mx1.pool.test").refusal(2, "such as pool.test, not");
    });
}

#[test]
fn only_the_allowed_pair_of_domains_passes() {
    let daemon = started(&BOTH);
    let directory = daemon.dbdir();
    let mut client = daemon.client();
    assert!(client.ask(&attempt(8, "eve@one.test").at(0)).starts_with(DEFERRED));
    assert_changes(&directory, "allow pool.test --sender-domain=@One.test", "allowed 1 entry");
    assert_eq!(client.ask(&attempt(9, "frank@mail.one.test").at(LATER)), "DUNNO");
    assert!(client.ask(&attempt(9, "frank@two.test").at(LATER)).starts_with(DEFERRED));
    let shown = output(&directory, "show pool.test dave@one.test bob@example.org");
    assert!(
        shown.contains("But         the client is on the auto-whitelist (2 passes)"),
        "{shown}"
    );
    assert_changes(&directory, "allow pool.test --sender-domain=new.test", "allowed 1 entry");
    assert_eq!(client.ask(&attempt(9, "grace@new.test").at(LATER)), "DUNNO");
    // The remaining known pairs: of bounces and of two.test.
    assert_changes(&directory, "allow pool.test", "allowed 2 entries");
    assert_eq!(client.ask(&attempt(9, "frank@two.test").at(LATER)), "DUNNO");
    assert_eq!(client.ask(&attempt(9, "").at(LATER)), "DUNNO");
    command(&directory, "allow pool.test --sender-domain=mail.two.test")
        .refusal(2, "which is two.test, not mail.two.test");
    command(&directory, "allow pool.test --sender-domain=co.uk")
        .refusal(2, "not a registered domain");
}

#[test]
fn domains_can_be_forgotten_together_and_alone() {
    let daemon = started(&BOTH);
    let directory = daemon.dbdir();
    assert_changes(&directory, "forget pool.test --sender-domain=one.test", "forgot 3 entries");
    assert_eq!(keys(&directory, "list"), [ELSEWHERE, BOUNCE, CAROL]);
    assert_eq!(keys(&directory, "list --clients --client=pool.test"), [PAIRS[0], PAIRS[2]]);
    assert_changes(
        &directory,
        "forget pool.test carol@mail.two.test bob@example.org",
        "forgot 1 entry",
    );
    assert_no_match(&directory, "forget 198.51.100.7 --sender-domain=two.test");
    assert_changes(&directory, "forget 198.51.100.7 --sender-domain=one.test", "forgot 1 entry");
    assert_changes(&directory, "forget --sender-domain=two.test", "forgot 1 entry");
    assert_changes(&directory, "forget pool.test", "forgot 2 entries");
    assert_no_match(&directory, "forget pool.test");
    assert_eq!(keys(&directory, "list --clients"), ADDRESSES);
}

#[test]
fn bounces_are_addressed_by_angle_brackets() {
    let daemon = started(&BOTH);
    let directory = daemon.dbdir();
    assert_changes(&directory, "forget pool.test --sender-domain=<>", "forgot 2 entries");
    assert_eq!(keys(&directory, "list"), [ELSEWHERE, ALICE, CAROL, DAVE]);
    assert_eq!(keys(&directory, "list --clients --client=pool.test"), PAIRS[1..]);
    assert_no_match(&directory, "forget pool.test --sender-domain=<>");
    // Also a pair that is not known.
    assert_changes(&directory, "allow pool.test --sender-domain=<>", "allowed 1 entry");
    assert_eq!(daemon.ask(&attempt(9, "").at(0)), "DUNNO");
    let other = Attempt::new("198.51.100.8", "unknown", "", "bob@example.org");
    assert!(daemon.ask(&other.at(0)).starts_with(DEFERRED));
    assert_changes(&directory, "allow --sender-domain=<>", "allowed 1 entry");
    assert_changes(&directory, "forget --sender-domain=<>", "forgot 2 entries");
    command(&directory, "forget --sender-domain=").refusal(2, "a domain, or <> for bounces, not");
}

#[test]
fn naming_a_triplet_by_address_hints_at_domains() {
    let daemon = started(&BOTH);
    let directory = daemon.dbdir();
    let hint = "Mail of clients with a name is kept by its domain";
    let unknown = command(&directory, "show 192.0.9.7 eve@one.test bob@example.org");
    assert!(unknown.status == Some(1) && unknown.out.contains(hint), "{unknown:?}");
    assert!(output(&directory, "show 192.0.2.7").contains(hint));
    for known in ["show 198.51.100.7", "show 198.51.100.7 alice@one.test bob@example.org"] {
        assert!(!output(&directory, known).contains(hint), "{known}");
    }
    let allowed = output(&directory, "allow 192.0.9.7 eve@one.test bob@example.org");
    assert!(allowed.starts_with(&format!("allowed 1 entry\n{hint}")), "{allowed}");
    assert_changes(&directory, "allow pool.test eve@one.test bob@example.org", "allowed 1 entry");
}

#[test]
fn an_export_can_be_imported() {
    let stopped = started(&BOTH).stop();
    let directory = stopped.dbdir();
    let export = output(&directory, "export");
    let file = stopped.scratch.path().join("export");
    std::fs::write(&file, &export).expect("a file");
    let other = started(&["--auto-whitelist-by=domain"]);
    assert_changes(&other.dbdir(), "forget pool.test", "forgot 3 entries");
    output(&other.dbdir(), &format!("import --from={}", file.display()));
    assert_eq!(keys(&other.dbdir(), "list --clients --client=pool.test"), PAIRS);
}

#[test]
fn a_domain_cannot_be_allowed_without_counting_by_domain() {
    let daemon = started(&["--lookup-by-domain"]);
    for words in ["allow pool.test", "allow pool.test --sender-domain=one.test"] {
        command(&daemon.dbdir(), words).refusal(2, "does not count passes by domain");
    }
    assert_changes(
        &daemon.dbdir(),
        "allow pool.test dave@one.test bob@example.org",
        "allowed 1 entry",
    );
    assert_eq!(daemon.ask(&attempt(9, "dave@one.test").at(LATER)), "DUNNO");
}

#[test]
fn a_triplet_by_domain_cannot_be_allowed_without_lookup_by_domain() {
    let daemon = started(&["--auto-whitelist-by=domain"]);
    let words = "allow pool.test dave@one.test bob@example.org";
    command(&daemon.dbdir(), words).refusal(2, "does not look triplets up by domain");
}

#[test]
fn a_pair_of_former_options_can_be_forgotten() {
    // If keys are hashes, the triplets of a domain cannot be found.
    for (privacy, forgot) in [(&[][..], "3 entries"), (&["--privacy"], "1 entry")] {
        let daemon = started(&[&BOTH, privacy].concat());
        assert_changes(
            &daemon.dbdir(),
            "allow pool.test --sender-domain=one.test",
            "allowed 1 entry",
        );
        let arguments = [&["--lookup-by-domain"], privacy].concat();
        let stopped = daemon.stop();
        let builder = stopped.again(Program::Ours);
        let daemon = builder.args(arguments).start();
        if privacy.is_empty() {
            let out = output(&daemon.dbdir(), "show pool.test alice@one.test bob@example.org");
            assert!(!out.contains("this mail passes"), "{out}");
        }
        let words = "forget pool.test --sender-domain=one.test";
        assert_changes(&daemon.dbdir(), words, &format!("forgot {forgot}"));
    }
}

#[test]
fn hashed_keys_are_found_by_their_pair_only() {
    let mut options = BOTH.to_vec();
    options.push("--privacy");
    let daemon = started(&options);
    let directory = daemon.dbdir();
    for words in ["allow pool.test", "forget pool.test", "show pool.test"] {
        command(&directory, words).refusal(2, "are hashes (--privacy)");
    }
    assert_changes(&directory, "allow pool.test --sender-domain=one.test", "allowed 1 entry");
    assert_eq!(daemon.ask(&attempt(9, "frank@one.test").at(0)), "DUNNO");
    assert_changes(&directory, "forget pool.test --sender-domain=one.test", "forgot 1 entry");
    assert!(daemon.ask(&attempt(9, "frank@one.test").at(0)).starts_with(DEFERRED));
}
