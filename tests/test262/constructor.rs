//! `test/built-ins/Promise`: the constructor, and the functions that it gives to the executor.

use thenable::{Promise, Reject, Resolve};

use crate::cases::{NonThenable, Object, Overridden, P, Poisoned, fulfills, rejects, rejects_for, type_errors};
use crate::common::{c, expect_trace, log, object};

/// A promise whose reasons are promises: nobody adopts a reason.
type OfPromises = Promise<u32, P>;

/// A promise that stays pending.
fn pending() -> P {
    P::new(|_, _| ())
}

/// A check that a reason is `promise` itself.
fn is(promise: &P) -> impl FnOnce(&P) + 'static {
    let id = promise.id();
    move |reason| assert_eq!(reason.id(), id)
}

#[test]
fn exception_after_resolve_in_executor() {
    expect_trace("fulfilled@2", || {
        let thenable = object(|resolve, _| {
            resolve("value");
            Ok(())
        });
        let promise = Promise::try_new(|resolve, _| {
            resolve.with(thenable);
            Err("ignored")
        });
        fulfills(promise, "value");
    });
}

#[test]
fn exception_after_resolve_in_thenable_job() {
    expect_trace("fulfilled@3", || {
        let thenable = object(|resolve, _| {
            resolve("value");
            Ok(())
        });
        let fails = object(|resolve: Resolve<_, _>, _| {
            resolve.with(thenable);
            Err("ignored")
        });
        fulfills(Promise::new(|resolve, _| resolve.with(fails)), "value");
    });
}

#[test]
fn exec_args() {
    expect_trace("before  executor  after", || {
        log("before");
        Promise::new(|_resolve: Resolve<(), ()>, _reject: Reject<(), ()>| log("executor"));
        log("after");
    });
}

#[test]
fn reject_ignored_via_abrupt() {
    expect_trace("fulfilled@1", || {
        let promise = OfPromises::try_new(|resolve, _| {
            resolve(1);
            Err(pending())
        });
        fulfills(promise, 1);
    });
}

#[test]
fn reject_ignored_via_fn_deferred() {
    expect_trace("fulfilled@1", || {
        let (promise, resolve, reject) = OfPromises::with_resolvers();
        fulfills(promise, 1);
        resolve(1);
        reject(pending());
    });
}

#[test]
fn reject_ignored_via_fn_immed() {
    expect_trace("fulfilled@1", || {
        let promise = OfPromises::new(|resolve, reject| {
            resolve(1);
            reject(pending());
        });
        fulfills(promise, 1);
    });
}

#[test]
fn reject_via_abrupt() {
    expect_trace("rejected@1", || {
        let reason = pending();
        let check = is(&reason);
        rejects_for(OfPromises::try_new(|_, _| Err(reason)), check);
    });
}

#[test]
fn reject_via_abrupt_queue() {
    expect_trace("rejected@2", || {
        let reason = P::resolve(Object::new());
        let check = is(&reason);
        rejects_for(OfPromises::try_new(|_, _| Err(reason)).then(c("no")), check);
    });
}

#[test]
fn reject_via_fn_deferred() {
    expect_trace("rejected@1", || {
        let reason = pending();
        let (promise, _, reject) = OfPromises::with_resolvers();
        rejects_for(promise, is(&reason));
        reject(reason);
    });
}

#[test]
fn reject_via_fn_deferred_queue() {
    expect_trace("rejected@2", || {
        let reason = P::resolve(Object::new());
        let (promise, _, reject) = OfPromises::with_resolvers();
        rejects_for(promise.then(c("no")), is(&reason));
        reject(reason);
    });
}

#[test]
fn reject_via_fn_immed() {
    expect_trace("rejected@1", || {
        let reason = pending();
        let check = is(&reason);
        rejects_for(OfPromises::new(|_, reject| reject(reason)), check);
    });
}

#[test]
fn reject_via_fn_immed_queue() {
    expect_trace("rejected@2", || {
        let reason = P::resolve(Object::new());
        let check = is(&reason);
        rejects_for(OfPromises::new(|_, reject| reject(reason)).then(c("no")), check);
    });
}

#[test]
fn resolve_ignored_via_fn_deferred() {
    expect_trace("rejected@1", || {
        let reason = pending();
        let (promise, resolve, reject) = OfPromises::with_resolvers();
        rejects_for(promise, is(&reason));
        reject(reason);
        resolve(1);
    });
}

#[test]
fn resolve_ignored_via_fn_immed() {
    expect_trace("rejected@1", || {
        let reason = pending();
        let check = is(&reason);
        let promise = OfPromises::new(|resolve, reject| {
            reject(reason);
            resolve(1);
        });
        rejects_for(promise, check);
    });
}

#[test]
fn resolve_non_obj_deferred() {
    expect_trace("fulfilled@1", || {
        let (promise, resolve, _) = Promise::<_, ()>::with_resolvers();
        fulfills(promise, 45);
        resolve(45);
    });
}

#[test]
fn resolve_non_obj_immed() {
    expect_trace("fulfilled@1", || fulfills(Promise::<_, ()>::new(|resolve, _| resolve(45)), 45));
}

#[test]
fn resolve_non_thenable_deferred() {
    expect_trace("fulfilled@1", || {
        let value = NonThenable::new();
        let (promise, resolve, _) = Promise::<_, ()>::with_resolvers();
        fulfills(promise, value.clone());
        resolve(value);
    });
}

#[test]
fn resolve_non_thenable_immed() {
    expect_trace("fulfilled@1", || {
        let value = NonThenable::new();
        fulfills(Promise::<_, ()>::new(|resolve, _| resolve(value.clone())), value);
    });
}

#[test]
fn resolve_poisoned_then_deferred() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        let (promise, resolve, _) = P::with_resolvers();
        rejects(promise, reason.clone());
        resolve.with(Poisoned(reason));
    });
}

#[test]
fn resolve_poisoned_then_immed() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        rejects(P::new(|resolve, _| resolve.with(Poisoned(reason.clone()))), reason);
    });
}

#[test]
fn resolve_prms_cstm_then_deferred() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        let (promise, resolve, _) = P::with_resolvers();
        fulfills(promise, value.clone());
        resolve.with(Overridden::new(value));
    });
}

#[test]
fn resolve_prms_cstm_then_immed() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        fulfills(P::new(|resolve, _| resolve.with(Overridden::new(value.clone()))), value);
    });
}

/// Differs: a fault, not a rejection.
#[test]
fn resolve_self() {
    expect_trace("TypeError@1", || {
        let (promise, resolve, _) = P::with_resolvers();
        type_errors(promise.clone());
        resolve.with(promise);
    });
}

#[test]
fn resolve_thenable_deferred() {
    expect_trace("fulfilled@3", || {
        let value = Object::new();
        let (promise, resolve, _) = P::with_resolvers();
        fulfills(promise, value.clone());
        resolve.with(P::resolve(value));
    });
}

#[test]
fn resolve_thenable_immed() {
    expect_trace("fulfilled@3", || {
        let value = Object::new();
        fulfills(P::new(|resolve, _| resolve.with(P::resolve(value.clone()))), value);
    });
}
