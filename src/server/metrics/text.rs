//! The text format of Prometheus, version 0.0.4
//! (prometheus.io/docs/instrumenting/exposition_formats).
//!
//! Labels are words of this program, which the type says: what a client sends
//! cannot become one, so that the number of series is bounded.

use crate::server::histogram::Histogram;
use std::fmt::{Display, Write};

/// The type of a family of series.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// What only grows.
    Counter,
    /// What goes up and down.
    Gauge,
}

/// A label's name and its value.
pub type Label = (&'static str, &'static str);

/// A page in the making.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// Begins a family; `help` is a sentence of one line.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Page {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.head(name, kind, help);
        self
    }

    /// A family of one series without labels.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// A series of the family.
    pub fn sample(&mut self, labels: &[Label], value: impl Display) -> &mut Page {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { labels.join(",") };
        self.line("", &labels, value);
        self
    }

    /// A family of one histogram, so many of whose units make one of the page's.
    pub fn histogram<const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        histogram: &Histogram<N>,
        per_unit: u32,
    ) {
        let scaled = |number: u64| number as f64 / f64::from(per_unit);
        self.head(name, "histogram", help);
        for (bound, count) in histogram.cumulative() {
            self.line("_bucket", &format!("le=\"{}\"", scaled(bound)), count);
        }
        self.line("_bucket", "le=\"+Inf\"", histogram.total());
        self.line("_sum", "", scaled(histogram.sum()));
        self.line("_count", "", histogram.total());
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a String does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, suffix: &str, labels: &str, value: impl Display) {
        let name = self.name;
        let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
        let _ = writeln!(self.text, "{name}{suffix}{open}{labels}{close} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_stand_below_what_they_are() {
        let mut page = Page::default();
        page.single("up", Kind::Gauge, "Whether it is.", 1);
        page.family("asked_total", Kind::Counter, "Questions.")
            .sample(&[("action", "pass"), ("reason", "new")], 7)
            .sample(&[("action", "greylist"), ("reason", "new")], 0);
        assert_eq!(
            page.into_text(),
            "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n\
             # HELP asked_total Questions.\n# TYPE asked_total counter\n\
             asked_total{action=\"pass\",reason=\"new\"} 7\n\
             asked_total{action=\"greylist\",reason=\"new\"} 0\n"
        );
    }

    #[test]
    fn a_histogram_is_shown_in_the_unit_of_the_page() {
        let mut histogram = Histogram::new(&[500, 20_000]);
        histogram.observe(400);
        histogram.observe(1_000_000);
        let mut page = Page::default();
        page.histogram("took_seconds", "Time.", &histogram, 1_000_000);
        assert_eq!(
            page.into_text(),
            "# HELP took_seconds Time.\n# TYPE took_seconds histogram\n\
             took_seconds_bucket{le=\"0.0005\"} 1\ntook_seconds_bucket{le=\"0.02\"} 1\n\
             took_seconds_bucket{le=\"+Inf\"} 2\ntook_seconds_sum 1.0004\n\
             took_seconds_count 2\n"
        );
    }
}
