//! One node per `then`: the handler, and the promise derived from it.

pub(crate) mod finally;
pub(crate) mod handlers;
pub(crate) mod relay;

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use crate::cell::PromiseCell;
use crate::cell::handle::Promise;
use crate::cell::listener::{Listener, Reaction};
use crate::cell::node::{Adoption, Kind, PromiseNode, follow};
use crate::outcome::Outcome;
use crate::queue;
use crate::resolve::{Completion, attempt, complete};

/// What a reaction does with the outcome of the promise it waits on.
pub(crate) trait Handler<T, E> {
    type Value;
    type Error;

    /// Handles the outcome, or passes it on.
    fn handle(self, outcome: Outcome<T, E>) -> Completion<Self::Value, Self::Error>;
}

/// The promise derived from `source` by `handler`: one allocation.
pub(crate) fn react<T, E, H>(
    source: Promise<T, E>,
    handler: H,
    made_at: &'static Location<'static>,
) -> Promise<H::Value, H::Error>
where
    T: 'static,
    E: Debug + 'static,
    H: Handler<T, E> + 'static,
    H::Value: 'static,
    H::Error: Debug + 'static,
{
    let kind = Then { step: Cell::new(Step::Waiting(handler)) };
    let node = Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind });
    let derived = Promise::from_consumer(node.clone());
    source.subscribe(Listener::React(node));
    derived
}

/// The kind of a promise that `then` and its like derive. `T` and `E` are those of the promise it waits on.
struct Then<T, E, H: Handler<T, E>> {
    step: Cell<Step<T, E, H>>,
}

/// What the node will do next.
enum Step<T, E, H: Handler<T, E>> {
    /// Wait for the promise to settle.
    Waiting(H),
    /// Run the handler, in the job that is queued.
    Handle(H, Promise<T, E>),
    /// Follow the promise that the handler returned.
    Follow(Adoption<H::Value, H::Error>),
    /// Nothing: what comes next is not up to this node, or it is done.
    Idle,
}

impl<T, E, H: Handler<T, E>> Then<T, E, H> {
    fn take(&self) -> Step<T, E, H> {
        self.step.replace(Step::Idle)
    }
}

impl<T, E, H> Kind<H::Value, H::Error> for Then<T, E, H>
where
    T: 'static,
    E: Debug + 'static,
    H: Handler<T, E> + 'static,
    H::Value: 'static,
    H::Error: Debug + 'static,
{
    fn run(node: Rc<PromiseNode<H::Value, H::Error, Self>>) {
        match node.kind.take() {
            Step::Handle(handler, source) => {
                let completion = attempt(move || handler.handle(source.consume()));
                complete(node, completion);
            }
            Step::Follow(step) => follow(node, step),
            Step::Waiting(_) | Step::Idle => unreachable!("a reaction is queued with the step it has to do"),
        }
    }

    fn keep_adoption(&self, step: Adoption<H::Value, H::Error>) {
        self.step.set(Step::Follow(step));
    }

    fn give_up(&self) {
        drop(self.take());
    }
}

impl<T, E, H> Reaction<T, E> for PromiseNode<H::Value, H::Error, Then<T, E, H>>
where
    T: 'static,
    E: Debug + 'static,
    H: Handler<T, E> + 'static,
    H::Value: 'static,
    H::Error: Debug + 'static,
{
    fn deliver(self: Rc<Self>, source: Promise<T, E>) {
        let Step::Waiting(handler) = self.kind.take() else {
            unreachable!("a promise settles once (invariant 1), so each reaction is told once")
        };
        self.kind.step.set(Step::Handle(handler, source));
        queue::enqueue_job(self);
    }
}
