//! The verbs: each derives a promise from one, with one allocation, and runs its handler from a job.

use std::convert::{Infallible, identity};
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use crate::cell::handle::Promise;
use crate::outcome::{Fault, Outcome};
use crate::reaction::finally::finally;
use crate::reaction::handlers::{CatchUnwind, MapBoth, OnEither, OnFulfilled, OnRejected, OnSettled, Recover, Share};
use crate::reaction::react;
use crate::resolve::resolution::IntoResolution;

/// # Chaining
///
/// Every verb returns the promise of what its handler comes to. The handler runs from a job, one tick after the promise
/// settled and never inside the call (rules T1, T2); handlers of one promise run in the order in which they were given.
/// Where a verb has no handler for an outcome, the outcome passes on, which costs the same tick (rule T4). A handler that
/// panics settles the derived promise with a [`Fault`].
impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// Calls `on_fulfilled` with the value: `promise.then(f)` (ECMA-262 §27.2.5.4).
    ///
    /// It returns what [resolves](IntoResolution): a `Result` (`Err` rejects, as `throw` does), a promise (adopted: two
    /// ticks more, rule T7), or `()`. For plain values there is [`map`](Self::map).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<_, String>::resolve("7")
    ///     .then(|text| text.parse::<u32>().map_err(|error| error.to_string()))
    ///     .then(|n| Promise::resolve(n * 6));
    /// assert_eq!(block_on(promise), Ok(42));
    /// ```
    #[track_caller]
    pub fn then<R, F>(self, on_fulfilled: F) -> Promise<R::Value, E>
    where
        F: FnOnce(T) -> R + 'static,
        R: IntoResolution<E>,
    {
        react(self, OnFulfilled(on_fulfilled), Location::caller())
    }

    /// Calls `on_rejected` with the reason: `promise.catch(f)` (ECMA-262 §27.2.5.1).
    ///
    /// The type of the reasons stays, for the handler may fail in turn; [`recover`](Self::recover) and
    /// [`map_err`](Self::map_err) change it. A fault passes.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<u32, _>::reject("no").catch(|reason| if reason == "no" { Ok(0) } else { Err(reason) });
    /// assert_eq!(block_on(promise), Ok(0));
    /// ```
    #[track_caller]
    pub fn catch<R, F>(self, on_rejected: F) -> Promise<T, E>
    where
        F: FnOnce(E) -> R + 'static,
        R: IntoResolution<E, Value = T>,
    {
        react(self, OnRejected(on_rejected), Location::caller())
    }

    /// Calls `on_settled` in every outcome, faults included, and passes the outcome on: `promise.finally(f)`
    /// (ECMA-262 §27.2.5.3).
    ///
    /// If the handler returns a promise, the outcome waits for it. If it fails, its failure takes the place of the
    /// outcome, unless that is a fault. The derived promise settles two ticks after the handler ran (rules F1, F2).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<_, ()>::resolve(1).finally(|| println!("always"));
    /// assert_eq!(block_on(promise), Ok(1));
    /// ```
    #[track_caller]
    pub fn finally<R, F>(self, on_settled: F) -> Promise<T, E>
    where
        F: FnOnce() -> R + 'static,
        R: IntoResolution<E>,
    {
        finally(self, on_settled, Location::caller())
    }

    /// Two handlers, of which one runs: `promise.then(f, g)`. A failure of the first is not caught by the second.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<u32, String>::reject("lost".to_string())
    ///     .then_catch(|n| Ok(n.to_string()), |reason| Promise::resolve(reason + ", found"));
    /// assert_eq!(block_on(promise), Ok("lost, found".to_string()));
    /// ```
    #[track_caller]
    pub fn then_catch<R, S, F, G>(self, on_fulfilled: F, on_rejected: G) -> Promise<R::Value, E>
    where
        F: FnOnce(T) -> R + 'static,
        G: FnOnce(E) -> S + 'static,
        R: IntoResolution<E>,
        S: IntoResolution<E, Value = R::Value>,
    {
        react(self, OnEither(on_fulfilled, on_rejected), Location::caller())
    }

    /// Maps the value with a function that cannot fail: a [`then`](Self::then) for plain values.
    #[track_caller]
    pub fn map<U: 'static>(self, function: impl FnOnce(T) -> U + 'static) -> Promise<U, E> {
        react(self, MapBoth(function, identity), Location::caller())
    }

    /// Maps the reason, and its type.
    #[track_caller]
    pub fn map_err<X: Debug + 'static>(self, function: impl FnOnce(E) -> X + 'static) -> Promise<T, X> {
        react(self, MapBoth(identity, function), Location::caller())
    }

    /// Makes a value of the reason: a [`catch`](Self::catch) after which nothing can be rejected, as the type says.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<usize, &str>::reject("four").recover(|reason| reason.len());
    /// let Ok(length) = block_on(promise);
    /// assert_eq!(length, 4);
    /// ```
    #[track_caller]
    pub fn recover(self, function: impl FnOnce(E) -> T + 'static) -> Promise<T, Infallible> {
        react(self, Recover(function), Location::caller())
    }

    /// Looks at the value as it passes.
    #[track_caller]
    pub fn inspect(self, look: impl FnOnce(&T) + 'static) -> Promise<T, E> {
        self.map(move |value| {
            look(&value);
            value
        })
    }

    /// Looks at the reason as it passes.
    #[track_caller]
    pub fn inspect_err(self, look: impl FnOnce(&E) + 'static) -> Promise<T, E> {
        self.map_err(move |reason| {
            look(&reason);
            reason
        })
    }

    /// Calls `on_settled` with the whole outcome: the one handler that sees a [`Fault`].
    ///
    /// ```
    /// use thenable::{Outcome, Promise, block_on};
    ///
    /// let promise = Promise::<u32, String>::resolve(1)
    ///     .map(|_| panic!("a bug"))
    ///     .handle(|outcome: Outcome<(), String>| match outcome {
    ///         Outcome::Faulted(fault) => Ok(fault.message().to_string()),
    ///         other => Err(format!("{other:?}")),
    ///     });
    /// assert_eq!(block_on(promise), Ok("a bug".to_string()));
    /// ```
    #[track_caller]
    pub fn handle<R, F>(self, on_settled: F) -> Promise<R::Value, E>
    where
        F: FnOnce(Outcome<T, E>) -> R + 'static,
        R: IntoResolution<E>,
    {
        react(self, OnSettled(on_settled), Location::caller())
    }

    /// Takes a [`Fault`] as a value. Named after [`std::panic::catch_unwind`].
    #[track_caller]
    pub fn catch_unwind(self) -> Promise<Result<T, Fault>, E> {
        react(self, CatchUnwind, Location::caller())
    }

    /// Puts the value and the reason behind [`Rc`], so that the handle can be cloned whatever they are.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// struct Unique(u32);
    /// let promise = Promise::<_, ()>::resolve(Unique(1)).shared();
    /// let first = promise.clone().map(|unique| unique.0);
    /// let second = promise.map(|unique| unique.0 + 1);
    /// assert_eq!(block_on(first), Ok(1));
    /// assert_eq!(block_on(second), Ok(2));
    /// ```
    #[track_caller]
    pub fn shared(self) -> Promise<Rc<T>, Rc<E>> {
        react(self, Share, Location::caller())
    }
}
