//! Timers: `setTimeout` and `setInterval`, in Node's order.

mod heap;
pub(super) mod lists;
mod slab;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use self::lists::{Callback, Due, Key};
use super::clock::Millis;
use super::state::{self, LoopId, LoopState};
use crate::context;

/// The longest delay, as in Node: 24.8 days.
const MAX_MS: u128 = (1 << 31) - 1;

/// Whole milliseconds, clamped as Node does it (rule S1).
fn milliseconds(delay: Duration) -> u32 {
    match delay.as_millis() {
        ms @ 1..=MAX_MS => u32::try_from(ms).expect("the longest delay fits"),
        _ => 1,
    }
}

/// A timer that [`set_timeout`] or [`set_interval`] has made. Dropping the handle cancels nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timeout {
    owner: LoopId,
    key: Key,
    /// It means something on its own thread only.
    thread: PhantomData<*const ()>,
}

impl Timeout {
    /// A handle of nothing, for a thread that ends.
    const NONE: Self = Self { owner: LoopId::MAX, key: Key::NONE, thread: PhantomData };

    /// Whether the callback is going to be called, for the first time or once more.
    ///
    /// Inside its own callback a timeout is not active any more; an interval is, until it is cleared.
    pub fn is_active(self) -> bool {
        state::find(self.owner).is_some_and(|state| state.timers.borrow().is_active(self.key))
    }

    /// Whether [`run`](crate::run) waits for it: Node's `hasRef`. That is so unless
    /// [`keep_alive(false)`](Self::keep_alive) was called. `false` if it is not active.
    pub fn keeps_alive(self) -> bool {
        state::find(self.owner).is_some_and(|state| state.timers.borrow().timer_keeps_alive(self.key))
    }

    /// Says whether the loop has to stay alive for it: Node's `ref` and `unref`. Returns the same handle.
    ///
    /// With `false`, [`run`](crate::run) ends when nothing else is left, though the timer is pending. It fires if the loop
    /// runs for other reasons when it is due. [`EventLoop::turn`](crate::EventLoop::turn) and its like run what is due in any
    /// case. Nothing happens if the timer is not active.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{run, set_interval, set_timeout};
    ///
    /// let beats = run(|| {
    ///     let heart = set_interval(|| println!("still here"), Duration::from_millis(2)).keep_alive(false);
    ///     set_timeout(|| println!("done"), Duration::from_millis(5));
    ///     heart
    /// })?;
    /// assert!(beats.is_active());
    /// # Ok::<(), thenable::UnhandledRejection>(())
    /// ```
    #[expect(clippy::return_self_not_must_use, reason = "it is called for its effect")]
    pub fn keep_alive(self, alive: bool) -> Self {
        if let Some(state) = state::find(self.owner) {
            state.timers.borrow_mut().keep_alive(self.key, alive);
            state.notify();
        }
        self
    }

    /// Starts the timer anew, with its duration, from now: `timeout.refresh()` of Node. Returns the same handle.
    ///
    /// It moves to the end of the line of the timers with the same duration. Nothing happens if it is not active. Node
    /// would revive a timeout that has fired; here its callback has been consumed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{EventLoop, set_timeout};
    ///
    /// let clock = EventLoop::builder().virtual_clock().build();
    /// let ms = Duration::from_millis;
    /// let watchdog = clock.enter(|| set_timeout(|| println!("nobody came"), ms(10)));
    /// clock.advance(ms(8))?;
    /// watchdog.refresh();
    /// clock.advance(ms(8))?;
    /// assert!(watchdog.is_active());
    /// clock.advance(ms(2))?;
    /// assert!(!watchdog.is_active());
    /// # Ok::<(), thenable::UnhandledRejection>(())
    /// ```
    #[expect(clippy::return_self_not_must_use, reason = "it is called for its effect")]
    pub fn refresh(self) -> Self {
        // The loop does not read its clock for a timer that is over, as Node does not: that would move its next deadline.
        if let Some(state) = state::find(self.owner).filter(|_| self.is_active()) {
            let now = state.clock.update();
            state.timers.borrow_mut().refresh(self.key, now);
        }
        self
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("is_active", &self.is_active()).finish_non_exhaustive()
    }
}

fn start(callback: Callback, delay: Duration) -> Timeout {
    // While the thread ends the callback is dropped, here and now.
    let Some(state) = state::try_current() else { return Timeout::NONE };
    let now = state.clock.update();
    let key = state.timers.borrow_mut().add(callback, milliseconds(delay), now);
    state.notify();
    Timeout { owner: state.id, key, thread: PhantomData }
}

