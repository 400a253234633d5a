//! The waker of the one future that is not a task of its own: that of `block_on`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use crate::queue::{self, Job};

thread_local! {
    /// The number of the latest root.
    static LATEST: Cell<u64> = const { Cell::new(0) };
    /// The number of the root whose turn it is, or 0.
    static WOKEN: Cell<u64> = const { Cell::new(0) };
}

/// Stands for a future in the microtask queue.
pub(crate) struct RootTask(Arc<RootWaker>);

impl RootTask {
    pub(crate) fn new() -> Self {
        let number = LATEST.get() + 1;
        LATEST.set(number);
        Self(Arc::new(RootWaker { number, queued: AtomicBool::new(false) }))
    }

    /// The waker for the poll that begins: a wake from now on asks for another one.
    pub(crate) fn start_poll(&self) -> Waker {
        self.0.queued.store(false, Ordering::Relaxed);
        Waker::from(self.0.clone())
    }

    /// Whether the job that just ran gave the future its turn.
    pub(crate) fn take_turn(&self) -> bool {
        WOKEN.replace(0) == self.0.number
    }
}

/// The waker of the future itself. It never leaves the thread: what the future sees is a `ForeignWaker`.
struct RootWaker {
    number: u64,
    queued: AtomicBool,
}

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            queue::enqueue_job(Rc::new(Turn(self.number)));
        }
    }
}

/// The job that gives the future its turn.
struct Turn(u64);

impl Job for Turn {
    fn run(self: Rc<Self>) {
        WOKEN.set(self.0);
    }
}
