//! `html/webappapis/timers`.

use thenable::{clear_interval, clear_timeout, queue_microtask, set_interval, set_timeout};

use crate::cases::{own_interval, run_with_uncaught, variable};
use crate::common::{expect_timed_trace, log, ms, now, quick_loop, timeout, trace};

/// 2^32 ms, of which a browser takes the lower 32 bits. For Node it is too long.
const LONG_MS: u64 = 1 << 32;

#[test]
fn clear_timeout_with_clear_interval() {
    expect_timed_trace("end@100", || {
        clear_interval(set_timeout(|| log("timeout"), ms(0)));
        timeout(100, || log(format_args!("end@{}", now())));
    });
}

#[test]
fn clear_interval_with_clear_timeout() {
    expect_timed_trace("end@100", || {
        clear_timeout(set_interval(|| log("interval"), ms(0)));
        timeout(100, || log(format_args!("end@{}", now())));
    });
}

#[test]
fn clearinterval_from_callback() {
    expect_timed_trace("cleared@500  end@1250", || {
        own_interval(500, |own| {
            log(format_args!("cleared@{}", now()));
            clear_interval(own);
            own_interval(750, |own| {
                log(format_args!("end@{}", now()));
                clear_interval(own);
            });
        });
    });
}

/// Differs: what a timer throws unwinds out of `run`. The next `run` goes on.
#[test]
fn errors_set_timeout_function_argument() {
    let main = || {
        timeout(10, || panic!("test2"));
        timeout(20, || log(format_args!("later@{}", now())));
    };
    quick_loop().enter(|| run_with_uncaught(main, |message| log(format_args!("error {message}@{}", now()))));
    assert_eq!(trace(), "error test2@10  later@20");
}

/// Differs: what an interval throws unwinds out of `run`. The interval goes on in the next `run`.
#[test]
fn errors_set_interval_function_argument() {
    let own = variable();
    let (handle, mut errors) = (own.clone(), 0);
    let main = || own.set(Some(set_interval(|| panic!("test4"), ms(10))));
    let uncaught = |message: &str| {
        log(format_args!("error {message}@{}", now()));
        errors += 1;
        if errors == 2 {
            clear_interval(handle.get());
        }
    };
    quick_loop().enter(|| run_with_uncaught(main, uncaught));
    assert_eq!(trace(), "error test4@10  error test4@20");
}

#[test]
fn type_long_settimeout() {
    expect_timed_trace("long@1", || {
        let other = variable();
        let cleared = other.clone();
        timeout(LONG_MS, move || {
            log(format_args!("long@{}", now()));
            clear_timeout(cleared.get());
        });
        other.set(Some(set_timeout(|| log("100 ms"), ms(100))));
    });
}

#[test]
fn type_long_setinterval() {
    expect_timed_trace("long@1  100 ms@100", || {
        own_interval(LONG_MS, |own| {
            log(format_args!("long@{}", now()));
            clear_interval(own);
        });
        timeout(100, || log(format_args!("100 ms@{}", now())));
    });
}

/// No nesting makes a timer wait for longer here.
#[test]
fn timer_nesting_not_inherited_in_microtask() {
    fn reschedule(count: u32) {
        if count > 15 {
            log(format_args!("done@{}", now()));
            return;
        }
        if count > 5 {
            queue_microtask(move || {
                let made = now();
                timeout(1, move || log(format_args!("{count} after {} ms", now() - made)));
            });
        }
        timeout(8, move || reschedule(count + 1));
    }

    let nested = (6..=15).map(|count| format!("{count} after 1 ms"));
    let expected: Vec<_> = nested.chain(["done@128".to_owned()]).collect();
    expect_timed_trace(&expected.join("  "), || timeout(8, || reschedule(1)));
}
