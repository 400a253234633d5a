//! What a turn may do, what it did, and what is left.

use std::time::Duration;

/// How much a [turn](crate::EventLoop::turn) may do before it stops.
///
/// A budget is looked at before each callback: a message from outside, an immediate or a timer. What a callback queues,
/// ticks and microtasks, is always run to its end, and costs nothing but time.
///
/// ```
/// use std::time::Duration;
/// use thenable::Budget;
///
/// let budget = Budget::unlimited().callbacks(100).time(Duration::from_millis(4));
/// # let _ = budget;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    callbacks: Option<usize>,
    time: Option<Duration>,
}

impl Budget {
    /// Everything that is ready.
    pub const fn unlimited() -> Self {
        Self { callbacks: None, time: None }
    }

    /// At most `count` callbacks. With 0, only what is queued runs: ticks, microtasks, tasks.
    pub const fn callbacks(self, count: usize) -> Self {
        Self { callbacks: Some(count), ..self }
    }

    /// No callback is begun when the turn has taken `limit` or longer, by the loop's clock. The first one is begun in any
    /// case, so that turn by turn the loop gets on.
    pub const fn time(self, limit: Duration) -> Self {
        Self { time: Some(limit), ..self }
    }
}

/// What a [turn](crate::EventLoop::turn) has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turn {
    /// How many macrotask callbacks it called: messages from outside, immediates and timers. Ticks and microtasks do not
    /// count.
    pub callbacks: usize,
    /// Whether there is more that could run at once. If not, the loop waits for the time of
    /// [`next_deadline`](crate::EventLoop::next_deadline), for others, or for nothing.
    pub more: bool,
}

/// What is pending in a loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// Timeouts and intervals.
    pub timers: usize,
    /// Immediates.
    pub immediates: usize,
    /// What is on the microtask queue: jobs of promises, microtasks, and tasks that have been woken.
    pub jobs: usize,
    /// What is on the next-tick queue.
    pub ticks: usize,
    /// Messages of other threads that have arrived and are not delivered.
    pub messages: usize,
    /// What other threads are to settle: remote resolvers that are not used, those of the work on the pool included, and
    /// [calls](crate::Worker::call) that are not answered.
    pub remotes: usize,
    /// Tasks that wait, and whose waker is in the hands of something that is not a promise of the loop.
    pub tasks: usize,
    /// Ends of [workers](crate::Worker) on which messages may come: those of the workers of this loop that live, and a
    /// worker's own [port](crate::Port).
    pub ports: usize,
    /// Signals that are waited for.
    pub signals: usize,
}

/// What a turn has spent of its budget.
pub(super) struct Spent<F> {
    budget: Budget,
    callbacks: usize,
    now: F,
    start: Duration,
}

impl<F: Fn() -> Duration> Spent<F> {
    pub(super) fn new(budget: Budget, now: F) -> Self {
        Self { start: now(), budget, callbacks: 0, now }
    }

    pub(super) fn callback(&mut self) {
        self.callbacks += 1;
    }

    pub(super) fn callbacks(&self) -> usize {
        self.callbacks
    }

    pub(super) fn is_exhausted(&self) -> bool {
        let too_many = self.budget.callbacks.is_some_and(|limit| self.callbacks >= limit);
        too_many
            || self.callbacks > 0
                && self.budget.time.is_some_and(|limit| (self.now)().saturating_sub(self.start) >= limit)
    }
}
