//! `test/parallel/test-timers-*unref*.js` and `test-timers-refresh*.js`: timers and immediates that the loop does not wait
//! for, and timers that are started anew.

use std::cell::Cell;
use std::rc::Rc;

use thenable::{
    Timeout, clear_immediate, clear_interval, clear_timeout, next_tick, set_immediate, set_interval, set_timeout,
};

use crate::cases::{immediate, own_immediate, own_interval, own_timeout, run_with_uncaught, variable};
use crate::common::{expect_timed_trace, expect_trace, log, ms, now, quick_loop, timeout, trace};

#[test]
fn test_timers_immediate_unref() {
    fn first() {
        log("first");
        set_immediate(|| log("unref")).keep_alive(false);
        timeout(0, || {
            log("timer");
            immediate(second);
        });
    }

    fn second() {
        log("second");
        let b = variable();
        let other = b.clone();
        let a = own_immediate(move |own| {
            log("a");
            for immediate in [Some(own), other.get()].into_iter().flatten() {
                clear_immediate(immediate);
                immediate.keep_alive(true);
            }
        });
        a.keep_alive(false);
        b.set(Some(set_immediate(|| log("b")).keep_alive(false)));
        immediate(last);
    }

    fn last() {
        log("last");
        set_immediate(|| log("never")).keep_alive(false);
    }

    expect_timed_trace("true  false  first  unref  timer  second  a  last", || {
        let never = set_immediate(|| log("cleared"));
        log(never.keeps_alive());
        log(never.keep_alive(false).keeps_alive());
        clear_immediate(never);
        set_immediate(first).keep_alive(true).keep_alive(false).keep_alive(false).keep_alive(true);
    });
}

#[test]
fn test_timers_immediate_unref_nested_once() {
    expect_trace("immediate", || {
        immediate(|| {
            log("immediate");
            set_immediate(|| log("nested")).keep_alive(false);
        });
    });
}

#[test]
fn test_timers_immediate_unref_simple() {
    expect_trace("main", || {
        set_immediate(|| log("immediate")).keep_alive(false);
        log("main");
    });
}

#[test]
fn test_timers_unref() {
    let expected = "true  false  10 ms  every 40 ms@40  every 40 ms@80  \
                    unref interval  unref timeout  check  timeout  interval@100";
    expect_timed_trace(expected, || {
        let timer = set_timeout(|| log("10 ms"), ms(10));
        log(timer.keeps_alive());
        log(timer.keep_alive(false).keep_alive(true).keep_alive(false).keeps_alive());
        let repeats = set_interval(|| log(format_args!("every 40 ms@{}", now())), ms(40));
        repeats.keep_alive(false).keep_alive(true).keep_alive(false);

        set_interval(|| log("long interval"), ms(10_000)).keep_alive(false);
        set_timeout(|| log("long timeout"), ms(10_000)).keep_alive(false);

        let fired = Rc::new(Cell::new([false; 2]));
        let (by_interval, by_timeout, checked) = (fired.clone(), fired.clone(), fired);
        let unref_interval = own_interval(100, move |own| {
            log("unref interval");
            by_interval.set([true, by_interval.get()[1]]);
            clear_interval(own);
        });
        unref_interval.keep_alive(false);
        let unref_timeout = move || {
            log("unref timeout");
            by_timeout.set([by_timeout.get()[0], true]);
        };
        set_timeout(unref_timeout, ms(100)).keep_alive(false);
        let mut checks = 0;
        own_interval(100, move |own| {
            log("check");
            if checks > 5 || checked.get() == [true; 2] {
                clear_interval(own);
            }
            checks += 1;
        });

        own_timeout(100, |own| {
            log("timeout");
            own.keep_alive(false);
        });
        own_interval(100, |own| {
            log(format_args!("interval@{}", now()));
            own.keep_alive(false);
        });
        let silent = set_interval(|| (), ms(1));
        next_tick(move || {
            silent.keep_alive(false);
        });
    });
}

