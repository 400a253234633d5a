//! `test/built-ins/Promise/prototype/then`: order, and what a handler gets. What it may return stands in `resolving`.

mod resolving;

use thenable::{Promise, Resolution};

use crate::cases::{Object, P, fulfills, log_rejections, rejects, rejects_for};
use crate::common::{at, c, expect_trace, log};

/// A promise of nothing, rejected for nothing.
type Unit = Promise<(), ()>;

/// The promise of the cases in which a handler throws a promise.
type OfPromises = Promise<(), P>;

#[test]
fn s25_4_4_a1_1_t1() {
    expect_trace("1  2  3@1  4@1  5@2  6@2  7@3  8@3", || {
        let p = Unit::new(|resolve, _| {
            log(1);
            resolve(());
        });
        p.clone().then(c("3")).then(c("5")).then(c("7"));
        p.then(c("4")).then(c("6")).then(c("8"));
        log(2);
    });
}

#[test]
fn s25_4_4_a2_1_t1() {
    expect_trace("1  2@1  3@1", || {
        let (p1, resolve, _) = Promise::<u32, ()>::with_resolvers();
        let (p2, _, reject) = Promise::<(), u32>::with_resolvers();
        p1.then(at);
        p2.catch(at);
        reject(2);
        resolve(3);
        log(1);
    });
}

#[test]
fn s25_4_4_a2_1_t2() {
    expect_trace("1  2@1  3@1", || {
        let (p1, resolve, _) = Promise::<u32, ()>::with_resolvers();
        let (p2, _, reject) = Promise::<(), u32>::with_resolvers();
        reject(3);
        resolve(2);
        p1.then(at);
        p2.catch(at);
        log(1);
    });
}

#[test]
fn s25_4_4_a2_1_t3() {
    expect_trace("1  2@2  3@2", || {
        let (p1, resolve, _) = Promise::<u32, ()>::with_resolvers();
        let (p2, _, reject) = Promise::<(), u32>::with_resolvers();
        reject(3);
        resolve(2);
        Unit::resolve(()).then(|()| {
            p1.then(at);
            p2.catch(at);
        });
        log(1);
    });
}

/// `then(undefined, undefined)` is `map_err`, which has no handler for a value and gives a reason back.
#[test]
fn s25_4_5_3_a4_1_t1() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        fulfills(P::resolve(value.clone()).map_err(|reason| reason), value);
    });
}

/// The same for a reason: `map` has no handler for it.
#[test]
fn s25_4_5_3_a4_1_t2() {
    expect_trace("rejected@2", || {
        let reason = Object::new();
        rejects(P::reject(reason.clone()).map(|value| value), reason);
    });
}

#[test]
fn s25_4_5_3_a5_1_t1() {
    expect_trace("1  2@1  3@2  4@2", || {
        let (p, resolve, _) = Unit::with_resolvers();
        log(1);
        p.clone().then(c("3"));
        Unit::resolve(()).then(move |()| {
            p.then(c("4"));
            at(2);
            resolve(());
        });
    });
}

#[test]
fn s25_4_5_3_a5_2_t1() {
    expect_trace("1  2  3@1  4@1  5@2", || {
        let (p, resolve, _) = Unit::with_resolvers();
        log(1);
        resolve(());
        p.clone().then(c("3"));
        Unit::resolve(()).then(|()| {
            p.then(c("5"));
            at(4);
        });
        log(2);
    });
}

#[test]
fn s25_4_5_3_a5_3_t1() {
    expect_trace("1  2  3@1  4@1  5@2", || {
        let (p, _, reject) = Unit::with_resolvers();
        log(1);
        reject(());
        p.clone().then_catch(c("no"), c("3"));
        Unit::resolve(()).then(|()| {
            p.then_catch(c("no"), c("5"));
            at(4);
        });
        log(2);
    });
}

#[test]
fn prfm_fulfilled() {
    expect_trace("fulfilled@1", || {
        let value = Object::new();
        fulfills(P::new(|resolve, _| resolve(value.clone())), value);
    });
}

#[test]
fn prfm_pending_fulfulled() {
    expect_trace("fulfilled@1", || {
        let value = Object::new();
        let (p, resolve, _) = P::with_resolvers();
        fulfills(p, value.clone());
        resolve(value);
    });
}

#[test]
fn prfm_pending_rejected() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        let (p, _, reject) = P::with_resolvers();
        rejects(p, reason.clone());
        reject(reason);
    });
}

#[test]
fn prfm_rejected() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        rejects(P::new(|_, reject| reject(reason.clone())), reason);
    });
}

/// Throws `reason`, a promise, when `p1` is fulfilled, and checks that it arrives as it is.
fn throw_when_fulfilled(p1: OfPromises, reason: P) {
    let id = reason.id();
    rejects_for(p1.then(|()| Err::<(), _>(reason)), move |actual| assert_eq!(actual.id(), id));
}

