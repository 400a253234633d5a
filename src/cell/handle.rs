//! The handle of a promise: one of the consumers of its outcome.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::PromiseCell;
use super::listener::{Listener, Reaction};
use super::node::Node;
use super::peek::Peek;
use super::waiting::Subscription;
use crate::disposal::{Disposal, dispose};
use crate::identity::{Origin, PromiseId};
use crate::outcome::{Fault, Outcome, PromiseState};
use crate::rejections::Tracked;

/// A value or a reason that is not there yet: JavaScript's promise, with types.
///
/// A promise is eager: what settles it is under way already, and dropping the handle cancels nothing. It belongs to its
/// thread (neither `Send` nor `Sync`).
///
/// The verbs consume the handle, so with one handle the value moves from link to link and is never cloned. A clone is
/// another handle on the *same* promise: `p.clone().then(a); p.then(b)` is JavaScript's `p.then(a); p.then(b)`. Then each
/// consumer but the last gets a clone of the value, and the last gets the value itself. For values that are not `Clone`
/// there is [`shared`](Promise::shared).
///
/// `Promise<T, E>` is a [`Future`] of `Result<T, E>`: see there for `await`.
///
/// ```
/// use thenable::{Promise, run};
///
/// run(|| {
///     Promise::<u32, String>::resolve(20)
///         .map(|n| n + 1)
///         .then(|n| if n > 20 { Ok(n * 2) } else { Err(format!("{n} is too small")) })
///         .map(|n| assert_eq!(n, 42))
///         .catch(|reason| eprintln!("{reason}"));
/// })?;
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// A promise stays on its thread:
///
/// ```compile_fail,E0277
/// fn needs_send<T: Send>(_: T) {}
/// needs_send(thenable::Promise::<(), ()>::resolve(()));
/// ```
///
/// ```compile_fail,E0277
/// fn needs_sync<T: Sync>(_: T) {}
/// needs_sync(thenable::Promise::<(), ()>::resolve(()));
/// ```
///
/// A handle can be cloned where the value and the reason can:
///
/// ```compile_fail,E0599
/// struct Unique;
/// let promise = thenable::Promise::<Unique, ()>::resolve(Unique);
/// let _second = promise.clone();
/// ```
pub struct Promise<T, E> {
    /// `None` only in a promise whose outcome an `await` has taken.
    node: Option<Rc<dyn Node<T, E>>>,
}

impl<T, E> Promise<T, E> {
    /// The first handle of a new promise: its cell counts one consumer.
    #[inline]
    pub(crate) fn from_consumer(node: Rc<dyn Node<T, E>>) -> Self {
        Self { node: Some(node) }
    }

    /// The node, with the consumer that the handle was.
    #[inline]
    pub(crate) fn into_consumer(mut self) -> Rc<dyn Node<T, E>> {
        let node = self.node.take();
        // Nothing is left to be dropped, and nothing of `Drop` is called for that.
        mem::forget(self);
        node.expect(TAKEN)
    }

    #[inline]
    fn node(&self) -> &Rc<dyn Node<T, E>> {
        self.node.as_ref().expect(TAKEN)
    }

    #[inline]
    pub(crate) fn cell(&self) -> &PromiseCell<T, E> {
        self.node().cell()
    }

    pub(crate) fn tracked(&self) -> Rc<dyn Tracked> {
        self.node().clone()
    }

    /// Whether this is a handle of the promise that `node` is.
    pub(crate) fn is(&self, node: &Rc<dyn Node<T, E>>) -> bool {
        Rc::ptr_eq(self.node(), node)
    }

    /// Takes the handle out, as an `await` does when it is through with it.
    pub(crate) fn take(&mut self) -> Self {
        Self { node: self.node.take() }
    }

    /// Whether an `await` has taken the outcome.
    pub(crate) fn is_taken(&self) -> bool {
        self.node.is_none()
    }

    /// Takes this consumer's share of the outcome.
    ///
    /// Runs `Clone` of the value or the reason, if there are other consumers.
    pub(crate) fn consume(self) -> Outcome<T, E> {
        let outcome = self.cell().consume();
        // The consumer is spent, so `Drop` must not count it again.
        drop(self.into_consumer());
        outcome
    }

    /// Takes this consumer's share of the outcome. A panic in the `Clone` of the value is a fault.
    pub(crate) fn consume_caught(self) -> Outcome<T, E> {
        if let Some(outcome) = self.cell().take_for_one() {
            drop(self.into_consumer());
            return outcome;
        }
        catch_unwind(AssertUnwindSafe(|| self.consume()))
            .unwrap_or_else(|payload| Outcome::Faulted(Fault::from_panic(payload)))
    }

    /// Takes the outcome and frees the promise, if it has settled and nobody else can ask; if not, the handle comes back. A
    /// rejection counts as handled from now on.
    pub(crate) fn take_settled(self) -> Result<Outcome<T, E>, Self> {
        match self.cell().take_for_one() {
            Some(outcome) => {
                let node = self.into_consumer();
                node.cell().mark_handled();
                Ok(outcome)
            }
            None => Err(self),
        }
    }

    /// Takes the value and frees the promise, if it is fulfilled and nobody else can ask; if not, the handle comes back.
    pub(crate) fn take_value(self) -> Result<T, Self> {
        match self.cell().take_value_for_one() {
            Some(value) => {
                // The consumer is spent, so `Drop` must not count it again.
                drop(self.into_consumer());
                Ok(value)
            }
            None => Err(self),
        }
    }