/// Differs: the panic unwinds out of `run`. The one behind runs in the next `run`.
#[test]
fn test_timers_unref_throw_then_ref() {
    let main = || {
        let unref = own_timeout(1, |own| {
            log("first");
            own.keep_alive(true);
            panic!("Timeout Error");
        });
        unref.keep_alive(false);
        timeout(1, || log("second"));
    };
    quick_loop().enter(|| run_with_uncaught(main, |message| log(format_args!("uncaught {message}"))));
    assert_eq!(trace(), "first  uncaught Timeout Error  second");
}

#[test]
fn test_timers_unrefd_interval_still_fires() {
    expect_timed_trace("interval@1  interval@2  interval@3", || {
        let keeps_open = set_timeout(|| log("too late"), ms(1000));
        let mut left = 3;
        let unref = own_interval(1, move |own| {
            log(format_args!("interval@{}", now()));
            left -= 1;
            if left == 0 {
                clear_interval(own);
                clear_timeout(keeps_open);
            }
        });
        unref.keep_alive(false);
    });
}

/// There is no `beforeExit`: `run` returns, and the next one ends at once.
#[test]
fn test_timers_unrefed_in_beforeexit() {
    let event_loop = quick_loop();
    event_loop.run(|| log("main")).unwrap();
    let main = || set_timeout(|| log("timer"), ms(1)).keep_alive(false);
    let timer = event_loop.run(main).unwrap();
    assert_eq!(trace(), "main");
    assert!(timer.is_active());
    assert_eq!(event_loop.now(), ms(0));
}

/// A timer that is cleared in time takes the part of Node's server, which is there to keep the loop alive.
#[test]
fn test_timers_unrefed_in_callback() {
    fn second(server: Timeout) {
        let mut count = 0;
        own_interval(1, move |own| {
            log(format_args!("second@{}", now()));
            own.keep_alive(false);
            count += 1;
            if count == 4 {
                clear_timeout(server);
            }
        });
    }

    let expected = "first@1  first@2  first@3  first@4  second@5  second@6  second@7  second@8";
    expect_timed_trace(expected, || {
        let server = set_timeout(|| log("too late"), ms(1_000_000));
        let mut count = 0;
        own_interval(1, move |own| {
            log(format_args!("first@{}", now()));
            own.keep_alive(false);
            count += 1;
            if count == 4 {
                clear_interval(own);
                second(server);
            }
        });
    });
}

#[test]
fn test_timers_unenroll_unref_interval() {
    expect_timed_trace("clear_timeout  clear_interval  timer  nested@2", || {
        let by_timeout = own_interval(1, |own| {
            log("clear_timeout");
            clear_timeout(own);
        });
        let by_interval = own_interval(1, |own| {
            log("clear_interval");
            clear_interval(own);
        });
        by_timeout.keep_alive(false);
        by_interval.keep_alive(false);
        timeout(1, || {
            log("timer");
            timeout(1, || log(format_args!("nested@{}", now())));
        });
    });
}

/// Differs: a timeout that has fired is not revived.
#[test]
fn test_timers_refresh() {
    let expected = "true  true  true  check 1  unref  check 2  timeout  fired  keeps alive: false  check 3  interval@1  \
                    interval@2";
    expect_timed_trace(expected, || {
        let unref = set_timeout(|| log("unref"), ms(1)).keep_alive(false);
        timeout(1, || log("check 1"));
        log(unref.refresh() == unref);

        let regular = set_timeout(|| log("timeout"), ms(1));
        timeout(1, || log("check 2"));
        log(regular.refresh() == regular);

        own_timeout(1, |own| {
            log("fired");
            next_tick(move || log(format_args!("keeps alive: {}", own.refresh().keeps_alive())));
        });

        let mut count = 0;
        let repeats = own_interval(1, move |own| {
            log(format_args!("interval@{}", now()));
            count += 1;
            if count == 2 {
                clear_interval(own);
            }
        });
        timeout(1, || log("check 3"));
        log(repeats.refresh() == repeats);
    });
}

/// Differs: in its own callback, too, a timeout is over. In Node it runs once more.
#[test]
fn test_timers_refresh_in_callback() {
    let event_loop = quick_loop();
    let main = || own_timeout(1, |own| log(format_args!("timer, active: {}", own.refresh().is_active())));
    event_loop.run(main).unwrap();
    assert_eq!(trace(), "timer, active: false");
    assert_eq!(event_loop.now(), ms(1));
}
