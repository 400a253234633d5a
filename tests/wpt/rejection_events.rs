//! `html/webappapis/scripting/processing-model-2/unhandled-promise-rejections`.
//!
//! The hooks log `U` and `H` with the reason and the promise; a case in which no event may be fired logs only what its
//! handler does.

use thenable::{Promise, on_rejection_handled, on_unhandled_rejection, queue_microtask};

use crate::cases::{immediate, log_rejections, run_with_uncaught, soon};
use crate::common::{at, c, expect_timed_trace, expect_trace, log, timeout, trace};

type P = Promise<(), u32>;

#[test]
fn from_promise_reject() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::reject(1)));
}

#[test]
fn from_a_synchronous_rejection_in_new_promise() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::new(|_, reject| reject(1))));
}

#[test]
fn from_a_task_delayed_rejection() {
    let names = log_rejections();
    expect_trace("task  U1p", || {
        let p = P::new(|_, reject| {
            immediate(move || {
                log("task");
                reject(1);
            });
        });
        names.give("p", &p);
    });
}

/// A promise that a timer of 1 ms rejects.
fn rejected_in_a_timer() -> P {
    P::new(|_, reject| {
        timeout(1, move || {
            log("timer");
            reject(1);
        });
    })
}

#[test]
fn from_a_set_timeout_delayed_rejection() {
    expect_timed_trace("timer  U1p  later", || {
        log_rejections().give("p", &rejected_in_a_timer());
        timeout(1, || log("later"));
    });
}

#[test]
fn from_a_throw_in_a_rejection_handler_of_promise_reject() {
    let names = log_rejections();
    expect_trace("U2p2", || {
        let p = P::reject(1);
        names.give("p", &p);
        let p2 = p.catch(|reason| {
            assert_eq!(reason, 1);
            Err(2)
        });
        names.give("p2", &p2);
    });
}

/// A handler that throws something else.
fn re_throw(reason: u32) -> Result<(), u32> {
    assert_eq!(reason, 1);
    log("handled");
    Err(2)
}

#[test]
fn from_a_throw_in_a_rejection_handler_of_a_set_timeout_delayed_rejection() {
    expect_timed_trace("timer  handled  U2p2  later", || {
        let names = log_rejections();
        let p = rejected_in_a_timer();
        names.give("p", &p);
        names.give("p2", &p.catch(re_throw));
        timeout(1, || log("later"));
    });
}

#[test]
fn from_a_throw_in_a_rejection_handler_attached_one_microtask_later() {
    expect_timed_trace("timer  microtask  handled  U2p2  later", || {
        let names = log_rejections();
        let (p, _, reject) = P::with_resolvers();
        names.give("p", &p);
        timeout(1, move || {
            log("timer");
            reject(1);
            queue_microtask(move || {
                log("microtask");
                names.give("p2", &p.catch(re_throw));
            });
        });
        timeout(1, || log("later"));
    });
}

#[test]
fn from_returning_a_rejected_promise_in_a_fulfillment_handler() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::resolve(()).then(|()| P::reject(1))));
}

#[test]
fn from_a_throw_in_a_fulfillment_handler() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::resolve(()).then(|()| Err::<(), _>(1))));
}

#[test]
fn from_returning_a_set_timeout_delayed_rejection() {
    expect_timed_trace("timer  U1p  later", || {
        let names = log_rejections();
        let inner = names.clone();
        let p = P::resolve(()).then(move |()| {
            let p = rejected_in_a_timer();
            inner.give("inner", &p);
            p
        });
        names.give("p", &p);
        timeout(2, || log("later"));
    });
}

#[test]
fn from_promise_all() {
    let names = log_rejections();
    expect_trace("U1p", || {
        let element = P::reject(1);
        names.give("element", &element);
        names.give("p", &Promise::all([element]));
    });
}

#[test]
fn none_if_handled_at_once_promise_reject() {
    log_rejections();
    expect_trace("handled@1", || {
        P::reject(1).then_catch(c("unreached"), c("handled"));
    });
}

