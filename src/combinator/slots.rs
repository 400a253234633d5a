//! What elements come to, in the order of the elements, in whatever order it comes.

use std::collections::VecDeque;
use std::mem;

/// A number of elements that is believed when it is only announced.
const CREDIBLE: u32 = 1 << 16;

/// One place for each element. A place takes memory once an element behind it or it itself has come to something.
pub(super) struct Slots<V> {
    places: u32,
    /// How many places there will be, as far as it was announced.
    announced: u32,
    /// What the first elements have come to, up to the first that has come to nothing yet. Mostly elements settle in their order.
    first: Vec<V>,
    /// What those behind that one have come to.
    #[expect(clippy::box_collection, reason = "it is seldom there, and then a word is all it takes")]
    later: Option<Box<VecDeque<Option<V>>>>,
}

impl<V> Slots<V> {
    pub(super) const fn new() -> Self {
        Self { places: 0, announced: 0, first: Vec::new(), later: None }
    }

    /// So many places are to come, at least.
    pub(super) fn announce(&mut self, least: usize) {
        self.announced = u32::try_from(least).map_or(CREDIBLE, |least| least.min(CREDIBLE));
    }

    /// A place for the next element.
    pub(super) fn push(&mut self) -> usize {
        let place = self.len();
        self.places = self.places.checked_add(1).expect("fewer than 2^32 elements");
        place
    }

    pub(super) fn len(&self) -> usize {
        self.places as usize
    }

    pub(super) fn fill(&mut self, place: usize, value: V) {
        debug_assert!(place >= self.first.len(), "an element settles once (invariant 1)");
        if place == self.first.len() {
            self.append(value);
        } else {
            let later = self.later.get_or_insert_default();
            let index = place - self.first.len() - 1;
            if later.len() <= index {
                later.resize_with(index + 1, || None);
            }
            debug_assert!(later[index].is_none(), "an element settles once (invariant 1)");
            later[index] = Some(value);
        }
    }

    /// The first place that was empty is filled, and those behind it up to the next that is.
    fn append(&mut self, value: V) {
        if self.first.capacity() == 0 {
            self.first.reserve_exact(self.announced.max(self.places) as usize);
        }
        self.first.push(value);
        if let Some(later) = &mut self.later {
            while let Some(Some(value)) = later.pop_front() {
                self.first.push(value);
            }
        }
    }

    /// Takes what every element has come to.
    pub(super) fn take_values(&mut self) -> Vec<V> {
        debug_assert!(self.first.len() == self.len(), "every element has settled");
        mem::take(&mut self.first)
    }

    /// Takes what there is.
    pub(super) fn take_some(&mut self) -> Vec<V> {
        let mut values = mem::take(&mut self.first);
        values.extend(self.later.take().into_iter().flat_map(|later| later.into_iter().flatten()));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    fn filled(order: &[usize], places: usize) -> Slots<usize> {
        let mut slots = Slots::new();
        for place in 0..places {
            assert_eq!(slots.push(), place);
        }
        for place in order.iter().copied() {
            slots.fill(place, place * 10);
        }
        slots
    }

    #[test]
    fn values_stand_in_the_order_of_the_places() {
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 3, 1, 2], [1, 2, 3, 0]] {
            assert_eq!(filled(&order, 4).take_values(), [0, 10, 20, 30], "filled in the order {order:?}");
        }
    }

    #[test]
    fn what_there_is_stands_in_the_order_of_the_places() {
        assert_eq!(filled(&[5, 0, 3, 1], 7).take_some(), [0, 10, 30, 50]);
        assert_eq!(filled(&[2], 4).take_some(), [20]);
        assert_eq!(filled(&[], 4).take_some(), []);
    }

    #[test]
    fn places_may_come_between() {
        let mut slots = filled(&[1], 2);
        assert_eq!(slots.push(), 2);
        slots.fill(0, 0);
        slots.fill(2, 20);
        assert_eq!(slots.take_values(), [0, 10, 20]);
    }

    #[test]
    fn room_is_made_once() {
        let mut slots = filled(&[], 3);
        slots.announce(5);
        slots.fill(0, 0);
        assert_eq!(slots.first.capacity(), 5);
        let mut slots = filled(&[], 7);
        slots.announce(usize::MAX);
        slots.announce(2);
        slots.fill(0, 0);
        assert_eq!(slots.first.capacity(), 7);
    }

    #[test]
    fn an_absurd_number_is_not_believed() {
        let mut slots = filled(&[], 1);
        slots.announce(usize::MAX);
        slots.fill(0, 0);
        assert!(slots.first.capacity() < 1 << 20);
    }
}
