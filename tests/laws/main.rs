//! Laws: properties of generated programs.
//!
//! The heart is a small model of the promises of ECMA-262, written after the standard and slow on purpose. Random programs
//! run on it and on the crate, and whole traces must be equal: every callback with its tick, every report of a rejection,
//! every state. Around it stand the laws that need no model: identity and composition of `then`, settling once, queues that
//! are first in, first out, `catch` and `finally` that change nothing, `await` that means `then`, values that are neither
//! cloned in vain, nor dropped twice, nor leaked.
//!
//! Each case runs on a thread of its own: its queues and hooks are new, and what one case breaks does not spoil the next one,
//! so that shrinking works.

mod awaiting;
mod chains;
mod combinators;
mod control;
mod courses;
mod interpreter;
mod model;
mod native;
mod ownership;
mod program;
mod reference;
mod retries;
mod scopes;
mod settling;
mod sources;
mod token;

use std::panic;
use std::thread;

use proptest::prelude::ProptestConfig;

/// How many cases a law is tried with. Nothing is written to disk: a case that failed becomes a test of its own.
///
/// `PROPTEST_CASES`, where it is set, says how many times 256 cases make the unit instead.
fn cases(count: u32) -> ProptestConfig {
    let scale = ProptestConfig::default().cases.div_ceil(256);
    ProptestConfig { failure_persistence: None, cases: count * scale, ..ProptestConfig::default() }
}

/// Runs `case` on a thread of its own. A panic in it goes on here, and is counted as a failed case.
fn on_a_new_thread<R: Send>(case: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(case).join()).unwrap_or_else(|payload| panic::resume_unwind(payload))
}
