//! The verbs that read a stream, and `map_stream`: who is asked when, and what is freed when.
mod common;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::{at, expect_trace, log, trace};
use futures::stream::FusedStream;
use futures::{Stream, StreamExt, TryStreamExt};
use thenable::{
    BlockOnError, Promise, PromiseState, PromiseStreamExt, Stalled, block_on, queue_microtask, run, try_block_on,
};

type P = Promise<i32, String>;

fn no() -> String {
    "no".to_string()
}

/// The error of a promise that can never settle.
#[track_caller]
fn stalled<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) -> Stalled {
    match try_block_on(promise) {
        Err(BlockOnError::Stalled(stalled)) => stalled,
        other => panic!("expected a stalled loop, not {other:?}"),
    }
}

/// Calls `callback` after so many ticks.
fn tick(ticks: u32, callback: impl FnOnce() + 'static) {
    match ticks {
        0 => callback(),
        _ => queue_microtask(move || tick(ticks - 1, callback)),
    }
}

/// Logs that it is dropped.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        log(format_args!("drop {}", self.0));
    }
}

/// A stream that the test feeds.
#[derive(Clone, Default)]
struct Feed(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    items: VecDeque<i32>,
    is_over: bool,
    waker: Option<Waker>,
    polls: usize,
}

impl Feed {
    fn push(&self, item: i32) {
        self.0.borrow_mut().items.push_back(item);
        self.wake();
    }

    fn end(&self) {
        self.0.borrow_mut().is_over = true;
        self.wake();
    }

