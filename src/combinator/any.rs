//! `any`: the first value, or every reason.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::Location;

use super::some::Failures;
use super::{Row, Strategy, Take, Taken, gather};
use crate::cell::handle::Promise;
use crate::error::AggregateError;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, AggregateError<E>> {
    /// The value of the element that is fulfilled first: `Promise.any(elements)` (ECMA-262 §27.2.4.3).
    ///
    /// - **Settles** fulfilled when the first element is; or rejected when all are, with their reasons in the order of the
    ///   elements (rule C5). An element with a [`Fault`](crate::Fault) has failed, too: if all have failed and one by a fault,
    ///   the result has that fault, the first in time if there are several.
    /// - **Ticks:** one tick after that element, so that a handler runs one more tick later (rule C1). Each element is
    ///   converted and hooked up before the next one is asked for (rule C3).
    /// - **No elements:** it is rejected at once, with no errors (rule C2).
    /// - **The others** count as handled, so that no rejection of theirs is reported. They retain nothing of the call, and the
    ///   reasons that were there are dropped.
    /// - **Faults:** a panic of the iterator is a fault of the result. What was hooked up before stays so.
    /// - **Cost:** one allocation for each element, and the `Vec` of the reasons.
    ///
    /// Elements are anything that [resolves](IntoResolution): promises, `Result`s, your own types.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let mirrors = [Promise::reject("down"), Promise::resolve("the file")];
    /// assert_eq!(block_on(Promise::any(mirrors)), Ok("the file"));
    ///
    /// let error = block_on(Promise::any([Promise::<(), _>::reject("down"), Promise::reject("slow")])).unwrap_err();
    /// assert_eq!(error.errors, ["down", "slow"]);
    /// ```
    #[track_caller]
    pub fn any<I>(elements: I) -> Self
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
    {
        gather(FirstValue { failures: Failures::new(), values: PhantomData }, elements, Location::caller())
    }
}

struct FirstValue<T, E> {
    failures: Failures<E>,
    values: PhantomData<T>,
}

impl<T: 'static, E: Debug + 'static> Strategy for FirstValue<T, E> {
    type Value = T;
    type Error = AggregateError<E>;
    type Waste = Infallible;

    fn conclude(&mut self) -> Option<Outcome<T, AggregateError<E>>> {
        Some(self.failures.take_outcome())
    }
}

impl<T: 'static, E: Debug + 'static> Row for FirstValue<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        self.failures.push()
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for FirstValue<T, E> {
    fn take(&mut self, place: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        match self.failures.take(place, outcome) {
            Some(value) => Taken::Decided(Outcome::Fulfilled(value)),
            None => Taken::Kept,
        }
    }
}
