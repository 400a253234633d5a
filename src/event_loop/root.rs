//! The future that `block_on` runs.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use super::drive::Purpose;
use super::phases::Lifetime;
use crate::context::{self, Context};
use crate::inbox::root::RootTask;
use crate::inbox::waker::Shown;
use crate::rejections;

/// A future that is polled from the microtask queue though it does not belong to it, since it need not be `'static`: a job
/// says when it is its turn, and `block_on` polls.
pub(super) struct Root<'a, F: Future> {
    future: Pin<&'a mut F>,
    output: Option<F::Output>,
    task: RootTask,
    shown: Shown,
    /// That of the caller.
    context: Option<Context>,
}

impl<'a, F: Future> Root<'a, F> {
    pub(super) fn new(future: Pin<&'a mut F>, context: Option<Context>) -> Self {
        Self { future, output: None, task: RootTask::new(), shown: Shown::default(), context }
    }

    pub(super) fn poll(&mut self) {
        if self.output.is_some() {
            return;
        }
        let waker = self.task.start_poll();
        rejections::watch_awaited(&waker);
        let Self { future, shown, context, .. } = self;
        let poll = || shown.poll(&waker, |task| future.as_mut().poll(task));
        if let Poll::Ready(output) = context::restore(context.as_ref(), poll) {
            self.output = Some(output);
        }
    }

    pub(super) fn take_output(&mut self) -> Option<F::Output> {
        self.output.take()
    }
}

impl<F: Future> Purpose for Root<'_, F> {
    const LIFETIME: Lifetime = Lifetime::WhileReachable;

    /// Polls, if the job that just ran was a wake of this future.
    fn after_microtask(&mut self) {
        if self.task.take_turn() {
            self.poll();
        }
    }

    fn is_reached(&self) -> bool {
        self.output.is_some()
    }
}
