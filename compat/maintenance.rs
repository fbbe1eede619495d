//! Records that are too old are deleted (BEHAVIOUR G), to the second.
//!
//! The original cleans up at the end of a request, an hour after the last time
//! at the earliest, and only at night by local time. Ours does so at any time
//! of day. Both are given clocks that stand at three in the morning.

use crate::case::{Run, case, differs};
use crate::mail::mail;
use crate::server::{Left, Server};
use std::time::Duration;
use testkit::{Clock, Program, start_of_time, wait_for};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A server that will clean up when an hour has passed, at that hour of its day.
fn server(run: &Run, hour: i64, options: &[&str]) -> (Server, Clock) {
    let hour_in_greenwich = (start_of_time() + HOUR) / HOUR % 24;
    let mut clock = None;
    let server = run.start_with(|builder| {
        let builder = builder.env("TZ", &format!("XXX{}", hour_in_greenwich - hour));
        let (builder, its) = Clock::of(builder);
        clock = Some(its);
        builder.args(options)
    });
    (server, clock.expect("set above"))
}

/// Has a mail that needs no delay come at a moment, from a client of its own.
fn arrive(server: &mut Server, name: &str, client: u8, moment: i64) {
    let mail = mail()
        .with("client_address", format!("192.0.2.{client}"))
        .with("recipient", format!("{name}@example.org"));
    server.reply_to(&mail.at(moment));
}

/// Lets the hour pass, and a mail come that wakes the original. Ours may have
/// cleaned up before, hence it has to be a mail that is known by then.
fn let_an_hour_pass(server: &mut Server, clock: &mut Clock) {
    arrive(server, "last", 99, HOUR);
    clock.advance(Duration::from_secs(HOUR.unsigned_abs()));
    arrive(server, "last", 99, HOUR);
}

fn wait_for_news(server: &Server, table: &str) {
    let begin = format!("cleaning {table} database");
    wait_for("clean-up", || {
        server.daemon().log().iter().any(|line| line.starts_with(&begin)).then_some(())
    });
}

fn news(left: &Left) -> Vec<String> {
    let lines = left.log_lines().into_iter();
    lines.filter(|line| line.starts_with("cleaning ") && !line.contains(" logs")).collect()
}

#[test]
fn records_expire_exactly_to_the_second() {
    case(|run| {
        let (mut server, mut clock) = server(run, 3, &["--max-age=1", "--retry-window=2h"]);
        let now = HOUR;
        // These pass, and their clients are remembered for it.
        for (name, client, last) in [
            ("passed-a-day-ago", 1, now - DAY),
            ("passed-longer-ago", 2, now - DAY - 1),
            ("passed-long-ago", 3, now - 2 * DAY),
        ] {
            arrive(&mut server, name, client, last - 300);
            arrive(&mut server, name, client, last);
        }
        arrive(&mut server, "passed-long-ago", 3, now);
        // These do not.
        for (name, client, last) in [
            ("new-two-hours-ago", 4, now - 2 * HOUR),
            ("new-longer-ago", 5, now - 2 * HOUR - 1),
            ("early-two-hours-ago", 6, now - 2 * HOUR),
            ("early-longer-ago", 7, now - 2 * HOUR - 1),
        ] {
            if name.starts_with("early") {
                arrive(&mut server, name, client, last - 299);
            }
            arrive(&mut server, name, client, last);
        }
        arrive(&mut server, "in-the-future", 8, now + DAY);

        let_an_hour_pass(&mut server, &mut clock);
        wait_for_news(&server, "clients");
        let left = server
            .stop()
            .ignore("log")
            .triplets([
                "192.0.2.0/alice@example.com/early-two-hours-ago@example.org -3899,-3600",
                "192.0.2.0/alice@example.com/in-the-future@example.org +90000,+90000",
                "192.0.2.0/alice@example.com/last@example.org +3600,+3600",
                "192.0.2.0/alice@example.com/new-two-hours-ago@example.org -3600,-3600",
                "192.0.2.0/alice@example.com/passed-a-day-ago@example.org -83100,-82800",
                "192.0.2.0/alice@example.com/passed-long-ago@example.org -169500,+3600",
            ])
            .clients("192.0.2.1 1,-82800");
        run.expect(
            "news",
            news(&left),
            [
                "cleaning up old entries...",
                "cleaning main database finished. before: 9, after: 6",
                "cleaning clients database finished. before: 3, after: 1",
            ],
        );
        let lines = left.log_lines();
        let logs = lines.iter().filter(|line| line.ends_with("logs...")).count().to_string();
        run.expect("times that logs were looked at", logs, differs("X60", "1", "0"));
    });
}

#[test]
fn the_time_of_day_does_not_matter() {
    case(|run| {
        let (mut server, mut clock) = server(run, 12, &["--auto-whitelist-clients=0"]);
        arrive(&mut server, "new-three-days-ago", 1, -3 * DAY);
        let_an_hour_pass(&mut server, &mut clock);
        if run.program() == Program::Ours {
            wait_for_news(&server, "main");
        }
        let last = "192.0.2.0/alice@example.com/last@example.org +3600,+3600";
        let old = "192.0.2.0/alice@example.com/new-three-days-ago@example.org -259200,-259200";
        server.stop().ignore("log").triplets(differs("X61", [last, old], last));
    });
}
