//! Rules U1 to U6: unhandled rejections. Each test of a rule is a snippet that Node ran, and asserts what Node printed.
mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use common::{c, expect_trace, log, log_u, macrotask, trace};
use thenable::{Promise, PromiseId, next_tick, on_rejection_handled, on_unhandled_rejection, run};

/// The promise of the snippets.
type P = Promise<(), i32>;

#[test]
fn u1_reported_when_ticks_and_microtasks_are_done_before_the_next_macrotask_in_rejection_order() {
    on_unhandled_rejection(|e| {
        log_u(e);
        next_tick(|| log("k"));
        P::resolve(()).then(|()| log("p"));
    });
    expect_trace("tick  m  U1  U2  k  k  p  p  imm", || {
        P::reject(1);
        macrotask(|| log("imm"));
        P::resolve(()).then(|()| {
            log("m");
            P::reject(2);
        });
        next_tick(|| log("tick"));
    });
}

#[test]
fn u2_not_reported_when_handled_in_the_same_drain() {
    on_unhandled_rejection(log_u);
    expect_trace("tick@1  late@4", || {
        let p = P::reject(1);
        P::resolve(()).then(|()| ()).then(|()| ()).then(|()| {
            p.catch(c("late"));
        });
        let q = P::reject(2);
        next_tick(|| {
            q.catch(c("tick"));
        });
    });
}

#[test]
fn u3_a_rejection_handled_late_is_told_at_the_end_of_that_drain_before_new_ones() {
    on_unhandled_rejection(log_u);
    on_rejection_handled(|_| log("H"));
    expect_trace("U1  t  t end  caught  H  U2", || {
        let p = P::reject(1);
        macrotask(|| {
            log("t");
            P::reject(2);
            p.catch(|_| log("caught"));
            log("t end");
        });
    });
}

#[test]
fn u4_each_derived_promise_is_a_rejection_of_its_own_and_any_then_handles_the_source() {
    let names = Rc::new(RefCell::new(Vec::<(PromiseId, &str)>::new()));
    let known = names.clone();
    on_unhandled_rejection(move |e| {
        let name = known.borrow().iter().find(|(id, _)| *id == e.id()).map_or("?", |(_, name)| name);
        log(format_args!("U{:?}{name}", e.reason()));
    });
    expect_trace("U1b  U1d", || {
        let a = P::reject(1);
        let (b, d) = (a.clone().then(|()| ()), a.clone().finally(|| ()));
        names.replace(vec![(a.id(), "a"), (b.id(), "b"), (d.id(), "d")]);
    });
}

#[test]
fn u5_rejections_made_by_the_hook_are_reported_in_a_further_round_of_the_same_drain() {
    let n = Cell::new(0);
    on_unhandled_rejection(move |e| {
        log_u(e);
        if n.replace(n.get() + 1) < 2 {
            P::reject(10 + n.get());
        }
    });
    expect_trace("U1  U2  U11  U12  imm", || {
        P::reject(1);
        P::reject(2);
        macrotask(|| log("imm"));
    });
}

#[test]
fn u6_reported_between_two_macrotasks() {
    on_unhandled_rejection(log_u);
    expect_trace("t1  U1  t2", || {
        macrotask(|| {
            log("t1");
            P::reject(1);
        });
        macrotask(|| log("t2"));
    });
}

#[test]
fn a_rejection_whose_handle_was_dropped_is_reported_exactly_once() {
    on_unhandled_rejection(log_u);
    expect_trace("U1  U2  U3  macrotask", || {
        drop(P::reject(1));
        let (p, _, reject) = P::with_resolvers();
        drop(p);
        reject(2);
        drop(P::resolve(()).then(|()| Err::<(), _>(3)));
        macrotask(|| log("macrotask"));
    });
    run(|| ()).unwrap();
    assert_eq!(trace(), "U1  U2  U3  macrotask");
}

#[test]
fn handling_late_through_a_clone_is_told_once_with_the_same_id() {
    on_unhandled_rejection(|report| log(format_args!("U{}", report.id())));
    on_rejection_handled(|id| log(format_args!("H{id}")));
    let p = P::reject(1);
    let id = p.id();
    expect_trace(&format!("U{id}  first@1  second@1  H{id}"), || {
        let (first, second) = (p.clone(), p.clone());
        drop(p);
        macrotask(|| {
            first.catch(|_| log("first@1"));
            second.catch(|_| log("second@1"));
        });
    });
    run(|| ()).unwrap();
    assert_eq!(trace(), format!("U{id}  first@1  second@1  H{id}"));
}

#[test]
fn awaiting_late_is_handling_late() {
    // In Node: `const p = Promise.reject(1); setImmediate(async () => { try { await p; } catch { log('caught'); } })`.
    on_unhandled_rejection(log_u);
    on_rejection_handled(|_| log("H"));
    expect_trace("U1  caught  H", || {
        let p = P::reject(1);
        macrotask(|| {
            P::spawn(async {
                assert_eq!(p.await, Err(1));
                log("caught");
            });
        });
    });
}

#[test]
fn peeking_is_not_handling() {
    on_unhandled_rejection(log_u);
    expect_trace("true  U1", || {
        let p = P::reject(1);
        log(p.peek().is_some());
    });
}
