//! `test/built-ins/Promise/resolve`: `Promise.resolve` is `Promise::resolve` for values and `Promise::resolve_with` for
//! what is a promise or a thenable.

use thenable::{Promise, Reject, Resolution, Resolve, Thenable};

use crate::cases::{NonThenable, Object, P, Poisoned, fulfills, rejects, type_errors};
use crate::common::{at, expect_trace, log, object};

#[test]
fn s25_4_4_5_a2_1_t1() {
    expect_trace("true", || {
        let p1 = Promise::<_, ()>::resolve(1);
        let id = p1.id();
        log(Promise::resolve_with(p1).id() == id);
    });
}

#[test]
fn s25_4_4_5_a2_2_t1() {
    expect_trace("true  fulfilled@1", || {
        let value = Object::new();
        let (p1, resolve, _) = P::with_resolvers();
        let id = p1.id();
        let p2 = P::resolve_with(p1);
        log(p2.id() == id);
        fulfills(p2, value.clone());
        resolve(value);
    });
}

#[test]
fn s25_4_4_5_a2_3_t1() {
    expect_trace("true  rejected@1", || {
        let reason = Object::new();
        let (p1, _, reject) = P::with_resolvers();
        let id = p1.id();
        let p2 = P::resolve_with(p1);
        log(p2.id() == id);
        rejects(p2, reason.clone());
        reject(reason);
    });
}

#[test]
fn s25_4_4_5_a3_1_t1() {
    expect_trace("1  2  3@1  4@1  5@2", || {
        let thenable = object(|resolve, _| {
            at(3);
            resolve("resolved");
            at(4);
            Err("interrupt flow")
        });
        log(1);
        let p1 = Promise::resolve_with(thenable);
        log(2);
        p1.then(|value| {
            assert_eq!(value, "resolved");
            at(5);
        });
    });
}

/// Differs: a fault, not a rejection.
#[test]
fn s25_4_4_5_a4_1_t1() {
    expect_trace("TypeError@1", || {
        let (p, resolve, _) = P::with_resolvers();
        resolve.with(p.clone());
        type_errors(p);
    });
}

#[test]
fn s25_promise_resolve_foreign_thenable_1() {
    expect_trace("fulfilled@2", || {
        let thenable = object::<_, ()>(|resolve, _| {
            resolve("resolved");
            Ok(())
        });
        fulfills(Promise::resolve_with(thenable), "resolved");
    });
}

#[test]
fn s25_promise_resolve_foreign_thenable_2() {
    /// A thenable that resolves with what it holds, which shows that `this` is the thenable.
    struct Foreign(Object);

    impl Thenable<Object, Object> for Foreign {
        fn then(self: Box<Self>, resolve: Resolve<Object, Object>, _: Reject<Object, Object>) -> Result<(), Object> {
            at(3);
            resolve(self.0);
            Ok(())
        }
    }

    expect_trace("1  2  3@1  4@2", || {
        let value = Object::new();
        let thenable = Foreign(value.clone());
        log(1);
        let p = P::resolve_with(Resolution::Thenable(Box::new(thenable)));
        log(2);
        p.then(move |actual| {
            assert_eq!(actual, value);
            at(4);
        });
    });
}

#[test]
fn arg_non_thenable() {
    expect_trace("fulfilled@1", || {
        let value = NonThenable::new();
        fulfills(Promise::<_, ()>::resolve(value.clone()), value);
    });
}

#[test]
fn arg_poisoned_then() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        rejects(P::resolve_with(Poisoned(reason.clone())), reason);
    });
}

#[test]
fn resolve_non_obj() {
    expect_trace("fulfilled@1", || fulfills(Promise::<_, ()>::resolve(23), 23));
}

#[test]
fn resolve_non_thenable() {
    expect_trace("fulfilled@1", || {
        let value = Object::new();
        fulfills(P::resolve(value.clone()), value);
    });
}

/// The same as `arg_poisoned_then`: test262 has the case twice.
#[test]
fn resolve_poisoned_then() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        rejects(P::resolve_with(Poisoned(reason.clone())), reason);
    });
}

#[test]
fn resolve_thenable() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        let settled_with = value.clone();
        let thenable = object(|resolve, _| {
            resolve(settled_with);
            Ok(())
        });
        fulfills(P::resolve_with(thenable), value);
    });
}
