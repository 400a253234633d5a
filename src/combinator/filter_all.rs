//! `filter_all`: the items for which a promise says so.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem;

use super::course::over_iterator;
use super::{Row, Strategy, Take, Taken, value};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<Vec<T>, E> {
    /// The items for which `predicate` comes to `true`, in their order, with at most `limit` of its promises pending at a
    /// time: Bluebird's `Promise.filter(items, predicate, { concurrency })`, and the package `p-filter`.
    ///
    /// It settles, asks for items, and treats losers and faults as [`map_all`](Promise::map_all) does. An item is dropped when
    /// its promise comes to `false`.
    ///
    /// - **Cost:** one allocation for each item beside what the predicate makes, and the `Vec`.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let is_even = |n: &u32| Promise::<_, String>::resolve(n % 2 == 0);
    /// assert_eq!(block_on(Promise::filter_all(1..=6, 2, is_even)), Ok(vec![2, 4, 6]));
    /// ```
    ///
    /// # Panics
    ///
    /// If `limit` is 0. For no limit there is `usize::MAX`.
    #[doc(alias = "p-filter")]
    #[track_caller]
    pub fn filter_all<I, R, F>(items: I, limit: usize, mut predicate: F) -> Self
    where
        I: IntoIterator<Item = T, IntoIter: 'static> + 'static,
        F: FnMut(&T) -> R + 'static,
        R: IntoResolution<E, Value = bool>,
    {
        over_iterator(Filtered::new(), None, items, limit, move |item| {
            let decision = predicate(&item).into_resolution();
            (item, decision)
        })
    }
}

/// The items that are wanted, or may be.
pub(crate) struct Filtered<T, E> {
    items: Vec<Option<T>>,
    reasons: PhantomData<E>,
}

impl<T, E> Filtered<T, E> {
    pub(crate) const fn new() -> Self {
        Self { items: Vec::new(), reasons: PhantomData }
    }
}

impl<T: 'static, E: Debug + 'static> Strategy for Filtered<T, E> {
    type Value = Vec<T>;
    type Error = E;
    type Waste = T;

    fn conclude(&mut self) -> Option<Outcome<Vec<T>, E>> {
        Some(Outcome::Fulfilled(mem::take(&mut self.items).into_iter().flatten().collect()))
    }
}

impl<T: 'static, E: Debug + 'static> Row<T> for Filtered<T, E> {
    fn make_room(&mut self, item: T) -> usize {
        self.items.push(Some(item));
        self.items.len() - 1
    }
}

impl<T: 'static, E: Debug + 'static> Take<bool, E> for Filtered<T, E> {
    fn take(&mut self, place: usize, outcome: Outcome<bool, E>) -> Taken<Self> {
        match value(outcome) {
            Ok(true) => Taken::Kept,
            Ok(false) => self.items[place].take().map_or(Taken::Kept, Taken::Wasted),
            Err(failure) => failure,
        }
    }
}
