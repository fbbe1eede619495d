//! The meaning of the values of options (BEHAVIOUR A3, A4).

use crate::case::{Expected, Run, case, differs};
use crate::listening::error_of;
use crate::mail::mail;
use crate::process::{DIES, SERVES};
use std::process::Command;
use testkit::{Daemon, require};

/// Values that the original does not look at: what becomes of it, and what ours says.
#[test]
fn values_without_a_meaning_are_refused() {
    let bits = |id, most| format!("ERROR: --{id} must be a number of bits from 1 to {most}, not ");
    let (bits4, bits6) = (bits("ipv4cidr", 32), bits("ipv6cidr", 128));
    let facility = "ERROR: --syslog-facility must be a facility like mail, daemon or local0, not ";
    let mode = "ERROR: --socketmode must be an octal number up to 7777, not ";
    let number = |id| format!("Value \"VALUE\" invalid for option {id} (number expected)");
    let clients = number("auto-whitelist-clients");
    let huge = "99999999999999999999";
    let lines = |id| {
        format!("ERROR: --{id} must be a single line: the rest would not reach the mail server")
    };
    case(|run| {
        let refused = |option: &str, values: &[&str], theirs: &str, complaint: &str| {
            for value in values {
                let complaint = complaint.replace("VALUE", value);
                let expected = differs("X44", theirs, format!("{complaint}\nfailure"));
                run.expect(
                    format!("{option}{value:?}"),
                    run.fate(&[format!("{option}{value}")]),
                    expected,
                );
            }
        };
        refused("--ipv4cidr=", &["33", "-1"], DIES, &format!("{bits4}VALUE"));
        refused("--ipv6cidr=", &["129"], SERVES, &format!("{bits6}VALUE"));
        for (option, values) in
            [("--facility=", &["bogus", "LOG_"][..]), ("--syslog-facility=", &["local8"])]
        {
            refused(option, values, SERVES, &format!("{facility}\"VALUE\""));
        }
        let modes = ["abc", "-1", "999", "17777"];
        refused("--socketmode=", &modes, SERVES, &format!("{mode}\"VALUE\""));
        refused("--auto-whitelist-clients=", &["abc", "0.5", "-1"], SERVES, &clients);
        for id in ["delay", "max-age"] {
            refused(&format!("--{id}="), &[huge], SERVES, &number(id));
        }
        for id in ["greylist-text", "greylist-action", "hostname", "x-greylist-header"] {
            refused(&format!("--{id}="), &["a\nb"], SERVES, &lines(id));
        }
        let fate = run.fate(&["--auto-whitelist-clients", "foo"]);
        let ours = format!("{}\nfailure", clients.replace("VALUE", "foo"));
        run.expect("a value that follows", fate, differs("X44", SERVES, ours));
    });
}

fn wait_of(run: &Run, options: &[&str], expected: &str) {
    let mut server = run.start(&[&["--greylist-text=%s"], options].concat());
    server.ask(&mail().at(0), format!("DEFER_IF_PERMIT {expected}"));
}

#[test]
fn a_delay_of_zero_is_the_usual_one() {
    case(|run| {
        wait_of(run, &["--delay=0"], "300");
        wait_of(run, &["--delay=010"], "10");
        wait_of(run, &["--delay=+1_0"], "10");
        wait_of(run, &["--delay=7", "--delay=8"], "8");
        wait_of(run, &["--delay=7", "foo", "--delay=8"], "7");
        wait_of(run, &["--delay=7", "", "--delay=8"], "7");
    });
}

#[test]
fn networks_of_zero_bits_are_the_usual_ones() {
    case(|run| {
        let mut server = run.start(&["--ipv4cidr=0", "--ipv6cidr=0"]);
        server.reply_to(&mail().at(0));
        server.reply_to(&mail().with("client_address", "2001:db8:1:2:3::4").at(0));
        let rows = [
            "192.0.2.0/alice@example.com/bob@example.org +0,+0",
            "2001:db8:1:2:0:0:0:0/alice@example.com/bob@example.org +0,+0",
        ];
        drop(server.stop().triplets(rows));
    });
}

