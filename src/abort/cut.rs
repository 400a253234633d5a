//! A promise that follows another one, unless it is cut off before: `abortable`, and what `timeout` is made of.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use super::aborted::Aborted;
use super::core::{Listen, Registration};
use super::signal::AbortSignal;
use crate::cell::handle::{Promise, Share};
use crate::cell::listener::{Listener, Reaction};
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::queue::{self, Job};
use crate::rejections::Tracked;
use crate::resolve::resolution::Resolution;
use crate::resolve::{Completion, Producer, attempt};

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// This promise, unless `signal` is aborted before it settles: then the result is rejected with `E::from(aborted)`.
    ///
    /// What settles this promise is not stopped by it, and has to take the signal itself. To drop a future at the abort there
    /// is [`AbortSignal::spawn`].
    ///
    /// - **Settles** as this promise does, a tick later, like a [`then`](Self::then) without a handler. At an abort it is
    ///   rejected before [`abort`](crate::AbortController::abort) returns, so that a handler runs one tick later. If both
    ///   happen before that tick, the abort decides.
    /// - **A signal that is aborted already** rejects it at once, also if this promise has settled.
    /// - **The loser:** after the abort this promise keeps nothing of the result, and counts as handled. After it has settled,
    ///   the signal keeps nothing.
    /// - **Faults** pass. A panic of `E::from` is a fault of the result.
    /// - **An abandoned promise** can be aborted still. The result is abandoned when that is certain not to happen any more.
    /// - **Cost:** two allocations, and a place among the listeners of the signal.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{AbortController, Aborted, block_on, delay, queue_microtask};
    ///
    /// let controller = AbortController::new();
    /// let tea = delay::<Aborted>(Duration::from_millis(20)).abortable(&controller.signal());
    /// queue_microtask(move || controller.abort_with("coffee is better"));
    /// assert_eq!(block_on(tea).unwrap_err().to_string(), "aborted: coffee is better");
    /// ```
    #[track_caller]
    pub fn abortable(self, signal: &AbortSignal) -> Self
    where
        E: From<Aborted>,
    {
        let made_at = Location::caller();
        if let Some(aborted) = signal.reason() {
            self.cell().mark_handled();
            return Self::from_completion(attempt(|| Ok(rejection(aborted))), made_at);
        }
        let (result, cut) = Cut::<_, _, Registration>::new(self, made_at);
        if let Some(registration) = signal.listen(cut.clone()) {
            cut.keep(registration);
        }
        result
    }
}

/// What an abort resolves a promise with.
pub(crate) fn rejection<T, E: From<Aborted>>(aborted: Aborted) -> Resolution<T, E> {
    Resolution::Reject(E::from(aborted))
}

/// The reaction on the source. Whoever may cut the result off holds it, too. `G` is dropped when the result is decided: it takes
/// that one off.
pub(crate) struct Cut<T, E, G> {
    open: RefCell<Option<Open<T, E, G>>>,
    /// The outcome of the source, when the job is queued.
    share: Cell<Option<Share<T, E>>>,
    /// Because of which promise the source can never settle.
    lost: Cell<Option<Origin>>,
}

struct Open<T, E, G> {
    producer: Producer<T, E>,
    guard: Option<G>,
}

impl<T: 'static, E: Debug + 'static, G: 'static> Cut<T, E, G> {
    /// The result, and what it can be cut off by.
    pub(crate) fn new(source: Promise<T, E>, made_at: &'static Location<'static>) -> (Promise<T, E>, Rc<Self>) {
        let (result, producer) = Producer::new(made_at);
        let open = Open { producer, guard: None };
        let cut = Rc::new(Self { open: RefCell::new(Some(open)), share: Cell::new(None), lost: Cell::new(None) });
        source.subscribe(Listener::React(cut.clone()));
        (result, cut)
    }

    /// Keeps `guard` until the result is decided.
    pub(crate) fn keep(&self, guard: G) {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.guard = Some(guard);
        }
    }

    /// Settles the result, unless it is decided.
    pub(crate) fn cut_off(&self, complete: impl FnOnce() -> Completion<T, E>) {
        if let Some(producer) = self.close() {
            producer.complete(attempt(complete));
        }
    }

    /// Nobody waits for the result any more.
    pub(crate) fn give_up(&self) {
        drop(self.close());
    }

    fn close(&self) -> Option<Producer<T, E>> {
        let Open { producer, guard } = self.open.take()?;
        drop(guard);
        Some(producer)
    }

    fn is_closed(&self) -> bool {
        self.open.borrow().is_none()
    }
}

impl<T, E, G> Drop for Cut<T, E, G> {
    /// Nobody is left who could settle the result.
    fn drop(&mut self) {
        if let (Some(Open { producer, .. }), Some(cause)) = (self.open.take(), self.lost.get()) {
            producer.abandon(cause);
        }
    }
}

impl<T: 'static, E: Debug + 'static, G: 'static> Reaction<T, E> for Cut<T, E, G> {
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        // Nobody can tell a job that does nothing from none.
        if !self.is_closed() {
            self.share.set(Some(share));
            queue::enqueue_job(self);
        }
    }

    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

impl<T: 'static, E: Debug + 'static, G: 'static> Job for Cut<T, E, G> {
    fn run(self: Rc<Self>) {
        let share = self.share.take().expect("it is queued with what it has to hand over");
        if let Some(producer) = self.close() {
            producer.settle(share.take_caught());
        }
    }
}

impl<T: 'static, E: Debug + 'static, G: 'static> Dependent for Cut<T, E, G> {
    fn abandon(&self, cause: Origin) {
        // If somebody can cut the result off still, it goes on without its source.
        self.lost.set(Some(cause));
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        self.open.borrow().as_ref()?.producer.tracked()
    }
}

impl<T: 'static, E: From<Aborted> + Debug + 'static, G: 'static> Listen for Cut<T, E, G> {
    fn aborted(self: Rc<Self>, aborted: &Aborted) {
        self.cut_off(|| Ok(rejection(aborted.clone())));
    }
}
