//! Who waits, who does not, and what is told and logged.

use crate::milter::{DEFERRED, Site};
use testkit::{Daemon, Program};

const STRANGER: (&str, &str) = ("mx.a.test", "192.0.2.1");

#[test]
fn a_message_waits_and_passes_with_one_header() {
    let mut site = Site::start(&[]);
    let mut server = site.connect_about(STRANGER.0, STRANGER.1);
    let (reply, _) = server.mail("alice@a.test", "bob@example.org");
    assert_eq!(reply, DEFERRED);
    site.let_pass(299);
    let (reply, _) = server.mail("alice@a.test", "bob@example.org");
    assert_eq!(reply, DEFERRED);
    site.let_pass(1);
    let (reply, headers) = server.mail("alice@a.test", "bob@example.org");
    assert_eq!((reply.as_str(), headers.len()), ("", 1));
    let start = format!(
        "X-Greylist: delayed 300 seconds by {} at mx.test.example; ",
        Program::Ours.signature()
    );
    assert!(headers[0].starts_with(&start), "{headers:?}");
    let (reply, headers) = server.mail("alice@a.test", "bob@example.org");
    assert_eq!((reply.as_str(), headers.len()), ("", 0));
}

#[test]
fn several_recipients_are_decided_separately_and_share_one_header() {
    let mut site = Site::start(&[]);
    let mut server = site.connect_about(STRANGER.0, STRANGER.1);
    server.sender("alice@a.test");
    for name in ["bob", "carol"] {
        assert_eq!(server.recipient(&format!("{name}@example.org")), DEFERRED);
    }
    // What is sent without an answer could still be read at the old time.
    site.let_pass(300);
    server.send(b'A', b"");
    server.sender("alice@a.test");
    assert_eq!(server.recipient("bob@example.org"), "");
    assert_eq!(server.recipient("dave@example.org"), DEFERRED);
    assert_eq!(server.recipient("carol@example.org"), "");
    assert_eq!(server.end_of_message().len(), 1);
}

#[test]
fn the_lists_and_the_null_sender_are_as_at_the_other_listener() {
    let builder = Daemon::builder(Program::Ours)
        .whitelist_clients("friend.test\n203.0.113.0/24\n2001:db8:77::/48\n")
        .whitelist_recipients("postmaster@\n");
    let site = Site::of(builder, &[]);
    let reply = |name: &str, address: &str, recipient: &str| {
        site.connect_about(name, address).mail("", recipient).0
    };
    assert_eq!(reply("mx.friend.test", "192.0.2.1", "bob@example.org"), "");
    assert_eq!(reply("[203.0.113.9]", "203.0.113.9", "bob@example.org"), "");
    assert_eq!(reply("[IPv6:2001:db8:77::9]", "IPv6:2001:db8:77::9", "bob@example.org"), "");
    assert_eq!(reply("mx.a.test", "192.0.2.1", "postmaster@example.org"), "");
    assert_eq!(reply("mx.a.test", "192.0.2.1", "bob@example.org"), DEFERRED);
    assert_eq!(reply("mx.a.test", "2001:db8::9", "bob@example.org"), DEFERRED);
}

#[test]
fn own_mail_passes_without_a_trace() {
    let mut site = Site::start(&["--trusted-networks=198.51.100.0/24 2001:db8:5::/48", "-v"]);
    for address in ["127.0.0.1", "::1", "198.51.100.7", "2001:db8:5::7"] {
        let mut server = site.connect_about("host.own.test", address);
        assert_eq!(server.mail("alice@a.test", "bob@example.org"), (String::new(), vec![]));
    }
    let mut server = site.connect_about(STRANGER.0, STRANGER.1);
    server.macros(b'M', &["{auth_type}", "PLAIN", "{auth_authen}", "joe"]);
    assert_eq!(server.mail("alice@a.test", "bob@example.org"), (String::new(), vec![]));
    site.let_pass(300);
    // It left no entry, nor does the login count for the next message.
    assert_eq!(server.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    let log = site.daemon.stop().log;
    let passed = |reason: &str| log.iter().filter(|line| line.contains(reason)).count();
    assert_eq!(passed("action=pass, reason=trusted network, client_name=host.own.test"), 4);
    assert_eq!(passed("action=pass, reason=authenticated client, client_name=mx.a.test"), 1);
}

#[test]
fn the_log_has_the_originals_lines_with_the_queue_id() {
    let site = Site::start(&[]);
    let mut server = site.connect_about("[192.0.2.1]", "192.0.2.1");
    server.macros(b'M', &["i", "49C0FFEE"]);
    server.mail("alice@a.test", "\"bo b\"@example.org");
    let log = site.daemon.stop().log;
    let line = "49C0FFEE: action=greylist, reason=new, client_name=unknown, \
                client_address=192.0.2.1, sender=alice@a.test, recipient=bo b@example.org";
    assert!(log.iter().any(|logged| logged.ends_with(line)), "{log:#?}");
}

#[test]
fn code_and_text_are_the_administrators() {
    let text = "--greylist-text=Come back in %s seconds, 100% sure, %r";
    let site = Site::start(&["--greylist-action=450", text]);
    let mut server = site.connect_about(STRANGER.0, STRANGER.1);
    let (reply, _) = server.mail("a@a.test", "bob@example.org");
    assert_eq!(reply, "450 4.7.1 Come back in 300 seconds, 100%% sure, example.org");
}

#[test]
fn a_mail_server_of_version_2_is_served_as_well() {
    use testkit::milter::MailServer;
    let site = Site::start(&[]);
    let mut server = MailServer::connect_with(&site.socket, [2, 0x3f, 0x7f]);
    server.client(STRANGER.0, STRANGER.1);
    server.send(b'H', b"helo\0");
    assert_eq!(server.receive(), Some((b'c', Vec::new())));
    assert_eq!(server.mail("a@a.test", "bob@example.org").0, DEFERRED);
}
