//! The settle-once state machine of one promise, the handles that point to it, and who waits on it.
//!
//! A transition never runs user code: it changes the state and returns the work to be done; the borrow ends; then the
//! caller does the work. User code is handlers, wakers, hooks, and `Clone` and `Drop` of values and reasons.

pub(crate) mod handle;
pub(crate) mod listener;
mod marks;
pub(crate) mod node;

use std::any::Any;
use std::cell::{Cell, Ref, RefCell};
use std::fmt::Debug;
use std::mem;
use std::panic::Location;
use std::ptr;
use std::rc::Rc;
use std::task::Waker;

use self::listener::{CloneOutcome, Listener, Listeners};
use self::marks::{AWAITED, HANDLED, HAS_ID, Marks, REPORTED};
use crate::identity::{self, Origin};
use crate::inbox::waker::{self, Run};
use crate::outcome::{Outcome, PromiseState};
use crate::rejections::{self, Reason, Tracked, TrackedCell};

enum State<T, E> {
    Pending(Listeners<T, E>),
    /// Settled. Each consumer but the last gets a clone of the outcome, and the last one the outcome itself.
    Settled(Outcome<T, E>),
    /// Settled, and not all who listened have been told yet.
    Telling(Box<Telling<T, E>>),
    /// Settled, and the last consumer has taken the outcome.
    Taken(PromiseState),
    /// Pending for ever, because of this promise.
    Abandoned(Origin),
}

/// A promise that has settled while listeners are told, one after the other. Telling may run user code: a waker that is not
/// ours, the `Clone` of a value. Who comes meanwhile has to wait for those who were there before (invariant 3).
struct Telling<T, E> {
    outcome: Outcome<T, E>,
    late: RefCell<Vec<Listener<T, E>>>,
}

/// The state of one promise.
pub(crate) struct PromiseCell<T, E> {
    /// Borrowed for writing only within one transition. Borrowed for reading also while user code clones the outcome or looks
    /// at it. That excludes no transition of a settled promise but the taking of the outcome, which is up to the last
    /// consumer, while every reader is one or holds one.
    state: RefCell<State<T, E>>,
    /// Handles and reactions that may take the outcome. The last one moves it.
    consumers: Cell<u32>,
    marks: Marks,
    /// How to clone the outcome: known once a handle was cloned. It stands beside the state, so that a handle can be cloned
    /// while somebody looks at the outcome.
    clone: Cell<Option<CloneOutcome<T, E>>>,
    made_at: &'static Location<'static>,
}

/// What `PromiseCell::subscribe` found.
#[must_use = "the listener has to be told"]
pub(crate) enum Subscription<T, E> {
    Registered,
    /// The promise has settled, and its last consumer was the listener's: here is the outcome for it.
    HandOver(Listener<T, E>, Outcome<T, E>),
    Settled(Listener<T, E>),
    Abandoned(Listener<T, E>, Origin),
}

/// What settling a cell leaves to be done.
#[must_use = "the listeners have to be told"]
pub(crate) enum Settlement<T, E> {
    /// The one consumer is this listener's: here is the outcome for it.
    HandOver(Listener<T, E>, Outcome<T, E>),
    /// These have to be told. Each that holds a consumer may take its share.
    Tell(Listeners<T, E>),
    /// It is a rejection or a fault, and has no handler yet.
    Track,
    /// Nobody can take it: it has to be dropped where user code may run.
    Orphan(Outcome<T, E>),
    /// The outcome waits for whoever comes.
    Nothing,
}

impl<T, E> PromiseCell<T, E> {
    /// A pending promise with one handle.
    pub(crate) fn pending(made_at: &'static Location<'static>) -> Self {
        Self::new(State::Pending(Listeners::None), made_at)
    }

    /// A settled promise with one handle. A rejection has still to be tracked.
    pub(crate) fn settled(outcome: Outcome<T, E>, made_at: &'static Location<'static>) -> Self {
        Self::new(State::Settled(outcome), made_at)
    }

