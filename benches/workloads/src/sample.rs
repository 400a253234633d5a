//! What a run gives, and what the programs of every library share.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What one run of a workload gave.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How long the workload itself took.
    pub elapsed: Duration,
    /// What the workload computed: the same in every program.
    pub checksum: u64,
    /// Bytes per promise, where the workload is about memory.
    pub bytes: Option<f64>,
}

/// Measures `workload`, which returns its checksum.
pub fn timed(workload: impl FnOnce() -> u64) -> Sample {
    let start = Instant::now();
    let checksum = workload();
    Sample { elapsed: start.elapsed(), checksum, bytes: None }
}

/// A number that handlers add to. They hold a plain reference, as a JavaScript closure does: it lives as long as the process.
#[derive(Clone, Copy, Debug)]
pub struct Sum(&'static Cell<u64>);

impl Sum {
    /// Nothing yet.
    #[expect(clippy::new_without_default, reason = "each call makes another number")]
    pub fn new() -> Self {
        Self(Box::leak(Box::new(Cell::new(0))))
    }

    /// Adds.
    pub fn add(self, value: u64) {
        self.0.set(self.0.get() + value);
    }

    /// What it has come to.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}
