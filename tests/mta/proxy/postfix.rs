//! The SMTP proxy in front of a real Postfix that understands the PROXY
//! protocol. The client has another address than the loopback one, whose mail would
//! pass at once; hence each test has a network of its own.

use super::instance::{Postfix, require, wait_for};
use super::smtp::Smtp;
use simple_dns::rdata::{A, AAAA, PTR, RData};
use simple_dns::{CLASS, Name, Packet, QTYPE, ResourceRecord, TYPE};
use std::net::{IpAddr, Ipv4Addr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;
use testkit::namespace::{Namespace, OWN_ADDRESS, in_own_network};
use testkit::{Builder, Clock, Daemon, Program, Scratch, free_port};

const DEFERRED: &str =
    "451 4.7.1 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

struct Site {
    address: IpAddr,
    port: u16,
    postfix: Postfix,
    daemon: Daemon,
    clock: Clock,
}

impl Site {
    fn start(options: &[&str], whitelist: &str) -> Site {
        Site::start_within(options, whitelist, &[])
    }

    /// Likewise, with a program that starts the daemon.
    fn start_within(options: &[&str], whitelist: &str, wrapper: &[String]) -> Site {
        let address = OWN_ADDRESS;
        let postfix = Postfix::start_behind_proxy();
        let port = free_port();
        let builder = options.iter().copied().fold(Daemon::builder(Program::Ours), Builder::arg);
        let builder = builder
            .whitelist_clients(whitelist)
            .within(wrapper.iter().cloned())
            .arg("--hostname=proxy.test")
            .arg(format!("--smtp={address}:{port}"))
            .arg(format!("--smtp-backend={}", postfix.address()));
        let (builder, clock) = Clock::of(builder);
        Site { address, port, postfix, daemon: builder.start(), clock }
    }

    fn connect(&self) -> Smtp {
        let connect = || TcpStream::connect((self.address, self.port)).ok();
        Smtp::greet(wait_for("the proxy", connect))
    }

    /// The reply to a recipient, in a session that has come so far.
    fn offer(&self) -> (Smtp, String) {
        let mut smtp = self.connect();
        smtp.expect("250", "EHLO client.test");
        smtp.expect("250", "MAIL FROM:<alice@sender.test>");
        let reply = smtp.say("RCPT TO:<bob@example.org>");
        (smtp, reply)
    }

    fn delivered(&self, text: &str) -> String {
        wait_for("the delivery", || self.postfix.inbox_with(text).pop())
    }
}

#[test]
fn message_is_deferred_and_delivered_unchanged_after_the_delay() {
    in_own_network(|| {
        for version in [1, 2] {
            let option = format!("--smtp-proxy-protocol={version}");
            let mut site = Site::start(&[&option], "");
            let (mut smtp, reply) = site.offer();
            assert_eq!(reply, DEFERRED);
            assert_eq!(smtp.say("DATA"), "451 4.7.1 Error: no recipient was accepted");
            smtp.quit();
            site.clock.advance(Duration::from_secs(301));
            let (mut smtp, reply) = site.offer();
            assert_eq!(reply, "250 2.1.5 Ok");
            let body = [".", "..", "n\u{fc}r", &"x".repeat(900)].join("\n");
            let body = format!("{body}\n{}", "line after line\n".repeat(100_000));
            smtp.expect("354", "DATA");
            let head = format!("Subject: whole {version}\r\n\r\n");
            smtp.expect("250", &format!("{head}{}.", stuffed(&body)));
            smtp.quit();
            let message = site.delivered(&format!("Subject: whole {version}"));
            let from = format!("Received: from client.test (unknown [{}])", site.address);
            assert!(message.contains(&from), "{}", &message[..500]);
            let (_, delivered) = message.split_once("\n\n").expect("a body");
            assert!(delivered == body, "the body was changed");
            let client = format!("client_name=unknown, client_address={}, ", site.address);
            for line in [
                format!("action=greylist, reason=new, {client}"),
                format!("action=pass, reason=triplet found, delay=301, {client}"),
                format!("relayed: {client}received="),
            ] {
                wait_for(&line, || {
                    site.daemon.log().iter().any(|logged| logged.contains(&line)).then_some(())
                });
            }
        }
    });
}

/// Lines as SMTP transports them (RFC 5321 section 4.5.2).
fn stuffed(text: &str) -> String {
    let stuffed =
        |line: &str| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" });
    text.lines().map(stuffed).collect()
}

#[test]
fn whitelisted_client_talks_to_postfix_from_the_first_byte() {
    in_own_network(|| {
        let site = Site::start(&[], &format!("{OWN_ADDRESS}\n"));
        let mut smtp = site.connect();
        assert!(smtp.greeting().contains("mx.test.example"), "{}", smtp.greeting());
        smtp.expect("250", "EHLO client.test");
        smtp.expect("250", "MAIL FROM:<alice@sender.test>");
        assert_eq!(smtp.say("RCPT TO:<bob@example.org>"), "250 2.1.5 Ok");
        smtp.quit();
    });
}

#[test]
fn two_hundred_messages_arrive_once() {
    in_own_network(|| {
        require("/usr/sbin/smtp-source", "postfix");
        let mut site = Site::start(&[], "");
        let (smtp, reply) = site.offer();
        assert_eq!(reply, DEFERRED);
        smtp.quit();
        site.clock.advance(Duration::from_secs(301));
        let status = Command::new("/usr/sbin/smtp-source")
            .args(["-d", "-s", "20", "-m", "200", "-l", "500", "-M", "client.test"])
            .args(["-f", "alice@sender.test", "-t", "bob@example.org", "-S", "one of many"])
            .arg(format!("{}:{}", site.address, site.port))
            .status();
        assert!(status.expect("smtp-source").success());
        let count = || site.postfix.inbox_with("one of many").len();
        wait_for("200 messages", || (count() >= 200).then_some(()));
        assert_eq!(count(), 200);
    });
}

/// Starts a DNS server that knows one name of one address, and returns its own
/// address.
fn serve_name(name: &'static str, address: IpAddr) -> Ipv4Addr {
    let [high, low, ..] = std::process::id().to_le_bytes();
    let server = Ipv4Addr::new(127, high | 1, low, 53);
    let socket = UdpSocket::bind((server, 53)).expect("port 53 of an address of its own");
    std::thread::spawn(move || {
        let mut datagram = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            let asked = Packet::parse(&datagram[..length]).expect("a question");
            let mut reply = Packet::new_reply(asked.id());
            reply.questions.clone_from(&asked.questions);
            let record = match (asked.questions[0].qtype, address) {
                (QTYPE::TYPE(TYPE::PTR), _) => RData::PTR(PTR(Name::new_unchecked(name))),
                (_, IpAddr::V4(address)) => RData::A(A { address: address.to_bits() }),
                (_, IpAddr::V6(address)) => RData::AAAA(AAAA { address: address.to_bits() }),
            };
            let owner = asked.questions[0].qname.clone();
            reply.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, record));
            let bytes = reply.build_bytes_vec().expect("a reply");
            socket.send_to(&bytes, from).expect("a reader");
        }
    });
    server
}

#[test]
fn client_is_whitelisted_by_its_verified_name() {
    in_own_network(|| {
        let server = serve_name("mx.trusted.test", OWN_ADDRESS);
        let scratch = Scratch::new();
        let file = scratch.file("resolv.conf", format!("nameserver {server}\n"));
        let script = "mount --make-rprivate /\nmount --bind \"$1\" /etc/resolv.conf";
        let Some(namespace) = Namespace::new(script, &[&file]) else { return };
        let site = Site::start_within(&[], "trusted.test\n", &namespace.words());
        let smtp = site.connect();
        assert!(smtp.greeting().contains("mx.test.example"), "{}", smtp.greeting());
        smtp.quit();
    });
}
