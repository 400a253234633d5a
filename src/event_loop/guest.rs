//! The loop as a future: it is a guest of another runtime, or of the reactor.
//!
//! A future cannot sleep; it is woken. So where a run would put the thread to sleep, the guest leaves its waker with
//! everybody who may have something new, and waits for a sleep of the host's until the next deadline.

use std::future::{Future, pending, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::BlockOnError;
use super::drive::{self, Hosted, Pause, Purpose, RunToTheEnd};
use super::handle::EventLoop;
use super::hooks::UnhandledRejection;
use super::root::Root;
use super::stall;
use super::state::{self, Entered, LoopState, Running};
use crate::context;
use crate::inbox::home::{self, Address};
use crate::queue::{self, JobHook};

impl EventLoop {
    /// Runs this loop as a guest of another runtime until `future` is ready: [`try_block_on`](Self::try_block_on) for a thread
    /// that must not block.
    ///
    /// The future that it returns is polled by the host like any other of its futures, on this thread: in `block_on`, in a
    /// local task, beside others in a `join!`. Whenever nothing is ready it waits, and the host gets on; it is woken by what
    /// other threads send, by wakers, by the next deadline, and by what code of this thread leaves to do. It gives way to the
    /// host once in each turn. Futures that run in the loop may use what the host offers, its sockets and its timers.
    ///
    /// `sleep` makes the host's timer, which is all that the loop has to know of it. It is one word in each runtime:
    /// `tokio::time::sleep`, `smol::Timer::after`; in another loop of this crate, [`delay::<()>`](crate::delay).
    ///
    /// ```rs
    /// tokio_runtime.block_on(promises.run_until(future, tokio::time::sleep))?;
    /// smol::block_on(promises.run_until(future, smol::Timer::after))?;
    /// ```
    ///
    /// Here the host is a loop, too:
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{EventLoop, Promise, delay, delay_with};
    ///
    /// let (host, promises) = (EventLoop::new(), EventLoop::new());
    /// let tea = async {
    ///     let tea: Promise<&str, String> = delay_with(Duration::from_millis(2), "tea");
    ///     tea.map(|tea| format!("the {tea} has drawn")).await
    /// };
    /// let answer = host.block_on(promises.run_until(tea, delay::<()>))?;
    /// assert_eq!(answer.unwrap(), "the tea has drawn");
    /// # Ok::<(), thenable::BlockOnError>(())
    /// ```
    ///
    /// Other tasks of the host may await promises of the loop wherever they are. To settle promises or chain on them they
    /// [`enter`](Self::enter) the loop; with the [loop of the thread](Self::of_thread) they need not, but for
    /// [`next_tick`](crate::next_tick) and for rejections that nobody handles, which do not wake the loop by themselves.
    ///
    /// To have the loop driven as long as the host lives, give it [`std::future::pending`].
    ///
    /// # Errors
    ///
    /// [`BlockOnError::UnhandledRejection`] as [`try_block_on`](crate::try_block_on). It is not stalled, however idle it is, for
    /// tasks of the host may bring something at any time; unless it belongs to a [worker](crate::Worker) that is terminated.
    ///
    /// # Panics
    ///
    /// When it is polled: if this loop is running, so if a handler or a task of this loop polls it; if another such future
    /// drives the loop already, which it does from its first poll until it is done or dropped. A panic in a callback, in
    /// `future` or in `sleep` unwinds from the poll. The loop is sound then, and can be run again.
    ///
    /// # Dropping
    ///
    /// Dropping the future drops `future`, with the loop entered, and leaves the loop as it is.
    pub async fn run_until<F, S>(&self, future: F, sleep: impl FnMut(Duration) -> S) -> Result<F::Output, BlockOnError>
    where
        F: Future,
        S: Future,
    {
        let state = &self.state;
        let _hosting = Hosting::new(state, "run_until");
        let future = pin!(Some(future));
        let mut inside = DroppedInside { state, future };
        let pinned = inside.future.as_mut().as_pin_mut().expect("it was just put in");
        let mut root = Hosted(Root::new(pinned, context::Context::current()));
        {
            let _entered = self.entered();
            let _running = Running::enter(state, "run_until");
            root.0.poll();
        }
        drive(self, &mut root, "run_until", sleep).await?;
        root.0.take_output().ok_or_else(|| stall::stalled(state).into())
    }

    /// Runs this loop as a guest of another runtime until nothing is left to do: [`run`](Self::run) for a thread that must not
    /// block. What there is to do is queued before, in [`enter`](Self::enter).
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{EventLoop, delay};
    ///
    /// let (host, promises) = (EventLoop::new(), EventLoop::new());
    /// let tea = promises.enter(|| delay::<()>(Duration::from_millis(2)).map(|()| "tea"));
    /// host.block_on(promises.run_to_end(delay::<()>))?;
    /// assert!(tea.peek().is_some());
    /// # Ok::<(), thenable::UnhandledRejection>(())
    /// ```
    ///
    /// For everything else see [`run_until`](Self::run_until).
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run).
    ///
    /// # Panics
    ///
    /// As [`run_until`](Self::run_until).
    pub async fn run_to_end<S: Future>(&self, sleep: impl FnMut(Duration) -> S) -> Result<(), UnhandledRejection> {
        let _hosting = Hosting::new(&self.state, "run_to_end");
        drive(self, &mut RunToTheEnd, "run_to_end", sleep).await
    }
}

