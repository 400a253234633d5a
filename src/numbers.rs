//! Tables whose keys are numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table under numbers of which most are near to each other: those that we give out one after the other, durations.
///
/// Neighbours stand next to each other, so what is looked up in the order in which it came in is found in the cache.
pub(crate) type NumberMap<N, V> = HashMap<N, V, BuildHasherDefault<NumberHasher>>;

/// The hash of a number. Those of one block of 256 follow each other, and the blocks lie anywhere.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the key is one number")
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // 2^64 by the golden ratio: what differs in any bit of the block differs in high ones after it, which are folded down.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let block = (number >> 8).wrapping_mul(SPREAD);
        let block = block ^ block >> 32;
        // The table takes the place from the low bits, and tells what collides apart by the seven highest.
        self.0 = block.wrapping_add(number & 0xff) ^ number << 57;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::NumberHasher;

    /// In how many places of a table that is half full `count` numbers begin to look.
    fn places(count: u64, number: impl Fn(u64) -> u64) -> usize {
        let table = (2 * count).next_power_of_two();
        let hasher = BuildHasherDefault::<NumberHasher>::default();
        (0..count).map(|index| hasher.hash_one(number(index)) % table).collect::<HashSet<_>>().len()
    }

    #[test]
    fn numbers_are_spread_over_the_table() {
        for shift in 0..=32 {
            let places = places(1 << 12, |index| index << shift);
            assert!(places > 1 << 11, "multiples of 2^{shift} share {places} places");
        }
        for factor in [3, 7, 10, 60, 100, 1000, 60_000, 86_400_000] {
            let places = places(1 << 12, |index| index * factor);
            assert!(places > 1 << 11, "multiples of {factor} share {places} places");
        }
    }
}