/// Runs `callback` once, when `delay` has passed: `setTimeout` of JavaScript.
///
/// The delay is counted in whole milliseconds of the loop's clock, from now; fractions are dropped. Less than 1 ms, or more
/// than 2³¹ − 1 ms (24.8 days), becomes 1 ms, as in Node (rule S1). The callback runs as a macrotask, not before its time as
/// the clock tells it in whole milliseconds, and later if the loop is busy: ticks and microtasks run between any two (rules N2,
/// S6). A timer that is made while timers run waits for a later pass, even with no delay (rule S2).
///
/// Timers with the same delay fire in the order of their making. For different delays that end at the same time, the order is
/// that of Node's lists (rule S3).
///
/// The timer belongs to the loop that is entered now, and keeps it alive, unless [`keep_alive`](Timeout::keep_alive) says
/// otherwise. Dropping the handle does not cancel it: [`clear_timeout`] does.
///
/// ```
/// use std::{cell::RefCell, rc::Rc, time::Duration};
/// use thenable::{run, set_timeout};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let (one, two, zero) = (log.clone(), log.clone(), log.clone());
/// run(move || {
///     set_timeout(move || two.borrow_mut().push("2 ms"), Duration::from_millis(2));
///     set_timeout(move || one.borrow_mut().push("1 ms"), Duration::from_millis(1));
///     set_timeout(move || zero.borrow_mut().push("0 ms, which is 1 ms"), Duration::ZERO);
/// })?;
/// assert_eq!(*log.borrow(), ["1 ms", "0 ms, which is 1 ms", "2 ms"]);
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// # Panics
///
/// Never itself. A panic in `callback` unwinds out of [`run`](crate::run), [`block_on`](crate::block_on) or
/// [`EventLoop::turn`](crate::EventLoop::turn), as an exception in Node ends the process. What is left stays, and goes on in
/// the next call.
pub fn set_timeout(callback: impl FnOnce() + 'static, delay: Duration) -> Timeout {
    start(Callback::Once(context::boxed(callback)), delay)
}

/// Runs `callback` again and again, each time when `period` has passed: `setInterval` of JavaScript.
///
/// The period is counted and clamped as the delay of [`set_timeout`]. The next start is the moment before the callback is
/// called, so the time that the callback takes is part of the period; a late call moves all later ones (rule S4). The
/// interval runs until it is cleared with [`clear_interval`], from its own callback or elsewhere.
///
/// ```
/// use std::{cell::Cell, rc::Rc, time::Duration};
/// use thenable::{clear_interval, run, set_interval};
///
/// let count = Rc::new(Cell::new(0));
/// let (counting, own) = (count.clone(), Rc::new(Cell::new(None)));
/// run(move || {
///     let handle = own.clone();
///     own.set(Some(set_interval(
///         move || {
///             counting.set(counting.get() + 1);
///             if counting.get() == 3 {
///                 clear_interval(handle.get());
///             }
///         },
///         Duration::from_millis(1),
///     )));
/// })?;
/// assert_eq!(count.get(), 3);
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// # Panics
///
/// As [`set_timeout`]. After a panic the interval goes on, as in Node.
pub fn set_interval(callback: impl FnMut() + 'static, period: Duration) -> Timeout {
    start(Callback::Repeat(context::boxed_mut(callback)), period)
}

/// Stops a timeout or an interval, and drops its callback, at once: `clearTimeout` of JavaScript.
///
/// Takes a handle or an `Option` of one. Nothing happens if it has fired, or was cleared (rule S5). A callback that is running
/// is dropped when it has returned.
///
/// ```
/// use std::time::Duration;
/// use thenable::{clear_timeout, run, set_timeout};
///
/// run(|| {
///     let never = set_timeout(|| unreachable!("it is cleared"), Duration::from_secs(3600));
///     clear_timeout(never);
///     clear_timeout(Some(never));
///     assert!(!never.is_active());
/// })?;
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
pub fn clear_timeout(timeout: impl Into<Option<Timeout>>) {
    let state = timeout.into().and_then(|timeout| Some((state::find(timeout.owner)?, timeout.key)));
    if let Some((state, key)) = state {
        // Dropping it runs user code, so the borrow has to end first.
        let cleared = state.timers.borrow_mut().clear(key);
        drop(cleared);
        state.notify();
    }
}

/// Stops an interval or a timeout: `clearInterval` of JavaScript. It does the same as [`clear_timeout`].
pub fn clear_interval(interval: impl Into<Option<Timeout>>) {
    clear_timeout(interval);
}

impl LoopState {
    /// Runs the next timer that is due. Returns `false` when the phase is over: `uv__run_timers` of libuv.
    pub(super) fn run_timer(&self) -> bool {
        while self.timers.borrow().is_due(self.clock.read()) {
            if !self.timers.borrow().is_passing() {
                let now = self.clock.update();
                self.timers.borrow_mut().begin_pass(now);
            }
            let due = self.timers.borrow_mut().next_due(self.clock.read());
            if let Some(due) = due {
                self.call(due);
                return true;
            }
        }
        false
    }

    fn call(&self, Due { key, callback }: Due) {
        let mut call = Call { state: self, key, callback: None, start: self.clock.read() };
        match callback {
            Callback::Once(callback) => callback(),
            Callback::Repeat(callback) => {
                call.start = self.clock.update();
                if let Callback::Repeat(callback) = call.callback.insert(Callback::Repeat(callback)) {
                    callback();
                }
            }
        }
    }
}

/// A timer is being called. When that is over, also by a panic, the lists have to hear of it.
struct Call<'a> {
    state: &'a LoopState,
    key: Key,
    callback: Option<Callback>,
    start: Millis,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let read = self.state.clock.read();
        let left = self.state.timers.borrow_mut().finish(self.key, self.callback.take(), self.start, read);
        // Dropping it runs user code, so the borrow had to end first.
        drop(left);
    }
}
