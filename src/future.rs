//! The await bridge: a promise is a future, and a future becomes a promise.

use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use futures::future::FusedFuture;
use pin_project_lite::pin_project;

use crate::cell::handle::Promise;
use crate::context::{self, Context};
use crate::inbox::waker::{Shown, run_of, task_waker};
use crate::outcome::{Fault, PromiseState};
use crate::queue::{self, Entry};
use crate::reaction::handlers::{OnFulfilled, OnRejected};
use crate::reaction::react;
use crate::reaction::relay::relay;
use crate::rejections;
use crate::resolve::resolution::IntoResolution;
use crate::resolve::{Producer, attempt};

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// Makes a promise of a future: what calling an `async` function does in JavaScript.
    ///
    /// The future runs at once, inside the call, up to its first `await` that has to wait (rule A2), and from then on as
    /// jobs of the microtask queue, in one order with the handlers of promises (rule A5). Its output resolves the promise:
    /// one tick later a handler runs, or two more if the output is a promise (rule A3). A panic settles the promise with
    /// a [`Fault`].
    ///
    /// Dropping the promise does not stop the future. If nothing can wake it any more, it is dropped, and the promise is
    /// abandoned.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<u32, String>::spawn(async {
    ///     let n = Promise::<u32, String>::resolve(20).await?;
    ///     Ok(n + 1)
    /// });
    /// assert_eq!(block_on(promise.map(|n| n * 2)), Ok(42));
    /// ```
    #[track_caller]
    pub fn spawn<F>(future: F) -> Self
    where
        F: Future + 'static,
        F::Output: IntoResolution<E, Value = T>,
    {
        Self::spawn_at(future, Location::caller())
    }

    /// [`then`](Self::then) with a handler that is an async closure. Its body runs at once up to its first `await`, when
    /// the handler runs; the promise that it makes is adopted.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::<u32, String>::resolve(2).then_async(async |n| {
    ///     let more = Promise::<u32, String>::resolve(3).await?;
    ///     Ok(n + more)
    /// });
    /// assert_eq!(block_on(promise), Ok(5));
    /// ```
    #[track_caller]
    pub fn then_async<R, A, F>(self, on_fulfilled: F) -> Promise<R::Value, E>
    where
        F: FnOnce(T) -> A + 'static,
        A: Future<Output = R> + 'static,
        R: IntoResolution<E> + 'static,
    {
        let made_at = Location::caller();
        react(self, OnFulfilled(move |value| Promise::spawn_at(on_fulfilled(value), made_at)), made_at)
    }

    /// [`catch`](Self::catch) with a handler that is an async closure.
    #[track_caller]
    pub fn catch_async<R, A, F>(self, on_rejected: F) -> Promise<T, E>
    where
        F: FnOnce(E) -> A + 'static,
        A: Future<Output = R> + 'static,
        R: IntoResolution<E, Value = T> + 'static,
    {
        let made_at = Location::caller();
        react(self, OnRejected(move |reason| Promise::spawn_at(on_rejected(reason), made_at)), made_at)
    }

    pub(crate) fn spawn_at<F>(future: F, made_at: &'static Location<'static>) -> Self
    where
        F: Future + 'static,
        F::Output: IntoResolution<E, Value = T>,
    {
        let (promise, producer) = Producer::new(made_at);
        let body = Body { future, producer, shown: Shown::default(), context: Context::current() };
        // Wakers of the task itself never leave the thread, so it is scheduled here only.
        let (runnable, task) = async_task::spawn_local(body, |runnable| queue::enqueue(Entry::Task(runnable)));
        task.detach();
        queue::run_task(runnable);
        promise
    }
}

pin_project! {
    /// The task of a spawned future.
    struct Body<F, T, E> {
        #[pin]
        future: F,
        // Taken out when the future is done.
        producer: Producer<T, E>,
        shown: Shown,
        // In which it was spawned.
        context: Option<Context>,
    }
}

impl<F, T, E> Future for Body<F, T, E>
where
    T: 'static,
    E: Debug + 'static,
    F: Future,
    F::Output: IntoResolution<E, Value = T>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let this = self.project();
        let (future, shown) = (this.future, this.shown);
        let _entered = context::enter(this.context.as_ref());
        let polled = catch_unwind(AssertUnwindSafe(|| shown.poll(task.waker(), |task| future.poll(task))));
        let completion = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => attempt(|| Ok(output.into_resolution())),
            Err(payload) => Err(Fault::from_panic(payload)),
        };
        let producer = this.producer.take();
        producer.complete(completion);
        Poll::Ready(())
    }
}

impl<T: 'static, E: Debug + 'static> Future for Promise<T, E> {
    type Output = Result<T, E>;

    /// `await` costs one tick, also of a promise that has settled (rule A1): the continuation is queued when the promise
    /// settles, in one order with its handlers (rule A5). Awaiting counts as handling a rejection.
    ///
    /// Any executor of this thread may poll a promise, but somebody has to run its loop. To await a promise that you want to
    /// keep, await `&mut promise`, or a clone.
    ///
    /// # Panics
    ///
    /// If the promise settled with a [`Fault`], its panic is resumed. If it is polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        assert!(!self.is_taken(), "a promise was polled after it was ready");
        if self.cell().is_shared() {
            *self = relay(self.take());
        }
        let cell = self.cell();
        cell.mark_handled();
        if cell.promise_state() == PromiseState::Pending {
            let waker = task_waker(task);
            rejections::note_awaited(&waker, || self.tracked());
            drop(cell.await_with(waker));
            Poll::Pending
        } else if cell.continues(run_of(task)) {
            Poll::Ready(self.take().consume().into_result())
        } else {
            task_waker(task).wake();
            Poll::Pending
        }
    }
}

impl<T: 'static, E: Debug + 'static> FusedFuture for Promise<T, E> {
    fn is_terminated(&self) -> bool {
        self.is_taken()
    }
}
