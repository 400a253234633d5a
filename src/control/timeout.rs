//! Time limits: of a promise, of work that takes a signal, of whatever takes a signal.

use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::alarm::Alarm;
use crate::abort::aborted::{Aborted, TimedOut};
use crate::abort::core::{Core, Listen, Registration, Source, Upstream};
use crate::abort::cut::{Cut, rejection};
use crate::abort::signal::AbortSignal;
use crate::cell::handle::Promise;
use crate::event_loop::handle::now;
use crate::resolve::attempt;
use crate::resolve::resolution::{IntoResolution, Resolution};

impl<T: 'static, E: From<Aborted> + Debug + 'static> Promise<T, E> {
    /// This promise, unless it takes longer than `duration`: then the result is rejected with `E::from` of an [`Aborted`] whose
    /// reason is [`TimedOut`].
    ///
    /// What settles this promise is not stopped by it. Work that takes a signal is given to
    /// [`with_timeout`](Self::with_timeout), which aborts it.
    ///
    /// - **Settles** as this promise does, a tick later, like a [`then`](Self::then) without a handler. If the time is up
    ///   before that tick, it is rejected in the timer, so that a handler runs one tick later.
    /// - **The duration** is counted from now, in whole milliseconds, and is 1 ms at least. Its timer keeps the loop alive, and
    ///   is cleared when this promise has settled.
    /// - **The loser:** when the time is up, this promise keeps nothing of the result, and counts as handled.
    /// - **Faults** pass. **An abandoned promise** times out.
    /// - **Cost:** three allocations.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{Aborted, block_on, delay_with};
    ///
    /// let ms = Duration::from_millis;
    /// assert_eq!(block_on(delay_with::<_, Aborted>(ms(1), "tea").timeout(ms(50))), Ok("tea"));
    ///
    /// let slow = delay_with::<_, Aborted>(ms(50), "tea").timeout(ms(1));
    /// assert!(block_on(slow).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn timeout(self, duration: Duration) -> Self {
        let (result, cut) = Cut::new(self, Location::caller());
        let in_time = cut.clone();
        cut.keep(Alarm::new(move || in_time.cut_off(|| Ok(rejection(Aborted::new(TimedOut)))), duration, true));
        result
    }

    /// This promise, unless it has not settled at this time by the clock of [`now`](crate::now): a
    /// [`timeout`](Self::timeout) of what is left until then. A deadline that has passed rejects the result at once, also if
    /// this promise has settled.
    ///
    /// One deadline serves several steps; so does one [`AbortSignal::deadline`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{Aborted, Promise, block_on, delay, now};
    ///
    /// let ms = Duration::from_millis;
    /// let deadline = now() + ms(20);
    /// let step = move |name: &'static str, takes| delay::<Aborted>(takes).map(move |()| name).deadline(deadline);
    /// let steps = step("boil", ms(1)).then(move |_| step("draw", ms(200)));
    /// assert!(block_on(steps).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn deadline(self, at: Duration) -> Self {
        match left_until(at) {
            Some(left) => self.timeout(left),
            None => self.abortable(&AbortSignal::abort_with(TimedOut)),
        }
    }

    /// Calls `work` with a signal that is aborted when it has taken longer than `duration`: `withTimeout` of Kotlin, for work
    /// that can be aborted.
    ///
    /// The time begins before the call. When it is up, the signal is aborted, for the reason [`TimedOut`]; then the result is
    /// rejected, whatever the work makes of it. Otherwise it is the promise of the work with a [`timeout`](Self::timeout). When
    /// that has settled, the signal will never be aborted. A panic of `work` is a [`Fault`](crate::Fault) of the result.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{Aborted, Promise, block_on};
    ///
    /// let ms = Duration::from_millis;
    /// // The timer of the delay is cleared after 1 ms: nothing waits for an hour.
    /// let rest = Promise::<_, Aborted>::with_timeout(ms(1), |signal| signal.delay(Duration::from_secs(3600)));
    /// assert!(block_on(rest).unwrap_err().is_timeout());
    /// ```
    #[doc(alias = "withTimeout")]
    #[track_caller]
    pub fn with_timeout<R>(duration: Duration, work: impl FnOnce(AbortSignal) -> R) -> Self
    where
        R: IntoResolution<E, Value = T>,
    {
        limited(duration, E::from, work, Location::caller()).0
    }

    /// [`with_timeout`](Self::with_timeout) until this time by the clock of [`now`](crate::now). If that has passed, `work` is
    /// not called.
    #[track_caller]
    pub fn with_deadline<R>(at: Duration, work: impl FnOnce(AbortSignal) -> R) -> Self
    where
        R: IntoResolution<E, Value = T>,
    {
        match left_until(at) {
            Some(left) => Self::with_timeout(left, work),
            None => Self::from_completion(attempt(|| Ok(rejection(Aborted::new(TimedOut)))), Location::caller()),
        }
    }
}

