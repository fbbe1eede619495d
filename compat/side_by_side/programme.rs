//! The measurements, in order.

use crate::contest::{Effort, Measured, Scenario, measure, median};
use crate::goals::Goals;
use crate::limits;
use crate::load::{self, Pace};
use crate::page::Page;
use crate::plot::{Curve, Plot};
use crate::process::{cpu_time, own_memory};
use crate::subject::{Field, Kind, Subject};
use crate::table;
use crate::traffic::{KNOWN, Mix, NEW, Population, REAL_LIFE, Traffic, WHITELISTED};
use std::time::Duration;

/// A database as it is after some weeks, and Debian's whitelists.
pub const USUAL: Population =
    Population { known: 10_000, early: 10_000, lines: 0, padding: 0, days: 0 };

/// Both programs, for questions that are only theirs.
const BOTH: [Kind; 2] = [Kind::Theirs, Kind::Ours];

pub struct Programme {
    effort: Effort,
    starts: usize,
    connections: &'static [usize],
    is_whole: bool,
}

impl Programme {
    pub fn quick() -> Programme {
        let effort = Effort { rounds: 3, duration: Duration::from_millis(700) };
        Programme { effort, starts: 3, connections: &[1, 50], is_whole: false }
    }

    pub fn whole() -> Programme {
        let effort = Effort { rounds: 3, duration: Duration::from_secs(1) };
        Programme { effort, starts: 5, connections: &[1, 10, 50, 500], is_whole: true }
    }

    pub fn run(&self, page: &mut Page) {
        let mut goals = Goals::default();
        self.limits(page);
        self.start_and_memory(page, &mut goals);
        self.mixes(page, &mut goals);
        self.fresh(page, &mut goals);
        if self.is_whole {
            self.tcp(page);
            self.sizes(page, &mut goals);
            self.lines(page, &mut goals);
            self.clean_up(page, &mut goals);
        }
        goals.tell(page);
    }

    /// Measures ours alone in one scenario, for a look with a profiler.
    pub fn run_only(&self, page: &mut Page, mix: &str, connections: usize) {
        let mixes = [REAL_LIFE, KNOWN, NEW, WHITELISTED];
        let mix = mixes.into_iter().find(|other| other.name.starts_with(mix)).expect("a mix");
        let subjects = Field { population: USUAL, expired: 0, tcp: false }.start(&[Kind::Ours]);
        page.line(&format!("process {}\n\n{}", subjects[0].pid(), table::HEAD));
        for _ in 0..3 {
            self.row(page, &subjects, USUAL, mix, connections);
        }
    }

    fn limits(&self, page: &mut Page) {
        page.heading("What LMDB and the disk allow");
        page.line("| puts in a commit | puts/s | CPU µs a put |\n|--:|--:|--:|");
        for batch in [1, 10, 50, 500] {
            let (rate, cpu) = limits::puts(batch, self.effort.duration);
            page.line(&format!("| {batch} | {rate:.0} | {} |", table::digits(cpu)));
        }
    }

    fn start_and_memory(&self, page: &mut Page, goals: &mut Goals) {
        page.heading("Start and memory, with Debian's whitelists");
        page.line(
            "| program | start to first answer, ms | CPU ms of it | own memory, KiB | after load on \
             50 connections |\n|---|--:|--:|--:|--:|",
        );
        let field = Field { population: USUAL, expired: 0, tcp: false };
        let mut seen = Vec::new();
        for kind in BOTH {
            let (mut starts, mut work) = (Vec::new(), Vec::new());
            let mut memory = (0, 0);
            for _ in 0..self.starts {
                let subjects = field.start(&[kind]);
                starts.push(subjects[0].started_in.as_secs_f64() * 1e3);
                work.push(cpu_time(subjects[0].pid()).as_secs_f64() * 1e3);
                let idle = own_memory(subjects[0].pid());
                self.effort_of(&subjects, REAL_LIFE, 50, 1);
                memory = (idle, own_memory(subjects[0].pid()));
            }
            let (start, work) = (median(starts), median(work));
            let (name, (idle, loaded)) = (kind.name(), memory);
            page.line(&format!("| {name} | {start:.1} | {work:.1} | {idle} | {loaded} |"));
            seen.push((start, memory.1 as f64));
        }
        goals.at_most("own memory, Debian's whitelists, after load", seen[1].1 / seen[0].1, 0.25);
        goals.at_most("start to first answer", seen[1].0 / seen[0].0, 0.1);
    }

    fn mixes(&self, page: &mut Page, goals: &mut Goals) {
        page.heading("10,000 known triplets, Unix-domain socket");
        page.line(table::HEAD);
        let field = Field { population: USUAL, expired: 0, tcp: false };
        let subjects = field.start(&[Kind::Theirs, Kind::Ours, Kind::Echo]);
        let mut plot = Plot::default();
        for mix in [REAL_LIFE, KNOWN, WHITELISTED] {
            for &connections in self.connections {
                // The echo server has one answer, which only exempt mail gets.
                let few = if mix.name == WHITELISTED.name { 3 } else { 2 };
                let seen = self.row(page, &subjects[..few], USUAL, mix, connections);
                goals.note_mix(mix, connections, &seen);
                if mix.name == REAL_LIFE.name {
                    for (kind, measured) in seen {
                        plot.add(kind.name(), connections, measured);
                    }
                }
            }
        }
        if self.is_whole {
            page.line("");
            let rate = plot.draw("real life: requests/s over connections", Curve::Rate);
            page.plot("rate.svg", "requests a second over connections", rate);
            let p99 = plot.draw("real life: p99 in ms over connections", Curve::P99);
            page.plot("p99.svg", "p99 over connections", p99);
        }
    }

