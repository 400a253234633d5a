//! `each`: a function called for each item, one after the other.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::course::over_iterator;
use super::{Row, Strategy, Take, Taken, value};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<E: Debug + 'static> Promise<(), E> {
    /// Calls `function` for each item, and waits for its promise before the next one: Bluebird's `Promise.each(items,
    /// function)`, or an async function with `for (const item of items) await f(item)`.
    ///
    /// - **Settles** fulfilled when the last promise is, or as the first promise does that fails, be it a rejection or a
    ///   [`Fault`](crate::Fault). After that no item is asked for.
    /// - **Ticks:** those of the async function. The first item is asked for within the call, each of the others in the job of
    ///   the promise before.
    /// - **No items:** it is fulfilled at once.
    /// - **Faults:** a panic of the function or of the iterator is a fault of the result.
    /// - **Cost:** one allocation for each item, beside what the function makes.
    ///
    /// For the items of a stream there is [`PromiseStreamExt::each`](crate::PromiseStreamExt::each).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let save = |name: &str| if name.is_empty() { Err("no name") } else { Ok(name.len()) };
    /// assert_eq!(block_on(Promise::each(["tea", "cup"], save)), Ok(()));
    /// assert_eq!(block_on(Promise::each(["tea", "", "cup"], save)), Err("no name"));
    /// ```
    #[track_caller]
    pub fn each<I, R, F>(items: I, mut function: F) -> Self
    where
        I: IntoIterator<IntoIter: 'static> + 'static,
        F: FnMut(I::Item) -> R + 'static,
        R: IntoResolution<E>,
    {
        over_iterator(Done::new(), None, items, 1, move |item| ((), function(item).into_resolution()))
    }
}

/// That all is done. The values of the items are dropped as they come.
pub(crate) struct Done<T, E>(PhantomData<(T, E)>);

impl<T, E> Done<T, E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: 'static, E: Debug + 'static> Strategy for Done<T, E> {
    type Value = ();
    type Error = E;
    type Waste = T;

    fn conclude(&mut self) -> Option<Outcome<(), E>> {
        Some(Outcome::Fulfilled(()))
    }
}

impl<T: 'static, E: Debug + 'static> Row for Done<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        0
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for Done<T, E> {
    fn take(&mut self, _: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        value(outcome).map_or_else(|failure| failure, Taken::Wasted)
    }
}