#[test]
fn none_if_handled_at_once_promise_all() {
    log_rejections();
    expect_trace("handled@2", || {
        Promise::all([P::reject(1)]).then_catch(c("unreached"), handled);
    });
}

#[test]
fn none_if_handled_at_once_new_promise() {
    log_rejections();
    expect_trace("handled@1", || {
        P::new(|_, reject| reject(1)).then_catch(c("unreached"), c("handled"));
    });
}

/// A handler that logs, if the reason is 1.
fn handled(reason: u32) {
    assert_eq!(reason, 1);
    at("handled");
}

#[test]
fn none_if_handled_at_once_throw_in_a_fulfillment_handler() {
    log_rejections();
    expect_trace("handled@2", || {
        P::resolve(()).then(|()| Err::<(), _>(1)).then_catch(c("unreached"), handled);
    });
}

#[test]
fn none_if_handled_at_once_promise_returned_by_a_fulfillment_handler() {
    log_rejections();
    expect_trace("handled@4", || {
        P::resolve(()).then(|()| P::reject(1)).then_catch(c("unreached"), handled);
    });
}

#[test]
fn none_if_handled_at_once_set_timeout_delayed_promise_returned() {
    expect_timed_trace("timer  handled 1  later", || {
        log_rejections();
        let p = P::resolve(()).then(|()| rejected_in_a_timer());
        p.then_catch(|()| log("unreached"), |reason| log(format_args!("handled {reason}")));
        timeout(2, || log("later"));
    });
}

#[test]
fn none_if_handled_at_once_all_inside_a_queued_task() {
    log_rejections();
    expect_trace("handled", || {
        immediate(|| {
            P::resolve(()).then(|()| P::reject(1)).catch(|_| log("handled"));
        });
    });
}

#[test]
fn a_microtask_delay_prevents_both_events_promise_reject() {
    log_rejections();
    expect_trace("handled@2", || {
        let p = P::reject(1);
        queue_microtask(|| {
            p.then_catch(c("unreached"), c("handled"));
        });
    });
}

#[test]
fn a_microtask_delay_prevents_both_events_new_promise() {
    log_rejections();
    expect_trace("handled@2", || {
        let p = P::new(|_, reject| reject(1));
        queue_microtask(|| {
            p.then_catch(c("unreached"), c("handled"));
        });
    });
}

#[test]
fn a_microtask_delay_prevents_both_events_promise_all() {
    log_rejections();
    expect_trace("reject@1  attach@1  handled@3", || {
        let p1 = P::new(|_, reject| {
            queue_microtask(move || {
                at("reject");
                reject(1);
            });
        });
        let p2 = Promise::all([p1]);
        queue_microtask(|| {
            at("attach");
            p2.then_catch(c("unreached"), handled);
        });
    });
}

/// Handles a rejected promise after a microtask, a handler, a microtask and a handler.
fn reject_and_handle_microtask_first(handler: fn(u32)) {
    let p = P::reject(1);
    queue_microtask(move || {
        soon(move || {
            queue_microtask(move || {
                soon(move || {
                    p.catch(handler);
                });
            });
        });
    });
}

#[test]
fn microtask_nesting_microtask_first() {
    log_rejections();
    expect_trace("handled@5", || reject_and_handle_microtask_first(|_| at("handled")));
}

#[test]
fn microtask_nesting_microtask_first_inside_a_task() {
    log_rejections();
    expect_trace("handled", || immediate(|| reject_and_handle_microtask_first(|_| log("handled"))));
}

#[test]
fn microtask_nesting_microtask_first_inside_a_timer() {
    expect_timed_trace("handled  later", || {
        log_rejections();
        timeout(0, || reject_and_handle_microtask_first(|_| log("handled")));
        timeout(0, || log("later"));
    });
}

