//! The replies to mail on a blacklist. Their effect is tested with real mail
//! servers (`postfix_milter`).

use crate::milter::{DEFERRED, Site};
use testkit::milter::{MailServer, OFFER};
use testkit::{Daemon, Program};

const SPAMMER: &str = "192.0.2.66";

fn site(action: &str) -> Site {
    let builder = Daemon::builder(Program::Ours);
    let list = builder.scratch().file("blacklist", format!("{SPAMMER}\n"));
    let options =
        [format!("--blacklist-clients={}", list.display()), format!("--blacklist-action={action}")];
    Site::of(builder, &options.each_ref().map(String::as_str))
}

#[test]
fn blacklisted_mail_is_rejected_and_not_recorded() {
    let mut site = site("REJECT");
    for _ in 0..2 {
        let mut spammer = site.connect_about("mx.spam.test", SPAMMER);
        let rejected = "554 5.7.1 Access denied";
        assert_eq!(spammer.mail("mallory@spam.test", "bob@example.org").0, rejected);
        site.let_pass(300);
    }
    let mut other = site.connect_about("mx.a.test", "192.0.2.1");
    assert_eq!(other.mail("alice@a.test", "bob@example.org").0, DEFERRED);
}

#[test]
fn hold_without_quarantine_defers_and_is_logged_once() {
    let site = site("HOLD");
    let without_quarantine = [OFFER[0], OFFER[1] & !0x20, OFFER[2]];
    for _ in 0..2 {
        let mut server = MailServer::connect_with(&site.socket, without_quarantine);
        server.client("mx.spam.test", SPAMMER);
        for _ in 0..2 {
            let (reply, _) = server.mail("mallory@spam.test", "bob@example.org");
            assert_eq!(reply, "451 4.7.1 Access denied");
        }
    }
    let log = site.daemon.stop().log;
    let said = log.iter().filter(|line| line.contains("does not let milters hold mail"));
    assert_eq!(said.count(), 1, "{log:#?}");
}
