//! A loop as an object: made, entered, run, turned, advanced.

use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::BlockOnError;
use super::builder::EventLoopBuilder;
use super::drive;
use super::hooks::UnhandledRejection;
use super::state::{self, Entered, LoopState, Running};
use super::turn::{Budget, Pending, Turn};
use crate::inbox;
use crate::inbox::home::{self, Outside};
use crate::queue;
use crate::rejections;

/// An event loop of this thread, besides the one that every thread has.
///
/// It has queues, timers, immediates, hooks, an inbox and a clock of its own. Everything that means "the loop of this
/// thread" means this one while it is *entered*: in [`enter`](Self::enter), and while it runs. That is so for
/// [`run`](crate::run) and [`block_on`](crate::block_on), for [`queue_microtask`](crate::queue_microtask),
/// [`set_timeout`](crate::set_timeout) and their like, for the hooks, for [`Promise::remote`](crate::Promise::remote),
/// and for the jobs of promises: **what a promise queues when it settles is queued in the loop that is entered then**,
/// wherever the promise was made. So promises should be settled in the loop that they are used in; a program that has
/// one loop at a time need not think of it.
///
/// Loops may be nested: inside a callback of one loop another may be entered, run or turned. A loop that is running
/// cannot be run once more.
///
/// Dropping it drops all that is pending in it: jobs, ticks, timers, immediates, tasks. The loop is entered meanwhile,
/// so that `Drop` code that queues something finds it. After that, wakes do nothing, and a
/// [`RemoteResolver`](crate::RemoteResolver) gives its value back.
///
/// ```
/// use std::{cell::RefCell, rc::Rc, time::Duration};
/// use thenable::{EventLoop, delay};
///
/// let clock = EventLoop::builder().virtual_clock().build();
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let line = log.clone();
/// clock.enter(move || delay::<()>(Duration::from_secs(3600)).map(move |()| line.borrow_mut().push("an hour")));
///
/// clock.advance(Duration::from_secs(3599))?;
/// assert!(log.borrow().is_empty());
/// clock.advance(Duration::from_secs(1))?;
/// assert_eq!(*log.borrow(), ["an hour"]);
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// A frame loop calls [`turn`](Self::turn) once for each frame:
///
/// ```
/// use std::time::Duration;
/// use thenable::{Budget, EventLoop, immediate};
///
/// let promises = EventLoop::new();
/// let loading = promises.enter(|| immediate::<()>().map(|()| "loaded"));
/// for _frame in 0..3 {
///     promises.turn(Budget::unlimited().time(Duration::from_millis(4)))?;
///     // ... draw ...
/// }
/// assert!(loading.peek().is_some());
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
pub struct EventLoop {
    pub(super) state: Rc<LoopState>,
    /// Whether it is this object's alone. That of the thread is not.
    pub(super) owned: bool,
}

impl EventLoop {
    /// A loop that goes by the clock of the system.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A loop with a clock, or a seed.
    pub fn builder() -> EventLoopBuilder {
        EventLoopBuilder::default()
    }

    /// The loop that this thread always has, which the free functions mean if no other is entered.
    ///
    /// It goes by the clock of the system. Dropping the object does nothing to it.
    pub fn of_thread() -> Self {
        Self { state: state::default(), owned: false }
    }

    pub(super) fn entered(&self) -> Entered {
        Entered::new(&self.state).expect("no loop can be entered while the thread ends")
    }

