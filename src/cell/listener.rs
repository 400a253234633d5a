//! Who waits on a promise, in the order of registration.

use std::rc::{Rc, Weak};
use std::task::Waker;
use std::vec;

use super::handle::{Promise, Share};
use super::node::{Node, follow};
use crate::disposal::{Dependent, Disposal, dispose};
use crate::identity::Origin;
use crate::rejections::Tracked;

/// A handler waiting on a promise of `T` and `E`, with the promise derived from it.
pub(crate) trait Reaction<T, E>: Dependent {
    /// The promise has settled: here is this consumer's share of the outcome. Queues a job at most.
    fn deliver(self: Rc<Self>, share: Share<T, E>);

    /// Whether it no longer matters to this reaction how the promise settles. It stays so, and the reaction holds nothing then
    /// whose drop could run user code: it is dropped while the list of listeners is borrowed.
    fn is_gone(&self) -> bool {
        false
    }
}

/// Who is told when a promise settles.
pub(crate) enum Listener<T, E> {
    /// A reaction: a job of its own. It holds a consumer.
    React(Rc<dyn Reaction<T, E>>),
    /// A promise that follows this one: a job of its own. It holds a consumer.
    Follow(Rc<dyn Node<T, E>>),
    /// A reaction that cares only as long as somebody holds it. It holds a consumer.
    Watch(Weak<dyn Reaction<T, E>>),
    /// A task that awaits: queued at once, as a reaction is. The consumer is the handle in the task.
    Wake(Waker),
}

impl<T, E> Listener<T, E> {
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::React(reaction) => reaction.is_gone(),
            Self::Watch(reaction) => reaction.strong_count() == 0,
            Self::Follow(_) | Self::Wake(_) => false,
        }
    }

    /// Tells that the promise of `node` has settled.
    pub(crate) fn notify(self, node: Rc<dyn Node<T, E>>) {
        match self {
            Self::React(reaction) => reaction.deliver(Share::Of(Promise::from_consumer(node))),
            Self::Follow(follower) => follow(follower, Promise::from_consumer(node)),
            Self::Watch(reaction) => {
                let promise = Promise::from_consumer(node);
                if let Some(reaction) = reaction.upgrade() {
                    reaction.deliver(Share::Of(promise));
                }
            }
            // The consumer of a task that awaits is the handle in it.
            Self::Wake(waker) => waker.wake(),
        }
    }

    /// Tells that the promise can never settle.
    pub(crate) fn abandon(self, cause: Origin) {
        let dependent: Rc<dyn Dependent> = match self {
            Self::React(reaction) => reaction,
            Self::Follow(follower) => follower,
            Self::Watch(reaction) => match reaction.upgrade() {
                Some(reaction) => reaction,
                None => return,
            },
            Self::Wake(waker) => return drop(waker),
        };
        dispose(Disposal::Abandon(dependent, cause));
    }

    pub(super) fn derived(&self) -> Option<Rc<dyn Tracked>> {
        match self {
            Self::React(reaction) => reaction.clone().derived(),
            Self::Follow(follower) => Some(follower.clone()),
            Self::Watch(reaction) => reaction.upgrade()?.derived(),
            Self::Wake(_) => None,
        }
    }
}

/// Those who have to be told, in the order of registration.
#[must_use = "the listeners have to be told"]
pub(crate) enum Listeners<T, E> {
    None,
    One(Listener<T, E>),
    Many(Vec<Listener<T, E>>),
}

impl<T, E> Listeners<T, E> {
    /// Tells them all, in order, that the promise of `node` has settled.
    pub(crate) fn notify(self, node: Rc<dyn Node<T, E>>) {
        match self {
            Self::None => {}
            Self::One(listener) => listener.notify(node),
            Self::Many(many) => Telling { node, rest: many.into_iter() }.tell(),
        }
    }

    /// Tells them all that the promise can never settle.
    pub(crate) fn abandon(self, cause: Origin) {
        match self {
            Self::None => {}
            Self::One(listener) => listener.abandon(cause),
            Self::Many(many) => many.into_iter().for_each(|listener| listener.abandon(cause)),
        }
    }
}

/// Tells the listeners of a promise that has settled, and those that come meanwhile. If one panics, a waker that is not ours,
/// the others are told while the panic unwinds.
struct Telling<T, E> {
    node: Rc<dyn Node<T, E>>,
    rest: vec::IntoIter<Listener<T, E>>,
}

impl<T, E> Telling<T, E> {
    fn tell(mut self) {
        self.tell_rest();
    }

    fn tell_rest(&mut self) {
        loop {
            for listener in self.rest.by_ref() {
                listener.notify(self.node.clone());
            }
            self.rest = self.node.cell().take_late().into_iter();
            if self.rest.as_slice().is_empty() {
                return;
            }
        }
    }
}

impl<T, E> Drop for Telling<T, E> {
    fn drop(&mut self) {
        self.tell_rest();
    }
}
