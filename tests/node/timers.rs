//! `test/parallel/test-timers*.js` and `test/sequential/test-timers-*.js`: timeouts and intervals.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use thenable::{
    Immediate, Timeout, clear_immediate, clear_interval, clear_timeout, next_tick, set_interval, set_timeout,
};

use crate::cases::{immediate, own_interval, own_timeout, run_with_uncaught, variable, warnings_of};
use crate::common::{busy, expect_timed_trace, log, ms, now, quick_loop, timeout, trace};

#[test]
fn test_timers() {
    let delays =
        [ms(0), Duration::from_micros(100), Duration::from_micros(500), ms(1), ms(1 << 31), ms(12_345_678_901_234)];
    let expected = "t0  i0  t1  i1  t2  i2  t3  i3  t4  i4  t5  i5  2 ms  10 ms  interval of 10 ms";
    expect_timed_trace(expected, || {
        for (index, delay) in delays.into_iter().enumerate() {
            set_timeout(move || log(format_args!("t{index}")), delay);
            let own = variable();
            let handle = own.clone();
            let callback = move || {
                clear_interval(handle.get());
                log(format_args!("i{index}"));
            };
            own.set(Some(set_interval(callback, delay)));
        }
        timeout(2, || log("2 ms"));
        timeout(10, || log("10 ms"));
        own_interval(10, |own| {
            clear_interval(own);
            log("interval of 10 ms");
        });
    });
}

#[test]
fn test_timers_clear_timeout_interval_equivalent() {
    expect_timed_trace("end", || {
        clear_timeout(set_interval(|| log("interval"), ms(1)));
        clear_interval(set_timeout(|| log("timeout"), ms(1)));
        timeout(1, || log("end"));
    });
}

#[test]
fn test_timers_clear_null_does_not_throw_error() {
    expect_timed_trace("immediate  timer", || {
        timeout(1, || log("timer"));
        immediate(|| log("immediate"));
        clear_interval(None::<Timeout>);
        clear_timeout(None::<Timeout>);
        clear_immediate(None::<Immediate>);
    });
}

#[test]
fn test_timers_destroyed() {
    let event_loop = quick_loop();
    let main = || {
        let t1 = set_timeout(|| log("t1"), ms(1));
        let t2 = set_timeout(|| log("t2"), ms(1));
        let i1 = set_interval(|| log("i1"), ms(1));
        let i2 = set_interval(|| log("i2"), ms(1)).keep_alive(false);
        timeout(1, || log("end"));
        clear_timeout(t1);
        clear_interval(i1);
        [t1, t2, i1, i2]
    };
    let timers = event_loop.run(main).unwrap();
    assert_eq!(trace(), "t2  i2  end");
    assert_eq!(timers.map(Timeout::is_active), [false, false, false, true]);
}

/// Differs: what an interval throws unwinds out of `run`. The interval goes on in the next `run`.
#[test]
fn test_timers_interval_throw() {
    let own = variable();
    let (handle, mut left) = (own.clone(), 2);
    let main = || {
        let callback = || {
            log(format_args!("interval@{}", now()));
            panic!("IntervalError");
        };
        own.set(Some(set_interval(callback, ms(1))));
    };
    let uncaught = |message: &str| {
        log(format_args!("uncaught {message}"));
        left -= 1;
        if left == 0 {
            clear_interval(handle.get());
        }
    };
    quick_loop().enter(|| run_with_uncaught(main, uncaught));
    assert_eq!(trace(), "interval@1  uncaught IntervalError  interval@2  uncaught IntervalError");
}

#[test]
fn test_timers_nested() {
    expect_timed_trace("A0  tick0  B0  A100  tick100  B100", || {
        for delay in [0, 100] {
            timeout(delay, move || {
                log(format_args!("A{delay}"));
                timeout(delay, move || log(format_args!("B{delay}")));
                busy(delay);
                next_tick(move || log(format_args!("tick{delay}")));
            });
        }
    });
}

