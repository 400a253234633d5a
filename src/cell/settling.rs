//! The transitions that settle a promise, or find that it never will.

use std::rc::Rc;

use super::handle::Share;
use super::listener::{Listener, Listeners, Reaction};
use super::marks::{AWAITED, HANDLED};
use super::node::Node;
use super::{PromiseCell, State};
use crate::identity::Origin;
use crate::inbox::waker;
use crate::outcome::{Outcome, PromiseState};
use crate::rejections;

/// What settling a cell leaves to be done, for which the node is needed.
#[must_use = "the listeners have to be told"]
pub(crate) enum Settlement<T, E> {
    /// These have to be told. Each that holds a consumer may take its share.
    Tell(Listeners<T, E>),
    /// It is a rejection or a fault, and has no handler yet.
    Track,
}

impl<T, E> Settlement<T, E> {
    /// Does it. The promise that has settled is that of `node`.
    pub(crate) fn announce(self, node: Rc<dyn Node<T, E>>) {
        match self {
            Self::Tell(listeners) => listeners.notify(node),
            Self::Track => rejections::track(node),
        }
    }
}

impl<T, E> PromiseCell<T, E> {
    /// Settles. The caller has made sure that this is the first time.
    ///
    /// If one reaction waits and nobody else can ask, as mostly, it is told, and nothing is left to be done. Runs `Drop` of the
    /// outcome, if nobody can ask at all.
    #[inline]
    pub(crate) fn settle(&self, outcome: Outcome<T, E>) -> Option<Settlement<T, E>> {
        if let Some(reaction) = self.settle_for_one(&outcome) {
            reaction.deliver(Share::Whole(outcome));
            None
        } else if self.settle_for_nobody(&outcome) {
            drop(outcome);
            None
        } else {
            self.settle_for_all(outcome)
        }
    }

    /// Settles, if one reaction waits for the promise and nobody else can ask: the outcome is for that reaction, which comes back.
    #[inline]
    fn settle_for_one(&self, outcome: &Outcome<T, E>) -> Option<Rc<dyn Reaction<T, E>>> {
        if self.consumers.get() != 1 {
            return None;
        }
        match self.state.take() {
            State::Listened(Listener::React(reaction)) => {
                self.consumers.set(0);
                self.state.put(State::Taken(outcome.state()));
                Some(reaction)
            }
            state => {
                self.state.put(state);
                None
            }
        }
    }

    /// Settles, if nobody waits for the promise, nobody can ask, and nobody has to be told: the outcome has to be dropped where
    /// user code may run.
    #[inline]
    fn settle_for_nobody(&self, outcome: &Outcome<T, E>) -> bool {
        let is_for_nobody = self.consumers.get() == 0 && !self.is_unhandled(outcome.state());
        if is_for_nobody {
            let pending = self.state.take();
            self.state.put_after(pending, State::Taken(outcome.state()));
        }
        is_for_nobody
    }

    /// Settles in all other cases. Out of line, so that the common ways are short.
    #[inline(never)]
    fn settle_for_all(&self, outcome: Outcome<T, E>) -> Option<Settlement<T, E>> {
        if self.marks.has(AWAITED) {
            // The task that awaits the promise is queued now.
            self.marks.set_number(waker::runs());
        }
        match self.state.take() {
            State::Pending => {
                // Whoever listens has marked the promise as handled.
                let is_unhandled = self.is_unhandled(outcome.state());
                self.state.put(State::Settled(outcome));
                is_unhandled.then_some(Settlement::Track)
            }
            State::Listened(listener) => {
                self.state.put(State::Settled(outcome));
                Some(Settlement::Tell(Listeners::One(listener)))
            }
            State::Crowded(mut shared) => {
                let is_unhandled = self.is_unhandled(outcome.state());
                shared.put_outcome(outcome);
                let listeners = shared.take_listeners();
                if listeners.is_empty() {
                    self.state.put(State::Shown(shared));
                    is_unhandled.then_some(Settlement::Track)
                } else {
                    self.state.put(State::Telling(shared));
                    Some(Settlement::Tell(Listeners::Many(listeners)))
                }
            }
            _ => unreachable!("a promise settles once (invariant 1)"),
        }
    }

    /// Whether the promise has no handler, and settling so asks for one.
    #[inline]
    fn is_unhandled(&self, settled: PromiseState) -> bool {
        settled != PromiseState::Fulfilled && !self.marks.has(HANDLED)
    }

    /// Takes those who have come since the telling began, to be told next. If there are none, the telling ends.
    pub(crate) fn take_late(&self) -> Vec<Listener<T, E>> {
        let (state, late) = match self.state.take() {
            State::Telling(shared) => {
                let late = shared.take_listeners();
                (if late.is_empty() { State::Shown(shared) } else { State::Telling(shared) }, late)
            }
            // The last consumer has taken the outcome, so nobody can have come late.
            state => (state, Vec::new()),
        };
        self.state.put(state);
        late
    }

    /// Takes out those who listen, if the promise is pending.
    pub(super) fn take_listeners(&self) -> Listeners<T, E> {
        let (state, listeners) = match self.state.take() {
            State::Listened(listener) => (State::Pending, Listeners::One(listener)),
            State::Crowded(shared) => (State::Pending, Listeners::Many(shared.take_listeners())),
            state => (state, Listeners::None),
        };
        self.state.put(state);
        listeners
    }

    /// The promise can never settle, because of `cause`. Those who wait in vain are disposed of.
    #[inline(never)]
    pub(crate) fn abandon(&self, cause: Origin) {
        let listeners = self.take_listeners();
        let state = self.state.take();
        self.state.put(if let State::Pending = state { State::Abandoned(cause) } else { state });
        listeners.abandon(cause);
    }
}
