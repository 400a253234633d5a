//! The worker's side: `parentPort` of Node.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::thread::ThreadId;

use super::call::{Call, Callee, Calls};
use super::error::{PortClosed, WorkerError};
use super::inlet::{Inlet, KeepsAlive};
use super::{Downward, Upward};
use crate::cell::handle::Promise;
use crate::events::stream::{Events, feed};
use crate::inbox::targets::AwaitedBy;
use crate::outcome::Outcome;
use crate::resolve::Producer;

/// A worker's way to its parent, which receives `In` and sends `Out`: Node's `parentPort`. See [`Worker`](crate::Worker).
///
/// A port that listens keeps the worker's loop going until it is closed: by [`close`](Self::close), or because the parent
/// sends nothing more. Messages wait until somebody listens. If no handle is left and nobody listens, the port is closed.
///
/// A clone is another handle on the same port; a listener may own one. It stays on the worker's thread.
pub struct Port<In, Out = Infallible> {
    handle: Rc<Handle<In, Out>>,
}

struct Handle<In, Out> {
    /// The thread keeps it until the port is closed.
    inlet: Weak<Inlet<In, ()>>,
    incoming: Arc<Downward<In>>,
    parent: Arc<Upward<Out>>,
    parent_thread: ThreadId,
    calls: Rc<Calls>,
    closed: Promise<(), Infallible>,
    /// Whether it was closed on this side.
    is_closed: Cell<bool>,
    exit: Rc<Exit>,
}

/// What a worker wants to end with.
#[derive(Default)]
pub(super) struct Exit(Cell<Option<i32>>);

impl Exit {
    /// The code, if it wants to end.
    pub(super) fn code(&self) -> Option<i32> {
        self.0.get()
    }
}

impl<In: Send + 'static, Out: Send + 'static> Port<In, Out> {
    /// The port of the thread that runs. Returns `None` if the worker was terminated before.
    pub(super) fn open(
        incoming: Arc<Downward<In>>,
        parent: Arc<Upward<Out>>,
        parent_thread: ThreadId,
        exit: Rc<Exit>,
    ) -> Option<Self> {
        let (closed, producer) = Producer::of_outcome(Location::caller());
        let on_last = move |()| producer.settle(Outcome::Fulfilled(()));
        let inlet = Inlet::open(incoming.clone(), KeepsAlive::WhileListening, on_last)?;
        let inlet = Rc::downgrade(&inlet);
        let (calls, is_closed) = (Rc::default(), Cell::new(false));
        let handle = Handle { inlet, incoming, parent, parent_thread, calls, closed, is_closed, exit };
        Some(Self { handle: Rc::new(handle) })
    }

    /// Sends a message to the parent: `parentPort.postMessage(message)`. It moves there.
    ///
    /// The parent's listener gets the messages in the order of sending, each in a macrotask of its own.
    ///
    /// # Errors
    ///
    /// If this port is closed, or the parent's loop is gone: the message comes back.
    pub fn post_message(&self, message: Out) -> Result<(), PortClosed<Out>> {
        if self.handle.is_closed.get() {
            return Err(PortClosed(message));
        }
        self.handle.parent.send_message(message)
    }

    /// Calls `listener` with each message of the parent, in the order of sending: `parentPort.on("message", listener)`.
    ///
    /// Each is a macrotask of the worker's loop: ticks and microtasks run between any two. Those that came before wait until
    /// now. There is one listener; another one takes its place. It keeps the loop going, as in Node also after
    /// `keep_alive(false)`.
    ///
    /// # Panics
    ///
    /// Not this call; but a panic in the listener has no promise to settle, so it ends the worker, with
    /// [`WorkerError::Panicked`].
    pub fn on_message(&self, listener: impl FnMut(In) + 'static) {
        if let Some(inlet) = self.handle.inlet.upgrade() {
            inlet.listen(Box::new(listener));
        }
    }

    /// Removes the listener. Returns whether there was one. Messages wait for the next listener.
    pub fn off_message(&self) -> bool {
        self.handle.inlet.upgrade().is_some_and(|inlet| inlet.unlisten(None))
    }

    /// The messages as a stream, which takes the place of a listener and ends when the port is closed.
    ///
    /// ```
    /// use futures::StreamExt;
    /// use thenable::{Port, Promise, Worker, block_on};
    ///
    /// let worker = Worker::spawn(|port: Port<u32, u32>| {
    ///     Promise::<(), String>::spawn(async move {
    ///         let mut messages = port.messages();
    ///         let mut sum = 0;
    ///         while let Some(n) = messages.next().await {
    ///             sum += n;
    ///         }
    ///         port.post_message(sum).map_err(|closed| closed.to_string())
    ///     });
    /// });
    /// let mut sums = worker.messages();
    /// (1..=10).for_each(|n| worker.post_message(n).unwrap());
    /// worker.close();
    /// assert_eq!(block_on(sums.next()), Some(55));
    /// ```
    #[track_caller]
    pub fn messages(&self) -> Events<In> {
        messages_of(&self.handle.inlet)
    }

