//! New triplets without a pause, until there are more than any buffer holds, and what
//! they cost the disk.

use crate::contest::Scenario;
use crate::limits;
use crate::load::{self, Pace};
use crate::page::Page;
use crate::process::{cpu_time, own_memory, written_bytes};
use crate::programme::USUAL;
use crate::subject::{Field, Kind, Subject};
use crate::table::digits;
use crate::traffic::{Mix, NEW, Population, REAL_LIFE, Traffic};
use std::time::Duration;

/// Requests of a sustained run.
const REQUESTS: usize = 300_000;

/// One burst of it.
const BURST: Duration = Duration::from_secs(5);

/// The original is as slow after a while as at the start.
const ORIGINAL: Duration = Duration::from_secs(3);

/// Lone new triplets whose bytes are counted.
const LONE: Duration = Duration::from_secs(2);

/// Measures sustained load.
pub fn run(page: &mut Page) {
    page.heading("Sustained load");
    let (lone, many) = (limits::appends(1, LONE), limits::appends(50, LONE));
    page.line(&format!(
        "Bare appends of a triplet to a preallocated file, each with `fdatasync`: {lone:.0}/s; of \
         50 triplets at once: {many:.0}/s.\n"
    ));
    page.line(
        "| connections, mix | program | requests | requests/s | p50 ms | p99 ms | p99.9 ms | \
         longest ms | CPU µs | KiB written a request | own memory, KiB |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    );
    let fresh = Population { known: 0, early: 0, ..USUAL };
    for (mix, connections, population) in
        [(NEW, 1, fresh), (NEW, 10, fresh), (NEW, 50, fresh), (REAL_LIFE, 50, USUAL)]
    {
        for kind in [Kind::Theirs, Kind::Ours] {
            let subjects = Field { population, expired: 0, tcp: false }.start(&[kind]);
            sustain(page, &subjects[0], population, Scenario { mix, connections });
        }
    }
}

fn sustain(page: &mut Page, subject: &Subject, population: Population, scenario: Scenario) {
    let Scenario { mix, connections } = scenario;
    let is_ours = subject.kind == Kind::Ours;
    let pid = subject.pid();
    let (cpu, bytes) = (cpu_time(pid), written_bytes(pid));
    let (mut answers, mut elapsed) = (0, Duration::ZERO);
    let mut waits = [0.0_f64; 4];
    for series in 0.. {
        let burst = load_once(subject, population, mix, connections, 2000 + series);
        answers += burst.answers();
        elapsed += burst.elapsed;
        // The worst burst counts.
        for (wait, share) in waits.iter_mut().zip([0.5, 0.99, 0.999, 1.0]) {
            *wait = wait.max(burst.percentile(share));
        }
        // A lone connection would take a minute.
        if !is_ours || connections == 1 || answers >= REQUESTS {
            break;
        }
    }
    let each = 1.0 / answers as f64;
    let cpu = (cpu_time(pid) - cpu).as_secs_f64() * 1e6 * each;
    let kib = (written_bytes(pid) - bytes) as f64 / 1024.0 * each;
    let rate = answers as f64 / elapsed.as_secs_f64();
    let waits = waits.map(digits).join(" | ");
    page.line(&format!(
        "| {connections}, {} | {} | {answers} | {rate:.0} | {waits} | {cpu:.1} | {} | {} |",
        mix.name,
        subject.kind.name(),
        digits(kib),
        own_memory(pid)
    ));
}

fn load_once(
    subject: &Subject,
    population: Population,
    mix: Mix,
    connections: usize,
    series: usize,
) -> load::Burst {
    let mut traffic = Traffic::new(mix, population, series);
    let time = if subject.kind == Kind::Ours { BURST } else { ORIGINAL };
    load::run(subject, connections, Pace::Closed, time, &mut traffic)
}
