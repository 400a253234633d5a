//! How a worker ends, and what goes wrong with one.

use std::any::Any;
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::io;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use crate::event_loop::hooks::UnhandledRejection;

/// How a worker ended, if nothing went wrong. See [`Worker::exited`](crate::Worker::exited).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerExit {
    /// Its loop had nothing left to do.
    Finished,
    /// It called [`exit`](crate::Port::exit), with this code.
    Exited(i32),
    /// [`terminate`](crate::Worker::terminate) stopped it.
    Terminated,
}

impl WorkerExit {
    /// Node's exit code: 0 if it had nothing left to do, 1 if it was terminated, else what it called
    /// [`exit`](crate::Port::exit) with. A worker that failed, which has a [`WorkerError`] instead, has code 1 in Node.
    ///
    /// ```
    /// use thenable::{Port, Worker, block_on};
    ///
    /// let worker = Worker::<()>::spawn(|port: Port<()>| port.exit(3));
    /// let code = worker.exited().map(|exit| exit.code()).catch(|error| {
    ///     eprintln!("{error}");
    ///     Ok(1)
    /// });
    /// assert_eq!(block_on(code).unwrap(), 3);
    /// ```
    pub const fn code(self) -> i32 {
        match self {
            Self::Finished => 0,
            Self::Exited(code) => code,
            Self::Terminated => 1,
        }
    }
}

/// Why a worker failed, or why a call to one did.
///
/// `E` is the reason with which the handler of a call may reject it. What fails the worker as a whole has no such reason, and
/// `E` is [`Infallible`].
///
/// It may be cloned and sent: all who wait for a worker hear of one cause.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum WorkerError<E = Infallible> {
    /// The handler of the call rejected it.
    #[error("the call was rejected: {0:?}")]
    Rejected(E),
    /// The call was dropped without an answer.
    #[error("the call was dropped without an answer")]
    Unanswered,
    /// The other side takes no messages, or took none any more: it has closed its port, or it has ended.
    #[error("the port is closed")]
    Closed,
    /// The worker was terminated before it answered.
    #[error("the worker was terminated")]
    Terminated,
    /// A panic that no promise took ended the worker.
    #[error("the worker {0}")]
    Panicked(WorkerPanic),
    /// A rejection that nobody handled ended the worker.
    #[error("in the worker: {0}")]
    UnhandledRejection(WorkerRejection),
    /// The thread could not be started.
    #[error("the thread of the worker could not be started: {0}")]
    NotStarted(#[source] Arc<io::Error>),
}

impl WorkerError {
    /// The same cause as the error of a call that may be rejected.
    ///
    /// ```
    /// use thenable::WorkerError;
    ///
    /// let cause: WorkerError = WorkerError::Terminated;
    /// let error: WorkerError<String> = cause.of_call();
    /// assert!(matches!(error, WorkerError::Terminated));
    /// ```
    pub fn of_call<E>(self) -> WorkerError<E> {
        match self {
            Self::Unanswered => WorkerError::Unanswered,
            Self::Closed => WorkerError::Closed,
            Self::Terminated => WorkerError::Terminated,
            Self::Panicked(panic) => WorkerError::Panicked(panic),
            Self::UnhandledRejection(rejection) => WorkerError::UnhandledRejection(rejection),
            Self::NotStarted(error) => WorkerError::NotStarted(error),
        }
    }
}

/// A panic that ended a worker. Clones share one payload; the first to take it has it.
#[derive(Clone)]
pub struct WorkerPanic {
    message: Arc<str>,
    payload: Arc<Mutex<Option<Box<dyn Any + Send>>>>,
}

impl WorkerPanic {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message: &str = if let Some(message) = payload.downcast_ref::<&'static str>() {
            message
        } else if let Some(message) = payload.downcast_ref::<String>() {
            message
        } else {
            "Box<dyn Any>"
        };
        Self { message: message.into(), payload: Arc::new(Mutex::new(Some(payload))) }
    }

    /// The message of the panic; `Box<dyn Any>` where the payload was neither `&'static str` nor `String`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The payload of the panic. A later taker, among the clones of this error, gets the message, as a `String`.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner).take();
        payload.unwrap_or_else(|| Box::new(self.message.to_string()))
    }
}

impl Debug for WorkerPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkerPanic").field(&self.message).finish()
    }
}

impl fmt::Display for WorkerPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)
    }
}

/// A rejection or a fault in a worker that nobody handled there.
///
/// The reason itself stays in the worker, for it need not be one that may be sent. This says what it was.
#[derive(Clone, Debug)]
pub struct WorkerRejection {
    message: Arc<str>,
    made_at: &'static Location<'static>,
}

impl WorkerRejection {
    pub(super) fn new(rejection: &UnhandledRejection) -> Self {
        Self { message: rejection.to_string().into(), made_at: rejection.made_at() }
    }

    /// What [`UnhandledRejection`] says of it: the reason, its type, and the promise.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The call that made the promise.
    pub fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }
}

impl fmt::Display for WorkerRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The other side takes no messages: it has closed its port, or it has ended. The message is still here.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the port is closed; the other side takes no more messages")]
pub struct PortClosed<M>(pub M);

impl<M> Debug for PortClosed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortClosed(..)")
    }
}
