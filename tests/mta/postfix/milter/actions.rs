//! Mail on a blacklist, with every `--blacklist-action`.

use super::Site;
use crate::DEFERRED;
use crate::postfix::{ACCEPTED, assert_delivered_unchanged, client};
use crate::smtp::Envelope;
use testkit::{Scratch, wait_for};

const BLACKLISTED: &str = "192.0.2.66";

/// A site that has spammers at an address and in a domain.
fn site(action: &str, text: &str, lists: &Scratch) -> Site {
    let clients = lists.file("clients", format!("{BLACKLISTED}\n"));
    let recipients = lists.file("recipients", "trap@example.org\n");
    let options = [
        format!("--blacklist-clients={}", clients.display()),
        format!("--blacklist-recipients={}", recipients.display()),
        format!("--blacklist-action={action}"),
        format!("--blacklist-text={text}"),
    ];
    Site::start_with(6, &options)
}

fn spammer() -> Envelope {
    Envelope::from_client(BLACKLISTED)
}

#[test]
fn codes_and_texts_reach_the_client() {
    testkit::needs!(testkit::root_for("Postfix"));
    let lists = Scratch::new();
    for (action, reply) in [
        ("REJECT", "554 5.7.1 No spam please"),
        ("550", "550 5.7.1 No spam please"),
        ("DEFER", "451 4.7.1 No spam please"),
    ] {
        let site = site(action, "No spam please", &lists);
        assert_eq!(site.postfix.offer(&spammer()), [reply], "{action}");
        assert_eq!(site.postfix.offer(&client("198.51.100.7")), [DEFERRED], "{action}");
    }
}

#[test]
fn held_mail_stays_in_the_queue() {
    testkit::needs!(testkit::root_for("Postfix"));
    let lists = Scratch::new();
    let site = site("HOLD", "On our blacklist", &lists);
    let held = site.postfix.hand_in(&spammer().sender("mallory@spam.test"));
    let queue = wait_for("a held message", || {
        let queue = site.postfix.queue();
        queue.contains("mallory@spam.test").then_some(queue)
    });
    let line = queue.lines().find(|line| line.contains("mallory@spam.test")).expect("its line");
    assert!(line.split(' ').next().is_some_and(|id| id.ends_with('!')), "{queue}");
    assert_delivered_unchanged(&site.postfix, "a friend", &client("203.0.113.7"));
    assert!(site.postfix.inbox_with(&held).is_empty());
}

#[test]
fn discarded_mail_is_accepted_and_deleted() {
    testkit::needs!(testkit::root_for("Postfix"));
    let lists = Scratch::new();
    let site = site("DISCARD", "Spam", &lists);
    let gone = site.postfix.hand_in(&spammer().sender("mallory@spam.test"));
    assert_delivered_unchanged(&site.postfix, "a friend", &client("203.0.113.7"));
    let line = wait_for("the word DISCARD in its log", || {
        let log = site.postfix.maillog();
        log.into_iter().find(|line| line.contains("milter triggers DISCARD action"))
    });
    assert!(line.contains("mallory@spam.test"), "{line}");
    assert!(site.postfix.inbox_with(&gone).is_empty());
    assert!(site.postfix.queue().contains("queue is empty"), "{}", site.postfix.queue());
}

#[test]
fn a_deferred_recipient_keeps_its_mail_when_another_discards() {
    testkit::needs!(testkit::root_for("Postfix"));
    let lists = Scratch::new();
    let site = site("DISCARD", "Spam", &lists);
    let both = client("198.51.100.7").recipients(&["trap@example.org", "bob@example.org"]);
    assert_eq!(site.postfix.offer(&both), [ACCEPTED, DEFERRED]);
}
