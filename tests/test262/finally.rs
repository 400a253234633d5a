//! `test/built-ins/Promise/prototype/finally`.

use crate::cases::{Object, P};
use crate::common::{at, c, expect_trace};

#[test]
fn rejection_reason_no_fulfill() {
    expect_trace("1@1  2@5", || {
        let original = Object::new();
        let same = original.clone();
        P::reject(original)
            .finally(|| {
                at(1);
                Ok(Object::new())
            })
            .then(c("no"))
            .catch(move |reason| {
                assert_eq!(reason, same);
                at(2);
            });
    });
}

#[test]
fn rejection_reason_override_with_throw() {
    expect_trace("1@1  2@3", || {
        let thrown = Object::new();
        let same = thrown.clone();
        P::reject(Object::new())
            .finally(|| {
                at(1);
                Err::<(), _>(thrown)
            })
            .then(c("no"))
            .catch(move |reason| {
                assert_eq!(reason, same);
                at(2);
            });
    });
}

#[test]
fn resolution_value_no_override() {
    expect_trace("1@1  2@4", || {
        let value = Object::new();
        let same = value.clone();
        P::resolve(value)
            .finally(|| {
                at(1);
                Ok(Object::new())
            })
            .then(move |value| {
                assert_eq!(value, same);
                at(2);
            });
    });
}
