//! The promises of a loop that somebody outside settles.

use std::any::Any;
use std::collections::BTreeMap;

use super::home::Key;

/// What can settle a promise with something that came from another thread.
pub(crate) trait Target {
    fn settle(self: Box<Self>, parcel: Box<dyn Any + Send>);
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
    /// Those of each [`AwaitedBy`].
    kept: [BTreeMap<Key, Box<dyn Target>>; 3],
}

impl Targets {
    /// Keeps a target. Returns the one that had the key.
    pub(super) fn keep(&mut self, key: Key, target: Box<dyn Target>, awaited: AwaitedBy) -> Option<Box<dyn Target>> {
        self.kept[awaited as usize].insert(key, target)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Box<dyn Target>> {
        self.kept.iter_mut().find_map(|kept| kept.remove(&key))
    }

    /// How many there are that are awaited so.
    pub(super) fn count(&self, awaited: AwaitedBy) -> usize {
        self.kept[awaited as usize].len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.iter().all(BTreeMap::is_empty)
    }
}
