//! What runs between two macrotasks: `InternalCallbackScope::Close` and `processTicksAndRejections` of Node.

use super::hooks::{self, UnhandledRejection};
use crate::queue;
use crate::rejections;

/// Runs the queues until both are empty and every rejection is reported (rules N1, U1 to U6).
///
/// If no tick waits, the microtasks go first. Then, in rounds: all ticks, all microtasks; when both are empty, the
/// rejections, and if that called anything, another round. `after_each` runs after every microtask.
pub(super) fn drain(after_each: &mut dyn FnMut()) -> Result<(), UnhandledRejection> {
    if !queue::has_ticks() {
        queue::run_entries(&mut *after_each);
    }
    if !queue::has_ticks() && !rejections::has_reports() {
        return Ok(());
    }
    loop {
        while let Some(callback) = queue::next_tick_callback() {
            callback();
        }
        queue::run_entries(&mut *after_each);
        if !queue::has_ticks() && !hooks::process_rejections()? {
            return Ok(());
        }
    }
}
