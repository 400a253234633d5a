//! `on_wake`: how a host learns that there is something new to do.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use futures::task::AtomicWaker;
use thenable::{Budget, EventLoop, Pending, Promise, delay, queue_microtask, set_immediate, set_interval, set_timeout};

use crate::common::{log, ms, trace};
use crate::log_received;

type P<T> = Promise<T, i32>;

fn counted(event_loop: &EventLoop) -> impl Fn() -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    event_loop.on_wake(move || {
        counting.fetch_add(1, Ordering::SeqCst);
    });
    move || count.swap(0, Ordering::SeqCst)
}

#[test]
fn it_is_called_once_for_all_that_arrives_until_the_loop_polls() {
    let event_loop = EventLoop::new();
    let wakes = counted(&event_loop);
    let (promises, resolvers): (Vec<_>, Vec<_>) = event_loop.enter(|| (0..4).map(|_| P::<u32>::remote()).unzip());
    assert_eq!(wakes(), 0, "a resolver is nothing to do");
    let mut resolvers = resolvers.into_iter();
    let mut send = |count: usize| {
        let some: Vec<_> = resolvers.by_ref().take(count).collect();
        thread::spawn(move || some.into_iter().for_each(|resolver| resolver.resolve(1).unwrap())).join().unwrap();
    };
    send(3);
    assert_eq!(wakes(), 1);
    assert_eq!(event_loop.turn(Budget::unlimited()).unwrap().callbacks, 3);
    assert_eq!(wakes(), 0);
    send(1);
    assert_eq!(wakes(), 1);
    assert_eq!(event_loop.turn(Budget::unlimited()).unwrap().callbacks, 1);
    assert!(promises.iter().all(|promise| promise.peek().is_some()));
}

#[test]
fn it_is_called_when_an_enter_has_left_something_to_do() {
    let event_loop = EventLoop::builder().virtual_clock().build();
    let wakes = counted(&event_loop);
    event_loop.enter(|| ());
    assert_eq!(wakes(), 0);
    event_loop.enter(|| queue_microtask(|| ()));
    assert_eq!(wakes(), 1);
    event_loop.run_until_idle().unwrap();
    event_loop.enter(|| set_immediate(|| ()));
    assert_eq!(wakes(), 1);
    event_loop.run_until_idle().unwrap();
    event_loop.enter(|| set_timeout(|| (), ms(10)));
    assert_eq!(wakes(), 1, "a deadline");
    event_loop.enter(|| set_timeout(|| (), ms(20)));
    assert_eq!(wakes(), 0, "the deadline is the same");
    event_loop.enter(|| set_timeout(|| (), ms(5)));
    assert_eq!(wakes(), 1, "an earlier one");
    let (_promise, resolver) = event_loop.enter(P::<()>::remote);
    event_loop.enter(|| resolver.resolve(()).unwrap());
    assert!(wakes() >= 1, "a message to oneself");
}

#[test]
fn what_a_turn_queues_the_turn_reports() {
    let event_loop = EventLoop::builder().virtual_clock().build();
    event_loop.enter(|| {
        set_immediate(|| {
            queue_microtask(|| ());
            set_timeout(|| (), ms(1));
            set_immediate(|| ());
        })
    });
    let wakes = counted(&event_loop);
    let turn = event_loop.turn(Budget::unlimited()).unwrap();
    assert!(turn.more);
    assert_eq!(wakes(), 0);
}

#[test]
fn the_latest_callback_counts_and_the_one_before_is_dropped() {
    let event_loop = EventLoop::new();
    let first = counted(&event_loop);
    let second = counted(&event_loop);
    event_loop.enter(|| queue_microtask(|| ()));
    assert_eq!((first(), second()), (0, 1));
}

#[test]
fn a_waker_that_is_called_elsewhere_wakes_the_host() {
    let event_loop = EventLoop::new();
    let wakes = counted(&event_loop);
    let (sender, receiver) = futures::channel::oneshot::channel::<u8>();
    event_loop.enter(|| P::spawn(log_received(receiver)));
    wakes();
    thread::spawn(move || sender.send(9).unwrap()).join().unwrap();
    assert_eq!(wakes(), 1);
    event_loop.run_until_idle().unwrap();
    assert_eq!(trace(), "9");
}

/// The loop as a future of a host whose timers are threads.
async fn guest(event_loop: &EventLoop) {
    let host = Arc::new(AtomicWaker::new());
    let wake = host.clone();
    event_loop.on_wake(move || wake.wake());
    poll_fn(|context| {
        host.register(context.waker());
        let turn = event_loop.turn(Budget::unlimited().callbacks(2)).unwrap();
        if turn.more {
            context.waker().wake_by_ref();
        } else if let Some(deadline) = event_loop.next_deadline() {
            let (host, sleep) = (host.clone(), deadline.saturating_sub(event_loop.now()));
            thread::spawn(move || {
                thread::sleep(sleep);
                host.wake();
            });
        }
        if event_loop.pending() == Pending::default() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn a_loop_can_be_a_guest_of_another_executor() {
    let event_loop = EventLoop::new();
    event_loop.enter(|| {
        delay::<()>(ms(3)).map(|()| log("timer"));
        let (promise, resolver) = P::<&str>::remote();
        promise.then_async(async |text| {
            log(text);
            Ok(())
        });
        thread::spawn(move || resolver.resolve("thread"));
        let mut beats = 0;
        let own = std::rc::Rc::new(std::cell::Cell::new(None));
        let handle = own.clone();
        let beat = move || {
            beats += 1;
            if beats == 3 {
                thenable::clear_interval(handle.get());
                log("interval");
            }
        };
        own.set(Some(set_interval(beat, ms(1))));
    });
    futures::executor::block_on(guest(&event_loop));
    let mut lines: Vec<_> = trace().split("  ").map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["interval", "thread", "timer"]);
}
