//! How one of several handles awaits: through a promise of its own, which settles together with the one it stands for.

use std::fmt::Debug;
use std::rc::{Rc, Weak};

use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, Share, settle};
use crate::cell::listener::{Listener, Reaction};
use crate::cell::node::{Kind, PromiseNode};
use crate::rejections::Tracked;

/// Settles in the same moment as the promise it stands for, without a job: what costs the tick is the wake of the task.
struct Relay {
    source: Weak<dyn Tracked>,
}

impl<T: 'static, E: Debug + 'static> Kind<T, E> for Relay {
    fn run(_: Rc<PromiseNode<T, E, Self>>) {
        unreachable!("a relay is never queued")
    }

    fn keep_followed(&self, _: Promise<T, E>) {
        unreachable!("a relay follows without jobs")
    }

    fn stands_for(&self) -> Option<Rc<dyn Tracked>> {
        self.source.upgrade()
    }
}

impl<T: 'static, E: Debug + 'static> Reaction<T, E> for PromiseNode<T, E, Relay> {
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        settle(self, share.take_caught());
    }
}

/// A promise with one handle that settles when `source` does. Its listener goes when that handle is dropped.
pub(crate) fn relay<T: 'static, E: Debug + 'static>(source: Promise<T, E>) -> Promise<T, E> {
    let origin = source.origin();
    let node = Rc::new(PromiseNode {
        cell: PromiseCell::pending(origin.made_at),
        kind: Relay { source: Rc::downgrade(&source.tracked()) },
    });
    node.cell.stand_for(origin);
    // Whoever awaits sees the outcome.
    node.cell.mark_handled();
    let noted = source.cell().take_await();
    let reaction: Rc<dyn Reaction<T, E>> = node.clone();
    source.subscribe(Listener::Watch(Rc::downgrade(&reaction)));
    node.cell.put_await(noted);
    Promise::from_consumer(node)
}
