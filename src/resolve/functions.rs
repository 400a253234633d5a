//! The resolving functions of a promise (ECMA-262 §27.2.1.3), as values that can be called.

use std::cell::Cell;
use std::fmt::{self, Debug};
use std::ops::Deref;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::resolution::IntoResolution;
use super::{Completion, attempt, complete_cell, lose_resolvers};
use crate::cell::PromiseCell;
use crate::cell::handle::Promise;
use crate::cell::node::{Followed, Kind, Node, PromiseNode, run_follower};
use crate::outcome::Outcome;

/// Resolves its promise when it is called, as the function that JavaScript hands to the executor.
///
/// It is called like a function, `resolve(value)`, can be cloned and kept, and may be called any number of times: the first
/// call of it, of its clones and of its [`Reject`] counts, the others do nothing (ECMA-262 §27.2.1.3; rule T10).
/// Handlers never run inside the call, only from a job. [`with`](Self::with) takes what resolves otherwise.
///
/// When all the functions of a promise are dropped before one was called, it is *abandoned*: it stays pending, and
/// its memory is freed.
///
/// ```
/// use thenable::{Promise, block_on};
///
/// let promise = Promise::<u32, String>::new(|resolve, _reject| {
///     resolve(1);
///     resolve(2);
/// });
/// assert_eq!(block_on(promise), Ok(1));
/// ```
pub struct Resolve<T, E> {
    functions: Rc<dyn Functions<T, E>>,
}

/// Rejects its promise when it is called: the partner of [`Resolve`], with the same rules.
pub struct Reject<T, E> {
    functions: Rc<dyn Functions<T, E>>,
}

impl<T: 'static, E: Debug + 'static> Resolve<T, E> {
    /// Resolves with anything that resolves: a promise is adopted, `Err` rejects.
    ///
    /// A promise that is fulfilled already settles this one three ticks before a handler runs (rule T5), a pending one a
    /// tick after it settled itself (rule T8). A promise resolved with itself settles with a [`Fault`](crate::Fault)
    /// (rule T12), and so does one whose [`into_resolution`](IntoResolution::into_resolution) panics.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let inner = Promise::<u32, String>::resolve(5);
    /// let outer = Promise::new(|resolve, _reject| resolve.with(inner));
    /// assert_eq!(block_on(outer), Ok(5));
    /// ```
    pub fn with(&self, resolution: impl IntoResolution<E, Value = T>) {
        // The call counts before it looks at what it was given: that is user code, and may call the functions itself.
        if self.functions.pair().is_first_call() {
            complete_target(&self.functions, attempt(|| Ok(resolution.into_resolution())));
        }
    }

    /// Resolves with what user code came to, if no function of the pair was called yet.
    pub(crate) fn complete(&self, completion: Completion<T, E>) {
        if self.functions.pair().is_first_call() {
            complete_target(&self.functions, completion);
        }
    }
}

impl<T, E> Deref for Resolve<T, E> {
    type Target = dyn Fn(T);

    fn deref(&self) -> &(dyn Fn(T) + 'static) {
        self.functions.resolve()
    }
}

impl<T, E> Deref for Reject<T, E> {
    type Target = dyn Fn(E);

    fn deref(&self) -> &(dyn Fn(E) + 'static) {
        self.functions.reject()
    }
}

impl<T, E> Clone for Resolve<T, E> {
    fn clone(&self) -> Self {
        Self { functions: retain(&self.functions) }
    }
}

impl<T, E> Clone for Reject<T, E> {
    fn clone(&self) -> Self {
        Self { functions: retain(&self.functions) }
    }
}

impl<T, E> Drop for Resolve<T, E> {
    fn drop(&mut self) {
        release(&self.functions);
    }
}

impl<T, E> Drop for Reject<T, E> {
    fn drop(&mut self) {
        release(&self.functions);
    }
}

impl<T, E> fmt::Debug for Resolve<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolve({})", self.functions.cell().origin())
    }
}

impl<T, E> fmt::Debug for Reject<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reject({})", self.functions.cell().origin())
    }
}

