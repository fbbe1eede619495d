//! The cost of a session of the milter protocol. The original has no such listener, and
//! milter-greylist is not in Debian 12, so there is nothing to compare with.

use crate::milter_load::{self, Burst};
use crate::page::Page;
use crate::prefill::Rows;
use crate::process::cpu_time;
use crate::table::digits;
use crate::traffic::{KNOWN, Mix, NEW, Population, REAL_LIFE, Traffic, listed};
use std::time::Duration;
use testkit::{Daemon, Listener, Program, free_port};

const POPULATION: Population =
    Population { known: 10_000, early: 1_000, lines: 0, padding: 0, days: 0 };
const MIXES: [Mix; 3] = [KNOWN, NEW, REAL_LIFE];

const AT_ONCE: usize = 50;

/// Timed stretches of each kind, of which the one in the middle counts.
const ROUNDS: usize = 3;
const STRETCH: Duration = Duration::from_secs(2);

pub fn run(page: &mut Page) {
    page.heading("The milter protocol: ours alone");
    page.line(&format!(
        "{AT_ONCE} sessions at once, each on a connection of its own, from before it is opened to \
         after it is closed: terms, client, sender, a recipient, and the end of the message if it \
         passes. The original does not speak this protocol, and milter-greylist is no package of \
         Debian bookworm.\n"
    ));
    page.line("| socket | mix | sessions/s | p50 ms | p99 ms | longest ms | CPU µs |");
    page.line("|---|---|--:|--:|--:|--:|--:|");
    let mut series = 0;
    for socket in ["Unix", "TCP"] {
        let (daemon, listener) = start(socket);
        for mix in MIXES {
            let mut rounds: Vec<Measured> = (0..ROUNDS)
                .map(|_| {
                    series += 1;
                    measure(&daemon, &listener, &mut Traffic::new(mix, POPULATION, series))
                })
                .collect();
            rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
            let Measured { rate, p50, p99, longest, cpu } = rounds[ROUNDS / 2];
            let times = [p50, p99, longest].map(digits).join(" | ");
            page.line(&format!("| {socket} | {} | {rate:.0} | {times} | {cpu:.1} |", mix.name));
        }
    }
}

fn start(socket: &str) -> (Daemon, Listener) {
    // Nothing that waits when the measurement starts passes before its end.
    let builder = Daemon::builder(Program::Ours).arg("--delay=3600");
    Rows::of(POPULATION, 0).write_ours(&builder.scratch().subdirectory("db"));
    let (builder, listener) = match socket {
        "TCP" => {
            let port = free_port();
            let address = format!("127.0.0.1:{port}");
            (builder.arg(format!("--milter={address}")), Listener::Tcp(address))
        }
        _ => {
            let path = builder.scratch().path().join("milter");
            (builder.arg(format!("--milter={}", path.display())), Listener::Unix(path))
        }
    };
    let daemon = builder.whitelist_clients(format!("{}\n", listed(0))).start();
    // The policy listener answers; the milter's opens after it.
    while listener.connect().is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    (daemon, listener)
}

/// Times in milliseconds, CPU time in microseconds a session.
#[derive(Clone, Copy, Debug)]
struct Measured {
    rate: f64,
    p50: f64,
    p99: f64,
    longest: f64,
    cpu: f64,
}

fn measure(daemon: &Daemon, listener: &Listener, traffic: &mut Traffic) -> Measured {
    let pid = daemon.pid().as_raw();
    let before = cpu_time(pid);
    let Burst { elapsed, sessions } = milter_load::run(listener, AT_ONCE, STRETCH, traffic);
    let used = cpu_time(pid) - before;
    let count = sessions.len() as f64;
    let milliseconds = |share: f64| {
        let rank = (count * share).ceil() as usize;
        sessions[rank.saturating_sub(1)].as_secs_f64() * 1e3
    };
    Measured {
        rate: count / elapsed.as_secs_f64(),
        p50: milliseconds(0.5),
        p99: milliseconds(0.99),
        longest: milliseconds(1.0),
        cpu: used.as_secs_f64() * 1e6 / count,
    }
}
