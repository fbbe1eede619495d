//! Chance that can be repeated: all of it follows from a seed.

use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn of(seed: u64) -> Random {
        // Neighbouring seeds must not begin alike, and zero would stay zero.
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("a number below the limit")
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'t, T: ?Sized>(&mut self, table: &[&'t T]) -> &'t T {
        table[self.below(table.len())]
    }
}

/// The seed that the environment asks for (`POSTGREY_SEED`), or a new one.
pub fn seed() -> u64 {
    let asked = std::env::var("POSTGREY_SEED").ok().map(|seed| seed.parse().expect("a number"));
    asked.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        u64::from(now.subsec_nanos()) ^ (now.as_secs() << 20)
    })
}

/// Returns the number of random cases (`POSTGREY_RANDOM_CASES`).
pub fn cases(usual: usize) -> usize {
    let asked = std::env::var("POSTGREY_RANDOM_CASES").ok();
    asked.map_or(usual, |cases| cases.parse().expect("a number"))
}
