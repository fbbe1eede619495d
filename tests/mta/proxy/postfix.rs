//! Tests that only Postfix permits: extensions, sizes, load, and verified names.

use super::{Site, offer};
use crate::DEFERRED;
use crate::postfix::instance::Postfix;
use crate::smtp::Smtp;
use simple_dns::rdata::{A, AAAA, PTR, RData};
use simple_dns::{CLASS, Name, Packet, QTYPE, ResourceRecord, TYPE};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;
use testkit::namespace::{Namespace, OWN_ADDRESS, in_own_network};
use testkit::{Scratch, require, wait_for, wait_until};

/// A Postfix behind the proxy; the delay of the first triplet is over.
fn start() -> Site<Postfix> {
    let postfix = Postfix::start_with_proxy();
    let address = postfix.address();
    let mut site = Site::start(postfix, &address, &[]);
    site.wait_out_the_delay();
    site
}

impl Site<Postfix> {
    fn delivered(&self, text: &str) -> String {
        wait_for("the delivery", || self.server.inbox_with(text).pop())
    }

    /// Lets smtp-source send messages over 50 connections, and waits for them.
    fn receive(&self, count: usize, subject: &str, options: &[&str]) {
        require("/usr/sbin/smtp-source", "postfix");
        let number = count.to_string();
        let status = Command::new("/usr/sbin/smtp-source")
            .args(["-m", &number, "-l", "500", "-M", "client.test", "-S", subject])
            .args(["-f", "alice@sender.test", "-t", "bob@example.org"])
            .args(options)
            .arg(format!("{OWN_ADDRESS}:{}", super::PORT))
            .status();
        assert!(status.expect("smtp-source").success());
        let arrived = || self.server.inbox_with(subject).len();
        wait_until("the messages", || arrived() >= count);
        wait_until("an empty queue", || self.server.queue().contains("is empty"));
        assert_eq!(arrived(), count);
    }
}

#[test]
fn chunks_arrive_unchanged() {
    in_own_network(|| {
        let site = start();
        let mut smtp = site.connect();
        assert_eq!(offer(&mut smtp), "250 2.1.5 Ok");
        let body = ".\r\n..\r\nn\u{fc}r\r\n.\r\n";
        for (chunk, last) in [("Subject: in chunks\r\n\r\n", ""), (body, " LAST")] {
            smtp.send_bytes(format!("BDAT {}{last}\r\n{chunk}", chunk.len()).as_bytes());
            assert!(smtp.reply().starts_with("250 "));
        }
        smtp.quit();
        let message = site.delivered("Subject: in chunks");
        let (_, delivered) = message.split_once("\n\n").expect("a body");
        assert_eq!(delivered, body.replace("\r\n", "\n"));
    });
}

#[test]
fn international_addresses_arrive() {
    in_own_network(|| {
        let mut site = start();
        let offer = |smtp: &mut Smtp| {
            smtp.expect("250", "EHLO client.test");
            smtp.expect("250", "MAIL FROM:<j\u{f6}rg@sender.test> SMTPUTF8");
            smtp.say("RCPT TO:<b\u{f6}b@example.org>")
        };
        let mut smtp = site.connect();
        assert_eq!(offer(&mut smtp), DEFERRED);
        smtp.quit();
        site.clock.advance(Duration::from_secs(301));
        let mut smtp = site.connect();
        assert_eq!(offer(&mut smtp), "250 2.1.5 Ok");
        smtp.send("Subject: gr\u{fc}\u{df}e\n");
        smtp.quit();
        let message = site.delivered("Subject: gr\u{fc}\u{df}e");
        assert!(message.contains("<j\u{f6}rg@sender.test>"), "{message}");
    });
}

#[test]
fn no_message_of_two_thousand_is_lost_or_doubled() {
    in_own_network(|| {
        let site = start();
        // One connection for many messages, then one for each.
        site.receive(2000, "one of many", &["-d", "-s", "50"]);
        site.receive(300, "one by one", &["-s", "20"]);
    });
}

#[test]
fn server_without_the_proxy_protocol_sees_the_proxy_and_does_not_relay_for_it() {
    in_own_network(|| {
        let postfix = Postfix::start_with(
            "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n",
        );
        let address = postfix.address();
        let mut site = Site::start(postfix, &address, &["--smtp-proxy-protocol=off"]);
        site.wait_out_the_delay();
        let mut smtp = site.connect();
        assert_eq!(offer(&mut smtp), "250 2.1.5 Ok");
        smtp.expect("454", "RCPT TO:<victim@elsewhere.test>");
        smtp.send("Subject: without an address\n");
        smtp.quit();
        let message = site.delivered("Subject: without an address");
        let received = "Received: from client.test (unknown [127.0.0.1])";
        assert!(message.contains(received), "{message}");
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
        let postfix = Postfix::start_with_proxy();
        let address = postfix.address();
        let site = Site::start_with(postfix, &address, |builder| {
            builder.whitelist_clients("trusted.test\n").within(namespace.words())
        });
        let smtp = site.connect();
        assert!(smtp.greeting().contains("mx.test.example"), "{}", smtp.greeting());
        smtp.quit();
    });
}
