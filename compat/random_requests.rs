//! Random options and random streams of requests, given to both programs: the
//! replies, the log lines and both databases have to be the same.
//!
//! Left out is only what the list of differences names: client addresses that
//! are no literals, test times that are no numbers, stray carriage returns,
//! and pipelined requests, which the original answers with each other's
//! attributes. Times never lie before the start of the test, because each
//! program cleans up old entries by the real clock and at its own hours.

use crate::database::{self, Table};
use crate::normalise;
use crate::stories::{self, Part};
use std::fmt;
use testkit::random::Random;
use testkit::{Attempt, Client, Daemon, Program};

const STREAM: usize = 250;

const USUAL: usize = 8;

#[test]
fn random_streams_are_answered_alike() {
    let parts: &[Part<Story, _>] = &[|story| &mut story.requests];
    stories::compare_all(USUAL, |seed| {
        stories::assert_alike(seed, &Story::random(seed), parts, Story::difference);
    });
}

#[derive(Clone)]
struct Story {
    options: Vec<String>,
    clients: String,
    recipients: String,
    requests: Vec<Question>,
}

#[derive(Clone)]
struct Question {
    bytes: Vec<u8>,
    is_answered: bool,
}

#[derive(PartialEq, Eq)]
struct Outcome {
    replies: Vec<String>,
    log: Vec<String>,
    triplets: Vec<String>,
    clients: Vec<String>,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "options: {:?}", self.options)?;
        writeln!(f, "client whitelist: {:?}", self.clients)?;
        writeln!(f, "recipient whitelist: {:?}", self.recipients)?;
        self.requests.iter().try_for_each(|request| {
            writeln!(f, "printf '{}'", request.bytes.escape_ascii().to_string().replace('%', "%%"))
        })
    }
}

impl Story {
    fn random(seed: u64) -> Story {
        let random = &mut Random::of(seed);
        let mut moment = 1000;
        Story {
            options: options(random),
            clients: list(random, CLIENT_RULES),
            recipients: list(random, RECIPIENT_RULES),
            requests: (0..STREAM).map(|_| question(random, &mut moment)).collect(),
        }
    }

    fn difference(&self) -> Option<String> {
        let theirs = self.tell(Program::Theirs);
        let ours = self.tell(Program::Ours);
        let parts = [
            ("replies", &theirs.replies, &ours.replies),
            ("log", &theirs.log, &ours.log),
            ("triplets", &theirs.triplets, &ours.triplets),
            ("clients", &theirs.clients, &ours.clients),
        ];
        let (what, theirs, ours) = parts.into_iter().find(|(_, theirs, ours)| theirs != ours)?;
        let only = |these: &[String], those: &[String]| {
            let missing = these.iter().filter(|line| !those.contains(line));
            missing.map(|line| format!("  {line}\n")).collect::<String>()
        };
        Some(format!(
            "the {what} differ; only theirs:\n{}only ours:\n{}({} lines and {})",
            only(theirs, ours),
            only(ours, theirs),
            theirs.len(),
            ours.len()
        ))
    }

    fn tell(&self, program: Program) -> Outcome {
        let builder = Daemon::builder(program)
            .whitelist_clients(&self.clients)
            .whitelist_recipients(&self.recipients);
        let daemon = builder.args(&self.options).start();
        let is_closed = self.options.iter().any(|option| option == "--exim");
        let mut client = None;
        let mut replies = Vec::new();
        for request in &self.requests {
            let reply = ask(&daemon, &mut client, request);
            replies.push(normalise::text(&reply, daemon.scratch()));
            if is_closed && request.is_answered {
                client = None;
            }
        }
        drop(client);
        let stopped = daemon.stop();
        let lines = stopped.log.iter();
        let mut log: Vec<String> =
            lines.map(|line| normalise::log_line(program, line, &stopped.scratch)).collect();
        log.retain(|line| line.starts_with("action=") || line.contains(": ") || line.contains('!'));
        log.retain(|line| !["TIME ", "Binding ", "Setting "].iter().any(|s| line.starts_with(s)));
        let dbdir = stopped.dbdir();
        Outcome {
            replies,
            log,
            triplets: database::rows(program, &dbdir, Table::Triplets),
            clients: database::rows(program, &dbdir, Table::Clients),
        }
    }
}

