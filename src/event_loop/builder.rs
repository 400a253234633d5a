//! How a loop is made: with which clock, and which schedule.

use super::clock::Clock;
use super::handle::EventLoop;
use super::state;

/// Makes an [`EventLoop`].
///
/// ```
/// use thenable::EventLoop;
///
/// let quick = EventLoop::builder().virtual_clock().auto_advance(true).build();
/// # let _ = quick;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it makes a loop when `build` is called"]
pub struct EventLoopBuilder {
    virtual_clock: bool,
    auto_advance: bool,
    seed: Option<u64>,
}

impl EventLoopBuilder {
    /// The loop goes by the clock of the system. That is so unless something else is said.
    pub fn system_clock(self) -> Self {
        Self { virtual_clock: false, ..self }
    }

    /// The loop goes by a clock that begins at 0 and stands still until it is moved:
    /// [`advance`](EventLoop::advance), [`elapse`](EventLoop::elapse), [`auto_advance`](Self::auto_advance).
    pub fn virtual_clock(self) -> Self {
        Self { virtual_clock: true, ..self }
    }

    /// Whether the virtual clock jumps to the next deadline whenever the loop would sleep, so that a run takes no longer than
    /// its callbacks. Has no meaning for the clock of the system.
    ///
    /// While a remote resolver is out, be it one of [`Promise::remote`](crate::Promise::remote) or of the pool's work, or a
    /// [call](crate::Worker::call) to a worker waits for its answer, the time stands still and the loop waits for it: what
    /// another thread does takes no virtual time. So a resolver that is called by a timer of the loop itself is waited for in
    /// vain. A waker in other hands does not stop the time, for it may belong to something that waits for a timer; nor does a
    /// worker that lives, for it may have nothing to do, nor a signal.
    pub fn auto_advance(self, auto_advance: bool) -> Self {
        Self { auto_advance, ..self }
    }

    /// Has the choices that the rules of order leave open made at random, from `seed`, in order to find code that counts on
    /// one of them.
    ///
    /// Open is what comes from other threads: in which order the messages of different threads are delivered that have arrived
    /// when the loop polls, and how many of them this poll notices already. Never open is what a rule fixes: the order of
    /// jobs, ticks, immediates and timers, and that of the messages of one thread. The same seed makes the same choices if the
    /// same has arrived. If the loop is dropped by a panic, as when a test fails, the seed is written to the standard error.
    ///
    /// Without a seed messages are delivered in the order of their arrival, all that a poll finds.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The loop.
    pub fn build(self) -> EventLoop {
        let clock = if self.virtual_clock { Clock::virtual_clock(self.auto_advance) } else { Clock::system() };
        EventLoop { state: state::create(clock, self.seed), owned: true }
    }
}
