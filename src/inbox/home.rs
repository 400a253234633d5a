//! What a loop keeps at home for those that may call it from outside, each under a key.
//!
//! Only keys travel. A waker in another thread's hands never owns a future of this one, so whatever happens to it there,
//! nothing of this thread is run or dropped elsewhere (invariant 8).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::waker::ForeignWaker;
use super::{Inbox, OnWake, Sent};

/// Names something that a loop keeps at home. No two loops of a thread use the same.
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

/// The home of the entered loop, if it stands in [`HOME`]; else that of a loop that is not entered.
#[derive(Default)]
pub(crate) struct Home {
    /// Made when somebody first asks for it.
    inbox: Option<Arc<Inbox<Message>>>,
    /// Messages that have arrived, and that no poll has taken yet.
    arrived: Vec<Sent<Message>>,
    /// Messages that a poll has taken, and that wait for their turn.
    taken: VecDeque<Sent<Message>>,
    /// The tasks whose wakers are in somebody else's hands.
    tasks: HashMap<Key, Waker>,
    /// The promises that remote resolvers settle.
    targets: HashMap<Key, Box<dyn Target>>,
    /// A waker that no future has kept, for the next poll of a task in this loop.
    spare: Option<Arc<ForeignWaker>>,
}

thread_local! {
    static HOME: RefCell<Home> = RefCell::default();
    static NEXT_KEY: Cell<Key> = const { Cell::new(0) };
}

impl Home {
    /// Exchanges itself for the home of the entered loop. Does nothing while the thread ends.
    pub(crate) fn swap(&mut self) {
        let _ = HOME.try_with(|home| mem::swap(&mut *home.borrow_mut(), self));
    }

    fn inbox(&mut self) -> &Arc<Inbox<Message>> {
        self.inbox.get_or_insert_with(|| Arc::new(Inbox::new()))
    }
}

impl Drop for Home {
    /// The loop is gone, or its thread ends. What it kept is dropped here, and then the inbox closes: from now on a wake
    /// does nothing.
    fn drop(&mut self) {
        drop((mem::take(&mut self.tasks), mem::take(&mut self.targets)));
        drop((mem::take(&mut self.taken), mem::take(&mut self.arrived), self.spare.take()));
        drop(self.inbox.take().map(|inbox| inbox.close()));
    }
}

/// The inbox of this loop, and a key of its own.
pub(crate) fn new_key() -> (Arc<Inbox<Message>>, Key) {
    HOME.try_with(|home| {
        let key = NEXT_KEY.get();
        NEXT_KEY.set(key + 1);
        (home.borrow_mut().inbox().clone(), key)
    })
    .unwrap_or_else(|_| {
        // The thread ends: an inbox that takes nothing.
        let inbox = Inbox::new();
        inbox.close();
        (Arc::new(inbox), 0)
    })
}

/// Whether `inbox` is that of the entered loop, and the thread is not about to end.
pub(crate) fn is_home(inbox: &Arc<Inbox<Message>>) -> bool {
    HOME.try_with(|home| home.borrow().inbox.as_ref().is_some_and(|own| Arc::ptr_eq(own, inbox))).unwrap_or(false)
}

/// Keeps the task behind a waker that has got into other hands.
pub(crate) fn keep_task(key: Key, task: &Waker) {
    let _ = HOME.try_with(|home| {
        home.borrow_mut().tasks.entry(key).or_insert_with(|| task.clone());
    });
}

/// Lets go of a task: its waker is in nobody's hands, or it has ended.
pub(crate) fn forget_task(key: Key) {
    // Dropping the last waker of a task schedules it, so no borrow may be held then.
    drop(HOME.try_with(|home| home.borrow_mut().tasks.remove(&key)));
}

/// The task with this key.
pub(crate) fn task(key: Key) -> Option<Waker> {
    HOME.try_with(|home| home.borrow().tasks.get(&key).cloned()).ok().flatten()
}

/// Keeps what a remote resolver settles.
pub(crate) fn keep_target(key: Key, target: Box<dyn Target>) {
    // If the thread is about to end the target is dropped, which abandons its promise.
    let _ = HOME.try_with(|home| home.borrow_mut().targets.insert(key, target));
}

fn take_target(key: Key) -> Option<Box<dyn Target>> {
    HOME.with(|home| home.borrow_mut().targets.remove(&key))
}

/// Takes the waker that was put aside.
pub(super) fn take_spare() -> Option<Arc<ForeignWaker>> {
    HOME.try_with(|home| home.borrow_mut().spare.take()).ok().flatten()
}

