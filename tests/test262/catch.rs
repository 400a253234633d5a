//! `test/built-ins/Promise/prototype/catch`.

use crate::cases::{Object, P, fulfills};
use crate::common::{at, c, expect_trace};
use thenable::{Promise, Resolution};

#[test]
fn s25_4_5_1_a3_1_t1() {
    expect_trace("fulfilled@2", || {
        let value = Object::new();
        let uncalled = |_| -> Resolution<Object, Object> { unreachable!("it is fulfilled") };
        fulfills(P::resolve(value.clone()).catch(uncalled), value);
    });
}

#[test]
fn s25_4_5_1_a3_1_t2() {
    expect_trace("caught@2", || {
        let reason = Object::new();
        let same = reason.clone();
        Promise::<(), _>::reject(reason).then(c("no")).catch(move |reason| {
            assert_eq!(reason, same);
            at("caught");
        });
    });
}
