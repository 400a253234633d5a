//! What stands behind a handle in one allocation: the cell, and what settles it.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use super::PromiseCell;
use super::handle::{Promise, settle};
use super::listener::Listener;
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::{Outcome, PromiseState};
use crate::queue::{self, Job};
use crate::rejections::{self, Tracked, TrackedCell};

/// What a promise handle points to: a cell, and what settles it.
pub(crate) trait Node<T, E>: Job + Dependent + Tracked {
    fn cell(&self) -> &PromiseCell<T, E>;

    /// Keeps the promise that the node follows until the node's job runs.
    fn keep_followed(&self, promise: Promise<T, E>);
}

/// A promise and what settles it, `K`.
pub(crate) struct PromiseNode<T, E, K> {
    pub(crate) cell: PromiseCell<T, E>,
    pub(crate) kind: K,
}

/// A way to settle a promise.
pub(crate) trait Kind<T, E>: Sized + 'static {
    /// Runs the node's job.
    fn run(node: Rc<PromiseNode<T, E, Self>>);

    /// See [`Node::keep_followed`].
    fn keep_followed(&self, promise: Promise<T, E>);

    /// Drops the handler: the promise waited on can never settle.
    fn give_up(&self) {}

    /// See [`Tracked::stands_for`].
    fn stands_for(&self) -> Option<Rc<dyn Tracked>> {
        None
    }
}

impl<T: 'static, E: Debug + 'static, K: Kind<T, E>> Job for PromiseNode<T, E, K> {
    fn run(self: Rc<Self>) {
        K::run(self);
    }
}

impl<T: 'static, E: Debug + 'static, K: Kind<T, E>> Node<T, E> for PromiseNode<T, E, K> {
    fn cell(&self) -> &PromiseCell<T, E> {
        &self.cell
    }

    fn keep_followed(&self, promise: Promise<T, E>) {
        self.kind.keep_followed(promise);
    }
}

impl<T: 'static, E: Debug + 'static, K: Kind<T, E>> Tracked for PromiseNode<T, E, K> {
    fn tracked(&self) -> &dyn TrackedCell {
        &self.cell
    }

    fn stands_for(&self) -> Option<Rc<dyn Tracked>> {
        self.kind.stands_for()
    }
}

impl<T: 'static, E: Debug + 'static, K: Kind<T, E>> Dependent for PromiseNode<T, E, K> {
    fn abandon(&self, cause: Origin) {
        self.kind.give_up();
        self.cell.abandon(cause);
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        Some(self)
    }
}

/// A promise that was born settled, or that whoever holds it settles with an outcome: there is nothing but the cell.
pub(crate) struct Plain;

impl<T: 'static, E: Debug + 'static> Kind<T, E> for Plain {
    fn run(_: Rc<PromiseNode<T, E, Self>>) {
        unreachable!("a plain promise is never queued")
    }

    fn keep_followed(&self, _: Promise<T, E>) {
        unreachable!("a plain promise follows no other")
    }
}

/// A promise that is settled from the start.
pub(crate) fn born<T: 'static, E: Debug + 'static>(
    outcome: Outcome<T, E>,
    made_at: &'static Location<'static>,
) -> Promise<T, E> {
    let is_fulfilled = outcome.state() == PromiseState::Fulfilled;
    let node: Rc<dyn Node<T, E>> = Rc::new(PromiseNode { cell: PromiseCell::settled(outcome, made_at), kind: Plain });
    if !is_fulfilled {
        rejections::track(node.clone());
    }
    Promise::from_consumer(node)
}

/// Room for a promise that a node follows.
pub(crate) struct Followed<T, E>(Cell<Option<Rc<dyn Node<T, E>>>>);

impl<T, E> Followed<T, E> {
    pub(crate) const fn none() -> Self {
        Self(Cell::new(None))
    }

    pub(crate) fn keep(&self, promise: Promise<T, E>) {
        self.0.set(Some(promise.into_consumer()));
    }

    pub(crate) fn take(&self) -> Promise<T, E> {
        Promise::from_consumer(self.0.take().expect("a node that is queued follows a promise"))
    }
}

impl<T: 'static, E: Debug + 'static> Kind<T, E> for Followed<T, E> {
    fn run(node: Rc<PromiseNode<T, E, Self>>) {
        let promise = node.kind.take();
        run_follower(node, promise);
    }

    fn keep_followed(&self, promise: Promise<T, E>) {
        self.keep(promise);
    }
}

/// Queues `node` for the next of the two jobs in which it follows `promise`.
pub(crate) fn follow<T, E>(node: Rc<dyn Node<T, E>>, promise: Promise<T, E>) {
    node.keep_followed(promise);
    queue::enqueue_job(node);
}

/// Runs one of the two jobs in which a promise follows another one (rules T5, T7, T8).
pub(crate) fn run_follower<T, E>(node: Rc<dyn Node<T, E>>, promise: Promise<T, E>) {
    if node.cell().begins_to_follow() {
        // `NewPromiseResolveThenableJob` (ECMA-262 §27.2.2.2): call the promise's `then`.
        promise.subscribe(Listener::Follow(node));
    } else {
        // The reaction's job: the promise has settled.
        settle(node, promise.consume_caught());
    }
}
