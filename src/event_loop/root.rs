//! The future that `block_on` runs.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};

use crate::inbox::waker::Shown;
use crate::queue::{self, Job};
use crate::rejections;

/// A future that is polled from the microtask queue though it does not belong to it, since it need not be `'static`: a job
/// says when it is its turn, and `block_on` polls.
pub(super) struct Root<'a, F: Future> {
    future: Pin<&'a mut F>,
    output: Option<F::Output>,
    waker: Arc<RootWaker>,
    shown: Shown,
}

impl<'a, F: Future> Root<'a, F> {
    pub(super) fn new(future: Pin<&'a mut F>) -> Self {
        let number = LATEST.get() + 1;
        LATEST.set(number);
        let waker = Arc::new(RootWaker { number, queued: AtomicBool::new(false) });
        Self { future, output: None, waker, shown: Shown::default() }
    }

    pub(super) fn poll(&mut self) {
        if self.output.is_some() {
            return;
        }
        let waker = Waker::from(self.waker.clone());
        rejections::watch_awaited(&waker);
        self.waker.queued.store(false, Ordering::Relaxed);
        if let Poll::Ready(output) = self.shown.poll(&waker, |context| self.future.as_mut().poll(context)) {
            self.output = Some(output);
        }
    }

    /// Polls, if the job that just ran was a wake of this future.
    pub(super) fn poll_if_woken(&mut self) {
        if WOKEN.replace(0) == self.waker.number {
            self.poll();
        }
    }

    pub(super) fn take_output(&mut self) -> Option<F::Output> {
        self.output.take()
    }
}

thread_local! {
    /// The number of the latest root.
    static LATEST: Cell<u64> = const { Cell::new(0) };
    /// The number of the root whose turn it is, or 0.
    static WOKEN: Cell<u64> = const { Cell::new(0) };
}

/// The waker of the future itself. It never leaves the thread; futures see a [`Shown`] one.
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
