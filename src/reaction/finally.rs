//! `finally`: `thenFinally` and `catchFinally` of ECMA-262 §27.2.5.3, with their two extra ticks (rules F1, F2).

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, Share, settle};
use crate::cell::listener::Reaction;
use crate::cell::node::{Kind, PromiseNode};
use crate::cell::slot::{Slot, Spendable};
use crate::context::Context;
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::Outcome;
use crate::queue::{self, Job};
use crate::rejections::Tracked;
use crate::resolve::resolution::{IntoResolution, Resolution};
use crate::resolve::{Producer, attempt};

/// The promise derived from `source` that settles likewise once `handler` is through.
pub(crate) fn finally<T, E, F, R>(
    source: Promise<T, E>,
    handler: F,
    made_at: &'static Location<'static>,
) -> Promise<T, E>
where
    T: 'static,
    E: Debug + 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    let kind = Finally { step: Slot::new(Step::Waiting(handler, Context::current())) };
    let node = Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind });
    let derived = Promise::from_consumer(node.clone());
    source.react(node);
    derived
}

struct Finally<T, E, F> {
    step: Slot<Step<T, E, F>>,
}

/// What the node will do next. JavaScript makes a promise, `Promise.resolve(result).then(() => value)`, and adopts it. Nobody
/// else can see that promise, so its jobs are this node, queued again in their places.
#[derive(Default)]
enum Step<T, E, F> {
    /// Wait for the promise to settle. Then run in this context.
    Waiting(F, Option<Context>),
    /// Run the handler, in the job that is queued.
    Handle(F, Share<T, E>),
    /// Wait for what the handler returned to settle.
    Gated(Outcome<T, E>),
    /// The job of the inner `then`: it hands the outcome through.
    HandThrough(Outcome<T, E>),
    /// The job of the adoption: settle.
    Settle(Outcome<T, E>),
    /// Nothing more.
    #[default]
    Idle,
}

impl<T, E, F> Spendable for Step<T, E, F> {
    #[inline]
    fn is_spent(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

impl<T, E, F, R> Kind<T, E> for Finally<T, E, F>
where
    T: 'static,
    E: Debug + 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    fn run(node: Rc<PromiseNode<T, E, Self>>) {
        match node.kind.step.take() {
            Step::Handle(handler, share) => {
                let outcome = share.take_caught();
                let made_at = node.cell.made_at();
                match attempt(move || Ok(handler().into_resolution())) {
                    Ok(Resolution::Fulfill(_)) => queue_step(node, Step::HandThrough(outcome)),
                    Ok(Resolution::Reject(reason)) => settle(node, replace(outcome, Outcome::Rejected(reason))),
                    Ok(Resolution::Adopt(promise)) => gate(node, outcome, promise),
                    Ok(Resolution::Thenable(thenable)) => {
                        let (promise, producer) = Producer::new(made_at);
                        producer.complete(Ok(Resolution::Thenable(thenable)));
                        gate(node, outcome, promise);
                    }
                    Err(fault) => settle(node, replace(outcome, Outcome::Faulted(fault))),
                }
            }
            Step::HandThrough(outcome) => queue_step(node, Step::Settle(outcome)),
            Step::Settle(outcome) => settle(node, outcome),
            Step::Waiting(..) | Step::Gated(_) | Step::Idle => {
                unreachable!("a reaction is queued with the step it has to do")
            }
        }
    }

    fn keep_followed(&self, _: Promise<T, E>) {
        unreachable!("`finally` waits for a promise behind a gate")
    }

    fn give_up(&self) {
        drop(self.step.take());
    }
}

impl<T, E, F, R> Reaction<T, E> for PromiseNode<T, E, Finally<T, E, F>>
where
    T: 'static,
    E: Debug + 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        let Step::Waiting(handler, context) = self.kind.step.take() else {
            unreachable!("a promise settles once (invariant 1), so each reaction is told once")
        };
        self.kind.step.put(Step::Handle(handler, share));
        queue::enqueue_job_in(context, self);
    }
}

fn queue_step<T, E, F, R>(node: Rc<PromiseNode<T, E, Finally<T, E, F>>>, step: Step<T, E, F>)
where
    T: 'static,
    E: Debug + 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    node.kind.step.put(step);
    queue::enqueue_job(node);
}

/// What is left when `finally` itself fails: its failure, as in JavaScript; but a fault is not covered up.
fn replace<T, E>(outcome: Outcome<T, E>, failure: Outcome<T, E>) -> Outcome<T, E> {
    match outcome {
        Outcome::Faulted(_) => outcome,
        Outcome::Fulfilled(_) | Outcome::Rejected(_) => failure,
    }
}

/// Waits for the promise that the handler returned.
fn gate<T, E, F, R, V>(node: Rc<PromiseNode<T, E, Finally<T, E, F>>>, outcome: Outcome<T, E>, promise: Promise<V, E>)
where
    T: 'static,
    E: Debug + 'static,
    V: 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    match promise.take_value() {
        // It would pass the gate at once, in a job of the same tick.
        Ok(value) => {
            queue_step(node, Step::HandThrough(outcome));
            drop(value);
        }
        Err(promise) => {
            node.kind.step.put(Step::Gated(outcome));
            promise.react(Rc::new(Gate { node, settled: Cell::new(None) }));
        }
    }
}

struct Gate<T, E, F, V> {
    node: Rc<PromiseNode<T, E, Finally<T, E, F>>>,
    settled: Cell<Option<Share<V, E>>>,
}

impl<T, E, F, R, V> Reaction<V, E> for Gate<T, E, F, V>
where
    T: 'static,
    E: Debug + 'static,
    V: 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    fn deliver(self: Rc<Self>, share: Share<V, E>) {
        self.settled.set(Some(share));
        queue::enqueue_job(self);
    }
}

impl<T, E, F, R, V> Job for Gate<T, E, F, V>
where
    T: 'static,
    E: Debug + 'static,
    V: 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    fn run(self: Rc<Self>) {
        let share = self.settled.take().expect("a gate is queued when its promise has settled");
        let Step::Gated(outcome) = self.node.kind.step.take() else { unreachable!("the node waits for its gate") };
        let outcome = match share.take_caught() {
            Outcome::Fulfilled(_) => outcome,
            Outcome::Rejected(reason) => replace(outcome, Outcome::Rejected(reason)),
            Outcome::Faulted(fault) => replace(outcome, Outcome::Faulted(fault)),
        };
        queue_step(self.node.clone(), Step::Settle(outcome));
    }
}

impl<T, E, F, R, V> Dependent for Gate<T, E, F, V>
where
    T: 'static,
    E: Debug + 'static,
    V: 'static,
    F: FnOnce() -> R + 'static,
    R: IntoResolution<E>,
{
    fn abandon(&self, cause: Origin) {
        self.node.abandon(cause);
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        Some(self.node.clone())
    }
}
