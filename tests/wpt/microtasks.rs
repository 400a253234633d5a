//! `html/webappapis/microtask-queuing` and `html/webappapis/scripting/event-loops`.

use thenable::{Promise, queue_microtask};

use crate::cases::run_with_uncaught;
use crate::common::{at, c, expect_timed_trace, expect_trace, log, timeout, trace};

type P = Promise<(), ()>;

#[test]
fn calls_the_callback_asynchronously() {
    expect_trace("after  called@1", || {
        queue_microtask(|| at("called"));
        log("after");
    });
}

#[test]
fn interleaves_with_promises() {
    expect_trace("a@1  b@1  c@1  d@1", || {
        P::resolve(()).then(c("a"));
        queue_microtask(|| at("b"));
        P::reject(()).catch(c("c"));
        queue_microtask(|| at("d"));
    });
}

/// Differs: what a microtask throws unwinds out of `run`. The queue goes on in the next `run`.
#[test]
fn rethrows_exceptions() {
    let main = || {
        queue_microtask(|| panic!("boo"));
        queue_microtask(|| log("next"));
    };
    run_with_uncaught(main, |message| log(format_args!("UNCAUGHT Error: {message}")));
    assert_eq!(trace(), "UNCAUGHT Error: boo  next");
}

#[test]
fn error_catching_test() {
    let (received, resolve, _) = P::with_resolvers();
    let main = || {
        queue_microtask(|| panic!("boo"));
        P::spawn(async {
            received.await?;
            log("received");
            Ok(())
        });
    };
    run_with_uncaught(main, |message| {
        log(message);
        resolve(());
    });
    assert_eq!(trace(), "boo  received");
}

#[test]
fn basic_task_and_microtask_ordering() {
    expect_timed_trace("script start  script end  promise1  promise2  setTimeout", || {
        log("script start");
        timeout(0, || log("setTimeout"));
        P::resolve(()).then(|()| log("promise1")).then(|()| log("promise2"));
        log("script end");
    });
}

#[test]
fn microtask_after_script() {
    expect_timed_trace("promise 1@1  promise 2@1  promise 1 child@4  timeout", || {
        P::resolve(())
            .then(|()| {
                at("promise 1");
                P::resolve(())
            })
            .then(c("promise 1 child"));
        P::resolve(()).then(c("promise 2"));
        timeout(0, || log("timeout"));
    });
}

#[test]
fn microtask_checkpoints_between_timeouts() {
    let expected = "script start  script end  mutation callback  set timeout - #1  mutation callback  set timeout - #2";
    expect_timed_trace(expected, || {
        log("script start");
        queue_microtask(|| log("mutation callback"));
        timeout(0, || {
            log("set timeout - #1");
            queue_microtask(|| log("mutation callback"));
        });
        timeout(0, || log("set timeout - #2"));
        log("script end");
    });
}
