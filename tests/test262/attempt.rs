//! `test/built-ins/Promise/try`: `Promise.try` is `Promise::attempt`.

use crate::cases::{Object, P, fulfills, rejects};
use crate::common::{expect_trace, log};

#[test]
fn return_value() {
    expect_trace("before  called  after  fulfilled@1", || {
        let value = Object::new();
        log("before");
        let p = P::attempt(|| {
            log("called");
            Ok(value.clone())
        });
        log("after");
        fulfills(p, value);
    });
}

#[test]
fn throws() {
    expect_trace("rejected@1", || {
        let reason = Object::new();
        rejects(P::attempt(|| Err(reason.clone())), reason);
    });
}
