//! `test/built-ins/Promise/any`.

use thenable::{Promise, queue_microtask};

use super::elements::{
    Element, Held, P, Text, list, rejects_twice, resolves_and_rejects, resolves_and_rejects_soon, resolves_soon, soon,
    thenable,
};
use crate::common::{at, c, expect_trace, log};

/// Logs the first value of `elements`, or the reasons of all, with the tick.
fn watch_any(elements: impl IntoIterator<Item = Element>) {
    Promise::any(elements).then_catch(at, |error| at(format_args!("rejected {}", list(&error.errors))));
}

#[test]
fn call_reject_element_after_return() {
    expect_trace("rejected [expected]@3", || {
        let held = Held::default();
        watch_any([held.element()]);
        soon(move || {
            held.reject("expected");
            queue_microtask(move || held.reject("unexpected"));
        });
    });
}

#[test]
fn call_reject_element_items() {
    expect_trace("rejected [expected-p1, expected-p2]@3", || {
        watch_any([rejects_twice("expected-p1", "unexpected-p1"), rejects_twice("expected-p2", "unexpected-p2")]);
    });
}

#[test]
fn iter_arg_is_empty_iterable_reject() {
    expect_trace("rejected []@1", || watch_any([]));
}

/// A text is an iterator of its characters.
fn watch_any_character(text: Text) {
    Promise::any(text.chars().map(Ok::<char, Text>))
        .then_catch(at, |error| at(format_args!("rejected {}", list(&error.errors))));
}

#[test]
fn iter_arg_is_empty_string_reject() {
    expect_trace("rejected []@1", || watch_any_character(""));
}

#[test]
fn iter_arg_is_string_resolve() {
    expect_trace("x@2", || watch_any_character("xyz"));
}

/// The promise of the cases with an element that `Promise::all` made.
type OfAll = Promise<Vec<Text>, Text>;

/// Three promises that are rejected, and `last`.
fn after_three_rejected(last: OfAll) -> [OfAll; 4] {
    [OfAll::reject("a"), OfAll::new(|_, reject| reject("b")), Promise::all([P::reject("c")]), last]
}

#[test]
fn reject_all_mixed() {
    expect_trace("rejected [a, b, c, d]@3", || {
        Promise::any(after_three_rejected(OfAll::resolve_with(OfAll::reject("d"))))
            .then_catch(c("no"), |error| at(format_args!("rejected {}", list(&error.errors))));
    });
}

#[test]
fn reject_deferred() {
    expect_trace("rejected [reason]@4", || {
        watch_any([thenable(|_, reject| soon(move || reject("reason")))]);
    });
}

#[test]
fn reject_from_same_thenable() {
    expect_trace("p1 rejected@1  all rejected@2  rejected [p1, p2, p3]@4", || {
        let [p1, p2, p3] = [Held::default(), Held::default(), Held::default()];
        watch_any([p1.element(), p2.element(), p3.element()]);
        soon(move || {
            p1.reject("p1");
            p1.reject("unexpected");
            p1.reject("unexpected");
            at("p1 rejected");
            queue_microtask(move || {
                p2.reject("p2");
                p3.reject("p3");
                at("all rejected");
            });
        });
    });
}

/// The case of test262 calls `Promise.all`, and so does the test.
#[test]
fn reject_ignored_deferred() {
    expect_trace("[1, 2]@4", || {
        let elements = [resolves_soon("1"), resolves_and_rejects_soon("2")];
        Promise::all(elements).then_catch(|values| at(list(values)), |reason| at(format_args!("rejected {reason}")));
    });
}

#[test]
fn reject_ignored_immed() {
    expect_trace("1@3", || watch_any([thenable(|resolve, _| resolve("1")), resolves_and_rejects("2")]));
}

#[test]
fn reject_immed() {
    expect_trace("called@1  rejected [reason]@3", || {
        watch_any([thenable(|_, reject| {
            at("called");
            reject("reason");
        })]);
    });
}

#[test]
fn resolve_before_loop_exit_from_same() {
    expect_trace("p1 rejects@2  rejected [p1, p2, p3]@4", || {
        let p1 = Held::default();
        watch_any([p1.element(), rejects_twice("p2", "unexpected"), thenable(|_, reject| reject("p3"))]);
        soon(|| {
            queue_microtask(move || {
                at("p1 rejects");
                p1.reject("p1");
            });
        });
    });
}

#[test]
fn resolve_before_loop_exit() {
    expect_trace("rejected [p1, p2, p3]@3", || {
        let p1 = Held::default();
        let (first, same) = (p1.element(), p1.clone());
        let second = thenable(move |_, reject| {
            p1.reject("p1");
            reject("p2");
        });
        watch_any([first, second, thenable(|_, reject| reject("p3"))]);
        soon(|| queue_microtask(move || same.reject("unexpected")));
    });
}

/// `Promise.reject('d').catch(v => v)`.
fn caught() -> OfAll {
    OfAll::reject("d").catch(|reason| Ok(vec![reason]))
}

#[test]
fn resolve_from_reject_catch() {
    expect_trace("d@3", || {
        Promise::any(after_three_rejected(caught())).then_catch(|value| at(value.concat()), c("no"));
    });
}

#[test]
fn resolve_from_resolve_reject_catch() {
    expect_trace("d@3", || {
        let promises = after_three_rejected(OfAll::resolve_with(caught()));
        Promise::any(promises).then_catch(|value| at(value.concat()), c("no"));
    });
}

#[test]
fn resolve_ignores_late_rejection_deferred() {
    expect_trace("42@4", || {
        watch_any([resolves_soon("42"), resolves_and_rejects_soon("9")]);
    });
}

#[test]
fn resolve_ignores_late_rejection() {
    expect_trace("42@3", || watch_any([thenable(|resolve, _| resolve("42")), resolves_and_rejects("33")]));
}

#[test]
fn resolve_non_thenable() {
    expect_trace("a@2", || watch_any(["a", "b", "c"].map(Element::Fulfill)));
}

#[test]
fn resolved_sequence_extra_ticks() {
    expect_trace("1  2  3@1  4@2  5@2", || {
        let p1 = P::resolve("");
        log(1);
        Promise::any([p1.clone()]).then(c("4"));
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
        Promise::any([p1, p2.clone(), p3.clone()]).then(c("6"));
        p2.then(c("4"));
        log(2);
        p3.catch(c("5"));
    });
}

#[test]
fn resolved_sequence_with_rejections() {
    expect_trace("1  2  3@1  4@1  rejected [foo, bar]@2", || {
        let (p1, p2) = (Unit::reject("foo"), Unit::reject("bar"));
        log(1);
        p1.clone().catch(c("3"));
        Promise::any([p1, p2.clone()])
            .then_catch(c("no"), |error| at(format_args!("rejected {}", list(&error.errors))));
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
        Promise::any([p1, p2.clone()]).then(c("5"));
        p2.then(c("4"));
        log(2);
    });
}
