//! Measures if a steady load on ours waits for other work: a client that floods, lists
//! that are read again, tools that read the whole database.

use crate::contest::median;
use crate::load::{self, Burst, Pace};
use crate::neighbours::{self, OtherClient};
use crate::page::Page;
use crate::subject::{Field, Kind, Subject};
use crate::table::digits;
use crate::traffic::{Population, REAL_LIFE, Traffic};
use nix::unistd::sync;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const CONNECTIONS: usize = 50;
const REQUESTS_A_SECOND: u32 = 1_000;

/// Sizes that make tools and the reading of lists take long.
const ENTRIES: usize = 1_000_000;
const LINES: usize = 100_000;

/// Rounds, in each of which all rows have a stretch. The medians of a row's stretches
/// count: what disturbs the machine for a while disturbs all rows.
const ROUNDS: u32 = 5;

/// The factor by which 99 of 100 replies may take longer with a neighbour.
const TARGET: f64 = 2.0;

/// What is measured. A stretch of the first comes before each of the others.
const ROWS: [(&str, OtherClient); 5] = [
    ("nothing", neighbours::nothing),
    ("a connection that pipelines", neighbours::flood),
    ("HUP", neighbours::hang_up),
    ("`postgrey export`", neighbours::export),
    ("`postgrey list`", neighbours::list),
];

/// The stretches of one row.
#[derive(Default)]
struct Row {
    bursts: Vec<Burst>,
    /// What the neighbour has done in the last one.
    done: String,
}

impl Row {
    fn median(&self, share: f64) -> f64 {
        median(self.bursts.iter().map(|burst| burst.percentile(share)).collect())
    }

    fn extremes(&self, share: f64) -> (f64, f64) {
        let all = || self.bursts.iter().map(|burst| burst.percentile(share));
        (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max))
    }
}

/// Measures the load with nothing beside it and with each neighbour, in turn. The range
/// of the stretches with nothing shows what is noise.
pub fn run(page: &mut Page, is_quick: bool) {
    let duration = Duration::from_secs(if is_quick { 1 } else { 3 });
    let population =
        Population { known: ENTRIES, early: 10_000, lines: LINES, padding: 0, days: 0 };
    introduce(page, duration);
    let subjects = Field { population, expired: 0, tcp: false }.start(&[Kind::Ours]);
    let subject = &subjects[0];
    // The new database is written before anything is measured, not beside it.
    sync();
    // One stream, so that no row asks for what another has brought to memory.
    let mut traffic = Traffic::new(REAL_LIFE, population, 0);
    let mut measure = |neighbour: OtherClient| {
        let pace = Pace::Open(REQUESTS_A_SECOND);
        let mut load = || load::run(subject, CONNECTIONS, pace, duration, &mut traffic);
        beside(neighbour, subject, population, &mut load)
    };
    // Pages of a new database are first read when they are first asked for.
    measure(neighbours::nothing);
    let mut rows = ROWS.map(|_| Row::default());
    for _ in 0..ROUNDS {
        for (row, (_, neighbour)) in ROWS.iter().enumerate().skip(1) {
            for (row, neighbour) in [(0, ROWS[0].1), (row, *neighbour)] {
                let (burst, done) = measure(neighbour);
                rows[row].bursts.push(burst);
                rows[row].done = done;
            }
        }
    }
    let alone = rows[0].median(0.99);
    for ((name, _), row) in ROWS.iter().zip(&rows) {
        let (least, most) = row.extremes(0.99);
        let (_, longest) = row.extremes(1.0);
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| digits(row.median(share)));
        let (least, most, longest) = (digits(least), digits(most), digits(longest));
        let ratio = row.median(0.99) / alone;
        let answers: usize = row.bursts.iter().map(Burst::answers).sum();
        let holds = if ratio < TARGET { "yes" } else { "**no**" };
        page.line(&format!(
            "| {name} | {} | {answers} | {p50} | {p99} | {least} to {most} | {p999} | {longest} | \
             {ratio:.2} | {holds} |",
            row.done
        ));
    }
}

fn introduce(page: &mut Page, duration: Duration) {
    page.heading("Fairness: ours alone, with something beside the load");
    page.line(&format!(
        "Real life at {REQUESTS_A_SECOND} requests a second on {CONNECTIONS} connections: the \
         medians of {ROUNDS} stretches of {} s for each row (of more with nothing beside, before \
         each of the others), the range of their p99, and the longest wait of all. {ENTRIES} known \
         triplets, {LINES} whitelist lines. What is beside the load is repeated all the time, and \
         takes its part of the same cores. Aimed at: a p99 of less than {TARGET} times that with \
         nothing beside.\n",
        duration.as_secs()
    ));
    page.line(
        "A batch reads once from each connection and decides a bounded number of requests, in equal \
         shares of the connections that have some. While there is mail, tools rest after each slice \
         of records.\n",
    );
    page.line(
        "| beside it | done in the last stretch | answers | p50 ms | p99 ms | p99 of stretches | \
         p99.9 ms | longest ms | p99 × nothing | < 2 |",
    );
    page.line("|---|---|--:|--:|--:|--:|--:|--:|--:|---|");
}

/// Loads the subject while a neighbour is at work; gives what that has done.
fn beside(
    neighbour: OtherClient,
    subject: &Subject,
    population: Population,
    load: impl FnOnce() -> Burst,
) -> (Burst, String) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let neighbour = scope.spawn(|| neighbour(subject, population, &is_over));
        let burst = {
            let _end = End(&is_over);
            load()
        };
        (burst, neighbour.join().expect("a neighbour that works"))
    })
}

/// Tells the neighbour to end when the load has ended, even by a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
