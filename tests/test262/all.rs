//! `test/built-ins/Promise/all`.

use thenable::{Promise, queue_microtask};

use super::elements::{
    Element, Held, P, Text, list, resolves_and_rejects, resolves_and_rejects_soon, resolves_soon, resolves_twice, soon,
    thenable,
};
use crate::cases::{Object, fulfills};
use crate::common::{at, c, expect_trace, log};

/// Logs the values of all `elements`, or the reason of the first that is rejected, with the tick.
fn watch_all(elements: impl IntoIterator<Item = Element>) {
    Promise::all(elements).then_catch(|values| at(list(values)), |reason| at(format_args!("rejected {reason}")));
}

#[test]
fn s25_4_4_1_a2_2_t1() {
    expect_trace("1  2@1  3@1  4@2", || {
        Promise::all::<[P; 0]>([]).then(c("2"));
        P::resolve("").then(c("3")).then(c("4"));
        log(1);
    });
}

#[test]
fn s25_4_4_1_a2_3_t2() {
    expect_trace("[]@1", || watch_all([]));
}

#[test]
fn s25_4_4_1_a7_1_t1() {
    expect_trace("[3]@2", || watch_all([Element::Adopt(P::resolve("3"))]));
}

#[test]
fn s25_4_4_1_a7_2_t1() {
    expect_trace("1  2  3@1  4@2  5@2", || {
        let p1 = P::resolve("");
        log(1);
        Promise::all([p1.clone()]).then(c("4"));
        p1.then(c("3")).then(c("5"));
        log(2);
    });
}

#[test]
fn s25_4_4_1_a8_1_t1() {
    expect_trace("1  2  3@1  4@1  5@2", || {
        let (p1, p2) = (P::resolve("1"), P::resolve("2"));
        log(1);
        p1.clone().then(c("3"));
        Promise::all([p1, p2.clone()]).then(c("5"));
        p2.then(c("4"));
        log(2);
    });
}

#[test]
fn s25_4_4_1_a8_2_t1() {
    expect_trace("rejected 1@2", || {
        let (p1, _, reject) = P::with_resolvers();
        watch_all([Element::Adopt(p1), Element::Adopt(P::resolve("2"))]);
        reject("1");
    });
}

#[test]
fn s25_4_4_1_a8_2_t2() {
    expect_trace("rejected 2@2", || {
        let (p2, _, reject) = P::with_resolvers();
        watch_all([Element::Adopt(P::resolve("1")), Element::Adopt(p2)]);
        reject("2");
    });
}

#[test]
fn call_resolve_element() {
    expect_trace("[expected]@3", || watch_all([resolves_twice("expected", "unexpected")]));
}

#[test]
fn call_resolve_element_items() {
    expect_trace("[expected-p1, expected-p2]@3", || {
        watch_all([resolves_twice("expected-p1", "unexpected-p1"), resolves_twice("expected-p2", "unexpected-p2")]);
    });
}

#[test]
fn call_resolve_element_after_return() {
    expect_trace("[expected]@3", || {
        let held = Held::default();
        watch_all([held.element()]);
        soon(move || {
            held.resolve("expected");
            queue_microtask(move || held.resolve("unexpected"));
        });
    });
}

/// A text is an iterator of its characters: the empty one, of none.
#[test]
fn iter_arg_is_string_resolve() {
    expect_trace("[]@1", || {
        Promise::all("".chars().map(Ok::<char, Text>)).then(|values| at(list(values)));
    });
}

#[test]
fn reject_deferred() {
    expect_trace("rejected reason@4", || {
        watch_all([thenable(|_, reject| soon(move || reject("reason")))]);
    });
}

#[test]
fn reject_ignored_deferred() {
    expect_trace("[1, 2]@4", || watch_all([resolves_soon("1"), resolves_and_rejects_soon("2")]));
}

#[test]
fn reject_ignored_immed() {
    expect_trace("[1, 2]@3", || watch_all([thenable(|resolve, _| resolve("1")), resolves_and_rejects("2")]));
}

#[test]
fn reject_immed() {
    expect_trace("rejected reason@3", || watch_all([thenable(|_, reject| reject("reason"))]));
}

#[test]
fn resolve_before_loop_exit_from_same() {
    expect_trace("p1 resolves@2  [p1, p2, p3]@4", || {
        let p1 = Held::default();
        watch_all([p1.element(), resolves_twice("p2", "unexpected"), thenable(|resolve, _| resolve("p3"))]);
        soon(|| {
            queue_microtask(move || {
                at("p1 resolves");
                p1.resolve("p1");
            });
        });
    });
}

#[test]
fn resolve_before_loop_exit() {
    expect_trace("[p1, p2, p3]@3", || {
        let p1 = Held::default();
        let first = p1.element();
        let second = thenable(move |resolve, _| {
            p1.resolve("p1");
            resolve("p2");
        });
        watch_all([first, second, thenable(|resolve, _| resolve("p3"))]);
    });
}

#[test]
fn resolve_from_same_thenable() {
    expect_trace("p1 resolved@1  all resolved@2  [p1, p2, p3]@4", || {
        let [p1, p2, p3] = [Held::default(), Held::default(), Held::default()];
        watch_all([p1.element(), p2.element(), p3.element()]);
        soon(move || {
            p1.resolve("p1");
            p1.resolve("unexpected");
            p1.resolve("unexpected");
            at("p1 resolved");
            queue_microtask(move || {
                p2.resolve("p2");
                p3.resolve("p3");
                at("all resolved");
            });
        });
    });
}

#[test]
fn resolve_ignores_late_rejection_deferred() {
    expect_trace("[42, 9]@4", || watch_all([resolves_soon("42"), resolves_and_rejects_soon("9")]));
}

#[test]
fn resolve_ignores_late_rejection() {
    expect_trace("[42, 33]@3", || watch_all([thenable(|resolve, _| resolve("42")), resolves_and_rejects("33")]));
}

#[test]
fn resolve_non_thenable() {
    expect_trace("fulfilled@2", || {
        let objects = [Object::new(), Object::new(), Object::new()];
        fulfills(Promise::all(objects.clone().map(Ok::<_, ()>)), objects.to_vec());
    });
}
