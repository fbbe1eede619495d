//! The number of replies and their times.

use crate::daemon::clock;
use std::fmt;
use std::time::Duration;

/// The number of requests and their duration. `Display` gives the original's
/// line, followed by the reply times if they were measured.
#[derive(Debug)]
pub struct Speed {
    requests: usize,
    /// In whole seconds of the clock, as the original counts.
    begin: i64,
    elapsed: i64,
    /// The reply times in ascending order; empty if not measured.
    times: Vec<Duration>,
}

impl Speed {
    pub fn begin() -> Speed {
        Speed { requests: 0, begin: clock::now(), elapsed: 0, times: Vec::new() }
    }

    pub fn count(&mut self) {
        self.requests += 1;
    }

    pub fn count_all(&mut self, times: Vec<Duration>) {
        self.requests += times.len();
        self.times.extend(times);
    }

    pub fn end(mut self) -> Speed {
        self.elapsed = clock::now() - self.begin;
        self.times.sort_unstable();
        self
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Speed { requests, elapsed, times, .. } = self;
        let rate = match elapsed {
            ..=0 => String::new(),
            _ => format!("({} r/s)", perl_number(*requests as f64 / *elapsed as f64)),
        };
        writeln!(out, "{requests} requests in {elapsed}s {rate}")?;
        if times.is_empty() {
            return Ok(());
        }
        let at = |share: usize| times[(times.len() * share / 1000).min(times.len() - 1)];
        let show = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1000.0);
        writeln!(
            out,
            "replies took: half {}, 90% {}, 99% {}, 99.9% {}, longest {}",
            show(at(500)),
            show(at(900)),
            show(at(990)),
            show(at(999)),
            show(at(1000))
        )
    }
}

/// A number as Perl prints it: up to 15 digits.
fn perl_number(number: f64) -> String {
    let decimals = (14.0 - number.log10().floor()).clamp(0.0, 30.0) as usize;
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_look_as_perl_prints_them() {
        for (requests, seconds, rate) in
            [(9000, 6, "1500"), (9000, 7, "1285.71428571429"), (1, 3, "0.333333333333333")]
        {
            assert_eq!(perl_number(f64::from(requests) / f64::from(seconds)), rate);
        }
    }

    #[test]
    fn the_line_is_the_originals() {
        let speed = |elapsed| Speed { requests: 1, begin: 0, elapsed, times: Vec::new() };
        assert_eq!(speed(0).to_string(), "1 requests in 0s \n");
        assert_eq!(speed(2).to_string(), "1 requests in 2s (0.5 r/s)\n");
    }

    #[test]
    fn reply_times_are_printed_if_measured() {
        let mut speed = Speed::begin();
        speed.count_all((1..=1000).map(Duration::from_micros).rev().collect());
        let text = speed.end().to_string();
        let expected = "replies took: half 0.501 ms, 90% 0.901 ms, 99% 0.991 ms, 99.9% 1.000 ms, \
                        longest 1.000 ms\n";
        assert!(text.ends_with(expected), "{text}");
    }
}