/// Asks on the connection, or on a new one if there is none. What deserves no
/// reply is sent alone, up to the end of its connection: the original would mix
/// it with what follows.
fn ask(daemon: &Daemon, client: &mut Option<Client>, request: &Question) -> String {
    if request.is_answered {
        let connection = client.get_or_insert_with(|| daemon.client());
        connection.send(&request.bytes);
        return connection.reply().expect("a reply");
    }
    let mut connection = daemon.client();
    connection.send(&request.bytes);
    connection.half_close();
    connection.reply().unwrap_or("(none)".to_string())
}

fn options(random: &mut Random) -> Vec<String> {
    let table: [&[&str]; 12] = [
        &["--delay=1", "--delay=10", "--delay=300", "--delay=-5", "--delay=0"],
        &["--retry-window=6h", "--retry-window=1", "--retry-window=30"],
        &["--auto-whitelist-clients", "--auto-whitelist-clients=0", "--auto-whitelist-clients=1"],
        &["--auto-whitelist-clients=2"],
        &["--lookup-by-host", "--lookup-by-subnet"],
        &["--ipv4cidr=0", "--ipv4cidr=8", "--ipv4cidr=25", "--ipv4cidr=32"],
        &["--ipv6cidr=0", "--ipv6cidr=1", "--ipv6cidr=48", "--ipv6cidr=128"],
        &["--privacy"],
        &["--exim"],
        &[
            "--greylist-text=wait %s of %s for %r %r",
            "--greylist-text=4.7.1 %r",
            "--greylist-text=%",
        ],
        &["--greylist-action=451", "--greylist-action=DEFER", "--greylist-action=x %s"],
        &["--x-greylist-header=X-G: %t %h %t %%", "--hostname=h %t", "--hostname="],
    ];
    let mut options = Vec::new();
    for choices in table {
        if random.one_in(4) {
            options.push(random.pick(choices).to_string());
        }
    }
    options.retain(|option| option != "--hostname=");
    options
}

const CLIENT_RULES: &[&str] = &[
    "friend.example",
    "EXAMPLE.net # all of them",
    "192.0.2.7",
    "198.51.100",
    "10.1.0.0/16",
    "2001:db8:1::/48",
    "::ffff:0:0/96",
    "/^mx[0-9]+\\./",
    "/(a+)\\1\\./",
    "unknown",
    "two words",
];

const RECIPIENT_RULES: &[&str] =
    &["postmaster@", "user@example.org", "quiet.example", "/^no-?grey/", "two words", "@"];

fn list(random: &mut Random, rules: &[&str]) -> String {
    let lines = (0..random.below(4)).map(|_| format!("{}\n", random.pick(rules)));
    lines.collect()
}

fn question(random: &mut Random, moment: &mut i64) -> Question {
    *moment = later(random, *moment);
    let mut attempt = Attempt::new("", "", "", "")
        .with("client_address", address(random))
        .with("client_name", name(random))
        .with("sender", sender(random))
        .with("recipient", recipient(random))
        .at(*moment);
    if random.one_in(2) {
        attempt = attempt.with("instance", random.pick(&["", "0", "1", "a.b", "c", "d.1", "é"]));
    }
    if random.one_in(3) {
        attempt = attempt.with("queue_id", random.pick(&["", "0", "3F1A2B", "4XyZ", "q i"]));
    }
    if random.one_in(2) {
        attempt = attempt.with("etrn_domain", random.pick(&["", "example.org"]));
    }
    if random.one_in(3) {
        attempt = attempt.with(random.pick(&["size", "helo_name", "Sender", "sender "]), "x=1");
    }
    if random.one_in(20) {
        let missing = ["client_address", "client_name", "recipient", "sender", "queue_id"];
        attempt = attempt.without(random.pick(&missing));
    }
    let is_answered = !random.one_in(40);
    if !is_answered {
        attempt = attempt.with("request", random.pick(&["", "junk", "smtpd_access_policy "]));
    }
    Question { bytes: distorted(random, &attempt), is_answered }
}

