//! Mail on a blacklist, with every `--blacklist-action`.

use super::instance::{RECOMMENDED, Sendmail, deliver, mailbox, quarantine};
use crate::sendmail::{Site, chroot, start_with};
use testkit::{Scratch, wait_for};

const SPAMMER: &str = "198.51.100.8";
const FRIEND: &str = "203.0.113.7";

fn site(action: &str, lists: &Scratch) -> Option<Site> {
    let list = lists.file("clients", format!("{SPAMMER}\n"));
    let options = [
        format!("--blacklist-clients={}", list.display()),
        format!("--blacklist-action={action}"),
        "--blacklist-text=No spam, 100%".to_string(),
    ];
    let sendmail = Sendmail::prepare(&chroot()?, RECOMMENDED);
    Some(start_with(sendmail, &options))
}

#[test]
fn rejected_mail_has_a_reason() {
    let lists = Scratch::new();
    let Some(site) = site("REJECT", &lists) else { return };
    let dialogue = site.sendmail.offer(SPAMMER, "mallory@spam.test", "bob@example.org");
    assert!(dialogue.contains("554 5.7.1 No spam, 100%\n"), "{dialogue}");
}

#[test]
fn held_mail_is_in_quarantine_with_the_reason() {
    let lists = Scratch::new();
    let Some(site) = site("HOLD", &lists) else { return };
    site.sendmail.hand_in(SPAMMER, "mallory@spam.test", "bob@example.org", "hello\n");
    let queue = wait_for("a message in quarantine", || {
        let queue = quarantine(&site.sendmail);
        queue.contains("mallory@spam.test").then_some(queue)
    });
    assert!(queue.contains("QUARANTINE: No spam, 100%"), "{queue}");
    deliver(&site.sendmail, FRIEND, "alice@sender.test", "bob@example.org");
    assert!(!mailbox(&site.sendmail).contains("mallory@spam.test"));
}

#[test]
fn discarded_mail_is_accepted_and_deleted() {
    let lists = Scratch::new();
    let Some(site) = site("DISCARD", &lists) else { return };
    site.sendmail.hand_in(SPAMMER, "mallory@spam.test", "bob@example.org", "hello\n");
    deliver(&site.sendmail, FRIEND, "alice@sender.test", "bob@example.org");
    assert!(!mailbox(&site.sendmail).contains("mallory@spam.test"));
    let queue = quarantine(&site.sendmail);
    assert!(!queue.contains("mallory@spam.test"), "{queue}");
}
