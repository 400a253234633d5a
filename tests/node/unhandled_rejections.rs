//! `test/parallel/test-promises-unhandled-rejections.js`, a test for each of its cases.
//!
//! The hooks log `U` and `H` with the reason and the promise; a case in which no event may be emitted logs only what its
//! handler does.

use thenable::{Promise, next_tick, on_rejection_handled, on_unhandled_rejection};

use crate::cases::{immediate, log_rejections, run_with_uncaught, soon};
use crate::common::{at, c, expect_trace, log, timeout, trace};

type P = Promise<(), u32>;

/// Catches `p`.
fn catch(p: P) {
    p.catch(|_| log("caught"));
}

#[test]
fn synchronously_rejected_with_promise_reject() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::reject(1)));
}

#[test]
fn synchronously_rejected_with_the_function() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::new(|_, reject| reject(1))));
}

#[test]
fn rejected_after_set_immediate() {
    let names = log_rejections();
    expect_trace("immediate  U1p", || {
        let p = P::new(|_, reject| {
            immediate(move || {
                log("immediate");
                reject(1);
            });
        });
        names.give("p", &p);
    });
}

#[test]
fn catching_after_set_immediate_is_not_soon_enough() {
    let names = log_rejections();
    expect_trace("U1p  caught  Hp", || {
        let (p, _, reject) = P::with_resolvers();
        names.give("p", &p);
        reject(1);
        immediate(|| {
            p.then_catch(|()| log("no"), |_| log("caught"));
        });
    });
}

#[test]
fn only_the_re_thrown_error_hits() {
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

#[test]
fn params_for_a_synchronously_rejected_promise() {
    on_unhandled_rejection(|report| {
        assert_eq!(report.reason().downcast_ref(), Some(&1_u32));
        log(format_args!("U{:?} by {}", report.reason(), report.id()));
    });
    let p = P::reject(1);
    expect_trace(&format!("U1 by {}", p.id()), || ());
}

#[test]
fn not_triggered_if_caught_upon_creation_promise_reject() {
    log_rejections();
    expect_trace("caught@1", || {
        P::reject(1).then_catch(c("no"), c("caught"));
    });
}

#[test]
fn not_triggered_if_caught_upon_creation_new_promise() {
    log_rejections();
    expect_trace("caught@1", || {
        P::new(|_, reject| reject(1)).then_catch(c("no"), c("caught"));
    });
}

#[test]
fn a_catch_in_a_tick_is_soon_enough_promise_reject() {
    log_rejections();
    expect_trace("caught", || {
        let p = P::reject(1);
        next_tick(|| catch(p));
    });
}

#[test]
fn a_catch_in_a_tick_is_soon_enough_new_promise() {
    log_rejections();
    expect_trace("caught", || {
        let p = P::new(|_, reject| reject(1));
        next_tick(|| catch(p));
    });
}

#[test]
fn catching_the_derived_promise_inside_set_immediate() {
    log_rejections();
    expect_trace("caught", || {
        immediate(|| catch(P::resolve(()).then(|()| P::reject(1))));
    });
}

/// A handler that logs, if the reason is 1.
fn caught(reason: u32) {
    assert_eq!(reason, 1);
    at("caught");
}

#[test]
fn catching_a_promise_derived_from_throwing() {
    log_rejections();
    expect_trace("caught@2", || {
        P::resolve(()).then(|()| Err::<(), _>(1)).then_catch(c("no"), caught);
    });
}

#[test]
fn catching_a_promise_derived_from_returning_a_rejected_one() {
    log_rejections();
    expect_trace("caught@4", || {
        P::resolve(()).then(|()| P::reject(1)).then_catch(c("no"), caught);
    });
}

#[test]
fn derived_from_throwing_does_trigger() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::resolve(()).then(|()| Err::<(), _>(1))));
}

#[test]
fn derived_from_returning_a_rejected_promise_does_trigger() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::resolve(()).then(|()| P::reject(1))));
}

