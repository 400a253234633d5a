//! The loop: the order of macrotasks, ticks and microtasks, as Node runs them.
//!
//! A turn polls what has arrived from other threads, then runs the immediates, then the timers; before the first poll there
//! is one pass over the timers. After every callback the tick and microtask queues are drained, so between two macrotask
//! callbacks both are empty (invariant 4).

pub(crate) mod builder;
mod clock;
mod closing;
pub(crate) mod delay;
mod drain;
mod drive;
mod guest;
pub(crate) mod handle;
pub(crate) mod hooks;
pub mod host;
pub(crate) mod immediates;
mod phases;
mod root;
mod schedule;
pub(crate) mod spawner;
mod stall;
mod state;
pub(crate) mod timers;
pub(crate) mod turn;

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use thiserror::Error;

use self::drive::RunToTheEnd;
use self::hooks::UnhandledRejection;
use self::root::Root;
use self::state::{LoopState, Running};
use crate::context::{self, Context};
use crate::error::Stalled;

/// Runs `main`, then the event loop of this thread until nothing is left to do: `node main.js`.
///
/// Nothing is left when the queues are empty, no timer and no immediate is pending, and nobody outside is expected to send
/// anything: no remote resolver, no blocking task and no waker is in other hands, and no [worker](crate::Worker) lives. What
/// `keep_alive(false)` was called on does not count: [timers](crate::Timeout::keep_alive), immediates,
/// [workers](crate::Worker::keep_alive). Promises that are pending then stay so, as in Node. While only time or others can go
/// on, the thread sleeps.
///
/// It runs the [`EventLoop`](crate::EventLoop) that is entered, or else the one that every thread has.
///
/// # Errors
///
/// If a promise was rejected or faulted and nobody handled it before the queues were empty, and no hook is
/// [installed](crate::on_unhandled_rejection): the loop stops there, as Node does. What was left stays queued for the next run.
///
/// # Panics
///
/// If the loop of this thread is running already: from inside a handler or a callback. A panic in `main`, in a microtask or
/// in a tick unwinds from here.
///
/// ```
/// use thenable::{Promise, run};
///
/// let answer = run(|| {
///     Promise::<_, ()>::resolve(()).then(|()| println!("second"));
///     println!("first");
///     42
/// })?;
/// assert_eq!(answer, 42);
///
/// let error = run(|| { Promise::<(), _>::reject("nobody listens"); }).unwrap_err();
/// assert_eq!(error.downcast::<&str>().unwrap(), "nobody listens");
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
pub fn run<R>(main: impl FnOnce() -> R) -> Result<R, UnhandledRejection> {
    state::current().run(main)
}

/// Runs the event loop of this thread until `future` is ready: [`try_block_on`], with panics for errors.
///
/// # Panics
///
/// If nothing can wake the future any more, with the [`Stalled`] error's message; if a rejection of any promise of the
/// thread is unhandled and no hook is installed, with that of [`UnhandledRejection`], even if the future became ready in
/// the same drain; if the loop is running already. If the future panics or awaits a promise that faulted, the panic goes
/// on from here.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    match try_block_on(future) {
        Ok(output) => output,
        Err(error) => panic!("{error}"),
    }
}

/// Runs the event loop of this thread until `future` is ready.
///
/// The future is polled at once; then its continuations run as jobs of the microtask queue, in order with all others. The
/// drain in which it becomes ready is run to its end, so no microtask is left; further macrotasks are. The future
/// need not be `'static`.
///
/// The thread sleeps as long as anybody outside could wake the future, also one that does not keep [`run`] going: a signal, or
/// a worker with `keep_alive(false)`.
///
/// ```
/// use thenable::{BlockOnError, Promise, try_block_on};
///
/// let forgotten = Promise::<(), ()>::new(|_resolve, _reject| {});
/// let origin = forgotten.origin();
/// let Err(BlockOnError::Stalled(stalled)) = try_block_on(forgotten) else { panic!("nothing can settle it") };
/// assert_eq!(stalled.awaited, [origin]);
/// assert_eq!(stalled.abandoned, [origin]);
/// ```
///
/// # Errors
///
/// [`BlockOnError::Stalled`] if the future waits, and nothing in this loop or outside can wake it any more.
/// [`BlockOnError::UnhandledRejection`] as for [`run`]: any promise of the thread whose rejection or fault nobody handled
/// fails the call, though the future does not depend on it. That is so in the drain in which the future becomes ready,
/// too; its output is lost then.
///
/// ```
/// # use thenable::{BlockOnError, Promise, try_block_on};
/// let result = try_block_on(async {
///     Promise::<(), _>::reject("lost");
///     "ready"
/// });
/// assert!(matches!(result, Err(BlockOnError::UnhandledRejection(_))));
/// ```
///
/// # Panics
///
/// If the loop of this thread is running already: inside a handler, return a promise instead, or await.
pub fn try_block_on<F: Future>(future: F) -> Result<F::Output, BlockOnError> {
    state::current().try_block_on(future)
}

/// Why `block_on` gave up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlockOnError {
    /// Nothing can wake the future any more.
    #[error(transparent)]
    Stalled(#[from] Stalled),
    /// A rejection that nobody handled, and no hook was installed.
    #[error(transparent)]
    UnhandledRejection(#[from] UnhandledRejection),
}

/// What is the same for a loop that was made and for that of the thread. The loop has to be entered.
impl LoopState {
    #[track_caller]
    fn run<R>(self: &Rc<Self>, main: impl FnOnce() -> R) -> Result<R, UnhandledRejection> {
        let context = Context::current();
        let _running = Running::enter(self, "run");
        let result = context::restore(context.as_ref(), main);
        drive::run(self, &mut RunToTheEnd)?;
        Ok(result)
    }

    #[track_caller]
    fn try_block_on<F: Future>(self: &Rc<Self>, future: F) -> Result<F::Output, BlockOnError> {
        let context = Context::current();
        let _running = Running::enter(self, "block_on");
        let future = pin!(future);
        let mut root = Root::new(future, context);
        root.poll();
        drive::run(self, &mut root)?;
        root.take_output().ok_or_else(|| stall::stalled(self).into())
    }
}
