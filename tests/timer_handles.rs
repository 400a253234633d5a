//! The handles of timers and immediates, clearing in every place, and the promises that are made of them.
mod common;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{log, ms, now, quick_loop, timeout, trace};
use thenable::{
    EventLoop, Immediate, Promise, Timeout, clear_immediate, clear_interval, clear_timeout, delay, delay_with, elapse,
    immediate, next_tick, queue_microtask, run, set_immediate, set_interval, set_timeout,
};

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().build()
}

/// A place for the handle of a callback that wants it.
fn own<H: Copy>() -> Rc<Cell<Option<H>>> {
    Rc::default()
}

#[test]
fn a_timeout_is_active_until_it_fires() {
    let event_loop = virtual_loop();
    let handle = own::<Timeout>();
    let inside = handle.clone();
    let timer = event_loop.enter(|| set_timeout(move || log(inside.get().unwrap().is_active()), ms(5)));
    handle.set(Some(timer));
    assert!(timer.is_active());
    event_loop.advance(ms(4)).unwrap();
    assert!(timer.is_active());
    event_loop.advance(ms(1)).unwrap();
    assert!(!timer.is_active());
    assert_eq!(trace(), "false", "in its callback it is not active any more");
}

#[test]
fn an_interval_is_active_until_it_is_cleared() {
    let event_loop = virtual_loop();
    let handle = own::<Timeout>();
    let inside = handle.clone();
    let interval = move || {
        let interval = inside.get().unwrap();
        log(interval.is_active());
        if now() == 4 {
            clear_interval(interval);
            log(interval.is_active());
        }
    };
    handle.set(Some(event_loop.enter(|| set_interval(interval, ms(2)))));
    event_loop.advance(ms(10)).unwrap();
    assert_eq!(trace(), "true  true  false");
    assert!(!handle.get().unwrap().is_active());
}

#[test]
fn an_immediate_is_active_until_it_runs() {
    let event_loop = virtual_loop();
    let handle = own::<Immediate>();
    let inside = handle.clone();
    handle.set(Some(event_loop.enter(|| set_immediate(move || log(inside.get().unwrap().is_active())))));
    let handle = handle.get().unwrap();
    assert!(handle.is_active() && handle.keeps_alive());
    event_loop.run_until_idle().unwrap();
    assert!(!handle.is_active() && !handle.keeps_alive());
    assert_eq!(trace(), "false");
}

#[test]
fn dropping_a_handle_cancels_nothing() {
    quick_loop()
        .run(|| {
            let _dropped = (set_timeout(|| log("timer"), ms(1)), set_immediate(|| log("immediate")));
        })
        .unwrap();
    assert_eq!(trace(), "immediate  timer");
}

#[test]
fn clearing_twice_or_late_does_nothing() {
    let event_loop = quick_loop();
    let (timer, immediate) = event_loop.enter(|| (set_timeout(|| log("timer"), ms(1)), set_immediate(|| log("imm"))));
    event_loop.run(|| ()).unwrap();
    // Others may stand in their places by now.
    event_loop.enter(|| {
        timeout(1, || log("second timer"));
        set_immediate(|| log("second imm"));
    });
    for _ in 0..2 {
        clear_timeout(timer);
        clear_interval(timer);
        clear_immediate(immediate);
    }
    clear_timeout(None);
    clear_immediate(None);
    event_loop.run(|| ()).unwrap();
    assert_eq!(trace(), "imm  timer  second imm  second timer");
}

#[test]
fn clear_timeout_and_clear_interval_are_the_same() {
    quick_loop()
        .run(|| {
            clear_interval(set_timeout(|| log("timer"), ms(1)));
            clear_timeout(set_interval(|| log("interval"), ms(1)));
        })
        .unwrap();
    assert_eq!(trace(), "");
}

#[test]
fn clearing_in_a_tick_and_in_a_microtask_between_two_timers() {
    quick_loop()
        .run(|| {
            let (second, third) = (own(), own());
            let (in_tick, in_microtask) = (second.clone(), third.clone());
            timeout(1, move || {
                log("first");
                next_tick(move || clear_timeout(in_tick.get()));
                queue_microtask(move || clear_timeout(in_microtask.get()));
            });
            second.set(Some(set_timeout(|| log("second"), ms(1))));
            third.set(Some(set_timeout(|| log("third"), ms(2))));
            elapse(ms(5));
        })
        .unwrap();
    assert_eq!(trace(), "first");
}

#[test]
fn clearing_an_immediate_in_a_microtask_of_the_batch() {
    quick_loop()
        .run(|| {
            let second = own();
            let in_microtask = second.clone();
            set_immediate(move || {
                log("first");
                queue_microtask(move || clear_immediate(in_microtask.get()));
            });
            second.set(Some(set_immediate(|| log("second"))));
            set_immediate(|| log("third"));
        })
        .unwrap();
    assert_eq!(trace(), "first  third");
}

