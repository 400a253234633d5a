//! The promises of a loop that somebody outside settles.

use std::any::Any;
use std::rc::Rc;

use super::home::Key;
use crate::numbers::NumberMap;

/// What can settle a promise with something that came from another thread. One of these is called, once.
pub(crate) trait Target {
    fn settle(self: Rc<Self>, parcel: Box<dyn Any + Send>);

    /// Nothing will ever come.
    fn abandon(self: Rc<Self>);
}

/// A target that waits. Dropping it abandons the promise.
pub(crate) struct Waiting(Option<Rc<dyn Target>>);

impl Waiting {
    pub(crate) fn new(target: Rc<dyn Target>) -> Self {
        Self(Some(target))
    }

    pub(super) fn settle(mut self, parcel: Box<dyn Any + Send>) {
        if let Some(target) = self.0.take() {
            target.settle(parcel);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(target) = self.0.take() {
            target.abandon();
        }
    }
}

/// Who waits until a target is settled, besides a `block_on` that has nothing else to wait for.
#[derive(Clone, Copy)]
pub(crate) enum AwaitedBy {
    /// A run, and a virtual clock: a remote resolver.
    Runs,
    /// A virtual clock, for others work on it. A run waits only if something else keeps it alive: a call to a worker.
    Clock,
    /// Nobody: it may never come. A signal.
    Nobody,
}

/// Targets under keys.
#[derive(Default)]
pub(super) struct Targets {
    waiting: NumberMap<Key, (Waiting, AwaitedBy)>,
    /// How many there are of each [`AwaitedBy`].
    counts: [usize; 3],
}

impl Targets {
    /// Keeps a target under a key that no other has.
    pub(super) fn keep(&mut self, key: Key, target: Waiting, awaited: AwaitedBy) {
        self.counts[awaited as usize] += 1;
        let replaced = self.waiting.insert(key, (target, awaited));
        debug_assert!(replaced.is_none(), "keys are given out once");
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Waiting> {
        let (target, awaited) = self.waiting.remove(&key)?;
        self.counts[awaited as usize] -= 1;
        Some(target)
    }

    /// How many there are that are awaited so.
    pub(super) fn count(&self, awaited: AwaitedBy) -> usize {
        self.counts[awaited as usize]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Drop for Targets {
    /// Abandons what is left, in the order of its making.
    fn drop(&mut self) {
        let mut left: Vec<_> = self.waiting.drain().collect();
        left.sort_unstable_by_key(|(key, _)| *key);
        drop(left);
    }
}