#[test]
fn test_timers_non_integer_delay() {
    expect_timed_trace("interval@1  1  2  3  4  2 ms  fifty@50", || {
        let (own, mut count) = (variable(), 0);
        let handle = own.clone();
        let callback = move || {
            count += 1;
            match count {
                1 => log(format_args!("interval@{}", now())),
                50 => {
                    clear_interval(handle.get());
                    log(format_args!("fifty@{}", now()));
                }
                _ => (),
            }
        };
        own.set(Some(set_interval(callback, Duration::from_micros(1100))));
        for (line, delay_us) in [(1, 1000), (2, 1800), (3, 1100), (4, 1000)] {
            set_timeout(move || log(line), Duration::from_micros(delay_us));
        }
        timeout(2, || log("2 ms"));
    });
}

#[test]
fn test_timers_not_emit_duration_zero() {
    let warnings = warnings_of("timers::test_timers_not_emit_duration_zero", || {
        expect_timed_trace("end", || {
            clear_timeout(set_timeout(|| log("timeout"), ms(0)));
            clear_interval(set_interval(|| log("interval"), ms(0)));
            clear_timeout(set_timeout(|| log("refreshed"), ms(0)).refresh());
            timeout(0, || log("end"));
        });
    });
    assert_eq!(warnings.unwrap_or_default(), [""; 0]);
}

#[test]
fn test_timers_ordering() {
    fn next(count: u32) {
        if count <= 30 {
            log(format_args!("{count}@{}", now()));
            timeout(1, move || next(count + 1));
        }
    }

    let expected: Vec<_> = (1..=30).map(|count| format!("{count}@{count}")).collect();
    expect_timed_trace(&expected.join("  "), || timeout(1, || next(1)));
}

#[test]
fn test_timers_same_timeout_wrong_list_deleted() {
    let event_loop = quick_loop();
    let main = || {
        own_timeout(100, |own| {
            log("first");
            clear_timeout(own);
            let second = set_timeout(|| log("second"), ms(100));
            timeout(1, move || {
                log(format_args!("clear@{}", now()));
                clear_timeout(second);
            });
        });
    };
    event_loop.run(main).unwrap();
    assert_eq!(trace(), "first  clear@101");
    assert_eq!(event_loop.now(), ms(101), "the loop does not wait for the cleared one");
}

#[test]
fn test_timers_timeout_with_non_integer() {
    fn exec(left: u32) {
        if left == 0 {
            log(format_args!("end@{}", now()));
        } else {
            set_timeout(move || exec(left - 1), Duration::from_nanos(1_000_001));
        }
    }

    expect_timed_trace("end@49", || exec(49));
}

/// Differs: what a timer throws unwinds out of `run`. The ones behind it run in the next `run`.
#[test]
fn test_timers_uncaught_exception() {
    let main = || {
        timeout(1, || {
            log("first");
            panic!("BAM!");
        });
        timeout(1, || log(format_args!("second@{}", now())));
    };
    quick_loop().enter(|| run_with_uncaught(main, |message| log(format_args!("uncaught {message}"))));
    assert_eq!(trace(), "first  uncaught BAM!  second@1");
}

#[test]
fn test_timers_zero_timeout() {
    expect_timed_trace("t1  t2  interval@1  interval@2  interval@3", || {
        timeout(0, || log("t1"));
        timeout(0, || log("t2"));
        let mut left = 3;
        own_interval(0, move |own| {
            log(format_args!("interval@{}", now()));
            left -= 1;
            if left == 0 {
                clear_timeout(own);
            }
        });
    });
}

#[test]
fn test_timers_block_eventloop() {
    expect_timed_trace("short@10  long@10  immediate@30", || {
        let long = variable();
        let cleared = long.clone();
        own_interval(10, move |short| {
            log(format_args!("short@{}", now()));
            let long = cleared.get();
            immediate(move || {
                log(format_args!("immediate@{}", now()));
                clear_interval(short);
                clear_interval(long);
            });
        });
        long.set(Some(own_interval(10, |_| {
            log(format_args!("long@{}", now()));
            busy(20);
        })));
    });
}

#[test]
fn test_timers_set_interval_excludes_callback_duration() {
    expect_timed_trace("1@100  other@200  immediate@200  2@201  other@300", || {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        own_interval(100, move |own| {
            count.set(count.get() + 1);
            log(format_args!("{}@{}", count.get(), now()));
            if count.get() == 1 {
                busy(100);
                immediate(|| log(format_args!("immediate@{}", now())));
            } else {
                clear_interval(own);
            }
        });
        own_interval(100, move |own| {
            log(format_args!("other@{}", now()));
            if counted.get() == 2 {
                clear_interval(own);
            }
        });
    });
}
