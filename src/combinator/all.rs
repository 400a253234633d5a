//! `all`: every value, or the first failure.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::Location;

use super::slots::Slots;
use super::{Row, Strategy, Take, Taken, gather, keep_value, value};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<Vec<T>, E> {
    /// The values of all elements, in their order: `Promise.all(elements)` (ECMA-262 §27.2.4.1).
    ///
    /// - **Settles** fulfilled when the last element is, or as the first one does that fails, be it a rejection or a
    ///   [`Fault`](crate::Fault): the first in time (rule C4).
    /// - **Ticks:** one tick after that element, so that a handler runs one more tick later (rule C1). Each element is
    ///   converted and hooked up before the next one is asked for (rule C3).
    /// - **No elements:** it is fulfilled at once, with an empty `Vec` (rule C2).
    /// - **The others** count as handled, so that no rejection of theirs is reported (rule C4). The values that were there are
    ///   dropped when the result is rejected, later ones when they come.
    /// - **Faults:** a panic of the iterator is a fault of the result. What was hooked up before stays so.
    /// - **Abort:** an element that is [`abortable`](Promise::abortable) fails by it. What stops the others when one has failed
    ///   is a [scope](Promise::scope).
    /// - **Cost:** one allocation for each element but those that are fulfilled and have one handle, and the `Vec`.
    ///
    /// Elements are anything that [resolves](IntoResolution): promises, `Result`s, your own types. Promises of different
    /// types go into [`join`](Promise::join).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let double = |n: u32| Promise::<_, String>::resolve(n).map(|n| n * 2);
    /// assert_eq!(block_on(Promise::all([double(1), double(2)])), Ok(vec![2, 4]));
    /// assert_eq!(block_on(Promise::all((1..=3).map(double))), Ok(vec![2, 4, 6]));
    ///
    /// let parsed = Promise::all("1 2 x".split(' ').map(str::parse::<u32>));
    /// assert!(block_on(parsed).is_err());
    /// ```
    #[track_caller]
    pub fn all<I>(elements: I) -> Self
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
    {
        gather(Values::new(), elements, Location::caller())
    }
}

/// Every value, or the first failure.
pub(crate) struct Values<T, E> {
    slots: Slots<T>,
    reasons: PhantomData<E>,
}

impl<T, E> Values<T, E> {
    pub(crate) const fn new() -> Self {
        Self { slots: Slots::new(), reasons: PhantomData }
    }
}

impl<T: 'static, E: Debug + 'static> Strategy for Values<T, E> {
    type Value = Vec<T>;
    type Error = E;
    type Waste = Infallible;

    fn conclude(&mut self) -> Option<Outcome<Vec<T>, E>> {
        Some(Outcome::Fulfilled(self.slots.take_values()))
    }
}

impl<T: 'static, E: Debug + 'static> Row for Values<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        self.slots.push()
    }

    fn announce(&mut self, least: usize) {
        self.slots.announce(least);
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for Values<T, E> {
    fn take(&mut self, place: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        match value(outcome) {
            Ok(value) => {
                self.slots.fill(place, value);
                Taken::Kept
            }
            Err(failure) => failure,
        }
    }

    fn keep(&mut self, place: usize, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        keep_value(outcome, |value| self.slots.fill(place, value))
    }
}