#[test]
fn users_and_groups_that_are_empty_or_zero_are_the_usual_ones() {
    case(|run| {
        for options in [["--user=0", "--group=0"], ["--user=0", "--group=postgrey"]] {
            // The lines of the log with the numbers of user and group are
            // compared as they are.
            run.start(&options).reply_to(&mail().at(0));
        }
        run.start(&["--user", "", "--group", ""]).reply_to(&mail().at(0));
    });
}

#[test]
fn an_empty_directory_is_the_usual_one() {
    case(|run| {
        // This user cannot write there, so that nothing comes to harm.
        let lock = "ERROR: can't open lock file: /var/lib/postgrey/postgrey.lock";
        for value in ["", "0"] {
            let fate = run.outcome(&[
                "--unix=socket",
                "--user=nobody",
                "--whitelist-clients=/dev/null",
                "--whitelist-recipients=/dev/null",
                "--dbdir",
                value,
            ]);
            let ours = format!(
                "{lock}: Permission denied; --dbdir must be a directory in which --user may write"
            );
            run.expect(format!("{value:?}"), error_of(&fate.stderr), differs("X48", lock, ours));
        }
    });
}

#[test]
fn an_empty_place_to_listen_is_refused() {
    case(|run| {
        let ours = "ERROR: --unix needs the path of a socket, not an empty word\nfailure";
        let process = run.listens_at(&["--unix", ""]);
        run.expect("--unix ''", process, differs("X45", "unix", ours));
        let ours = "ERROR: --inet needs [HOST:]PORT, not an empty word\nfailure";
        let process = run.listens_at(&["--inet", ""]);
        run.expect("--inet ''", process, differs("X45", "unix", ours));
    });
}

#[test]
fn a_host_name_may_be_empty() {
    case(|run| {
        let mut server = run.start(&["--hostname", "", "--x-greylist-header=X: at %h."]);
        server.reply_to(&mail().at(0));
        server.ask(&mail().at(300), "PREPEND X: at .");
    });
}

#[test]
fn quiet_wins_over_verbose() {
    case(|run| {
        for options in [["-q", "-v"], ["-v", "-q"]] {
            let mut server = run.start(&options);
            server.reply_to(&mail().at(0));
            drop(server.stop().log(""));
        }
    });
}

#[test]
fn the_queue_of_waiting_connections_has_a_length() {
    require("/usr/bin/ss", "iproute2");
    let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("a limit");
    let limit: u32 = limit.trim().parse().expect("a number");
    case(|run| {
        for (value, length) in [("7", 7), ("999", 999), ("1000", 999), ("-1", 5), ("0", 4_096)] {
            let mut server = run.start(&[&format!("--listen-queue-size={value}")]);
            server.reply_to(&mail().at(0));
            let seen = queue_of(server.daemon());
            run.expect(value, seen, length.min(limit).to_string());
        }
    });
}

/// Returns the number of connections that may wait for a server, as `ss` prints it.
fn queue_of(daemon: &Daemon) -> String {
    let mut ss = Command::new("/usr/bin/ss");
    let output = ss.args(["-xlH", "src"]).arg(daemon.socket()).output().expect("ss");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().nth(3).unwrap_or("").to_string()
}

#[test]
fn a_pid_file_is_for_the_background() {
    case(|run| {
        let mut server = run.start(&["--pidfile=pid"]);
        server.reply_to(&mail().at(0));
        let file = server.daemon().scratch().path().join("pid");
        run.expect("a pid file", file.exists().to_string(), "false");
    });
}

#[test]
fn leftover_words_say_nothing() {
    case(|run| {
        for leftovers in [&["foo"][..], &["foo", "bar"], &[""], &["--", "--foo=bar"]] {
            let mut server = run.start(leftovers);
            server.reply_to(&mail().at(0));
            drop(server.stop());
        }
        // Net::Server's own settings.
        let mut server = run.start(&["--", "pid_file=left"]);
        server.reply_to(&mail().at(0));
        let file = server.daemon().scratch().path().join("left");
        let seen = file.exists().to_string();
        let expected: Expected = differs("X46", "true", "false");
        run.expect("a pid file that nobody asked for", seen, expected);
    });
}
