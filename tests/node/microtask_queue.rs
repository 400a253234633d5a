//! `test/parallel/test-microtask-queue-*.js`.

use thenable::next_tick;

use crate::cases::{immediate, soon};
use crate::common::{expect_timed_trace, expect_trace, log, timeout};

#[test]
fn test_microtask_queue_run() {
    expect_timed_trace("timer 1  microtask  timer 2  tick  timer 3", || {
        timeout(0, || {
            log("timer 1");
            soon(|| log("microtask"));
        });
        timeout(0, || {
            log("timer 2");
            soon(|| next_tick(|| log("tick")));
            timeout(0, || log("timer 3"));
        });
    });
}

#[test]
fn test_microtask_queue_run_immediate() {
    expect_trace("immediate 1  microtask  immediate 2  tick  immediate 3", || {
        immediate(|| {
            log("immediate 1");
            soon(|| log("microtask"));
        });
        immediate(|| {
            log("immediate 2");
            soon(|| next_tick(|| log("tick")));
            immediate(|| log("immediate 3"));
        });
    });
}

#[test]
fn test_microtask_queue_integration() {
    fn test(name: &'static str) {
        soon(move || {
            log(format_args!("microtask {name}"));
            next_tick(move || log(format_args!("tick {name}")));
            timeout(0, move || log(format_args!("timer {name}")));
        });
    }

    let expected = "microtask a  tick a  timer  microtask b  tick b  timer a  timer b";
    expect_timed_trace(expected, || {
        test("a");
        timeout(0, || {
            log("timer");
            next_tick(|| test("b"));
        });
    });
}