/// One pair of resolving functions. `Resolve` and `Reject` are pointers to it.
trait Functions<T, E> {
    fn resolve(&self) -> &(dyn Fn(T) + 'static);
    fn reject(&self) -> &(dyn Fn(E) + 'static);
    fn pair(&self) -> &Pair;
    /// The cell of the promise that they resolve.
    fn cell(&self) -> &PromiseCell<T, E>;
    /// The promise that they resolve.
    fn target(self: Rc<Self>) -> Rc<dyn Node<T, E>>;
}

/// What the functions of a pair share.
struct Pair {
    /// `alreadyResolved` of ECMA-262 §27.2.1.3.
    already_resolved: Cell<bool>,
    /// How many `Resolve` and `Reject` there are, until one of them was called.
    functions: Cell<u32>,
}

impl Pair {
    fn new() -> Self {
        Self { already_resolved: Cell::new(false), functions: Cell::new(2) }
    }

    /// Whether this is the first call of a function of the pair, which counts.
    #[inline]
    fn is_first_call(&self) -> bool {
        !self.already_resolved.replace(true)
    }

    fn retain(&self) {
        let more = self.functions.get().checked_add(1).expect("fewer than 2^32 resolving functions of one promise");
        self.functions.set(more);
    }

    /// A function is gone. Returns whether it was the last, and none was ever called.
    #[inline]
    fn release(&self) -> bool {
        let left = self.functions.get() - 1;
        self.functions.set(left);
        left == 0 && !self.already_resolved.get()
    }
}

fn retain<T, E>(functions: &Rc<dyn Functions<T, E>>) -> Rc<dyn Functions<T, E>> {
    functions.pair().retain();
    functions.clone()
}

fn release<T, E>(functions: &Rc<dyn Functions<T, E>>) {
    if functions.pair().release() {
        lose_resolvers(functions.cell());
    }
}

/// Resolves the promise with what user code came to.
fn complete_target<T: 'static, E: Debug + 'static>(functions: &Rc<dyn Functions<T, E>>, completion: Completion<T, E>) {
    if let Some(remainder) = complete_cell(functions.cell(), completion) {
        remainder.finish(functions.clone().target());
    }
}

/// Calls a function: the first call of the pair counts.
fn call<T, E>(functions: &Weak<dyn Functions<T, E>>, outcome: Outcome<T, E>) {
    let functions = functions.upgrade().expect("the callee holds the pair");
    if functions.pair().is_first_call()
        && let Some(settlement) = functions.cell().settle(outcome)
    {
        settlement.announce(functions.target());
    }
}

/// The closures that `Deref` lends. They are called through a function that holds the pair, so the pair is there.
fn closures<T: 'static, E: Debug + 'static>(
    functions: &Weak<dyn Functions<T, E>>,
) -> (impl Fn(T) + use<T, E>, impl Fn(E) + use<T, E>) {
    let (resolve, reject) = (functions.clone(), functions.clone());
    (move |value| call(&resolve, Outcome::Fulfilled(value)), move |reason| call(&reject, Outcome::Rejected(reason)))
}

/// A promise that is settled through its resolving functions: they stand in the promise's own node.
struct Deferred<T, E, F, G> {
    pair: Pair,
    resolve: F,
    reject: G,
    followed: Followed<T, E>,
}

impl<T: 'static, E: Debug + 'static, F: 'static, G: 'static> Kind<T, E> for Deferred<T, E, F, G> {
    fn run(node: Rc<PromiseNode<T, E, Self>>) {
        let promise = node.kind.followed.take();
        run_follower(node, promise);
    }

    fn keep_followed(&self, promise: Promise<T, E>) {
        self.followed.keep(promise);
    }
}

impl<T, E, F, G> Functions<T, E> for PromiseNode<T, E, Deferred<T, E, F, G>>
where
    T: 'static,
    E: Debug + 'static,
    F: Fn(T) + 'static,
    G: Fn(E) + 'static,
{
    fn resolve(&self) -> &(dyn Fn(T) + 'static) {
        &self.kind.resolve
    }

    fn reject(&self) -> &(dyn Fn(E) + 'static) {
        &self.kind.reject
    }

    fn pair(&self) -> &Pair {
        &self.kind.pair
    }

    fn cell(&self) -> &PromiseCell<T, E> {
        &self.cell
    }

    fn target(self: Rc<Self>) -> Rc<dyn Node<T, E>> {
        self
    }
}

/// A pending promise with its resolving functions, in one allocation.
pub(crate) fn deferred<T: 'static, E: Debug + 'static>(
    made_at: &'static Location<'static>,
) -> (Promise<T, E>, Resolve<T, E>, Reject<T, E>) {
    let node = Rc::new_cyclic(|node: &Weak<PromiseNode<T, E, Deferred<T, E, _, _>>>| {
        let functions: Weak<dyn Functions<T, E>> = node.clone();
        let (resolve, reject) = closures(&functions);
        let kind = Deferred { pair: Pair::new(), resolve, reject, followed: Followed::none() };
        PromiseNode { cell: PromiseCell::pending(made_at), kind }
    });
    (Promise::from_consumer(node.clone()), Resolve { functions: node.clone() }, Reject { functions: node })
}

/// Resolving functions of a promise that is locked in to a thenable already.
struct Fresh<T, E, F, G> {
    pair: Pair,
    resolve: F,
    reject: G,
    target: Rc<dyn Node<T, E>>,
}

impl<T, E, F, G> Functions<T, E> for Fresh<T, E, F, G>
where
    F: Fn(T) + 'static,
    G: Fn(E) + 'static,
{
    fn resolve(&self) -> &(dyn Fn(T) + 'static) {
        &self.resolve
    }

    fn reject(&self) -> &(dyn Fn(E) + 'static) {
        &self.reject
    }

    fn pair(&self) -> &Pair {
        &self.pair
    }

    fn cell(&self) -> &PromiseCell<T, E> {
        self.target.cell()
    }

    fn target(self: Rc<Self>) -> Rc<dyn Node<T, E>> {
        self.target.clone()
    }
}

/// Fresh resolving functions for `target`: `CreateResolvingFunctions` in the job of a thenable.
pub(crate) fn fresh<T: 'static, E: Debug + 'static>(target: Rc<dyn Node<T, E>>) -> (Resolve<T, E>, Reject<T, E>) {
    let functions = Rc::new_cyclic(|functions: &Weak<Fresh<T, E, _, _>>| {
        let functions: Weak<dyn Functions<T, E>> = functions.clone();
        let (resolve, reject) = closures(&functions);
        Fresh { pair: Pair::new(), resolve, reject, target }
    });
    (Resolve { functions: functions.clone() }, Reject { functions })
}
