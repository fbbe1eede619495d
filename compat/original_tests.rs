//! The facts that the original's own test modules check, in the way they check
//! them: an ordinary user starts the daemon in the background, on a Unix socket
//! and with the lists that come with it, and asks on a connection each time.

use crate::case::case;
use crate::mail::GREYLISTED;
use crate::process::of_nobody;
use nix::sys::signal::Signal;
use testkit::{Attempt, Scratch};

#[test]
fn an_ordinary_user_s_daemon_starts_decides_and_stops() {
    let words = [
        "--user=nobody",
        "--group=nogroup",
        "--whitelist-clients=/usr/share/postgrey/whitelist_clients",
        "--whitelist-recipients=/usr/share/postgrey/whitelist_recipients",
        "--delay=1",
    ];
    let outlook = "mail-xn1nam02ob0613.outbound.protection.outlook.com";
    case(|run| {
        let scratch = Scratch::new();
        let program = of_nobody(run, &scratch);
        let Some(server) = run.background_by(&program, scratch, &words) else { return };
        for (name, address, second, start) in [
            (outlook, "2a01:222:f400:fe44::613", 0, "DUNNO"),
            ("blabla.example.com", "195.235.39.10", 0, "DUNNO"),
            ("test1.example.com", "192.168.0.1", 0, GREYLISTED),
            ("test1.example.com", "192.168.0.1", 310, "PREPEND X-Greylist: delayed 310 seconds"),
            ("test1.example.com", "192.168.0.2", 310, "DUNNO"),
            ("test1.example.com", "10.1.50.2", 310, GREYLISTED),
        ] {
            let attempt = Attempt::new(address, name, "test@example.com", "test@example.org");
            let reply = server.client().ask(&attempt.at(second));
            let what = format!("{address} after {second} seconds");
            run.expect(what, reply.get(..start.len()).unwrap_or(&reply), start);
        }
        run.expect("end", server.end_by(Signal::SIGTERM), "exit status: 0");
        run.expect("left", server.files(), "[false, false]");
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
