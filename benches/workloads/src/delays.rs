//! The delays of W7 and W7c: 1 to 1000 ms, the same in every program.

use std::time::Duration;

/// Gives a delay for each timer, without an end.
#[derive(Clone, Debug)]
pub struct Delays(u32);

impl Delays {
    /// From the first delay on.
    #[expect(clippy::new_without_default, reason = "a generator with a seed, not an empty thing")]
    pub const fn new() -> Self {
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
