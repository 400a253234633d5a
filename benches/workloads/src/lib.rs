//! The workloads of the benchmarks, as programs of `thenable`.
//!
//! Each takes a size, does the work once, and gives a [`Sample`]: how long it took, and a checksum that proves that it was
//! done. The values and the reasons are `u64`. What `docs/performance.md` says about a workload, these programs do; the
//! programs of the other libraries in `benches/peers` do the same.

mod adoption;
mod awaiting;
pub mod callgrind;
mod chain;
mod contexts;
mod delays;
mod many;
mod memory;
mod queue;
mod requests;
mod sample;
mod threads;
mod timers;

use thenable::Promise;

pub use crate::delays::Delays;
pub use crate::memory::resident_bytes;
pub use crate::sample::{Sample, Sum, timed};

type P<T> = Promise<T, u64>;

/// A program: takes a size, and does the work once.
pub type Program = fn(u64) -> Sample;

/// The programs, by the names of their workloads.
pub const PROGRAMS: &[(&str, Program)] = &[
    ("W1", chain::settled_head),
    ("W1b", chain::pending_head),
    ("W2", chain::one_after_the_other),
    ("W3", many::handlers_of_one_promise),
    ("W4", many::all_of_pending_promises),
    ("W5", adoption::settled),
    ("W5p", adoption::pending),
    ("W6", queue::microtasks),
    ("W6s", queue::tasks),
    ("W7", timers::fired),
    ("W7c", timers::cleared),
    ("W8", memory::pending_promises),
    ("W9d", requests::uploads),
    ("W9da", requests::awaiting_uploads),
    ("W9dt", requests::timed_uploads),
    ("W9m", requests::queries),
    ("W9mt", requests::timed_queries),
    ("W10", threads::completions),
    ("W11", awaiting::settled),
    ("W12t", awaiting::chained),
    ("W12a", awaiting::awaited),
];

/// Programs that no other library has: what a context costs that follows a chain.
const CONTEXTS: &[(&str, Program)] = &[
    ("W1c", contexts::chain),
    ("W5c", contexts::adopting_chain),
    ("W11c", contexts::awaiting),
    ("W1x", contexts::chains_outside),
    ("W1xc", contexts::chains_in_contexts),
];

/// The program of the workload with this name.
pub fn program(workload: &str) -> Option<Program> {
    PROGRAMS.iter().chain(CONTEXTS).find(|(name, _)| *name == workload).map(|(_, program)| *program)
}