    fn wake(&self) {
        let waker = self.0.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What the verbs read. It logs that it is dropped.
    fn stream(&self) -> impl Stream<Item = i32> + use<> {
        struct Reader(Feed, #[expect(dead_code, reason = "it is there to be dropped")] Noisy);

        impl Stream for Reader {
            type Item = i32;

            fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<i32>> {
                let mut inner = self.0.0.borrow_mut();
                inner.polls += 1;
                match inner.items.pop_front() {
                    None if inner.is_over => Poll::Ready(None),
                    None => {
                        inner.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                    item => Poll::Ready(item),
                }
            }
        }

        Reader(self.clone(), Noisy("stream"))
    }
}

#[test]
fn a_stream_is_read_as_there_is_room() {
    let feed = Feed::default();
    let (writer, watched) = (feed.clone(), feed.clone());
    expect_trace("call 1@0  call 2@4  drop stream  done@9", || {
        (1..=2).for_each(|n| feed.push(n));
        feed.stream()
            .each(move |n| {
                at(format_args!("call {n}"));
                P::new(|resolve, _| tick(2, move || resolve(n)))
            })
            .then(|()| at("done"));
        tick(1, move || writer.end());
    });
    assert_eq!(watched.0.borrow().polls, 3);
}

#[test]
fn a_stream_that_waits_is_read_when_it_wakes() {
    let feed = Feed::default();
    let writer = feed.clone();
    let result = feed.stream().map_all(2, |n| P::resolve(n * 10));
    queue_microtask(move || {
        writer.push(1);
        queue_microtask(move || {
            (2..=5).for_each(|n| writer.push(n));
            writer.end();
        });
    });
    assert_eq!(block_on(result), Ok(vec![10, 20, 30, 40, 50]));
    assert_eq!(trace(), "drop stream");
}

#[test]
fn a_stream_is_dropped_when_the_result_settles() {
    run(|| {
        let feed = Feed::default();
        (1..=9).for_each(|n| feed.push(n));
        // While it waits for room,
        let result = feed.stream().map_all(2, |n| if n == 1 { P::reject(no()) } else { P::new(|_, _| {}) });
        result.catch(|_| {
            log("caught");
            Ok(vec![])
        });
        // and while it waits for an item.
        let feed = Feed::default();
        feed.push(1);
        let kept = feed.clone();
        feed.stream().map_all(2, |_| P::reject(no())).catch(move |_| {
            log("caught");
            kept.wake();
            Ok(vec![])
        });
    })
    .unwrap();
    assert_eq!(trace(), "drop stream  drop stream  caught  caught");
}

#[test]
fn a_stream_that_nobody_wakes_is_freed_and_its_result_abandoned() {
    let feed = Feed::default();
    feed.push(1);
    let result = feed.stream().map_all(2, P::resolve);
    let origin = result.origin();
    tick(3, move || {
        log("drop waker");
        // The last one.
        drop(feed.0.borrow_mut().waker.take());
        log("end");
    });
    run(|| {}).unwrap();
    assert_eq!(trace(), "drop waker  end  drop stream");
    assert_eq!(stalled(result).abandoned, [origin]);
}

#[test]
fn a_stream_whose_room_is_abandoned_is_freed() {
    let feed = Feed::default();
    (1..=9).for_each(|n| feed.push(n));
    let functions = Rc::new(RefCell::new(Vec::new()));
    let kept = functions.clone();
    let result = feed.stream().map_all(2, move |_| {
        let (promise, resolve, reject) = P::with_resolvers();
        kept.borrow_mut().push((resolve, reject));
        promise
    });
    run(|| {}).unwrap();
    assert_eq!(trace(), "");
    let all = functions.take();
    drop(all);
    assert_eq!(trace(), "drop stream");
    assert_eq!(result.state(), PromiseState::Pending);
    assert_eq!(Rc::strong_count(&functions), 1, "the mapper is dropped");
    run(|| {}).unwrap();
    assert_eq!(Rc::strong_count(&feed.0), 1);
}

#[test]
fn map_stream_runs_no_more_than_so_many_ahead() {
    let begun = Rc::new(RefCell::new(Vec::new()));
    let calls = begun.clone();
    let mut values = Promise::map_stream(1..=5, 2, move |n| {
        calls.borrow_mut().push(n);
        P::resolve(n * 10)
    });
    assert_eq!(values.size_hint(), (5, Some(5)));
    assert!(begun.borrow().is_empty(), "nothing begins before it is polled");
    assert_eq!(block_on(values.next()), Some(Ok(10)));
    assert_eq!(*begun.borrow(), [1, 2]);
    assert_eq!(values.size_hint(), (4, Some(4)));
    run(|| {}).unwrap();
    assert_eq!(*begun.borrow(), [1, 2], "who does not read holds it back");
    assert_eq!(block_on(values.next()), Some(Ok(20)));
    assert_eq!(*begun.borrow(), [1, 2, 3]);
    assert_eq!(format!("{values:?}").split(',').next(), Some("MapStream(1 of 2 ahead"));
    assert_eq!(block_on(values.by_ref().try_collect::<Vec<_>>()), Ok(vec![30, 40, 50]));
    assert!(values.is_terminated());
    assert_eq!(block_on(values.next()), None);
}

#[test]
fn map_stream_keeps_the_order_and_goes_on_after_a_rejection() {
    let values = Promise::map_stream(1..=4, 3, |n| match n {
        1 => P::new(|resolve, _| tick(5, move || resolve(1))),
        2 => P::reject(no()),
        _ => P::resolve(n),
    });
    // The rejection waits for its turn, and is no unhandled one.
    assert_eq!(block_on(values.collect::<Vec<_>>()), [Ok(1), Err(no()), Ok(3), Ok(4)]);
    let values = Promise::map_stream(1.., 3, |n| if n == 5 { Err(no()) } else { Ok(n) });
    assert_eq!(block_on(values.try_collect::<Vec<_>>()), Err(no()));
}

#[test]
fn the_faults_of_map_stream_unwind_from_the_poll() {
    let mut values = Promise::map_stream(1..=4, 1, |n| match n {
        1 => P::new(|_, _| panic_any("promise")),
        2 => panic_any("mapper"),
        _ => P::resolve(n),
    });
    for message in ["promise", "mapper"] {
        let payload = catch_unwind(AssertUnwindSafe(|| block_on(values.next()))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&message));
    }
    assert_eq!(block_on(values.collect::<Vec<_>>()), [Ok(3), Ok(4)]);
}

#[test]
fn map_stream_reads_a_stream_that_waits() {
    let feed = Feed::default();
    let writer = feed.clone();
    let values = feed.stream().map_stream(2, |n| P::resolve(n * 10));
    tick(3, move || {
        writer.push(1);
        tick(3, move || {
            writer.push(2);
            tick(3, move || writer.end());
        });
    });
    assert_eq!(block_on(values.collect::<Vec<_>>()), [Ok(10), Ok(20)]);
}
