//! What a promise has only if several share it or somebody looks at its outcome: in a box of its own, so that all the others
//! are smaller.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use super::listener::Listener;
use crate::outcome::{Outcome, PromiseState};
use crate::rejections::Tracked;

/// How to clone an outcome, noted where `T: Clone` and `E: Clone` are known.
pub(super) type CloneOutcome<T, E> = fn(&Outcome<T, E>) -> Outcome<T, E>;

/// The part of a cell that can be referred to while user code runs.
pub(super) struct Shared<T, E> {
    /// How to clone the outcome: known once a handle was cloned.
    clone: Cell<Option<CloneOutcome<T, E>>>,
    /// The outcome of a promise that is `Telling` or `Shown`. Borrowed for reading while user code clones it or looks at it.
    /// That excludes nothing but the taking of the outcome, which is up to the last consumer, while every reader is one or
    /// holds one.
    outcome: RefCell<Option<Outcome<T, E>>>,
    /// Who listens, if the promise is `Crowded`; who has come late, if it is `Telling`.
    listeners: RefCell<Vec<Listener<T, E>>>,
}

impl<T, E> Default for Shared<T, E> {
    fn default() -> Self {
        Self { clone: Cell::new(None), outcome: RefCell::new(None), listeners: RefCell::new(Vec::new()) }
    }
}

impl<T, E> Shared<T, E> {
    pub(super) fn clone_outcome(&self) -> Option<CloneOutcome<T, E>> {
        self.clone.get()
    }

    pub(super) fn set_clone(&self, clone: CloneOutcome<T, E>) {
        self.clone.set(Some(clone));
    }

    pub(super) fn put_outcome(&self, outcome: Outcome<T, E>) {
        self.outcome.replace(Some(outcome));
    }

    pub(super) fn outcome(&self) -> Option<Ref<'_, Outcome<T, E>>> {
        Ref::filter_map(self.outcome.borrow(), Option::as_ref).ok()
    }

    pub(super) fn take_outcome(&self) -> Outcome<T, E> {
        self.outcome.take().expect(SETTLED)
    }

    pub(super) fn state(&self) -> PromiseState {
        self.outcome.borrow().as_ref().expect(SETTLED).state()
    }

    /// Appends a listener, and returns how many consumers were found gone meanwhile.
    ///
    /// Listeners that are gone are swept whenever the list would grow, so that a promise that lives long keeps nothing of them,
    /// at a constant cost each.
    pub(super) fn push_listener(&self, listener: Listener<T, E>) -> u32 {
        let mut listeners = self.listeners.borrow_mut();
        let before = listeners.len();
        if before == listeners.capacity() {
            sweep(&mut listeners);
        }
        let swept = before - listeners.len();
        listeners.push(listener);
        u32::try_from(swept).expect("each is a consumer, and those are counted in a u32")
    }

    /// Appends one who has come after the promise has settled.
    pub(super) fn push_late(&self, listener: Listener<T, E>) {
        self.listeners.borrow_mut().push(listener);
    }

    pub(super) fn take_listeners(&self) -> Vec<Listener<T, E>> {
        self.listeners.take()
    }

    /// The promises that will settle because this one does.
    pub(super) fn dependents(&self) -> Vec<Rc<dyn Tracked>> {
        self.listeners.borrow().iter().filter_map(Listener::derived).collect()
    }
}

const SETTLED: &str = "a promise that is shown has an outcome until the last consumer takes it";

/// The list is full. After this it is at most half full, so the next sweep is as far away as this one was long; and what a crowd
/// that is gone took is given back.
fn sweep<T, E>(listeners: &mut Vec<Listener<T, E>>) {
    const SMALL: usize = 64;
    let before = listeners.len();
    listeners.retain(|listener| !listener.is_gone());
    if listeners.len() > before / 2 {
        listeners.reserve(before);
    } else if listeners.len() < before / 4 && before > SMALL {
        listeners.shrink_to(SMALL.max(2 * listeners.len()));
    }
}
