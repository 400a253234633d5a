//! Who waits on a promise, in the order of registration.

use std::mem;
use std::rc::{Rc, Weak};
use std::task::Waker;
use std::vec;

use super::handle::{Promise, Share};
use super::node::{Adoption, Node};
use crate::disposal::{Dependent, Disposal, dispose};
use crate::identity::Origin;
use crate::outcome::Outcome;
use crate::queue;
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
    fn is_gone(&self) -> bool {
        match self {
            Self::React(reaction) => reaction.is_gone(),
            Self::Watch(reaction) => reaction.strong_count() == 0,
            Self::Follow(_) | Self::Wake(_) => false,
        }
    }

    /// Tells that the promise of `node` has settled.
    pub(crate) fn notify(self, node: Rc<dyn Node<T, E>>) {
        match self {
            Self::Wake(waker) => waker.wake(),
            listener => listener.give(Share::Of(Promise::from_consumer(node))),
        }
    }

    /// Tells a listener that holds a consumer that the promise has settled.
    pub(crate) fn give(self, share: Share<T, E>) {
        match self {
            Self::React(reaction) => reaction.deliver(share),
            Self::Follow(follower) => {
                follower.keep_adoption(Adoption::Arrived(share));
                queue::enqueue_job(follower);
            }
            Self::Watch(reaction) => {
                if let Some(reaction) = reaction.upgrade() {
                    reaction.deliver(share);
                }
            }
            Self::Wake(_) => unreachable!("the consumer of a task that awaits is the handle in it"),
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

/// The listeners of a pending promise, in the order of registration. The first stands inline.
#[must_use = "the listeners have to be told"]
pub(crate) enum Listeners<T, E> {
    None,
    One(Listener<T, E>),
    Many(Box<Many<T, E>>),
}

/// The listeners of a promise that has several.
pub(crate) struct Many<T, E> {
    list: Vec<Listener<T, E>>,
}

/// How to clone an outcome, noted where `T: Clone` and `E: Clone` are known.
pub(super) type CloneOutcome<T, E> = fn(&Outcome<T, E>) -> Outcome<T, E>;

impl<T, E> Listeners<T, E> {
    /// Appends. Returns how many consumers were found gone while making room.
    pub(super) fn push(&mut self, listener: Listener<T, E>) -> u32 {
        *self = match mem::replace(self, Self::None) {
            Self::None => Self::One(listener),
            Self::One(first) if first.is_gone() => {
                *self = Self::One(listener);
                return 1;
            }
            Self::One(first) => Self::Many(Box::new(Many { list: vec![first, listener] })),
            Self::Many(mut many) => {
                let swept = many.push(listener);
                *self = Self::Many(many);
                return swept;
            }
        };
        0
    }

    /// Tells them all, in order, that the promise of `node` has settled.
    pub(crate) fn notify(self, node: Rc<dyn Node<T, E>>) {
        match self {
            Self::None => {}
            Self::One(listener) => listener.notify(node),
            Self::Many(many) => Telling { node, rest: many.list.into_iter() }.tell(),
        }
    }

    /// Tells them all that the promise can never settle.
    pub(crate) fn abandon(self, cause: Origin) {
        match self {
            Self::None => {}
            Self::One(listener) => listener.abandon(cause),
            Self::Many(many) => many.list.into_iter().for_each(|listener| listener.abandon(cause)),
        }
    }

    pub(super) fn as_slice(&self) -> &[Listener<T, E>] {
        match self {
            Self::None => &[],
            Self::One(listener) => std::slice::from_ref(listener),
            Self::Many(many) => &many.list,
        }
    }
}

impl<T, E> Many<T, E> {
    /// Appends. Listeners that are gone are swept whenever the list would grow, so that a promise that lives long keeps
    /// nothing of them, at a constant cost each.
    fn push(&mut self, listener: Listener<T, E>) -> u32 {
        let before = self.list.len();
        if before == self.list.capacity() {
            self.sweep();
        }
        let swept = before - self.list.len();
        self.list.push(listener);
        u32::try_from(swept).expect("each is a consumer, and those are counted in a u32")
    }

    /// The list is full. After this it is at most half full, so the next sweep is as far away as this one was long; and what
    /// a crowd that is gone took is given back.
    fn sweep(&mut self) {
        const SMALL: usize = 64;
        let before = self.list.len();
        self.list.retain(|listener| !listener.is_gone());
        if self.list.len() > before / 2 {
            self.list.reserve(before);
        } else if self.list.len() < before / 4 && before > SMALL {
            self.list.shrink_to(SMALL.max(2 * self.list.len()));
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