/// The same when `p1` is rejected.
fn throw_when_rejected(p1: OfPromises, reason: P) {
    let id = reason.id();
    rejects_for(p1.then_catch(|()| Ok(()), |_| Err(reason)), move |actual| assert_eq!(actual.id(), id));
}

#[test]
fn reject_pending_fulfilled() {
    expect_trace("rejected@2", || {
        let (p1, resolve, _) = OfPromises::with_resolvers();
        throw_when_fulfilled(p1, P::new(|_, _| ()));
        resolve(());
    });
}

#[test]
fn reject_pending_rejected() {
    expect_trace("rejected@2", || {
        let (p1, _, reject) = OfPromises::with_resolvers();
        throw_when_rejected(p1, P::resolve(Object::new()));
        reject(P::new(|_, _| ()));
    });
}

#[test]
fn reject_settled_fulfilled() {
    expect_trace("rejected@2", || throw_when_fulfilled(OfPromises::resolve(()), P::resolve(Object::new())));
}

#[test]
fn reject_settled_rejected() {
    expect_trace("rejected@2", || {
        throw_when_rejected(OfPromises::reject(P::new(|_, _| ())), P::resolve(Object::new()));
    });
}

#[test]
fn rxn_handler_fulfilled_invoke_strict() {
    expect_trace("fulfilled@1", || {
        let value = Object::new();
        let same = value.clone();
        P::resolve(value).then_catch(
            move |value| {
                assert_eq!(value, same);
                at("fulfilled");
            },
            c("no"),
        );
    });
}

#[test]
fn rxn_handler_rejected_invoke_strict() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        let same = reason.clone();
        P::reject(reason).then_catch(c("no"), move |reason| {
            assert_eq!(reason, same);
            at("rejected");
        });
    });
}

#[test]
fn rxn_handler_fulfilled_next_abrupt() {
    log_rejections();
    expect_trace("a@1  b@1  U\"thrown\"", || {
        let p = Promise::resolve(());
        p.clone().then_catch(
            |()| {
                at("a");
                Err("thrown")
            },
            |_| {
                at("A");
                Ok(())
            },
        );
        p.then_catch(c("b"), c("B"));
    });
}

#[test]
fn rxn_handler_rejected_next_abrupt() {
    log_rejections();
    expect_trace("a@1  b@1  U\"thrown\"", || {
        let p = Promise::<(), _>::reject("reason");
        p.clone().then_catch(
            |()| {
                at("A");
                Ok(())
            },
            |_| {
                at("a");
                Err("thrown")
            },
        );
        p.then_catch(c("B"), c("b"));
    });
}

#[test]
fn rxn_handler_fulfilled_next() {
    expect_trace("a@1  b@1  c@1  d@1", || {
        let p = Unit::resolve(());
        p.clone().then_catch(c("a"), c("A"));
        p.clone().then_catch(c("b"), c("B"));
        p.clone().then_catch(c("c"), c("C"));
        p.then_catch(c("d"), c("D"));
    });
}

#[test]
fn rxn_handler_rejected_next() {
    expect_trace("a@1  b@1  c@1  d@1", || {
        let p = Unit::reject(());
        p.clone().then_catch(c("A"), c("a"));
        p.clone().then_catch(c("B"), c("b"));
        p.clone().then_catch(c("C"), c("c"));
        p.then_catch(c("D"), c("d"));
    });
}

/// A handler that is not called.
fn uncalled<A>(_: A) -> Resolution<Object, Object> {
    unreachable!("the promise settled in the other way")
}

#[test]
fn rxn_handler_fulfilled_return_abrupt() {
    expect_trace("rejected@2", || {
        let reason = Object::new();
        let thrown = reason.clone();
        rejects(Promise::resolve(()).then_catch(|()| Err(thrown), uncalled), reason);
    });
}

#[test]
fn rxn_handler_fulfilled_return_normal() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        let returned = value.clone();
        fulfills(Promise::resolve(()).then_catch(|()| Ok(returned), uncalled), value);
    });
}

#[test]
fn rxn_handler_rejected_return_abrupt() {
    expect_trace("rejected@2", || {
        let reason = Object::new();
        let thrown = reason.clone();
        rejects(P::reject(Object::new()).then_catch(uncalled, |_| Err(thrown)), reason);
    });
}

#[test]
fn rxn_handler_rejected_return_normal() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        let returned = value.clone();
        fulfills(P::reject(Object::new()).then_catch(uncalled, |_| Ok(returned)), value);
    });
}

/// `then()` gives a value on: so does `catch`.
#[test]
fn rxn_handler_identity() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        fulfills(P::resolve(value.clone()).catch(uncalled), value);
    });
}

/// `then()` gives a reason on: so does `then` with one handler.
#[test]
fn rxn_handler_thrower() {
    expect_trace("rejected@2", || {
        let reason = Object::new();
        rejects(P::reject(reason.clone()).then(uncalled), reason);
    });
}
