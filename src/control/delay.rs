//! Delays that can be aborted.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::alarm::Alarm;
use crate::abort::aborted::Aborted;
use crate::abort::core::{Listen, Registration};
use crate::abort::cut::rejection;
use crate::abort::signal::AbortSignal;
use crate::cell::handle::Promise;
use crate::event_loop::timers::{Timeout, clear_timeout, set_timeout};
use crate::outcome::Outcome;
use crate::resolve::{Producer, attempt};
use crate::scope::Scope;

impl AbortSignal {
    /// A [`delay`](crate::delay) that the abort ends: its timer is cleared then, and the promise rejected with
    /// `E::from(aborted)`. `setTimeout(ms, undefined, { signal })` of Node's `timers/promises`.
    ///
    /// It is rejected before [`abort`](crate::AbortController::abort) returns. If the signal is aborted already, it is rejected
    /// at once, and there is no timer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{AbortController, Aborted, block_on, queue_microtask};
    ///
    /// let controller = AbortController::new();
    /// let nap = controller.signal().delay::<Aborted>(Duration::from_secs(3600));
    /// queue_microtask(move || controller.abort_with("breakfast"));
    /// assert_eq!(block_on(nap).unwrap_err().to_string(), "aborted: breakfast");
    /// ```
    #[track_caller]
    pub fn delay<E: From<Aborted> + Debug + 'static>(&self, duration: Duration) -> Promise<(), E> {
        let (promise, producer) = Producer::new(Location::caller());
        if let Some(aborted) = self.reason() {
            producer.complete(attempt(|| Ok(rejection(aborted))));
            return promise;
        }
        let delay = Rc::new(Delay {
            producer: RefCell::new(Some(producer)),
            registration: Cell::new(None),
            timer: Cell::new(None),
        });
        let due = delay.clone();
        delay.timer.set(Some(set_timeout(move || due.end(), duration)));
        delay.registration.set(self.listen(delay.clone()));
        promise
    }
}

impl<E: Debug + 'static> Scope<E> {
    /// A [`delay`](crate::delay) that belongs to the scope: the scope does not end before it, and its timer is cleared when the
    /// scope is aborted. Then the promise stays pending, as that of a [spawned](Self::spawn) future.
    ///
    /// It takes the ticks of a spawned future that awaits a `delay`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{EventLoop, Promise, Scope};
    ///
    /// let clock = EventLoop::builder().virtual_clock().auto_advance(true).build();
    /// let work = clock.enter(|| {
    ///     Promise::<(), _>::scope_async(async |scope: Scope<&str>| {
    ///         let patience = scope.clone();
    ///         scope.spawn(async move {
    ///             patience.delay(Duration::from_secs(3600)).await?;
    ///             Err::<(), _>("too late")
    ///         });
    ///         scope.delay(Duration::from_secs(1)).await?;
    ///         Err("broken")
    ///     })
    /// });
    /// assert_eq!(clock.block_on(work).unwrap_err().errors, ["broken"]);
    /// assert_eq!((clock.now(), clock.pending().timers), (Duration::from_secs(1), 0));
    /// ```
    #[track_caller]
    pub fn delay(&self, duration: Duration) -> Promise<(), E> {
        let (due, producer) = Producer::new(Location::caller());
        let alarm = Alarm::new(move || producer.settle(Outcome::Fulfilled(())), duration, true);
        self.spawn(async move {
            let _alarm = alarm;
            due.await
        })
    }
}

struct Delay<E> {
    /// Until it is over.
    producer: RefCell<Option<Producer<(), E>>>,
    registration: Cell<Option<Registration>>,
    timer: Cell<Option<Timeout>>,
}

impl<E: Debug + 'static> Delay<E> {
    fn end(&self) {
        drop(self.registration.take());
        if let Some(producer) = self.producer.take() {
            producer.settle(Outcome::Fulfilled(()));
        }
    }
}

impl<E: From<Aborted> + Debug + 'static> Listen for Delay<E> {
    fn aborted(self: Rc<Self>, aborted: &Aborted) {
        clear_timeout(self.timer.get());
        if let Some(producer) = self.producer.take() {
            producer.complete(attempt(|| Ok(rejection(aborted.clone()))));
        }
    }
}