    /// Makes this the loop that is meant, calls `f`, and then goes back to the one before; also if `f` panics.
    ///
    /// Nothing is run but `f`. What it queues waits for a run or a turn.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = self.entered();
        let before = self.state.timers.borrow().deadline();
        let _announce = Announce { state: &self.state, deadline: before };
        f()
    }

    /// Runs `main`, then this loop until nothing is left to do. See [`run`](crate::run).
    ///
    /// With a virtual clock that does not [advance itself](EventLoopBuilder::auto_advance) it also returns when all
    /// that is left is timers: they stay [pending](Self::pending).
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run).
    ///
    /// # Panics
    ///
    /// As [`run`](crate::run).
    #[track_caller]
    pub fn run<R>(&self, main: impl FnOnce() -> R) -> Result<R, UnhandledRejection> {
        let _entered = self.entered();
        self.state.run(main)
    }

    /// Runs this loop until `future` is ready. See [`block_on`](crate::block_on).
    ///
    /// # Panics
    ///
    /// As [`block_on`](crate::block_on).
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.try_block_on(future) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs this loop until `future` is ready. See [`try_block_on`](crate::try_block_on).
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{BlockOnError, EventLoop, delay};
    ///
    /// let clock = EventLoop::builder().virtual_clock().build();
    /// let Err(BlockOnError::Stalled(stalled)) = clock.try_block_on(async { delay::<()>(Duration::from_secs(1)).await }) else {
    ///     panic!("nobody moves the clock")
    /// };
    /// assert_eq!(stalled.timers, 1);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_block_on`](crate::try_block_on). With a virtual clock that does not advance itself it is stalled, too,
    /// when all that is left is timers: [`Stalled::timers`](crate::Stalled::timers) says how many.
    ///
    /// # Panics
    ///
    /// As [`try_block_on`](crate::try_block_on).
    #[track_caller]
    pub fn try_block_on<F: Future>(&self, future: F) -> Result<F::Output, BlockOnError> {
        let _entered = self.entered();
        self.state.try_block_on(future)
    }

    /// Does one turn: everything that is ready now, and nothing that would have to be waited for. It never sleeps.
    ///
    /// A turn drains the queues, polls what has arrived from other threads, then runs the immediates, then the timers
    /// that are due, with a drain after each callback. The first turn, and one after which nothing was left, has a pass
    /// over the timers before the poll, as a run has. If the `budget` is used up, the turn stops between two callbacks,
    /// and the next one goes on at that very place. So turn after turn calls the same callbacks in the same order as a
    /// run.
    ///
    /// Timers and immediates with [`keep_alive(false)`](crate::Timeout::keep_alive) run, too: whoever calls turns
    /// decides how long the loop lives.
    ///
    /// ```
    /// use thenable::{Budget, EventLoop, set_immediate};
    ///
    /// let promises = EventLoop::new();
    /// promises.enter(|| (0..3).for_each(|n| { set_immediate(move || println!("{n}")); }));
    /// let turn = promises.turn(Budget::unlimited().callbacks(2))?;
    /// assert_eq!((turn.callbacks, turn.more), (2, true));
    /// let turn = promises.turn(Budget::unlimited())?;
    /// assert_eq!((turn.callbacks, turn.more), (1, false));
    /// # Ok::<(), thenable::UnhandledRejection>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run): if a rejection is unhandled, the turn stops there, and the next one goes on.
    ///
    /// # Panics
    ///
    /// If this loop is running: from a handler or a callback of it. A panic in a callback unwinds from here.
    #[track_caller]
    pub fn turn(&self, budget: Budget) -> Result<Turn, UnhandledRejection> {
        self.drive("turn", |state| drive::turn(state, budget))
    }

    /// Does turns until nothing is ready: everything that can run without waiting for time or for others.
    ///
    /// It does not end if there is always something more, as with an immediate that makes another one each time.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    ///
    /// # Panics
    ///
    /// As [`turn`](Self::turn).
    #[track_caller]
    pub fn run_until_idle(&self) -> Result<Turn, UnhandledRejection> {
        self.drive("run_until_idle", drive::run_until_idle)
    }

    #[track_caller]
    fn drive<R>(&self, caller: &str, drive: impl FnOnce(&LoopState) -> R) -> R {
        let _entered = self.entered();
        let _running = Running::enter(&self.state, caller);
        drive(&self.state)
    }

    /// When the loop has to look at its timers next, on the clock of [`now`](Self::now). `None` if there is nothing to
    /// look at.
    ///
    /// It may be earlier than the first timer is due, if one was cleared. A host that has nothing else to do may sleep
    /// until then, or until [`on_wake`](Self::on_wake) calls.
    pub fn next_deadline(&self) -> Option<Duration> {
        let timers = self.state.timers.borrow();
        if timers.is_passing() { Some(self.now()) } else { timers.deadline().map(Duration::from_millis) }
    }

    /// The time since the loop was made, by its clock.
    pub fn now(&self) -> Duration {
        self.state.clock.now()
    }

    /// Has `callback` called when there is something new to do, so that a host that sleeps elsewhere knows when to call
    /// [`turn`](Self::turn). Replaces the one before.
    ///
    /// It is called from whatever thread has sent something, once for all that arrives until the loop polls; and on
    /// this thread at the end of [`enter`](Self::enter), if that has left something to run, or a deadline other than
    /// before. It is not called for what the callbacks of a turn queue, which the turn itself reports, nor for what
    /// code of this thread queues in the [loop of the thread](Self::of_thread) without entering it. It should only pass
    /// the news on, for it may be called at any time, even inside a turn.
    ///
    /// With this, `turn` and `next_deadline`, a loop can be a guest of any other:
    ///
    /// ```
    /// use std::{future::poll_fn, rc::Rc, sync::Arc, task::Poll};
    /// use futures::task::AtomicWaker;
    /// use thenable::{Budget, EventLoop, Promise};
    ///
    /// /// A future that is the loop: it is ready when nothing is pending.
    /// async fn guest(promises: &EventLoop) {
    ///     let host = Arc::new(AtomicWaker::new());
    ///     let wake = host.clone();
    ///     promises.on_wake(move || wake.wake());
    ///     poll_fn(|context| {
    ///         host.register(context.waker());
    ///         let turn = promises.turn(Budget::unlimited()).expect("every rejection is handled");
    ///         if turn.more {
    ///             context.waker().wake_by_ref();
    ///         } // A host with timers of its own would set one for `next_deadline` here.
    ///         if promises.pending() == Default::default() { Poll::Ready(()) } else { Poll::Pending }
    ///     })
    ///     .await;
    /// }
    ///
    /// let promises = EventLoop::new();
    /// let (promise, resolver) = promises.enter(Promise::<u32, String>::remote);
    /// std::thread::spawn(move || resolver.resolve(42));
    /// futures::executor::block_on(guest(&promises));
    /// assert!(promise.peek().is_some());
    /// ```
    pub fn on_wake(&self, callback: impl Fn() + Send + Sync + 'static) {
        let _entered = self.entered();
        // What the callback before captured runs user code when it is dropped.
        drop(home::set_on_wake(Some(inbox::on_wake(callback))));
    }

    /// Moves the virtual clock by `duration`, and runs what falls due on the way.
    ///
    /// First, what is ready runs. Then the clock goes from deadline to deadline, and at each the loop runs until it is
    /// idle. So a timer sees the clock at its own time, in the order that Node has, with a drain after each callback;
    /// as if nothing had kept the loop busy. Messages of other threads that have arrived are delivered; nobody is
    /// waited for. Returns how many callbacks were called.
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run). The clock stays where it is then.
    ///
    /// # Panics
    ///
    /// If the clock is that of the system; if this loop is running: inside a callback, [`elapse`](Self::elapse) lets
    /// time pass.
    #[track_caller]
    pub fn advance(&self, duration: Duration) -> Result<Turn, UnhandledRejection> {
        self.expect_virtual("advance");
        self.drive("advance", |state| drive::advance_to(state, state.clock.after(duration)))
    }

    /// Runs what is ready, then moves the virtual clock to the next deadline, and runs what is due there. `None` if
    /// there is no deadline; the clock does not move then.
    ///
    /// If a timer was cleared the deadline may be one at which nothing is due.
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run).
    ///
    /// # Panics
    ///
    /// As [`advance`](Self::advance).
    #[track_caller]
    pub fn advance_to_next(&self) -> Result<Option<Turn>, UnhandledRejection> {
        self.expect_virtual("advance_to_next");
        self.drive("advance_to_next", |state| {
            let ready = drive::run_until_idle(state)?;
            let Some(deadline) = state.timers.borrow().deadline() else { return Ok(None) };
            let turn = drive::advance_to(state, Duration::from_millis(deadline))?;
            Ok(Some(Turn { callbacks: ready.callbacks + turn.callbacks, ..turn }))
        })
    }

    /// Lets `duration` pass on the virtual clock, and runs nothing: a callback that takes its time. See
    /// [`elapse`](crate::elapse).
    ///
    /// # Panics
    ///
    /// If the clock is that of the system.
    #[track_caller]
    pub fn elapse(&self, duration: Duration) {
        self.expect_virtual("elapse");
        self.state.clock.move_to(self.state.clock.after(duration));
    }

    #[track_caller]
    fn expect_virtual(&self, caller: &str) {
        assert!(
            self.state.clock.is_virtual(),
            "`{caller}` was called on a loop that goes by the clock of the system: make it with \
             `EventLoop::builder().virtual_clock()`"
        );
    }

    /// What is pending.
    pub fn pending(&self) -> Pending {
        let _entered = self.entered();
        let (jobs, ticks) = queue::lengths();
        let Outside { remotes, signals, ports, tasks } = home::outside();
        let (timers, immediates) = (self.state.timers.borrow().len(), self.state.immediates.borrow().len());
        Pending { timers, immediates, jobs, ticks, messages: home::arrived(), remotes, tasks, ports, signals }
    }

    /// The seed of the [schedule](EventLoopBuilder::seed), if it has one.
    pub fn seed(&self) -> Option<u64> {
        self.state.schedule.as_ref().map(|schedule| schedule.borrow().seed())
    }
}

