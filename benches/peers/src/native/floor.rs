//! What no library can do without: for each step one allocation of 64 bytes, one push and one pop of a queue, one indirect
//! call, and one free.

use std::collections::VecDeque;
use std::hint::black_box;

use thenable_workloads::{Sample, timed};

use super::Entry;

pub(super) fn programs() -> Vec<Entry> {
    vec![Entry::new("F1", hot), Entry::new("F2", cold)]
}

trait Step {
    fn run(&self) -> u64;
}

struct One([u64; 8]);

impl Step for One {
    fn run(&self) -> u64 {
        self.0[0]
    }
}

fn step() -> Box<dyn Step> {
    black_box(Box::new(One(black_box([1; 8]))))
}

/// F1: a step runs before the next is made, so that all of it stays in the cache.
fn hot(steps: u64) -> Sample {
    timed(|| {
        let mut queue = VecDeque::new();
        let mut sum = 0;
        for _ in 0..steps {
            queue.push_back(step());
            sum += queue.pop_front().expect("it was just pushed").run();
        }
        sum
    })
}

/// F2: all steps are made before the first runs, so that each comes from memory.
fn cold(steps: u64) -> Sample {
    timed(|| {
        let mut queue = VecDeque::new();
        (0..steps).for_each(|_| queue.push_back(step()));
        let mut sum = 0;
        while let Some(step) = queue.pop_front() {
            sum += step.run();
        }
        sum
    })
}