/// Calls everything when it is dropped.
struct Reenters;

impl Drop for Reenters {
    fn drop(&mut self) {
        log("dropped");
        let timer = set_timeout(|| log("a timer of drop code"), ms(1));
        assert!(timer.refresh().keep_alive(true).is_active());
        clear_timeout(set_timeout(|| (), ms(1)));
        clear_immediate(set_immediate(|| ()));
        queue_microtask(|| log("a microtask of drop code"));
    }
}

#[test]
fn the_callback_is_dropped_at_once_and_its_drop_code_may_call_everything() {
    quick_loop()
        .run(|| {
            let guards = [Reenters, Reenters, Reenters];
            let [first, second, third] = guards.map(|guard| move || drop(guard));
            clear_timeout(set_timeout(first, ms(1)));
            clear_immediate(set_immediate(second));
            let mut third = Some(third);
            clear_interval(set_interval(move || third.take().unwrap()(), ms(1)));
            log("cleared");
        })
        .unwrap();
    let dropped = ["dropped"; 3].join("  ");
    let microtasks = ["a microtask of drop code"; 3].join("  ");
    let timers = ["a timer of drop code"; 3].join("  ");
    assert_eq!(trace(), format!("{dropped}  cleared  {microtasks}  {timers}"));
}

#[test]
fn an_interval_that_clears_itself_is_dropped_when_its_callback_has_returned() {
    quick_loop()
        .run(|| {
            let (handle, guard) = (own(), Reenters);
            let inside = handle.clone();
            let interval = move || {
                let _guard = &guard;
                clear_interval(inside.get());
                log("end of the callback");
            };
            handle.set(Some(set_interval(interval, ms(1))));
        })
        .unwrap();
    assert_eq!(trace(), "end of the callback  dropped  a microtask of drop code  a timer of drop code");
}

#[test]
fn what_does_not_keep_the_loop_alive_runs_only_while_it_lives() {
    let event_loop = quick_loop();
    event_loop
        .run(|| {
            set_interval(|| log(format_args!("beat@{}", now())), ms(2)).keep_alive(false);
            set_timeout(|| log("never"), ms(50)).keep_alive(false);
            timeout(5, || log("end"));
        })
        .unwrap();
    assert_eq!((trace(), event_loop.now()), ("beat@2  beat@4  end".to_string(), ms(5)));
}

#[test]
fn what_keeps_a_loop_alive_can_be_changed_at_any_time() {
    let event_loop = quick_loop();
    event_loop
        .run(|| {
            let timer = set_timeout(|| log("timer"), ms(5)).keep_alive(false);
            assert!(timer.is_active() && !timer.keeps_alive());
            assert!(timer.keep_alive(true).keep_alive(true).keeps_alive());
            let other = set_timeout(|| log("other"), ms(10));
            timeout(1, move || drop_handle(other.keep_alive(false)));
            let immediate = set_immediate(|| log("immediate"));
            assert!(!immediate.keep_alive(false).keep_alive(false).keeps_alive());
            assert!(immediate.keep_alive(true).keeps_alive());
        })
        .unwrap();
    assert_eq!(trace(), "immediate  timer");
}

fn drop_handle<H>(_: H) {}

#[test]
fn a_cleared_timer_keeps_nothing_alive() {
    let event_loop = quick_loop();
    event_loop
        .run(|| {
            clear_timeout(set_timeout(|| log("never"), ms(1000)));
            clear_timeout(set_timeout(|| log("never"), ms(1000)).keep_alive(false));
            let gone = set_timeout(|| log("never"), ms(1000));
            clear_timeout(gone);
            assert!(!gone.keep_alive(true).keeps_alive());
        })
        .unwrap();
    assert_eq!((trace(), event_loop.now()), (String::new(), ms(0)));
}

#[test]
fn refresh_starts_the_duration_anew_at_the_end_of_its_list() {
    let event_loop = virtual_loop();
    let first = event_loop.enter(|| {
        let first = set_timeout(|| log(format_args!("first@{}", now())), ms(10));
        timeout(10, || log(format_args!("second@{}", now())));
        first
    });
    event_loop.advance(ms(6)).unwrap();
    first.refresh();
    event_loop.advance(ms(20)).unwrap();
    assert_eq!(trace(), "second@10  first@16");
    assert!(!first.refresh().is_active(), "its callback has been consumed");
    event_loop.advance(ms(20)).unwrap();
    assert_eq!(trace(), "second@10  first@16");
}

