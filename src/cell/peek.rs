//! A look at the outcome of a promise.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;

use super::shared::Shared;
use crate::outcome::Outcome;

/// The [`Outcome`] of a promise, which [`Promise::peek`](crate::Promise::peek) lends for as long as the handle is borrowed.
///
/// ```
/// use thenable::{Outcome, Promise};
///
/// let promise = Promise::<_, ()>::resolve("tea".to_string());
/// let seen = promise.peek().expect("it has settled");
/// assert!(matches!(&*seen, Outcome::Fulfilled(tea) if tea == "tea"));
/// ```
pub struct Peek<'a, T, E> {
    shared: Rc<Shared<T, E>>,
    // A handle that is borrowed stays a consumer, so nobody takes the outcome away.
    handle: PhantomData<&'a ()>,
}

impl<T, E> Peek<'_, T, E> {
    pub(super) fn new(shared: Rc<Shared<T, E>>) -> Self {
        Self { shared, handle: PhantomData }
    }
}

impl<T, E> Deref for Peek<'_, T, E> {
    type Target = Outcome<T, E>;

    fn deref(&self) -> &Outcome<T, E> {
        self.shared.outcome()
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for Peek<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
