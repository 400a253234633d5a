//! `map_all`: a function called for each item, so many at a time, and all values.

use std::fmt::Debug;

use super::all::Values;
use super::course::over_iterator;
use crate::cell::handle::Promise;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<Vec<T>, E> {
    /// Calls `mapper` for each item, with at most `limit` of its promises pending at a time, and collects the values in the
    /// order of the items: Bluebird's `Promise.map(items, mapper, { concurrency })`, and the package `p-map`. A limit of 1 is
    /// Bluebird's `mapSeries`.
    ///
    /// - **Settles** fulfilled when the last promise is and there is no further item, or as the first promise does that fails,
    ///   be it a rejection or a [`Fault`](crate::Fault). After that no item is asked for.
    /// - **Ticks:** the first `limit` items are asked for within the call, each of the others in the job of the promise that
    ///   has made room. The result settles one tick after the promise that decides. So with a limit of no less than the number
    ///   of items this is [`all`](Promise::all)`(items.map(mapper))`, tick for tick; and with a limit of 1 it is an async
    ///   function with a loop of `mapper(item).await`.
    /// - **No items:** it is fulfilled at once, with an empty `Vec`.
    /// - **The others** count as handled when the result is rejected. The values that were there are dropped then, with the
    ///   items and the mapper.
    /// - **Faults:** a panic of the mapper or of the iterator is a fault of the result.
    /// - **Abort:** the mapper takes the signal: `move |item| fetch(item, &signal)`, or, if `fetch` knows no signals,
    ///   `signal.spawn(async move { fetch(item).await })`. At the abort what is pending is rejected, and nothing else is begun. A
    ///   [`timeout`](Promise::timeout) or [`abortable`](Promise::abortable) of the result is over at once, but stops nothing: the
    ///   items go on.
    /// - **Cost:** one allocation for each item whose promise is pending or has other handles, beside what the mapper
    ///   makes, and the `Vec`.
    ///
    /// A promise that is abandoned takes its room with it. For the items of a stream there is
    /// [`PromiseStreamExt::map_all`](crate::PromiseStreamExt::map_all).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let fetch = |page: u32| Promise::<_, String>::resolve(page).map(|page| format!("page {page}"));
    /// let pages = Promise::map_all(1..=3, 2, fetch);
    /// assert_eq!(block_on(pages).unwrap(), ["page 1", "page 2", "page 3"]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `limit` is 0. For no limit there is `usize::MAX`.
    #[doc(alias = "p-map")]
    #[doc(alias = "mapSeries")]
    #[track_caller]
    pub fn map_all<I, R, F>(items: I, limit: usize, mut mapper: F) -> Self
    where
        I: IntoIterator<IntoIter: 'static> + 'static,
        F: FnMut(I::Item) -> R + 'static,
        R: IntoResolution<E, Value = T>,
    {
        over_iterator(Values::new(), None, items, limit, move |item| ((), mapper(item).into_resolution()))
    }
}
