//! Freeing without the stack.
//!
//! A pending chain owns itself from its head to its tail: dropping the head would drop the second link inside the first,
//! and so on, and a million links would overflow the stack. Instead every link goes onto a list that only the outermost
//! drop works off.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::mem::{self, ManuallyDrop};
use std::rc::Rc;

use crate::identity::Origin;
use crate::queue::Job;
use crate::rejections::Tracked;

/// What waits on a promise, type forgotten.
pub(crate) trait Dependent {
    /// The promise waited on can never settle, because `cause` was abandoned. Drops the handler, marks the promise derived
    /// from it as abandoned too, and disposes of what waits on that one in turn.
    fn abandon(&self, cause: Origin);

    /// The promise that this will settle, if it is one promise.
    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>>;
}

/// What is to be freed.
pub(crate) enum Disposal {
    /// The promise it waited on is abandoned.
    Abandon(Rc<dyn Dependent>, Origin),
    /// The last handle was dropped.
    Drop(Rc<dyn Job>),
    /// Nobody will call this listener any more.
    Free(Rc<dyn Any>),
}

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
    // Without a destructor of its own, so that it is there until the very end of the thread. It is empty, and owns no
    // memory, whenever no disposal is under way.
    static LIST: RefCell<ManuallyDrop<Vec<Disposal>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Frees `item`: now, or when the disposal that is under way on this thread comes to it.
pub(crate) fn dispose(item: Disposal) {
    if ACTIVE.replace(true) {
        LIST.with_borrow_mut(|list| list.push(item));
        return;
    }
    let _active = Active;
    let mut next = Some(item);
    while let Some(item) = next {
        match item {
            Disposal::Abandon(dependent, cause) => dependent.abandon(cause),
            Disposal::Drop(node) => drop(node),
            Disposal::Free(listener) => drop(listener),
        }
        next = LIST.with_borrow_mut(|list| list.pop());
    }
}

/// Ends the disposal. If the `Drop` of a user's value panicked, the list holds items still: they are freed all the same.
struct Active;

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.set(false);
        let rest = LIST.with_borrow_mut(|list| mem::take(&mut **list));
        rest.into_iter().for_each(dispose);
    }
}
