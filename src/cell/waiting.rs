//! The transitions that register who waits for a promise.

use std::rc::Rc;
use std::task::Waker;

use super::listener::{Listener, Reaction};
use super::marks::AWAITED;
use super::shared::Shared;
use super::{PromiseCell, State};
use crate::identity::Origin;

/// What `PromiseCell::subscribe` found.
#[must_use = "the listener has to be told"]
pub(crate) enum Subscription<T, E> {
    Registered,
    Settled(Listener<T, E>),
    Abandoned(Listener<T, E>, Origin),
}

impl<T, E> PromiseCell<T, E> {
    /// Registers `reaction` if the promise is pending and nobody else listens. If not, it comes back.
    #[inline]
    pub(crate) fn react_first(&self, reaction: Rc<dyn Reaction<T, E>>) -> Option<Rc<dyn Reaction<T, E>>> {
        let state = self.state.take();
        if let State::Pending = state {
            self.state.put_after(state, State::Listened(Listener::React(reaction)));
            None
        } else {
            self.state.put(state);
            Some(reaction)
        }
    }

    /// Registers `listener` if the promise is pending; otherwise gives it back with what to tell it.
    pub(crate) fn subscribe(&self, listener: Listener<T, E>) -> Subscription<T, E> {
        match self.state.take() {
            State::Pending => self.state.put(State::Listened(listener)),
            // A task has polled the one handle, and the handle is used otherwise now.
            State::Listened(first) => self.state.put(State::Crowded(Shared::pending([first, listener]))),
            State::Crowded(shared) => {
                self.state.put(State::Crowded(shared.clone()));
                let swept = shared.push_listener(listener);
                self.consumers.set(self.consumers.get() - swept);
            }
            State::Telling(shared) => {
                shared.push_late(listener);
                self.state.put(State::Telling(shared));
            }
            State::Abandoned(cause) => {
                self.state.put(State::Abandoned(cause));
                return Subscription::Abandoned(listener, cause);
            }
            state @ (State::Settled(_) | State::Shown(_)) => {
                self.state.put(state);
                return Subscription::Settled(listener);
            }
            State::Taken(_) => unreachable!("whoever subscribes holds a consumer, so the outcome was not taken"),
        }
        Subscription::Registered
    }

    /// Registers the waker of the one handle, in place of the one it registered before, which is returned.
    pub(crate) fn await_with(&self, waker: Waker) -> Option<Waker> {
        self.marks.set(AWAITED);
        let (state, unneeded) = match self.state.take() {
            State::Pending => (State::Listened(Listener::Wake(waker)), None),
            State::Listened(Listener::Wake(before)) => (State::Listened(Listener::Wake(waker)), Some(before)),
            State::Abandoned(cause) => (State::Abandoned(cause), Some(waker)),
            _ => unreachable!("the promise is pending, and the one handle awaits, so nothing else listens"),
        };
        self.state.put(state);
        unneeded
    }
}
