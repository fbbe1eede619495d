//! The targets that the design sets, and whether they hold.

use crate::contest::Measured;
use crate::page::Page;
use crate::subject::Kind;
use crate::table;
use crate::traffic::{Mix, NEW, REAL_LIFE, WHITELISTED};

#[derive(Default)]
pub struct Goals {
    rows: Vec<String>,
}

impl Goals {
    pub fn at_least(&mut self, what: &str, reached: f64, target: f64) {
        self.note(what, "≥", reached, target, reached >= target);
    }

    pub fn at_most(&mut self, what: &str, reached: f64, target: f64) {
        self.note(what, "≤", reached, target, reached <= target);
    }

    fn note(&mut self, what: &str, sign: &str, reached: f64, target: f64, holds: bool) {
        let (reached, holds) = (table::digits(reached), if holds { "yes" } else { "**no**" });
        self.rows.push(format!("| {what} | {sign} {target} | {reached} | {holds} |"));
    }

    pub fn note_mix(&mut self, mix: Mix, connections: usize, seen: &[(Kind, Measured)]) {
        let of = |kind| table::of(seen, kind);
        let (Some(theirs), Some(ours)) = (of(Kind::Theirs), of(Kind::Ours)) else {
            return;
        };
        let [requests, p99] = ["requests/s", "p99 shorter"]
            .map(|what| format!("{}, {connections} connections: {what}", mix.name));
        match (mix.name, connections) {
            (name, 50) if name == REAL_LIFE.name => {
                self.at_least(&requests, ours.rate / theirs.rate, 20.0);
                self.at_least(&p99, theirs.p99 / ours.p99, 10.0);
            }
            (name, 50) if name == NEW.name => {
                self.at_least(&requests, ours.rate / theirs.rate, 8.0);
                self.at_least(&p99, theirs.p99 / ours.p99, 5.0);
                if let Some(patient) = of(Kind::OursPatient) {
                    let what = format!("{requests} with --sync=1");
                    self.at_least(&what, patient.rate / theirs.rate, 25.0);
                }
            }
            (name, 1) if name == NEW.name => {
                self.at_least(&requests, ours.rate / theirs.rate, 1.0);
                let what = "new only, 1 connection: CPU per request";
                self.at_most(what, ours.cpu / theirs.cpu, 0.1);
            }
            (name, 50) if name == WHITELISTED.name => {
                self.at_least(&requests, ours.rate / theirs.rate, 20.0);
                if let Some(echo) = of(Kind::Echo) {
                    let what = format!("{requests} of echo");
                    self.at_least(&what, ours.rate / echo.rate, 0.6);
                }
            }
            _ => {}
        }
    }

    pub fn tell(&self, page: &mut Page) {
        page.heading("Targets (against the original, same run)");
        page.line("| | target | reached | holds |\n|---|--:|--:|---|");
        for row in &self.rows {
            page.line(row);
        }
    }
}
