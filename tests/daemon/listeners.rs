//! The same mail has the same result and leaves the same rows, whether it comes through
//! the policy protocol, the milter, the filter for OpenSMTPD, or through each by turns.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use testkit::milter::MailServer;
use testkit::opensmtpd::Filter;
use testkit::random::{Random, seed};
use testkit::{Attempt, Client, Clock, Daemon, Program};

/// Clients: the name as OpenSMTPD reports it, the confirmed name, the address.
const CLIENTS: [(&str, &str, &str); 6] = [
    ("mx.a.test|pass", "mx.a.test", "192.0.2.1"),
    ("mx.a.test|pass", "mx.a.test", "192.0.2.2"),
    ("mx.friend.test|fail", "unknown", "198.51.100.1"),
    ("<unknown>|error", "unknown", "198.51.100.2"),
    ("mx.b.test|pass", "mx.b.test", "2001:db8::1"),
    ("mx.friend.test|pass", "mx.friend.test", "203.0.113.1"),
];

/// Senders and recipients, as they stand in SMTP and in the policy protocol.
const SENDERS: [(&str, &str); 4] = [
    ("alice@a.test", "alice@a.test"),
    ("", ""),
    ("list+7-99@a.test", "list+7-99@a.test"),
    ("\"al ice\"@a.test", "al ice@a.test"),
];
const RECIPIENTS: [(&str, &str); 5] = [
    ("bob@example.org", "bob@example.org"),
    ("Bob@Example.ORG", "Bob@Example.ORG"),
    ("Carol@Example.org", "Carol@Example.org"),
    ("\"bo b\"@example.org", "bo b@example.org"),
    ("a|b@example.org", "a|b@example.org"),
];

/// Seconds to the next message: around the delay and the hour of the auto-whitelist.
const STEPS: [u64; 9] = [0, 0, 1, 10, 299, 300, 301, 3601, 86_400];

const MESSAGES: u64 = 200;

