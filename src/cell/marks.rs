//! What is noted of a promise beside its state, in one word: flags, and when the task that awaits it was queued.

use std::cell::Cell;

use crate::inbox::waker::Run;

/// A handler or an `await` has seen the promise, or will: `[[PromiseIsHandled]]`.
pub(super) const HANDLED: u32 = 1;
/// The rejection was reported as unhandled.
pub(super) const REPORTED: u32 = 1 << 1;
/// The promise was asked for its id, so the table has an entry.
pub(super) const HAS_ID: u32 = 1 << 2;
/// The one handle was polled while the promise was pending. When it settled, the task was queued.
pub(super) const AWAITED: u32 = 1 << 3;
/// The one handle was polled when the promise had settled, and its task was queued then.
const QUEUED: u32 = 1 << 4;
/// The promise follows another one, and is hooked up to it.
pub(super) const FOLLOWS: u32 = 1 << 5;
/// A handle was cloned.
pub(super) const SHARED: u32 = 1 << 6;

/// The bits above the flags are a number of a run, its highest bits left out: how many runs there had been when the task was queued.
const NUMBER_SHIFT: u32 = 7;
const NUMBER_MASK: u32 = u32::MAX >> NUMBER_SHIFT;

#[derive(Default)]
pub(super) struct Marks(Cell<u32>);

impl Marks {
    /// Whether any of these flags is set.
    pub(super) fn has(&self, flags: u32) -> bool {
        self.0.get() & flags != 0
    }

    pub(super) fn set(&self, flags: u32) {
        self.0.set(self.0.get() | flags);
    }

    /// The task is queued, after so many runs of tasks, since it was told to come back.
    pub(super) fn note_queued(&self, runs: u64) {
        self.set(QUEUED);
        self.set_number(runs);
    }

    /// Notes after how many runs of tasks the task is queued.
    #[expect(clippy::cast_possible_truncation, reason = "the highest bits are left out")]
    pub(super) fn set_number(&self, runs: u64) {
        let flags = self.0.get() & !(NUMBER_MASK << NUMBER_SHIFT);
        self.0.set(flags | (runs as u32) << NUMBER_SHIFT);
    }

    /// Whether a poll in this run of its task is the one for which the task was queued.
    ///
    /// That is the first run after the task was queued. In the run that the promise settled in, an `await` begins anew; so it
    /// does when the task has run meanwhile and not asked. A run that is not known is one of a foreign executor.
    #[expect(clippy::cast_possible_truncation, reason = "the highest bits are left out on both sides")]
    pub(super) fn continues(&self, run: Option<Run>) -> bool {
        let queued = self.has(QUEUED);
        if !queued && !self.has(AWAITED) {
            return false;
        }
        let Some(run) = run else { return true };
        let age = (run.number as u32).wrapping_sub(self.0.get() >> NUMBER_SHIFT) & NUMBER_MASK;
        let is_later = age != 0 && age <= NUMBER_MASK / 2;
        // Who was told to come back is let through however late it comes: a task that asks only in some of its runs gets on.
        is_later && (queued || u64::from(age) <= run.number - run.previous)
    }

    /// Takes out what an `await` has noted, to be put in elsewhere with `set`.
    pub(super) fn take_await(&self) -> u32 {
        let noted = NUMBER_MASK << NUMBER_SHIFT | AWAITED | QUEUED;
        let all = self.0.get();
        self.0.set(all & !noted);
        all & noted
    }
}

#[cfg(test)]
mod tests {
    use super::{Marks, Run};

    fn continues(marks: &Marks, run: u64) -> bool {
        marks.continues(Some(Run { number: run, previous: run - 1 }))
    }

    #[test]
    fn a_task_goes_on_in_the_runs_after_it_was_queued() {
        let marks = Marks::default();
        assert!(!continues(&marks, 7), "it was not queued");
        marks.note_queued(7);
        assert!(!continues(&marks, 7), "in this run it was told to come back");
        assert!(!continues(&marks, 6), "a run is told from one that is yet to come");
        assert!(continues(&marks, 8));
        assert!(marks.continues(None), "a foreign executor polls when it likes");
    }

    #[test]
    fn the_numbers_of_runs_may_begin_anew() {
        let marks = Marks::default();
        marks.note_queued(u64::from(u32::MAX));
        assert!(!continues(&marks, u64::from(u32::MAX)));
        assert!(continues(&marks, u64::from(u32::MAX) + 1));
    }
}
