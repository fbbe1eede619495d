//! Signals that arrive while the daemon starts, and signals that the process was
//! started with blocked.

use nix::sys::signal::Signal;
use testkit::process::status;
use testkit::{Daemon, Program, wait_until};

/// A list that takes long enough to read.
const LINES: usize = 200_000;

fn has(mask: &str, signal: Signal) -> bool {
    let mask = u64::from_str_radix(mask, 16).expect("a hexadecimal number");
    mask & (1 << (signal as i32 - 1)) != 0
}

#[test]
fn hup_and_usr1_during_the_start_are_kept_until_it_serves() {
    let list: String = (0..LINES).map(|number| format!("host{number}.test\n")).collect();
    let daemon = Daemon::builder(Program::Ours).whitelist_clients(list).launch();
    let holds_hup = || has(&status(daemon.pid(), "SigBlk"), Signal::SIGHUP);
    wait_until("a daemon that holds HUP", holds_hup);
    let connected = daemon.listener().connect();
    assert!(connected.is_err(), "it serves already: the list is too short");
    daemon.signal(Signal::SIGHUP);
    daemon.signal(Signal::SIGUSR1);
    assert_both_are_logged(daemon);
}

fn assert_both_are_logged(daemon: Daemon) {
    daemon.wait_for_line("HUP received: ");
    daemon.wait_for_line("statistics: ");
    assert_eq!(daemon.stop().status.code(), Some(0));
}

#[test]
fn signals_blocked_at_the_start_are_handled() {
    let script = "use POSIX; \
        sigprocmask(SIG_SETMASK, POSIX::SigSet->new(SIGHUP, SIGUSR1, SIGTERM, SIGINT)); \
        kill 'HUP', $$; kill 'USR1', $$; exec @ARGV or die";
    let words = ["/usr/bin/perl", "-e", script].map(str::to_owned);
    assert_both_are_logged(Daemon::builder(Program::Ours).within(words).start());
}
