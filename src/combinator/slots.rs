//! What elements come to, in the order of the elements, in whatever order it comes.

use std::mem;

/// One place for each element.
pub(super) struct Slots<V>(Vec<Option<V>>);

impl<V> Slots<V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A place for the next element.
    pub(super) fn push(&mut self) -> usize {
        self.0.push(None);
        self.0.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn fill(&mut self, place: usize, value: V) {
        debug_assert!(self.0[place].is_none(), "an element settles once (invariant 1)");
        self.0[place] = Some(value);
    }

    /// Takes what every element has come to.
    pub(super) fn take_values(&mut self) -> Vec<V> {
        mem::take(&mut self.0).into_iter().map(|value| value.expect("every element has settled")).collect()
    }

    /// Takes what there is.
    pub(super) fn take_some(&mut self) -> Vec<V> {
        mem::take(&mut self.0).into_iter().flatten().collect()
    }
}
