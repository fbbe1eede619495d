//! Greylisting at a real Sendmail. It runs in a chroot and in a separate network,
//! whose addresses play the clients.
//!
//! `compat/mail-servers` makes the chroot and runs this; without the chroot it is
//! skipped.

mod actions;
mod instance;

use self::instance::{RECOMMENDED, Sendmail, deliver};
use crate::DEFERRED;
use crate::chroot::{Running, made};
use crate::smtp::greylist_headers;
use std::path::{Path, PathBuf};
use std::time::Duration;
use testkit::{Clock, Daemon, Program, skip};

fn chroot() -> Option<PathBuf> {
    made("sendmail")
}

struct Site {
    sendmail: Running,
    daemon: Daemon,
    clock: Clock,
}

fn start(chroot: &Path) -> Site {
    start_with(Sendmail::prepare(chroot, RECOMMENDED), &[])
}

fn start_with(sendmail: Sendmail, options: &[String]) -> Site {
    let builder = Daemon::builder(Program::Ours)
        .arg("--hostname=mx.test.example")
        .arg(format!("--milter={}", sendmail.milter().display()))
        .arg("--trusted-networks=198.51.100.99")
        .whitelist_clients("friend.test\n")
        .whitelist_recipients("postmaster@\n");
    let builder = builder.args(options);
    let (builder, clock) = Clock::of(builder);
    let daemon = builder.start();
    Site { sendmail: sendmail.start(), daemon, clock }
}

const STRANGERS: [(&str, &str); 3] = [
    ("198.51.100.7", "alice@sender.test"),
    ("2001:db8::7", "alice@sender.test"),
    ("198.51.100.7", "<>"),
];

#[test]
fn strangers_wait_friends_do_not_and_mail_flows_without_the_milter() {
    let Some(chroot) = chroot() else { return };
    let mut site = start(&chroot);
    for (client, who) in [
        ("127.0.0.1", "the machine itself"),
        ("198.51.100.99", "a trusted network"),
        ("203.0.113.7", "mail.friend.test, which is whitelisted"),
    ] {
        let dialogue = site.sendmail.offer(client, "alice@sender.test", "bob@example.org");
        assert!(dialogue.contains("Recipient ok"), "{who}: {dialogue}");
    }
    let dialogue =
        site.sendmail.offer("198.51.100.7", "alice@sender.test", "postmaster@example.org");
    assert!(dialogue.contains("Recipient ok"), "a whitelisted recipient: {dialogue}");

    crate::assert_in_manual(DEFERRED);
    let three = "bob@example.org,stranger@example.org,carol@example.org";
    for (client, sender) in STRANGERS {
        let dialogue = site.sendmail.offer(client, sender, three);
        assert_eq!(dialogue.matches(DEFERRED).count(), 2, "{dialogue}");
        assert!(
            dialogue.contains("550 5.1.1 <stranger@example.org>... User unknown"),
            "{dialogue}"
        );
    }
    site.clock.advance(Duration::from_secs(300));
    for (client, sender) in STRANGERS {
        let both = "bob@example.org,carol@example.org";
        let message = deliver(&site.sendmail, client, sender, both);
        let found = greylist_headers(&message);
        assert!(found.len() == 1, "{client} {sender}: {message}");
        assert!(found[0].starts_with("X-Greylist: delayed 300 seconds by "), "{found:?}");
    }
    let again = deliver(&site.sendmail, "198.51.100.7", "alice@sender.test", "bob@example.org");
    assert!(greylist_headers(&again).is_empty(), "{again}");

    let log = site.daemon.stop().log;
    let has_queue_id = |line: &&String| {
        let id = line.split(": action=greylist, reason=new").next();
        id.and_then(|start| start.rsplit(' ').next()).is_some_and(|id| id.len() == 14)
    };
    let new = log.iter().filter(|line| line.contains("action=greylist, reason=new"));
    assert_eq!(new.clone().count(), 6, "{log:#?}");
    assert!(new.clone().all(|line| has_queue_id(&line)), "{log:#?}");
    assert!(log.iter().all(|line| !line.contains("stranger@")), "{log:#?}");
    let stranger = site.sendmail.offer("198.51.100.8", "new@sender.test", "bob@example.org");
    assert!(stranger.contains("Recipient ok"), "without the milter: {stranger}");
}

/// Its name leads back to another machine, which is whitelisted.
const IMPOSTOR: &str = "198.51.100.9";

#[test]
fn a_name_with_another_address_is_not_confirmed() {
    let Some(chroot) = chroot() else { return };
    let site = start_with(Sendmail::prepare(&chroot, RECOMMENDED), &[]);
    let dialogue = site.sendmail.offer(IMPOSTOR, "alice@sender.test", "bob@example.org");
    assert!(dialogue.contains(DEFERRED), "{dialogue}");
    let log = site.daemon.stop().log;
    let line = "client_name=unknown, client_address=198.51.100.9";
    assert!(log.iter().any(|logged| logged.contains(line)), "{log:#?}");
}

/// Sendmail takes the highest bit off each byte, which makes a line feed of the
/// second half of the fourth letter.
const TEXT: &str = "--greylist-text=Подъезд 7, 100%";

#[test]
fn letters_beyond_ascii_do_not_break_the_reply() {
    let Some(chroot) = chroot() else { return };
    let site = start_with(Sendmail::prepare(&chroot, RECOMMENDED), &[TEXT.to_string()]);
    let dialogue = site.sendmail.offer("198.51.100.7", "alice@sender.test", "bob@example.org");
    assert!(dialogue.contains("<** 451 4.7.1 ??????? 7, 100%\n"), "{dialogue}");
}

#[test]
fn authenticated_mail_passes_without_an_entry() {
    let Some(chroot) = chroot() else { return };
    let sendmail = Sendmail::prepare(&chroot, RECOMMENDED);
    if !sendmail.add_login("joe", "open sesame") {
        skip("logins to Sendmail: its chroot has no sasl2-bin, run compat/mail-servers");
        return;
    }
    let mut site = start_with(sendmail, &["-v".to_string()]);
    let offer = |password: &str| {
        let login = ["joe@mx.test.example", password];
        let how = ["--auth=CRAM-MD5"];
        site.sendmail.offer_as(login, "198.51.100.7", "alice@sender.test", &how)
    };
    let dialogue = offer("open sesame");
    assert!(dialogue.contains("235 2.0.0 OK Authenticated"), "{dialogue}");
    assert!(dialogue.contains("Recipient ok"), "{dialogue}");
    let dialogue = offer("guessed");
    assert!(dialogue.contains("535 5.7.0 authentication failed"), "{dialogue}");

    // The mail that passed by login left no entry that could be old enough now.
    site.clock.advance(Duration::from_secs(300));
    let dialogue = site.sendmail.offer("198.51.100.7", "alice@sender.test", "bob@example.org");
    assert!(dialogue.contains(DEFERRED), "{dialogue}");
    let log = site.daemon.stop().log;
    let passed = "action=pass, reason=authenticated client, client_name=mail.sender.test, \
                  client_address=198.51.100.7, sender=alice@sender.test";
    assert_eq!(log.iter().filter(|line| line.contains(passed)).count(), 1, "{log:#?}");
    assert_eq!(log.iter().filter(|line| line.contains("reason=new")).count(), 1, "{log:#?}");
}
