//! The simulation's dice: xoshiro256++ seeded through splitmix64.
//!
//! Written out here, so that a seed means the same run whatever crates and platforms are in use.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A small deterministic random number generator; not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator whose whole sequence follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let mut mix = seed;
        Self {
            state: std::array::from_fn(|_| splitmix(&mut mix)),
        }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `limit`.
    ///
    /// # Panics
    /// If `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        assert!(limit > 0, "a number below 0 was asked for");
        let wide = u128::from(self.bits()) * limit as u128;
        (wide >> 64) as usize
    }

    /// True in `hits` of `of` cases.
    pub fn chance(&mut self, hits: usize, of: usize) -> bool {
        self.below(of) < hits
    }

    /// A duration of the range, both ends included; nanosecond steps.
    pub fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let width = range.end().saturating_sub(*range.start()).as_nanos() as u64;
        let extra = (u128::from(self.bits()) * (u128::from(width) + 1)) >> 64;
        *range.start() + Duration::from_nanos(extra as u64)
    }

    /// A length from 1 to `whole`: often `whole`, often a few bytes, sometimes anything between.
    ///
    /// # Panics
    /// If `whole` is 0.
    pub fn prefix(&mut self, whole: usize) -> usize {
        let limit = match self.below(4) {
            0 | 1 => return whole,
            2 => whole.min(9),
            _ => whole,
        };
        1 + self.below(limit)
    }

    /// Puts the items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_same_seed_same_sequence() {
        let (mut a, mut b, mut c) = (Random::new(7), Random::new(7), Random::new(8));
        let first: Vec<u64> = (0..10).map(|_| a.bits()).collect();
        assert_eq!(first, (0..10).map(|_| b.bits()).collect::<Vec<_>>());
        assert_ne!(first, (0..10).map(|_| c.bits()).collect::<Vec<_>>());
    }

    #[test]
    fn random_ranges_stay_within_limits() {
        let mut dice = Random::new(1);
        let range = Duration::from_micros(3)..=Duration::from_micros(5);
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[dice.below(6)] = true;
            assert!((1..=40).contains(&dice.prefix(40)));
            assert!(range.contains(&dice.duration(&range)));
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(dice.prefix(1), 1);
        let fixed = Duration::from_secs(1)..=Duration::from_secs(1);
        assert_eq!(dice.duration(&fixed), Duration::from_secs(1));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        Random::new(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
