//! How the cost of a request of ours grows with all that can grow.

use crate::contest::{Effort, Scenario, measure};
use crate::page::Page;
use crate::subject::{Field, Kind, Subject};
use crate::table::digits;
use crate::traffic::{KNOWN, Mix, NEW, Population, WHITELISTED};
use std::time::Duration;

const EFFORT: Effort = Effort { rounds: 3, duration: Duration::from_millis(700) };
const USUAL: Population = Population { known: 10_000, early: 0, lines: 0, padding: 0 };

/// Measures all kinds of growth.
pub fn run(page: &mut Page) {
    page.heading("Growth: ours alone");
    page.line(
        "CPU µs, requests/s, p99 in ms, system calls and syncs per request, on 50 connections \
         unless said otherwise.\n",
    );
    page.line("| | mix | CPU µs | requests/s | p99 ms | calls | syncs |");
    page.line("|---|---|--:|--:|--:|--:|--:|");
    for known in [1_000, 10_000, 100_000, 1_000_000, 5_000_000] {
        let population = Population { known, ..USUAL };
        let subjects = start(population);
        for mix in [KNOWN, NEW] {
            row(page, &format!("{known} triplets"), &subjects, population, mix, 50);
        }
    }
    for lines in [100, 1_000, 10_000, 100_000] {
        let population = Population { lines, ..USUAL };
        let subjects = start(population);
        row(page, &format!("{lines} whitelist lines"), &subjects, population, WHITELISTED, 50);
        row(page, &format!("{lines} whitelist lines"), &subjects, population, KNOWN, 50);
    }
    let subjects = start(USUAL);
    for connections in [1, 10, 100, 500, 1_000, 2_000] {
        for mix in [KNOWN, NEW] {
            let what = format!("{connections} connections");
            row(page, &what, &subjects, USUAL, mix, connections);
        }
    }
    for padding in [0, 100, 400, 800] {
        let population = Population { padding, ..USUAL };
        let subjects = start(population);
        let length = crate::traffic::key(1, padding).len();
        for mix in [KNOWN, NEW] {
            row(page, &format!("keys of {length} bytes"), &subjects, population, mix, 50);
        }
    }
}

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
) {
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
}
