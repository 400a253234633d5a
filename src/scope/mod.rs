//! A scope: what is begun in it is finished or aborted before the scope ends.
//!
//! The state of a scope counts its children. Each child has one [`Child`](child::Child), the reaction on its promise. The first
//! failure aborts the signal of the scope; the result settles when the last child has settled, or can never settle any more.

mod child;
mod state;

use std::error::Error;
use std::fmt::{self, Debug};
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use thiserror::Error;

use self::child::{watch, watch_body};
use self::state::State;
use crate::abort::aborted::Aborted;
use crate::abort::signal::AbortSignal;
use crate::abort::spawn::spawn_until;
use crate::cell::handle::Promise;
use crate::context::Snapshot;
use crate::resolve::attempt;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, ScopeError<E>> {
    /// Calls `body` with a scope, in which it begins several things, and waits for all of them: `coroutineScope` of Kotlin, the
    /// nursery of Trio.
    ///
    /// What the body comes to is one of the things that belong to the scope; [`Scope::spawn`] and [`Scope::add`] bring more, at
    /// any time until the scope ends.
    ///
    /// - **Settles** when all of them have: fulfilled with the value of the body if all were fulfilled; otherwise rejected with
    ///   a [`ScopeError`], which has the reasons of all.
    /// - **The first failure,** be it a rejection or a [`Fault`](crate::Fault), aborts the signal of the scope: the futures that
    ///   it has spawned are dropped, and what has taken [its signal](Scope::signal) is told. What was added and does not listen
    ///   is waited for. To sleep in a scope there is [`Scope::delay`]: the timer of a [`delay`](crate::delay) stays.
    /// - **Ticks:** one tick after the last of them, so that a handler runs one more tick later.
    /// - **Faults:** if something failed by a fault, the result has that fault, the first in time if there are several. A panic
    ///   of the body is one.
    /// - **What can never settle,** for it was abandoned, counts as finished once the scope is aborted. As long as it is not,
    ///   the scope waits for an abort; the result is abandoned when none can come.
    /// - **Cost:** six allocations for the scope, and two for each promise that is added, beside its own.
    ///
    /// ```
    /// use thenable::{Promise, block_on, delay_with};
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let sum = Promise::<_, _>::scope(|scope| {
    ///     let slow = scope.delay(ms(2)).map(|()| 40);
    ///     let fast = scope.add(delay_with::<_, String>(ms(1), 2));
    ///     Promise::join((slow, fast)).map(|(a, b)| a + b)
    /// });
    /// assert_eq!(block_on(sum), Ok(42));
    ///
    /// let failed = Promise::<(), _>::scope(|scope| {
    ///     scope.delay(Duration::from_secs(3600));
    ///     scope.add(Promise::<(), _>::reject("no milk"));
    ///     Ok(())
    /// });
    /// assert_eq!(block_on(failed).unwrap_err().errors, ["no milk"]);
    /// ```
    #[doc(alias = "nursery")]
    #[doc(alias = "coroutineScope")]
    #[track_caller]
    pub fn scope<R>(body: impl FnOnce(Scope<E>) -> R) -> Self
    where
        R: IntoResolution<E, Value = T>,
    {
        let made_at = Location::caller();
        let (result, state, value) = State::new(made_at);
        let scope = Scope { state: state.clone() };
        let completion = attempt(|| Ok(body(scope).into_resolution()));
        watch_body(&state, completion, value, made_at);
        result
    }

    /// [`scope`](Self::scope) with a body that is an async closure. It is spawned in the scope, so it is dropped when something
    /// else fails.
    ///
    /// ```
    /// use thenable::{Promise, Scope, block_on};
    ///
    /// let sum = Promise::scope_async(async |scope: Scope<String>| {
    ///     let (a, b) = (scope.spawn(async { Ok(40) }), scope.spawn(async { Ok(2) }));
    ///     Ok(a.await? + b.await?)
    /// });
    /// assert_eq!(block_on(sum), Ok(42));
    /// ```
    #[track_caller]
    pub fn scope_async<R, A, F>(body: F) -> Self
    where
        F: FnOnce(Scope<E>) -> A,
        A: Future<Output = R> + 'static,
        R: IntoResolution<E, Value = T> + 'static,
    {
        let made_at = Location::caller();
        Self::scope(|scope| {
            let signal = scope.signal();
            spawn_until(&signal, body(scope), |_| None, made_at)
        })
    }
}

/// What a [`scope`](Promise::scope) gives to its body: begins things that belong to the scope. Clones are the same scope.
pub struct Scope<E> {
    state: Rc<State<E>>,
}

impl<E: Debug + 'static> Scope<E> {
    /// [`Promise::spawn`] of a future that belongs to the scope. It is dropped, with all that it owns, when the scope is aborted,
    /// in the way of [`AbortSignal::spawn`]; if that has happened before, or the scope has ended, it is never polled.
    ///
    /// The promise is fulfilled as the future is. If it fails, or is dropped, its reason goes to the [`ScopeError`], and the
    /// promise stays pending: whoever waits for it belongs to the scope, which is aborted.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Promise<<F::Output as IntoResolution<E>>::Value, E>
    where
        F: Future<Output: IntoResolution<E>> + 'static,
    {
        let made_at = Location::caller();
        let promise = spawn_until(&self.state.running_signal(), future, |_| None, made_at);
        watch(&self.state, Ok(promise.into_resolution()), made_at)
    }

    /// Makes a promise, or whatever else resolves, part of the scope: it does not end before that has settled. An abort does
    /// not stop it, unless it has taken the [signal](Self::signal).
    ///
    /// The promise that is returned is fulfilled as the other one is, a tick later. If that fails, its reason goes to the
    /// [`ScopeError`], and the promise stays pending. If the scope has ended, nobody waits for what is added.
    #[track_caller]
    pub fn add<R: IntoResolution<E>>(&self, work: R) -> Promise<R::Value, E> {
        watch(&self.state, attempt(|| Ok(work.into_resolution())), Location::caller())
    }

    /// Does not count as an error what is the abort of the scope itself: a child that was added and has taken the
    /// [signal](Self::signal) is rejected because something else has failed, which is no further failure.
    ///
    /// What a reason is only the program knows, so it says so: `find` gives the [`Aborted`] that a reason is made of, if it is.
    /// From now on, a child whose reason is the abort of this scope has ended without an error, as a future that was dropped. Any
    /// other abort is an error: a time limit of the child's own is one. A panic of `find` is a fault of the child.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{Aborted, Promise, block_on};
    ///
    /// #[derive(Debug, PartialEq)]
    /// enum FetchError { Missing, Aborted(Aborted) }
    ///
    /// impl From<Aborted> for FetchError {
    ///     fn from(aborted: Aborted) -> Self {
    ///         Self::Aborted(aborted)
    ///     }
    /// }
    ///
    /// let both = Promise::<(), _>::scope(|scope| {
    ///     scope.ignore_aborts(|error| match error {
    ///         FetchError::Aborted(aborted) => Some(aborted),
    ///         FetchError::Missing => None,
    ///     });
    ///     scope.add(scope.signal().delay::<FetchError>(Duration::from_secs(3600)));
    ///     scope.add(Promise::<(), _>::reject(FetchError::Missing));
    ///     Ok(())
    /// });
    /// assert_eq!(block_on(both).unwrap_err().errors, [FetchError::Missing]);
    /// ```
    pub fn ignore_aborts(&self, find: impl Fn(&E) -> Option<&Aborted> + 'static) {
        let context = Snapshot::take();
        let is_own = move |reason: &E, aborted: &Aborted| context.run(|| find(reason) == Some(aborted));
        self.state.ignore_aborts(Rc::new(is_own));
    }

    /// The signal that is aborted at the first failure, and with the scope.
    pub fn signal(&self) -> AbortSignal {
        self.state.signal()
    }

    /// Aborts the scope for no reason. Nothing happens if it is aborted already, or has ended.
    ///
    /// What is done before this returns is what [`AbortController::abort`](crate::AbortController::abort) does. The result is
    /// rejected when the last promise that was added has settled, perhaps before this returns.
    pub fn abort(&self) {
        self.state.abort(&Aborted::default());
    }

    /// Aborts the scope for `reason`. See [`abort`](Self::abort).
    pub fn abort_with(&self, reason: impl Into<Box<dyn Error + Send + Sync>>) {
        self.state.abort(&Aborted::new(reason));
    }

    /// Aborts the scope when `signal` is aborted, for the same reason; at once, if it is aborted already.
    ///
    /// ```
    /// use thenable::{AbortController, Aborted, Promise, ScopeError, block_on, queue_microtask};
    ///
    /// let window = AbortController::new();
    /// let work = Promise::<(), ScopeError<String>>::scope(|scope| {
    ///     scope.abort_when(&window.signal());
    ///     scope.spawn(async { Ok(futures::future::pending::<()>().await) });
    ///     Ok(())
    /// });
    /// queue_microtask(move || window.abort_with("the window was closed"));
    /// let error = block_on(work).unwrap_err();
    /// assert_eq!(error.aborted.unwrap().to_string(), "aborted: the window was closed");
    /// ```
    pub fn abort_when(&self, signal: &AbortSignal) {
        State::abort_when(&self.state, signal);
    }
}

impl<E> Clone for Scope<E> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

impl<E> Debug for Scope<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("unfinished", &self.state.unfinished()).finish_non_exhaustive()
    }
}

/// Why a [`scope`](Promise::scope) was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ScopeError<E> {
    /// The reasons of all that were rejected, in the order of time. The first one has aborted the others, unless the scope was
    /// aborted before. Futures that were dropped have none. What was added and is rejected by the abort is among them, unless
    /// the scope [ignores](Scope::ignore_aborts) that.
    pub errors: Vec<E>,
    /// Why the scope was aborted, if it was not because of a failure in it.
    pub aborted: Option<Aborted>,
}

impl<E: Debug> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.aborted {
            Some(aborted) => write!(f, "the scope was {aborted}")?,
            None => f.write_str("the scope failed")?,
        }
        match self.errors.len() {
            0 => Ok(()),
            count => write!(f, "; {count} were rejected: {:?}", self.errors),
        }
    }
}
