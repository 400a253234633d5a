//! `test/parallel/test-promises-unhandled-rejections.js`, a test for each of its cases.
//!
//! The hooks log `U` and `H` with the reason and the promise; a case in which no event may be emitted logs only what its
//! handler does.

use thenable::{Promise, next_tick, on_rejection_handled, on_unhandled_rejection};

use crate::cases::{immediate, log_rejections, run_with_uncaught, soon};
use crate::common::{at, c, expect_timed_trace, expect_trace, log, timeout, trace};

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
fn rejected_after_set_timeout() {
    expect_timed_trace("timer  U1p  later", || {
        log_rejections().give("p", &rejected_in_a_timer());
        timeout(1, || log("later"));
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

/// A handler that throws something else.
fn re_throw(reason: u32) -> Result<(), u32> {
    assert_eq!(reason, 1);
    log("caught");
    Err(2)
}

#[test]
fn only_the_re_thrown_error_hits_after_set_timeout() {
    expect_timed_trace("timer  caught  U2p2  later", || {
        let names = log_rejections();
        let p = rejected_in_a_timer();
        names.give("p", &p);
        names.give("p2", &p.catch(re_throw));
        timeout(1, || log("later"));
    });
}

#[test]
fn only_the_re_thrown_error_hits_with_a_catch_in_a_tick() {
    expect_timed_trace("timer  tick  caught  U2p2  later", || {
        let names = log_rejections();
        let (p, _, reject) = P::with_resolvers();
        names.give("p", &p);
        timeout(1, move || {
            log("timer");
            reject(1);
            next_tick(move || {
                log("tick");
                names.give("p2", &p.catch(re_throw));
            });
        });
        timeout(1, || log("later"));
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

#[test]
fn catching_a_promise_resolved_with_an_asynchronously_rejected_one() {
    expect_timed_trace("timer  caught 1  later", || {
        log_rejections();
        let p = P::resolve(()).then(|()| rejected_in_a_timer());
        p.then_catch(|()| log("no"), |reason| log(format_args!("caught {reason}")));
        timeout(2, || log("later"));
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
fn derived_from_returning_an_asynchronously_rejected_promise_does_trigger() {
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
fn derived_from_throwing_does_trigger() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::resolve(()).then(|()| Err::<(), _>(1))));
}

#[test]
fn derived_from_returning_a_rejected_promise_does_trigger() {
    let names = log_rejections();
    expect_trace("U1p", || names.give("p", &P::resolve(()).then(|()| P::reject(1))));
}

#[test]
fn catching_promise_all() {
    log_rejections();
    expect_trace("caught@2", || {
        Promise::all([P::reject(1)]).then_catch(c("no"), caught);
    });
}

#[test]
fn catching_promise_all_of_a_promise_rejected_in_a_tick() {
    log_rejections();
    expect_trace("tick 1  tick 2  caught@2", || {
        let p = P::new(|_, reject| {
            next_tick(move || {
                log("tick 1");
                reject(1);
            });
        });
        let all = Promise::all([p]);
        next_tick(|| {
            log("tick 2");
            all.then_catch(c("no"), caught);
        });
    });
}

#[test]
fn failing_to_catch_promise_all() {
    let names = log_rejections();
    expect_trace("U1p", || {
        let element = P::reject(1);
        names.give("element", &element);
        names.give("p", &Promise::all([element]));
    });
}

#[test]
fn waiting_for_a_timer_causes_a_pair_of_events() {
    expect_timed_trace("U1p  timer  caught  Hp", || {
        let p = P::try_new(|_, _| Err(1));
        log_rejections().give("p", &p);
        timeout(10, || {
            log("timer");
            p.then_catch(|()| log("no"), |_| log("caught"));
        });
    });
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

#[test]
fn ticks_and_microtasks_are_soon_enough_inside_set_timeout() {
    expect_timed_trace("caught  later", || {
        log_rejections();
        timeout(0, reject_and_catch_tick_first);
        timeout(0, || log("later"));
    });
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
fn microtasks_and_ticks_are_soon_enough_inside_set_timeout() {
    expect_timed_trace("caught  later", || {
        log_rejections();
        timeout(0, reject_and_catch_microtask_first);
        timeout(0, || log("later"));
    });
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
