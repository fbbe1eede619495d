//! Counts of measurements by size, for metrics.

/// Counts of observations, in whole units; the bounds never change, so that
/// there are as many series as there were at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    /// The number of observations up to each bound and above the one before.
    counts: [u64; N],
    /// The number of all observations, also above the last bound.
    total: u64,
    sum: u64,
}

impl<const N: usize> Histogram<N> {
    /// Creates an empty histogram. The bounds are inclusive and ascending.
    pub fn new(bounds: &'static [u64; N]) -> Histogram<N> {
        Histogram { bounds, counts: [0; N], total: 0, sum: 0 }
    }

    /// Counts an observation.
    pub fn observe(&mut self, number: u64) {
        if let Some(at) = self.bounds.iter().position(|bound| number <= *bound) {
            self.counts[at] += 1;
        }
        self.total += 1;
        self.sum = self.sum.saturating_add(number);
    }

    /// Returns each bound with the number of observations up to it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.bounds.iter().zip(&self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((*bound, *below))
        })
    }

    /// Returns the number of observations.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The sum of all values.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_counts_all_that_it_is_not_below() {
        let mut histogram = Histogram::new(&[1, 10, 100]);
        for number in [0, 1, 2, 10, 11, 1000] {
            histogram.observe(number);
        }
        let counts: Vec<_> = histogram.cumulative().collect();
        assert_eq!(counts, [(1, 2), (10, 4), (100, 5)]);
        assert_eq!((histogram.total(), histogram.sum()), (6, 1024));
    }
}
