//! `reduce`: one value made of all items, one after the other.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::rc::Rc;

use super::course::over_iterator;
use super::{Row, Strategy, Take, Taken, value};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// Makes one value of all items, beginning with `initial`: `reducer` is called with what there is and an item, and comes
    /// to what there is then. Bluebird's `Promise.reduce(items, reducer, initial)`, or an async function with
    /// `for (const item of items) value = await f(value, item)`.
    ///
    /// - **Settles** fulfilled when the last promise is, or as the first promise does that fails, be it a rejection or a
    ///   [`Fault`](crate::Fault). After that no item is asked for.
    /// - **Ticks:** those of the async function. The first item is asked for within the call, each of the others in the job of
    ///   the promise before.
    /// - **No items:** it is fulfilled with `initial` at once.
    /// - **Faults:** a panic of the reducer or of the iterator is a fault of the result.
    /// - **Cost:** one allocation for each item, beside what the reducer makes.
    ///
    /// For the items of a stream there is [`PromiseStreamExt::reduce`](crate::PromiseStreamExt::reduce).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let append = |text: String, n: u32| Promise::<_, ()>::resolve(n).map(move |n| format!("{text}{n}"));
    /// assert_eq!(block_on(Promise::reduce(1..=3, String::new(), append)), Ok("123".to_string()));
    /// ```
    #[doc(alias = "fold")]
    #[track_caller]
    pub fn reduce<I, R, F>(items: I, initial: T, mut reducer: F) -> Self
    where
        I: IntoIterator<IntoIter: 'static> + 'static,
        F: FnMut(T, I::Item) -> R + 'static,
        R: IntoResolution<E, Value = T>,
    {
        let value = Handover::new(initial);
        let strategy = Accumulated::new(&value);
        over_iterator(strategy, None, items, 1, move |item| ((), reducer(value.take(), item).into_resolution()))
    }
}

/// What is made of the items so far, on its way between the strategy and the reducer.
pub(crate) struct Handover<T>(Rc<Cell<Option<T>>>);

impl<T> Handover<T> {
    pub(crate) fn new(initial: T) -> Self {
        Self(Rc::new(Cell::new(Some(initial))))
    }

    /// Takes it for the next item.
    pub(crate) fn take(&self) -> T {
        self.0.take().expect("one item is dealt with at a time")
    }
}

/// What is made of the items.
pub(crate) struct Accumulated<T, E> {
    value: Handover<T>,
    reasons: PhantomData<E>,
}

impl<T, E> Accumulated<T, E> {
    pub(crate) fn new(value: &Handover<T>) -> Self {
        Self { value: Handover(value.0.clone()), reasons: PhantomData }
    }
}

impl<T: 'static, E: Debug + 'static> Strategy for Accumulated<T, E> {
    type Value = T;
    type Error = E;
    type Waste = Infallible;

    fn conclude(&mut self) -> Option<Outcome<T, E>> {
        self.value.0.take().map(Outcome::Fulfilled)
    }
}

impl<T: 'static, E: Debug + 'static> Row for Accumulated<T, E> {
    fn make_room(&mut self, (): ()) -> usize {
        0
    }
}

impl<T: 'static, E: Debug + 'static> Take<T, E> for Accumulated<T, E> {
    fn take(&mut self, _: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        match value(outcome) {
            Ok(value) => {
                // It was taken for this item, so nothing is dropped here.
                self.value.0.set(Some(value));
                Taken::Kept
            }
            Err(failure) => failure,
        }
    }
}
