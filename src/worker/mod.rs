//! Workers: threads with a loop of their own, as those of Node's `worker_threads`.
//!
//! Between a worker and its parent there are two [channels](channel), one for each direction. Each side receives with an
//! [inlet](inlet), which its thread keeps at home. A [call](call) is a message with a way back: the key of a promise.

pub(crate) mod call;
mod channel;
pub(crate) mod error;
mod inlet;
pub(crate) mod port;
pub(crate) mod spawn;

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::thread::ThreadId;

use self::call::{Call, Callee, Calls, Cause};
use self::channel::{Channel, Packet};
use self::error::{PortClosed, WorkerError, WorkerExit};
use self::inlet::Inlet;
use self::port::{Port, messages_of};
use self::spawn::WorkerBuilder;
use crate::cell::handle::Promise;
use crate::events::stream::Events;
use crate::inbox::targets::AwaitedBy;
use crate::outcome::Outcome;

/// How a worker ended.
type Ending = Result<WorkerExit, WorkerError>;

/// From the parent to the worker.
type Downward<In> = Channel<Packet<In, ()>>;

/// From the worker to the parent.
type Upward<Out> = Channel<Packet<Out, Ending>>;

/// A thread with a loop of its own, which receives `In` and sends `Out`: `Worker` of Node's `worker_threads`.
///
/// Messages are values that move from one thread to the other, so they are [`Send`]; nothing is copied or serialised.
/// Everything else stays where it is: promises, listeners and what they own run and are dropped on their own thread. What the
/// worker needs to begin with, Node's `workerData`, the closure captures.
///
/// ```
/// use thenable::{Call, Port, Worker, block_on};
///
/// enum Task {
///     Sum(Call<Vec<u64>, u64>),
///     Greet(Call<&'static str, String>),
/// }
///
/// let worker = Worker::spawn(|port: Port<Task>| {
///     port.on_message(|task| match task {
///         Task::Sum(call) => call.answer(|numbers| Ok(numbers.iter().sum())),
///         Task::Greet(call) => call.answer(|name| Ok(format!("hello, {name}"))),
///     });
/// });
///
/// let sum = worker.call_as(Task::Sum, vec![1, 2, 3]);
/// let greeting = worker.call_as(Task::Greet, "zero");
/// assert_eq!(block_on(sum).unwrap(), 6);
/// assert_eq!(block_on(greeting).unwrap(), "hello, zero");
/// ```
///
/// # How long it lives
///
/// The worker ends when its loop has nothing left to do. Its [port](Port) keeps the loop going while it listens, until the
/// last handle of the worker is dropped or [`close`](Self::close) is called: then it gets what was sent before, and nothing
/// more. [`terminate`](Self::terminate) stops it sooner, and so does the worker itself by [`Port::exit`]. If the parent's
/// loop goes, because its thread ends or its [`EventLoop`](crate::EventLoop) is dropped, the worker is terminated.
///
/// A worker keeps its parent's loop going as long as it lives, unless [`keep_alive(false)`](Self::keep_alive) was called.
/// [`exited`](Self::exited) tells how it ended. If a panic or an unhandled rejection ended it, that promise is rejected. If
/// nobody handles that, it is an unhandled rejection of the parent, as an `error` event of a worker without a listener is in
/// Node.
///
/// A clone is another handle on the same worker. A handle stays on the parent's thread.
///
/// # Which loop
///
/// On the parent's side the worker belongs to the loop in which it was spawned: that one delivers its messages, settles
/// [`exited`](Self::exited), and is kept going. A call is answered in the loop that is entered when it is made. On its own
/// thread the worker's port belongs to the [loop of the thread](crate::EventLoop::of_thread).
pub struct Worker<In, Out = Infallible> {
    handle: Rc<Handle<In, Out>>,
}

struct Handle<In, Out> {
    /// The thread keeps it until the worker has ended.
    inlet: Weak<Inlet<Out, Ending>>,
    worker: Arc<Downward<In>>,
    worker_thread: ThreadId,
    cause: Cause,
    calls: Rc<Calls>,
    exited: Promise<WorkerExit, WorkerError>,
    /// Whether the worker was told that nothing more will be sent.
    is_closed: Cell<bool>,
}

impl<In: Send + 'static, Out: Send + 'static> Worker<In, Out> {
    /// Starts a thread that runs `main`, and then its loop until nothing is left to do.
    ///
    /// What is sent before the thread is up waits for it. If the thread cannot be started, [`exited`](Self::exited) is
    /// rejected with [`WorkerError::NotStarted`]. [`WorkerBuilder`] gives it a name and a size of the stack.
    #[track_caller]
    pub fn spawn(main: impl FnOnce(Port<In, Out>) + Send + 'static) -> Self {
        WorkerBuilder::new().spawn(main)
    }

