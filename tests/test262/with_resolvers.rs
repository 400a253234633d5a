//! `test/built-ins/Promise/withResolvers`.

use crate::cases::{Object, P, fulfills, rejects};
use crate::common::expect_trace;

#[test]
fn resolvers() {
    expect_trace("fulfilled@1  rejected@1", || {
        let object = Object::new();
        let (p1, resolve, _) = P::with_resolvers();
        let (p2, _, reject) = P::with_resolvers();
        fulfills(p1, object.clone());
        rejects(p2, object.clone());
        resolve(object.clone());
        reject(object);
    });
}