/// Handles a rejected promise after a handler, a microtask, a handler and a microtask.
fn reject_and_handle_promise_first(handler: fn(u32)) {
    let p = P::reject(1);
    soon(move || {
        queue_microtask(move || {
            soon(move || {
                queue_microtask(move || {
                    p.catch(handler);
                });
            });
        });
    });
}

#[test]
fn microtask_nesting_promise_first() {
    log_rejections();
    expect_trace("handled@5", || reject_and_handle_promise_first(|_| at("handled")));
}

#[test]
fn microtask_nesting_promise_first_inside_a_task() {
    log_rejections();
    expect_trace("handled", || immediate(|| reject_and_handle_promise_first(|_| log("handled"))));
}

#[test]
fn microtask_nesting_promise_first_inside_a_timer() {
    expect_timed_trace("handled  later", || {
        log_rejections();
        timeout(0, || reject_and_handle_promise_first(|_| log("handled")));
        timeout(0, || log("later"));
    });
}

#[test]
fn a_nested_task_delay_causes_unhandledrejection() {
    let names = log_rejections();
    expect_trace("U1p  handled  Hp", || {
        let (p, _, reject) = P::with_resolvers();
        names.give("p", &p);
        reject(1);
        immediate(|| {
            immediate(|| {
                p.then_catch(|()| log("unreached"), |_| log("handled"));
            });
        });
    });
}

#[test]
fn a_nested_task_and_a_promise_microtask_are_too_late() {
    let names = log_rejections();
    expect_trace("U1p  handled  Hp", || {
        let p = P::reject(1);
        names.give("p", &p);
        immediate(|| {
            immediate(|| {
                soon(|| {
                    p.catch(|_| log("handled"));
                });
            });
        });
    });
}

/// Two tasks and four microtasks later, handles `p`.
fn handle_much_later(p: P) {
    immediate(|| {
        immediate(|| {
            soon(|| {
                soon(|| {
                    soon(|| {
                        soon(|| {
                            p.catch(|_| log("handled"));
                        });
                    });
                });
            });
        });
    });
}

#[test]
fn a_nested_task_before_and_many_promise_microtasks_are_too_late() {
    let names = log_rejections();
    expect_trace("U1p  handled  Hp", || {
        let (p, _, reject) = P::with_resolvers();
        names.give("p", &p);
        handle_much_later(p);
        reject(1);
    });
}

#[test]
fn a_nested_task_after_and_many_promise_microtasks_are_too_late() {
    let names = log_rejections();
    expect_trace("U1p  handled  Hp", || {
        let p = P::reject(1);
        names.give("p", &p);
        handle_much_later(p);
    });
}

#[test]
fn a_timer_later_both_events_fire() {
    expect_timed_trace("U1p  timer  handled  Hp  done", || {
        let p = P::try_new(|_, _| Err(1));
        log_rejections().give("p", &p);
        timeout(10, || {
            log("timer");
            let handled = |reason| {
                assert_eq!(reason, 1);
                log("handled");
                timeout(10, || log("done"));
            };
            p.then_catch(|()| log("unreached"), handled);
        });
    });
}

#[test]
fn microtask_and_task_ordering_is_not_disturbed_inside_the_event() {
    on_unhandled_rejection(|report| {
        log(format_args!("U{:?}", report.reason()));
        queue_microtask(|| log(1));
        timeout(1, || log(2));
    });
    expect_trace("U0  1  2", || {
        P::reject(0);
    });
}

/// Differs: what a hook throws unwinds out of `run`.
#[test]
fn throwing_inside_a_handler_invokes_the_error_handler() {
    on_unhandled_rejection(|report| log(format_args!("U{:?}", report.reason())));
    on_rejection_handled(|_| {
        log("H");
        panic!("e2");
    });
    let main = || {
        let p = P::reject(1);
        timeout(1, || {
            p.catch(|_| log("caught"));
        });
    };
    run_with_uncaught(main, |message| log(message));
    assert_eq!(trace(), "U1  caught  H  e2");
}
