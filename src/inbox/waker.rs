//! The wakers that futures get to see.
//!
//! A task has a waker of its own, which owns the task; it never leaves its thread. A future that is polled sees a
//! [`ForeignWaker`] instead, which knows a key only. Where the future clones it, the thread keeps the task under that key
//! until the clones are gone: so a loop knows whether anybody outside can still wake it.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use super::home::{self, Key, Message};
use super::{Inbox, WakeFlag};

/// A waker that may go to any thread.
pub(crate) struct ForeignWaker {
    key: Key,
    inbox: Arc<Inbox<Message>>,
    sent: WakeFlag,
}

impl ForeignWaker {
    fn new() -> Self {
        let (inbox, key) = home::new_key();
        Self { key, inbox, sent: WakeFlag::new() }
    }

    /// Wakes the task, on the task's thread.
    pub(super) fn wake_at_home(&self) {
        // Before the wake, so that none that comes later is taken for this one.
        self.sent.lower();
        let polled = POLLING.try_with(|polling| {
            polling.borrow().as_ref().filter(|polling| polling.key == self.key).map(|polling| polling.task.clone())
        });
        if let Some(task) = polled.ok().flatten().or_else(|| home::task(self.key)) {
            task.wake();
        }
    }
}

impl Wake for ForeignWaker {
    fn wake(self: Arc<Self>) {
        if home::is_home(&self.inbox) {
            self.wake_at_home();
        } else if self.sent.raise() {
            // The message holds the waker, so its task is kept until the wake has been delivered. After the thread has
            // ended the message comes back, and nothing is left to be woken.
            let inbox = self.inbox.clone();
            drop(inbox.push(Message::Wake(self)));
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if home::is_home(&self.inbox) {
            self.wake_at_home();
        } else {
            self.clone().wake();
        }
    }
}

impl ForeignWaker {
    /// The loop need not keep the task any more.
    fn forget(&self) {
        if home::is_home(&self.inbox) {
            home::forget_task(self.key);
        } else {
            let _ = self.inbox.push(Message::Forget(self.key));
        }
    }
}

impl Drop for ForeignWaker {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Tells one run of a task of this thread from the others: they are numbered from 1.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) number: u64,
    /// The run of the same task before this one, or 0.
    pub(crate) previous: u64,
}

/// The task that is being polled.
struct Polling {
    /// The key of the waker that the future sees, and its address.
    key: Key,
    address: *const (),
    run: Run,
    /// The waker that owns the task.
    task: Waker,
}

thread_local! {
    /// How many runs of tasks there have been.
    static RUNS: Cell<u64> = const { Cell::new(0) };
    static POLLING: RefCell<Option<Polling>> = const { RefCell::new(None) };
}

/// How many runs of tasks there have been on this thread. One that is under way counts.
pub(crate) fn runs() -> u64 {
    RUNS.get()
}

/// What the polls of one task share.
#[derive(Default)]
pub(crate) struct Shown {
    /// The waker that the future saw when it was last polled, as long as somebody holds it.
    waker: Option<Weak<ForeignWaker>>,
    /// The number of the last run.
    run: u64,
}

impl Shown {
    /// Polls the future of the task that `task` wakes.
    pub(crate) fn poll<R>(&mut self, task: &Waker, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        let run = Run { number: RUNS.get() + 1, previous: self.run };
        RUNS.set(run.number);
        self.run = run.number;
        // The waker of the poll before stays in its place meanwhile: if this poll panics, `Drop` lets the loop forget the task.
        let mut shown = self
            .waker
            .as_ref()
            .and_then(Weak::upgrade)
            // The task may have got into another loop of the thread, which keeps it under a waker of its own.
            .filter(|shown| home::is_home(&shown.inbox))
            .or_else(home::take_spare)
            .unwrap_or_else(|| Arc::new(ForeignWaker::new()));
        let result = {
            let waker = Waker::from(shown.clone());
            let _polling = Entered::new(Polling { key: shown.key, address: waker.data(), run, task: task.clone() });
            poll(&mut Context::from_waker(&waker))
        };
        // A message in the inbox holds it too, so nothing is under way to a waker that is ours alone.
        let is_ours_alone = Arc::get_mut(&mut shown).is_some();
        if result.is_pending() && !is_ours_alone {
            home::keep_task(shown.key, task);
            self.waker = Some(Arc::downgrade(&shown));
            return result;
        }
        // Only a poll before this one can have left the task under the key.
        if self.waker.take().is_some_and(|before| before.as_ptr() == Arc::as_ptr(&shown)) {
            home::forget_task(shown.key);
        }
        if is_ours_alone {
            home::put_spare(shown);
        }
        result
    }
}

impl Drop for Shown {
    /// The task has ended, so nobody can wake it any more.
    fn drop(&mut self) {
        // If it is gone, it has told its loop already, or a message is under way.
        if let Some(waker) = self.waker.take().and_then(|waker| waker.upgrade()) {
            waker.forget();
        }
    }
}

/// Makes a task the polled one, until it is dropped.
struct Entered(Option<Polling>);

impl Entered {
    fn new(polling: Polling) -> Self {
        Self(POLLING.try_with(|current| current.borrow_mut().replace(polling)).ok().flatten())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Dropping the waker of a task may schedule it, so no borrow may be held then.
        drop(POLLING.try_with(|current| mem::replace(&mut *current.borrow_mut(), self.0.take())));
    }
}

/// The waker to register with a promise of this thread: that of the task itself, where `context` is the task's.
///
/// It costs no reference of the [`ForeignWaker`], so a task that waits for promises of its thread alone is not taken for one
/// that somebody outside may wake.
pub(crate) fn task_waker(context: &Context<'_>) -> Waker {
    polling(context, |polling| polling.task.clone()).unwrap_or_else(|| context.waker().clone())
}

/// The run that a poll belongs to, where `context` is that of a task of this thread.
pub(crate) fn run_of(context: &Context<'_>) -> Option<Run> {
    polling(context, |polling| polling.run)
}

fn polling<R>(context: &Context<'_>, look: impl FnOnce(&Polling) -> R) -> Option<R> {
    let address = context.waker().data();
    let polled = POLLING.try_with(|polling| {
        let polling = polling.borrow();
        polling.as_ref().filter(|polling| polling.address == address).map(look)
    });
    polled.ok().flatten()
}
