//! What stands behind a handle in one allocation: the cell, and what settles it.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use super::PromiseCell;
use super::handle::{Promise, Share, settle};
use super::listener::Listener;
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::{Outcome, PromiseState};
use crate::queue::Job;
use crate::rejections::{self, Tracked, TrackedCell};

/// What a promise handle points to: a cell, and what settles it.
pub(crate) trait Node<T, E>: Job + Dependent + Tracked {
    fn cell(&self) -> &PromiseCell<T, E>;

    /// Keeps the next step of following another promise until the node's job runs.
    fn keep_adoption(&self, step: Adoption<T, E>);
}

/// How far a node has come in following another promise. The two jobs of an adoption are the node itself, queued twice.
pub(crate) enum Adoption<T, E> {
    /// The job of `NewPromiseResolveThenableJob` (ECMA-262 §27.2.2.2): call the promise's `then`.
    HookUp(Promise<T, E>),
    /// The job of the reaction: the promise has settled, settle likewise.
    Arrived(Share<T, E>),
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

    /// See [`Node::keep_adoption`].
    fn keep_adoption(&self, step: Adoption<T, E>);

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

    fn keep_adoption(&self, step: Adoption<T, E>) {
        self.kind.keep_adoption(step);
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
    fn abandon(self: Rc<Self>, cause: Origin) {
        self.kind.give_up();
        self.cell.abandon(cause).abandon(cause);
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        Some(self)
    }
}

/// A promise that was born settled.
struct Born;

impl<T: 'static, E: Debug + 'static> Kind<T, E> for Born {
    fn run(_: Rc<PromiseNode<T, E, Self>>) {
        unreachable!("a promise born settled is never queued")
    }

    fn keep_adoption(&self, _: Adoption<T, E>) {
        unreachable!("a promise born settled follows no other")
    }
}

/// A promise that is settled from the start.
pub(crate) fn born<T: 'static, E: Debug + 'static>(
    outcome: Outcome<T, E>,
    made_at: &'static Location<'static>,
) -> Promise<T, E> {
    let node: Rc<dyn Node<T, E>> = Rc::new(PromiseNode { cell: PromiseCell::settled(outcome, made_at), kind: Born });
    if node.cell().promise_state() != PromiseState::Fulfilled {
        rejections::track(node.clone());
    }
    Promise::from_consumer(node)
}

/// Room for following another promise.
pub(crate) struct Following<T, E>(Cell<Option<Adoption<T, E>>>);

impl<T, E> Following<T, E> {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(None))
    }

    pub(crate) fn keep(&self, step: Adoption<T, E>) {
        self.0.set(Some(step));
    }

    pub(crate) fn take(&self) -> Adoption<T, E> {
        self.0.take().expect("a node is queued with the step it has to do")
    }
}

impl<T: 'static, E: Debug + 'static> Kind<T, E> for Following<T, E> {
    fn run(node: Rc<PromiseNode<T, E, Self>>) {
        let step = node.kind.take();
        follow(node, step);
    }

    fn keep_adoption(&self, step: Adoption<T, E>) {
        self.keep(step);
    }
}

/// Does the next step of an adoption: each is a job of its own (rules T5, T7, T8).
pub(crate) fn follow<T, E>(node: Rc<dyn Node<T, E>>, step: Adoption<T, E>) {
    match step {
        Adoption::HookUp(promise) => promise.subscribe(Listener::Follow(node)),
        Adoption::Arrived(share) => settle(node, share.take_caught()),
    }
}
