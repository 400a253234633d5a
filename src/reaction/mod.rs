//! One node per `then`: the handler, and the promise derived from it.

pub(crate) mod finally;
pub(crate) mod handlers;
pub(crate) mod relay;

use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, Share, settle};
use crate::cell::listener::Reaction;
use crate::cell::node::{Kind, PromiseNode, run_follower};
use crate::cell::slot::{Slot, Spendable};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::queue;
use crate::resolve::{Completion, attempt, complete_cell};

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
    let kind = Then { step: Slot::new(Step::Wait(handler, Context::current())) };
    let node = Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind });
    let derived = Promise::from_consumer(node.clone());
    source.react(node);
    derived
}

/// The kind of a promise that `then` and its like derive. `T` and `E` are those of the promise it waits on.
struct Then<T, E, H: Handler<T, E>> {
    step: Slot<Step<T, E, H>>,
}

/// What the node will do next.
#[derive(Default)]
enum Step<T, E, H: Handler<T, E>> {
    /// Wait for the promise to settle. Then run in this context.
    Wait(H, Option<Context>),
    /// Run the handler, in the job that is queued.
    Handle(H, Share<T, E>),
    /// Follow the promise that the handler returned, in the job that is queued.
    Follow(Promise<H::Value, H::Error>),
    /// Follow a promise that was fulfilled with this value, in the job that is queued. That promise is freed already.
    FollowValue(H::Value),
    /// Nothing more, or nothing before the promise that the handler returned has settled.
    #[default]
    Idle,
}

impl<T, E, H: Handler<T, E>> Spendable for Step<T, E, H> {
    #[inline]
    fn is_spent(&self) -> bool {
        matches!(self, Self::Idle)
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
        let (handler, share) = match node.kind.step.take() {
            Step::Handle(handler, share) => (handler, share),
            Step::Follow(promise) => return run_follower(node, promise),
            Step::FollowValue(value) => return node.follow_value(value),
            Step::Wait(..) | Step::Idle => unreachable!("a reaction is queued with the step it has to do"),
        };
        let completion = attempt(move || handler.handle(share.take()));
        if let Some(remainder) = complete_cell(&node.cell, completion) {
            remainder.finish(node);
        }
    }

    fn keep_followed(&self, promise: Promise<H::Value, H::Error>) {
        self.step.put(match promise.take_value() {
            Ok(value) => Step::FollowValue(value),
            Err(promise) => Step::Follow(promise),
        });
    }

    fn give_up(&self) {
        drop(self.step.take());
    }
}

impl<T, E, H> PromiseNode<H::Value, H::Error, Then<T, E, H>>
where
    T: 'static,
    E: Debug + 'static,
    H: Handler<T, E> + 'static,
    H::Value: 'static,
    H::Error: Debug + 'static,
{
    /// Runs one of the two jobs in which the node follows a promise (rules T5, T7, T8) that was fulfilled with `value`.
    fn follow_value(self: Rc<Self>, value: H::Value) {
        if self.cell.begins_to_follow() {
            self.kind.step.put(Step::FollowValue(value));
            queue::enqueue_job(self);
        } else {
            settle(self, Outcome::Fulfilled(value));
        }
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
        let Step::Wait(handler, context) = self.kind.step.take() else {
            unreachable!("a promise settles once (invariant 1), so each reaction is told once")
        };
        self.kind.step.put(Step::Handle(handler, share));
        queue::enqueue_job_in(context, self);
    }
}
