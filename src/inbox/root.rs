//! The waker of the one future that is not a task of its own: that of `block_on`.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use crate::queue::{self, Job};

/// Stands for a future in the microtask queue.
pub(crate) struct RootTask(Arc<RootWaker>);

impl RootTask {
    pub(crate) fn new() -> Self {
        Self(Arc::new(RootWaker { queued: AtomicBool::new(false), has_turn: AtomicBool::new(false) }))
    }

    /// The waker for the poll that begins: a wake from now on asks for another one.
    pub(crate) fn start_poll(&self) -> Waker {
        self.0.queued.store(false, Ordering::Relaxed);
        Waker::from(self.0.clone())
    }

    /// Whether a job gave the future its turn since this was last asked.
    #[inline]
    pub(crate) fn take_turn(&self) -> bool {
        self.0.has_turn.load(Ordering::Relaxed) && self.0.has_turn.swap(false, Ordering::Relaxed)
    }
}

/// The waker of the future itself. It never leaves the thread: what the future sees is a `ForeignWaker`.
struct RootWaker {
    /// A job is in the queue, or the future has its turn.
    queued: AtomicBool,
    /// The job has run. It says so here, and not in the thread: the job may have run in another loop than the one that
    /// polls the future.
    has_turn: AtomicBool,
}

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            queue::enqueue_job(Rc::new(Turn(self.clone())));
        }
    }
}

/// The job that gives the future its turn.
struct Turn(Arc<RootWaker>);

impl Job for Turn {
    fn run(self: Rc<Self>) {
        self.0.has_turn.store(true, Ordering::Relaxed);
    }
}
