//! `--noaction`: everything is decided, and nothing done.

use crate::features::{count, ours, stranger};
use nix::sys::signal::Signal;

#[test]
fn a_dry_run_accepts_all_mail_and_logs_the_decisions() {
    let daemon = ours(&["--noaction"]).whitelist_clients("friend.test\n").start();
    let mut client = daemon.client();
    for seconds in [0, 10, 300, 301] {
        assert_eq!(client.ask(&stranger().at(seconds)), "DUNNO", "{seconds}");
    }
    assert_eq!(client.ask(&stranger().with("client_name", "mx.friend.test")), "DUNNO");
    daemon.signal(Signal::SIGUSR1);
    let statistics = daemon.wait_for_line("statistics: dry-run, connections=");
    for number in ["new=1", "early-retry=1", "first-pass=1", "triplet-found=1"] {
        assert!(statistics.contains(&format!(", {number}, ")), "{statistics}");
    }
    let log = daemon.stop().log;
    for line in [
        "action=greylist, reason=new, dry-run, client_name=mx.a.test",
        "action=greylist, reason=early-retry (290s missing), dry-run, client_name=mx.a.test",
        "action=pass, reason=triplet found, delay=300, dry-run, client_name=mx.a.test",
        "action=pass, reason=triplet found, dry-run, client_name=mx.a.test",
        "action=pass, reason=client whitelist, dry-run, client_name=mx.friend.test",
        "dry-run: all mail passes, and the log says what would be done (--noaction)",
    ] {
        assert_eq!(count(&log, line), 1, "{line}: {log:#?}");
    }
}
