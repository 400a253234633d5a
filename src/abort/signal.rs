//! `AbortSignal`.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::rc::Rc;

use super::aborted::Aborted;
use super::core::{Core, Listen, Registration};
use super::listener::AbortListener;
use crate::cell::handle::Promise;
use crate::cell::node::born;
use crate::outcome::Outcome;
use crate::resolve::Producer;

/// Says that something is to be aborted, and why: `AbortSignal` of the web.
///
/// It comes from an [`AbortController`](crate::AbortController), or is aborted by itself after a [time](AbortSignal::timeout),
/// or with [any](AbortSignal::any) of others. Clones are the same signal. It belongs to its thread.
///
/// What takes a signal looks at it before it begins, and then listens to it. [`abortable`](Promise::abortable) does both:
///
/// ```
/// use thenable::{AbortController, AbortSignal, Aborted, Promise, Resolve, block_on};
///
/// /// The next line that somebody types, and what the keyboard calls with it.
/// fn read_line(signal: &AbortSignal) -> (Promise<String, Aborted>, Resolve<String, Aborted>) {
///     let (line, resolve, _reject) = Promise::with_resolvers();
///     (line.abortable(signal), resolve)
/// }
///
/// let controller = AbortController::new();
/// let (line, _keyboard) = read_line(&controller.signal());
/// controller.abort_with("the window was closed");
/// assert_eq!(block_on(line).unwrap_err(), controller.signal().reason().unwrap());
/// ```
///
/// Nothing of a signal that lives long is kept for what is over: a promise that has settled is taken off it, and a listener goes
/// away with its [`AbortListener`].
pub struct AbortSignal {
    core: Rc<Core>,
}

impl AbortSignal {
    pub(crate) fn new(core: Rc<Core>) -> Self {
        core.add_handle();
        Self { core }
    }

    /// A signal that is aborted already, for no reason: `AbortSignal.abort()`.
    pub fn abort() -> Self {
        Self::new(Core::new_aborted(Aborted::default()))
    }

    /// A signal that is aborted already: `AbortSignal.abort(reason)`.
    pub fn abort_with(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Core::new_aborted(Aborted::new(reason)))
    }

    /// A signal that is aborted as soon as one of `signals` is, for the same reason: `AbortSignal.any(signals)`. Of those that
    /// are aborted already, the first gives the reason.
    ///
    /// Its listeners are called after those of the signal that was aborted. Without any signals it is never aborted.
    ///
    /// - **Cost:** two allocations, and a place among the listeners of each signal, until the new signal and its listeners are
    ///   gone.
    ///
    /// ```
    /// use thenable::{AbortController, AbortSignal};
    ///
    /// let (window, request) = (AbortController::new(), AbortController::new());
    /// let either = AbortSignal::any([window.signal(), request.signal()]);
    /// request.abort_with("not needed any more");
    /// assert_eq!(either.reason(), request.signal().reason());
    /// assert!(!window.signal().aborted());
    /// ```
    pub fn any<I>(signals: I) -> Self
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        // A signal with a timer keeps it as long as there are handles.
        let signals: Vec<_> = signals.into_iter().collect();
        let cores: Vec<_> = signals.iter().map(|signal| signal.borrow().core.clone()).collect();
        Self::new(Core::any(&cores))
    }

    /// Whether it is aborted: `signal.aborted`.
    pub fn aborted(&self) -> bool {
        self.core.aborted().is_some()
    }

    /// Why it was aborted, if it was: `signal.reason`.
    pub fn reason(&self) -> Option<Aborted> {
        self.core.aborted()
    }

    /// For a `?` between two steps of something long: `signal.throwIfAborted()`.
    ///
    /// # Errors
    ///
    /// The reason, if the signal is aborted.
    pub fn throw_if_aborted(&self) -> Result<(), Aborted> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Has `callback` called at the abort: `signal.addEventListener('abort', callback, { once: true })`, or
    /// `addAbortListener` of Node's `events`.
    ///
    /// It is called within [`abort`](crate::AbortController::abort), after those that were registered before, and sees the
    /// values ([`AsyncLocal`](crate::AsyncLocal)) of whoever aborts, as in Node. If the signal is aborted already, it is called
    /// in a microtask. It is dropped when it has been called; when the [`AbortListener`] is dropped; and when the abort will
    /// never come, for every controller is gone.
    ///
    /// ```
    /// use thenable::AbortController;
    ///
    /// let controller = AbortController::new();
    /// let listener = controller.signal().on_abort(|_| unreachable!("it was taken off"));
    /// controller.signal().on_abort(|aborted| println!("{aborted}")).detach();
    /// drop(listener);
    /// controller.abort();
    /// ```
    pub fn on_abort(&self, callback: impl FnOnce(Aborted) + 'static) -> AbortListener {
        AbortListener::new(&self.core, callback)
    }

    /// A promise of the abort, fulfilled with the reason: to be awaited or [raced](Promise::race) with. If the abort will never
    /// come, it is abandoned.
    ///
    /// It is settled within [`abort`](crate::AbortController::abort), so a handler runs one tick later; or right now, if the
    /// signal is aborted already.
    ///
    /// ```
    /// use thenable::{AbortController, Aborted, block_on, queue_microtask};
    ///
    /// let controller = AbortController::new();
    /// let aborted = controller.signal().when_aborted::<()>();
    /// queue_microtask(move || controller.abort());
    /// assert_eq!(block_on(aborted).unwrap().to_string(), "aborted");
    /// ```
    #[track_caller]
    pub fn when_aborted<E: Debug + 'static>(&self) -> Promise<Aborted, E> {
        let made_at = Location::caller();
        if let Some(aborted) = self.reason() {
            return born(Outcome::Fulfilled(aborted), made_at);
        }
        let (promise, producer) = Producer::of_outcome(made_at);
        if let Some(registration) = self.listen(Rc::new(WhenAborted(RefCell::new(Some(producer))))) {
            registration.detach();
        }
        promise
    }

    pub(crate) fn listen(&self, listener: Rc<dyn Listen>) -> Option<Registration> {
        self.core.listen(listener)
    }
}

impl Clone for AbortSignal {
    fn clone(&self) -> Self {
        Self::new(self.core.clone())
    }
}

impl Drop for AbortSignal {
    fn drop(&mut self) {
        self.core.drop_handle();
    }
}

impl Debug for AbortSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortSignal").field("reason", &self.reason()).finish()
    }
}

struct WhenAborted<E>(RefCell<Option<Producer<Aborted, E>>>);

impl<E: Debug + 'static> Listen for WhenAborted<E> {
    fn aborted(self: Rc<Self>, aborted: &Aborted) {
        if let Some(producer) = self.0.take() {
            producer.settle(Outcome::Fulfilled(aborted.clone()));
        }
    }

    fn is_gone(&self) -> bool {
        !self.0.borrow().as_ref().is_some_and(Producer::is_wanted)
    }
}