impl Default for EventLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("EventLoop");
        fields.field("now", &self.now()).field("virtual_clock", &self.state.clock.is_virtual());
        if let Some(seed) = self.seed() {
            fields.field("seed", &seed);
        }
        fields.field("is_running", &self.state.is_running()).field("pending", &self.pending()).finish_non_exhaustive()
    }
}

/// Tells the host, when an `enter` is over, what that has left to do.
struct Announce<'a> {
    state: &'a LoopState,
    /// The deadline before.
    deadline: Option<u64>,
}

impl Drop for Announce<'_> {
    fn drop(&mut self) {
        // While it runs, what drives it sees for itself.
        if self.state.is_running() {
            return;
        }
        self.state.notify();
        if home::has_on_wake() {
            let deadline = self.state.timers.borrow().deadline();
            if deadline != self.deadline || self.state.is_ready() || rejections::has_reports() {
                home::wake_host();
            }
        }
    }
}

/// Lets `duration` pass on the virtual clock of the entered loop, and runs nothing: in a test, a callback that takes
/// its time.
///
/// ```
/// use std::{cell::Cell, rc::Rc, time::Duration};
/// use thenable::{EventLoop, elapse, now, set_timeout};
///
/// let ms = Duration::from_millis;
/// let late = Rc::new(Cell::new(Duration::ZERO));
/// let seen = late.clone();
/// EventLoop::builder().virtual_clock().auto_advance(true).build().run(move || {
///     set_timeout(move || elapse(ms(50)), ms(10));
///     set_timeout(move || seen.set(now()), ms(20));
/// })?;
/// assert_eq!(late.get(), ms(60));
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// # Panics
///
/// If the entered loop goes by the clock of the system.
#[track_caller]
pub fn elapse(duration: Duration) {
    EventLoop { state: state::current(), owned: false }.elapse(duration);
}

/// The time since the entered loop was made, by its clock: `performance.now()` of JavaScript.
pub fn now() -> Duration {
    state::current().clock.now()
}
