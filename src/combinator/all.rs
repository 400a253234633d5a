//! `all`: every value, or the first failure.

use std::fmt::Debug;
use std::panic::Location;

use super::slots::Slots;
use super::{Strategy, gather};
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
    /// - **Cost:** one allocation for each element, and the `Vec`.
    ///
    /// Elements are anything that [resolves](IntoResolution): promises, `Result`s, your own types.
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
        gather(Values(Slots::new()), elements, Location::caller())
    }
}

struct Values<T>(Slots<T>);

impl<T: 'static, E: Debug + 'static> Strategy<T, E> for Values<T> {
    type Value = Vec<T>;
    type Error = E;

    fn make_room(&mut self) {
        self.0.push();
    }

    fn take(&mut self, index: usize, outcome: Outcome<T, E>) -> Option<Outcome<Vec<T>, E>> {
        match outcome {
            Outcome::Fulfilled(value) => {
                self.0.fill(index, value);
                None
            }
            Outcome::Rejected(reason) => Some(Outcome::Rejected(reason)),
            Outcome::Faulted(fault) => Some(Outcome::Faulted(fault)),
        }
    }

    fn conclude(self) -> Option<Outcome<Vec<T>, E>> {
        Some(Outcome::Fulfilled(self.0.into_values()))
    }
}
