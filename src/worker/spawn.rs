//! How a worker begins and ends.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

use super::call::{Calls, Cause};
use super::channel::Packet;
use super::error::{WorkerError, WorkerExit, WorkerPanic, WorkerRejection};
use super::inlet::{Inlet, KeepsAlive};
use super::port::{Exit, Port};
use super::{Downward, Ending, Handle, Upward, Worker};
use crate::event_loop;
use crate::inbox::home;
use crate::outcome::Outcome;
use crate::resolve::Producer;

/// Starts workers with a name or a stack of a certain size, as [`std::thread::Builder`] does threads.
///
/// ```
/// use thenable::{Port, WorkerBuilder, block_on};
///
/// let worker = WorkerBuilder::new().name("indexer").stack_size(1 << 20).spawn(|port: Port<(), String>| {
///     let name = std::thread::current().name().unwrap().to_string();
///     port.post_message(name).unwrap();
/// });
/// let mut names = worker.messages();
/// assert_eq!(block_on(futures::StreamExt::next(&mut names)).unwrap(), "indexer");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct WorkerBuilder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl WorkerBuilder {
    /// A builder of workers named "worker", with stacks of the usual size.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the thread, which the message of a panic contains. It must not contain a NUL.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The size of the stack, in bytes.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// See [`Worker::spawn`].
    #[track_caller]
    pub fn spawn<In, Out>(self, main: impl FnOnce(Port<In, Out>) + Send + 'static) -> Worker<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        let (exited, producer) = Producer::of_outcome(Location::caller());
        let (down, up) = (Arc::new(Downward::new()), Arc::new(Upward::new()));
        let (thread, calls) = (Rc::default(), Rc::default());
        let leash = Leash { worker: down.clone(), calls: Rc::clone(&calls) };
        let parent = Parent { thread: Rc::clone(&thread), leash, exited: producer };
        let inlet = Inlet::open(up.clone(), KeepsAlive::UntilLast, move |ending| parent.hear_of(ending));
        let inlet = inlet.expect("nobody asks the parent to stop");

        let mut builder = thread::Builder::new().name(self.name.unwrap_or_else(|| "worker".to_string()));
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let parent_thread = thread::current().id();
        let cause = Cause::default();
        let (incoming, outgoing, why) = (down.clone(), up, cause.clone());
        let worker_thread = match builder.spawn(move || live(main, &incoming, &outgoing, &why, parent_thread)) {
            Ok(handle) => {
                let id = handle.thread().id();
                thread.set(Some(handle));
                id
            }
            Err(error) => {
                drop(down.close());
                inlet.finish(Err(WorkerError::NotStarted(Arc::new(error))));
                inlet.retire();
                parent_thread
            }
        };
        let inlet = Rc::downgrade(&inlet);
        let handle = Handle { inlet, worker: down, worker_thread, cause, calls, exited, is_closed: Cell::new(false) };
        Worker { handle: Rc::new(handle) }
    }
}

/// What the parent does when the worker has ended.
struct Parent<In> {
    thread: Rc<Cell<Option<JoinHandle<()>>>>,
    leash: Leash<In>,
    exited: Producer<WorkerExit, WorkerError>,
}

impl<In> Parent<In> {
    fn hear_of(self, ending: Ending) {
        if let Some(thread) = self.thread.take() {
            // It has nothing left to do but to drop what is its own. A panic in one of these drops has been printed.
            let _ = thread.join();
        }
        self.leash.calls.reject(&why_unanswered(&ending));
        self.exited.settle(match ending {
            Ok(exit) => Outcome::Fulfilled(exit),
            Err(error) => Outcome::Rejected(error),
        });
    }
}

/// What it means for a call that the worker has ended.
fn why_unanswered(ending: &Ending) -> WorkerError {
    match ending {
        Ok(WorkerExit::Finished | WorkerExit::Exited(_)) => WorkerError::Closed,
        Ok(WorkerExit::Terminated) => WorkerError::Terminated,
        Err(error) => error.clone(),
    }
}

/// Stops the worker when it is dropped, if it still lives: nobody is left to hear of it, for the parent's loop goes. The calls
/// that other loops of the thread have made are rejected.
struct Leash<In> {
    worker: Arc<Downward<In>>,
    calls: Rc<Calls>,
}

impl<In> Drop for Leash<In> {
    fn drop(&mut self) {
        self.worker.stop();
        self.calls.reject(&WorkerError::Terminated);
    }
}

/// The life of the worker's thread.
fn live<In, Out>(
    main: impl FnOnce(Port<In, Out>),
    incoming: &Arc<Downward<In>>,
    outgoing: &Arc<Upward<Out>>,
    why: &Cause,
    parent: ThreadId,
) where
    In: Send + 'static,
    Out: Send + 'static,
{
    let exit = Rc::<Exit>::default();
    let ending = match Port::open(incoming.clone(), outgoing.clone(), parent, exit.clone()) {
        Some(port) => match catch_unwind(AssertUnwindSafe(|| event_loop::run(|| main(port)))) {
            Ok(Ok(())) => Ok(match exit.code() {
                Some(code) => WorkerExit::Exited(code),
                None if home::is_stopped() => WorkerExit::Terminated,
                None => WorkerExit::Finished,
            }),
            Ok(Err(rejection)) => Err(WorkerError::UnhandledRejection(WorkerRejection::new(&rejection))),
            Err(payload) => Err(WorkerError::Panicked(WorkerPanic::new(payload))),
        },
        None => Ok(WorkerExit::Terminated),
    };
    // Before anything is dropped: a call that is dropped says that it has no answer, and this is why.
    why.set(why_unanswered(&ending)).expect("a worker ends once");
    let unread = incoming.end();
    drop(outgoing.send(Packet::Last(ending)));
    drop(unread);
}
