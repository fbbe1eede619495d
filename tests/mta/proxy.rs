//! The SMTP proxy in front of real mail servers that support the PROXY protocol.
//! The client does not use the loopback address, whose mail would pass at once;
//! hence each test has a separate network.
//!
//! `compat/mail-servers` makes the chroots of these servers;
//! without them, they are skipped.

mod postfix;
mod servers;

use self::servers::{KINDS, Kind, MailServer};
use crate::smtp::Smtp;
use crate::{DEFERRED, assert_in_manual};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;
use testkit::namespace::{OWN_ADDRESS, OWN_IPV6_ADDRESS, in_own_network};
use testkit::{Builder, Clock, Daemon, Program, pem, wait_for};

/// The port of the proxy, in a network of the test's own.
const PORT: u16 = 25;

/// A mail server, and the daemon in front of it.
struct Site<S> {
    server: S,
    daemon: Daemon,
    clock: Clock,
}

impl<S> Site<S> {
    /// A proxy with these options in front of a server at this address.
    fn start(server: S, address: &str, options: &[&str]) -> Site<S> {
        Site::start_with(server, address, |builder| {
            options.iter().copied().fold(builder, Builder::arg)
        })
    }

    fn start_with(server: S, address: &str, configure: impl FnOnce(Builder) -> Builder) -> Site<S> {
        let builder = Daemon::builder(Program::Ours)
            .arg("--hostname=proxy.test")
            .arg(format!("--smtp={OWN_ADDRESS}:{PORT}"))
            .arg(format!("--smtp=[{OWN_IPV6_ADDRESS}]:{PORT}"))
            .arg(format!("--smtp-backend={address}"));
        let (builder, clock) = Clock::of(configure(builder));
        Site { server, daemon: builder.start(), clock }
    }

    fn connect(&self) -> Smtp {
        self.connect_by(OWN_ADDRESS)
    }

    /// Connects to this address of the machine, which is then also the client's.
    fn connect_by(&self, address: IpAddr) -> Smtp {
        let connect = || TcpStream::connect((address, PORT)).ok();
        Smtp::greet(wait_for("the proxy", connect))
    }

    /// Offers a message, which is deferred, and lets the delay pass.
    fn wait_out_the_delay(&mut self) {
        let mut smtp = self.connect();
        assert_eq!(offer(&mut smtp), DEFERRED);
        smtp.quit();
        self.clock.advance(Duration::from_secs(301));
    }
}

/// Returns the reply to the recipient.
fn offer(smtp: &mut Smtp) -> String {
    smtp.expect("250", "EHLO client.test");
    smtp.expect("250", "MAIL FROM:<alice@sender.test>");
    smtp.say("RCPT TO:<bob@example.org>")
}

/// Runs a test with each server that is installed and each version of the PROXY
/// protocol that it understands, in a network of its own.
fn with_each(options: &[&str], test: fn(&Kind, &mut Site<Box<dyn MailServer>>)) {
    let options: Vec<String> = options.iter().map(ToString::to_string).collect();
    in_own_network(move || {
        for kind in &KINDS {
            for version in kind.versions {
                let Some(server) = (kind.start)() else { continue };
                let address = server.address();
                let version = format!("--smtp-proxy-protocol={version}");
                let configure = |builder: Builder| builder.arg(version).args(&options);
                test(kind, &mut Site::start_with(server, &address, configure));
            }
        }
    });
}

/// The delivered message with this text.
fn delivered(site: &Site<Box<dyn MailServer>>, text: &str) -> String {
    wait_for("the delivery", || site.server.inbox_with(text).pop())
}

/// Lines as SMTP transports them (RFC 5321 section 4.5.2).
fn stuffed(text: &str) -> String {
    let stuffed =
        |line: &str| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" });
    text.lines().map(stuffed).collect()
}

