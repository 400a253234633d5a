//! What a loop keeps at home for those that may call it from outside, each under a key.
//!
//! Only keys travel. A waker in another thread's hands never owns a future of this one, so whatever happens to it there,
//! nothing of this thread is run or dropped elsewhere (invariant 8).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::targets::{AwaitedBy, Targets, Waiting};
use super::waker::ForeignWaker;
use super::{Inbox, OnWake, Sent};
use crate::numbers::NumberMap;

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
    /// A packet has arrived in the channel of the receiver with this key.
    Arrived(Key),
    /// The receiver with this key goes on with something that it had put off.
    Resume(Key),
    /// The receiver with this key was closed while another loop was entered.
    Retire(Key),
    /// Do this.
    Run(Box<dyn FnOnce() + Send>),
}

/// The receiving end of a channel, which hears of every packet in a macrotask of its own.
pub(crate) trait Receiver {
    /// One more packet is in the channel.
    fn arrived(self: Rc<Self>);

    /// The turn of one packet that was put off.
    fn resume(self: Rc<Self>);

    /// Whether a packet may still come.
    fn is_open(&self) -> bool;
}

/// Gives out what keeps a loop alive, whichever loop is entered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds(Rc<Cell<usize>>);

impl Holds {
    /// Keeps the loop alive, as a waker or a remote resolver in other hands does.
    pub(crate) fn hold(&self) -> Hold {
        self.0.set(self.0.get() + 1);
        Hold(self.clone())
    }
}

/// Keeps a loop alive until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold(Holds);

impl Drop for Hold {
    fn drop(&mut self) {
        let Holds(count) = &self.0;
        count.set(count.get() - 1);
    }
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
    tasks: NumberMap<Key, Waker>,
    /// The promises that others settle.
    targets: Targets,
    /// The receiving ends of channels. They keep the loop alive by a [`Hold`], if at all.
    receivers: NumberMap<Key, Rc<dyn Receiver>>,
    /// What counts the `Hold`s, made when somebody first asks for it.
    holds: Option<Holds>,
    /// A waker that no future has kept, for the next poll of a task in this loop.
    spare: Option<Arc<ForeignWaker>>,
    /// What drives the loop sleeps, and other code of the thread runs meanwhile: what that wakes has to arrive as a message.
    is_away: bool,
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
        drop((mem::take(&mut self.tasks), mem::take(&mut self.targets), mem::take(&mut self.receivers)));
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

/// Whether `inbox` is that of the entered loop, which is not away, and the thread is not about to end.
pub(crate) fn is_home(inbox: &Arc<Inbox<Message>>) -> bool {
    HOME.try_with(|home| {
        let home = home.borrow();
        !home.is_away && home.inbox.as_ref().is_some_and(|own| Arc::ptr_eq(own, inbox))
    })
    .unwrap_or(false)
}

/// Says whether what drives the entered loop is away: asleep, while other code of the thread runs. Returns what was said
/// before.
pub(crate) fn set_away(is_away: bool) -> bool {
    HOME.try_with(|home| mem::replace(&mut home.borrow_mut().is_away, is_away)).unwrap_or(false)
}

/// Where a loop is reached, whichever loop is entered, and from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Address(Arc<Inbox<Message>>);

impl Address {
    /// That of the entered loop.
    pub(crate) fn of_home() -> Self {
        Self(new_key().0)
    }

    /// Has the loop do `work`, as a macrotask. Returns `false`, and drops it, if the loop is gone.
    pub(crate) fn run(&self, work: Box<dyn FnOnce() + Send>) -> bool {
        // It is `Send`, so it may be dropped wherever this is.
        self.0.push(Message::Run(work)).is_ok()
    }

    /// Whether the loop is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Has `sleeper` woken once, when there is something new to do. Returns `false` if there is something already.
    pub(crate) fn sleep(&self, sleeper: &Waker) -> bool {
        self.0.sleep(sleeper)
    }

    /// Wakes what drives the loop, if it sleeps.
    pub(crate) fn wake(&self) {
        if let Some(sleeper) = self.0.take_sleeper() {
            sleeper.wake();
        }
    }