    fn new(state: State<T, E>, made_at: &'static Location<'static>) -> Self {
        Self {
            state: RefCell::new(state),
            consumers: Cell::new(1),
            marks: Marks::default(),
            clone: Cell::new(None),
            made_at,
        }
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
    pub(crate) fn mark_handled(&self) {
        if !self.marks.has(HANDLED) {
            self.marks.set(HANDLED);
            if self.marks.has(REPORTED) {
                rejections::handled_late(self.origin().id);
            }
        }
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

    pub(crate) fn promise_state(&self) -> PromiseState {
        match &*self.state.borrow() {
            State::Pending(_) | State::Abandoned(_) => PromiseState::Pending,
            State::Settled(outcome) => outcome.state(),
            State::Telling(telling) => telling.outcome.state(),
            State::Taken(state) => *state,
        }
    }

    /// The outcome, if it is settled and still here.
    pub(crate) fn peek(&self) -> Option<Ref<'_, Outcome<T, E>>> {
        Ref::filter_map(self.state.borrow(), |state| match state {
            State::Settled(outcome) => Some(outcome),
            State::Telling(telling) => Some(&telling.outcome),
            State::Pending(_) | State::Taken(_) | State::Abandoned(_) => None,
        })
        .ok()
    }

    /// Settles. The caller has made sure that this is the first time.
    pub(crate) fn settle(&self, outcome: Outcome<T, E>) -> Settlement<T, E> {
        let mut state = self.state.borrow_mut();
        let State::Pending(listeners) = mem::replace(&mut *state, State::Taken(outcome.state())) else {
            unreachable!("a promise settles once (invariant 1)")
        };
        match listeners {
            Listeners::One(Listener::Wake(waker)) => {
                self.marks.note_settled(waker::runs());
                *state = State::Settled(outcome);
                Settlement::Tell(Listeners::One(Listener::Wake(waker)))
            }
            Listeners::One(listener) if self.consumers.get() == 1 => {
                self.consumers.set(0);
                Settlement::HandOver(listener, outcome)
            }
            Listeners::One(listener) => {
                *state = State::Settled(outcome);
                Settlement::Tell(Listeners::One(listener))
            }
            Listeners::Many(many) => {
                self.marks.note_settled(waker::runs());
                *state = State::Telling(Box::new(Telling { outcome, late: RefCell::default() }));
                Settlement::Tell(Listeners::Many(many))
            }
            // Whoever listens has marked the promise as handled.
            Listeners::None if outcome.state() != PromiseState::Fulfilled && !self.marks.has(HANDLED) => {
                *state = State::Settled(outcome);
                Settlement::Track
            }
            Listeners::None if self.consumers.get() == 0 => Settlement::Orphan(outcome),
            Listeners::None => {
                *state = State::Settled(outcome);
                Settlement::Nothing
            }
        }
    }

    /// Takes those who have come since the telling began, to be told next. If there are none, the telling ends.
    pub(crate) fn take_late(&self) -> Vec<Listener<T, E>> {
        let mut state = self.state.borrow_mut();
        let State::Telling(telling) = &mut *state else { return Vec::new() };
        let late = mem::take(telling.late.get_mut());
        if late.is_empty() {
            let settled = telling.outcome.state();
            if let State::Telling(telling) = mem::replace(&mut *state, State::Taken(settled)) {
                *state = State::Settled(telling.outcome);
            }
        }
        late
    }

    /// Registers `listener` if the promise is pending; otherwise gives it back with what to tell it.
    pub(crate) fn subscribe(&self, listener: Listener<T, E>) -> Subscription<T, E> {
        // The state may be borrowed for reading, but not of a promise that is pending.
        match &*self.state.borrow() {
            State::Settled(_) if self.consumers.get() > 1 => return Subscription::Settled(listener),
            State::Pending(_) | State::Settled(_) => {}
            State::Telling(telling) => {
                telling.late.borrow_mut().push(listener);
                return Subscription::Registered;
            }
            State::Abandoned(cause) => return Subscription::Abandoned(listener, *cause),
            State::Taken(_) => unreachable!("whoever subscribes holds a consumer, so the outcome was not taken"),
        }
        let mut state = self.state.borrow_mut();
        if let State::Pending(listeners) = &mut *state {
            let swept = listeners.push(listener);
            self.consumers.set(self.consumers.get() - swept);
            return Subscription::Registered;
        }
        drop(state);
        self.consumers.set(0);
        Subscription::HandOver(listener, self.take_outcome().expect("just seen"))
    }

    /// Registers the waker of the one handle, in place of the one it registered before, which is returned.
    pub(crate) fn await_with(&self, waker: Waker) -> Option<Waker> {
        self.marks.set(AWAITED);
        let mut state = self.state.borrow_mut();
        match &mut *state {
            State::Pending(listeners) => match mem::replace(listeners, Listeners::One(Listener::Wake(waker))) {
                Listeners::None => None,
                Listeners::One(Listener::Wake(before)) => Some(before),
                _ => unreachable!("the one handle awaits, so nothing else listens"),
            },
            State::Abandoned(_) => Some(waker),
            _ => unreachable!("a settled promise needs no waker"),
        }
    }

    /// Whether a handle was ever cloned.
    pub(crate) fn is_shared(&self) -> bool {
        self.clone.get().is_some()
    }

    /// One handle more, and the way to clone the outcome.
    pub(crate) fn share(&self)
    where
        T: Clone,
        E: Clone,
    {
        self.add_consumer();
        self.clone.set(Some(Outcome::clone));
    }

    fn add_consumer(&self) {
        let more = self.consumers.get().checked_add(1).expect("fewer than 2^32 handles and reactions of one promise");
        self.consumers.set(more);
    }

    /// A consumer takes its share of the outcome: the last one the outcome itself, each other one a clone.
    ///
    /// Runs `Clone` of the value or the reason. If that panics, the consumer is still counted.
    pub(crate) fn consume(&self) -> Outcome<T, E> {
        let left = self.consumers.get() - 1;
        if left == 0 {
            self.consumers.set(0);
            return self.take_outcome().expect("the last consumer finds the outcome");
        }
        let clone = {
            let Some(clone) = self.clone.get() else {
                // A second consumer comes from `share`, which leaves the way to clone, or is a rejection hook.
                panic!("the reason of {} was awaited while a rejection hook looks at it", self.origin());
            };
            clone(&self.peek().expect("a consumer finds the outcome"))
        };
        // Cloning may have changed the number.
        self.consumers.set(self.consumers.get() - 1);
        clone
    }

    fn take_outcome(&self) -> Option<Outcome<T, E>> {
        let mut state = self.state.borrow_mut();
        let taken = match &*state {
            State::Settled(outcome) => outcome.state(),
            State::Telling(telling) => telling.outcome.state(),
            State::Pending(_) | State::Taken(_) | State::Abandoned(_) => return None,
        };
        match mem::replace(&mut *state, State::Taken(taken)) {
            State::Settled(outcome) => Some(outcome),
            State::Telling(telling) => Some(telling.outcome),
            _ => unreachable!("just seen"),
        }
    }

    /// A handle is gone that consumed nothing. Returns what nobody can see any more.
    pub(crate) fn release(&self) -> Released<T, E> {
        let left = self.consumers.get() - 1;
        self.consumers.set(left);
        if left > 0 {
            return Released::Nothing;
        }
        let mut state = self.state.borrow_mut();
        let visible = match &mut *state {
            // Only tasks that awaited the handle: every other listener holds a consumer.
            State::Pending(listeners) => return Released::Listeners(mem::replace(listeners, Listeners::None)),
            State::Settled(outcome) => outcome.state(),
            State::Telling(telling) => telling.outcome.state(),
            State::Taken(_) | State::Abandoned(_) => return Released::Nothing,
        };
        drop(state);
        if visible != PromiseState::Fulfilled && !self.marks.has(HANDLED | REPORTED) {
            // It stays for the report of the unhandled rejection.
            return Released::Nothing;
        }
        self.take_outcome().map_or(Released::Nothing, Released::Outcome)
    }

    /// The promise can never settle, because of `cause`. Returns who waits in vain.
    pub(crate) fn abandon(&self, cause: Origin) -> Listeners<T, E> {
        let mut state = self.state.borrow_mut();
        match &mut *state {
            State::Pending(_) => match mem::replace(&mut *state, State::Abandoned(cause)) {
                State::Pending(listeners) => listeners,
                _ => unreachable!("just seen"),
            },
            _ => Listeners::None,
        }
    }

    /// Whether any handle or reaction is left.
    pub(crate) fn has_consumers(&self) -> bool {
        self.consumers.get() > 0
    }
}

/// What the last handle of a promise leaves to be dropped, where user code may run.
#[must_use = "dropping it runs user code, so no borrow may be held"]
#[expect(dead_code, reason = "what is in it is there to be dropped")]
pub(crate) enum Released<T, E> {
    Nothing,
    Listeners(Listeners<T, E>),
    Outcome(Outcome<T, E>),
}

impl<T: 'static, E: Debug + 'static> TrackedCell for PromiseCell<T, E> {
    fn origin(&self) -> Origin {
        self.origin()
    }

