//! The filter for OpenSMTPD with a real daemon; the test plays smtpd.

mod away;
mod limits;

use testkit::opensmtpd::Filter;
use testkit::{Builder, Daemon, Listener, Program};

const DEFERRED: &str =
    "reject|451 4.7.1 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

/// A client as `link-connect` reports it.
const CLIENT: &str = "mx.a.test|pass|192.0.2.1:4321";

fn daemon() -> Builder {
    Daemon::builder(Program::Ours).arg("--hostname=mx.test.example")
}

fn option(listener: &Listener) -> String {
    match listener {
        Listener::Unix(path) => format!("--unix={}", path.display()),
        Listener::Tcp(address) => format!("--inet={address}"),
    }
}

fn filter(daemon: &Daemon) -> Filter {
    Filter::start("0.7", &[&option(daemon.listener())])
}

#[test]
fn interleaved_sessions_get_their_own_results_over_either_socket() {
    const SESSIONS: u64 = 1000;
    for builder in [daemon(), daemon().tcp()] {
        let daemon = builder.whitelist_recipients("postmaster@\n").start();
        let mut filter = filter(&daemon);
        for session in 0..SESSIONS {
            filter.mail(session, CLIENT, &format!("s{session}@a.test"));
        }
        for session in 0..SESSIONS {
            let recipient =
                if session % 3 == 0 { "postmaster@example.org" } else { "bob@example.org" };
            filter.recipient(session, session + 5000, recipient);
        }
        let mut results: Vec<_> = (0..SESSIONS).map(|_| filter.result()).collect();
        results.sort();
        for (session, result) in (0..SESSIONS).zip(results) {
            let expected = if session % 3 == 0 { "proceed" } else { DEFERRED };
            assert_eq!(result, (session, session + 5000, expected.to_string()));
        }
        assert!(filter.close().success());
    }
}
