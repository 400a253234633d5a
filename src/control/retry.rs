//! Trying again: `Retry`.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

use crate::abort::aborted::Aborted;
use crate::abort::signal::AbortSignal;
use crate::abort::spawn::spawn_until;
use crate::cell::handle::Promise;
use crate::event_loop::handle::now;
use crate::resolve::resolution::{IntoResolution, Resolution};

/// How to try again what has failed: how often, after which delays, after which errors, until which signal.
///
/// The delays are any iterator of [`Duration`]s. There is one attempt more than delays, so `after([])` tries once. The crate
/// [`backon`](https://docs.rs/backon) makes such iterators: exponential, with a cap, with jitter, from a seed.
///
/// ```
/// use std::{cell::Cell, time::Duration};
/// use backon::{BackoffBuilder, ExponentialBuilder};
/// use thenable::{EventLoop, GaveUp, Retry, now};
///
/// let clock = EventLoop::builder().virtual_clock().auto_advance(true).build();
///
/// // 100, 200, 400 and 500 ms; `with_jitter` adds up to as much again.
/// let ms = Duration::from_millis;
/// let delays = ExponentialBuilder::new().with_min_delay(ms(100)).with_max_delay(ms(500)).with_max_times(4);
/// let fetched = clock.enter(|| {
///     Retry::after(delays.build())
///         .when(|code: &u16| *code >= 500)
///         .run(|attempt| if attempt < 3 { Err(503) } else { Ok("the page") })
/// });
/// assert_eq!(clock.block_on(fetched).unwrap(), "the page");
/// assert_eq!(clock.now(), ms(300));
///
/// let refused = clock.enter(|| Retry::after(delays.build()).when(|code| *code >= 500).run(|_| Err::<(), _>(404)));
/// let error = clock.block_on(refused).unwrap_err();
/// assert_eq!((error.last(), error.attempts.len()), (Some(&404), 1));
/// assert_eq!(error.cause, GaveUp::Refused);
/// ```
///
/// [`Duration`]: std::time::Duration
#[must_use = "nothing is tried before `run`"]
pub struct Retry<E, D> {
    delays: D,
    predicate: Box<dyn FnMut(&E) -> bool>,
    signal: AbortSignal,
}

impl<E: Debug + 'static, D: Iterator<Item = Duration> + 'static> Retry<E, D> {
    /// Waits so long after the first failure, the second one, and so on; there is an attempt more than there are delays.
    pub fn after(delays: impl IntoIterator<IntoIter = D, Item = Duration>) -> Self {
        let never = AbortSignal::any::<[AbortSignal; 0]>([]);
        Self { delays: delays.into_iter(), predicate: Box::new(|_| true), signal: never }
    }

    /// Gives up after an error for which `predicate` is false. Several predicates must all be true.
    pub fn when(mut self, mut predicate: impl FnMut(&E) -> bool + 'static) -> Self {
        let mut before = self.predicate;
        self.predicate = Box::new(move |error| before(error) && predicate(error));
        self
    }

    /// Gives up when `signal` is aborted, also in the middle of an attempt. What the attempt has begun goes on, unless it has
    /// taken the signal, too.
    pub fn abortable(mut self, signal: &AbortSignal) -> Self {
        self.signal = signal.clone();
        self
    }

    /// Calls `work` with the number of the attempt, from 1, until its promise is fulfilled, or until the policy says that this
    /// is enough.
    ///
    /// - **Settles** fulfilled with the value of the first attempt that succeeds; or rejected with a [`RetryError`], which has
    ///   the error of each attempt. At an abort it is rejected before [`abort`](crate::AbortController::abort) returns.
    /// - **Ticks:** the first attempt begins within the call, each other one in the job after its timer. The rest is as in an
    ///   async function.
    /// - **A delay** is counted from the failure, and clamped as that of [`set_timeout`](crate::set_timeout).
    /// - **Faults:** a panic is not tried again. It is a [`Fault`](crate::Fault) of the result, be it in the work, its promise,
    ///   the predicate or the delays.
    /// - **Cost:** that of a spawned future; for each attempt beside its own, a place in the history and a delay.
    #[track_caller]
    pub fn run<R, F>(self, mut work: F) -> Promise<R::Value, RetryError<E>>
    where
        R: IntoResolution<E>,
        F: FnMut(usize) -> R + 'static,
    {
        let Self { mut delays, mut predicate, signal } = self;
        let history = Rc::new(RefCell::new(Vec::new()));
        let attempts = history.clone();
        let give_up = move |cause| RetryError { attempts: attempts.take(), cause };
        let on_abort = {
            let give_up = give_up.clone();
            move |aborted| Some(Ok(Resolution::Reject(give_up(GaveUp::Aborted(aborted)))))
        };
        let pause = signal.clone();
        let future = async move {
            let mut attempt = 1;
            loop {
                let began = now();
                let error = match Promise::resolve_with(work(attempt)).await {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                let is_worth_it = predicate(&error);
                history.borrow_mut().push(Attempt { error, began, ended: now() });
                if !is_worth_it {
                    return Err(give_up(GaveUp::Refused));
                }
                let Some(delay) = delays.next() else { return Err(give_up(GaveUp::Exhausted)) };
                // At an abort this future is dropped, and the timer is cleared.
                if let Err(aborted) = pause.delay::<Aborted>(delay).await {
                    return Err(give_up(GaveUp::Aborted(aborted)));
                }
                attempt += 1;
            }
        };
        spawn_until(&signal, future, on_abort, Location::caller())
    }
}

impl<E, D: Debug> Debug for Retry<E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("delays", &self.delays).field("signal", &self.signal).finish_non_exhaustive()
    }
}

/// Why [`Retry::run`] was rejected: no attempt has succeeded.
///
/// It has no [`source`](std::error::Error::source); the [last](Self::last) error is the one that decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct RetryError<E> {
    /// The attempts that have failed, in their order.
    pub attempts: Vec<Attempt<E>>,
    /// Why there was no other one.
    pub cause: GaveUp,
}

/// An attempt that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<E> {
    /// The reason.
    pub error: E,
    /// When it began, by the clock of [`now`](crate::now).
    pub began: Duration,
    /// When it failed, by the clock of [`now`](crate::now).
    pub ended: Duration,
}

/// Why there is no other attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// There is no further delay.
    Exhausted,
    /// The predicate was false for the last error.
    Refused,
    /// The signal was aborted.
    Aborted(Aborted),
}

impl<E> RetryError<E> {
    /// The error of the last attempt. `None` if the signal was aborted before one had failed.
    pub fn last(&self) -> Option<&E> {
        self.attempts.last().map(|attempt| &attempt.error)
    }

    /// Takes the error of the last attempt out.
    pub fn into_last(mut self) -> Option<E> {
        self.attempts.pop().map(|attempt| attempt.error)
    }
}

impl<E: Debug> fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.attempts.len();
        match &self.cause {
            GaveUp::Exhausted => write!(f, "gave up after {count} attempts")?,
            GaveUp::Refused => write!(f, "not worth another attempt after {count}")?,
            GaveUp::Aborted(aborted) => write!(f, "{aborted}, after {count} attempts")?,
        }
        self.last().map_or(Ok(()), |error| write!(f, "; the last error was {error:?}"))
    }
}
