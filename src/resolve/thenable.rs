//! Objects with a `then` that are not promises of this crate.

use std::cell::Cell;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::functions::{Reject, Resolve, fresh};
use super::resolution::Resolution;
use crate::cell::node::Node;
use crate::outcome::Fault;
use crate::queue::Job;

/// An object with a `then` that is not a [`Promise`](crate::Promise): another library's promise, or something that answers
/// by callback.
///
/// A promise that is resolved with one calls [`then`](Thenable::then) from a job, one tick later, and follows what it does
/// with the functions. Closures of the right type are thenables:
///
/// ```
/// use thenable::{Promise, Resolution, Resolve, Reject};
///
/// let promise: Promise<u32, String> = Promise::resolve(()).then(|()| {
///     Resolution::Thenable(Box::new(|resolve: Resolve<u32, String>, _reject: Reject<u32, String>| {
///         resolve(7);
///         Ok(())
///     }))
/// });
/// assert_eq!(thenable::block_on(promise), Ok(7));
/// ```
pub trait Thenable<T, E> {
    /// Calls one of the functions, now or later. The first call counts, and everything after it is ignored, an error that
    /// is returned (JavaScript's `throw`) and a panic included. If neither is ever called, the promise stays pending.
    ///
    /// # Errors
    ///
    /// Rejects the promise, if no function was called before.
    fn then(self: Box<Self>, resolve: Resolve<T, E>, reject: Reject<T, E>) -> Result<(), E>;
}

impl<T, E, F> Thenable<T, E> for F
where
    F: FnOnce(Resolve<T, E>, Reject<T, E>) -> Result<(), E>,
{
    fn then(self: Box<Self>, resolve: Resolve<T, E>, reject: Reject<T, E>) -> Result<(), E> {
        self(resolve, reject)
    }
}

impl<T, E> fmt::Debug for dyn Thenable<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thenable(..)")
    }
}

/// `NewPromiseResolveThenableJob` (ECMA-262 §27.2.2.2): calls the thenable with fresh resolving functions.
pub(super) struct ThenableJob<T, E> {
    node: Rc<dyn Node<T, E>>,
    thenable: Cell<Option<Box<dyn Thenable<T, E>>>>,
}

impl<T, E> ThenableJob<T, E> {
    pub(super) fn new(node: Rc<dyn Node<T, E>>, thenable: Box<dyn Thenable<T, E>>) -> Self {
        Self { node, thenable: Cell::new(Some(thenable)) }
    }
}

impl<T: 'static, E: Debug + 'static> Job for ThenableJob<T, E> {
    fn run(self: Rc<Self>) {
        let thenable = self.thenable.take().expect("the job of a thenable is queued once");
        let (resolve, reject) = fresh(self.node.clone());
        // What comes after the first call is ignored, an error and a panic too: so they go through the functions.
        let functions = resolve.clone();
        match catch_unwind(AssertUnwindSafe(|| thenable.then(resolve, reject))) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => functions.complete(Ok(Resolution::Reject(reason))),
            Err(payload) => functions.complete(Err(Fault::from_panic(payload))),
        }
    }
}
