//! What a thread keeps at home for those that may call it from outside, each under a key.
//!
//! Only keys travel. A waker in another thread's hands never owns a future of this one, so whatever happens to it there,
//! nothing of this thread is run or dropped elsewhere (invariant 8).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use super::Inbox;
use super::waker::ForeignWaker;

/// Names something that a thread keeps at home.
pub(crate) type Key = u64;

/// What other threads send.
pub(crate) enum Message {
    /// Wake the task behind this waker.
    Wake(Arc<ForeignWaker>),
    /// The last clone of the waker with this key is gone.
    Forget(Key),
    /// Settle the promise with this key.
    Settle(Key, Box<dyn Any + Send>),
    /// The remote resolver with this key was dropped unused.
    Abandon(Key),
}

/// What can settle a promise with something that came from another thread.
pub(crate) trait Target {
    fn settle(self: Box<Self>, parcel: Box<dyn Any + Send>);
}

struct Home {
    inbox: Arc<Inbox<Message>>,
    /// Messages that were taken from the inbox and wait for their turn.
    taken: RefCell<VecDeque<Message>>,
    /// The tasks whose wakers are in somebody else's hands.
    tasks: RefCell<HashMap<Key, Waker>>,
    /// The promises that remote resolvers settle.
    targets: RefCell<HashMap<Key, Box<dyn Target>>>,
    next_key: Cell<Key>,
}

thread_local! {
    static HOME: Home = Home {
        inbox: Arc::new(Inbox::new()),
        taken: RefCell::default(),
        tasks: RefCell::default(),
        targets: RefCell::default(),
        next_key: Cell::new(0),
    };
}

impl Drop for Home {
    /// The thread ends. What it kept is dropped here, and then the inbox closes: from now on a wake does nothing.
    fn drop(&mut self) {
        self.tasks.take().clear();
        self.targets.take().clear();
        self.taken.take().clear();
        drop(self.inbox.close());
    }
}

/// The inbox of this thread, and a key of its own.
pub(crate) fn new_key() -> (Arc<Inbox<Message>>, Key) {
    HOME.try_with(|home| {
        let key = home.next_key.get();
        home.next_key.set(key + 1);
        (home.inbox.clone(), key)
    })
    .unwrap_or_else(|_| {
        // The thread ends: an inbox that takes nothing.
        let inbox = Inbox::new();
        inbox.close();
        (Arc::new(inbox), 0)
    })
}

/// Whether `inbox` is that of this thread, and the thread is not about to end.
pub(crate) fn is_home(inbox: &Arc<Inbox<Message>>) -> bool {
    HOME.try_with(|home| Arc::ptr_eq(&home.inbox, inbox)).unwrap_or(false)
}

/// Keeps the task behind a waker that has got into other hands.
pub(crate) fn keep_task(key: Key, task: &Waker) {
    let _ = HOME.try_with(|home| {
        home.tasks.borrow_mut().entry(key).or_insert_with(|| task.clone());
    });
}

/// Lets go of a task: its waker is in nobody's hands, or it has ended.
pub(crate) fn forget_task(key: Key) {
    // Dropping the last waker of a task schedules it, so no borrow may be held then.
    drop(HOME.try_with(|home| home.tasks.borrow_mut().remove(&key)));
}

/// The task with this key.
pub(crate) fn task(key: Key) -> Option<Waker> {
    HOME.try_with(|home| home.tasks.borrow().get(&key).cloned()).ok().flatten()
}

/// Keeps what a remote resolver settles.
pub(crate) fn keep_target(key: Key, target: Box<dyn Target>) {
    // If the thread is about to end the target is dropped, which abandons its promise.
    let _ = HOME.try_with(|home| home.targets.borrow_mut().insert(key, target));
}

fn take_target(key: Key) -> Option<Box<dyn Target>> {
    HOME.with(|home| home.targets.borrow_mut().remove(&key))
}

/// Whether anybody outside can still send something: a waker or a remote resolver is in other hands.
pub(crate) fn is_expecting() -> bool {
    HOME.with(|home| !home.tasks.borrow().is_empty() || !home.targets.borrow().is_empty())
}

/// The next message that has arrived.
pub(crate) fn next_message() -> Option<Message> {
    HOME.with(|home| {
        let mut taken = home.taken.borrow_mut();
        if taken.is_empty() {
            let mut batch = Vec::from(std::mem::take(&mut *taken));
            home.inbox.swap(&mut batch);
            *taken = batch.into();
        }
        taken.pop_front()
    })
}

/// Sleeps until a message arrives.
pub(crate) fn park() {
    HOME.with(|home| home.inbox.park());
}

impl Message {
    /// Does what the message says. The thread calls it as a macrotask of its loop.
    pub(crate) fn deliver(self) {
        match self {
            Self::Wake(waker) => waker.wake_at_home(),
            Self::Forget(key) => forget_task(key),
            Self::Settle(key, parcel) => {
                if let Some(target) = take_target(key) {
                    target.settle(parcel);
                }
            }
            Self::Abandon(key) => drop(take_target(key)),
        }
    }
}
