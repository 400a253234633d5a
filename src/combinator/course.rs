//! Calls of a function for each of many items, so many at a time: what `map_all`, `filter_all`, `each` and `reduce` run.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use super::hook_up::{Collector, hook_up};
use super::progress::Reporter;
use super::{Gathering, Row, Strategy, Take};
use crate::cell::handle::Promise;
use crate::context::{self, Context};
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::queue::Job;
use crate::rejections::Tracked;
use crate::resolve::resolution::Resolution;

/// One call of such a verb: a gathering, and what feeds it.
pub(crate) struct Course<S: Strategy, F> {
    gathering: Gathering<S>,
    /// Taken out while it runs, for it is user code. Gone when there is no further item, and when the result has settled.
    feed: Cell<Option<F>>,
    /// How many items there is room for.
    room: Cell<usize>,
    limit: usize,
    lost: Cell<usize>,
    made_at: &'static Location<'static>,
    /// In which the items are asked for and the function is called.
    context: Option<Context>,
}

/// Where items come from, and what is called for each.
pub(crate) trait Feed<S: Strategy>: Sized + 'static {
    /// An item has made room for the next one.
    fn go_on(course: &Rc<Course<S, Self>>);
}

/// What starting the next item came to: what the strategy is to know of it, and what the function returned.
pub(crate) type Started<K, T, E> = Poll<Option<(K, Resolution<T, E>)>>;

/// Why no further item was started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// There is no room.
    Full,
    /// The next item is not there yet.
    Waits,
    /// There is no further item, or the result has settled.
    Done,
}

impl<S: Strategy, F: Feed<S>> Course<S, F> {
    /// The promise of the result, and the course before its first item.
    ///
    /// Panics, in the name of the caller, if `limit` is 0.
    #[track_caller]
    pub(crate) fn new(
        strategy: S,
        reporter: Option<Rc<Reporter>>,
        limit: usize,
        made_at: &'static Location<'static>,
    ) -> (Promise<S::Value, S::Error>, Rc<Self>) {
        assert!(limit > 0, "a limit of 0 items at a time lets nothing begin");
        let (result, gathering) = Gathering::reporting(strategy, reporter, made_at);
        let (feed, room, lost) = (Cell::new(None), Cell::new(limit), Cell::new(0));
        (result, Rc::new(Self { gathering, feed, room, limit, lost, made_at, context: Context::current() }))
    }

    /// Begins with what `feed` makes, which is user code.
    pub(crate) fn begin(self: &Rc<Self>, feed: impl FnOnce() -> F) {
        match catch_unwind(AssertUnwindSafe(feed)) {
            Ok(feed) => {
                self.feed.set(Some(feed));
                F::go_on(self);
            }
            Err(payload) => self.gathering.fail(Fault::from_panic(payload)),
        }
    }

    /// Starts items by `start`, which is user code, as long as there is room.
    pub(crate) fn fill<K, T, E>(self: &Rc<Self>, mut start: impl FnMut(&mut F) -> Started<K, T, E>) -> Filled
    where
        T: 'static,
        E: Debug + 'static,
        S: Row<K> + Take<T, E>,
    {
        while self.room.get() > 0 {
            // It may be in use, if the function that was called runs the loop: that call looks for room again.
            let Some(mut feed) = self.feed.take() else { return Filled::Done };
            match catch_unwind(AssertUnwindSafe(|| context::restore(self.context.as_ref(), || start(&mut feed)))) {
                Ok(Poll::Ready(Some((known, element)))) => {
                    self.room.set(self.room.get() - 1);
                    let place = self.gathering.make_room(known);
                    self.keep(feed);
                    hook_up(self, place, element, self.made_at);
                }
                Ok(Poll::Ready(None)) => {
                    self.gathering.end_iteration();
                    return Filled::Done;
                }
                Ok(Poll::Pending) => {
                    self.keep(feed);
                    return Filled::Waits;
                }
                Err(payload) => {
                    self.gathering.fail(Fault::from_panic(payload));
                    return Filled::Done;
                }
            }
        }
        Filled::Full
    }

    /// Puts the feed back, or drops it if the result has settled meanwhile.
    fn keep(&self, feed: F) {
        if !self.gathering.is_closed() {
            self.feed.set(Some(feed));
        }
    }

    /// Looks at the feed, if it is there.
    pub(crate) fn with_feed<R>(&self, look: impl FnOnce(&mut F) -> R) -> Option<R> {
        let mut feed = self.feed.take()?;
        let seen = look(&mut feed);
        self.feed.set(Some(feed));
        Some(seen)
    }

    fn drop_feed_if_closed(&self) {
        if self.gathering.is_closed() {
            drop(self.feed.take());
        }
    }
}

impl<S: Strategy, F: Feed<S>> Course<S, F> {
    /// An item is done.
    fn make_way(self: &Rc<Self>) {
        if self.gathering.is_closed() {
            drop(self.feed.take());
        } else {
            self.room.set(self.room.get() + 1);
            F::go_on(self);
        }
    }
}

/// The job of an item whose outcome was kept.
impl<S: Strategy, F: Feed<S>> Job for Course<S, F> {
    fn run(self: Rc<Self>) {
        if !self.gathering.is_closed() {
            self.gathering.count_kept();
            self.make_way();
        }
    }
}

impl<T, E, S, F> Collector<T, E, usize> for Course<S, F>
where
    S: Take<T, E>,
    F: Feed<S>,
{
    fn is_closed(&self) -> bool {
        self.gathering.is_closed()
    }

    fn take(self: Rc<Self>, place: usize, outcome: Outcome<T, E>) {
        let waste = self.gathering.take(place, outcome);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(waste))) {
            self.gathering.fail(Fault::from_panic(payload));
        }
        self.make_way();
    }

    fn keep(&self, place: usize, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        self.gathering.keep(place, outcome)
    }

    fn lose(&self, cause: Origin) {
        self.lost.set(self.lost.get() + 1);
        if self.lost.get() == self.limit {
            // All the room there is will never be free again.
            self.gathering.doom(cause);
        } else {
            self.gathering.lose(cause);
        }
        self.drop_feed_if_closed();
    }

    fn result(&self) -> Option<Rc<dyn Tracked>> {
        self.gathering.result()
    }
}

/// The items of an iterator, and what is called for each.
pub(super) struct Calls<I, C> {
    items: I,
    call: C,
}

/// Runs a course over the items of an iterator. Returns the promise of its result.
#[track_caller]
pub(super) fn over_iterator<I, C, K, T, E, S>(
    strategy: S,
    reporter: Option<Rc<Reporter>>,
    items: I,
    limit: usize,
    call: C,
) -> Promise<S::Value, S::Error>
where
    I: IntoIterator + 'static,
    C: FnMut(I::Item) -> (K, Resolution<T, E>) + 'static,
    K: 'static,
    T: 'static,
    E: Debug + 'static,
    S: Row<K> + Take<T, E>,
{
    let (result, course) = Course::new(strategy, reporter, limit, Location::caller());
    course.begin(|| {
        let items = items.into_iter();
        course.gathering.report(|reporter| reporter.begin(items.size_hint()));
        Calls { items, call }
    });
    result
}

impl<I, C, K, T, E, S> Feed<S> for Calls<I, C>
where
    I: Iterator + 'static,
    C: FnMut(I::Item) -> (K, Resolution<T, E>) + 'static,
    T: 'static,
    E: Debug + 'static,
    S: Row<K> + Take<T, E>,
{
    fn go_on(course: &Rc<Course<S, Self>>) {
        course.fill(|feed| Poll::Ready(feed.items.next().map(&mut feed.call)));
    }
}
