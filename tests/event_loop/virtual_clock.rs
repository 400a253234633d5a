//! The virtual clock: it stands still, it is advanced, it jumps. And a little of the clock of the system.

use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use thenable::{
    BlockOnError, EventLoop, Promise, delay, delay_with, elapse, next_tick, queue_microtask, set_immediate,
    set_interval, set_timeout,
};

use crate::common::{log, ms, now, quick_loop, trace};

type P<T> = Promise<T, i32>;

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().build()
}

#[test]
fn it_begins_at_nought_and_stands_still() {
    let event_loop = virtual_loop();
    assert_eq!(event_loop.now(), ms(0));
    event_loop.run(|| drop(P::resolve(()).map(|()| log("handler")))).unwrap();
    assert_eq!((trace(), event_loop.now()), ("handler".to_string(), ms(0)));
}

#[test]
fn a_run_ends_when_only_timers_are_left() {
    let event_loop = virtual_loop();
    event_loop
        .run(|| {
            set_timeout(|| log("timer"), ms(1));
            set_immediate(|| log("immediate"));
        })
        .unwrap();
    assert_eq!((trace(), event_loop.pending().timers), ("immediate".to_string(), 1));
    event_loop.elapse(ms(1));
    event_loop.run(|| log("main")).unwrap();
    assert_eq!((trace(), event_loop.pending().timers), ("immediate  main  timer".to_string(), 0));
}

#[test]
fn a_blocking_call_says_that_timers_wait_for_the_clock() {
    let event_loop = virtual_loop();
    let stalled = |count: u64| {
        let result = event_loop.try_block_on(async {
            (1..count).for_each(|n| drop(delay::<()>(ms(n))));
            delay::<()>(ms(100)).await
        });
        let Err(BlockOnError::Stalled(stalled)) = result else { panic!("nobody moves the clock") };
        event_loop.advance(ms(100)).unwrap();
        stalled
    };
    let one = stalled(1);
    assert_eq!((one.timers, one.awaited.len()), (1, 1));
    assert!(one.to_string().contains("; 1 timer waits for the virtual clock, which does not advance itself"), "{one}");
    let three = stalled(3);
    assert!(three.to_string().contains("; 3 timers wait for the virtual clock"), "{three}");
}

#[test]
fn a_stalled_loop_whose_clock_goes_by_itself_does_not_blame_the_clock() {
    let lost = || async { P::<()>::new(|_, _| {}).await };
    let Err(BlockOnError::Stalled(stalled)) = quick_loop().try_block_on(lost()) else {
        panic!("nothing can settle it")
    };
    assert_eq!(stalled.timers, 0);
}

#[test]
fn advancing_stops_at_each_deadline_on_the_way_and_drains_between_two_callbacks() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        for delay in [7, 3, 3, 12] {
            set_timeout(
                move || {
                    log(format_args!("t{delay}@{}", now()));
                    queue_microtask(move || log(format_args!("m{delay}")));
                    next_tick(move || log(format_args!("k{delay}")));
                },
                ms(delay),
            );
        }
        set_interval(|| log(format_args!("i@{}", now())), ms(5));
    });
    assert_eq!(event_loop.advance(ms(10)).unwrap().callbacks, 5);
    assert_eq!(trace(), "t3@3  k3  m3  t3@3  k3  m3  i@5  t7@7  k7  m7  i@10");
    assert_eq!((event_loop.now(), event_loop.next_deadline()), (ms(10), Some(ms(12))));
}

#[test]
fn advancing_runs_what_falls_due_because_of_what_it_runs() {
    let event_loop = virtual_loop();
    let chain = event_loop.enter(|| delay::<()>(ms(2)).then(|()| delay_with(ms(2), "done")));
    event_loop.advance(ms(3)).unwrap();
    assert!(chain.peek().is_none());
    event_loop.advance(ms(1)).unwrap();
    assert!(chain.peek().is_some());
}

#[test]
fn advancing_by_nothing_runs_what_is_ready() {
    let event_loop = virtual_loop();
    event_loop.enter(|| set_immediate(|| log("immediate")));
    assert_eq!(event_loop.advance(Duration::ZERO).unwrap().callbacks, 1);
    assert_eq!(event_loop.now(), ms(0));
}

#[test]
fn a_callback_that_takes_long_moves_the_clock_past_the_end() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        set_timeout(|| elapse(ms(50)), ms(10));
        set_timeout(|| log(format_args!("late@{}", now())), ms(30));
    });
    event_loop.advance(ms(20)).unwrap();
    assert_eq!((trace(), event_loop.now()), ("late@60".to_string(), ms(60)));
}

#[test]
fn it_can_be_advanced_to_the_end_of_time() {
    let event_loop = virtual_loop();
    event_loop.enter(|| set_timeout(|| log("in a month"), ms((1 << 31) - 1)));
    event_loop.advance(Duration::MAX).unwrap();
    let end = event_loop.now();
    event_loop.advance(Duration::MAX).unwrap();
    event_loop.elapse(Duration::MAX);
    assert_eq!((trace(), event_loop.now()), ("in a month".to_string(), end));
    event_loop.enter(|| set_timeout(|| log("and after it"), ms(1)));
    event_loop.advance_to_next().unwrap().unwrap();
    assert_eq!(trace(), "in a month  and after it");
}

