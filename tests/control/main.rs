//! Aborting, time limits, retries, scopes, resources, progress.
#[path = "../common/mod.rs"]
mod common;

mod abort;
mod abortable;
mod any_signal;
mod progress;
mod retry;
mod scope;
mod scope_aborts;
mod spawn;
mod time_limits;
mod using;
mod when;

use std::fmt::Debug;
use std::mem;
use std::panic::panic_any;

use common::log;
use thenable::{Aborted, BlockOnError, Promise, Stalled, block_on, queue_microtask, try_block_on};

/// Reasons that an abort can be.
#[derive(Clone, Debug, PartialEq)]
enum Failure {
    No(i32),
    Aborted(Aborted),
}

impl From<Aborted> for Failure {
    fn from(aborted: Aborted) -> Self {
        Self::Aborted(aborted)
    }
}

type P<T = i32> = Promise<T, Failure>;

/// Pending until somebody settles it.
fn pending() -> (P, thenable::Resolve<i32, Failure>, thenable::Reject<i32, Failure>) {
    P::with_resolvers()
}

/// The message of the fault that `promise` settles with.
#[track_caller]
fn fault<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) -> String {
    match block_on(promise.catch_unwind()) {
        Ok(Err(fault)) => fault.message().to_string(),
        other => panic!("expected a fault, not {other:?}"),
    }
}

/// The reason of the abort that has rejected `promise`.
#[track_caller]
fn aborted<T: Debug + 'static>(promise: P<T>) -> String {
    match block_on(promise) {
        Err(Failure::Aborted(aborted)) => aborted.to_string(),
        other => panic!("expected an abort, not {other:?}"),
    }
}

/// The error of a promise that can never settle.
#[track_caller]
fn stalled<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) -> Stalled {
    match try_block_on(promise) {
        Err(BlockOnError::Stalled(stalled)) => stalled,
        other => panic!("expected a stalled loop, not {other:?}"),
    }
}

fn faulted<T: 'static, E: Debug + 'static>(message: &'static str) -> Promise<T, E> {
    Promise::new(move |_, _| panic_any(message))
}

/// Never goes on, though somebody could wake it.
async fn forever() {
    let promise = P::<()>::new(|resolve, reject| mem::forget((resolve, reject)));
    promise.await.expect("it never settles");
}

/// Calls `callback` after so many ticks.
fn tick(ticks: u32, callback: impl FnOnce() + 'static) {
    match ticks {
        0 => callback(),
        _ => queue_microtask(move || tick(ticks - 1, callback)),
    }
}

/// Logs that it is dropped.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        log(format_args!("drop {}", self.0));
    }
}
