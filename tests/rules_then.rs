//! Rules T1 to T13: `then`, `resolve`, adoption. Each test is a snippet that Node ran, and asserts what Node printed.
//!
//! A `throw` is an `Err`. A handler that only logs makes `()`, so a promise with such a `catch` is one of `()`.
mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{at, c, expect_trace, g, log, object, on_fault};
use thenable::{Outcome, Promise, queue_microtask};

/// The promise of most snippets.
type P = Promise<i32, i32>;

/// The promise of those that catch with a handler that only logs.
type Unit = Promise<(), i32>;

#[test]
fn t1_then_on_a_settled_promise_takes_a_tick_and_is_never_synchronous() {
    expect_trace("sync  A@1  B@2", || {
        P::resolve(1).then(c("A")).then(c("B"));
        log("sync");
    });
}

#[test]
fn t2_handlers_of_a_pending_promise_run_a_tick_after_it_settles_in_registration_order() {
    expect_trace("settled@1  A@2  B@2  C@2", || {
        let (p, r, _) = Unit::with_resolvers();
        p.clone().then(c("A"));
        p.clone().catch(c("no"));
        p.clone().then_catch(c("B"), c("no"));
        queue_microtask(move || {
            r(());
            at("settled");
            p.then(c("C"));
        });
    });
}

#[test]
fn t3_jobs_are_queued_when_promises_settle_not_when_then_is_called() {
    expect_trace("p2@1  p1@1", || {
        let (p1, r1, _) = Unit::with_resolvers();
        let (p2, r2, _) = Unit::with_resolvers();
        p1.then(c("p1"));
        p2.then(c("p2"));
        r2(());
        r1(());
    });
}

#[test]
fn t4_passing_through_a_link_without_the_matching_handler_takes_a_tick() {
    expect_trace("C2@2  A3@3  B3@3", || {
        Unit::resolve(()).catch(c("no")).catch(c("no")).then(c("A3"));
        Unit::reject(1).then(c("no")).then(c("no")).catch(c("B3"));
        // `then(null, null)`: a link with no handler for a value. `map_err` is one.
        Unit::resolve(()).map_err(|reason| reason).then(c("C2"));
    });
}

#[test]
fn t5_resolving_with_a_fulfilled_promise_takes_two_ticks_more() {
    expect_trace("resolve(1)@1  resolve(q)@3", || {
        let q = P::resolve(1);
        P::new(|r, _| r.with(q)).then(c("resolve(q)"));
        P::new(|r, _| r(1)).then(c("resolve(1)"));
    });
}

#[test]
fn t6_resolving_with_a_synchronous_thenable_takes_one_tick_more() {
    expect_trace("then called@1  then called@1  A@2  B@2", || {
        let t = || {
            object(|r, _| {
                at("then called");
                r(1);
                Ok(())
            })
        };
        P::new(|r, _| r.with(t())).then(c("A"));
        P::resolve_with(t()).then(c("B"));
    });
}

#[test]
fn t7_a_handler_may_return_a_value_a_thenable_or_a_promise() {
    expect_trace("value@2  throw@2  thenable@3  promise@4", || {
        let q = P::resolve(1);
        let t = object(|r, _| {
            r(1);
            Ok(())
        });
        Unit::resolve(()).then(|()| Ok(1)).then(c("value"));
        Unit::resolve(()).then(|()| t).then(c("thenable"));
        Unit::resolve(()).then(|()| q).then(c("promise"));
        Unit::resolve(()).then(|()| Err::<(), _>(1)).catch(c("throw"));
    });
}

#[test]
fn t7_map_costs_what_then_costs() {
    expect_trace("map@2  then@2  map@3", || {
        P::resolve(1).map(|n| n + 1).map(c("map")).map(c("map"));
        P::resolve(1).then(|n| Ok(n + 1)).then(c("then"));
    });
}

#[test]
fn t8_a_promise_locked_in_to_a_pending_one_settles_a_tick_after_it() {
    expect_trace("settle@3  inner@4  outer@5", || {
        let (inner, r, _) = P::with_resolvers();
        P::new(|x, _| x.with(inner.clone())).then(c("outer"));
        inner.then(c("inner"));
        queue_microtask(|| {
            queue_microtask(|| {
                queue_microtask(move || {
                    r(1);
                    at("settle");
                });
            });
        });
    });
}

