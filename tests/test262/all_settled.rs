//! `test/built-ins/Promise/allSettled`.

use thenable::{Promise, queue_microtask};

use super::elements::{
    Element, Held, P, Text, list, outcome, resolves_and_rejects, resolves_and_rejects_soon, resolves_soon,
    resolves_twice, soon, thenable,
};
use crate::common::{at, c, expect_trace, log};

/// Logs the outcomes of all `elements`, with the tick.
fn watch_settled(elements: impl IntoIterator<Item = Element>) {
    Promise::all_settled(elements).then(|outcomes| at(list(outcomes.iter().map(outcome))));
}

#[test]
fn call_resolve_element() {
    expect_trace("[Fulfilled(expected)]@3", || watch_settled([resolves_twice("expected", "unexpected")]));
}

#[test]
fn call_resolve_element_items() {
    expect_trace("[Fulfilled(expected-p1), Fulfilled(expected-p2)]@3", || {
        watch_settled([resolves_twice("expected-p1", "unexpected-p1"), resolves_twice("expected-p2", "unexpected-p2")]);
    });
}

#[test]
fn call_resolve_element_after_return() {
    expect_trace("[Fulfilled(expected)]@3", || {
        let held = Held::default();
        watch_settled([held.element()]);
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
        Promise::all_settled("".chars().map(Ok::<char, Text>)).then(|outcomes| at(list(outcomes.iter().map(outcome))));
    });
}

#[test]
fn reject_deferred() {
    expect_trace("[Rejected(reason)]@4", || {
        watch_settled([thenable(|_, reject| soon(move || reject("reason")))]);
    });
}

#[test]
fn reject_ignored_deferred() {
    expect_trace("[Fulfilled(42), Fulfilled(9)]@4", || {
        watch_settled([resolves_soon("42"), resolves_and_rejects_soon("9")]);
    });
}

#[test]
fn reject_ignored_immed() {
    expect_trace("[Fulfilled(42), Fulfilled(9)]@3", || {
        watch_settled([thenable(|resolve, _| resolve("42")), resolves_and_rejects("9")]);
    });
}

#[test]
fn reject_immed() {
    expect_trace("[Rejected(reason)]@3", || watch_settled([thenable(|_, reject| reject("reason"))]));
}

