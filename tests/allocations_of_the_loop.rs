//! What the loop allocates is a contract, too: a timer or an immediate 1, for its closure, and running or clearing it 0; a delay
//! is a promise and a timer. Nothing is left of what has run, was cleared, or was dropped with its loop.

#[path = "common/counting.rs"]
mod counting;

use std::time::Duration;

use counting::{allocations, bytes};
use thenable::{
    Budget, EventLoop, Promise, clear_immediate, clear_timeout, delay, immediate, queue_microtask, set_immediate,
    set_interval, set_timeout,
};

type P<T> = Promise<T, u64>;

/// A loop whose lists and queues have got their memory, for two durations.
fn timed_loop() -> EventLoop {
    let event_loop = EventLoop::builder().virtual_clock().auto_advance(true).build();
    let prepare = || {
        for n in 0..64 {
            set_timeout(|| (), Duration::from_millis(5 + n % 2));
            set_immediate(|| ());
            queue_microtask(|| ());
        }
    };
    event_loop.run(prepare).unwrap();
    event_loop
}

#[test]
fn a_timer_or_an_immediate_is_one_allocation_for_the_closure() {
    let event_loop = timed_loop();
    let captured = 1_u64;
    let five = Duration::from_millis(5);
    event_loop.enter(|| {
        assert_eq!(allocations(|| set_timeout(move || assert_eq!(captured, 1), five)).1, 1);
        assert_eq!(allocations(|| set_immediate(move || assert_eq!(captured, 1))).1, 1);
        let (interval, count) = allocations(|| set_interval(move || assert_eq!(captured, 1), five));
        assert_eq!(count, 1);
        interval.keep_alive(false);
        assert_eq!(allocations(|| set_timeout(|| (), five)).1, 0, "a closure that captures nothing");
        let ((), count) = allocations(|| {
            clear_timeout(set_timeout(|| (), five).refresh());
            clear_immediate(set_immediate(|| ()));
        });
        assert_eq!(count, 0);
    });
    assert_eq!(allocations(|| event_loop.run(|| ()).unwrap()).1, 0);
    assert_eq!(allocations(|| event_loop.advance(five * 4).unwrap()).1, 0, "an interval that goes on");
}

#[test]
fn a_delay_is_a_promise_and_a_timer() {
    let event_loop = timed_loop();
    event_loop.enter(|| {
        assert_eq!(allocations(|| delay::<u64>(Duration::from_millis(6))).1, 2);
        assert_eq!(allocations(immediate::<u64>).1, 2);
    });
    assert_eq!(allocations(|| event_loop.run(|| ()).unwrap()).1, 0);
}

#[test]
fn entering_and_turning_allocate_nothing() {
    let event_loop = timed_loop();
    let ((), count) = allocations(|| {
        event_loop.enter(|| ());
        event_loop.turn(Budget::unlimited()).unwrap();
        event_loop.run(|| ()).unwrap();
    });
    assert_eq!(count, 0);
}

#[test]
fn timers_that_come_and_go_keep_nothing() {
    let event_loop = timed_loop();
    let round = |n: u64| {
        event_loop.enter(|| {
            let cleared = set_timeout(|| (), Duration::from_millis(n % 50));
            set_timeout(move || clear_timeout(cleared), Duration::from_millis(n % 30));
            clear_immediate(set_immediate(|| ()));
            set_immediate(|| ());
        });
        event_loop.run(|| ()).unwrap();
    };
    (0..1_000).for_each(round);
    let before = bytes();
    (0..20_000).for_each(round);
    assert_eq!(bytes(), before);
}

#[test]
fn a_loop_that_is_dropped_leaves_nothing() {
    let round = || {
        let event_loop = timed_loop();
        event_loop.on_wake(|| ());
        event_loop.enter(|| {
            set_interval(|| (), Duration::from_millis(1));
            set_immediate(|| ());
            let (promise, _resolver) = P::<u64>::remote();
            promise.map(|n| n + 1);
            let (_sender, receiver) = futures::channel::oneshot::channel::<u64>();
            P::<u64>::spawn(async move { receiver.await.map_err(|_| 1) });
        });
    };
    (0..100).for_each(|_| round());
    let before = bytes();
    (0..100).for_each(|_| round());
    assert_eq!(bytes(), before);
}
