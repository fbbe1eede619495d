//! Random lists and random clients and recipients, given to both programs: the
//! same mail passes, with the same log lines and the same complaints.
//!
//! Left out is only what the list of differences names: of a line that ours
//! complains of and the original passes over in silence, takes in its own way
//! or dies of (X34, X35), the original sees a comment.

use crate::normalise;
use crate::stories::{self, Part};
use std::collections::BTreeSet;
use std::fmt;
use testkit::random::Random;
use testkit::{Attempt, Client, Daemon, Program};

const STREAM: usize = 300;

const USUAL: usize = 12;

#[test]
fn random_lists_let_the_same_mail_pass() {
    let parts: &[Part<Story, _>] =
        &[|story| &mut story.requests, |story| &mut story.clients, |story| &mut story.recipients];
    stories::compare_all(USUAL, |seed| {
        stories::assert_alike(seed, &Story::random(seed), parts, Story::difference);
    });
}

#[derive(Clone)]
struct Story {
    clients: Vec<Vec<u8>>,
    recipients: Vec<Vec<u8>>,
    requests: Vec<Vec<u8>>,
}

struct Outcome {
    replies: Vec<String>,
    log: Vec<String>,
    /// `clients line 3: …`
    complaints: BTreeSet<String>,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.clients, &self.recipients, &self.requests];
        for (name, lines) in ["clients", "recipients", "requests"].iter().zip(parts) {
            writeln!(f, "{name}:")?;
            for line in lines {
                writeln!(f, "  {}", line.escape_ascii())?;
            }
        }
        Ok(())
    }
}

impl Story {
    fn random(seed: u64) -> Story {
        let random = &mut Random::of(seed);
        let mut lines = |rule: fn(&mut Random) -> Vec<u8>, most| {
            let count = 1 + random.below(most);
            (0..count).map(|_| dressed(random, rule)).collect()
        };
        let (clients, recipients) = (lines(client_rule, 30), lines(recipient_rule, 20));
        let requests = (0..STREAM).map(|_| question(random)).collect();
        Story { clients, recipients, requests }
    }

    fn difference(&self) -> Option<String> {
        let ours = self.tell(Program::Ours);
        let (own, common): (BTreeSet<_>, BTreeSet<_>) =
            ours.complaints.iter().cloned().partition(|text| !is_common(text));
        let mut seen = self.clone();
        for (name, lines) in [("clients", &mut seen.clients), ("recipients", &mut seen.recipients)]
        {
            for (line, number) in lines.iter_mut().zip(1..) {
                let start = format!("{name} line {number}: ");
                if own.iter().any(|text| text.starts_with(&start)) {
                    *line = b"#".to_vec();
                }
            }
        }
        let theirs = seen.tell(Program::Theirs);
        if theirs.complaints != common {
            return Some(format!("complaints\n{:#?}\n{common:#?}", theirs.complaints));
        }
        let asked = self.requests.iter().zip(theirs.replies.iter().zip(&ours.replies));
        if let Some((request, (theirs, ours))) = asked.into_iter().find(|(_, (t, o))| t != o) {
            let request = request.escape_ascii();
            return Some(format!("{request}\n  theirs: {theirs}\n  ours: {ours}"));
        }
        let logs = theirs.log.iter().zip(&ours.log).find(|(theirs, ours)| theirs != ours);
        if theirs.log.len() != ours.log.len() {
            return Some(format!("{} log lines and {}", theirs.log.len(), ours.log.len()));
        }
        logs.map(|(theirs, ours)| format!("log\n  theirs: {theirs}\n  ours: {ours}"))
    }

    fn tell(&self, program: Program) -> Outcome {
        let daemon = Daemon::builder(program)
            .whitelist_clients(self.clients.join(&b'\n'))
            .whitelist_recipients(self.recipients.join(&b'\n'))
            .start();
        let mut client = daemon.client();
        let mut ask = |request| reply(&mut client, request);
        let replies = self.requests.iter().map(|request| ask(request)).collect();
        drop(client);
        let stopped = daemon.stop();
        let lines = stopped.log.iter();
        let lines = lines.map(|line| normalise::log_line(program, line, &stopped.scratch));
        let (log, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("action="));
        let complaint = |line: &String| line.strip_prefix("DIR/whitelist_").map(str::to_string);
        Outcome { replies, log, complaints: others.iter().filter_map(complaint).collect() }
    }
}

/// Returns true if the original has the same words.
fn is_common(complaint: &str) -> bool {
    complaint.contains(": doesn't look like a")
}

fn reply(client: &mut Client, request: &[u8]) -> String {
    let mut values = request.split(|byte| *byte == b'|');
    let attempt = ["client_name", "client_address", "recipient"]
        .iter()
        .fold(Attempt::new("", "", "a@example.com", ""), |attempt, name| {
            attempt.with(name, values.next().expect("three values"))
        });
    client.send(&attempt.at(0).bytes());
    client.reply().expect("a reply")
}

/// A line with blanks and comments, as people and other systems write it.
fn dressed(random: &mut Random, rule: fn(&mut Random) -> Vec<u8>) -> Vec<u8> {
    let mut line = random.pick::<[u8]>(&[b"", b"", b"", b"", b" ", b"\t", b"\x0b \x0c"]).to_vec();
    line.extend(rule(random));
    let ends: [&[u8]; 12] =
        [b"", b"", b"", b"", b"", b" ", b"\r", b"\t # why", b"#why", b" #/x/", b" extra", b"\x85"];
    line.extend_from_slice(random.pick::<[u8]>(&ends));
    line
}