#[test]
fn message_is_deferred_and_delivered_unchanged_after_the_delay() {
    with_each(&[], |Kind { name, received, .. }, site| {
        let mut smtp = site.connect();
        assert_eq!(offer(&mut smtp), DEFERRED, "{name}");
        assert_eq!(smtp.say("DATA"), "451 4.7.1 Error: no recipient was accepted");
        smtp.quit();
        site.clock.advance(Duration::from_secs(301));
        let mut smtp = site.connect();
        assert!(offer(&mut smtp).starts_with("250 "), "{name}");
        let body = [".", "..", "n\u{fc}r", &"x".repeat(900)].join("\n");
        let body = format!("{body}\n{}", "line after line\n".repeat(100_000));
        smtp.expect("354", "DATA");
        smtp.expect("250", &format!("Subject: whole\r\n\r\n{}.", stuffed(&body)));
        smtp.quit();
        let message = delivered(site, "Subject: whole");
        let (head, delivered) = message.split_once("\n\n").expect("a body");
        assert!(head.contains(received), "{name}: {head}");
        assert_in_manual(received);
        assert!(delivered == body, "{name}: the body was changed");
        let client = format!("client_name=unknown, client_address={OWN_ADDRESS}, ");
        for line in [
            format!("action=greylist, reason=new, {client}"),
            format!("action=pass, reason=triplet found, delay=301, {client}"),
            format!("relayed: {client}received="),
        ] {
            site.daemon.wait_for_line(&line);
        }
    });
}

#[test]
fn tls_ends_at_the_proxy_before_the_hand_over() {
    let option = |name: &str, file: &str| format!("--smtp-tls-{name}={}", pem(file).display());
    let (certificate, key) = (option("cert", "certificate.pem"), option("key", "key.pem"));
    with_each(&[&certificate, &key], |Kind { name, .. }, site| {
        site.wait_out_the_delay();
        let mut smtp = site.connect();
        smtp.expect("250", "EHLO client.test");
        smtp.start_tls();
        assert!(offer(&mut smtp).starts_with("250 "), "{name}");
        smtp.send("Subject: by TLS\n");
        smtp.quit();
        let message = delivered(site, "Subject: by TLS");
        assert!(!message.to_ascii_lowercase().contains("with esmtps"), "{name}: {message}");
    });
}

#[test]
fn tls_ends_at_the_mail_server_after_the_hand_over() {
    with_each(&[], |Kind { name, .. }, site| {
        site.wait_out_the_delay();
        let mut smtp = site.connect();
        assert!(offer(&mut smtp).starts_with("250 "), "{name}");
        smtp.send("Subject: in clear\n");
        smtp.start_tls();
        assert!(offer(&mut smtp).starts_with("250 "), "{name}");
        smtp.send("Subject: by TLS\n");
        smtp.quit();
        for (subject, is_encrypted) in [("in clear", false), ("by TLS", true)] {
            let message = delivered(site, &format!("Subject: {subject}"));
            let with_tls = message.to_ascii_lowercase().contains("with esmtps");
            assert_eq!(with_tls, is_encrypted, "{name}: {message}");
        }
    });
}

#[test]
fn whitelisted_client_talks_to_the_mail_server_from_the_first_byte() {
    let whitelist = format!("--trusted-networks={OWN_ADDRESS}");
    with_each(&[&whitelist], |Kind { name, .. }, site| {
        let mut smtp = site.connect();
        assert!(!smtp.greeting().contains("proxy.test"), "{name}: {}", smtp.greeting());
        smtp.expect("250", "EHLO client.test");
        smtp.start_tls();
        assert!(offer(&mut smtp).starts_with("250 "), "{name}");
        smtp.send("Subject: direct\n");
        smtp.quit();
        let message = delivered(site, "Subject: direct").to_ascii_lowercase();
        assert!(message.contains("with esmtps"), "{name}: {message}");
        assert!(message.contains(&format!("[{OWN_ADDRESS}]")), "{name}: {message}");
    });
}

#[test]
fn ipv6_client_has_its_address_in_the_message() {
    with_each(&[], |Kind { name, .. }, site| {
        let mut smtp = site.connect_by(OWN_IPV6_ADDRESS);
        assert_eq!(offer(&mut smtp), DEFERRED, "{name}");
        smtp.quit();
        site.clock.advance(Duration::from_secs(301));
        let mut smtp = site.connect_by(OWN_IPV6_ADDRESS);
        assert!(offer(&mut smtp).starts_with("250 "), "{name}");
        smtp.send("Subject: by IPv6\n");
        smtp.quit();
        let message = delivered(site, "Subject: by IPv6");
        assert!(message.contains(&OWN_IPV6_ADDRESS.to_string()), "{name}: {message}");
    });
}
