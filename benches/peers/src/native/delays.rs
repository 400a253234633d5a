//! The delays of W7 and W7c: 1 to 1000 ms, the same in every program.

use std::time::Duration;

pub(crate) struct Delays(u32);

impl Delays {
    pub(crate) fn new() -> Self {
        Self(1)
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(Duration::from_millis(u64::from(1 + (self.0 >> 16) % 1000)))
    }
}
