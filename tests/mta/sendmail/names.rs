//! Names of clients.

use super::instance::{RECOMMENDED, Sendmail};
use crate::DEFERRED;
use crate::sendmail::{chroot, start_with};

/// Its name leads back to another machine, which is whitelisted.
const IMPOSTOR: &str = "198.51.100.9";

#[test]
fn a_name_with_another_address_is_not_confirmed() {
    let Some(chroot) = chroot() else {
        return;
    };
    let site = start_with(Sendmail::prepare(&chroot, RECOMMENDED), &[]);
    let told = site.sendmail.offer(IMPOSTOR, "alice@sender.test", "bob@example.org");
    assert!(told.contains(DEFERRED), "{told}");
    let log = site.daemon.stop().log;
    let line = "client_name=unknown, client_address=198.51.100.9";
    assert!(log.iter().any(|logged| logged.contains(line)), "{log:#?}");
}