impl AbortSignal {
    /// A signal that is aborted when `duration` has passed, for the reason [`TimedOut`]: `AbortSignal.timeout(ms)`.
    ///
    /// It is a time limit that several things can share. Its timer does not keep the loop alive, as in Node; it is cleared when
    /// nobody looks at the signal or waits for it any more. A [`Promise::timeout`] does keep the loop alive.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{AbortController, AbortSignal, Aborted, block_on, delay};
    ///
    /// let ms = Duration::from_millis;
    /// let cancel = AbortController::new();
    /// let signal = AbortSignal::any([AbortSignal::timeout(ms(1)), cancel.signal()]);
    /// let aborted = block_on(delay::<Aborted>(ms(50)).abortable(&signal)).unwrap_err();
    /// assert!(aborted.is_timeout());
    /// ```
    pub fn timeout(duration: Duration) -> Self {
        let (core, alarm) = timed(duration, false);
        core.set_upstream(Upstream::Guard(Box::new(alarm)));
        Self::new(core)
    }

    /// A signal that is aborted at this time by the clock of [`now`](crate::now), for the reason [`TimedOut`]. If that has
    /// passed, it is aborted already. See [`timeout`](Self::timeout).
    pub fn deadline(at: Duration) -> Self {
        left_until(at).map_or_else(|| Self::abort_with(TimedOut), Self::timeout)
    }
}

/// What `work` makes, unless it takes longer than `duration`: then the signal that it gets is aborted, and the result rejected
/// with what `reject` makes of that. And the limit, which may be given up.
pub(super) fn limited<T, E, R>(
    duration: Duration,
    reject: fn(Aborted) -> E,
    work: impl FnOnce(AbortSignal) -> R,
    made_at: &'static Location<'static>,
) -> (Promise<T, E>, Limit<T, E>)
where
    T: 'static,
    E: Debug + 'static,
    R: IntoResolution<E, Value = T>,
{
    let (core, alarm) = timed(duration, true);
    let signal = AbortSignal::new(core);
    let work = attempt(|| Ok(work(signal.clone()).into_resolution()));
    let (result, cut) = Cut::new(Promise::from_completion(work, made_at), made_at);
    match signal.reason() {
        // The work has run the loop.
        Some(aborted) => cut.cut_off(|| Ok(Resolution::Reject(reject(aborted)))),
        None => cut.keep((signal.listen(Rc::new(Late { cut: cut.clone(), reject })), alarm)),
    }
    (result, Limit(cut))
}

/// The time limit of a promise.
pub(super) struct Limit<T, E>(Rc<Cut<T, E, Guards>>);

type Guards = (Option<Registration>, Alarm);

impl<T: 'static, E: Debug + 'static> Limit<T, E> {
    /// Nobody waits for the promise any more: the timer is cleared.
    pub(super) fn give_up(&self) {
        self.0.give_up();
    }
}

/// Cuts the result off when the time is up.
struct Late<T, E> {
    cut: Rc<Cut<T, E, Guards>>,
    reject: fn(Aborted) -> E,
}

impl<T: 'static, E: Debug + 'static> Listen for Late<T, E> {
    fn aborted(self: Rc<Self>, aborted: &Aborted) {
        self.cut.cut_off(|| Ok(Resolution::Reject((self.reject)(aborted.clone()))));
    }
}

/// A signal that an alarm aborts.
fn timed(duration: Duration, keep_alive: bool) -> (Rc<Core>, Alarm) {
    let core = Core::new();
    let source = Source::new(&core);
    let alarm = Alarm::new(move || source.abort(&Aborted::new(TimedOut)), duration, keep_alive);
    (core, alarm)
}

/// How long a timer takes until `at`, so that it is not too early. `None` if it would be too late.
fn left_until(at: Duration) -> Option<Duration> {
    let now = now();
    let whole = |time: Duration| Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000);
    // Timers count from the millisecond that has begun, and end with one that begins.
    let end = if whole(at) < at { whole(at).saturating_add(Duration::from_millis(1)) } else { at };
    (now < at).then(|| end.saturating_sub(whole(now)))
}
