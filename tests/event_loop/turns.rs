//! Turn by turn: budgets, what is ready, and where the next turn goes on.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use thenable::{
    Budget, EventLoop, Promise, clear_immediate, elapse, next_tick, queue_microtask, set_immediate, set_interval,
    set_timeout,
};

use crate::common::{log, ms, trace};

type P<T> = Promise<T, i32>;

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().build()
}

fn callbacks(event_loop: &EventLoop, budget: Budget) -> (usize, bool) {
    let turn = event_loop.turn(budget).unwrap();
    (turn.callbacks, turn.more)
}

#[test]
fn a_turn_does_what_is_ready_and_nothing_else() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        queue_microtask(|| log("microtask"));
        set_immediate(|| {
            log("immediate");
            set_immediate(|| log("next turn"));
        });
        set_timeout(|| log("timer"), ms(5));
    });
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (1, true));
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (1, false));
    assert_eq!(trace(), "microtask  immediate  next turn");
    assert_eq!(event_loop.next_deadline(), Some(ms(5)));
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (0, false));
    event_loop.elapse(ms(5));
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (1, false));
    assert_eq!(event_loop.next_deadline(), None);
}

#[test]
fn a_turn_without_work_does_nothing() {
    assert_eq!(callbacks(&EventLoop::new(), Budget::unlimited()), (0, false));
    assert_eq!(callbacks(&virtual_loop(), Budget::unlimited()), (0, false));
}

#[test]
fn a_turn_that_has_used_up_its_budget_is_continued_where_it_stopped() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        for n in 0..3 {
            set_immediate(move || {
                log(format_args!("i{n}"));
                next_tick(move || log(format_args!("k{n}")));
                set_immediate(move || log(format_args!("later{n}")));
            });
        }
        set_timeout(|| log("t0"), ms(2));
        set_timeout(|| log("t1"), ms(2));
        elapse(ms(1));
    });
    assert_eq!(callbacks(&event_loop, Budget::unlimited().callbacks(2)), (2, true));
    assert_eq!(trace(), "i0  k0  i1  k1");
    event_loop.elapse(ms(1));
    assert_eq!(callbacks(&event_loop, Budget::unlimited().callbacks(2)), (2, true));
    assert_eq!(trace(), "i0  k0  i1  k1  i2  k2  t0");
    // The rest of the pass over the timers, and one turn more.
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (4, false));
    assert_eq!(trace(), "i0  k0  i1  k1  i2  k2  t0  t1  later0  later1  later2");
}

#[test]
fn with_a_budget_of_no_callbacks_only_the_queues_are_drained() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        set_immediate(|| log("immediate"));
        P::resolve(()).map(|()| log("handler"));
    });
    assert_eq!(callbacks(&event_loop, Budget::unlimited().callbacks(0)), (0, true));
    assert_eq!(trace(), "handler");
}

#[test]
fn a_budget_of_time_is_looked_at_between_two_callbacks() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        for n in 0..5 {
            set_immediate(move || {
                log(n);
                elapse(ms(3));
            });
        }
    });
    assert_eq!(callbacks(&event_loop, Budget::unlimited().time(ms(5))), (2, true));
    // So that it gets on, the first callback is called with any budget of time.
    assert_eq!(callbacks(&event_loop, Budget::unlimited().time(ms(0))), (1, true));
    assert_eq!(callbacks(&event_loop, Budget::unlimited().time(ms(5)).callbacks(1)), (1, true));
    assert_eq!(callbacks(&event_loop, Budget::default()), (1, false));
    assert_eq!(trace(), "0  1  2  3  4");
}

#[test]
fn a_message_from_outside_is_a_callback() {
    let event_loop = virtual_loop();
    let (promise, resolver) = event_loop.enter(P::<u8>::remote);
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (0, false));
    std::thread::spawn(move || resolver.resolve(1)).join().unwrap().unwrap();
    assert_eq!(callbacks(&event_loop, Budget::unlimited().callbacks(0)), (0, true));
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (1, false));
    assert!(promise.peek().is_some());
}

