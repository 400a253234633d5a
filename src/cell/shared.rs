//! What a promise has only if several share it or somebody looks at its outcome: in an allocation of its own, so that all the
//! others are smaller.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::listener::Listener;
use crate::outcome::Outcome;
use crate::rejections::Tracked;

/// How to clone an outcome, noted where `T: Clone` and `E: Clone` are known.
pub(super) type CloneOutcome<T, E> = fn(&Outcome<T, E>) -> Outcome<T, E>;

/// The part of a cell that can be referred to while user code runs.
pub(super) struct Shared<T, E> {
    /// How to clone the outcome: known once a handle was cloned.
    clone: Cell<Option<CloneOutcome<T, E>>>,
    /// The outcome of a promise that is `Telling` or `Shown`. It is put in and taken out by who has the only reference, so not
    /// while user code clones it or looks at it: every reader is a consumer or holds one, and the last consumer takes it.
    outcome: Option<Outcome<T, E>>,
    /// Who listens, if the promise is `Crowded`; who has come late, if it is `Telling`.
    listeners: RefCell<Vec<Listener<T, E>>>,
}

impl<T, E> Shared<T, E> {
    /// The shared part of a pending promise, with those who listen.
    pub(super) fn pending<const N: usize>(first: [Listener<T, E>; N]) -> Rc<Self> {
        // It will mostly grow, so it has room.
        let mut listeners = Vec::new();
        listeners.extend(first);
        Rc::new(Self { clone: Cell::new(None), outcome: None, listeners: RefCell::new(listeners) })
    }

    /// The shared part of a promise that has settled.
    pub(super) fn settled(outcome: Outcome<T, E>) -> Rc<Self> {
        Rc::new(Self { clone: Cell::new(None), outcome: Some(outcome), listeners: RefCell::default() })
    }

    pub(super) fn clone_outcome(&self) -> Option<CloneOutcome<T, E>> {
        self.clone.get()
    }

    pub(super) fn set_clone(&self, clone: CloneOutcome<T, E>) {
        self.clone.set(Some(clone));
    }

    pub(super) fn put_outcome(self: &mut Rc<Self>, outcome: Outcome<T, E>) {
        Rc::get_mut(self).expect("nobody looks at a promise that is pending").outcome = Some(outcome);
    }

    pub(super) fn outcome(&self) -> &Outcome<T, E> {
        self.outcome.as_ref().expect("a promise that is shown has an outcome")
    }

    /// Takes the outcome, for the last consumer.
    pub(super) fn into_outcome(self: Rc<Self>) -> Outcome<T, E> {
        let shared = Rc::into_inner(self).expect("whoever looks at the outcome is a consumer or holds one");
        shared.outcome.expect("a promise that is shown has an outcome")
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
