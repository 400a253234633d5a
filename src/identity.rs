//! Which promise: a number, and the place in the source where it was made.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;

/// Tells one promise of a thread from all the others that this thread ever makes.
///
/// Clones of a handle have the same id, for they are the same promise. Numbers are given out when they are first asked
/// for, so a promise that nobody asks about pays nothing for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromiseId(u64);

impl fmt::Display for PromiseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Which promise, and the line that made it: what reports and errors say about a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The promise.
    pub id: PromiseId,
    /// The call that made it: of `Promise::new`, `then`, `spawn` and so on.
    pub made_at: &'static Location<'static>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "promise {} made at {}", self.id, self.made_at)
    }
}

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(1) };
    /// The ids that were asked for, by the address of the living promise's cell.
    static ASSIGNED: RefCell<HashMap<usize, PromiseId>> = RefCell::new(HashMap::new());
}

/// The id of the promise at `address`, assigned now if this is the first question.
pub(crate) fn id_of(address: usize) -> PromiseId {
    let assign = || {
        let id = NEXT.get();
        NEXT.set(id + 1);
        PromiseId(id)
    };
    // While the thread ends the table may be gone. The address tells the promises that live then apart from each other,
    // and the highest bit from those that have a number.
    ASSIGNED
        .try_with(|assigned| *assigned.borrow_mut().entry(address).or_insert_with(assign))
        .unwrap_or(PromiseId(address as u64 | 1 << 63))
}

/// The promise at `address` stands for the one with this id, and has the same.
pub(crate) fn assign(address: usize, id: PromiseId) {
    let _ = ASSIGNED.try_with(|assigned| assigned.borrow_mut().insert(address, id));
}

/// The promise at `address` is freed, and its address may be another's next.
pub(crate) fn forget(address: usize) {
    let _ = ASSIGNED.try_with(|assigned| assigned.borrow_mut().remove(&address));
}