#[test]
fn fractions_of_a_millisecond_add_up() {
    let event_loop = virtual_loop();
    event_loop.enter(|| set_timeout(|| log("timer"), ms(2)));
    for _ in 0..3 {
        event_loop.advance(Duration::from_micros(600)).unwrap();
    }
    assert_eq!((trace(), event_loop.now()), (String::new(), Duration::from_micros(1800)));
    event_loop.advance(Duration::from_micros(200)).unwrap();
    assert_eq!(trace(), "timer");
}

#[test]
fn advancing_to_the_next_deadline_goes_no_further() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        set_immediate(|| log("immediate"));
        set_timeout(|| log("t3"), ms(3));
        set_timeout(|| log("t8"), ms(8));
    });
    assert_eq!(event_loop.advance_to_next().unwrap().unwrap().callbacks, 2);
    assert_eq!((trace(), event_loop.now()), ("immediate  t3".to_string(), ms(3)));
    assert_eq!(event_loop.advance_to_next().unwrap().unwrap().callbacks, 1);
    assert_eq!((event_loop.advance_to_next().unwrap(), event_loop.now()), (None, ms(8)));
}

#[test]
fn a_rejection_stops_the_clock_where_it_happened() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        set_timeout(|| drop(P::<()>::reject(1)), ms(3));
        set_timeout(|| log(format_args!("t5@{}", now())), ms(5));
    });
    assert_eq!(event_loop.advance(ms(10)).unwrap_err().downcast::<i32>().unwrap(), 1);
    assert_eq!(event_loop.now(), ms(3));
    event_loop.advance(ms(10)).unwrap();
    assert_eq!((trace(), event_loop.now()), ("t5@5".to_string(), ms(13)));
}

#[test]
fn a_clock_that_advances_itself_takes_no_time_for_a_year() {
    let event_loop = quick_loop();
    let before = Instant::now();
    let year = Duration::from_secs(365 * 24 * 3600);
    event_loop.block_on(async {
        // The longest delay is 24.8 days.
        for _ in 0..365 {
            delay::<()>(year / 365).await.unwrap();
        }
    });
    assert_eq!(event_loop.now(), year);
    assert!(before.elapsed() < Duration::from_secs(60));
}

#[test]
fn the_time_waits_for_what_other_threads_do() {
    let event_loop = quick_loop();
    let (go, start) = mpsc::channel::<()>();
    event_loop
        .run(|| {
            let (promise, resolver) = P::<u8>::remote();
            let work = thread::spawn(move || {
                start.recv().unwrap();
                resolver.resolve(1).unwrap();
            });
            promise.map(move |_| {
                log(format_args!("work@{}", now()));
                work.join().unwrap();
            });
            set_timeout(|| log(format_args!("timer@{}", now())), ms(1));
            set_immediate(move || go.send(()).unwrap());
        })
        .unwrap();
    assert_eq!(trace(), "work@0  timer@1");
}

#[test]
fn the_time_does_not_wait_for_a_waker_which_a_timer_may_call() {
    let event_loop = quick_loop();
    let (sender, receiver) = futures::channel::oneshot::channel::<&str>();
    let answer = event_loop.block_on(async {
        set_timeout(move || sender.send("from a timer").unwrap(), ms(1000));
        receiver.await
    });
    assert_eq!((answer, event_loop.now()), (Ok("from a timer"), ms(1000)));
}

#[test]
fn without_timers_it_sleeps_until_another_thread_sends() {
    for event_loop in [quick_loop(), virtual_loop(), EventLoop::new()] {
        let (sender, receiver) = futures::channel::oneshot::channel::<u8>();
        let sender = thread::spawn(move || sender.send(3).unwrap());
        assert_eq!(event_loop.block_on(receiver), Ok(3));
        sender.join().unwrap();
    }
}

#[test]
fn the_clock_of_the_system_is_waited_for() {
    let event_loop = EventLoop::new();
    let start = event_loop.now();
    let before = Instant::now();
    event_loop.block_on(async { delay::<()>(ms(30)).await }).unwrap();
    // Whole milliseconds are counted, so a finer clock may show a little less.
    assert!(before.elapsed() > ms(29), "{:?}", before.elapsed());
    assert!(event_loop.now().as_millis() >= start.as_millis() + 30);
}

#[test]
fn a_loop_that_sleeps_for_a_timer_is_woken_by_a_message() {
    let event_loop = EventLoop::new();
    let timer = event_loop.enter(|| set_timeout(|| unreachable!("it is cleared in time"), Duration::from_secs(3600)));
    let (promise, resolver) = event_loop.enter(P::<u8>::remote);
    let sender = thread::spawn(move || resolver.resolve(1).unwrap());
    let before = Instant::now();
    event_loop.run(|| drop(promise.map(move |_| thenable::clear_timeout(timer)))).unwrap();
    sender.join().unwrap();
    assert!(before.elapsed() < Duration::from_secs(600));
}

#[test]
fn a_debug_text_shows_the_clock_and_what_is_pending() {
    let event_loop = virtual_loop();
    event_loop.enter(|| set_timeout(|| (), ms(1)));
    event_loop.elapse(ms(7));
    let text = format!("{event_loop:?}");
    for part in ["now: 7ms", "virtual_clock: true", "is_running: false", "timers: 1"] {
        assert!(text.contains(part), "{text}");
    }
    let event_loop = Rc::new(event_loop);
    let inside = event_loop.clone();
    event_loop.run(move || assert!(format!("{inside:?}").contains("is_running: true"))).unwrap();
}