#[test]
fn turns_run_what_does_not_keep_a_loop_alive() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        set_immediate(|| log("immediate")).keep_alive(false);
        set_interval(|| log("interval"), ms(10)).keep_alive(false);
    });
    event_loop.run(|| ()).unwrap();
    assert_eq!(trace(), "", "a run ends at once");
    event_loop.advance(ms(25)).unwrap();
    assert_eq!(trace(), "immediate  interval  interval");
}

#[test]
fn run_until_idle_counts_all_callbacks() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        chain_of_immediates(4);
        set_timeout(|| log("timer"), ms(1));
    });
    assert_eq!(event_loop.run_until_idle().unwrap().callbacks, 5);
    assert_eq!(event_loop.pending().timers, 1);
}

fn chain_of_immediates(links: u32) {
    set_immediate(move || {
        if links > 0 {
            chain_of_immediates(links - 1);
        }
    });
}

#[test]
fn an_unhandled_rejection_stops_a_turn_and_the_next_one_goes_on() {
    let event_loop = virtual_loop();
    event_loop.enter(|| {
        set_immediate(|| drop(P::<()>::reject(1)));
        set_immediate(|| log("second"));
    });
    assert_eq!(event_loop.turn(Budget::unlimited()).unwrap_err().downcast::<i32>().unwrap(), 1);
    assert_eq!(trace(), "");
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (1, false));
    assert_eq!(trace(), "second");
}

#[test]
fn a_callback_that_panics_leaves_the_rest_for_the_next_turn() {
    let event_loop = virtual_loop();
    let beats = Rc::new(Cell::new(0));
    let counting = beats.clone();
    event_loop.enter(|| {
        set_interval(
            move || {
                counting.set(counting.get() + 1);
                assert!(counting.get() != 1, "the first beat");
            },
            ms(1),
        );
        set_timeout(|| log("same list"), ms(1));
        set_timeout(|| log("next list"), ms(2));
        set_timeout(|| panic!("a timer"), ms(2));
        set_immediate(|| panic!("an immediate"));
        set_immediate(|| log("immediate"));
    });
    event_loop.elapse(ms(2));
    let mut panics = 0;
    loop {
        match catch_unwind(AssertUnwindSafe(|| event_loop.turn(Budget::unlimited()).unwrap())) {
            Ok(turn) if !turn.more => break,
            Ok(_) => {}
            Err(_) => panics += 1,
        }
    }
    assert_eq!(trace(), "same list  next list  immediate");
    assert_eq!((panics, beats.get()), (3, 1));
    event_loop.advance(ms(1)).unwrap();
    assert_eq!(beats.get(), 2, "an interval goes on after a panic, as in Node");
}

#[test]
fn a_block_on_that_is_done_leaves_the_rest_for_the_next_run() {
    let event_loop = virtual_loop();
    let first = event_loop.enter(|| {
        let first = thenable::immediate::<()>();
        set_immediate(|| log("second"));
        set_timeout(|| log("timer"), ms(1));
        first
    });
    event_loop.elapse(ms(1));
    // The timer is due before the loop starts.
    event_loop.block_on(first).unwrap();
    assert_eq!(trace(), "timer");
    event_loop.run(|| log("main")).unwrap();
    assert_eq!(trace(), "timer  main  second");
}

#[test]
fn a_loop_whose_work_is_cleared_between_two_runs_does_not_sleep() {
    let event_loop = EventLoop::new();
    let timer = event_loop.enter(|| set_timeout(|| log("never"), ms(60_000)));
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (0, false));
    thenable::clear_timeout(timer);
    event_loop.run(|| ()).unwrap();
    let immediate = event_loop.enter(|| set_immediate(|| log("never")));
    clear_immediate(immediate);
    assert_eq!(callbacks(&event_loop, Budget::unlimited()), (0, false));
    assert_eq!(trace(), "");
}
