//! How a promise gets its fate: the promise resolve functions of ECMA-262 §27.2.1.3.2.

pub(crate) mod functions;
pub(crate) mod resolution;
pub(crate) mod thenable;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use self::resolution::Resolution;
use self::thenable::{Thenable, ThenableJob};
use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, settle};
use crate::cell::node::{Followed, Kind, Node, Plain, PromiseNode, follow};
use crate::cell::settling::Settlement;
use crate::error::SelfResolution;
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::queue;
use crate::rejections::{self, Tracked};

/// What a handler came to: a resolution, or a panic.
pub(crate) type Completion<T, E> = Result<Resolution<T, E>, Fault>;

/// Runs a handler. A panic is a fault.
pub(crate) fn attempt<T, E>(handler: impl FnOnce() -> Completion<T, E>) -> Completion<T, E> {
    catch_unwind(AssertUnwindSafe(handler)).unwrap_or_else(|payload| Err(Fault::from_panic(payload)))
}

/// What a promise is left to do once it was resolved, for which its node is needed.
#[must_use = "the promise has its fate, but nobody knows it yet"]
pub(crate) enum Remainder<T, E> {
    /// It has settled.
    Announce(Settlement<T, E>),
    /// It is locked in to this promise's fate.
    Adopt(Promise<T, E>),
    /// It is locked in to what this thenable does.
    Call(Box<dyn Thenable<T, E>>),
}

impl<T: 'static, E: Debug + 'static> Remainder<T, E> {
    /// Does it. The promise that was resolved is that of `node`.
    #[inline(never)]
    pub(crate) fn finish(self, node: Rc<dyn Node<T, E>>) {
        match self {
            Self::Announce(settlement) => settlement.announce(node),
            Self::Adopt(promise) if promise.is(&node) => {
                let fault = Fault::from_self_resolution(SelfResolution(node.cell().origin()));
                settle(node, Outcome::Faulted(fault));
            }
            Self::Adopt(promise) => follow(node, promise),
            Self::Call(thenable) => queue::enqueue_job(Rc::new(ThenableJob::new(node, thenable))),
        }
    }
}

/// Resolves the promise of `cell` with what a handler came to. The caller has made sure that this is the first time.
///
/// Out of line, for it depends on the types of the promise and not on the handler: a program has many handlers.
#[inline(never)]
pub(crate) fn complete_cell<T, E>(cell: &PromiseCell<T, E>, completion: Completion<T, E>) -> Option<Remainder<T, E>> {
    let outcome = match completion {
        Ok(Resolution::Fulfill(value)) => Outcome::Fulfilled(value),
        Ok(Resolution::Reject(reason)) => Outcome::Rejected(reason),
        Ok(Resolution::Adopt(promise)) => return Some(Remainder::Adopt(promise)),
        Ok(Resolution::Thenable(thenable)) => return Some(Remainder::Call(thenable)),
        Err(fault) => Outcome::Faulted(fault),
    };
    cell.settle(outcome).map(Remainder::Announce)
}

/// Resolves the promise of `node` with what a handler came to. The caller has made sure that this is the first time.
pub(crate) fn complete<T: 'static, E: Debug + 'static>(node: Rc<dyn Node<T, E>>, completion: Completion<T, E>) {
    if let Some(remainder) = complete_cell(node.cell(), completion) {
        remainder.finish(node);
    }
}

/// A promise of which only its producer is left to know: it settles it, or abandons it when it is dropped.
pub(crate) struct Producer<T, E> {
    node: Option<Rc<dyn Node<T, E>>>,
}

impl<T: 'static, E: Debug + 'static> Producer<T, E> {
    /// A pending promise and its producer.
    pub(crate) fn new(made_at: &'static Location<'static>) -> (Promise<T, E>, Self) {
        Self::with_kind(Followed::none(), made_at)
    }

    /// A pending promise and its producer, who will `settle` it and never resolve it with a promise: a smaller one.
    pub(crate) fn of_outcome(made_at: &'static Location<'static>) -> (Promise<T, E>, Self) {
        Self::with_kind(Plain, made_at)
    }

    fn with_kind(kind: impl Kind<T, E>, made_at: &'static Location<'static>) -> (Promise<T, E>, Self) {
        let node: Rc<dyn Node<T, E>> = Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind });
        (Promise::from_consumer(node.clone()), Self { node: Some(node) })
    }

    /// Takes the producer out. What is left produces nothing.
    pub(crate) fn take(&mut self) -> Self {
        Self { node: self.node.take() }
    }

    pub(crate) fn complete(mut self, completion: Completion<T, E>) {
        if let Some(node) = self.node.take() {
            complete(node, completion);
        }
    }

    pub(crate) fn settle(mut self, outcome: Outcome<T, E>) {
        if let Some(node) = self.node.take() {
            settle(node, outcome);
        }
    }

    pub(crate) fn tracked(&self) -> Option<Rc<dyn Tracked>> {
        self.node.clone().map(|node| node as Rc<dyn Tracked>)
    }
}

impl<T, E> Producer<T, E> {
    /// The promise can never settle, because `cause` was abandoned.
    pub(crate) fn abandon(mut self, cause: Origin) {
        if let Some(node) = self.node.take() {
            node.cell().abandon(cause);
        }
    }

    /// Whether anybody can see the promise: a handle or a reaction is left.
    pub(crate) fn is_wanted(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.cell().has_consumers())
    }
}

impl<T, E> Drop for Producer<T, E> {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            lose_resolvers(node.cell());
        }
    }
}

/// The last resolving function of a promise is gone, and it was not resolved.
#[cold]
pub(crate) fn lose_resolvers<T, E>(cell: &PromiseCell<T, E>) {
    // With no handle and no reaction left nobody will ever ask for its name.
    if cell.has_consumers() {
        let origin = cell.origin();
        rejections::abandoned(origin);
        cell.abandon(origin);
    }
}