#[test]
fn refresh_of_an_interval() {
    let event_loop = virtual_loop();
    let interval = event_loop.enter(|| set_interval(|| log(now()), ms(10)));
    event_loop.advance(ms(15)).unwrap();
    interval.refresh();
    event_loop.advance(ms(21)).unwrap();
    assert_eq!(trace(), "10  25  35");
}

#[test]
fn a_panic_leaves_the_loop_sound() {
    let event_loop = quick_loop();
    let panics = |message: &'static str| {
        let run = || event_loop.run(|| ()).unwrap();
        let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(*payload.downcast::<&str>().unwrap(), message);
    };
    let interval = event_loop.enter(|| {
        timeout(1, || panic!("a timer"));
        timeout(1, || log("after the timer"));
        set_immediate(|| panic!("an immediate"));
        set_immediate(|| log("after the immediate"));
        set_interval(|| panic!("an interval"), ms(3))
    });
    panics("an immediate");
    panics("a timer");
    panics("an interval");
    assert!(interval.is_active());
    panics("an interval");
    clear_interval(interval);
    event_loop.run(|| log("main")).unwrap();
    assert_eq!(trace(), "after the immediate  after the timer  main");
}

#[test]
fn delays_are_promises() {
    let event_loop = quick_loop();
    let value = event_loop.block_on(async {
        let chained = Promise::<_, String>::resolve(1).then(|one| delay(ms(20)).map(move |()| one + 1));
        let late = delay_with::<_, String>(ms(30), "late");
        let soon = immediate::<String>().map(|()| now());
        (soon.await, chained.await, late.await, now())
    });
    assert_eq!(value, (Ok(0), Ok(2), Ok("late"), 30));
}

#[test]
fn the_handler_of_a_delay_runs_one_tick_after_the_timer() {
    quick_loop()
        .run(|| {
            delay::<()>(ms(1)).map(|()| log("handler"));
            timeout(1, || log("second timer"));
        })
        .unwrap();
    assert_eq!(trace(), "handler  second timer");
}

#[test]
fn a_delay_of_a_loop_that_is_dropped_is_abandoned() {
    struct Noticed(Rc<RefCell<Vec<&'static str>>>);

    impl Drop for Noticed {
        fn drop(&mut self) {
            self.0.borrow_mut().push("the handler is gone");
        }
    }

    let lines = Rc::<RefCell<Vec<&str>>>::default();
    let event_loop = EventLoop::new();
    let noticed = Noticed(lines.clone());
    let _promise = event_loop.enter(|| delay::<()>(ms(1)).map(move |()| drop(noticed)));
    drop(event_loop);
    assert_eq!(*lines.borrow(), ["the handler is gone"]);
}

#[test]
fn the_loop_of_the_thread_has_timers_too() {
    let before = Instant::now();
    run(|| {
        timeout(20, || log("twenty"));
        timeout(1, || log("one"));
        set_immediate(|| log("immediate"));
    })
    .unwrap();
    assert!(before.elapsed() > ms(19));
    let trace = trace();
    assert!(trace == "immediate  one  twenty" || trace == "one  immediate  twenty", "{trace}");
}

#[test]
fn handles_show_whether_they_are_active() {
    let event_loop = virtual_loop();
    let (timer, immediate) = event_loop.enter(|| (set_timeout(|| (), ms(1)), set_immediate(|| ())));
    assert_eq!(format!("{timer:?}"), "Timeout { is_active: true, .. }");
    event_loop.advance(ms(1)).unwrap();
    assert_eq!(format!("{immediate:?}"), "Immediate { is_active: false, .. }");
}

/// How long it takes to make so many timers, clear half of them in a mixed order, and run the rest.
fn time_of(count: u64) -> Duration {
    let event_loop = quick_loop();
    let fired = Rc::new(Cell::new(0));
    let before = Instant::now();
    event_loop
        .run(|| {
            let mut timers: Vec<_> = (0..count)
                .map(|n| {
                    let fired = fired.clone();
                    // Durations that many share, and some of their own.
                    set_timeout(move || fired.set(fired.get() + 1), ms(1 + n * 7919 % 1000))
                })
                .collect();
            let half = timers.len() / 2;
            timers.rotate_left(half / 3);
            timers.into_iter().step_by(2).for_each(clear_timeout);
        })
        .unwrap();
    assert_eq!(fired.get(), count / 2);
    before.elapsed()
}

#[test]
fn a_million_timers_take_time_in_proportion_to_their_number() {
    let fastest = |count| (0..3).map(|_| time_of(count)).min().expect("it ran");
    let (small, large) = (fastest(50_000), fastest(1_000_000));
    // Twenty times as many. With a cost in proportion to the number each, it would be four hundred times.
    assert!(large < small * 100, "{small:?} for 50,000, {large:?} for 1,000,000");
}
