//! One node per `then`: the handler, and the promise derived from it.

pub(crate) mod finally;
pub(crate) mod handlers;
pub(crate) mod relay;

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, Share};
use crate::cell::listener::{Listener, Reaction};
use crate::cell::node::{Adoption, Kind, PromiseNode, follow};
use crate::context::{self, Context};
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
    let kind = Then { handler: Cell::new(Some(handler)), input: Cell::new(Input::None), context: Context::current() };
    let node = Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind });
    let derived = Promise::from_consumer(node.clone());
    source.subscribe(Listener::React(node));
    derived
}

/// The kind of a promise that `then` and its like derive. `T` and `E` are those of the promise it waits on.
struct Then<T, E, H: Handler<T, E>> {
    /// Until it runs, or until it never will.
    handler: Cell<Option<H>>,
    input: Cell<Input<T, E, H::Value, H::Error>>,
    context: Option<Context>,
}

/// What the node's next job is about.
enum Input<T, E, U, X> {
    /// No job is queued.
    None,
    /// Run the handler on this.
    Handle(Share<T, E>),
    /// Follow the promise that the handler returned.
    Follow(Adoption<U, X>),
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
        match node.kind.input.replace(Input::None) {
            Input::Handle(share) => {
                let _entered = context::enter(node.kind.context.as_ref());
                let handler = node.kind.handler.take().expect("a promise settles once (invariant 1)");
                let completion = attempt(move || handler.handle(share.take()));
                complete(node, completion);
            }
            Input::Follow(step) => follow(node, step),
            Input::None => unreachable!("a reaction is queued with its input"),
        }
    }

    fn keep_adoption(&self, step: Adoption<H::Value, H::Error>) {
        self.input.set(Input::Follow(step));
    }

    fn give_up(&self) {
        drop(self.handler.take());
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
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        self.kind.input.set(Input::Handle(share));
        queue::enqueue_job(self);
    }
}
