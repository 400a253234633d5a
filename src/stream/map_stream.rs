//! A stream of what a function comes to for each item, so many ahead.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::Future;
use futures::stream::{Fuse, FusedStream, StreamExt};
use pin_project_lite::pin_project;

use crate::cell::handle::Promise;
use crate::resolve::resolution::IntoResolution;

pin_project! {
    /// What [`Promise::map_stream`] returns: the values that a mapper comes to, in the order of the items.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct MapStream<S, F, T, E> {
        #[pin]
        items: Fuse<S>,
        mapper: F,
        limit: usize,
        // In the order of the items.
        ahead: VecDeque<Promise<T, E>>,
        made_at: &'static Location<'static>,
    }
}

impl<S: Stream, F, T, E> MapStream<S, F, T, E> {
    #[track_caller]
    pub(super) fn new(items: S, limit: usize, mapper: F, made_at: &'static Location<'static>) -> Self {
        assert!(limit > 0, "a limit of 0 items at a time lets nothing begin");
        Self { items: items.fuse(), mapper, limit, ahead: VecDeque::new(), made_at }
    }
}

impl<S, F, R, T, E> Stream for MapStream<S, F, T, E>
where
    S: Stream,
    F: FnMut(S::Item) -> R,
    R: IntoResolution<E, Value = T>,
    T: 'static,
    E: Debug + 'static,
{
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        let mut this = self.project();
        // The fault of a promise has unwound from the poll before.
        if this.ahead.front().is_some_and(Promise::is_taken) {
            this.ahead.pop_front();
        }
        while this.ahead.len() < *this.limit {
            match this.items.as_mut().poll_next(context) {
                Poll::Ready(Some(item)) => {
                    let promise = Promise::from_completion(Ok((this.mapper)(item).into_resolution()), this.made_at);
                    // It will be awaited when its turn comes.
                    promise.cell().mark_handled();
                    this.ahead.push_back(promise);
                }
                Poll::Pending if this.ahead.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        let Some(first) = this.ahead.front_mut() else { return Poll::Ready(None) };
        let result = ready!(Pin::new(first).poll(context));
        this.ahead.pop_front();
        Poll::Ready(Some(result))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.items.size_hint();
        (least.saturating_add(self.ahead.len()), most.and_then(|most| most.checked_add(self.ahead.len())))
    }
}

impl<S, F, R, T, E> FusedStream for MapStream<S, F, T, E>
where
    S: Stream,
    F: FnMut(S::Item) -> R,
    R: IntoResolution<E, Value = T>,
    T: 'static,
    E: Debug + 'static,
{
    fn is_terminated(&self) -> bool {
        self.ahead.is_empty() && self.items.is_done()
    }
}

impl<S, F, T, E> fmt::Debug for MapStream<S, F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapStream({} of {} ahead, made at {})", self.ahead.len(), self.limit, self.made_at)
    }
}
