//! A course over the items of a stream. The stream is read by a task, the pump.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::Stream;

use crate::cell::handle::Promise;
use crate::combinator::course::{Course, Feed, Filled};
use crate::combinator::{Row, Strategy, Take};
use crate::inbox::waker::task_waker;
use crate::resolve::resolution::Resolution;

/// The items of a stream, what is called for each, and the pump, where it waits for room.
struct Reads<Y: Strategy, S, C> {
    items: Pin<Box<S>>,
    call: C,
    waiting: Option<Waiting<Y, Self>>,
}

/// A pump that waits for room, and how to wake it.
struct Waiting<Y: Strategy, F> {
    pump: Rc<Owned<Y, F>>,
    waker: Waker,
}

/// The course, as long as the pump owns it: that is, as long as it does not wait for room. Then the hook-ups that take the room
/// own the course, and the course owns the waker, which owns the task.
type Owned<Y, F> = Cell<Option<Rc<Course<Y, F>>>>;

/// Runs a course over the items of a stream. Returns the promise of its result.
#[track_caller]
pub(super) fn over_stream<S, C, K, T, E, Y>(strategy: Y, items: S, limit: usize, call: C) -> Promise<Y::Value, Y::Error>
where
    S: Stream + 'static,
    C: FnMut(S::Item) -> (K, Resolution<T, E>) + 'static,
    K: 'static,
    T: 'static,
    E: Debug + 'static,
    Y: Row<K> + Take<T, E>,
{
    let made_at = Location::caller();
    let (result, course) = Course::new(strategy, None, limit, made_at);
    course.begin(|| Reads { items: Box::pin(items), call, waiting: None });
    Promise::<(), Infallible>::spawn_at(Pump(Rc::new(Cell::new(Some(course)))), made_at);
    result
}

impl<Y: Strategy, S: 'static, C: 'static> Feed<Y> for Reads<Y, S, C> {
    fn go_on(course: &Rc<Course<Y, Self>>) {
        if let Some(waiting) = course.with_feed(|feed| feed.waiting.take()).flatten() {
            waiting.pump.set(Some(course.clone()));
            waiting.waker.wake();
        }
    }
}

/// The task that reads the stream.
struct Pump<Y: Strategy, F>(Rc<Owned<Y, F>>);

impl<Y, S, C, K, T, E> Future for Pump<Y, Reads<Y, S, C>>
where
    S: Stream + 'static,
    C: FnMut(S::Item) -> (K, Resolution<T, E>) + 'static,
    T: 'static,
    E: Debug + 'static,
    Y: Row<K> + Take<T, E>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(course) = self.0.take() else {
            // Nothing wakes a pump that waits for room, but room.
            return Poll::Pending;
        };
        let filled = course.fill(|feed| feed.items.as_mut().poll_next(context).map(|item| item.map(&mut feed.call)));
        match filled {
            Filled::Done => return Poll::Ready(()),
            Filled::Waits => self.0.set(Some(course)),
            Filled::Full => {
                let waker = task_waker(context);
                course.with_feed(|feed| feed.waiting = Some(Waiting { pump: self.0.clone(), waker }));
            }
        }
        Poll::Pending
    }
}
