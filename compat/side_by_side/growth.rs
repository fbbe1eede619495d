//! How the cost of a request of ours grows with all that can grow.

use crate::contest::{Effort, Measured, Scenario, measure};
use crate::page::Page;
use crate::plot::{Curve, Plot};
use crate::subject::{Field, Kind, Subject};
use crate::table::digits;
use crate::traffic::{KNOWN, Mix, NEW, Population, WHITELISTED, key};
use std::time::Duration;

const EFFORT: Effort = Effort { rounds: 3, duration: Duration::from_millis(700) };
const USUAL: Population = Population { known: 10_000, early: 0, lines: 0, padding: 0, days: 0 };

pub fn run(page: &mut Page) {
    page.heading("Growth: ours alone");
    page.line(
        "CPU µs, requests/s, p99 in ms, system calls and syncs per request, on 50 connections \
         unless said otherwise. Attributes are cut after 512 bytes, so that keys are no longer \
         than twice that.\n",
    );
    page.line("| | mix | CPU µs | requests/s | p99 ms | calls | syncs |");
    page.line("|---|---|--:|--:|--:|--:|--:|");
    let mut plots = Vec::new();
    let mut grow = |name, what: &str, mixes: [Mix; 2], sizes: &[usize], of: Of<'_>| {
        let mut plot = Plot::default();
        for &size in sizes {
            let (population, connections) = of(size);
            let subjects = start(population);
            for mix in mixes {
                let what = format!("{size} {what}");
                let seen = row(page, &what, &subjects, population, mix, connections);
                plot.add(mix.name, size, seen);
            }
        }
        plots.push((name, format!("CPU µs a request over {what}"), plot));
    };
    let triplets = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];
    grow("growth-triplets.svg", "triplets", [KNOWN, NEW], &triplets, &|known| {
        (Population { known, ..USUAL }, 50)
    });
    let lines = [100, 1_000, 10_000, 100_000];
    grow("growth-lines.svg", "whitelist lines", [WHITELISTED, KNOWN], &lines, &|lines| {
        (Population { lines, ..USUAL }, 50)
    });
    let connections = [1, 10, 100, 500, 1_000, 2_000];
    grow("growth-connections.svg", "connections", [KNOWN, NEW], &connections, &|connections| {
        (USUAL, connections)
    });
    let lengths = [0, 100, 400, 800].map(|padding| key(1, padding).len());
    grow("growth-keys.svg", "bytes of a key", [KNOWN, NEW], &lengths, &|length| {
        (Population { padding: length - key(1, 0).len(), ..USUAL }, 50)
    });
    let days = [1, 10, 100, 365];
    grow("growth-days.svg", "days of mail before", [KNOWN, NEW], &days, &|days| {
        (Population { days, ..USUAL }, 50)
    });
    page.line("");
    for (name, title, plot) in plots {
        page.plot(name, &title, plot.draw(&title, Curve::Cpu));
    }
}

/// The population and the number of connections that a size stands for.
type Of<'a> = &'a dyn Fn(usize) -> (Population, usize);

fn start(population: Population) -> Vec<Subject> {
    Field { population, expired: 0, tcp: false }.start(&[Kind::Ours])
}

fn row(
    page: &mut Page,
    what: &str,
    subjects: &[Subject],
    population: Population,
    mix: Mix,
    connections: usize,
) -> Measured {
    let seen = measure(subjects, population, Scenario { mix, connections }, EFFORT)[0];
    let count = |count: Option<f64>| count.map_or("–".to_string(), digits);
    page.line(&format!(
        "| {what} | {} | {} | {:.0} | {} | {} | {} |",
        mix.name,
        digits(seen.cpu),
        seen.rate,
        digits(seen.p99),
        count(seen.calls),
        count(seen.syncs)
    ));
    seen
}