#[derive(Debug)]
struct Message {
    number: u64,
    client: (&'static str, &'static str, &'static str),
    sender: (&'static str, &'static str),
    recipients: Vec<(&'static str, &'static str)>,
}

impl Message {
    fn random(number: u64, random: &mut Random) -> Message {
        let mut recipients: Vec<_> = RECIPIENTS.into_iter().filter(|_| random.one_in(3)).collect();
        recipients.push(RECIPIENTS[random.below(RECIPIENTS.len())]);
        let client = CLIENTS[random.below(CLIENTS.len())];
        let sender = SENDERS[random.below(SENDERS.len())];
        Message { number, client, sender, recipients }
    }
}

/// The text of each deferral, empty for a recipient that passes, and the headers.
type Outcome = (Vec<String>, Vec<String>);

fn without_date(header: &str) -> String {
    header.split(';').next().expect("a header").to_string()
}

/// A mail server's way to the daemon.
enum Way {
    Policy(Client),
    /// The socket, and a connection for each client, as a mail server keeps them.
    Milter(PathBuf, HashMap<&'static str, MailServer>),
    Filter(Filter),
}

impl Way {
    fn send(&mut self, message: &Message) -> Outcome {
        match self {
            Way::Policy(client) => through_policy(client, message),
            Way::Milter(socket, servers) => {
                let (_, name, address) = message.client;
                let server = servers.entry(address).or_insert_with(|| {
                    let nameless = format!("[{address}]");
                    let mut server = MailServer::connect(socket);
                    server.client(if name == "unknown" { &nameless } else { name }, address);
                    server
                });
                through_milter(server, message)
            }
            Way::Filter(filter) => through_filter(filter, message),
        }
    }
}

fn through_policy(client: &mut Client, message: &Message) -> Outcome {
    let (_, name, address) = message.client;
    let mut headers = Vec::new();
    let ask = |(_, recipient): &(&str, &str)| {
        let attempt = Attempt::new(address, name, message.sender.1, recipient);
        let reply = client.ask(&attempt.with("instance", message.number.to_string()));
        match reply.split_once(' ') {
            None => String::new(),
            Some(("PREPEND", header)) => {
                headers.push(without_date(header));
                String::new()
            }
            Some((_, text)) => text.to_owned(),
        }
    };
    (message.recipients.iter().map(ask).collect(), headers)
}

fn through_milter(server: &mut MailServer, message: &Message) -> Outcome {
    server.sender(message.sender.0);
    let recipients = message.recipients.iter();
    let replies = recipients.map(|(to, _)| server.recipient(to).replacen("451 4.7.1 ", "", 1));
    let replies: Vec<_> = replies.collect();
    if !replies.contains(&String::new()) {
        server.send(b'A', b"");
        return (replies, Vec::new());
    }
    let headers = server.end_of_message();
    (replies, headers.iter().map(|header| without_date(header)).collect())
}

fn through_filter(filter: &mut Filter, message: &Message) -> Outcome {
    let (claim, _, address) = message.client;
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let session = message.number;
    filter.mail(session, &format!("{claim}|{address}:4321"), message.sender.0);
    let recipients = message.recipients.iter().zip(1..);
    let replies = recipients.map(|((to, _), token)| match &*filter.decide(session, token, to) {
        "proceed" => String::new(),
        refusal => refusal.replacen("reject|451 4.7.1 ", "", 1),
    });
    let replies: Vec<_> = replies.collect();
    let mut headers = Vec::new();
    if replies.contains(&String::new()) {
        filter.request(session, 0, "data-line", ".");
        let mut line = || filter.receive().splitn(4, '|').last().expect("a line").to_owned();
        headers.extend(std::iter::from_fn(|| Some(line()).filter(|line| line != ".")));
    }
    filter.report(session, "tx-reset", &format!("{session:08x}"));
    filter.report(session, "link-disconnect", "");
    (replies, headers.iter().map(|header| without_date(header)).collect())
}

/// A daemon, and the ways to it that the mail takes by turns.
struct Site {
    daemon: Daemon,
    clock: Clock,
    ways: Vec<Way>,
}

impl Site {
    /// With the policy protocol (`p`), the milter (`m`), the filter in a version (`0.7`).
    fn start(ways: &[&'static str]) -> Site {
        let (builder, clock) = Clock::of(Daemon::builder(Program::Ours));
        let milter = builder.scratch().path().join("milter");
        let daemon = builder
            .whitelist_clients("friend.test\n")
            .arg(format!("--milter={}", milter.display()))
            // Nothing becomes old enough to expire, which happens at random times.
            .args(["--max-age=3650", "--retry-window=3650"])
            .start();
        let option = format!("--unix={}", daemon.socket().display());
        let ways = ways.iter().map(|way| match *way {
            "p" => Way::Policy(daemon.client()),
            "m" => Way::Milter(milter.clone(), HashMap::new()),
            version => Way::Filter(Filter::start(version, &[&option, "--header"])),
        });
        let ways = ways.collect();
        Site { daemon, clock, ways }
    }
}

#[test]
fn the_same_mail_has_the_same_result_and_leaves_the_same_rows() {
    let seed = seed();
    let mut random = Random::of(seed);
    let ways = [&["p"][..], &["m"], &["0.5"], &["0.6"], &["0.7"], &["p", "m", "0.7"]];
    let mut sites = ways.map(Site::start);
    for number in 1..=MESSAGES {
        let message = Message::random(number, &mut random);
        let step = Duration::from_secs(STEPS[random.below(STEPS.len())]);
        let outcomes = sites.each_mut().map(|site| {
            site.clock.advance(step);
            let way = random.below(site.ways.len());
            site.ways[way].send(&message)
        });
        for (outcome, ways) in outcomes.iter().zip(ways) {
            assert_eq!(*outcome, outcomes[0], "POSTGREY_SEED={seed}, {ways:?}: {message:?}");
        }
    }
    let left = sites.map(|Site { daemon, ways, .. }| {
        for way in ways {
            if let Way::Filter(filter) = way {
                assert!(filter.close().success());
            }
        }
        daemon.stop().tool("export").success()
    });
    assert!(left[0].lines().count() > 40, "{left:?}");
    for (rows, ways) in left.iter().zip(ways) {
        assert_eq!(*rows, left[0], "POSTGREY_SEED={seed}, {ways:?}");
    }
}
