//! Timers and immediates as promises: `timers/promises` of Node.

use std::fmt::Debug;
use std::panic::Location;
use std::time::Duration;

use super::immediates::set_immediate;
use super::timers::set_timeout;
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::Producer;

/// A promise that is fulfilled when `duration` has passed: `setTimeout` of Node's `timers/promises`.
///
/// The duration counts from now, as that of [`set_timeout`](crate::set_timeout). A handler runs one tick after the timer.
/// Dropping the promise does not stop the timer, nor does dropping a future that awaits it: the loop waits for it all the same.
/// Where something may be aborted, [`AbortSignal::delay`](crate::AbortSignal::delay) and [`Scope::delay`](crate::Scope::delay)
/// clear it. The type of the reasons is free, so that it chains with any promise.
///
/// ```
/// use std::time::Duration;
/// use thenable::{Promise, delay, run};
///
/// run(|| {
///     Promise::<_, String>::resolve("tea")
///         .then(|tea| delay(Duration::from_millis(3)).map(move |()| tea))
///         .map(|tea| println!("the {tea} has drawn"));
/// })?;
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
#[track_caller]
pub fn delay<E: Debug + 'static>(duration: Duration) -> Promise<(), E> {
    delay_with(duration, ())
}

/// A promise that is fulfilled with `value` when `duration` has passed. See [`delay`].
///
/// ```
/// use std::time::Duration;
/// use thenable::{block_on, delay_with};
///
/// assert_eq!(block_on(delay_with::<_, String>(Duration::from_millis(2), "late")), Ok("late"));
/// ```
#[track_caller]
pub fn delay_with<T: 'static, E: Debug + 'static>(duration: Duration, value: T) -> Promise<T, E> {
    let (promise, producer) = Producer::of_outcome(Location::caller());
    set_timeout(move || producer.settle(Outcome::Fulfilled(value)), duration);
    promise
}

/// A promise that is fulfilled by an immediate: `setImmediate` of Node's `timers/promises`.
///
/// Awaiting it lets the loop look at what has arrived from outside, and run other callbacks, before the task goes on. A
/// handler runs one tick after the immediate.
///
/// ```
/// use thenable::{block_on, immediate, set_timeout};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let fired = Rc::new(Cell::new(false));
/// let timer = fired.clone();
/// set_timeout(move || timer.set(true), Duration::from_millis(1));
/// block_on(async {
///     while !fired.get() {
///         // A piece of a long computation.
///         immediate::<()>().await.expect("it is never rejected");
///     }
/// });
/// ```
#[track_caller]
pub fn immediate<E: Debug + 'static>() -> Promise<(), E> {
    let (promise, producer) = Producer::of_outcome(Location::caller());
    set_immediate(move || producer.settle(Outcome::Fulfilled(())));
    promise
}
