//! Spawned futures that an abort drops.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use super::aborted::Aborted;
use super::core::{Listen, Registration};
use super::cut::rejection;
use super::signal::AbortSignal;
use crate::cell::handle::Promise;
use crate::outcome::Fault;
use crate::resolve::resolution::IntoResolution;
use crate::resolve::{Completion, Producer, attempt};

impl AbortSignal {
    /// [`Promise::spawn`] of a future that is dropped when the signal is aborted. Then the promise is rejected with
    /// `E::from(aborted)`.
    ///
    /// The future is dropped, with all that it owns, before [`abort`](crate::AbortController::abort) returns. If it is its own
    /// code that aborts, that is when its poll returns. Listeners that were registered before this call are called before the
    /// drop, those that were registered later come after it. If the signal is aborted already, the future is never polled.
    ///
    /// It takes the ticks of [`Promise::spawn`]. When the future has returned a promise, the fate of the result is that
    /// promise's, and no abort changes it. A panic of its destructor at the abort is a [`Fault`] of the promise.
    ///
    /// - **Cost:** that of two spawned futures.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{AbortController, Aborted, Promise, block_on, delay};
    ///
    /// let controller = AbortController::new();
    /// let heartbeat: Promise<(), Aborted> = controller.signal().spawn(async {
    ///     for beat in 1_u32.. {
    ///         println!("{beat}");
    ///         delay::<Aborted>(Duration::from_millis(1)).await?;
    ///     }
    ///     Ok(())
    /// });
    /// block_on(delay::<Aborted>(Duration::from_millis(3)))?;
    /// controller.abort();
    /// assert!(block_on(heartbeat).is_err());
    /// # Ok::<(), Aborted>(())
    /// ```
    #[track_caller]
    pub fn spawn<T, E, F>(&self, future: F) -> Promise<T, E>
    where
        T: 'static,
        E: From<Aborted> + Debug + 'static,
        F: Future + 'static,
        F::Output: IntoResolution<E, Value = T>,
    {
        spawn_until(self, future, |aborted| Some(Ok(rejection(aborted))), Location::caller())
    }
}

/// Spawns a future that is dropped when `signal` is aborted. What `on_abort` says then resolves the promise; nothing abandons
/// it.
pub(crate) fn spawn_until<T, E, F, A>(
    signal: &AbortSignal,
    future: F,
    on_abort: A,
    made_at: &'static Location<'static>,
) -> Promise<T, E>
where
    T: 'static,
    E: Debug + 'static,
    F: Future + 'static,
    F::Output: IntoResolution<E, Value = T>,
    A: FnOnce(Aborted) -> Option<Completion<T, E>> + 'static,
{
    let (promise, producer) = Producer::new(made_at);
    let spawned = Rc::new(Spawned {
        future: RefCell::new(Some(Box::pin(future))),
        end: RefCell::new(Some(End { producer, on_abort })),
        registration: Cell::new(None),
    });
    if let Some(aborted) = signal.reason() {
        spawned.abort(aborted);
        return promise;
    }
    // The task owns the future, so that it is dropped when nothing can wake it any more.
    spawned.registration.set(signal.listen(Rc::new(Aborter(Rc::downgrade(&spawned)))));
    Promise::<(), Infallible>::spawn_at(Run(spawned), made_at);
    promise
}

struct Spawned<F, T, E, A> {
    /// Borrowed while it is polled.
    future: RefCell<Option<Pin<Box<F>>>>,
    /// `None` when the fate of the promise is known.
    end: RefCell<Option<End<T, E, A>>>,
    registration: Cell<Option<Registration>>,
}

struct End<T, E, A> {
    producer: Producer<T, E>,
    on_abort: A,
}

impl<F, T, E, A> Spawned<F, T, E, A>
where
    T: 'static,
    E: Debug + 'static,
    A: FnOnce(Aborted) -> Option<Completion<T, E>>,
{
    fn abort(&self, aborted: Aborted) {
        let Some(End { producer, on_abort }) = self.end.take() else { return };
        drop(self.registration.take());
        // If it is being polled, it is dropped when the poll returns.
        let future = self.future.try_borrow_mut().ok().and_then(|mut future| future.take());
        match catch_unwind(AssertUnwindSafe(|| {
            drop(future);
            on_abort(aborted)
        })) {
            Ok(Some(completion)) => producer.complete(completion),
            Ok(None) => drop(producer),
            Err(payload) => producer.complete(Err(Fault::from_panic(payload))),
        }
    }

    fn complete(&self, completion: Completion<T, E>) {
        if let Some(End { producer, on_abort }) = self.end.take() {
            drop(self.registration.take());
            producer.complete(completion);
            drop(on_abort);
        }
    }
}

/// The listener.
struct Aborter<F, T, E, A>(Weak<Spawned<F, T, E, A>>);

impl<F, T, E, A> Listen for Aborter<F, T, E, A>
where
    F: 'static,
    T: 'static,
    E: Debug + 'static,
    A: FnOnce(Aborted) -> Option<Completion<T, E>> + 'static,
{
    fn aborted(self: Rc<Self>, aborted: &Aborted) {
        if let Some(spawned) = self.0.upgrade() {
            spawned.abort(aborted.clone());
        }
    }

    fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// The task.
struct Run<F, T, E, A>(Rc<Spawned<F, T, E, A>>);

impl<F, T, E, A> Future for Run<F, T, E, A>
where
    T: 'static,
    E: Debug + 'static,
    F: Future,
    F::Output: IntoResolution<E, Value = T>,
    A: FnOnce(Aborted) -> Option<Completion<T, E>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let spawned = &self.0;
        let polled = match &mut *spawned.future.borrow_mut() {
            Some(future) => catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))),
            None => return Poll::Ready(()),
        };
        match polled {
            Ok(Poll::Pending) if spawned.end.borrow().is_some() => return Poll::Pending,
            // It has aborted itself.
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(output)) => spawned.complete(attempt(|| Ok(output.into_resolution()))),
            Err(payload) => spawned.complete(Err(Fault::from_panic(payload))),
        }
        let future = spawned.future.take();
        drop(future);
        Poll::Ready(())
    }
}