/// Catches a rejected promise after a tick, a microtask, a tick and a microtask.
fn reject_and_catch_tick_first() {
    let a = P::reject(1);
    next_tick(|| soon(|| next_tick(|| soon(|| catch(a)))));
}

#[test]
fn ticks_and_microtasks_are_soon_enough() {
    log_rejections();
    expect_trace("caught", reject_and_catch_tick_first);
}

#[test]
fn ticks_and_microtasks_are_soon_enough_inside_set_immediate() {
    log_rejections();
    expect_trace("caught", || immediate(reject_and_catch_tick_first));
}

/// Catches a rejected promise after a microtask, a tick, a microtask and a tick.
fn reject_and_catch_microtask_first() {
    let a = P::reject(1);
    soon(|| next_tick(|| soon(|| next_tick(|| catch(a)))));
}

#[test]
fn microtasks_and_ticks_are_soon_enough() {
    log_rejections();
    expect_trace("caught", reject_and_catch_microtask_first);
}

#[test]
fn microtasks_and_ticks_are_soon_enough_inside_set_immediate() {
    log_rejections();
    expect_trace("caught", || immediate(reject_and_catch_microtask_first));
}

#[test]
fn set_immediate_and_a_microtask_are_too_late() {
    let names = log_rejections();
    expect_trace("U1p  caught  Hp", || {
        let p = P::reject(1);
        names.give("p", &p);
        immediate(|| soon(|| catch(p)));
    });
}

#[test]
fn set_immediate_before_rejection_and_microtasks_are_too_late() {
    let names = log_rejections();
    expect_trace("U1p  caught  Hp", || {
        let (p, _, reject) = P::with_resolvers();
        names.give("p", &p);
        immediate(|| soon(|| soon(|| soon(|| soon(|| catch(p))))));
        reject(1);
    });
}

#[test]
fn set_immediate_after_rejection_and_microtasks_are_too_late() {
    let names = log_rejections();
    expect_trace("U1p  caught  Hp", || {
        let p = P::reject(1);
        names.give("p", &p);
        immediate(|| soon(|| soon(|| soon(|| soon(|| catch(p))))));
    });
}

#[test]
fn a_tick_is_scheduled_at_once_inside_the_event_handler() {
    on_unhandled_rejection(|report| {
        log(format_args!("U{:?}", report.reason()));
        next_tick(|| log("tick"));
        timeout(1, || log("timer"));
    });
    expect_trace("U1  tick  timer", || {
        P::reject(1);
    });
}

/// Differs: what a hook throws unwinds out of `run`.
#[test]
fn throwing_inside_the_rejection_handled_handler() {
    on_unhandled_rejection(|report| log(format_args!("U{:?}", report.reason())));
    on_rejection_handled(|_| panic!("e2"));
    let main = || {
        let p = P::reject(1);
        timeout(1, || {
            catch(p);
            log("did not throw");
        });
    };
    run_with_uncaught(main, |message| log(format_args!("uncaught {message}")));
    assert_eq!(trace(), "U1  did not throw  caught  uncaught e2");
}

#[test]
fn a_promise_rejected_inside_the_handler_lets_the_ticks_go_first() {
    on_unhandled_rejection(|report| {
        log(format_args!("U{:?}", report.reason()));
        let promise = P::reject(0);
        next_tick(|| {
            log("tick");
            catch(promise);
        });
    });
    expect_trace("U0  tick  caught", || {
        P::reject(0);
    });
}

#[test]
fn a_rejection_triggers_the_event_immediately() {
    log_rejections();
    expect_trace("U0  timer", || {
        P::reject(0);
        timeout(1, || log("timer"));
    });
}

#[test]
fn catching_a_promise_does_not_affect_previous_ones() {
    log_rejections();
    expect_trace("caught@1  U1", || {
        P::reject(1);
        P::reject(2).catch(c("caught"));
    });
}
