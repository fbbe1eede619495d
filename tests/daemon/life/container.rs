//! In a container: the first process of its namespace, a user without an entry
//! in passwd, a root file system that cannot be written to.

use crate::life::privileges::database_of;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::Command;
use testkit::process::status;
use testkit::{Attempt, Builder, Client, Daemon, Listener, Program, free_port};

const USER: u32 = 1_000_680_000;

/// `$1` is the directory that stays writable, the rest what to start.
const CONTAINER: &str = "mount --bind $1 $1
    mount --bind /dev/null /etc/passwd
    mount --bind /dev/null /etc/group
    mount -o remount,bind,ro /
    shift
    exec \"$@\"";

fn can_contain() -> bool {
    let arguments = ["--pid", "--fork", "--mount", "mount", "-o", "remount,bind,ro", "/"];
    let can = Command::new("/usr/bin/unshare").args(arguments).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        testkit::skip("containers: no process and mount namespaces here");
    }
    can
}

fn in_container(builder: Builder) -> Builder {
    let scratch = builder.scratch().path().display().to_string();
    let words = ["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount"];
    let script = ["/bin/sh", "-euc", CONTAINER, "sh", &scratch];
    let become_user = [
        "/usr/bin/setpriv",
        &format!("--reuid={USER}"),
        &format!("--regid={USER}"),
        "--clear-groups",
    ]
    .map(str::to_string);
    let words = words.into_iter().chain(script).map(str::to_string).chain(become_user);
    builder.within(words.collect::<Vec<_>>())
}

fn first_process(holder: Pid) -> Pid {
    let children = fs::read_to_string(format!("/proc/{holder}/task/{holder}/children"));
    let children = children.expect("a living process");
    Pid::from_raw(children.trim().parse().unwrap_or_else(|_| panic!("one child: {children}")))
}

#[test]
fn it_serves_as_process_1_of_any_user_on_a_read_only_root() {
    testkit::needs!(can_contain());
    let port = free_port();
    let everywhere = Listener::Tcp(format!("0.0.0.0:{port}"));
    let builder = database_of(Daemon::builder(Program::Ours).on(everywhere), USER);
    let daemon = in_container(builder).start();
    // All of 127.0.0.0/8 is this machine's.
    let another = format!("127.0.0.2:{port}");
    assert!(Client::tcp(&another).is_ok(), "it listens at every address");
    let attempt = Attempt::to("bob@example.org");
    daemon.client().assert_deferred(&attempt.clone().at(0));
    let reply = daemon.client().ask(&attempt.at(300));
    assert!(reply.starts_with("PREPEND "), "{reply}");

    let first = first_process(daemon.pid());
    let pid = first;
    assert!(status(pid, "NSpid").ends_with(" 1"), "{}", status(pid, "NSpid"));
    assert_eq!(status(pid, "Uid").split(' ').next(), Some(USER.to_string().as_str()));
    assert!(daemon.log().iter().any(|line| line.contains(" starting! pid(1)")));
    // Signals have no default action for a first process: without a handler
    // it would not end at all.
    kill(first, Signal::SIGTERM).expect("a living daemon");
    let stopped = daemon.end();
    assert_eq!(stopped.status.code(), Some(0), "{:#?}", stopped.log);
    let last = stopped.log.last().expect("a last line");
    assert!(last.ends_with(" Server closing!"), "{last}");
}
