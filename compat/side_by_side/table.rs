//! Results as Markdown.

use crate::contest::{Measured, Scenario};
use crate::subject::Kind;
use std::fmt::Write as _;

/// The head of the table whose rows [`rows`] writes.
pub const HEAD: &str = "\
| connections, mix | program | requests/s | p50 ms | p99 ms | p99.9 ms | longest ms | CPU µs \
| calls | syncs | × requests/s | p99 ÷ | CPU ÷ |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

/// One row for each program; calls and syncs are per request, the ratios are
/// to the original's.
pub fn rows(scenario: Scenario, programs: &[(Kind, Measured)]) -> String {
    let theirs = of(programs, Kind::Theirs);
    let mut text = String::new();
    for (kind, measured) in programs {
        let Measured { rate, p50, p99, p999, longest, cpu, calls, syncs } = measured;
        let count = |count: &Option<f64>| count.map_or("–".to_string(), digits);
        let _ = write!(
            text,
            "| {}, {} | {} | {rate:.0} | {} | {} | {} | {} | {cpu:.1} | {} | {} |",
            scenario.connections,
            scenario.mix.name,
            kind.name(),
            digits(*p50),
            digits(*p99),
            digits(*p999),
            digits(*longest),
            count(calls),
            count(syncs),
        );
        let _ = match theirs.filter(|_| *kind != Kind::Theirs) {
            Some(theirs) => writeln!(
                text,
                " {:.1} | {:.1} | {:.1} |",
                rate / theirs.rate,
                theirs.p99 / p99,
                theirs.cpu / cpu
            ),
            None => writeln!(text, " | | |"),
        };
    }
    text
}

pub fn of(programs: &[(Kind, Measured)], kind: Kind) -> Option<Measured> {
    programs.iter().find(|(other, _)| *other == kind).map(|(_, measured)| *measured)
}

pub fn digits(number: f64) -> String {
    match number {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        0.1.. => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}
