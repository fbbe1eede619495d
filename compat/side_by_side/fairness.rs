//! Measures if a steady load on ours waits for other work: a client that floods, lists
//! that are read again, tools that read the whole database.

use crate::contest::median;
use crate::load::{self, Burst, Pace};
use crate::neighbours::{self, OtherClient};
use crate::page::Page;
use crate::subject::{Field, Kind, Subject};
use crate::table::digits;
use crate::traffic::{Population, REAL_LIFE, Traffic};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const CONNECTIONS: usize = 50;
const REQUESTS_A_SECOND: u32 = 1_000;

/// Sizes that make tools and the reading of lists take long.
const ENTRIES: usize = 5_000_000;
const FEWER_ENTRIES: usize = 1_000_000;
const LINES: usize = 100_000;

/// Parts of a row's time, of whose waits the medians count: a machine that stands
/// still for a moment, once, is no neighbour's doing.
const STRETCHES: u32 = 5;

/// The factor by which 99 of 100 replies may take longer with a neighbour.
const TARGET: f64 = 2.0;

/// Measures the load with nothing beside it, with each neighbour, and with
/// nothing again, which shows what of the ratios is noise.
pub fn run(page: &mut Page, is_quick: bool) {
    let known = if is_quick { FEWER_ENTRIES } else { ENTRIES };
    let duration = Duration::from_secs(if is_quick { 5 } else { 15 });
    let population = Population { known, early: 10_000, lines: LINES, padding: 0, days: 0 };
    introduce(page, known, duration);
    let subjects = Field { population, expired: 0, tcp: false }.start(&[Kind::Ours]);
    let subject = &subjects[0];
    // One stream, so that no row asks for what another has brought to memory.
    let mut traffic = Traffic::new(REAL_LIFE, population, 0);
    let mut measure = |time, neighbour: OtherClient| {
        let pace = Pace::Open(REQUESTS_A_SECOND);
        let mut stretch = |_| load::run(subject, CONNECTIONS, pace, time, &mut traffic);
        beside(neighbour, subject, population, || (0..STRETCHES).map(&mut stretch).collect())
    };
    // Pages of a new database are first read when they are first asked for.
    measure(Duration::from_millis(600), neighbours::nothing);
    let rows: [(&str, OtherClient); 6] = [
        ("nothing", neighbours::nothing),
        ("a connection that pipelines", neighbours::flood),
        ("HUP", neighbours::hang_up),
        ("`postgrey export`", neighbours::export),
        ("`postgrey list`", neighbours::list),
        ("nothing, again", neighbours::nothing),
    ];
    let mut alone = None;
    for (name, neighbour) in rows {
        let (bursts, done) = measure(duration / STRETCHES, neighbour);
        let of = |share| median(bursts.iter().map(|burst| burst.percentile(share)).collect());
        let (p50, p99, p999) = (of(0.5), of(0.99), of(0.999));
        let longest = bursts.iter().map(|burst| burst.percentile(1.0)).fold(0.0, f64::max);
        let ratio = p99 / *alone.get_or_insert(p99);
        let answers: usize = bursts.iter().map(Burst::answers).sum();
        let waits = [p50, p99, p999, longest].map(digits).join(" | ");
        let holds = if ratio < TARGET { "yes" } else { "**no**" };
        page.line(&format!("| {name} | {done} | {answers} | {waits} | {ratio:.2} | {holds} |"));
    }
}

fn introduce(page: &mut Page, known: usize, duration: Duration) {
    page.heading("Fairness: ours alone, with something beside the load");
    page.line(&format!(
        "Real life at {REQUESTS_A_SECOND} requests a second on {CONNECTIONS} connections, {} s for \
         each row: the medians of {STRETCHES} stretches, and the longest wait of all. {known} known \
         triplets, {LINES} whitelist lines. What is beside the load is repeated all the time, and \
         takes its part of the same cores. Aimed at: a p99 of less than {TARGET} times that with \
         nothing beside.\n",
        duration.as_secs()
    ));
    page.line(
        "A batch reads once from each connection and decides a bounded number of requests, in equal \
         shares of the connections that have some.\n",
    );
    page.line(
        "| beside it | done meanwhile | answers | p50 ms | p99 ms | p99.9 ms | longest ms | p99 × \
         nothing | < 2 |",
    );
    page.line("|---|---|--:|--:|--:|--:|--:|--:|---|");
}

/// Loads the subject while a neighbour is at work; gives what that has done.
fn beside(
    neighbour: OtherClient,
    subject: &Subject,
    population: Population,
    load: impl FnOnce() -> Vec<Burst>,
) -> (Vec<Burst>, String) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let neighbour = scope.spawn(|| neighbour(subject, population, &is_over));
        let bursts = {
            let _end = End(&is_over);
            load()
        };
        (bursts, neighbour.join().expect("a neighbour that works"))
    })
}

/// Tells the neighbour to end when the load has ended, even by a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