/// Runs the loop to the end of the purpose. It is entered while it runs, and not while it waits.
async fn drive<P: Purpose, S: Future>(
    event_loop: &EventLoop,
    purpose: &mut P,
    caller: &str,
    mut sleep: impl FnMut(Duration) -> S,
) -> Result<(), UnhandledRejection> {
    let state = &event_loop.state;
    loop {
        let pause = {
            let _entered = event_loop.entered();
            let _running = Running::enter(state, caller);
            drive::advance(state, purpose, true)?
        };
        if pause == Pause::Over {
            return Ok(());
        }
        wait(state, pause, &mut sleep).await;
    }
}

/// Waits until the loop should look again.
pub(super) async fn wait<S: Future>(state: &Rc<LoopState>, pause: Pause, mut sleep: impl FnMut(Duration) -> S) {
    match pause {
        Pause::Over => {}
        Pause::More => {
            let _asleep = Asleep::new(state);
            give_way().await;
        }
        Pause::Sleep(None) => Asleep::new(state).until(pin!(pending::<()>())).await,
        Pause::Sleep(Some(timeout)) => Asleep::new(state).until(pin!(sleep(timeout))).await,
    }
}

/// Waits until it is polled once more, and asks for that.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| {
        if mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What drives a loop sleeps as long as this lives, and other code of the thread runs: tasks of a host, or wakers that the
/// reactor calls.
struct Asleep<'a> {
    state: &'a Rc<LoopState>,
    address: Address,
    hook: Option<Hook>,
}

impl<'a> Asleep<'a> {
    fn new(state: &'a Rc<LoopState>) -> Self {
        let address = {
            let _entered = Entered::new(state);
            home::set_away(true);
            Address::of_home()
        };
        state.sleeper.replace(Some(address.clone()));
        // Nothing can be queued in a loop that is not entered.
        let hook = state::is_current(state).then(|| Hook::new(address.clone()));
        Self { state, address, hook }
    }

    /// Waits until there is something new to do, or `timer` is ready.
    async fn until<S: Future>(self, mut timer: Pin<&mut S>) {
        let mut has_waited = false;
        let wait = |context: &mut Context<'_>| {
            // Whatever it is polled for, the loop looks for itself.
            if mem::replace(&mut has_waited, true) || !self.address.sleep(context.waker()) {
                return Poll::Ready(());
            }
            timer.as_mut().poll(context).map(drop)
        };
        poll_fn(wait).await;
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        drop(self.hook.take());
        self.state.sleeper.take();
        self.address.stay_awake();
        let _entered = Entered::new(self.state);
        home::set_away(false);
    }
}

/// A job hook that wakes what drives the loop, besides the one that was there.
struct Hook {
    own: JobHook,
    before: Option<JobHook>,
}

impl Hook {
    fn new(address: Address) -> Self {
        let before = queue::replace_hook(None);
        let next = before.clone();
        let own: JobHook = Rc::new(move || {
            address.wake();
            if let Some(next) = &next {
                next();
            }
        });
        queue::replace_hook(Some(own.clone()));
        Self { own, before }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let current = queue::replace_hook(None);
        // If somebody has put another one in meanwhile, or taken all away, that counts.
        let is_own = current.as_ref().is_some_and(|current| Rc::ptr_eq(current, &self.own));
        let next = if is_own { self.before.take() } else { current.clone() };
        drop(queue::replace_hook(next));
        drop(current);
    }
}

/// A future drives the loop as long as this lives.
struct Hosting<'a>(&'a LoopState);

impl<'a> Hosting<'a> {
    fn new(state: &'a LoopState, caller: &str) -> Self {
        assert!(
            !state.hosted.replace(true),
            "`{caller}` was polled while another future drives this event loop: await a promise of the loop instead"
        );
        Self(state)
    }
}

impl Drop for Hosting<'_> {
    fn drop(&mut self) {
        self.0.hosted.set(false);
    }
}

/// A future that is dropped with its loop entered.
struct DroppedInside<'a, F> {
    state: &'a Rc<LoopState>,
    future: Pin<&'a mut Option<F>>,
}

impl<F> Drop for DroppedInside<'_, F> {
    fn drop(&mut self) {
        let _entered = Entered::new(self.state);
        self.future.set(None);
    }
}
