//! The cases `resolve-*` of `test/built-ins/Promise/prototype/then`: what the derived promise is resolved with, for a
//! source that is pending or settled when `then` is called, and is fulfilled or rejected.

use std::cell::RefCell;
use std::rc::Rc;

use thenable::{IntoResolution, Promise, Resolution};

use crate::cases::{NonThenable, Object, Overridden, P, Poisoned, fulfills, rejects, type_errors};
use crate::common::expect_trace;

/// How the source settles, and whether it does so before or after `then`.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    PendingFulfilled,
    PendingRejected,
    SettledFulfilled,
    SettledRejected,
}

use Source::{PendingFulfilled, PendingRejected, SettledFulfilled, SettledRejected};

/// Derives a promise with a handler that returns `returned`, gives it to `check`, and sees to it that the source settles.
fn derive<R>(source: Source, returned: impl FnOnce() -> R + 'static, check: impl FnOnce(Promise<R::Value, Object>))
where
    R: IntoResolution<Object>,
{
    let (p1, resolve, reject) = Promise::<(), Object>::with_resolvers();
    let is_fulfilled = matches!(source, PendingFulfilled | SettledFulfilled);
    let settle = || if is_fulfilled { resolve(()) } else { reject(Object::new()) };
    if matches!(source, SettledFulfilled | SettledRejected) {
        settle();
    }
    check(if is_fulfilled {
        p1.then(move |()| returned())
    } else {
        let uncalled = |()| -> Resolution<R::Value, Object> { unreachable!("the source is rejected") };
        p1.then_catch(uncalled, move |_| returned())
    });
    settle();
}

fn non_obj(source: Source) {
    expect_trace("fulfilled@2", || derive(source, || Ok(23), |p2| fulfills(p2, 23)));
}

fn non_thenable(source: Source) {
    expect_trace("fulfilled@2", || {
        let value = NonThenable::new();
        let returned = value.clone();
        derive(source, || Ok(returned), |p2| fulfills(p2, value));
    });
}

fn poisoned_then(source: Source) {
    expect_trace("rejected@2", || {
        let reason = Object::new();
        let returned = Poisoned(reason.clone());
        derive(source, || returned, |p2| rejects(p2, reason));
    });
}

fn prms_cstm_then(source: Source) {
    expect_trace("fulfilled@3", || {
        let value = Object::new();
        let returned = Overridden::new(value.clone());
        derive(source, || returned, |p2| fulfills(p2, value));
    });
}

/// Differs: a fault, not a rejection.
fn itself(source: Source) {
    expect_trace("TypeError@2", || {
        let slot = Rc::new(RefCell::new(None::<P>));
        let returned = slot.clone();
        let take = move || returned.take().expect("`p2` was put there before the handler ran");
        derive(source, take, |p2| {
            slot.replace(Some(p2.clone()));
            type_errors(p2);
        });
    });
}

fn thenable(source: Source) {
    expect_trace("fulfilled@4", || {
        let value = Object::new();
        let returned = P::resolve(value.clone());
        derive(source, || returned, |p2| fulfills(p2, value));
    });
}

#[test]
fn resolve_pending_fulfilled_non_obj() {
    non_obj(PendingFulfilled);
}

#[test]
fn resolve_pending_fulfilled_non_thenable() {
    non_thenable(PendingFulfilled);
}

#[test]
fn resolve_pending_fulfilled_poisoned_then() {
    poisoned_then(PendingFulfilled);
}

#[test]
fn resolve_pending_fulfilled_prms_cstm_then() {
    prms_cstm_then(PendingFulfilled);
}

#[test]
fn resolve_pending_fulfilled_self() {
    itself(PendingFulfilled);
}

#[test]
fn resolve_pending_fulfilled_thenable() {
    thenable(PendingFulfilled);
}

#[test]
fn resolve_pending_rejected_non_obj() {
    non_obj(PendingRejected);
}

#[test]
fn resolve_pending_rejected_non_thenable() {
    non_thenable(PendingRejected);
}

#[test]
fn resolve_pending_rejected_poisoned_then() {
    poisoned_then(PendingRejected);
}

#[test]
fn resolve_pending_rejected_prms_cstm_then() {
    prms_cstm_then(PendingRejected);
}

#[test]
fn resolve_pending_rejected_self() {
    itself(PendingRejected);
}

#[test]
fn resolve_pending_rejected_thenable() {
    thenable(PendingRejected);
}

#[test]
fn resolve_settled_fulfilled_non_obj() {
    non_obj(SettledFulfilled);
}

#[test]
fn resolve_settled_fulfilled_non_thenable() {
    non_thenable(SettledFulfilled);
}

#[test]
fn resolve_settled_fulfilled_poisoned_then() {
    poisoned_then(SettledFulfilled);
}

#[test]
fn resolve_settled_fulfilled_prms_cstm_then() {
    prms_cstm_then(SettledFulfilled);
}

#[test]
fn resolve_settled_fulfilled_self() {
    itself(SettledFulfilled);
}

#[test]
fn resolve_settled_fulfilled_thenable() {
    thenable(SettledFulfilled);
}

#[test]
fn resolve_settled_rejected_non_obj() {
    non_obj(SettledRejected);
}

#[test]
fn resolve_settled_rejected_non_thenable() {
    non_thenable(SettledRejected);
}

#[test]
fn resolve_settled_rejected_poisoned_then() {
    poisoned_then(SettledRejected);
}

#[test]
fn resolve_settled_rejected_prms_cstm_then() {
    prms_cstm_then(SettledRejected);
}

#[test]
fn resolve_settled_rejected_self() {
    itself(SettledRejected);
}

#[test]
fn resolve_settled_rejected_thenable() {
    thenable(SettledRejected);
}
