//! How promises are made. The verbs that chain them stand in `chain`.

mod chain;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::cell::handle::Promise;
use crate::cell::node::born;
use crate::outcome::{Fault, Outcome};
use crate::resolve::functions::{Reject, Resolve, deferred};
use crate::resolve::resolution::{IntoResolution, Resolution};
use crate::resolve::{Completion, Producer, attempt};

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// A promise that is settled through the two functions its executor gets: `new Promise(executor)`
    /// (ECMA-262 §27.2.3.1).
    ///
    /// The executor runs at once, before `new` returns. It may call the functions, or keep them for later; see
    /// [`Resolve`]. If it panics before a function was called, the promise settles with a [`Fault`]; a panic after that is
    /// ignored, as JavaScript ignores what an executor throws then (rule T11).
    ///
    /// ```
    /// use thenable::Promise;
    ///
    /// let condition = true;
    /// let promise = Promise::new(|resolve, reject| {
    ///     if condition { resolve("success") } else { reject("failure") }
    /// });
    /// assert_eq!(thenable::block_on(promise), Ok("success"));
    /// ```
    #[track_caller]
    pub fn new(executor: impl FnOnce(Resolve<T, E>, Reject<T, E>)) -> Self {
        let (promise, resolve, reject) = deferred(Location::caller());
        let functions = resolve.clone();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| executor(resolve, reject))) {
            functions.complete(Err(Fault::from_panic(payload)));
        }
        promise
    }

    /// [`new`](Self::new) with an executor that may fail: `Err` is JavaScript's `throw` in the executor, and rejects if no
    /// function was called before.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<u8, _>::try_new(|resolve, _reject| {
    ///     resolve("42".parse()?);
    ///     Ok::<(), std::num::ParseIntError>(())
    /// });
    /// assert_eq!(block_on(promise), Ok(42));
    /// ```
    #[track_caller]
    pub fn try_new(executor: impl FnOnce(Resolve<T, E>, Reject<T, E>) -> Result<(), E>) -> Self {
        Self::new(|resolve, reject| {
            let throw = reject.clone();
            if let Err(reason) = executor(resolve, reject) {
                throw(reason);
            }
        })
    }

    /// A pending promise and the functions that settle it: `Promise.withResolvers()` (ECMA-262 §27.2.4.9).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let (promise, resolve, _reject) = Promise::<_, ()>::with_resolvers();
    /// resolve(3);
    /// assert_eq!(block_on(promise), Ok(3));
    /// ```
    #[track_caller]
    pub fn with_resolvers() -> (Self, Resolve<T, E>, Reject<T, E>) {
        deferred(Location::caller())
    }

    /// A promise fulfilled with `value`: `Promise.resolve(value)` (ECMA-262 §27.2.4.7).
    ///
    /// For what is a promise or a thenable already, there is [`resolve_with`](Self::resolve_with).
    #[track_caller]
    pub fn resolve(value: T) -> Self {
        born(Outcome::Fulfilled(value), Location::caller())
    }

    /// A promise from anything that resolves: `Promise.resolve(x)` where `x` is not a plain value. A promise is given back
    /// as it is, without a tick (rule T9); a thenable is followed (rule T6). A panic in its
    /// [`into_resolution`](IntoResolution::into_resolution) is a [`Fault`].
    #[track_caller]
    pub fn resolve_with(resolution: impl IntoResolution<E, Value = T>) -> Self {
        Self::from_completion(attempt(|| Ok(resolution.into_resolution())), Location::caller())
    }

    /// A promise rejected for `reason`: `Promise.reject(reason)` (ECMA-262 §27.2.4.6).
    #[track_caller]
    pub fn reject(reason: E) -> Self {
        born(Outcome::Rejected(reason), Location::caller())
    }

    /// Calls `function` at once and gives a promise of what it came to: `Promise.try(function)` (ECMA-262 §27.2.4.8).
    ///
    /// A panic in it settles the promise with a [`Fault`]. A promise that it returns is adopted, which takes its ticks.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::attempt(|| "12".parse::<u8>());
    /// assert_eq!(block_on(promise), Ok(12));
    /// ```
    #[track_caller]
    pub fn attempt<R>(function: impl FnOnce() -> R) -> Self
    where
        R: IntoResolution<E, Value = T>,
    {
        let made_at = Location::caller();
        match attempt(|| Ok(function().into_resolution())) {
            // `resolve(promise)`, not `Promise.resolve(promise)`: it is adopted.
            Ok(Resolution::Adopt(promise)) => {
                let (outer, producer) = Producer::new(made_at);
                producer.complete(Ok(Resolution::Adopt(promise)));
                outer
            }
            completion => Self::from_completion(completion, made_at),
        }
    }

    pub(crate) fn from_completion(completion: Completion<T, E>, made_at: &'static Location<'static>) -> Self {
        match completion {
            Ok(Resolution::Fulfill(value)) => born(Outcome::Fulfilled(value), made_at),
            Ok(Resolution::Reject(reason)) => born(Outcome::Rejected(reason), made_at),
            Ok(Resolution::Adopt(promise)) => promise,
            Ok(thenable @ Resolution::Thenable(_)) => {
                let (promise, producer) = Producer::new(made_at);
                producer.complete(Ok(thenable));
                promise
            }
            Err(fault) => born(Outcome::Faulted(fault), made_at),
        }
    }
}

impl<T: 'static, E: Debug + 'static> From<Result<T, E>> for Promise<T, E> {
    /// A settled promise.
    #[track_caller]
    fn from(result: Result<T, E>) -> Self {
        born(result.into(), Location::caller())
    }
}
