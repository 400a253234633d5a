//! A delay that can be aborted.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::abort::aborted::Aborted;
use crate::abort::core::{Listen, Registration};
use crate::abort::cut::rejection;
use crate::abort::signal::AbortSignal;
use crate::cell::handle::Promise;
use crate::event_loop::timers::{Timeout, clear_timeout, set_timeout};
use crate::outcome::Outcome;
use crate::resolve::{Producer, attempt};

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