    /// What drives the loop does not sleep any more.
    pub(crate) fn stay_awake(&self) {
        drop(self.0.take_sleeper());
    }
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

/// Keeps what others settle.
pub(crate) fn keep_target(key: Key, target: Waiting, awaited: AwaitedBy) {
    // If the thread is about to end the target is dropped, which abandons its promise.
    let _ = HOME.try_with(|home| home.borrow_mut().targets.keep(key, target, awaited));
}

fn take_target(key: Key) -> Option<Waiting> {
    HOME.try_with(|home| home.borrow_mut().targets.remove(key)).ok().flatten()
}

/// Keeps the receiving end of a channel.
pub(crate) fn keep_receiver(key: Key, receiver: Rc<dyn Receiver>) {
    // If the thread is about to end the receiver is dropped.
    let _ = HOME.try_with(|home| home.borrow_mut().receivers.insert(key, receiver));
}

/// Lets go of the receiving end of a channel, which the loop with this inbox keeps.
pub(crate) fn forget_receiver(inbox: &Arc<Inbox<Message>>, key: Key) {
    if is_home(inbox) {
        // It may own what user code owns, so no borrow may be held when it is dropped.
        drop(HOME.try_with(|home| home.borrow_mut().receivers.remove(&key)));
    } else {
        // If that loop is gone, so is the receiver.
        let _ = inbox.push(Message::Retire(key));
    }
}

fn receiver(key: Key) -> Option<Rc<dyn Receiver>> {
    HOME.with(|home| home.borrow().receivers.get(&key).cloned())
}

/// What keeps this loop alive.
pub(crate) fn holds() -> Holds {
    // While the thread ends there is no loop to be kept.
    HOME.try_with(|home| home.borrow_mut().holds.get_or_insert_default().clone()).unwrap_or_default()
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

/// Whether somebody outside is expected to send something: a waker or a remote resolver is in other hands, or a channel
/// keeps the loop alive.
pub(crate) fn is_expecting() -> bool {
    HOME.with(|home| {
        let home = home.borrow();
        let is_held = || home.holds.as_ref().is_some_and(|Holds(count)| count.get() > 0);
        !home.tasks.is_empty() || home.targets.count(AwaitedBy::Runs) > 0 || is_held()
    })
}

/// Whether the waker of any task is in other hands.
#[cfg(feature = "io")]
pub(crate) fn has_tasks() -> bool {
    HOME.with(|home| !home.borrow().tasks.is_empty())
}

/// Whether anybody outside can still send something, expected or not.
pub(crate) fn can_be_reached() -> bool {
    is_expecting()
        || HOME.with(|home| {
            let home = home.borrow();
            !home.targets.is_empty() || home.receivers.values().any(|receiver| receiver.is_open())
        })
}

/// Who may still send something.
#[derive(Clone, Copy)]
pub(crate) struct Outside {
    /// What others work on: remote resolvers and calls.
    pub(crate) remotes: usize,
    /// Signals.
    pub(crate) signals: usize,
    /// Channels whose receiving end is open.
    pub(crate) ports: usize,
    /// Tasks whose wakers are in other hands.
    pub(crate) tasks: usize,
}

/// How many of each kind may still send something.
pub(crate) fn outside() -> Outside {
    HOME.with(|home| {
        let home = home.borrow();
        let count = |awaited| home.targets.count(awaited);
        Outside {
            remotes: count(AwaitedBy::Runs) + count(AwaitedBy::Clock),
            signals: count(AwaitedBy::Nobody),
            ports: home.receivers.values().filter(|receiver| receiver.is_open()).count(),
            tasks: home.tasks.len(),
        }
    })
}

/// Whether others work on something for this loop. What they do takes no virtual time.
pub(crate) fn awaits_work() -> bool {
    HOME.with(|home| {
        let targets = &home.borrow().targets;
        targets.count(AwaitedBy::Runs) + targets.count(AwaitedBy::Clock) > 0
    })
}

/// Whether this loop is asked to stop.
pub(crate) fn is_stopped() -> bool {
    HOME.with(|home| home.borrow().inbox.as_ref().is_some_and(|inbox| inbox.is_stopped()))
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
    tasks: NumberMap<Key, Waker>,
    targets: Targets,
    receivers: NumberMap<Key, Rc<dyn Receiver>>,
}

impl Kept {
    pub(crate) fn is_empty(&self) -> bool {
        let has_messages = !self.taken.is_empty() || !self.arrived.is_empty();
        !has_messages && self.tasks.is_empty() && self.targets.is_empty() && self.receivers.is_empty()
    }
}

/// Takes out what the loop keeps at home, to be dropped when no borrow is held.
pub(crate) fn take() -> Kept {
    HOME.with(|home| {
        let home = &mut *home.borrow_mut();
        Kept {
            taken: mem::take(&mut home.taken),
            arrived: mem::take(&mut home.arrived),
            tasks: mem::take(&mut home.tasks),
            targets: mem::take(&mut home.targets),
            receivers: mem::take(&mut home.receivers),
        }
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

/// Sleeps until a message arrives, the loop is asked to stop, or `timeout` has passed.
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
            Self::Arrived(key) => {
                if let Some(receiver) = receiver(key) {
                    receiver.arrived();
                }
            }
            Self::Resume(key) => {
                if let Some(receiver) = receiver(key) {
                    receiver.resume();
                }
            }
            Self::Retire(key) => drop(HOME.with(|home| home.borrow_mut().receivers.remove(&key))),
            Self::Run(work) => work(),
        }
    }
}