    /// Sends a message that the parent answers: the parent's listener gets a [`Call`]. The loop keeps going until the answer
    /// comes. See [`Worker::call`](crate::Worker::call).
    ///
    /// # Errors
    ///
    /// The promise is rejected with the [`WorkerError`]: [`Rejected`](WorkerError::Rejected) by the parent's handler,
    /// [`Unanswered`](WorkerError::Unanswered), or [`Closed`](WorkerError::Closed) where
    /// [`post_message`](Self::post_message) would fail.
    #[track_caller]
    pub fn call<Q, T, E>(&self, message: Q) -> Promise<T, WorkerError<E>>
    where
        Out: From<Call<Q, T, E>>,
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        match self.try_call(message) {
            Ok(promise) => promise,
            Err(_) => Promise::reject(WorkerError::Closed),
        }
    }

    /// [`call`](Self::call), if the parent takes the message.
    ///
    /// # Errors
    ///
    /// Where [`post_message`](Self::post_message) would fail: the message comes back, with the call in it.
    #[track_caller]
    pub fn try_call<Q, T, E>(&self, message: Q) -> Result<Promise<T, WorkerError<E>>, PortClosed<Out>>
    where
        Out: From<Call<Q, T, E>>,
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        let Handle { parent, parent_thread, calls, is_closed, .. } = &*self.handle;
        let (is_closed, thread) = (is_closed.get(), *parent_thread);
        let callee = Callee { channel: parent, is_closed, thread, cause: None, calls, awaited: AwaitedBy::Runs };
        callee.call(Out::from, message, Location::caller())
    }

    /// Whether the port, while somebody listens, keeps the worker's loop going: Node's `ref()` and `unref()`. It does, unless
    /// this says otherwise; a new listener says that it does.
    pub fn keep_alive(&self, keep: bool) {
        if let Some(inlet) = self.handle.inlet.upgrade() {
            inlet.keep_alive(keep);
        }
    }

    /// Closes the port: `parentPort.close()`. Nothing is received or sent from now on.
    ///
    /// The listener is dropped; so are messages that have not been received, and calls among them are rejected. Calls that
    /// were received can still be answered, and the worker ends when it has nothing else to do.
    pub fn close(&self) {
        self.handle.is_closed.set(true);
        if let Some(inlet) = self.handle.inlet.upgrade() {
            inlet.finish(());
            inlet.retire();
        }
    }

    /// Ends the worker with this code at its next opportunity, which is between two macrotasks: `process.exit(code)` in a worker of
    /// Node. [`exited`](crate::Worker::exited) tells it to the parent.
    ///
    /// Node ends in the midst of the callback. Here it returns, and the queues are drained; then the worker ends as one that is
    /// [terminated](crate::Worker::terminate), with everything that is pending. What was sent before still arrives. If it is
    /// called more than once the first code counts; a panic or an unhandled rejection that comes before the end counts more.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{Port, Worker, WorkerExit, block_on, set_interval};
    ///
    /// let worker = Worker::spawn(|port: Port<i32>| {
    ///     set_interval(|| {}, Duration::from_secs(1));
    ///     port.clone().on_message(move |code| port.exit(code));
    /// });
    /// worker.post_message(7).unwrap();
    /// assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Exited(7));
    /// ```
    pub fn exit(&self, code: i32) {
        let Exit(asked) = &*self.handle.exit;
        if asked.get().is_none() {
            asked.set(Some(code));
            self.handle.incoming.stop();
        }
    }

    /// A promise that is fulfilled when nothing more will be received: the port was closed, or the parent closed its side and
    /// all that it sent before was delivered. Node's event `close`.
    pub fn closed(&self) -> Promise<(), Infallible> {
        self.handle.closed.clone()
    }
}

/// The messages that come in at `inlet`, as a stream.
#[track_caller]
pub(super) fn messages_of<M: 'static, L: 'static>(inlet: &Weak<Inlet<M, L>>) -> Events<M> {
    let (feed, mut messages) = feed(Location::caller());
    if let Some(listening) = inlet.upgrade() {
        let number = listening.listen(Box::new(move |message| feed.push(message)));
        let inlet = inlet.clone();
        messages.when_dropped(move || {
            if let Some(inlet) = inlet.upgrade() {
                inlet.unlisten(Some(number));
            }
        });
    }
    messages
}

impl<In, Out> Drop for Handle<In, Out> {
    fn drop(&mut self) {
        if let Some(inlet) = self.inlet.upgrade() {
            inlet.orphan();
        }
    }
}

impl<In, Out> Clone for Port<In, Out> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<In, Out> fmt::Debug for Port<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.handle.inlet.upgrade().is_some();
        f.debug_struct("Port").field("is_open", &is_open).finish_non_exhaustive()
    }
}