    /// `PerformPromiseThen` (ECMA-262 §27.2.5.4.1): `reaction` is told when the promise settles, or right now.
    pub(crate) fn react(self, reaction: Rc<dyn Reaction<T, E>>) {
        let node = self.into_consumer();
        let cell = node.cell();
        cell.mark_handled();
        if let Some(reaction) = cell.react_first(reaction) {
            react_too(node, reaction);
        }
    }

    /// `react`, for every kind of listener.
    pub(crate) fn subscribe(self, listener: Listener<T, E>) {
        let node = self.into_consumer();
        node.cell().mark_handled();
        register(node, listener);
    }

    /// Where the promise stands now. A promise that follows another one is pending.
    ///
    /// A program of promises seldom needs to ask; tests and debuggers do.
    ///
    /// # Panics
    ///
    /// If an `await` of this handle has completed.
    pub fn state(&self) -> PromiseState {
        self.cell().promise_state()
    }

    /// The outcome, if the promise has settled, without consuming anything.
    ///
    /// Looking does not count as handling a rejection.
    ///
    /// ```
    /// use thenable::{Outcome, Promise};
    ///
    /// let promise = Promise::<_, ()>::resolve(7);
    /// assert_eq!(promise.peek().as_deref(), Some(&Outcome::Fulfilled(7)));
    /// ```
    pub fn peek(&self) -> Option<Peek<'_, T, E>> {
        self.node.as_ref()?.cell().peek()
    }

    /// Tells this promise from every other of the thread. Clones of a handle have the same id.
    ///
    /// # Panics
    ///
    /// If an `await` of this handle has completed.
    pub fn id(&self) -> PromiseId {
        self.origin().id
    }

    /// The id, and the place in the source where the promise was made.
    ///
    /// # Panics
    ///
    /// If an `await` of this handle has completed.
    pub fn origin(&self) -> Origin {
        self.cell().origin()
    }
}

/// `Promise::react`, where others have been before. Out of line, so that the common way needs few registers.
#[inline(never)]
fn react_too<T, E>(node: Rc<dyn Node<T, E>>, reaction: Rc<dyn Reaction<T, E>>) {
    match node.cell().take_for_one() {
        Some(outcome) => reaction.deliver(Share::Whole(outcome)),
        None => register(node, Listener::React(reaction)),
    }
}

/// Registers `listener` with the promise of `node`, or tells it right now.
fn register<T, E>(node: Rc<dyn Node<T, E>>, listener: Listener<T, E>) {
    match node.cell().subscribe(listener) {
        Subscription::Registered => {}
        Subscription::Settled(listener) => listener.notify(node),
        Subscription::Abandoned(listener, cause) => listener.abandon(cause),
    }
}

const TAKEN: &str = "the promise was awaited to its end, and its outcome was taken then";

impl<T: Clone, E: Clone> Clone for Promise<T, E> {
    /// Another handle on the same promise. Nothing is cloned until the promise has settled and a consumer other than the
    /// last one wants its outcome.
    fn clone(&self) -> Self {
        self.cell().share();
        Self { node: self.node.clone() }
    }
}

impl<T, E> Drop for Promise<T, E> {
    /// Drops a handle, which cancels nothing. The value goes with the last handle, if no reaction waits for it.
    #[inline]
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            release(node);
        }
    }
}

/// A handle that consumed nothing is gone. Out of line: handles are dropped in many places, and most of them are empty by then.
#[inline(never)]
fn release<T, E>(node: Rc<dyn Node<T, E>>) {
    if Rc::strong_count(&node) == 1 {
        // The last reference may own a chain, or a value that owns promises.
        dispose(Disposal::Drop(node));
    } else if let Some(unseen) = node.cell().release() {
        drop(unseen);
    }
}

impl<T, E> fmt::Debug for Promise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => {
                let Origin { id, made_at } = node.cell().origin();
                write!(f, "Promise({id}, {}, {made_at})", node.cell().promise_state())
            }
            None => f.write_str("Promise(awaited)"),
        }
    }
}

/// Settles the promise of `node` and tells everyone who waits for it.
pub(crate) fn settle<T, E>(node: Rc<dyn Node<T, E>>, outcome: Outcome<T, E>) {
    if let Some(settlement) = node.cell().settle(outcome) {
        settlement.announce(node);
    }
}

/// What a consumer gets of an outcome.
pub(crate) enum Share<T, E> {
    /// All of it, from a promise that nobody else can ask.
    Whole(Outcome<T, E>),
    /// What this promise gives when it is asked: a clone, or the outcome itself.
    Of(Promise<T, E>),
}

impl<T, E> Share<T, E> {
    /// Takes it. Runs `Clone` of the value or the reason, if there are other consumers.
    pub(crate) fn take(self) -> Outcome<T, E> {
        match self {
            Self::Whole(outcome) => outcome,
            Self::Of(promise) => promise.consume(),
        }
    }

    /// Takes it. A panic in the `Clone` of the value is a fault.
    pub(crate) fn take_caught(self) -> Outcome<T, E> {
        match self {
            Self::Whole(outcome) => outcome,
            Self::Of(promise) => promise.consume_caught(),
        }
    }
}
