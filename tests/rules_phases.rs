//! Rules I1 to I4, N2, U3 and U6, and the end of M1: immediates, timers, and what runs between two of them. Each test is a
//! snippet that Node ran under a virtual clock, and asserts what Node printed.
mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{busy, expect_timed_trace, log, log_u, ms};
use thenable::{
    Promise, clear_immediate, next_tick, on_rejection_handled, on_unhandled_rejection, queue_microtask, set_immediate,
    set_timeout,
};

type P = Promise<(), i32>;

/// A callback that logs.
fn line(text: &'static str) -> impl FnOnce() {
    move || log(text)
}

#[test]
fn i1_an_immediate_of_an_immediate_runs_in_the_next_turn_and_clearing_works_in_a_batch() {
    expect_timed_trace("i1  i2  i3  t1", || {
        let x = Rc::new(Cell::new(None));
        let cleared = x.clone();
        set_immediate(move || {
            log("i1");
            set_immediate(line("i3"));
            clear_immediate(cleared.get());
        });
        x.set(Some(set_immediate(line("cleared"))));
        set_immediate(line("i2"));
        set_timeout(line("t1"), ms(1));
    });
}

#[test]
fn i2_a_turn_is_poll_then_immediates_then_timers() {
    expect_timed_trace("i0  t1  i1  t2", || {
        set_timeout(
            || {
                log("t1");
                set_immediate(line("i1"));
                set_timeout(line("t2"), ms(1));
                busy(5);
            },
            ms(1),
        );
        set_immediate(line("i0"));
    });
}

#[test]
fn i3_an_immediate_beats_a_timer_that_is_not_due() {
    expect_timed_trace("imm  t0", || {
        set_timeout(line("t0"), ms(0));
        set_immediate(line("imm"));
    });
}

#[test]
fn i4_a_timer_that_is_due_before_the_loop_starts_beats_an_immediate() {
    expect_timed_trace("t0  imm", || {
        set_timeout(line("t0"), ms(0));
        set_immediate(line("imm"));
        busy(2);
    });
}

#[test]
fn n2_ticks_and_then_microtasks_run_between_two_timers_and_between_two_immediates() {
    expect_timed_trace("cb1  k1  p1  cb2  k2  p2  cb1  k1  p1  cb2  k2  p2", || {
        let callback = |i: u32| {
            move || {
                log(format_args!("cb{i}"));
                P::resolve(()).then(move |()| log(format_args!("p{i}")));
                next_tick(move || log(format_args!("k{i}")));
            }
        };
        for i in [1, 2] {
            set_timeout(callback(i), ms(1));
        }
        for i in [1, 2] {
            set_immediate(callback(i));
        }
    });
}

#[test]
fn m1_a_timer_waits_until_the_microtask_queue_is_empty() {
    expect_timed_trace("m1  p1  m3  p2  timer", || {
        queue_microtask(|| {
            log("m1");
            queue_microtask(line("m3"));
        });
        P::resolve(()).then(|()| {
            log("p1");
            P::resolve(()).then(|()| log("p2"));
        });
        set_timeout(line("timer"), ms(0));
    });
}

#[test]
fn u1_rejections_are_reported_before_the_next_macrotask() {
    expect_timed_trace("tick  m  U1  U2  k  k  p  p  imm", || {
        on_unhandled_rejection(|report| {
            log_u(report);
            next_tick(line("k"));
            P::resolve(()).then(|()| log("p"));
        });
        P::reject(1);
        set_immediate(line("imm"));
        P::resolve(()).then(|()| {
            log("m");
            P::reject(2);
        });
        next_tick(line("tick"));
    });
}

#[test]
fn u3_handled_late_is_reported_at_the_end_of_that_drain_before_new_rejections() {
    expect_timed_trace("U1  t  t end  caught  H  U2", || {
        on_unhandled_rejection(log_u);
        on_rejection_handled(|_| log("H"));
        let p = P::reject(1);
        let callback = move || {
            log("t");
            P::reject(2);
            p.catch(|_| {
                log("caught");
                Ok(())
            });
            log("t end");
        };
        set_timeout(callback, ms(1));
    });
}

#[test]
fn u6_rejections_are_reported_between_two_timers_of_one_list() {
    expect_timed_trace("t1  U1  t2", || {
        on_unhandled_rejection(log_u);
        set_timeout(
            || {
                log("t1");
                P::reject(1);
            },
            ms(1),
        );
        set_timeout(line("t2"), ms(1));
    });
}