#[test]
fn resolve_before_loop_exit_from_same() {
    expect_trace("p1 resolves@2  [Fulfilled(p1), Fulfilled(p2), Fulfilled(p3)]@4", || {
        let p1 = Held::default();
        watch_settled([p1.element(), resolves_twice("p2", "unexpected"), thenable(|resolve, _| resolve("p3"))]);
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
    expect_trace("[Fulfilled(p1), Fulfilled(p2), Fulfilled(p3)]@3", || {
        let p1 = Held::default();
        let first = p1.element();
        let second = thenable(move |resolve, _| {
            p1.resolve("p1");
            resolve("p2");
        });
        watch_settled([first, second, thenable(|resolve, _| resolve("p3"))]);
    });
}

#[test]
fn resolve_from_same_thenable() {
    expect_trace("p1 resolved@1  all resolved@2  [Fulfilled(p1), Fulfilled(p2), Fulfilled(p3)]@4", || {
        let [p1, p2, p3] = [Held::default(), Held::default(), Held::default()];
        watch_settled([p1.element(), p2.element(), p3.element()]);
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
    expect_trace("[Fulfilled(42), Fulfilled(9)]@4", || {
        watch_settled([resolves_soon("42"), resolves_and_rejects_soon("9")]);
    });
}

#[test]
fn resolve_ignores_late_rejection() {
    expect_trace("[Fulfilled(42), Fulfilled(33)]@3", || {
        watch_settled([thenable(|resolve, _| resolve("42")), resolves_and_rejects("33")]);
    });
}

#[test]
fn resolve_non_thenable() {
    expect_trace("[Fulfilled(v1), Fulfilled(v2), Fulfilled(v3)]@2", || {
        watch_settled(["v1", "v2", "v3"].map(Element::Fulfill));
    });
}

fn fulfilled(value: Text) -> Element {
    Element::Adopt(P::resolve(value))
}

fn rejected(reason: Text) -> Element {
    Element::Adopt(P::reject(reason))
}

#[test]
fn resolved_all_fulfilled() {
    expect_trace("[Fulfilled(1), Fulfilled(test262), Fulfilled(obj)]@2", || {
        watch_settled([fulfilled("1"), fulfilled("test262"), fulfilled("obj")]);
    });
}

#[test]
fn resolved_all_mixed() {
    let expected = "[Rejected(1), Fulfilled(2), Fulfilled(tc39), Rejected(test262), Rejected(obj1), Fulfilled(obj2)]@2";
    expect_trace(expected, || {
        watch_settled([
            rejected("1"),
            fulfilled("2"),
            fulfilled("tc39"),
            rejected("test262"),
            rejected("obj1"),
            fulfilled("obj2"),
        ]);
    });
}

#[test]
fn resolved_all_rejected() {
    expect_trace("[Rejected(1), Rejected(test262), Rejected(obj)]@2", || {
        watch_settled([rejected("1"), rejected("test262"), rejected("obj")]);
    });
}

#[test]
fn resolved_immed() {
    expect_trace("1  2@1  3@1  4@2", || {
        Promise::all_settled::<[P; 0]>([]).then(c("2"));
        P::resolve("").then(c("3")).then(c("4"));
        log(1);
    });
}

#[test]
fn resolved_sequence_extra_ticks() {
    expect_trace("1  2  3@1  4@2  5@2", || {
        let p1 = P::resolve("");
        log(1);
        Promise::all_settled([p1.clone()]).then(c("4"));
        p1.then(c("3")).then(c("5"));
        log(2);
    });
}

/// The promise of the cases that catch with a handler which only logs.
type Unit = Promise<(), Text>;

#[test]
fn resolved_sequence_mixed() {
    expect_trace("1  2  3@1  4@1  5@1  6@2", || {
        let (p1, p2, p3) = (Unit::reject(""), Unit::resolve(()), Unit::reject(""));
        log(1);
        p1.clone().catch(c("3"));
        Promise::all_settled([p1, p2.clone(), p3.clone()]).then(c("6"));
        p2.then(c("4"));
        log(2);
        p3.catch(c("5"));
    });
}

#[test]
fn resolved_sequence_with_rejections() {
    expect_trace("1  2  3@1  4@1  5@2", || {
        let (p1, p2) = (Unit::reject("foo"), Unit::reject("bar"));
        log(1);
        p1.clone().catch(c("3"));
        Promise::all_settled([p1, p2.clone()]).then(c("5"));
        p2.catch(c("4"));
        log(2);
    });
}

#[test]
fn resolved_sequence() {
    expect_trace("1  2  3@1  4@1  5@2", || {
        let (p1, p2) = (P::resolve("1"), P::resolve("2"));
        log(1);
        p1.clone().then(c("3"));
        Promise::all_settled([p1, p2.clone()]).then(c("5"));
        p2.then(c("4"));
        log(2);
    });
}

#[test]
fn resolved_then_catch_finally() {
    let expected = "[Fulfilled(2+1), Fulfilled(21*2), Rejected(foo), Rejected(yes), Fulfilled(here), Rejected(here too), Rejected(finally), Rejected(finally after rejected), Fulfilled(0)]@5";
    expect_trace(expected, || {
        let promises = [
            P::resolve("2").then(|_| Ok("2+1")),
            P::reject("21").catch(|_| Ok("21*2")),
            P::resolve("nope").then(|_| Err("foo")),
            P::reject("yes").then(|_| Err("nope")),
            P::resolve("here").finally(|| Ok("nope")),
            P::reject("here too").finally(|| Ok("nope")),
            P::resolve("nope").finally(|| Err::<(), _>("finally")),
            P::reject("nope").finally(|| Err::<(), _>("finally after rejected")),
            P::reject("1").then_catch(|_| Ok("nope"), |_| Ok("0")),
        ];
        watch_settled(promises.map(Element::Adopt));
    });
}

#[test]
fn resolves_empty_array() {
    expect_trace("[]@1", || watch_settled([]));
}