const LABELS: &[&str] = &["a", "b", "mx", "MX", "example", "Example", "net", "1", "10", "é", "a+b"];

fn host(random: &mut Random) -> String {
    let count = 1 + random.below(3);
    let labels: Vec<&str> = (0..count).map(|_| random.pick(LABELS)).collect();
    let dots = ["", "", "", "", "", "", "."];
    format!("{}{}{}", random.pick(&dots), labels.join("."), random.pick(&dots))
}

fn ipv4(random: &mut Random) -> String {
    let last = [0, 1, 2, 127, 128, 255][random.below(6)];
    format!("10.{}.{}.{last}", random.below(3), random.below(4))
}

fn ipv6(random: &mut Random) -> String {
    let (net, host) = (random.below(3), random.below(4));
    match random.below(9) {
        0 => format!("2001:DB8:{net}:0:0:0:0:{host}"),
        1 => format!("2001:0db8:000{net}::000{host}"),
        2 => format!("::ffff:{}", ipv4(random)),
        3 => format!("::{}", ipv4(random)),
        4 => format!("fe80::{net}:{host}"),
        5 => "::".to_string(),
        6 => "::1".to_string(),
        _ => format!("2001:db8:{net}::{host}"),
    }
}

/// Something that looks like a network and may be none.
fn odd_network(random: &mut Random) -> Vec<u8> {
    let ipv4 = ipv4(random);
    let numbers: Vec<&str> = ipv4.split('.').collect();
    let mut text = match random.below(5) {
        0 => numbers[..3].join("."),
        1 => numbers[..2].join("."),
        2 => format!("{ipv4}/{}", random.below(40)),
        3 => format!("{}/{}", ipv6(random), random.below(140)),
        _ => format!("[{}]", ipv6(random)),
    }
    .into_bytes();
    if random.one_in(3) {
        let sign = random.pick::<[u8]>(&[b"0", b"1", b"9", b".", b":", b"/", b"f", b"-", b"%"]);
        let at = random.below(text.len() + 1);
        text.insert(at, sign[0]);
    }
    if random.one_in(6) {
        text.remove(random.below(text.len()));
    }
    text
}

/// The line of the pattern that Perl, which errs there, matches with nothing: the
/// table holds its answer, and ours differs (X37).
const MISTAKE_OF_PERL: &str = "(?=c?)a\t";

/// A pattern of the table that `patterns.rs` holds, broken ones included. Of one
/// that fails while it matches the original dies.
fn pattern(random: &mut Random) -> Vec<u8> {
    let lines: Vec<&str> = include_str!("patterns/answers.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.ends_with("\tdies"))
        .filter(|line| !line.starts_with(MISTAKE_OF_PERL))
        .collect();
    let line = random.pick(&lines);
    let pattern = line.split('\t').next().unwrap_or(line);
    format!("/{pattern}/").into_bytes()
}

fn client_rule(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0..=2 => host(random).into_bytes(),
        3 => ipv4(random).into_bytes(),
        4 => ipv6(random).into_bytes(),
        5..=7 => odd_network(random),
        8 | 9 => pattern(random),
        10 => recipient(random),
        _ => odd_line(random),
    }
}

fn recipient_rule(random: &mut Random) -> Vec<u8> {
    match random.below(9) {
        0..=2 => recipient(random),
        3 => host(random).into_bytes(),
        4 => format!("{}@", user(random)).into_bytes(),
        5 => format!("@{}", host(random)).into_bytes(),
        6 | 7 => pattern(random),
        _ => odd_line(random),
    }
}

fn odd_line(random: &mut Random) -> Vec<u8> {
    let lines: [&[u8]; 24] = [
        b"",
        b"#",
        b"/",
        b"//",
        b"/a",
        b"a/",
        b"/a/i",
        b"/a b/",
        b"two words",
        b"@",
        b"@@",
        b".",
        b"*",
        b"*.example",
        b"!mx",
        b"10",
        b"10/8",
        b"1.2.3.*",
        b"a/b",
        b"x@y@z",
        b"\\",
        b"\xff",
        b"10.0.0.1,10.0.0.2",
        b"/a/ /b/",
    ];
    random.pick::<[u8]>(&lines).to_vec()
}

fn user(random: &mut Random) -> &'static str {
    random.pick(&["a", "A", "a+x", "a+", "+", "a+x+y", "b", "postmaster", "", "é", "a.b", "a@b"])
}

fn recipient(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => host(random).into_bytes(),
        _ => format!("{}@{}", user(random), host(random)).into_bytes(),
    }
}

fn question(random: &mut Random) -> Vec<u8> {
    let name = match random.below(8) {
        0 => random.pick(&["unknown", "", "0", "a a", "/a", "10.0.0.1", "ß"]).to_string(),
        1 => format!("{}{}", random.pick(&["x", "a", "-"]), host(random)),
        _ => host(random),
    };
    let address = if random.one_in(3) { ipv6(random) } else { ipv4(random) };
    [name.as_bytes(), address.as_bytes(), &recipient(random)].join(&b'|')
}
