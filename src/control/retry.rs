//! Trying again: `Retry`.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

use super::timeout::{Limit, limited};
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
///         .run(|attempt| if attempt.number < 3 { Err(503) } else { Ok("the page") })
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
/// With a time limit for each attempt and one for all, and a line for each failure:
///
/// ```
/// use std::{iter, time::Duration};
/// use thenable::{AbortSignal, Aborted, EventLoop, Promise, Retry};
///
/// let clock = EventLoop::builder().virtual_clock().auto_advance(true).build();
/// let ms = Duration::from_millis;
/// let fetch = move |mirror: usize, signal: &AbortSignal| signal.delay::<Aborted>(ms(200 / mirror as u64));
///
/// let fetched = clock.enter(|| {
///     Retry::after(iter::repeat(ms(10)))
///         .timeout(ms(80))
///         .abortable(&AbortSignal::timeout(ms(5000)))
///         .on_failure(|failed, next| println!("attempt {}: {}; next in {next:?}", failed.number, failed.error))
///         .run(move |attempt| fetch(attempt.number, &attempt.signal).map(move |()| attempt.number))
/// });
/// assert_eq!(clock.block_on(fetched).unwrap(), 3);
/// assert_eq!(clock.now(), ms(80 + 10 + 80 + 10 + 66));
/// ```
///
/// [`Duration`]: std::time::Duration
#[must_use = "nothing is tried before `run`"]
pub struct Retry<E, D> {
    delays: D,
    predicate: Box<dyn FnMut(&E) -> bool>,
    on_failure: OnFailure<E>,
    limit: Option<TimeLimit<E>>,
    signal: AbortSignal,
}

type OnFailure<E> = Box<dyn FnMut(&FailedAttempt<E>, Option<Duration>)>;

/// How long an attempt may take, and what it is rejected with then.
struct TimeLimit<E> {
    duration: Duration,
    reject: fn(Aborted) -> E,
}

impl<E: Debug + 'static, D: Iterator<Item = Duration> + 'static> Retry<E, D> {
    /// Waits so long after the first failure, the second one, and so on; there is an attempt more than there are delays.
    pub fn after(delays: impl IntoIterator<IntoIter = D, Item = Duration>) -> Self {
        Self {
            delays: delays.into_iter(),
            predicate: Box::new(|_| true),
            on_failure: Box::new(|_, _| {}),
            limit: None,
            signal: AbortSignal::any::<[AbortSignal; 0]>([]),
        }
    }

    /// Gives up after an error for which `predicate` is false. Several predicates must all be true.
    pub fn when(mut self, mut predicate: impl FnMut(&E) -> bool + 'static) -> Self {
        let mut before = self.predicate;
        self.predicate = Box::new(move |error| before(error) && predicate(error));
        self
    }

    /// Limits the time of each attempt, as [`with_timeout`](Promise::with_timeout) does: when `each` has passed, the
    /// [signal of the attempt](Attempt::signal) is aborted, for the reason [`TimedOut`](crate::TimedOut), and the attempt has
    /// failed with `E::from(aborted)`, whatever the work makes of it. That is a failure as any other: the predicate sees it, and
    /// another attempt may follow.
    ///
    /// The delays between the attempts are not part of it. A limit for the whole is [`abortable`](Self::abortable) with
    /// [`AbortSignal::timeout`], or [`Promise::timeout`] of the result.
    pub fn timeout(mut self, each: Duration) -> Self
    where
        E: From<Aborted>,
    {
        self.limit = Some(TimeLimit { duration: each, reject: E::from });
        self
    }

    /// Gives up when `signal` is aborted, also in the middle of an attempt, whose [signal](Attempt::signal) is aborted with it.
    /// What the attempt has begun without that signal goes on.
    pub fn abortable(mut self, signal: &AbortSignal) -> Self {
        self.signal = signal.clone();
        self
    }

    /// Has `listener` called with each attempt that has failed, and the delay until the next one, or `None` if it was the last.
    ///
    /// It is called once that is known, that is after the predicate. Several listeners are called in their order. An attempt
    /// that the abort of the whole has ended has not failed.
    pub fn on_failure(mut self, mut listener: impl FnMut(&FailedAttempt<E>, Option<Duration>) + 'static) -> Self {
        let mut before = self.on_failure;
        self.on_failure = Box::new(move |failed, next| {
            before(failed, next);
            listener(failed, next);
        });
        self
    }

