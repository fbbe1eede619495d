//! Texts of the administrator's that SMTP cannot carry.

use super::instance::{RECOMMENDED, Sendmail};
use crate::sendmail::{chroot, start_with};

/// Sendmail takes the highest bit off each byte, which makes a line feed of the
/// second half of the fourth letter.
const TEXT: &str = "--greylist-text=Подъезд 7, 100%";

#[test]
fn letters_beyond_ascii_do_not_break_the_reply() {
    let Some(chroot) = chroot() else {
        return;
    };
    let site = start_with(Sendmail::prepare(&chroot, RECOMMENDED), &[TEXT.to_string()]);
    let told = site.sendmail.offer("198.51.100.7", "alice@sender.test", "bob@example.org");
    assert!(told.contains("<** 451 4.7.1 ??????? 7, 100%\n"), "{told}");
}