    /// Sends a message to the worker: `worker.postMessage(message)`. It moves there.
    ///
    /// The worker's listener gets the messages in the order of sending, each in a macrotask of its own. A message that was
    /// taken is not received if the worker ends before, or never listens.
    ///
    /// ```
    /// use thenable::{Port, Worker, run};
    ///
    /// let worker = Worker::spawn(|port: Port<String>| port.close());
    /// let exited = worker.exited();
    /// run(move || {
    ///     exited.map(move |_exit| {
    ///         let closed = worker.post_message("late".to_string()).unwrap_err();
    ///         assert_eq!(closed.0, "late");
    ///     });
    /// })?;
    /// # Ok::<(), thenable::UnhandledRejection>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the worker has ended or has closed its port, or this side was [closed](Self::close): the message comes back. Node
    /// drops it in silence.
    pub fn post_message(&self, message: In) -> Result<(), PortClosed<In>> {
        if self.handle.is_closed.get() {
            return Err(PortClosed(message));
        }
        self.handle.worker.send_message(message)
    }

    /// Calls `listener` with each message of the worker, in the order of sending: `worker.on("message", listener)`.
    ///
    /// Each is a macrotask of this thread's loop: ticks and microtasks run between any two. Messages that came before wait
    /// until now; Node drops them. There is one listener; another one takes its place. It is dropped when the worker has
    /// ended and all its messages were delivered.
    ///
    /// # Panics
    ///
    /// Not this call; but a panic in the listener has no promise to settle, so it unwinds out of [`run`](crate::run) or
    /// [`block_on`](crate::block_on).
    pub fn on_message(&self, listener: impl FnMut(Out) + 'static) {
        if let Some(inlet) = self.handle.inlet.upgrade() {
            inlet.listen(Box::new(listener));
        }
    }

    /// Removes the listener. Returns whether there was one. Messages wait for the next listener.
    pub fn off_message(&self) -> bool {
        self.handle.inlet.upgrade().is_some_and(|inlet| inlet.unlisten(None))
    }

    /// The messages as a stream, which takes the place of a listener and ends when the worker has ended.
    #[track_caller]
    pub fn messages(&self) -> Events<Out> {
        messages_of(&self.handle.inlet)
    }

