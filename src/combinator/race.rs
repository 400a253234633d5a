//! `race`: the first to settle.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::Location;

use super::{Row, Strategy, Take, Taken, gather};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// The outcome of the element that settles first: `Promise.race(elements)` (ECMA-262 §27.2.4.5).
    ///
    /// - **Settles** as the first element does that settles: fulfilled, rejected or with a [`Fault`](crate::Fault). Of those
    ///   that have settled already, the first in the order of the elements (rule C5).
    /// - **Ticks:** one tick after that element, so that a handler runs one more tick later (rule C1). Each element is
    ///   converted and hooked up before the next one is asked for (rule C3).
    /// - **No elements:** it stays pending for ever (rule C2). It counts as abandoned.
    /// - **The others** count as handled, so that no rejection of theirs is reported. They retain nothing of the race: however
    ///   many races a long-lived promise is in, it keeps no trace of those that are over.
    /// - **Abort:** the others go on. A signal that all have taken stops them: `.finally(move || controller.abort())`.
    /// - **Faults:** a panic of the iterator is a fault of the result. What was hooked up before stays so.
    /// - **Cost:** two allocations for the call, and one for each element.
    ///
    /// Elements are anything that [resolves](IntoResolution): promises, `Result`s, your own types.
    ///
    /// ```
    /// use thenable::{Promise, block_on, queue_microtask};
    ///
    /// let slow = Promise::<_, String>::new(|resolve, _reject| queue_microtask(move || resolve("slow")));
    /// let fast = Promise::resolve("fast");
    /// assert_eq!(block_on(Promise::race([slow, fast])), Ok("fast"));
    /// ```
    #[track_caller]
    pub fn race<I>(elements: I) -> Self
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
    {
        gather(First(PhantomData), elements, Location::caller())
    }
}

struct First<T, E>(PhantomData<(T, E)>);

impl<T: 'static, E: Debug + 'static> Strategy for First<T, E> {
    type Value = T;
    type Error = E;
    type Waste = Infallible;

    fn conclude(&mut self) -> Option<Outcome<T, E>> {
        None
    }
}

impl<T: 'static, E: Debug + 'static> Row for First<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        0
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for First<T, E> {
    fn take(&mut self, _: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        Taken::Decided(outcome)
    }
}
