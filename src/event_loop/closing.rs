//! The end of a loop: all that is pending in it is dropped, while it is entered.

use super::handle::EventLoop;
use super::state::{self, Entered, LoopState};
use crate::inbox::{self, home};
use crate::queue;
use crate::rejections;

impl Drop for EventLoop {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        if let Some(seed) = self.seed().filter(|_| inbox::is_panicking()) {
            eprintln!(
                "note: the event loop's schedule had the seed {seed}; `EventLoop::builder().seed({seed})` repeats it"
            );
        }
        // While the thread ends there are no queues in which it could be emptied, and it is dropped as it is.
        if let Some(_entered) = Entered::new(&self.state) {
            self.state.empty();
            home::close();
            // What was dropped last may have queued more.
            self.state.empty();
        }
        state::forget(self.state.id);
    }
}

impl LoopState {
    /// Drops all that is pending, until nothing is. The loop is the entered one.
    fn empty(&self) {
        loop {
            let queues = queue::take();
            let reports = rejections::take();
            let kept = home::take();
            let (timers, immediates) = (self.timers.take(), self.immediates.take());
            let is_empty = queues.is_empty() && reports.is_empty() && kept.is_empty();
            if is_empty && timers.len() == 0 && immediates.len() == 0 && !self.hooks.is_installed() {
                return;
            }
            drop((queues, kept, timers, immediates));
            drop((reports, self.hooks.remove()));
        }
    }
}
