//! `some`: the first values, so many of them.

use std::fmt::Debug;
use std::mem;
use std::panic::Location;

use super::slots::Slots;
use super::{Row, Strategy, Take, Taken, gather};
use crate::cell::handle::Promise;
use crate::error::AggregateError;
use crate::outcome::{Fault, Outcome};
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<Vec<T>, AggregateError<E>> {
    /// The values of the first `count` elements that are fulfilled, in the order of time: Bluebird's
    /// `Promise.some(elements, count)`.
    ///
    /// - **Settles** fulfilled when that many elements are; or rejected when so many have failed that too few are left, with
    ///   the reasons so far in the order of the elements. An element with a [`Fault`](crate::Fault) has failed, too: if there
    ///   was one, the result has that fault instead, the first in time if there are several.
    /// - **Ticks:** one tick after the element that decides, so that a handler runs one more tick later. Each element is
    ///   converted and hooked up before the next one is asked for.
    /// - **Too few elements:** it is rejected at once, with no errors. **A count of 0:** it is fulfilled at once, with an empty
    ///   `Vec`.
    /// - **The others** count as handled, so that no rejection of theirs is reported. They retain nothing of the call.
    /// - **Faults:** a panic of the iterator is a fault of the result. What was hooked up before stays so.
    /// - **Cost:** one allocation for each element, and the `Vec`s of the values and of the reasons.
    ///
    /// ```
    /// use thenable::{AggregateError, Promise, block_on};
    ///
    /// let replies = || [Promise::resolve("a"), Promise::reject("down"), Promise::resolve("c")];
    /// assert_eq!(block_on(Promise::some(replies(), 2)), Ok(vec!["a", "c"]));
    /// assert_eq!(block_on(Promise::some(replies(), 3)), Err(AggregateError { errors: vec!["down"] }));
    /// ```
    #[track_caller]
    pub fn some<I>(elements: I, count: usize) -> Self
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
    {
        let strategy = FirstValues { count, values: Vec::new(), failures: Failures::new(), has_ended: false };
        gather(strategy, elements, Location::caller())
    }
}

struct FirstValues<T, E> {
    count: usize,
    /// In the order of time.
    values: Vec<T>,
    failures: Failures<E>,
    /// Whether all elements are there.
    has_ended: bool,
}

impl<T, E> FirstValues<T, E> {
    fn is_over(&self) -> bool {
        self.values.len() == self.count || (self.has_ended && self.failures.left() < self.count)
    }
}

impl<T: 'static, E: Debug + 'static> Strategy for FirstValues<T, E> {
    type Value = Vec<T>;
    type Error = AggregateError<E>;
    type Waste = T;

    fn end(&mut self) -> bool {
        self.has_ended = true;
        self.is_over()
    }

    fn conclude(&mut self) -> Option<Outcome<Vec<T>, AggregateError<E>>> {
        Some(if self.values.len() == self.count {
            Outcome::Fulfilled(mem::take(&mut self.values))
        } else {
            self.failures.take_outcome()
        })
    }
}

impl<T: 'static, E: Debug + 'static> Row for FirstValues<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        self.failures.push()
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for FirstValues<T, E> {
    fn take(&mut self, place: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        match self.failures.take(place, outcome) {
            Some(value) if self.values.len() == self.count => return Taken::Wasted(value),
            value => self.values.extend(value),
        }
        if self.is_over() { Taken::Over } else { Taken::Kept }
    }
}

/// How elements have failed.
pub(super) struct Failures<E> {
    reasons: Slots<E>,
    /// In the order of time.
    faults: Vec<Fault>,
    count: usize,
}

impl<E> Failures<E> {
    pub(super) const fn new() -> Self {
        Self { reasons: Slots::new(), faults: Vec::new(), count: 0 }
    }

    /// A place for the next element.
    pub(super) fn push(&mut self) -> usize {
        self.reasons.push()
    }

    /// How many have not failed.
    fn left(&self) -> usize {
        self.reasons.len() - self.count
    }

    /// Gives the value back, or keeps the failure.
    pub(super) fn take<T>(&mut self, place: usize, outcome: Outcome<T, E>) -> Option<T> {
        match outcome {
            Outcome::Fulfilled(value) => return Some(value),
            Outcome::Rejected(reason) => self.reasons.fill(place, reason),
            Outcome::Faulted(fault) => self.faults.push(fault),
        }
        self.count += 1;
        None
    }

    /// Takes the first fault, or all the reasons.
    pub(super) fn take_outcome<T>(&mut self) -> Outcome<T, AggregateError<E>> {
        if self.faults.is_empty() {
            Outcome::Rejected(AggregateError { errors: self.reasons.take_some() })
        } else {
            Outcome::Faulted(self.faults.swap_remove(0))
        }
    }
}
