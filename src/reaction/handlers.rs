//! The handlers behind the verbs of a promise.

use std::convert::Infallible;
use std::rc::Rc;

use super::Handler;
use crate::outcome::{Fault, Outcome};
use crate::resolve::Completion;
use crate::resolve::resolution::{IntoResolution, Resolution};

/// `then(f)`.
pub(crate) struct OnFulfilled<F>(pub(crate) F);

impl<T, E, F, R> Handler<T, E> for OnFulfilled<F>
where
    F: FnOnce(T) -> R,
    R: IntoResolution<E>,
{
    type Value = R::Value;
    type Error = E;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<R::Value, E> {
        match outcome {
            Outcome::Fulfilled(value) => Ok((self.0)(value).into_resolution()),
            Outcome::Rejected(reason) => Ok(Resolution::Reject(reason)),
            Outcome::Faulted(fault) => Err(fault),
        }
    }
}

/// `catch(f)`.
pub(crate) struct OnRejected<F>(pub(crate) F);

impl<T: 'static, E, F, R> Handler<T, E> for OnRejected<F>
where
    F: FnOnce(E) -> R,
    R: IntoResolution<E, Value = T>,
{
    type Value = T;
    type Error = E;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<T, E> {
        match outcome {
            Outcome::Fulfilled(value) => Ok(Resolution::Fulfill(value)),
            Outcome::Rejected(reason) => Ok((self.0)(reason).into_resolution()),
            Outcome::Faulted(fault) => Err(fault),
        }
    }
}

/// `then(f, g)` of JavaScript.
pub(crate) struct OnEither<F, G>(pub(crate) F, pub(crate) G);

impl<T, E, F, G, R, S> Handler<T, E> for OnEither<F, G>
where
    F: FnOnce(T) -> R,
    G: FnOnce(E) -> S,
    R: IntoResolution<E>,
    S: IntoResolution<E, Value = R::Value>,
{
    type Value = R::Value;
    type Error = E;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<R::Value, E> {
        match outcome {
            Outcome::Fulfilled(value) => Ok((self.0)(value).into_resolution()),
            Outcome::Rejected(reason) => Ok((self.1)(reason).into_resolution()),
            Outcome::Faulted(fault) => Err(fault),
        }
    }
}

/// `handle(f)`: the whole outcome.
pub(crate) struct OnSettled<F>(pub(crate) F);

impl<T, E, F, R> Handler<T, E> for OnSettled<F>
where
    F: FnOnce(Outcome<T, E>) -> R,
    R: IntoResolution<E>,
{
    type Value = R::Value;
    type Error = E;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<R::Value, E> {
        Ok((self.0)(outcome).into_resolution())
    }
}

/// Maps the value and the reason, each with a function of its own.
pub(crate) struct MapBoth<F, G>(pub(crate) F, pub(crate) G);

impl<T, E, U, X, F, G> Handler<T, E> for MapBoth<F, G>
where
    F: FnOnce(T) -> U,
    G: FnOnce(E) -> X,
{
    type Value = U;
    type Error = X;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<U, X> {
        match outcome {
            Outcome::Fulfilled(value) => Ok(Resolution::Fulfill((self.0)(value))),
            Outcome::Rejected(reason) => Ok(Resolution::Reject((self.1)(reason))),
            Outcome::Faulted(fault) => Err(fault),
        }
    }
}

/// `recover(f)`: no reason is left.
pub(crate) struct Recover<F>(pub(crate) F);

impl<T, E, F: FnOnce(E) -> T> Handler<T, E> for Recover<F> {
    type Value = T;
    type Error = Infallible;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<T, Infallible> {
        match outcome {
            Outcome::Fulfilled(value) => Ok(Resolution::Fulfill(value)),
            Outcome::Rejected(reason) => Ok(Resolution::Fulfill((self.0)(reason))),
            Outcome::Faulted(fault) => Err(fault),
        }
    }
}

/// `catch_unwind()`: a fault becomes a value.
pub(crate) struct CatchUnwind;

impl<T, E> Handler<T, E> for CatchUnwind {
    type Value = Result<T, Fault>;
    type Error = E;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<Result<T, Fault>, E> {
        match outcome {
            Outcome::Fulfilled(value) => Ok(Resolution::Fulfill(Ok(value))),
            Outcome::Rejected(reason) => Ok(Resolution::Reject(reason)),
            Outcome::Faulted(fault) => Ok(Resolution::Fulfill(Err(fault))),
        }
    }
}

/// `shared()`: behind `Rc`, so that handles can be cloned.
pub(crate) struct Share;

impl<T, E> Handler<T, E> for Share {
    type Value = Rc<T>;
    type Error = Rc<E>;

    fn handle(self, outcome: Outcome<T, E>) -> Completion<Rc<T>, Rc<E>> {
        MapBoth(Rc::new, Rc::new).handle(outcome)
    }
}
