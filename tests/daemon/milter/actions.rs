//! The replies to mail on a blacklist. Their effect is tested with real mail
//! servers (tests/mta).

use crate::milter::Site;
use testkit::milter::{MailServer, OFFER};
use testkit::{Daemon, Program};

#[test]
fn hold_without_quarantine_defers_and_is_logged_once() {
    let builder = Daemon::builder(Program::Ours).list("blacklist-clients", "192.0.2.66\n");
    let site = Site::of(builder, &["--blacklist-action=HOLD"]);
    let without_quarantine = [OFFER[0], OFFER[1] & !0x20, OFFER[2]];
    for _ in 0..2 {
        let mut server = MailServer::connect_with(&site.socket, without_quarantine);
        server.client("mx.spam.test", "192.0.2.66");
        for _ in 0..2 {
            let (reply, _) = server.mail("mallory@spam.test", "bob@example.org");
            assert_eq!(reply, "451 4.7.1 Access denied");
        }
    }
    let log = site.daemon.stop().log;
    let said = log.iter().filter(|line| line.contains("does not let milters hold mail"));
    assert_eq!(said.count(), 1, "{log:#?}");
}
