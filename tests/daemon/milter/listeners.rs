//! Both listeners share one state.

use crate::milter::{DEFERRED, Site};

use crate::rows::{KEEPING, STEPS, rows};
use std::collections::HashMap;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::milter::{MailServer, OFFER};
use testkit::random::{Random, seed};
use testkit::{Attempt, Client, Daemon, Program, free_port};

const CLIENTS: [(&str, &str); 5] = [
    ("mx.a.test", "192.0.2.1"),
    ("mx.a.test", "192.0.2.2"),
    ("unknown", "198.51.100.1"),
    ("mx.b.test", "2001:db8::1"),
    ("mx.friend.test", "203.0.113.1"),
];
const SENDERS: [&str; 3] = ["alice@a.test", "", "list+7-99@a.test"];
const RECIPIENTS: [&str; 3] = ["bob@example.org", "Carol@Example.org", "bo b@example.org"];

/// Seconds before an attempt, its client, sender and recipient.
type Mail = (u64, (&'static str, &'static str), &'static str, &'static str);

fn stream(random: &mut Random) -> Vec<Mail> {
    let pick = |random: &mut Random, length| random.below(length);
    (0..400)
        .map(|_| {
            (
                STEPS[pick(random, STEPS.len())],
                CLIENTS[pick(random, CLIENTS.len())],
                SENDERS[pick(random, SENDERS.len())],
                RECIPIENTS[pick(random, RECIPIENTS.len())],
            )
        })
        .collect()
}

/// The result for a mail, in the same words for both listeners: `defer`, `pass`, or
/// its header up to the date.
type Outcome = String;

fn without_date(header: &str) -> String {
    header.split(';').next().expect("a header").to_string()
}

fn through_policy(client: &mut Client, mail: Mail, number: usize) -> Outcome {
    let (_, (name, address), sender, recipient) = mail;
    let attempt = Attempt::new(address, name, sender, recipient);
    let reply = client.ask(&attempt.with("instance", number.to_string()));
    match reply.split_once(' ') {
        None => "pass".to_string(),
        Some(("PREPEND", header)) => without_date(header),
        Some((_, _)) => "defer".to_string(),
    }
}

fn through_milter(servers: &mut Servers<'_>, mail: Mail) -> Outcome {
    let (_, (name, address), sender, recipient) = mail;
    let name = if name == "unknown" { format!("[{address}]") } else { name.to_string() };
    let recipient = match recipient.split_once(' ') {
        Some(_) => recipient.replace("bo b", "\"bo b\""),
        None => recipient.to_string(),
    };
    match servers.about(&name, address).mail(sender, &recipient) {
        (reply, headers) if reply.is_empty() => match headers.as_slice() {
            [] => "pass".to_string(),
            [header] => without_date(header),
            more => panic!("{more:?}"),
        },
        _ => "defer".to_string(),
    }
}

/// One connection for each client, as a mail server keeps them.
struct Servers<'s> {
    socket: &'s Path,
    by_address: HashMap<String, MailServer>,
}

impl Servers<'_> {
    fn about(&mut self, name: &str, address: &str) -> &mut MailServer {
        self.by_address.entry(address.to_string()).or_insert_with(|| {
            let mut server = MailServer::connect(self.socket);
            server.client(name, address);
            server
        })
    }
}

#[test]
fn the_same_mail_is_decided_alike_and_leaves_the_same_database() {
    let seed = seed();
    let mails = stream(&mut Random::of(seed));
    let site = || {
        let builder = Daemon::builder(Program::Ours);
        Site::of(builder.whitelist_clients("friend.test\n"), &KEEPING)
    };
    let (mut policy, mut milter, mut mixed) = (site(), site(), site());
    let (mut client, mut mixed_client) = (policy.daemon.client(), mixed.daemon.client());
    let milter_socket = milter.socket.clone();
    let mixed_socket = mixed.socket.clone();
    let mut servers = Servers { socket: &milter_socket, by_address: HashMap::new() };
    let mut mixed_servers = Servers { socket: &mixed_socket, by_address: HashMap::new() };
    let mut random = Random::of(seed);
    for (number, mail) in mails.into_iter().enumerate() {
        for site in [&mut policy, &mut milter, &mut mixed] {
            site.let_pass(mail.0);
        }
        let outcome = through_policy(&mut client, mail, number + 1);
        let at_milter = through_milter(&mut servers, mail);
        let at_either = if random.one_in(2) {
            through_policy(&mut mixed_client, mail, number + 1)
        } else {
            through_milter(&mut mixed_servers, mail)
        };
        let context = format!("POSTGREY_SEED={seed}, mail {number}: {mail:?}");
        assert_eq!(at_milter, outcome, "{context}");
        assert_eq!(at_either, outcome, "by turns, {context}");
    }
    let left = [policy, milter, mixed].map(|site| {
        let stopped = site.daemon.stop();
        rows(&stopped.dbdir())
    });
    assert!(left[0].len() > 20, "{left:?}");
    assert_eq!(left[0], left[1], "POSTGREY_SEED={seed}");
    assert_eq!(left[0], left[2], "POSTGREY_SEED={seed}");
}

#[test]
fn the_milter_socket_has_its_own_mode_and_is_removed() {
    let site = Site::start(&["--socketmode=0666"]);
    let mode = |path: &Path| path.metadata().expect("a socket").permissions().mode() & 0o7777;
    assert_eq!(mode(&site.socket), 0o660);
    assert_eq!(mode(site.daemon.socket()), 0o666);
    let socket = site.socket.clone();
    site.daemon.stop();
    assert!(!socket.exists());
}

#[test]
fn the_milter_may_listen_on_a_port() {
    let port = free_port();
    let site = Site::start(&[&format!("--milter=127.0.0.1:{port}")]);
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a milter that listens");
    let mut server = MailServer::speak(stream, OFFER);
    server.client("mx.a.test", "192.0.2.1");
    assert_eq!(server.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    // The last one counts.
    assert!(!site.socket.exists());
}

#[test]
fn exims_option_does_not_touch_the_milter() {
    let site = Site::start(&["--exim"]);
    let mut server = site.connect_about("mx.a.test", "192.0.2.1");
    for _ in 0..2 {
        assert_eq!(server.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    }
}
