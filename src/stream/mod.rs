//! Streams: the verbs that call a function for each item, for the items of a stream; and a stream of what such calls come to.

pub(crate) mod map_stream;
mod pump;

use std::fmt::Debug;
use std::panic::Location;

use futures::Stream;
use futures::stream;

use self::map_stream::MapStream;
use self::pump::over_stream;
use crate::cell::handle::Promise;
use crate::combinator::all::Values;
use crate::combinator::each::Done;
use crate::combinator::filter_all::Filtered;
use crate::combinator::reduce::{Accumulated, Handover};
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// Calls `mapper` for each item, at most `limit` ahead of who reads: a stream of the values, in the order of the items.
    /// The package `p-map` has it as `pMapIterable`.
    ///
    /// - **Nothing begins** before the stream is polled. Each poll asks for items until `limit` promises have not been read,
    ///   pending or settled; so a slow reader holds the mapper back. Each promise is awaited, in its turn.
    /// - **A rejection** is an item of its own, an `Err`, and the stream goes on after it. Who wants to stop at the first uses
    ///   [`TryStreamExt`](futures::TryStreamExt), or `?`. The promises that are not read yet count as handled.
    /// - **No items:** the stream ends at the first poll.
    /// - **Faults:** a panic of the mapper or of the iterator unwinds from the poll, as the [`Fault`](crate::Fault) of a promise
    ///   does when its turn comes.
    /// - **Dropping the stream** cancels nothing that has begun, and begins nothing more.
    /// - **Cost:** none for an item, beside what the mapper makes.
    ///
    /// For the items of a stream there is [`PromiseStreamExt::map_stream`].
    ///
    /// ```
    /// use futures::TryStreamExt;
    /// use thenable::{Promise, block_on};
    ///
    /// let fetch = |page: u32| Promise::<_, String>::resolve(page).map(|page| page * 10);
    /// let mut pages = Promise::map_stream(1.., 2, fetch);
    /// block_on(async {
    ///     assert_eq!(pages.try_next().await?, Some(10));
    ///     assert_eq!(pages.try_next().await?, Some(20));
    ///     Ok::<(), String>(())
    /// })?;
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[doc(alias = "pMapIterable")]
    #[track_caller]
    pub fn map_stream<I, R, F>(items: I, limit: usize, mapper: F) -> MapStream<stream::Iter<I::IntoIter>, F, T, E>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> R,
        R: IntoResolution<E, Value = T>,
    {
        MapStream::new(stream::iter(items), limit, mapper, Location::caller())
    }
}

/// The verbs of [`Promise`] that call a function for each item, for the items of any [`Stream`].
///
/// They do as their namesakes do. The difference is one of ticks: a stream is read by a task, which is queued when a promise
/// has made room. So the next item is asked for one tick later than of an iterator. If the stream waits, and nothing can wake
/// that task any more, the result is abandoned.
///
/// ```
/// use futures::stream;
/// use thenable::{Promise, PromiseStreamExt, block_on};
///
/// let fetch = |page: u32| Promise::<_, String>::resolve(page * 10);
/// assert_eq!(block_on(stream::iter([1, 2, 3]).map_all(2, fetch)), Ok(vec![10, 20, 30]));
/// ```
///
/// The items of a stream that can fail are `Result`s, which the function gets:
///
/// ```
/// use futures::stream;
/// use thenable::{PromiseStreamExt, block_on};
///
/// let lines = stream::iter([Ok("7"), Err("closed".to_string())]);
/// let numbers = lines.map_all(1, |line| line?.parse::<u8>().map_err(|error| error.to_string()));
/// assert_eq!(block_on(numbers), Err("closed".to_string()));
/// ```
pub trait PromiseStreamExt: Stream + Sized {
    /// [`Promise::map_all`] for the items of this stream.
    ///
    /// # Panics
    ///
    /// If `limit` is 0. For no limit there is `usize::MAX`.
    #[track_caller]
    fn map_all<R, E, F>(self, limit: usize, mut mapper: F) -> Promise<Vec<R::Value>, E>
    where
        Self: 'static,
        E: Debug + 'static,
        F: FnMut(Self::Item) -> R + 'static,
        R: IntoResolution<E>,
    {
        over_stream(Values::new(), self, limit, move |item| ((), mapper(item).into_resolution()))
    }

    /// [`Promise::filter_all`] for the items of this stream.
    ///
    /// # Panics
    ///
    /// If `limit` is 0. For no limit there is `usize::MAX`.
    #[track_caller]
    fn filter_all<R, E, F>(self, limit: usize, mut predicate: F) -> Promise<Vec<Self::Item>, E>
    where
        Self: 'static,
        Self::Item: 'static,
        E: Debug + 'static,
        F: FnMut(&Self::Item) -> R + 'static,
        R: IntoResolution<E, Value = bool>,
    {
        over_stream(Filtered::new(), self, limit, move |item| {
            let decision = predicate(&item).into_resolution();
            (item, decision)
        })
    }

    /// [`Promise::each`] for the items of this stream: `for await (const item of stream) await f(item)`.
    #[track_caller]
    fn each<R, E, F>(self, mut function: F) -> Promise<(), E>
    where
        Self: 'static,
        E: Debug + 'static,
        F: FnMut(Self::Item) -> R + 'static,
        R: IntoResolution<E>,
    {
        over_stream(Done::new(), self, 1, move |item| ((), function(item).into_resolution()))
    }

    /// [`Promise::reduce`] for the items of this stream.
    #[track_caller]
    fn reduce<R, E, F>(self, initial: R::Value, mut reducer: F) -> Promise<R::Value, E>
    where
        Self: 'static,
        E: Debug + 'static,
        F: FnMut(R::Value, Self::Item) -> R + 'static,
        R: IntoResolution<E>,
    {
        let value = Handover::new(initial);
        let strategy = Accumulated::new(&value);
        over_stream(strategy, self, 1, move |item| ((), reducer(value.take(), item).into_resolution()))
    }

    /// [`Promise::map_stream`] for the items of this stream.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    fn map_stream<R, E, F>(self, limit: usize, mapper: F) -> MapStream<Self, F, R::Value, E>
    where
        E: Debug + 'static,
        F: FnMut(Self::Item) -> R,
        R: IntoResolution<E>,
    {
        MapStream::new(self, limit, mapper, Location::caller())
    }
}

impl<S: Stream> PromiseStreamExt for S {}
