//! A stream of what listeners are told: `events.on` of Node.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use futures::stream::{FusedStream, Stream};

use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::Producer;

/// A stream of events, or of messages. See [`Emitter::events`](crate::Emitter::events).
///
/// What comes faster than it is taken waits in a buffer without a limit. Each item takes a tick, whether it was there already
/// or not, as with `for await` over Node's `events.on`. Dropping the stream stops the listening.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Events<T> {
    /// The promise of the item that somebody asked for.
    next: Option<Promise<Option<T>, Infallible>>,
    buffer: Rc<Buffer<T>>,
    /// Nothing will come any more, and everything was taken.
    finished: bool,
    /// Removes the listener.
    when_dropped: Option<Box<dyn FnOnce()>>,
    made_at: &'static Location<'static>,
}

struct Buffer<T> {
    items: RefCell<VecDeque<T>>,
    /// Settles the promise of the next item. There is one only while the buffer is empty.
    asked: Cell<Option<Producer<Option<T>, Infallible>>>,
    /// The feed is gone.
    ended: Cell<bool>,
}

/// Where the items of a stream come from. The stream ends when it is dropped.
pub(crate) struct Feed<T: 'static>(Weak<Buffer<T>>);

/// A stream, and what feeds it. `made_at` is the line that its promises are said to be made at.
pub(crate) fn feed<T>(made_at: &'static Location<'static>) -> (Feed<T>, Events<T>) {
    let buffer = Rc::new(Buffer { items: RefCell::default(), asked: Cell::new(None), ended: Cell::new(false) });
    let feed = Feed(Rc::downgrade(&buffer));
    (feed, Events { next: None, buffer, finished: false, when_dropped: None, made_at })
}

impl<T> Feed<T> {
    pub(crate) fn push(&self, item: T) {
        let Some(buffer) = self.0.upgrade() else { return };
        match buffer.asked.take() {
            Some(asked) => asked.settle(Outcome::Fulfilled(Some(item))),
            None => buffer.items.borrow_mut().push_back(item),
        }
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        if let Some(buffer) = self.0.upgrade() {
            buffer.ended.set(true);
            if let Some(asked) = buffer.asked.take() {
                asked.settle(Outcome::Fulfilled(None));
            }
        }
    }
}

impl<T: 'static> Events<T> {
    /// Says what removes the listener.
    pub(crate) fn when_dropped(&mut self, remove: impl FnOnce() + 'static) {
        self.when_dropped = Some(Box::new(remove));
    }

    /// The promise of the next item.
    fn ask(&self) -> Promise<Option<T>, Infallible> {
        let (promise, producer) = Producer::of_outcome(self.made_at);
        let item = self.buffer.items.borrow_mut().pop_front();
        if item.is_some() || self.buffer.ended.get() {
            producer.settle(Outcome::Fulfilled(item));
        } else {
            self.buffer.asked.set(Some(producer));
        }
        promise
    }
}

impl<T: 'static> Stream for Events<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.finished {
            return Poll::Ready(None);
        }
        let mut next = self.next.take().unwrap_or_else(|| self.ask());
        match Pin::new(&mut next).poll(context) {
            Poll::Ready(Ok(item)) => {
                self.finished = item.is_none();
                Poll::Ready(item)
            }
            Poll::Pending => {
                self.next = Some(next);
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let waiting = self.buffer.items.borrow().len();
        (waiting, (self.finished || self.buffer.ended.get()).then_some(waiting + usize::from(self.next.is_some())))
    }
}

impl<T: 'static> FusedStream for Events<T> {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl<T> Drop for Events<T> {
    fn drop(&mut self) {
        if let Some(remove) = self.when_dropped.take() {
            remove();
        }
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.buffer.items.borrow().len();
        f.debug_struct("Events")
            .field("waiting", &waiting)
            .field("ended", &self.buffer.ended.get())
            .finish_non_exhaustive()
    }
}