    /// Calls `work` for one [`Attempt`] after the other, until its promise is fulfilled, or until the policy says that this is
    /// enough.
    ///
    /// - **Settles** fulfilled with the value of the first attempt that succeeds; or rejected with a [`RetryError`], which has
    ///   the error of each attempt. At an abort it is rejected before [`abort`](crate::AbortController::abort) returns.
    /// - **Ticks:** the first attempt begins within the call, each other one in the job after its timer. The rest is as in an
    ///   async function. An attempt with a time limit takes a tick more.
    /// - **A delay** is counted from the failure, and clamped as that of [`set_timeout`](crate::set_timeout).
    /// - **Faults:** a panic is not tried again. It is a [`Fault`](crate::Fault) of the result, be it in the work, its promise,
    ///   the predicate, a listener or the delays.
    /// - **Values** ([`AsyncLocal`](crate::AsyncLocal)): all of these are called with those of this call.
    /// - **An attempt that can never settle** ends with its time limit. Without one, the result is abandoned with it.
    /// - **Cost:** that of a spawned future; for each attempt beside its own, a place in the history and a delay.
    #[track_caller]
    pub fn run<R, F>(self, mut work: F) -> Promise<R::Value, RetryError<E>>
    where
        R: IntoResolution<E>,
        F: FnMut(Attempt) -> R + 'static,
    {
        let made_at = Location::caller();
        let history = Rc::new(RefCell::new(Vec::new()));
        let attempts = history.clone();
        let on_abort = move |aborted| {
            let error = RetryError { attempts: attempts.take(), cause: GaveUp::Aborted(aborted) };
            Some(Ok(Resolution::Reject(error)))
        };
        let signal = self.signal.clone();
        let tries = async move {
            let mut policy = self;
            loop {
                let (number, began) = (history.borrow().len() + 1, now());
                // At an abort this future is dropped, and every timer of it is cleared.
                let (promise, _limit) = policy.attempt(number, &mut work, made_at);
                let error = match promise.await {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                let failed = FailedAttempt { number, error, began, ended: now() };
                let next = policy.judge(&failed);
                history.borrow_mut().push(failed);
                let paused = match next {
                    Ok(delay) => policy.signal.delay::<Aborted>(delay).await.map_err(GaveUp::Aborted),
                    Err(cause) => Err(cause),
                };
                if let Err(cause) = paused {
                    return Err(RetryError { attempts: history.take(), cause });
                }
            }
        };
        spawn_until(&signal, tries, on_abort, made_at)
    }

    /// The promise of an attempt, and what ends its time limit.
    fn attempt<R: IntoResolution<E>>(
        &self,
        number: usize,
        work: &mut impl FnMut(Attempt) -> R,
        made_at: &'static Location<'static>,
    ) -> Begun<R::Value, E> {
        let Some(TimeLimit { duration, reject }) = self.limit else {
            return (Promise::resolve_with(work(Attempt { number, signal: self.signal.clone() })), None);
        };
        let work = |time_limit| work(Attempt { number, signal: AbortSignal::any([&self.signal, &time_limit]) });
        let (promise, limit) = limited(duration, reject, work, made_at);
        (promise, Some(Limited(limit)))
    }

    /// How long to wait for the next attempt, or why there is none.
    fn judge(&mut self, failed: &FailedAttempt<E>) -> Result<Duration, GaveUp> {
        let is_worth_it = (self.predicate)(&failed.error);
        let next = if is_worth_it { self.delays.next().ok_or(GaveUp::Exhausted) } else { Err(GaveUp::Refused) };
        (self.on_failure)(failed, next.as_ref().ok().copied());
        next
    }
}

/// The promise of an attempt, and its time limit.
type Begun<T, E> = (Promise<T, E>, Option<Limited<T, E>>);

/// As long as somebody waits for an attempt.
struct Limited<T: 'static, E: Debug + 'static>(Limit<T, E>);

impl<T: 'static, E: Debug + 'static> Drop for Limited<T, E> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// An attempt that begins: what [`Retry::run`] calls the work with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Which one it is, from 1.
    pub number: usize,
    /// Is aborted when the [time](Retry::timeout) of the attempt is up, and with the [signal](Retry::abortable) of the whole. The
    /// work passes it to what it begins, so that nothing of an attempt goes on beside the next one.
    pub signal: AbortSignal,
}

impl<E, D: Debug> Debug for Retry<E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeout = self.limit.as_ref().map(|limit| limit.duration);
        let mut retry = f.debug_struct("Retry");
        retry.field("delays", &self.delays).field("timeout", &timeout).field("signal", &self.signal);
        retry.finish_non_exhaustive()
    }
}

/// Why [`Retry::run`] was rejected: no attempt has succeeded.
///
/// It has no [`source`](std::error::Error::source); the [last](Self::last) error is the one that decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct RetryError<E> {
    /// The attempts that have failed, in their order.
    pub attempts: Vec<FailedAttempt<E>>,
    /// Why there was no other one.
    pub cause: GaveUp,
}

/// An attempt that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt<E> {
    /// Which one it was, from 1.
    pub number: usize,
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