    fn is_handled(&self) -> bool {
        self.marks.has(HANDLED)
    }

    fn mark_reported(&self) {
        self.marks.set(REPORTED);
    }

    fn hold(&self) {
        // As one more consumer: the last handle cannot take the reason away then.
        self.add_consumer();
    }

    fn let_go(&self) {
        self.consumers.set(self.consumers.get() - 1);
    }

    fn show_reason(&self, look: &mut dyn FnMut(Reason<'_>)) {
        if let Some(outcome) = self.peek() {
            match &*outcome {
                Outcome::Fulfilled(_) => unreachable!("only rejections and faults are tracked"),
                Outcome::Rejected(reason) => look(Reason::new(reason)),
                Outcome::Faulted(fault) => look(Reason::new(fault)),
            }
        }
    }

    fn take_reason(&self) -> Option<Box<dyn Any>> {
        if self.consumers.get() > 0 {
            return None;
        }
        match self.take_outcome()? {
            Outcome::Fulfilled(_) => unreachable!("only rejections and faults are tracked"),
            Outcome::Rejected(reason) => Some(Box::new(reason)),
            Outcome::Faulted(fault) => Some(Box::new(fault)),
        }
    }

    fn is_settled(&self) -> bool {
        self.promise_state() != PromiseState::Pending
    }

    fn abandoned_by(&self) -> Option<Origin> {
        match &*self.state.borrow() {
            State::Abandoned(cause) => Some(*cause),
            _ => None,
        }
    }

    fn dependents(&self) -> Vec<Rc<dyn Tracked>> {
        match &*self.state.borrow() {
            State::Pending(listeners) => listeners.as_slice().iter().filter_map(Listener::derived).collect(),
            _ => Vec::new(),
        }
    }
}

impl<T, E> Drop for PromiseCell<T, E> {
    fn drop(&mut self) {
        if let State::Pending(listeners) = self.state.get_mut() {
            match mem::replace(listeners, Listeners::None) {
                Listeners::None => {}
                listeners => listeners.abandon(self.origin()),
            }
        }
        if self.marks.has(HAS_ID) {
            identity::forget(self.address());
        }
    }
}