    fn fresh(&self, page: &mut Page, goals: &mut Goals) {
        page.heading("Fresh database, new triplets only");
        page.line(table::HEAD);
        let population = Population { known: 0, early: 0, ..USUAL };
        let field = Field { population, expired: 0, tcp: false };
        let subjects = field.start(&[Kind::Theirs, Kind::Ours, Kind::OursPatient]);
        for &connections in self.connections {
            let seen = self.row(page, &subjects, population, NEW, connections);
            goals.note_mix(NEW, connections, &seen);
        }
    }

    fn tcp(&self, page: &mut Page) {
        page.heading("10,000 known triplets, TCP");
        page.line(table::HEAD);
        let subjects = Field { population: USUAL, expired: 0, tcp: true }.start(&BOTH);
        for &connections in self.connections {
            self.row(page, &subjects, USUAL, REAL_LIFE, connections);
        }
    }

    fn sizes(&self, page: &mut Page, goals: &mut Goals) {
        page.heading("Large databases");
        let mut rates = Vec::new();
        for known in [10_000, 1_000_000, 5_000_000] {
            page.line(&format!("\n{known} known triplets:\n\n{}", table::HEAD));
            let population = Population { known, ..USUAL };
            let subjects = Field { population, expired: 0, tcp: false }.start(&BOTH);
            let seen = self.row(page, &subjects, population, REAL_LIFE, 50);
            rates.push(table::of(&seen, Kind::Ours).map_or(0.0, |ours| ours.rate));
            self.row(page, &subjects, population, KNOWN, 50);
            self.row(page, &subjects, population, NEW, 50);
        }
        goals.at_least(
            "5,000,000 triplets: requests/s of those with 10,000",
            rates[2] / rates[0],
            0.6,
        );
    }

    fn lines(&self, page: &mut Page, goals: &mut Goals) {
        page.heading("Whitelists beside Debian's");
        let mut cpu = Vec::new();
        for lines in [0, 100_000] {
            page.line(&format!("\n{lines} lines more:\n\n{}", table::HEAD));
            let population = Population { lines, ..USUAL };
            let subjects = Field { population, expired: 0, tcp: false }.start(&BOTH);
            let seen = self.row(page, &subjects, population, WHITELISTED, 50);
            cpu.push(table::of(&seen, Kind::Ours).map_or(0.0, |ours| ours.cpu));
        }
        goals.at_most(
            "100,000 whitelist lines: CPU per request of that with 200",
            cpu[1] / cpu[0],
            2.0,
        );
    }

    /// Half of a million triplets goes while mail comes in, 500 requests a second.
    /// New triplets in the first minute of a clean-up, and the same where there
    /// is nothing to clean up: each reply waits for the disk, and the longest of
    /// thirty thousand waits is often the disk's own.
    fn clean_up(&self, page: &mut Page, goals: &mut Goals) {
        page.heading("Clean-up of 1,000,000 triplets, half of them too old");
        page.line(
            "New triplets at 500 a second for a minute on 50 connections.\n\n| too old | answers | \
             p50 ms | p99 ms | p99.9 ms | longest ms |\n|--:|--:|--:|--:|--:|--:|",
        );
        let population = Population { known: 1_000_000, ..USUAL };
        // Records that are too old do not count as known.
        let asked = Population { known: 0, early: 0, ..population };
        let time = Duration::from_secs(60);
        for expired in [0, 50] {
            let subjects = Field { population, expired, tcp: false }.start(&[Kind::Ours]);
            let mut traffic = Traffic::new(NEW, asked, 900);
            let burst = load::run(&subjects[0], 50, Pace::Open(500), time, &mut traffic);
            let waits = [0.5, 0.99, 0.999, 1.0].map(|part| burst.percentile(part));
            let cells = waits.map(table::digits).join(" | ");
            page.line(&format!("| {expired} % | {} | {cells} |", burst.answers()));
            if expired > 0 {
                goals.at_most("clean-up of 1,000,000: longest reply in ms", waits[3], 20.0);
            }
        }
    }

    fn row(
        &self,
        page: &mut Page,
        subjects: &[Subject],
        population: Population,
        mix: Mix,
        connections: usize,
    ) -> Vec<(Kind, Measured)> {
        measured_rows(page, self.effort, subjects, population, mix, connections)
    }

    fn effort_of(&self, subjects: &[Subject], mix: Mix, connections: usize, rounds: usize) {
        let effort = Effort { rounds, ..self.effort };
        measure(subjects, USUAL, Scenario { mix, connections }, effort);
    }
}

/// Measures subjects in a scenario, and adds their rows to the page.
pub fn measured_rows(
    page: &mut Page,
    effort: Effort,
    subjects: &[Subject],
    population: Population,
    mix: Mix,
    connections: usize,
) -> Vec<(Kind, Measured)> {
    let scenario = Scenario { mix, connections };
    let measured = measure(subjects, population, scenario, effort);
    let seen: Vec<_> = subjects.iter().map(|subject| subject.kind).zip(measured).collect();
    page.line(table::rows(scenario, &seen).trim_end());
    seen
}
