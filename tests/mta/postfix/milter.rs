//! Postfix as a client of the milter.

mod actions;
mod both_listeners;
mod recipe;

use super::instance::Postfix;
use super::{
    ACCEPTED, DELAY, assert_delivered_unchanged, assert_strangers_wait, client, daemon, friends,
    strangers,
};
use crate::DEFERRED;
use testkit::{Clock, Daemon, root_for};

/// A Postfix, the milter that it asks, and the milter's clock.
struct Site {
    postfix: Postfix,
    daemon: Daemon,
    clock: Clock,
}

impl Site {
    fn start(version: u8) -> Site {
        Site::start_with(version, &[])
    }

    fn start_with(version: u8, options: &[String]) -> Site {
        let builder = daemon().args(options);
        let socket = builder.scratch().path().join("milter");
        let (builder, clock) = Clock::of(builder);
        // The user postfix is in no group of the daemon here.
        let builder = builder
            .arg(format!("--milter={}", socket.display()))
            .arg("--milter-socketmode=0666")
            .arg("--trusted-networks=198.18.99.0/24");
        let daemon = builder.start();
        let postfix = Postfix::start_with(&format!(
            "smtpd_recipient_restrictions = reject_unauth_destination\n\
             smtpd_milters = unix:{}\n\
             milter_default_action = accept\n\
             milter_protocol = {version}\n",
            socket.display()
        ));
        Site { postfix, daemon, clock }
    }
}

#[test]
fn strangers_wait_and_friends_do_not_in_both_versions_of_the_protocol() {
    testkit::needs!(root_for("Postfix"));
    for version in [6, 2] {
        let mut site = Site::start(version);
        let mut friends = friends();
        friends.push(("a client that has logged in", client("198.18.3.7").logged_in("joe")));
        friends.push(("a client of a trusted network", client("198.18.99.7")));
        let deferral = |_: &str| DEFERRED.to_string();
        assert_strangers_wait(&site.postfix, &mut site.clock, &friends, &strangers(), deferral);
    }
}

#[test]
fn of_three_recipients_the_unknown_one_is_not_asked_about() {
    testkit::needs!(root_for("Postfix"));
    let mut site = Site::start(6);
    let recipients = ["bob@example.org", "nobody@elsewhere.test", "carol@example.org"];
    let envelope = client("198.51.100.7").recipients(&recipients);
    let unknown = "454 4.7.1 <nobody@elsewhere.test>: Relay access denied";
    assert_eq!(site.postfix.offer(&envelope), [DEFERRED, unknown, DEFERRED]);
    site.clock.advance(DELAY);
    assert_eq!(site.postfix.offer(&envelope), [ACCEPTED, unknown, ACCEPTED]);
    let log = site.daemon.log();
    assert!(!log.iter().any(|line| line.contains("elsewhere.test")), "{log:#?}");
}

#[test]
fn mail_flows_while_the_milter_is_away() {
    testkit::needs!(root_for("Postfix"));
    let site = Site::start(6);
    assert_eq!(site.postfix.offer(&client("198.51.100.7")), [DEFERRED]);
    let _stopped = site.daemon.stop();
    assert_delivered_unchanged(&site.postfix, "no milter", &client("198.51.100.7"));
}
