//! Immediates: what runs in the phase after the poll.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use super::state::{self, LoopId, LoopState};
use crate::context;

/// The immediates of a loop, in one line. Each has a number, in the order of their making, so that one is found by it
/// in constant time.
#[derive(Default)]
pub(super) struct Immediates {
    line: VecDeque<Entry>,
    /// The number of the first in the line.
    first: u64,
    /// The number of the first that does not belong to the batch which is running: it was made after the batch began.
    batch_end: u64,
    /// How many have a callback, and how many of them keep the loop alive.
    count: usize,
    keeping_alive: usize,
}

struct Entry {
    /// `None` when it was cleared.
    callback: Option<Box<dyn FnOnce()>>,
    keeps_alive: bool,
}

impl Immediates {
    fn add(&mut self, callback: Box<dyn FnOnce()>) -> u64 {
        self.line.push_back(Entry { callback: Some(callback), keeps_alive: true });
        self.count += 1;
        self.keeping_alive += 1;
        self.first + self.line.len() as u64 - 1
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.line.get_mut(index).filter(|entry| entry.callback.is_some())
    }

    /// Takes the callback out.
    fn take(&mut self, number: u64) -> Option<Box<dyn FnOnce()>> {
        let entry = self.entry(number)?;
        let (callback, kept_alive) = (entry.callback.take(), entry.keeps_alive);
        self.count -= 1;
        self.keeping_alive -= usize::from(kept_alive);
        // So the line does not grow where each is cleared before the next is made.
        while self.line.front().is_some_and(|entry| entry.callback.is_none()) {
            self.line.pop_front();
            self.first += 1;
        }
        callback
    }

    fn keep_alive(&mut self, number: u64, alive: bool) {
        let Some(entry) = self.entry(number) else { return };
        let before = std::mem::replace(&mut entry.keeps_alive, alive);
        self.keeping_alive = self.keeping_alive + usize::from(alive) - usize::from(before);
    }

    /// Begins a batch of all that are in the line. The one before is at its end: a batch that was left stays the loop's
    /// next thing to do.
    pub(super) fn begin_batch(&mut self) {
        debug_assert!(self.first >= self.batch_end);
        self.batch_end = self.first + self.line.len() as u64;
    }

    /// The next callback of the batch.
    fn next(&mut self) -> Option<Box<dyn FnOnce()>> {
        while self.first < self.batch_end {
            let entry = self.line.pop_front()?;
            self.first += 1;
            if entry.callback.is_some() {
                self.count -= 1;
                self.keeping_alive -= usize::from(entry.keeps_alive);
                return entry.callback;
            }
        }
        None
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether any is there that the loop must not end or sleep before.
    pub(super) fn keeps_alive(&self) -> bool {
        self.keeping_alive > 0
    }
}

impl LoopState {
    /// Runs the next immediate of the batch. Returns `false` at its end.
    pub(super) fn run_immediate(&self) -> bool {
        let next = self.immediates.borrow_mut().next();
        next.map(|callback| callback()).is_some()
    }
}

/// An immediate that [`set_immediate`] has made. Dropping the handle cancels nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Immediate {
    owner: LoopId,
    number: u64,
    /// It means something on its own thread only.
    thread: PhantomData<*const ()>,
}

impl Immediate {
    /// A handle of nothing, for a thread that ends.
    const NONE: Self = Self { owner: LoopId::MAX, number: u64::MAX, thread: PhantomData };

    /// Whether the callback is still going to run.
    pub fn is_active(self) -> bool {
        state::find(self.owner).is_some_and(|state| state.immediates.borrow_mut().entry(self.number).is_some())
    }

    /// Whether [`run`](crate::run) waits for it: Node's `hasRef`. That is so unless
    /// [`keep_alive(false)`](Self::keep_alive) was called. `false` if it is not active.
    pub fn keeps_alive(self) -> bool {
        let keeps =
            |state: &LoopState| state.immediates.borrow_mut().entry(self.number).is_some_and(|it| it.keeps_alive);
        state::find(self.owner).is_some_and(|state| keeps(&state))
    }

    /// Says whether the loop has to stay alive for it: Node's `ref` and `unref`.
    ///
    /// With `false`, [`run`](crate::run) may end before it has run, and may sleep before it runs. It runs when the loop
    /// comes to its immediates for another reason. Nothing happens if it is not active. Returns the same handle.
    #[expect(clippy::return_self_not_must_use, reason = "it is called for its effect")]
    pub fn keep_alive(self, alive: bool) -> Self {
        if let Some(state) = state::find(self.owner) {
            state.immediates.borrow_mut().keep_alive(self.number, alive);
            state.notify();
        }
        self
    }
}

impl fmt::Debug for Immediate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Immediate").field("is_active", &self.is_active()).finish_non_exhaustive()
    }
}

/// Runs `callback` in the next turn of the loop, after what has arrived from outside and before the timers:
/// `setImmediate` of Node.
///
/// Immediates run in the order of their making, as macrotasks: ticks and microtasks run between any two (rule N2). One
/// that is made by an immediate runs in the turn after (rule I1). An immediate runs before a timer that is not due
/// (rule I3). The loop stays alive for it, unless [`keep_alive`](Immediate::keep_alive) says otherwise.
///
/// ```
/// use std::{cell::RefCell, rc::Rc, time::Duration};
/// use thenable::{EventLoop, set_immediate, set_timeout};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let line = |text: &'static str| { let log = log.clone(); move || log.borrow_mut().push(text) };
/// let (timer, first, second) = (line("timer"), line("first"), line("second"));
/// EventLoop::builder().virtual_clock().auto_advance(true).build().run(|| {
///     set_timeout(timer, Duration::from_millis(1));
///     set_immediate(move || {
///         first();
///         set_immediate(second);
///     });
/// })?;
/// assert_eq!(*log.borrow(), ["first", "second", "timer"]);
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// # Panics
///
/// Never itself. A panic in `callback` unwinds out of [`run`](crate::run), [`block_on`](crate::block_on) or
/// [`EventLoop::turn`](crate::EventLoop::turn), as an exception in Node ends the process. What is left stays, and goes
/// on in the next call.
pub fn set_immediate(callback: impl FnOnce() + 'static) -> Immediate {
    let callback = context::boxed(callback);
    // While the thread ends the callback is dropped, here and now.
    let Some(state) = state::try_current() else { return Immediate::NONE };
    let number = state.immediates.borrow_mut().add(callback);
    state.notify();
    Immediate { owner: state.id, number, thread: PhantomData }
}

/// Takes an immediate back, and drops its callback, at once: `clearImmediate` of Node. Works inside a batch, too (rule
/// I1).
///
/// Takes a handle or an `Option` of one. Nothing happens if it has run, is running, or was cleared.
///
/// ```
/// use thenable::{clear_immediate, run, set_immediate};
///
/// run(|| {
///     let never = set_immediate(|| unreachable!("it is cleared"));
///     set_immediate(|| println!("runs"));
///     clear_immediate(never);
///     assert!(!never.is_active());
/// })?;
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
pub fn clear_immediate(immediate: impl Into<Option<Immediate>>) {
    let state = immediate.into().and_then(|immediate| Some((state::find(immediate.owner)?, immediate.number)));
    if let Some((state, number)) = state {
        // Dropping it runs user code, so the borrow has to end first.
        let cleared = state.immediates.borrow_mut().take(number);
        drop(cleared);
        state.notify();
    }
}
