//! `all_settled`: every outcome.

use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::Location;

use super::slots::Slots;
use super::{Row, Strategy, Take, Taken, gather};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<Vec<Outcome<T, E>>, Infallible> {
    /// How every element settled, in their order: `Promise.allSettled(elements)` (ECMA-262 §27.2.4.2).
    ///
    /// - **Settles** fulfilled when the last element has settled, in whatever way. It is never rejected, as the type says.
    /// - **Ticks:** one tick after that element, so that a handler runs one more tick later (rule C1). Each element is
    ///   converted and hooked up before the next one is asked for (rule C3).
    /// - **No elements:** it is fulfilled at once, with an empty `Vec` (rule C2).
    /// - **All elements** count as handled, so that no rejection of theirs is reported.
    /// - **Faults:** the fault of an element is one of the outcomes. A panic of the iterator is a fault of the result; what was
    ///   hooked up before stays so.
    /// - **Cost:** one allocation for each element but those that have settled and have one handle, and the `Vec`.
    ///
    /// If one element can never settle, the result cannot, and the outcomes that were there are dropped.
    ///
    /// ```
    /// use thenable::{Outcome, Promise, block_on};
    ///
    /// let promise = Promise::all_settled([Promise::resolve(1), Promise::reject("no")]);
    /// let Ok(outcomes) = block_on(promise);
    /// assert_eq!(outcomes, [Outcome::Fulfilled(1), Outcome::Rejected("no")]);
    /// ```
    #[track_caller]
    pub fn all_settled<I>(elements: I) -> Self
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
    {
        gather(Outcomes::new(), elements, Location::caller())
    }
}

/// Every outcome.
pub(super) struct Outcomes<T, E>(Slots<Outcome<T, E>>);

impl<T, E> Outcomes<T, E> {
    pub(super) const fn new() -> Self {
        Self(Slots::new())
    }
}

impl<T: 'static, E: Debug + 'static> Strategy for Outcomes<T, E> {
    type Value = Vec<Outcome<T, E>>;
    type Error = Infallible;
    type Waste = Infallible;

    const NEEDS_EVERY_ELEMENT: bool = true;

    fn conclude(&mut self) -> Option<Outcome<Self::Value, Infallible>> {
        Some(Outcome::Fulfilled(self.0.take_values()))
    }
}

impl<T: 'static, E: Debug + 'static> Row for Outcomes<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        self.0.push()
    }

    fn announce(&mut self, least: usize) {
        self.0.announce(least);
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for Outcomes<T, E> {
    fn take(&mut self, place: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        self.0.fill(place, outcome);
        Taken::Kept
    }

    fn keep(&mut self, place: usize, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        self.0.fill(place, outcome);
        Ok(())
    }
}