/// Puts a waker aside that nobody else holds.
pub(super) fn put_spare(waker: Arc<ForeignWaker>) {
    // Dropping a waker asks for the home, so no borrow may be held then.
    drop(HOME.try_with(|home| home.borrow_mut().spare.replace(waker)));
}

/// Whether anybody outside can still send something: a waker or a remote resolver is in other hands.
pub(crate) fn is_expecting() -> bool {
    HOME.with(|home| {
        let home = home.borrow();
        !home.tasks.is_empty() || !home.targets.is_empty()
    })
}

/// How many remote resolvers are in other hands, and how many tasks' wakers.
pub(crate) fn expected() -> (usize, usize) {
    HOME.with(|home| (home.borrow().targets.len(), home.borrow().tasks.len()))
}

/// How many messages have arrived and are not delivered yet.
pub(crate) fn arrived() -> usize {
    HOME.with(|home| {
        let home = home.borrow();
        home.taken.len() + home.arrived.len() + home.inbox.as_ref().map_or(0, |inbox| inbox.len())
    })
}

/// Takes some of the messages that have arrived, in the order in which they are to be delivered.
pub(crate) type Arrange<'a> = &'a mut dyn FnMut(&mut Vec<Sent<Message>>) -> Vec<Sent<Message>>;

/// Takes the messages that have arrived for delivery, in the order of arrival; or in the order that `arrange` gives them. What
/// it leaves is offered again next time, together with what will have arrived by then.
///
/// Does nothing as long as messages wait that were taken earlier.
pub(crate) fn receive(arrange: Option<Arrange<'_>>) {
    HOME.with(|home| {
        let home = &mut *home.borrow_mut();
        if !home.taken.is_empty() {
            return;
        }
        let Some(arrange) = arrange else {
            // The memory of the deque goes back and forth between the loop and the inbox.
            let mut batch = Vec::from(mem::take(&mut home.taken));
            batch.append(&mut home.arrived);
            if let Some(inbox) = &home.inbox {
                inbox.take(&mut batch);
            }
            home.taken = batch.into();
            return;
        };
        if let Some(inbox) = &home.inbox {
            inbox.take(&mut home.arrived);
        }
        home.taken = arrange(&mut home.arrived).into();
    });
}

/// The next message that was taken for delivery.
pub(crate) fn next_message() -> Option<Message> {
    HOME.with(|home| home.borrow_mut().taken.pop_front()).map(|(_, message)| message)
}

/// What a loop kept at home.
pub(crate) struct Kept {
    taken: VecDeque<Sent<Message>>,
    arrived: Vec<Sent<Message>>,
    tasks: HashMap<Key, Waker>,
    targets: HashMap<Key, Box<dyn Target>>,
}

impl Kept {
    pub(crate) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.arrived.is_empty() && self.tasks.is_empty() && self.targets.is_empty()
    }
}

/// Takes out what the loop keeps at home, to be dropped when no borrow is held.
pub(crate) fn take() -> Kept {
    HOME.with(|home| {
        let home = &mut *home.borrow_mut();
        let (taken, arrived) = (mem::take(&mut home.taken), mem::take(&mut home.arrived));
        Kept { taken, arrived, tasks: mem::take(&mut home.tasks), targets: mem::take(&mut home.targets) }
    })
}

/// Closes the inbox of the loop, which is about to go, and drops what had arrived.
pub(crate) fn close() {
    let (inbox, spare) = HOME.with(|home| {
        let home = &mut *home.borrow_mut();
        (home.inbox.clone(), home.spare.take())
    });
    drop(spare);
    drop(inbox.map(|inbox| inbox.close()));
}

/// Has a callback of the host called when a message arrives. Returns the one before.
pub(crate) fn set_on_wake(on_wake: Option<OnWake>) -> Option<OnWake> {
    let inbox = HOME.with(|home| home.borrow_mut().inbox().clone());
    inbox.set_on_wake(on_wake)
}

fn on_wake() -> Option<OnWake> {
    HOME.try_with(|home| home.borrow().inbox.as_ref().and_then(|inbox| inbox.on_wake())).ok().flatten()
}

/// Whether a host wants to know what is new.
pub(crate) fn has_on_wake() -> bool {
    on_wake().is_some()
}

/// Calls the callback of the host.
pub(crate) fn wake_host() {
    if let Some(on_wake) = on_wake() {
        on_wake();
    }
}

/// Sleeps until a message arrives, or `timeout` has passed.
pub(crate) fn park(timeout: Option<Duration>) {
    let inbox = HOME.with(|home| home.borrow_mut().inbox().clone());
    inbox.park(timeout);
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
