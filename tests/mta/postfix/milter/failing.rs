//! A milter that fails where it does not stop, and `milter_default_action`.

use crate::postfix::instance::Postfix;
use crate::postfix::{assert_delivered_unchanged, client};
use testkit::Scratch;
use testkit::milter::fail_at;

fn postfix(scratch: &Scratch, hangs_up: bool, action: &str) -> Postfix {
    let socket = scratch.path().join("milter");
    // The user postfix is in no group of the test.
    fail_at(&socket, 0o666, hangs_up);
    Postfix::start_with(&format!(
        "smtpd_recipient_restrictions = reject_unauth_destination\n\
         smtpd_milters = unix:{}\n\
         milter_default_action = {action}\n\
         milter_connect_timeout = 1s\n\
         milter_command_timeout = 1s\n",
        socket.display()
    ))
}

#[test]
fn mail_flows_though_the_milter_hangs_up_or_says_nothing() {
    testkit::needs!(testkit::root_for("Postfix"));
    for (hangs_up, what) in [(true, "it hangs up"), (false, "it says nothing")] {
        let scratch = Scratch::new();
        let postfix = postfix(&scratch, hangs_up, "accept");
        assert_delivered_unchanged(&postfix, what, &client("198.51.100.7"));
    }
}
