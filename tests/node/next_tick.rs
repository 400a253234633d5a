//! `test/parallel/test-next-tick*.js` and their like in `test/message`.

use std::cell::Cell;
use std::rc::Rc;

use thenable::{Promise, clear_immediate, next_tick, set_immediate};

use crate::cases::run_with_uncaught;
use crate::common::{expect_timed_trace, expect_trace, log, timeout, trace};

#[test]
fn test_next_tick() {
    expect_timed_trace("main  1  2  1.1  1.1.1  timer  timer tick", || {
        next_tick(|| {
            log("1");
            next_tick(|| {
                log("1.1");
                next_tick(|| log("1.1.1"));
            });
        });
        timeout(50, || {
            log("timer");
            next_tick(|| log("timer tick"));
        });
        next_tick(|| log("2"));
        log("main");
    });
}

/// The test is that `run` returns.
#[test]
fn test_next_tick_doesnt_hang() {
    expect_trace("", || next_tick(|| ()));
}

/// Differs: what a tick throws unwinds out of `run`. The queue goes on in the next `run`.
#[test]
fn test_next_tick_errors() {
    let main = || {
        next_tick(|| {
            log("A");
            panic!("the tick fails");
        });
        next_tick(|| log("C"));
    };
    run_with_uncaught(main, |_| log("B"));
    assert_eq!(trace(), "A  B  C");
}

#[test]
fn test_process_next_tick() {
    let main = || {
        next_tick(|| {
            log("cb1");
            panic!("1");
        });
        next_tick(|| {
            log("cb2");
            panic!("2");
        });
    };
    run_with_uncaught(main, |message| log(format_args!("uncaught {message}")));
    assert_eq!(trace(), "cb1  uncaught 1  cb2  uncaught 2");
}

/// Node's test spins for a time. The number of ticks takes its part.
#[test]
fn test_next_tick_intentional_starvation() {
    fn spin(ticks: u32) {
        if ticks == 1000 {
            log("starved");
        } else {
            next_tick(move || spin(ticks + 1));
        }
    }

    expect_timed_trace("starved  timer", || {
        spin(0);
        timeout(50, || log("timer"));
    });
}

#[test]
fn test_next_tick_ordering2() {
    expect_timed_trace("nextTick  setTimeout", || {
        next_tick(|| {
            timeout(0, || log("setTimeout"));
            next_tick(|| log("nextTick"));
        });
    });
}

#[test]
fn max_tick_depth() {
    fn tick(i: Rc<Cell<u32>>) {
        log(format_args!("tick {}", i.get()));
        if i.get() > 0 {
            i.set(i.get() - 1);
            next_tick(|| tick(i));
        }
    }

    let expected: Vec<_> = (0..=20).rev().map(|i| format!("tick {i}")).collect();
    expect_trace(&expected.join("  "), || next_tick(|| tick(Rc::new(Cell::new(20)))));
}

#[test]
fn nexttick_throw() {
    let main = || {
        next_tick(|| {
            next_tick(|| {
                next_tick(|| {
                    next_tick(|| {
                        log("4");
                        panic!("thrown");
                    });
                });
            });
        });
    };
    run_with_uncaught(main, |message| log(message));
    assert_eq!(trace(), "4  thrown");
}

#[test]
fn test_next_tick_ordering() {
    let timers = (0..30).map(|delay| delay.to_string());
    let expected: Vec<_> = ["main".to_owned(), "tick".to_owned()].into_iter().chain(timers).collect();
    expect_timed_trace(&expected.join("  "), || {
        next_tick(|| log("tick"));
        for delay in 0..30 {
            timeout(delay, move || log(delay));
        }
        log("main");
    });
}

#[test]
fn test_next_tick_fixed_queue_regression() {
    const TICKS: u32 = 2048;

    expect_trace("handler after 0 ticks  tick 2048", || {
        next_tick(|| {
            let ticks = Rc::new(Cell::new(0));
            let (counting, counted) = (ticks.clone(), ticks);
            Promise::<(), ()>::resolve(())
                .then(move |()| {
                    for _ in 1..TICKS {
                        let ticks = counting.clone();
                        next_tick(move || ticks.set(ticks.get() + 1));
                    }
                    let never = set_immediate(|| log("immediate"));
                    next_tick(move || {
                        log(format_args!("tick {}", counting.get() + 1));
                        clear_immediate(never);
                    });
                })
                .then(move |()| log(format_args!("handler after {} ticks", counted.get())));
        });
    });
}
