//! Why a loop that is idle can never go on.

use std::collections::HashSet;
use std::ptr;
use std::rc::Rc;

use super::state::LoopState;
use crate::error::Stalled;
use crate::rejections::{self, Tracked};

/// What `block_on` waits for in vain.
pub(super) fn stalled(state: &LoopState) -> Stalled {
    let awaited = rejections::awaited();
    let doomed = awaited.iter().filter_map(|promise| promise.tracked().abandoned_by());
    let mut abandoned = Vec::new();
    for origin in doomed.chain(rejections::recently_abandoned()) {
        if !abandoned.contains(&origin) {
            abandoned.push(origin);
        }
    }
    Stalled {
        awaited: awaited.iter().map(|promise| promise.tracked().origin()).collect(),
        abandoned,
        cycle: awaited.iter().any(follows_itself),
        timers: state.timers_that_wait_for_the_clock(),
    }
}

/// Whether the promise is among those that settle because of it.
fn follows_itself(promise: &Rc<dyn Tracked>) -> bool {
    let promise = &promise.stands_for().unwrap_or_else(|| promise.clone());
    let mut seen = HashSet::new();
    let mut open = promise.tracked().dependents();
    while let Some(dependent) = open.pop() {
        if Rc::ptr_eq(&dependent, promise) {
            return true;
        }
        if seen.insert(ptr::from_ref(&*dependent).addr()) {
            open.extend(dependent.tracked().dependents());
        }
    }
    false
}
