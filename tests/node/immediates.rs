//! `test/parallel/test-timers-*.js`, as far as they are about immediates.

use std::cell::Cell;
use std::rc::Rc;

use thenable::{clear_immediate, clear_timeout, next_tick, set_immediate, set_timeout};

use crate::cases::{immediate, own_immediate, run_with_uncaught, variable};
use crate::common::{busy, expect_timed_trace, expect_trace, log, ms, timeout, trace};

#[test]
fn test_timers_clear_immediate() {
    expect_trace("0  1  2", || {
        for count in 0..3 {
            own_immediate(move |own| {
                clear_immediate(own);
                log(count);
            });
        }
    });
}

/// The third and the fourth are there for their arguments in Node's test. They run behind one that was cleared.
#[test]
fn test_timers_immediate() {
    expect_trace("main  a  c  d", || {
        let b = variable();
        let cleared = b.clone();
        immediate(move || {
            log("a");
            clear_immediate(cleared.get());
        });
        b.set(Some(set_immediate(|| log("b"))));
        immediate(|| log("c"));
        immediate(|| log("d"));
        log("main");
    });
}

#[test]
fn test_timers_immediate_queue() {
    fn run(hits: Rc<Cell<u32>>, timed_out: Rc<Cell<bool>>) {
        if hits.get() == 0 {
            let (hits, timed_out) = (hits.clone(), timed_out.clone());
            timeout(1, move || {
                timed_out.set(true);
                log(format_args!("timer after {}", hits.get()));
            });
            busy(2);
        }
        if timed_out.get() {
            log(format_args!("left at {}", hits.get()));
            return;
        }
        hits.set(hits.get() + 1);
        immediate(|| run(hits, timed_out));
    }

    let left = ["left at 10"; 10].join("  ");
    expect_timed_trace(&format!("timer after 10  {left}"), || {
        let (hits, timed_out) = (Rc::default(), Rc::default());
        for _ in 0..10 {
            let (hits, timed_out) = (Rc::clone(&hits), Rc::clone(&timed_out));
            immediate(|| run(hits, timed_out));
        }
    });
}

/// Differs: what an immediate throws unwinds out of `run`. The next `run` begins with a drain, and goes on with those
/// behind it: in Node the tick comes after the first of them.
#[test]
fn test_timers_immediate_queue_throw() {
    fn stage(number: u32, threw: &Rc<Cell<bool>>) {
        for _ in 0..3 {
            let threw = threw.clone();
            immediate(move || {
                log(number);
                if !threw.get() {
                    immediate(|| log(2));
                }
            });
        }
    }

    let main = || {
        let threw = Rc::new(Cell::new(false));
        stage(0, &threw);
        let throws = threw.clone();
        immediate(move || {
            throws.set(true);
            next_tick(|| log("tick"));
            panic!("a");
        });
        immediate(|| panic!("b"));
        stage(1, &threw);
    };
    run_with_uncaught(main, |message| log(format_args!("uncaught {message}")));
    assert_eq!(trace(), "0  0  0  uncaught a  tick  uncaught b  1  1  1  2  2  2");
}

#[test]
fn test_timers_next_tick() {
    expect_timed_trace("t1  tick  t4  i1  tick  i4", || {
        let timers = Rc::new(Cell::new([None; 2]));
        let cleared = timers.clone();
        timeout(1, || {
            log("t1");
            next_tick(move || {
                log("tick");
                cleared.get().into_iter().for_each(clear_timeout);
            });
        });
        timers.set(["t2", "t3"].map(|line| Some(set_timeout(move || log(line), ms(1)))));
        timeout(1, || log("t4"));

        busy(5);

        let immediates = Rc::new(Cell::new([None; 2]));
        let cleared = immediates.clone();
        immediate(|| {
            log("i1");
            next_tick(move || {
                log("tick");
                cleared.get().into_iter().for_each(clear_immediate);
            });
        });
        immediates.set(["i2", "i3"].map(|line| Some(set_immediate(move || log(line)))));
        immediate(|| log("i4"));
    });
}

/// The test is that `run` returns.
#[test]
fn test_timers_setimmediate_infinite_loop() {
    expect_trace("first", || {
        let others = Rc::new(Cell::new([None; 2]));
        let cleared = others.clone();
        immediate(move || {
            log("first");
            cleared.get().into_iter().for_each(clear_immediate);
        });
        others.set(["second", "third"].map(|line| Some(set_immediate(move || log(line)))));
    });
}
