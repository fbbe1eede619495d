//! The text format of Prometheus, version 0.0.4
//! (prometheus.io/docs/instrumenting/exposition_formats).
//!
//! Labels are `&'static str`: nothing that a client sends can become one, so the
//! number of series is bounded.

use crate::histogram::Histogram;
use std::fmt::{Display, Write};

pub type Label = (&'static str, &'static str);

#[derive(Debug, Default)]
pub struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// Starts a family; `help` is one line. A counter's name ends with `_total`, as
    /// Prometheus recommends; the others are gauges.
    pub fn family(&mut self, name: &'static str, help: &str) -> &mut Page {
        self.head(name, if name.ends_with("_total") { "counter" } else { "gauge" }, help);
        self
    }

    pub fn single(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, help).sample(&[], value);
    }

    pub fn sample(&mut self, labels: &[Label], value: impl Display) -> &mut Page {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        self.line("", &labels.join(","), value);
        self
    }

    /// Adds a family of one histogram; `per_unit` of its units are one on the page.
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
    fn series_follow_their_family() {
        let mut page = Page::default();
        page.single("up", "Always 1.", 1);
        page.family("asked_total", "Questions.")
            .sample(&[("action", "pass"), ("reason", "new")], 7)
            .sample(&[("action", "greylist"), ("reason", "new")], 0);
        assert_eq!(
            page.into_text(),
            "# HELP up Always 1.\n# TYPE up gauge\nup 1\n\
             # HELP asked_total Questions.\n# TYPE asked_total counter\n\
             asked_total{action=\"pass\",reason=\"new\"} 7\n\
             asked_total{action=\"greylist\",reason=\"new\"} 0\n"
        );
    }

    #[test]
    fn histogram_is_scaled_to_the_unit_of_the_page() {
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
