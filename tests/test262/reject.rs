//! `test/built-ins/Promise/reject`.

use thenable::{Promise, PromiseState};

use crate::cases::rejects;
use crate::common::expect_trace;

#[test]
fn s25_4_4_4_a2_1_t1() {
    expect_trace("rejected@1", || {
        let p = Promise::<(), _>::reject(3);
        assert_eq!(p.state(), PromiseState::Rejected);
        rejects(p, 3);
    });
}
