//! Programs under the same load, in turns, several times; the medians count.

use crate::load::{self, Burst, Pace};
use crate::process::{Counter, cpu_time};
use crate::subject::Subject;
use crate::traffic::{Mix, Population, Traffic};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub rounds: usize,
    pub duration: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub mix: Mix,
    pub connections: usize,
}

/// The medians of a program in a scenario. Times are in milliseconds unless
/// said otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Checked answers a second.
    pub rate: f64,
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    pub longest: f64,
    /// Microseconds of CPU time a request.
    pub cpu: f64,
    pub calls: Option<f64>,
    pub syncs: Option<f64>,
}

pub fn measure(
    subjects: &[Subject],
    population: Population,
    scenario: Scenario,
    effort: Effort,
) -> Vec<Measured> {
    let mut rounds = vec![Vec::new(); subjects.len()];
    for _ in 0..effort.rounds {
        for (subject, rounds) in subjects.iter().zip(&mut rounds) {
            let before = cpu_time(subject.pid());
            let burst = load(subject, population, scenario, effort.duration);
            let cpu = cpu_time(subject.pid()) - before;
            rounds.push(one_round(&burst, cpu));
        }
    }
    subjects
        .iter()
        .zip(&rounds)
        .map(|(subject, rounds)| counted(subject, population, scenario, &medians(rounds)))
        .collect()
}

fn load(subject: &Subject, population: Population, scenario: Scenario, time: Duration) -> Burst {
    static SERIES: AtomicUsize = AtomicUsize::new(0);
    let series = SERIES.fetch_add(1, Ordering::Relaxed);
    let mut traffic = Traffic::new(scenario.mix, population, series);
    load::run(subject, scenario.connections, Pace::Closed, time, &mut traffic)
}

/// Counts system calls in a stretch of its own, since counting takes time.
fn counted(
    subject: &Subject,
    population: Population,
    scenario: Scenario,
    measured: &Measured,
) -> Measured {
    let Some(counter) = Counter::attach(subject.pid()) else {
        return *measured;
    };
    let burst = load(subject, population, scenario, Duration::from_millis(700));
    let calls = counter.read();
    let each = |count: u64| count as f64 / burst.answers() as f64;
    Measured {
        calls: calls.map(|calls| each(calls.all)),
        syncs: calls.map(|calls| each(calls.syncs)),
        ..*measured
    }
}

fn one_round(burst: &Burst, cpu: Duration) -> Measured {
    Measured {
        rate: burst.rate(),
        p50: burst.percentile(0.5),
        p99: burst.percentile(0.99),
        p999: burst.percentile(0.999),
        longest: burst.percentile(1.0),
        cpu: cpu.as_secs_f64() * 1e6 / burst.answers() as f64,
        ..Measured::default()
    }
}

fn medians(rounds: &[Measured]) -> Measured {
    let of = |value: fn(&Measured) -> f64| median(rounds.iter().map(value).collect());
    Measured {
        rate: of(|round| round.rate),
        p50: of(|round| round.p50),
        p99: of(|round| round.p99),
        p999: of(|round| round.p999),
        longest: rounds.iter().map(|round| round.longest).fold(0.0, f64::max),
        cpu: of(|round| round.cpu),
        ..Measured::default()
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
