//! The consumers of an outcome: handles, and reactions that took a handle. They are counted, and each gets its share.

use super::listener::Listeners;
use super::marks::{HANDLED, REPORTED, SHARED};
use super::shared::{CloneOutcome, Shared};
use super::{PromiseCell, State};
use crate::outcome::{Outcome, PromiseState};

/// What the last handle of a promise leaves to be dropped, where user code may run.
#[must_use = "dropping it runs user code"]
#[expect(dead_code, reason = "what is in it is there to be dropped")]
pub(crate) enum Unseen<T, E> {
    Listeners(Listeners<T, E>),
    Outcome(Outcome<T, E>),
}

impl<T, E> PromiseCell<T, E> {
    /// Whether a handle was ever cloned.
    pub(crate) fn is_shared(&self) -> bool {
        self.marks.has(SHARED)
    }

    /// One handle more, and the way to clone the outcome.
    pub(crate) fn share(&self)
    where
        T: Clone,
        E: Clone,
    {
        self.add_consumer();
        if !self.is_shared() {
            self.marks.set(SHARED);
            self.note_clone(Outcome::clone);
        }
    }

    /// Notes how to clone the outcome, in the shared part.
    #[inline(never)]
    fn note_clone(&self, clone: CloneOutcome<T, E>) {
        let state = match self.state.take() {
            State::Pending => State::Crowded(Shared::pending([])),
            State::Listened(listener) => State::Crowded(Shared::pending([listener])),
            State::Settled(outcome) => State::Shown(Shared::settled(outcome)),
            state => state,
        };
        if let State::Crowded(shared) | State::Telling(shared) | State::Shown(shared) = &state {
            shared.set_clone(clone);
        }
        self.state.put(state);
    }

    pub(super) fn add_consumer(&self) {
        let more = self.consumers.get().checked_add(1).expect("fewer than 2^32 handles and reactions of one promise");
        self.consumers.set(more);
    }

    /// A consumer takes its share of the outcome: the last one the outcome itself, each other one a clone.
    ///
    /// Runs `Clone` of the value or the reason. If that panics, the consumer is still counted.
    #[inline]
    pub(crate) fn consume(&self) -> Outcome<T, E> {
        self.take_for_one().unwrap_or_else(|| self.consume_shown())
    }

    fn consume_shown(&self) -> Outcome<T, E> {
        if self.consumers.get() == 1 {
            self.consumers.set(0);
            return self.take_outcome().expect("the last consumer finds the outcome");
        }
        let clone = self.clone_outcome();
        // Cloning may have changed the number.
        self.consumers.set(self.consumers.get() - 1);
        clone
    }

    fn clone_outcome(&self) -> Outcome<T, E> {
        let shared = self.show().expect("a consumer finds the outcome");
        let Some(clone) = shared.clone_outcome() else {
            // A second consumer comes from `share`, which leaves the way to clone, or is a rejection hook.
            panic!("the reason of {} was awaited while a rejection hook looks at it", self.origin());
        };
        clone(shared.outcome())
    }

    pub(super) fn take_outcome(&self) -> Option<Outcome<T, E>> {
        let (state, outcome) = match self.state.take() {
            State::Settled(outcome) => (State::Taken(outcome.state()), Some(outcome)),
            State::Telling(shared) | State::Shown(shared) => {
                let outcome = shared.into_outcome();
                (State::Taken(outcome.state()), Some(outcome))
            }
            state => (state, None),
        };
        self.state.put(state);
        outcome
    }

    /// A handle is gone that consumed nothing. Returns what nobody can see any more.
    #[inline]
    pub(crate) fn release(&self) -> Option<Unseen<T, E>> {
        let left = self.consumers.get() - 1;
        self.consumers.set(left);
        if left > 0 || self.look(|state| matches!(state, State::Pending)) { None } else { self.release_last() }
    }

    fn release_last(&self) -> Option<Unseen<T, E>> {
        let is_visible = |state| state == PromiseState::Fulfilled || self.marks.has(HANDLED | REPORTED);
        match self.state.take() {
            // Only tasks that awaited the handle: every other listener holds a consumer.
            State::Listened(listener) => Some(Unseen::Listeners(Listeners::One(listener))),
            State::Crowded(shared) => Some(Unseen::Listeners(Listeners::Many(shared.take_listeners()))),
            // What is not visible stays for the report of the unhandled rejection.
            State::Settled(outcome) if is_visible(outcome.state()) => {
                self.state.put(State::Taken(outcome.state()));
                Some(Unseen::Outcome(outcome))
            }
            State::Telling(shared) | State::Shown(shared) if is_visible(shared.outcome().state()) => {
                let outcome = shared.into_outcome();
                self.state.put(State::Taken(outcome.state()));
                Some(Unseen::Outcome(outcome))
            }
            state => {
                self.state.put(state);
                None
            }
        }
    }

    /// Takes the outcome if the promise has settled and the consumer is its last.
    #[inline]
    pub(crate) fn take_for_one(&self) -> Option<Outcome<T, E>> {
        if self.consumers.get() != 1 {
            return None;
        }
        match self.state.take() {
            State::Settled(outcome) => {
                self.consumers.set(0);
                self.state.put(State::Taken(outcome.state()));
                Some(outcome)
            }
            state => {
                self.state.put(state);
                None
            }
        }
    }

    /// Takes the value if the promise is fulfilled and the consumer is its last.
    #[inline]
    pub(crate) fn take_value_for_one(&self) -> Option<T> {
        if self.consumers.get() != 1 {
            return None;
        }
        match self.state.take() {
            State::Settled(Outcome::Fulfilled(value)) => {
                self.consumers.set(0);
                self.state.put(State::Taken(PromiseState::Fulfilled));
                Some(value)
            }
            state => {
                self.state.put(state);
                None
            }
        }
    }

    /// Whether any handle or reaction is left.
    pub(crate) fn has_consumers(&self) -> bool {
        self.consumers.get() > 0
    }
}
