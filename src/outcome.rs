//! What a promise settles to.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic;
use std::rc::Rc;

use crate::error::SelfResolution;

/// How a promise settled.
///
/// JavaScript knows two ways, fulfilled and rejected. A Rust program has a third: it panics. See [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T, E> {
    /// It was fulfilled with this value.
    Fulfilled(T),
    /// It was rejected for this reason.
    Rejected(E),
    /// The code that should have settled it panicked, or it was resolved with itself.
    Faulted(Fault),
}

impl<T, E> Outcome<T, E> {
    /// The value or the reason, as a `Result`.
    ///
    /// # Errors
    ///
    /// The reason of a rejection.
    ///
    /// # Panics
    ///
    /// Resumes the panic that a [`Fault`] carries.
    pub fn into_result(self) -> Result<T, E> {
        match self {
            Self::Fulfilled(value) => Ok(value),
            Self::Rejected(reason) => Err(reason),
            Self::Faulted(fault) => fault.resume(),
        }
    }

    /// Maps the value.
    pub(crate) fn map<U>(self, function: impl FnOnce(T) -> U) -> Outcome<U, E> {
        match self {
            Self::Fulfilled(value) => Outcome::Fulfilled(function(value)),
            Self::Rejected(reason) => Outcome::Rejected(reason),
            Self::Faulted(fault) => Outcome::Faulted(fault),
        }
    }

    /// Which of the three it is.
    pub fn state(&self) -> PromiseState {
        match self {
            Self::Fulfilled(_) => PromiseState::Fulfilled,
            Self::Rejected(_) => PromiseState::Rejected,
            Self::Faulted(_) => PromiseState::Faulted,
        }
    }
}

impl<T, E> From<Result<T, E>> for Outcome<T, E> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Fulfilled(value),
            Err(reason) => Self::Rejected(reason),
        }
    }
}

/// Where a promise stands: the `[[PromiseState]]` of ECMA-262 §27.2.6, and faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PromiseState {
    /// Not settled yet. A promise that follows another one is pending too.
    Pending,
    /// Settled with a value.
    Fulfilled,
    /// Settled with a reason.
    Rejected,
    /// Settled with a [`Fault`].
    Faulted,
}

impl fmt::Display for PromiseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Fulfilled => "fulfilled",
            Self::Rejected => "rejected",
            Self::Faulted => "faulted",
        })
    }
}

/// The third way to settle: a panic in a handler, an executor or a spawned future, or a promise that was resolved with
/// itself.
///
/// A fault passes [`then`](crate::Promise::then) and [`catch`](crate::Promise::catch), still runs
/// [`finally`](crate::Promise::finally), and resumes unwinding where somebody awaits the promise or blocks on it.
/// [`handle`](crate::Promise::handle) and [`catch_unwind`](crate::Promise::catch_unwind) take it as a value. A fault that
/// nobody sees is reported as an unhandled rejection is.
///
/// Clones share one payload; the first to take it has it.
#[derive(Clone)]
pub struct Fault {
    inner: Rc<FaultInner>,
}

struct FaultInner {
    message: Box<str>,
    payload: Cell<Option<Box<dyn Any + Send>>>,
    self_resolution: Option<SelfResolution>,
}

impl Fault {
    /// A fault from the payload of a panic, as [`std::panic::catch_unwind`] gives it.
    pub fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        if let Some(error) = payload.downcast_ref::<SelfResolution>() {
            return Self::from_self_resolution(*error);
        }
        let message = if let Some(message) = payload.downcast_ref::<&'static str>() {
            (*message).into()
        } else if let Some(message) = payload.downcast_ref::<String>() {
            message.as_str().into()
        } else {
            "Box<dyn Any>".into()
        };
        Self { inner: Rc::new(FaultInner { message, payload: Cell::new(Some(payload)), self_resolution: None }) }
    }

    pub(crate) fn from_self_resolution(error: SelfResolution) -> Self {
        let message = error.to_string().into_boxed_str();
        Self { inner: Rc::new(FaultInner { message, payload: Cell::new(None), self_resolution: Some(error) }) }
    }

    /// The message of the panic; `Box<dyn Any>` where the payload was neither `&'static str` nor `String`.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The error, if the promise was resolved with itself.
    pub fn self_resolution(&self) -> Option<SelfResolution> {
        self.inner.self_resolution
    }

    /// The payload of the panic, or the [`SelfResolution`] in a box. A later taker of a panic's payload, among the clones of
    /// this fault, gets the message, as a `String`.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        match self.inner.self_resolution {
            Some(error) => Box::new(error),
            None => self.inner.payload.take().unwrap_or_else(|| Box::new(self.inner.message.to_string())),
        }
    }

    /// Goes on unwinding with the payload. The panic hook is not called a second time.
    ///
    /// # Panics
    ///
    /// Always.
    pub fn resume(self) -> ! {
        panic::resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.inner.message).finish()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner.self_resolution {
            Some(error) => error.fmt(f),
            None => write!(f, "panicked: {}", self.inner.message),
        }
    }
}

impl std::error::Error for Fault {}

impl PartialEq for Fault {
    /// Two faults are equal when they are clones of one.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Fault {}
