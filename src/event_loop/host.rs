//! For hosts that have a microtask queue of their own: a script engine, a browser, Node.
//!
//! [`run`](crate::run) and [`block_on`](crate::block_on) run the jobs of this thread from first to last. A host whose
//! own jobs have to interleave with them, tick for tick, does it the other way round: it takes each job into its own
//! queue as it comes, which is what ECMA-262 asks of it under the name of `HostEnqueuePromiseJob` (§9.5.5).
//!
//! - [`set_job_hook`] has the host told whenever a job is queued. It answers by queueing a microtask of its own.
//! - [`run_job`] runs the oldest job. It is what that microtask calls.
//!
//! Here the host has a queue of closures, and the job of a promise runs between two of them:
//!
//! ```
//! use std::{cell::RefCell, collections::VecDeque, rc::Rc};
//! use thenable::{Promise, host};
//!
//! type Microtasks = Rc<RefCell<VecDeque<Box<dyn FnOnce()>>>>;
//!
//! let microtasks = Microtasks::default();
//! let queue = microtasks.clone();
//! host::set_job_hook(move || queue.borrow_mut().push_back(Box::new(|| { host::run_job(); })));
//!
//! let log = Rc::new(RefCell::new(Vec::new()));
//! let (first, second, third) = (log.clone(), log.clone(), log.clone());
//! microtasks.borrow_mut().push_back(Box::new(move || first.borrow_mut().push("the host's first")));
//! Promise::<_, ()>::resolve(()).map(move |()| second.borrow_mut().push("a handler"));
//! microtasks.borrow_mut().push_back(Box::new(move || third.borrow_mut().push("the host's second")));
//!
//! loop {
//!     let Some(microtask) = microtasks.borrow_mut().pop_front() else { break };
//!     microtask();
//! }
//! assert_eq!(*log.borrow(), ["the host's first", "a handler", "the host's second"]);
//! ```
//!
//! # What is left to the loop
//!
//! Jobs are all that a host takes over: the handlers of promises, the callbacks of
//! [`queue_microtask`](crate::queue_microtask), and the continuations of futures. Callbacks of
//! [`next_tick`](crate::next_tick), what other threads have sent, and the reports of unhandled rejections wait for the
//! next [`run`](crate::run). A host that uses them calls `run(|| ())` where a macrotask of its own has ended and its
//! microtasks are done. While something outside can still send to this thread, that call waits for it.

use std::rc::Rc;

use super::state::{self, LoopState, Running};
use crate::queue;

/// Calls `hook` whenever a job is queued on this thread, right after it was queued: `HostEnqueuePromiseJob` of ECMA-262
/// (§9.5.5). A hook replaces the one before.
///
/// One call stands for one job, so the host owes one [`run_job`] for each. The hook does not run the job: it is called
/// in the midst of a `resolve`, a `then` or a wake, where no handler may run. It may do anything else. If it queues a
/// job itself, it is called for that one too, within its own call.
///
/// Jobs that were queued before are not announced; run them first. [`run`](crate::run) and
/// [`block_on`](crate::block_on) may be used beside a host. The hook hears of their jobs as well, and they run what is
/// queued whoever heard of it: the `run_job`s that the host owed for these find nothing to do.
///
/// # Panics
///
/// Never itself. Within the hook, `run_job`, `run` and `block_on` panic. A panic in the hook unwinds out of the call
/// that queued the job. The job stays queued; but who waits on the same promise and was not told yet is never told. So
/// the hook must not panic.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use thenable::{Promise, host};
///
/// let jobs = Rc::new(Cell::new(0));
/// let count = jobs.clone();
/// host::set_job_hook(move || count.set(count.get() + 1));
///
/// let promise = Promise::<_, ()>::resolve(1);
/// assert_eq!(jobs.get(), 0, "no handler waits");
/// promise.map(|_| ());
/// assert_eq!(jobs.get(), 1);
/// # host::remove_job_hook();
/// ```
pub fn set_job_hook(hook: impl Fn() + 'static) {
    let replaced = queue::replace_hook(Some(Rc::new(move || {
        let _announcing = state::try_current().map(Announcing::new);
        hook();
    })));
    // Its drop is user code.
    drop(replaced);
}

/// Removes the hook of [`set_job_hook`]. What is queued stays so.
pub fn remove_job_hook() {
    drop(queue::replace_hook(None));
}

/// Runs the oldest job of this thread. Returns whether there was one.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use thenable::{host, queue_microtask};
///
/// let runs = Rc::new(Cell::new(0));
/// for _ in 0..2 {
///     let runs = runs.clone();
///     queue_microtask(move || runs.set(runs.get() + 1));
/// }
/// assert!(host::run_job());
/// assert_eq!(runs.get(), 1);
/// assert!(host::run_job());
/// assert!(!host::run_job(), "nothing is left");
/// ```
///
/// # Panics
///
/// If a job is running, or the loop of this thread, or the hook of [`set_job_hook`]: one job ends before the next
/// begins.
///
/// A handler that panics settles its promise with a [`Fault`](crate::Fault), and nothing unwinds from here. A panic in
/// a callback of [`queue_microtask`](crate::queue_microtask) does. That job is done then; what else is queued stays so.
pub fn run_job() -> bool {
    let state = state::current();
    let _running = Running::enter(&state, "run_job");
    queue::run_entry()
}

/// The hook is being called: as long as this lives, nothing else runs the jobs of the loop.
struct Announcing {
    state: Rc<LoopState>,
    was_running: bool,
}

impl Announcing {
    fn new(state: Rc<LoopState>) -> Self {
        let was_running = state.set_running(true);
        Self { state, was_running }
    }
}

impl Drop for Announcing {
    fn drop(&mut self) {
        self.state.set_running(self.was_running);
    }
}
