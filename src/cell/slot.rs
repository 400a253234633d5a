//! A place whose value is taken out, looked at, and put back.

use std::cell::Cell;
use std::mem::{self, ManuallyDrop};

/// What stands in a [`Slot`].
pub(crate) trait Spendable: Default {
    /// Whether it is spent: nothing would have to be dropped. The default is.
    fn is_spent(&self) -> bool;
}

/// A [`Cell`] for a value that goes from step to step: each transition begins with `take` and ends with `put`.
///
/// Almost always what is replaced, or left over in the end, is spent. The compiler does not know that, and would put a call and a
/// match there to drop it. So here nothing is dropped without a look.
pub(crate) struct Slot<T: Spendable>(Cell<ManuallyDrop<T>>);

impl<T: Spendable> Slot<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Cell::new(ManuallyDrop::new(value)))
    }

    /// Takes the value out. The default stands in its place.
    #[inline]
    pub(crate) fn take(&self) -> T {
        ManuallyDrop::into_inner(self.0.replace(ManuallyDrop::new(T::default())))
    }

    /// Puts a value in where one was taken out.
    #[inline]
    pub(crate) fn put(&self, value: T) {
        self.0.set(ManuallyDrop::new(value));
    }

    /// Puts a value in where one was taken out that is spent.
    #[inline]
    pub(crate) fn put_after(&self, spent: T, value: T) {
        debug_assert!(spent.is_spent(), "a value was lost");
        mem::forget(spent);
        self.put(value);
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: Spendable> Drop for Slot<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.0.get_mut().is_spent() {
            drop(self.take());
        }
    }
}
