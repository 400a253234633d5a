//! How a promise gets its fate: the promise resolve functions of ECMA-262 §27.2.1.3.2.

pub(crate) mod functions;
pub(crate) mod resolution;
pub(crate) mod thenable;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use self::resolution::Resolution;
use self::thenable::ThenableJob;
use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, settle};
use crate::cell::node::{Adoption, Following, Node, PromiseNode};
use crate::error::SelfResolution;
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::queue;
use crate::rejections::{self, Tracked};

/// The resolution procedure: fixes the fate of `node`. The caller has made sure that this is the first time.
pub(crate) fn resolve<T: 'static, E: Debug + 'static>(node: Rc<dyn Node<T, E>>, resolution: Resolution<T, E>) {
    match resolution {
        Resolution::Fulfill(value) => settle(node, Outcome::Fulfilled(value)),
        Resolution::Reject(reason) => settle(node, Outcome::Rejected(reason)),
        Resolution::Adopt(promise) if promise.is(&node) => {
            let fault = Fault::from_self_resolution(SelfResolution(node.cell().origin()));
            settle(node, Outcome::Faulted(fault));
        }
        Resolution::Adopt(promise) => {
            node.keep_adoption(Adoption::HookUp(promise));
            queue::enqueue_job(node);
        }
        Resolution::Thenable(thenable) => {
            queue::enqueue_job(Rc::new(ThenableJob::new(node, thenable)));
        }
    }
}

/// What a handler came to: a resolution, or a panic.
pub(crate) type Completion<T, E> = Result<Resolution<T, E>, Fault>;

/// Runs a handler. A panic is a fault.
pub(crate) fn attempt<T, E>(handler: impl FnOnce() -> Completion<T, E>) -> Completion<T, E> {
    catch_unwind(AssertUnwindSafe(handler)).unwrap_or_else(|payload| Err(Fault::from_panic(payload)))
}

/// Resolves `node` with what a handler came to.
pub(crate) fn complete<T: 'static, E: Debug + 'static>(node: Rc<dyn Node<T, E>>, completion: Completion<T, E>) {
    match completion {
        Ok(resolution) => resolve(node, resolution),
        Err(fault) => settle(node, Outcome::Faulted(fault)),
    }
}

/// A promise of which only its producer is left to know: it settles it, or abandons it when it is dropped.
pub(crate) struct Producer<T, E> {
    node: Option<Rc<dyn Node<T, E>>>,
}

impl<T: 'static, E: Debug + 'static> Producer<T, E> {
    /// A pending promise and its producer.
    pub(crate) fn new(made_at: &'static Location<'static>) -> (Promise<T, E>, Self) {
        let node: Rc<dyn Node<T, E>> =
            Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind: Following::new() });
        (Promise::from_consumer(node.clone()), Self { node: Some(node) })
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

    /// The promise can never settle, because `cause` was abandoned.
    pub(crate) fn abandon(mut self, cause: Origin) {
        if let Some(node) = self.node.take() {
            node.cell().abandon(cause).abandon(cause);
        }
    }

    pub(crate) fn tracked(&self) -> Option<Rc<dyn Tracked>> {
        self.node.clone().map(|node| node as Rc<dyn Tracked>)
    }
}

impl<T, E> Drop for Producer<T, E> {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            lose_resolvers(&*node);
        }
    }
}

/// The last resolving function of `node` is gone, and it was not resolved.
fn lose_resolvers<T, E>(node: &dyn Node<T, E>) {
    // With no handle and no reaction left nobody will ever ask for its name.
    if node.cell().has_consumers() {
        let origin = node.cell().origin();
        rejections::abandoned(origin);
        node.cell().abandon(origin).abandon(origin);
    }
}
