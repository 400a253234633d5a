//! Rules M1 and N1: the microtask queue and the next-tick queue. Each test is a snippet that Node ran, and asserts what
//! Node printed.
mod common;

use common::{expect_trace, log};
use thenable::{Promise, next_tick, queue_microtask};

type P = Promise<(), i32>;

#[test]
fn m1_promise_jobs_and_microtasks_share_one_queue_that_runs_until_it_is_empty() {
    // The snippet ends with `setTimeout(() => log('timer'), 0)`, which Node prints last. That line is left out here,
    // and its word in the trace.
    expect_trace("m1  p1  m3  p2", || {
        queue_microtask(|| {
            log("m1");
            queue_microtask(|| log("m3"));
        });
        P::resolve(()).then(|()| {
            log("p1");
            P::resolve(()).then(|()| log("p2"));
        });
    });
}

#[test]
fn m1_a_macrotask_waits_until_the_microtask_queue_is_empty() {
    // What a remote resolver sends arrives as a macrotask, and takes the part of the timer.
    expect_trace("m1  p1  m3  p2  macrotask", || {
        let (sent, resolver) = P::remote();
        sent.then(|()| log("macrotask"));
        resolver.resolve(()).expect("the loop of this thread takes it");
        queue_microtask(|| {
            log("m1");
            queue_microtask(|| log("m3"));
        });
        P::resolve(()).then(|()| {
            log("p1");
            P::resolve(()).then(|()| log("p2"));
        });
    });
}

#[test]
fn n1_ticks_run_before_microtasks_and_those_made_by_microtasks_after_the_drain() {
    expect_trace("k1  k2  p1  p3  p2  k3", || {
        P::resolve(())
            .then(|()| {
                log("p1");
                next_tick(|| log("k3"));
            })
            .then(|()| log("p2"));
        next_tick(|| {
            log("k1");
            P::resolve(()).then(|()| log("p3"));
            next_tick(|| log("k2"));
        });
    });
}

#[test]
fn n1_ticks_and_microtasks_run_between_two_macrotasks() {
    // In Node: two immediates, of which the first queues a tick and a microtask. The handlers here are microtasks
    // already, so the tick that one makes waits for the microtask queue.
    expect_trace("cb1  p1  k1  cb2  p2  k2", || {
        for i in [1, 2] {
            let (sent, resolver) = P::remote();
            sent.then(move |()| {
                log(format_args!("cb{i}"));
                P::resolve(()).then(move |()| log(format_args!("p{i}")));
                next_tick(move || log(format_args!("k{i}")));
            });
            resolver.resolve(()).expect("the loop of this thread takes it");
        }
    });
}