    /// Sends a message that the worker answers: its listener gets a [`Call`].
    ///
    /// `In` is the type of calls itself, or has a variant for each and `From`; [`call_as`](Self::call_as) does without
    /// `From`. The message has its place in the order of all messages. The answer settles the promise in a macrotask.
    ///
    /// # Errors
    ///
    /// The promise is rejected with the [`WorkerError`]: with [`Rejected`](WorkerError::Rejected) by the handler, or with what
    /// ended the worker before it answered. The promise has a fault if the handler panicked.
    #[track_caller]
    pub fn call<Q, T, E>(&self, message: Q) -> Promise<T, WorkerError<E>>
    where
        In: From<Call<Q, T, E>>,
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        self.call_as(In::from, message)
    }

    /// [`call`](Self::call) with a function that makes an `In` of the call: a variant of an `enum`, for instance.
    #[track_caller]
    pub fn call_as<Q, T, E>(&self, wrap: impl FnOnce(Call<Q, T, E>) -> In, message: Q) -> Promise<T, WorkerError<E>>
    where
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        match self.try_call_as(wrap, message) {
            Ok(promise) => promise,
            Err(_) => match self.why_closed() {
                Some(error) => Promise::reject(error.of_call()),
                // What it died of is on its way.
                None => self.callee().expect_answer(Location::caller()).0,
            },
        }
    }

    /// [`call`](Self::call), if the worker takes the message.
    ///
    /// # Errors
    ///
    /// Where [`post_message`](Self::post_message) would fail: the message comes back, with the call in it.
    #[track_caller]
    pub fn try_call<Q, T, E>(&self, message: Q) -> Result<Promise<T, WorkerError<E>>, PortClosed<In>>
    where
        In: From<Call<Q, T, E>>,
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        self.try_call_as(In::from, message)
    }

    /// [`try_call`](Self::try_call) with a function that makes an `In` of the call.
    ///
    /// # Errors
    ///
    /// As for [`try_call`](Self::try_call).
    #[track_caller]
    pub fn try_call_as<Q, T, E>(
        &self,
        wrap: impl FnOnce(Call<Q, T, E>) -> In,
        message: Q,
    ) -> Result<Promise<T, WorkerError<E>>, PortClosed<In>>
    where
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        self.callee().call(wrap, message, Location::caller())
    }

    fn callee(&self) -> Callee<'_, In, ()> {
        let Handle { worker, worker_thread, cause, calls, is_closed, .. } = &*self.handle;
        let (is_closed, thread) = (is_closed.get(), *worker_thread);
        // The worker itself keeps its loop going, or is not to. Any other loop has nothing but the call.
        let in_another_loop = self.handle.inlet.upgrade().is_some_and(|inlet| inlet.holds_another_loop());
        let awaited = if in_another_loop { AwaitedBy::Runs } else { AwaitedBy::Clock };
        Callee { channel: worker, is_closed, thread, cause: Some(cause), calls, awaited }
    }

    /// Why nothing can be sent. `None` if the worker has ended, and the reason has not arrived yet.
    fn why_closed(&self) -> Option<WorkerError> {
        match self.handle.exited.peek().as_deref() {
            Some(Outcome::Rejected(error)) => Some(error.clone()),
            Some(Outcome::Fulfilled(WorkerExit::Terminated)) => Some(WorkerError::Terminated),
            // The loop that would hear of its end is gone.
            None if self.handle.inlet.strong_count() == 0 => Some(WorkerError::Terminated),
            None if self.handle.worker.has_ended() => None,
            _ => Some(WorkerError::Closed),
        }
    }

    /// Whether the worker keeps this thread's loop going while it lives: Node's `worker.ref()` and `worker.unref()`. It does,
    /// unless this says otherwise.
    ///
    /// It is [`run`](crate::run) that does not wait then, also not for calls. [`block_on`](crate::block_on) waits for its
    /// future as long as anybody could still wake it.
    pub fn keep_alive(&self, keep: bool) {
        if let Some(inlet) = self.handle.inlet.upgrade() {
            inlet.keep_alive(keep);
        }
    }

    /// Says that nothing more will be sent, which dropping the last handle does, too. The worker gets what was sent before;
    /// then its port is closed.
    ///
    /// What the worker sends still arrives.
    pub fn close(&self) {
        self.handle.close();
    }

    /// Stops the worker at its next opportunity, which is between two macrotasks: `worker.terminate()`. Returns what
    /// [`exited`](Self::exited) returns.
    ///
    /// A callback that runs is not interrupted, nor is a drain, as it is in Node: a worker that never returns to its loop
    /// cannot be stopped. Messages it has not received are dropped, on its thread; so is everything that is pending there. Calls
    /// that wait are rejected with [`WorkerError::Terminated`]. A worker that has not begun does not begin. One that runs a loop
    /// of its own inside a callback stops when that has returned.
    ///
    /// ```
    /// use thenable::{Port, Worker, WorkerExit, block_on};
    ///
    /// let worker = Worker::spawn(|port: Port<()>| port.on_message(|()| {}));
    /// assert_eq!(block_on(worker.terminate()).unwrap(), WorkerExit::Terminated);
    /// ```
    pub fn terminate(&self) -> Promise<WorkerExit, WorkerError> {
        self.handle.worker.stop();
        self.exited()
    }

    /// The promise of how the worker ends: Node's events `exit` and `error` in one. [`WorkerExit::code`] is Node's exit code.
    ///
    /// It settles when the thread has ended, after everything that the worker sent. It is rejected if a panic or an unhandled
    /// rejection ended it. If the parent's loop goes before, it is abandoned. Each call gives a handle on the same promise.
    ///
    /// ```
    /// use thenable::{Port, Worker, WorkerError, WorkerExit, block_on};
    ///
    /// let worker = Worker::<()>::spawn(|_port: Port<()>| {});
    /// assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
    ///
    /// let worker = Worker::<()>::spawn(|_port: Port<()>| panic!("a bug"));
    /// let error = block_on(worker.exited()).unwrap_err();
    /// assert_eq!(error.to_string(), "the worker panicked: a bug");
    /// ```
    pub fn exited(&self) -> Promise<WorkerExit, WorkerError> {
        self.handle.exited.clone()
    }
}

impl<In, Out> Handle<In, Out> {
    fn close(&self) {
        if !self.is_closed.replace(true) {
            // If the port is closed already there is nobody to be told.
            drop(self.worker.send(Packet::Last(())));
        }
    }
}

impl<In, Out> Drop for Handle<In, Out> {
    fn drop(&mut self) {
        self.close();
        if let Some(inlet) = self.inlet.upgrade() {
            inlet.orphan();
        }
    }
}

impl<In, Out> Clone for Worker<In, Out> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<In, Out> Debug for Worker<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("exited", &self.handle.exited).finish_non_exhaustive()
    }
}