#[test]
fn t9_promise_resolve_of_a_promise_is_that_promise() {
    expect_trace("true  A@1", || {
        let p = P::resolve(1);
        log(P::resolve_with(p.clone()).id() == p.id());
        P::resolve_with(p).then(c("A"));
    });
}

#[test]
fn t10_only_the_first_call_counts_also_when_it_locks_in_to_a_pending_promise() {
    expect_trace("A@3", || {
        let (inner, r2, _) = P::with_resolvers();
        let (p, r, j) = P::with_resolvers();
        r.with(inner);
        r(2);
        j(3);
        p.then_catch(
            |value| {
                assert_eq!(value, 7);
                at("A");
            },
            c("no"),
        );
        r2(7);
    });
}

#[test]
fn t11_what_an_executor_throws_counts_before_it_resolved_and_not_after() {
    expect_trace("ok@1  rej@1", || {
        P::try_new(|r, _| {
            r(1);
            Err(2)
        })
        .then_catch(c("ok"), c("no"));
        P::try_new(|_, _| Err(3)).then_catch(c("no"), c("rej"));
    });
}

#[test]
fn t11_a_panic_of_an_executor_counts_before_it_resolved_and_not_after() {
    expect_trace("ok@1  fault@1", || {
        P::new(|r, _| {
            r(1);
            panic!("2");
        })
        .then_catch(c("ok"), c("no"));
        P::new(|_, _| panic!("3")).handle(on_fault("fault"));
    });
}

/// Logs the error of a promise that was resolved with itself, by the name it has in JavaScript.
fn type_error(outcome: Outcome<i32, i32>) {
    match outcome {
        Outcome::Faulted(fault) if fault.self_resolution().is_some() => at("TypeError"),
        other => at(format_args!("{other:?}")),
    }
}

#[test]
fn t12_a_promise_resolved_with_itself_settles_at_once_with_a_fault() {
    expect_trace("TypeError@1  TypeError@2", || {
        let (p, r, _) = P::with_resolvers();
        r.with(p.clone());
        p.handle(type_error);

        let slot = Rc::new(RefCell::new(None));
        let same = slot.clone();
        let q = Unit::resolve(()).then(move |()| same.take().expect("q was put there before the job ran"));
        slot.replace(Some(q.clone()));
        q.handle(type_error);
    });
}

#[test]
fn t12_the_fault_names_the_promise() {
    let (p, r, _) = P::with_resolvers();
    let origin = p.origin();
    r.with(p.clone());
    let peeked = p.peek().map(|outcome| outcome.clone());
    let Some(Outcome::Faulted(fault)) = peeked else { panic!("{peeked:?}") };
    assert_eq!(fault.self_resolution().map(|error| error.0), Some(origin));
    assert_eq!(fault.to_string(), format!("chaining cycle: {origin} was resolved with itself"));
    p.handle(type_error);
}

#[test]
fn t13_of_a_thenable_the_first_call_counts_and_an_error_counts_alone() {
    expect_trace("A@2  B@2", || {
        let t = object(|r, j| {
            r(1);
            j(2);
            r(3);
            Err(4)
        });
        P::resolve_with(t).then_catch(c("A"), c("no"));
        P::resolve_with(object(|_, _| Err(5))).then_catch(c("no"), c("B"));
    });
}

#[test]
fn t13_a_thenable_that_resolves_with_a_promise_is_locked_in() {
    // In Node: `Promise.resolve({ then(r, j) { r(q); j(2); throw 4; } })` takes the two ticks of adoption more.
    expect_trace("A@4", || {
        let q = P::resolve(1);
        let t = object(move |r, j| {
            r.with(q);
            j(2);
            Err(4)
        });
        P::resolve_with(t).then_catch(c("A"), c("no"));
    });
}

#[test]
fn the_tick_of_a_snippet_starts_at_zero() {
    expect_trace("0", || log(g()));
}
