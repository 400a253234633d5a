//! Rules S1 to S6: timers. Each test is a snippet that Node ran under a virtual clock, and asserts what Node printed.
mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{busy, expect_timed_trace, log, ms, now, timeout};
use thenable::{Promise, clear_interval, clear_timeout, set_interval, set_timeout};

type P = Promise<(), i32>;

/// A callback that logs.
fn line(text: &'static str) -> impl FnOnce() {
    move || log(text)
}

#[test]
fn s1_less_than_one_millisecond_and_too_many_are_one_millisecond() {
    // `-5` cannot be written as a `Duration`. Its place is taken by the other end of the clamp, 2**31.
    expect_timed_trace("a1  b0  c2**31  d1.9  e2", || {
        set_timeout(line("a1"), ms(1));
        set_timeout(line("b0"), ms(0));
        set_timeout(line("c2**31"), ms(1 << 31));
        set_timeout(line("d1.9"), std::time::Duration::from_micros(1900));
        set_timeout(line("e2"), ms(2));
    });
}

#[test]
fn s1_the_longest_delay_is_kept() {
    expect_timed_trace("one  long@2147483647", || {
        set_timeout(|| log(format_args!("long@{}", now())), ms((1 << 31) - 1));
        set_timeout(line("one"), std::time::Duration::MAX);
    });
}

#[test]
fn s2_equal_deadlines_are_first_in_first_out_and_a_nested_timer_waits_for_a_later_pass() {
    expect_timed_trace("a  b@3  nested@4", || {
        set_timeout(
            || {
                log("a");
                set_timeout(|| log(format_args!("nested@{}", now())), ms(0));
            },
            ms(3),
        );
        set_timeout(|| log(format_args!("b@{}", now())), ms(3));
    });
}

#[test]
fn s3_equal_deadlines_of_different_delays_go_by_lists_and_not_by_making() {
    expect_timed_trace("A0  B  (made t=2, due 6)  A1 (made t=1, due 6)  end", || {
        set_timeout(line("A0"), ms(5));
        timeout(1, || timeout(5, line("A1 (made t=1, due 6)")));
        timeout(2, || timeout(4, line("B  (made t=2, due 6)")));
        set_timeout(line("end"), ms(9));
    });
}

#[test]
fn s4_an_interval_starts_before_its_callback_and_goes_to_the_end_of_its_list() {
    expect_timed_trace("i1@5  x@10  i2@10  y@12  i3@15", || {
        let own = Rc::new(Cell::new(None));
        let handle = own.clone();
        let mut n = 0;
        let interval = move || {
            n += 1;
            log(format_args!("i{n}@{}", now()));
            busy(2);
            if n == 3 {
                clear_interval(handle.get());
            }
        };
        own.set(Some(set_interval(interval, ms(5))));
        set_timeout(|| log(format_args!("x@{}", now())), ms(10));
        timeout(5, || timeout(5, || log(format_args!("y@{}", now()))));
    });
}

#[test]
fn s5_clearing_in_a_callback() {
    expect_timed_trace("a  i", || {
        let (a, b) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
        let (own, later) = (a.clone(), b.clone());
        a.set(Some(set_timeout(
            move || {
                log("a");
                clear_timeout(own.get());
                clear_timeout(later.get());
            },
            ms(1),
        )));
        b.set(Some(set_timeout(line("b"), ms(1))));
        let interval = Rc::new(Cell::new(None));
        let own = interval.clone();
        interval.set(Some(set_interval(
            move || {
                log("i");
                clear_interval(own.get());
            },
            ms(1),
        )));
    });
}

#[test]
fn s6_a_late_loop_runs_all_that_is_due_in_one_pass_with_drains_in_between() {
    expect_timed_trace("a1  p  b2  c3", || {
        set_timeout(line("c3"), ms(3));
        set_timeout(
            || {
                log("a1");
                P::resolve(()).then(|()| log("p"));
            },
            ms(1),
        );
        set_timeout(line("b2"), ms(2));
        busy(10);
    });
}
