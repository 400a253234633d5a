//! The settle-once state machine of one promise, the handles that point to it, and who waits on it.
//!
//! A transition never runs user code: it takes the state out, puts the next one in, and returns the work to be done; then the
//! caller does the work. User code is handlers, wakers, hooks, and `Clone` and `Drop` of values and reasons.
//!
//! The transitions stand in files of their own: who waits for a promise (`waiting`), how it settles (`settling`), and who gets
//! the outcome (`consuming`).

mod consuming;
pub(crate) mod handle;
pub(crate) mod listener;
mod marks;
pub(crate) mod node;
pub(crate) mod peek;
pub(crate) mod settling;
mod shared;
pub(crate) mod slot;
mod tracked;
mod waiting;

use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::rc::Rc;

use self::listener::{Listener, Listeners};
use self::marks::{FOLLOWS, HANDLED, HAS_ID, Marks, REPORTED};
use self::peek::Peek;
use self::shared::Shared;
use self::slot::{Slot, Spendable};
use crate::identity::{self, Origin};
use crate::inbox::waker::{self, Run};
use crate::outcome::{Outcome, PromiseState};
use crate::rejections;

/// Where a promise stands. It is as large as a fat pointer and its tag, if the outcome is no larger: what only few promises
/// have stands in [`Shared`].
#[derive(Default)]
enum State<T, E> {
    /// Pending, and nobody listens.
    #[default]
    Pending,
    /// Pending, and this one listens.
    Listened(Listener<T, E>),
    /// Pending, with several handles or listeners, or there were several. Those in the shared part listen.
    Crowded(Rc<Shared<T, E>>),
    /// Settled. Each consumer but the last gets a clone of the outcome, and the last one the outcome itself.
    Settled(Outcome<T, E>),
    /// Settled, with the outcome in the shared part, and not all who listened have been told yet. Telling may run user code: a
    /// waker that is not ours, the `Clone` of a value. Who comes meanwhile has to wait for those who were there before
    /// (invariant 3), in the shared part.
    Telling(Rc<Shared<T, E>>),
    /// Settled, with the outcome in the shared part: a handle was cloned, or somebody has looked.
    Shown(Rc<Shared<T, E>>),
    /// Settled, and the last consumer has taken the outcome.
    Taken(PromiseState),
    /// Pending for ever, because of this promise.
    Abandoned(Origin),
}

/// The state of one promise.
pub(crate) struct PromiseCell<T, E> {
    /// Taken out within a transition, and put back before it ends, so nobody ever sees that it is gone.
    state: Slot<State<T, E>>,
    /// Handles and reactions that may take the outcome. The last one moves it.
    consumers: Cell<u32>,
    marks: Marks,
    made_at: &'static Location<'static>,
}

impl<T, E> PromiseCell<T, E> {
    /// A pending promise with one handle.
    pub(crate) fn pending(made_at: &'static Location<'static>) -> Self {
        Self::new(State::Pending, made_at)
    }

    /// A settled promise with one handle. A rejection has still to be tracked.
    pub(crate) fn settled(outcome: Outcome<T, E>, made_at: &'static Location<'static>) -> Self {
        Self::new(State::Settled(outcome), made_at)
    }

    fn new(state: State<T, E>, made_at: &'static Location<'static>) -> Self {
        Self { state: Slot::new(state), consumers: Cell::new(1), marks: Marks::default(), made_at }
    }

    pub(crate) fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    pub(crate) fn origin(&self) -> Origin {
        self.marks.set(HAS_ID);
        Origin { id: identity::id_of(self.address()), made_at: self.made_at }
    }

    /// Takes the id of a promise that this one stands for.
    pub(crate) fn stand_for(&self, origin: Origin) {
        self.marks.set(HAS_ID);
        identity::assign(self.address(), origin.id);
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Sets `[[PromiseIsHandled]]`. A rejection that was reported before is now a late-handled one.
    #[inline]
    pub(crate) fn mark_handled(&self) {
        if !self.marks.has(HANDLED) {
            self.marks.set(HANDLED);
            if self.marks.has(REPORTED) {
                self.report_late_handler();
            }
        }
    }

    #[cold]
    fn report_late_handler(&self) {
        rejections::handled_late(self.origin().id);
    }

    /// Whether the poll in `run` of the one handle is the continuation of its `await`, and not the beginning of one. The
    /// promise has settled.
    ///
    /// If not, the task has to be queued, and the poll of then is.
    pub(crate) fn continues(&self, run: Option<Run>) -> bool {
        self.marks.continues(run) || {
            self.marks.note_queued(waker::runs());
            false
        }
    }

    /// Takes out what an `await` of the handle has noted, for the promise through which it goes on.
    pub(crate) fn take_await(&self) -> u32 {
        self.marks.take_await()
    }

    /// Puts in what `take_await` took out of another promise.
    pub(crate) fn put_await(&self, noted: u32) {
        self.marks.set(noted);
    }

    /// Whether this is the first of the two jobs in which the promise follows another one: the one that hooks it up.
    pub(crate) fn begins_to_follow(&self) -> bool {
        let begins = !self.marks.has(FOLLOWS);
        self.marks.set(FOLLOWS);
        begins
    }

    /// Looks at the state.
    #[inline]
    fn look<R>(&self, look: impl FnOnce(&State<T, E>) -> R) -> R {
        let state = self.state.take();
        let seen = look(&state);
        self.state.put(state);
        seen
    }

    pub(crate) fn promise_state(&self) -> PromiseState {
        self.look(|state| match state {
            State::Pending | State::Listened(_) | State::Crowded(_) | State::Abandoned(_) => PromiseState::Pending,
            State::Settled(outcome) => outcome.state(),
            State::Telling(shared) | State::Shown(shared) => shared.outcome().state(),
            State::Taken(state) => *state,
        })
    }

    /// The outcome, where it can be looked at, if the promise is settled and the outcome still here.
    pub(crate) fn peek(&self) -> Option<Peek<'_, T, E>> {
        self.show().map(Peek::new)
    }

    /// Puts the outcome where it can be referred to, if the promise is settled and the outcome still here.
    fn show(&self) -> Option<Rc<Shared<T, E>>> {
        let (state, shown) = match self.state.take() {
            State::Settled(outcome) => {
                let shared = Shared::settled(outcome);
                (State::Shown(shared.clone()), Some(shared))
            }
            State::Shown(shared) => (State::Shown(shared.clone()), Some(shared)),
            State::Telling(shared) => (State::Telling(shared.clone()), Some(shared)),
            state => (state, None),
        };
        self.state.put(state);
        shown
    }
}

impl<T, E> Spendable for State<T, E> {
    #[inline]
    fn is_spent(&self) -> bool {
        matches!(self, Self::Pending | Self::Taken(_) | Self::Abandoned(_))
    }
}

impl<T, E> Drop for PromiseCell<T, E> {
    #[inline]
    fn drop(&mut self) {
        if matches!(self.state.get_mut(), State::Listened(_) | State::Crowded(_)) || self.marks.has(HAS_ID) {
            self.abandon_and_forget();
        }
    }
}

impl<T, E> PromiseCell<T, E> {
    /// What the end of a cell is to others: those who listen wait in vain, and the address may be another's next.
    #[inline(never)]
    fn abandon_and_forget(&mut self) {
        let listeners = self.take_listeners();
        if !matches!(listeners, Listeners::None) {
            listeners.abandon(self.origin());
        }
        if self.marks.has(HAS_ID) {
            identity::forget(self.address());
        }
    }
}
