//! Clients that passed often enough (BEHAVIOUR E6).

use crate::case::{Run, case};
use crate::mail::{GREYLISTED, mail, passed};
use crate::server::Server;
use testkit::Attempt;

const HOUR: i64 = 3_600;

/// A mail that was never sent before and passes at once.
fn first_pass(n: i64) -> Attempt {
    mail().with("recipient", format!("r{n}@example.org"))
}

fn server(run: &Run, more: &[&str]) -> Server {
    run.start(&[&["--delay=-1"], more].concat())
}

#[test]
fn five_passes_an_hour_apart_make_a_client_known() {
    case(|run| {
        let mut server = server(run, &[]);
        for n in 0..5 {
            server.ask(&first_pass(n).at(n * HOUR), passed(0));
        }
        server.ask(&first_pass(5).at(4 * HOUR + 1), "DUNNO");
        let left = server.stop().clients("192.0.2.7 5,+14400");
        let lines = left.log_lines();
        let told = lines.iter().filter(|line| line.starts_with("whitelisted"));
        let told: Vec<_> = told.cloned().collect();
        run.expect("told", told, "whitelisted: mx.example.com[192.0.2.7]");
        let awl = lines.last().cloned().unwrap_or_default();
        let known = awl.starts_with("action=pass, reason=client AWL, client_name=");
        run.expect("the last line", known.to_string(), "true");
    });
}

#[test]
fn only_one_pass_an_hour_counts() {
    case(|run| {
        let mut server = server(run, &[]);
        for (n, second) in [0, 1, HOUR - 1, HOUR, 2 * HOUR - 1].into_iter().enumerate() {
            let n = i64::try_from(n).expect("a small number");
            server.ask(&first_pass(n).at(second), passed(0));
        }
        let _ = server.stop().clients("192.0.2.7 2,+3600");
    });
}

#[test]
fn the_same_triplet_counts_once() {
    case(|run| {
        let mut server = server(run, &[]);
        server.ask(&first_pass(0).at(0), passed(0));
        for hours in 1..4 {
            server.ask(&first_pass(0).at(hours * HOUR), "DUNNO");
        }
        let _ = server.stop().clients("192.0.2.7 1,+0");
    });
}

#[test]
fn waiting_counts_nothing() {
    case(|run| {
        let mut server = run.start(&[]);
        server.ask(&mail().at(0), GREYLISTED);
        server.ask(&mail().at(299), GREYLISTED);
        let _ = server.stop().clients("");
    });
}

#[test]
fn the_number_is_an_option() {
    let table: &[(&[&str], i64)] = &[
        (&["--auto-whitelist-clients=1"], 1),
        (&["--auto-whitelist-clients=3"], 3),
        (&["--auto-whitelist-clients", "2"], 2),
        (&["--auto-whitelist-clients"], 5),
        (&["--auto-whitelist-clients="], 5),
        (&["--auto-whitelist-clients", ""], 5),
        (&[], 5),
    ];
    case(|run| {
        for (options, number) in table {
            let mut server = server(run, options);
            for n in 0..*number {
                server.ask(&first_pass(n).at(n * HOUR), passed(0));
            }
            server.ask(&first_pass(9).at(9 * HOUR), "DUNNO");
        }
    });
}

#[test]
fn zero_turns_it_off() {
    case(|run| {
        let mut server = server(run, &["--auto-whitelist-clients=0"]);
        for n in 0..8 {
            server.ask(&first_pass(n).at(n * HOUR), passed(0));
        }
        let _ = server.stop().clients("");
    });
}

#[test]
fn clients_are_addresses_and_not_networks() {
    case(|run| {
        let options = ["--ipv4cidr=8", "--ipv6cidr=16", "--auto-whitelist-clients=1"];
        let mut server = server(run, &options);
        let from = |address: &str, n| first_pass(n).with("client_address", address).at(0);
        server.ask(&from("192.0.2.7", 0), passed(0));
        server.ask(&from("192.0.2.8", 1), passed(0));
        server.ask(&from("192.0.2.7", 2), "DUNNO");
        server.ask(&from("2001:db8::ab", 3), passed(0));
        server.ask(&from("2001:0DB8::00ab", 4), "DUNNO");
        server.ask(&from("2001:db8::ac", 5), passed(0));
        server.ask(&from("::ffff:192.0.2.7", 6), passed(0));
        let left = server.stop();
        let told = left.log_lines().into_iter();
        let told: Vec<_> = told.filter(|line| line.starts_with("whitelisted")).collect();
        run.expect(
            "told",
            told,
            [
                "whitelisted: mx.example.com[192.0.2.7]",
                "whitelisted: mx.example.com[192.0.2.8]",
                "whitelisted: mx.example.com[2001:DB8:0:0:0:0:0:AB]",
                "whitelisted: mx.example.com[2001:DB8:0:0:0:0:0:AC]",
                "whitelisted: mx.example.com[0:0:0:0:0:FFFF:C000:207]",
            ],
        );
        let _ = left.clients([
            "0:0:0:0:0:FFFF:C000:207 1,+0",
            "192.0.2.7 1,+0",
            "192.0.2.8 1,+0",
            "2001:DB8:0:0:0:0:0:AB 1,+0",
            "2001:DB8:0:0:0:0:0:AC 1,+0",
        ]);
    });
}

#[test]
fn client_without_a_name_is_shown_by_address() {
    case(|run| {
        for name in ["", "0"] {
            let mut server = server(run, &["--auto-whitelist-clients=1"]);
            let attempt = first_pass(0).with("client_name", name);
            server.ask(&attempt.at(0), passed(0));
            let left = server.stop();
            let first = left.log_lines().swap_remove(0);
            run.expect("told", first, "whitelisted: 192.0.2.7");
        }
    });
}

#[test]
fn a_known_client_is_refreshed_once_an_hour() {
    // When it comes back after the pass at 0, and what is remembered then.
    let table = [
        (1, "1,+0"),
        (HOUR - 1, "1,+0"),
        (HOUR, "2,+3600"),
        (-1, "2,-1"),
        (-HOUR, "2,-3600"),
        (63_072_000, "2,+63072000"),
    ];
    case(|run| {
        for (second, remembered) in table {
            let options = ["--auto-whitelist-clients=1", "--max-age=1"];
            let mut server = server(run, &options);
            server.ask(&first_pass(0).at(0), passed(0));
            server.ask(&first_pass(1).at(second), "DUNNO");
            let left = server.stop();
            let left = left.clients(format!("192.0.2.7 {remembered}"));
            let _ = left.triplets("192.0.2.0/alice@example.com/r0@example.org +0,+0");
        }
    });
}

#[test]
fn a_higher_number_after_a_restart_makes_a_client_unknown_again() {
    case(|run| {
        let mut server = server(run, &["--auto-whitelist-clients=1"]);
        server.ask(&first_pass(0).at(0), passed(0));
        let mut server = server.stop().again(&["--auto-whitelist-clients=2", "--delay=-1"]);
        server.ask(&first_pass(1).at(HOUR), passed(0));
        let _ = server.stop().clients("192.0.2.7 2,+3600");
    });
}
