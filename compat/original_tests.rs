//! The facts that the original's own test modules check, in the way they check
//! them: an ordinary user starts the daemon in the background, on a Unix socket
//! and with the lists that come with it, and asks on a connection each time.

use crate::background::Background;
use crate::case::{Run, case};
use nix::sys::signal::Signal;
use nix::unistd::User;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::{Attempt, Scratch, require};

/// The daemon of the user `nobody`, who owns all that it writes.
fn of_an_ordinary_user(run: &Run) -> Option<Background> {
    require("/usr/bin/setpriv", "util-linux");
    let nobody = User::from_name("nobody").expect("users").expect("nobody");
    let (user, group) = (nobody.uid.to_string(), nobody.gid.to_string());
    let scratch = Scratch::new();
    let dbdir = scratch.subdirectory("db");
    for folder in [scratch.path(), &dbdir] {
        fs::set_permissions(folder, Permissions::from_mode(0o777)).expect("chmod");
    }
    // The project may lie where only its owner may look.
    let copy = scratch.path().join("postgrey");
    fs::copy(run.program().path(), &copy).expect("a copy of the program");
    let lists = Path::new("/usr/share/postgrey");
    let words = [
        format!("--user={user}"),
        format!("--group={group}"),
        format!("--whitelist-clients={}", lists.join("whitelist_clients").display()),
        format!("--whitelist-recipients={}", lists.join("whitelist_recipients").display()),
        "--delay=1".to_string(),
    ];
    let wrapper = [
        "/usr/bin/setpriv",
        &format!("--reuid={user}"),
        &format!("--regid={group}"),
        "--clear-groups",
    ];
    run.background_by(&wrapper, &copy, scratch, &words)
}

fn mail_of(name: &str, address: &str) -> Attempt {
    Attempt::new(address, name, "test@example.com", "test@example.org")
}

#[test]
fn an_ordinary_user_s_daemon_starts_runs_and_stops() {
    case(|run| {
        let Some(server) = of_an_ordinary_user(run) else { return };
        run.expect("running", server.proc("stat").exists().to_string(), "true");
        // Once it answers, the original knows what to do on a signal.
        server.client().ask(&mail_of("test1.example.com", "192.168.0.1").at(0));
        run.expect("end", server.end_by(Signal::SIGTERM), "exit status: 0");
        let files = ["socket", "pid"].map(|name| server.scratch().path().join(name).exists());
        run.expect("left", format!("{files:?}"), "[false, false]");
    });
}

#[test]
fn mail_waits_once_for_each_network() {
    case(|run| {
        let Some(server) = of_an_ordinary_user(run) else { return };
        let waits =
            "DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";
        for (address, second, start) in [
            ("192.168.0.1", 0, waits),
            ("192.168.0.1", 310, "PREPEND X-Greylist: delayed 310 seconds"),
            ("192.168.0.2", 310, "DUNNO"),
            ("10.1.50.2", 310, waits),
        ] {
            let reply = server.client().ask(&mail_of("test1.example.com", address).at(second));
            let what = format!("{address} after {second} seconds");
            run.expect(what, reply.get(..start.len()).unwrap_or(&reply), start);
        }
        run.expect("end", server.end_by(Signal::SIGTERM), "exit status: 0");
        run.expect(
            "stored",
            server.triplets(),
            [
                "10.1.50.0/test@example.com/test@example.org +310,+310",
                "192.168.0.0/test@example.com/test@example.org +0,+310",
            ],
        );
    });
}

#[test]
fn the_lists_that_come_with_it_are_in_force() {
    case(|run| {
        let Some(server) = of_an_ordinary_user(run) else { return };
        for (name, address) in [
            ("mail-xn1nam02ob0613.outbound.protection.outlook.com", "2a01:222:f400:fe44::613"),
            ("blabla.example.com", "195.235.39.10"),
        ] {
            run.expect(address, server.client().ask(&mail_of(name, address).at(0)), "DUNNO");
        }
        // The newest list has no such network any more, so that this waits.
        let address = "2a01:111:f400:7c00::10";
        run.note(address, server.client().ask(&mail_of("blabla.example.com", address).at(0)));
    });
}