/// The request's lines in any order, some twice, some with a carriage return,
/// some senseless ones among them.
fn distorted(random: &mut Random, attempt: &Attempt) -> Vec<u8> {
    let bytes = attempt.bytes();
    let mut lines: Vec<&[u8]> = bytes[..bytes.len() - 2].split(|byte| *byte == b'\n').collect();
    if random.one_in(3) {
        for index in 1..lines.len() {
            lines.swap(index, random.below(index + 1));
        }
    }
    if random.one_in(10) {
        lines.push(random.pick::<[u8]>(&[
            b"garbage",
            b"=value",
            b"==",
            b" ",
            b"=size=1",
            b"\0\x80%s",
            b"% %d",
            b"a=b=c",
        ]));
    }
    if random.one_in(20) {
        lines.push(b"sender=twice@example.com");
    }
    let end: &[u8] = if random.one_in(5) { b"\r\n" } else { b"\n" };
    lines.push(b"");
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(end);
    }
    bytes
}

/// Returns the next time: mostly a little later, sometimes beyond a limit or earlier.
fn later(random: &mut Random, moment: i64) -> i64 {
    let steps = [0, 1, 1, 4, 5, 9, 10, 299, 300, 301, 3599, 3600, 21_600, 86_401, 172_801, -1, -10];
    let step = match random.below(60) {
        0 => -5000,
        1 => 86_400 * 40,
        _ => steps[random.below(steps.len())],
    };
    (moment + step).max(0)
}

fn address(random: &mut Random) -> String {
    let host = random.below(6);
    match random.below(12) {
        0 => format!("10.1.{host}.9"),
        1 => format!("198.51.100.{host}"),
        2 => format!("203.0.113.{}", host * 50),
        3 => format!("2001:db8::{host}"),
        4 => format!("2001:0DB8:0000::000{host}"),
        5 => format!("2001:db8:1:{host}::1"),
        6 => format!("2001:db8:0:0:0:0:0:{host}"),
        7 => format!("::ffff:192.0.2.{host}"),
        8 => format!("fe80::{host}:ABCD"),
        _ => format!("192.0.2.{host}"),
    }
}

fn name(random: &mut Random) -> &'static str {
    random.pick(&[
        "unknown",
        "",
        "0",
        "mx.friend.example",
        "notfriend.example",
        "mx1.example.com",
        "MX.Example.NET",
        "aa.b",
        "mail.example.org.",
        "\u{e9}.example",
    ])
}

fn sender(random: &mut Random) -> Vec<u8> {
    let texts = [
        "",
        "a@example.com",
        "A@Example.COM",
        "a+ext@example.com",
        "list-12-34@example.com",
        "list-56-78@example.com",
        "prvs=1234567890=user@example.com",
        "prvs=user=0987654321@example.com",
        "btv1==0123456789==user@example.com",
        "SRS0=HHH=TT=dom.example=user@example.com",
        "bounces+123-user=dom.example@example.com",
        "owner-9-user=dom.example@example.com",
        "nodomain",
        "@",
        "a/b@c",
        "\"q 1 2\"@example.com",
        "é12@example.com",
        "100%s@example.com",
        "0",
    ];
    match random.below(40) {
        0 => format!("{}@long.example", "x".repeat(600)).into_bytes(),
        1 => b"\xff\x001\x80@bin.example".to_vec(),
        2 => {
            format!("{}1{}@d", random.pick(&["", "-", "_", "é", "a"]), random.pick(&["", "-", "."]))
                .into_bytes()
        }
        _ => random.pick(&texts).as_bytes().to_vec(),
    }
}

fn recipient(random: &mut Random) -> Vec<u8> {
    let texts = [
        "b@example.org",
        "B@Example.ORG",
        "user@example.org",
        "user+ext@example.org",
        "postmaster@x.example",
        "c@quiet.example",
        "no-grey@y.example",
        "",
        "nodomain",
        "a@b@c.example",
        "%s@%r.example",
        "é@example.org",
    ];
    match random.below(40) {
        0 => format!("b@{}", "y".repeat(700)).into_bytes(),
        1 => b"\x01\xfe@bin.example".to_vec(),
        _ => random.pick(&texts).as_bytes().to_vec(),
    }
}
