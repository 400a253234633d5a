//! What a promise can be resolved with, and what a handler may return.

use super::thenable::Thenable;
use crate::cell::handle::Promise;

/// What a promise is resolved with.
#[derive(Debug)]
pub enum Resolution<T, E> {
    /// A value: the promise is fulfilled now.
    Fulfill(T),
    /// A reason: the promise is rejected now. `throw` of JavaScript.
    Reject(E),
    /// Another promise: this one is locked in to its fate, and settles at least two ticks later (rules T5, T8).
    Adopt(Promise<T, E>),
    /// Anything else with a `then`: it is called from a job of its own, one tick later (rule T6).
    Thenable(Box<dyn Thenable<T, E>>),
}

/// What a handler may return: anything that a promise can be resolved with.
///
/// `Result` (`Err` is JavaScript's `throw`), [`Promise`], [`Resolution`] and `()` are there. A handler that returns a plain
/// value is given to [`map`](Promise::map). Give your own type a place among them with an `impl`:
///
/// ```
/// use thenable::{IntoResolution, Promise, Resolution};
///
/// /// An answer of some service.
/// enum Answer { Text(String), Refused(u16) }
///
/// impl IntoResolution<u16> for Answer {
///     type Value = String;
///
///     fn into_resolution(self) -> Resolution<String, u16> {
///         match self {
///             Answer::Text(text) => Resolution::Fulfill(text),
///             Answer::Refused(code) => Resolution::Reject(code),
///         }
///     }
/// }
///
/// let promise: Promise<String, u16> = Promise::resolve(200).then(|code| match code {
///     200 => Answer::Text("fine".to_string()),
///     code => Answer::Refused(code),
/// });
/// assert_eq!(thenable::block_on(promise), Ok("fine".to_string()));
/// ```
///
/// A handler must keep to the reason's type of its promise; [`map_err`](Promise::map_err) changes it:
///
/// ```compile_fail,E0271
/// # use thenable::Promise;
/// let promise = Promise::<u32, String>::resolve(1);
/// let derived: Promise<u32, String> = promise.then(|n| if n > 0 { Ok(n) } else { Err(404) });
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler of a promise with reasons of type `{E}` cannot return `{Self}`",
    label = "does not resolve a promise with reasons of type `{E}`",
    note = "return `Result<_, {E}>`, `Promise<_, {E}>` or `()`; give a handler that returns a plain value to `map`",
    note = "`map_err` changes the type of the reasons",
    note = "a handler that never returns (`panic!()`, `todo!()`) needs a return type: `|_| -> Result<(), {E}> {{ todo!() }}`"
)]
pub trait IntoResolution<E> {
    /// What the promise is fulfilled with.
    type Value: 'static;

    /// Says what to resolve with. Called once, right after the handler returned.
    fn into_resolution(self) -> Resolution<Self::Value, E>;
}

impl<T: 'static, E> IntoResolution<E> for Result<T, E> {
    type Value = T;

    fn into_resolution(self) -> Resolution<T, E> {
        match self {
            Ok(value) => Resolution::Fulfill(value),
            Err(reason) => Resolution::Reject(reason),
        }
    }
}

impl<T: 'static, E> IntoResolution<E> for Promise<T, E> {
    type Value = T;

    fn into_resolution(self) -> Resolution<T, E> {
        Resolution::Adopt(self)
    }
}

impl<T: 'static, E> IntoResolution<E> for Resolution<T, E> {
    type Value = T;

    fn into_resolution(self) -> Self {
        self
    }
}

impl<E> IntoResolution<E> for () {
    type Value = ();

    fn into_resolution(self) -> Resolution<(), E> {
        Resolution::Fulfill(())
    }
}
