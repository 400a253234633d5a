//! The loop: the order of macrotasks, ticks and microtasks, as Node runs them.
//!
//! One turn is: take a message that has arrived from another thread, deliver it, and drain the tick and microtask queues.
//! Between two macrotask callbacks both queues are empty (invariant 4). Timers and immediates will be phases of the turn.

mod drain;
pub(crate) mod hooks;
pub mod host;
mod root;
mod stall;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;

use thiserror::Error;

use self::drain::drain;
use self::hooks::UnhandledRejection;
use self::root::Root;
use crate::error::Stalled;
use crate::inbox::home;

/// Runs `main`, then the event loop of this thread until nothing is left to do: `node main.js`.
///
/// Nothing is left when the queues are empty and nobody outside can send anything: no remote resolver, no blocking task and
/// no waker is in other hands. Promises that are pending then stay so, as in Node. While only others can go on, the thread
/// sleeps.
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
    let _running = Running::enter("run");
    let result = main();
    loop {
        drain(&mut || {})?;
        if !deliver_next() {
            return Ok(result);
        }
    }
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
    let _running = Running::enter("block_on");
    let future = pin!(future);
    let mut root = Root::new(future);
    root.poll();
    loop {
        drain(&mut || root.poll_if_woken())?;
        if let Some(output) = root.take_output() {
            return Ok(output);
        }
        if !deliver_next() {
            return Err(stall::stalled().into());
        }
    }
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

/// Delivers the next message, after sleeping until there is one if need be. Returns `false` if none can come.
fn deliver_next() -> bool {
    loop {
        if let Some(message) = home::next_message() {
            message.deliver();
            return true;
        }
        if !home::is_expecting() {
            return false;
        }
        home::park();
    }
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// The loop of this thread runs as long as this lives.
struct Running;

impl Running {
    fn enter(caller: &str) -> Self {
        assert!(
            !RUNNING.replace(true),
            "`{caller}` was called while the event loop of this thread is running: from a handler or a callback, return a \
             promise or await it instead"
        );
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}
