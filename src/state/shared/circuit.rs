//! The circuit breaker: after a failure the servers are not asked until a probe
//! succeeds. No I/O.

use crate::state::Error;
use std::time::{Duration, Instant};

/// The time between two probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Circuit {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    why: Error,
    /// When the next probe is due; `None` while one is under way.
    next_probe: Option<Instant>,
}

impl Circuit {
    /// The failure that keeps it open.
    pub fn failure(&self) -> Option<&Error> {
        self.open.as_ref().map(|open| &open.why)
    }

    /// Opens it after a failure. The first one counts until a probe succeeds.
    pub fn open(&mut self, why: Error, now: Instant) {
        let next_probe = Some(now + PROBE_INTERVAL);
        self.open.get_or_insert(Open { why, next_probe });
    }

    /// Returns true if a probe has to be started, which the caller does.
    pub fn start_probe(&mut self, now: Instant) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        open.next_probe.take_if(|due| *due <= now).is_some()
    }

    /// Notes the end of a probe.
    pub fn probed(&mut self, result: Result<(), Error>, now: Instant) {
        match result {
            Ok(()) => self.open = None,
            Err(why) => self.open = Some(Open { why, next_probe: Some(now + PROBE_INTERVAL) }),
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.open.as_ref()?.next_probe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lasts_until_a_probe_succeeds() {
        let start = Instant::now();
        let second = |n| start + PROBE_INTERVAL * n;
        let error = |text: &str| Error::new(text);
        let mut circuit = Circuit::default();
        assert_eq!((circuit.failure(), circuit.deadline()), (None, None));
        assert!(!circuit.start_probe(start), "nothing has failed");

        circuit.open(error("first"), start);
        circuit.open(error("second"), second(1));
        assert_eq!(circuit.failure(), Some(&error("first")));
        assert_eq!(circuit.deadline(), Some(second(1)));
        assert!(!circuit.start_probe(start), "too early");
        assert!(circuit.start_probe(second(1)));
        assert!(!circuit.start_probe(second(9)), "one is under way");
        assert_eq!(circuit.deadline(), None);

        circuit.probed(Err(error("third")), second(2));
        assert_eq!(circuit.failure(), Some(&error("third")));
        assert!(circuit.start_probe(second(3)));
        circuit.probed(Ok(()), second(4));
        assert_eq!((circuit.failure(), circuit.deadline()), (None, None));
    }
}
