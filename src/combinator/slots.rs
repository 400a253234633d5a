//! What elements come to, in the order of the elements, in whatever order it comes.

/// One place for each element.
pub(super) struct Slots<V>(Vec<Option<V>>);

impl<V> Slots<V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A place for the next element.
    pub(super) fn push(&mut self) {
        self.0.push(None);
    }

    pub(super) fn fill(&mut self, index: usize, value: V) {
        debug_assert!(self.0[index].is_none(), "an element settles once (invariant 1)");
        self.0[index] = Some(value);
    }

    pub(super) fn into_values(self) -> Vec<V> {
        self.0.into_iter().map(|value| value.expect("every element has settled")).collect()
    }
}
