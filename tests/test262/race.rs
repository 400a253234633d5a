//! `test/built-ins/Promise/race`.

use thenable::{IntoResolution, Promise, Reject, Resolution, Resolve};

use super::elements::{Element, P, Text, never, soon, thenable, watch};
use crate::cases::{self, Object, Poisoned, fulfills, rejects};
use crate::common::{at, c, expect_trace, log, object};

/// Logs how the first of `elements` settles, with the tick.
fn watch_race(elements: impl IntoIterator<Item = Element>) {
    watch(Promise::race(elements));
}

#[test]
fn s25_4_4_3_a5_1_t1() {
    expect_trace("done@3", || {
        Promise::<(), ()>::race::<[Promise<(), ()>; 0]>([]).then_catch(c("no"), c("no"));
        P::resolve("").map(|value| value).map(|value| value).then(c("done"));
    });
}

/// The chain that the cases count the ticks with.
fn three_and_five() {
    P::resolve("").then(c("3")).then(c("5"));
}

/// Logs 1 and 2 around the registration of a handler for the race of `elements`.
fn race_between(elements: impl IntoIterator<Item = Element>) {
    let p = Promise::race(elements);
    log(1);
    watch(p);
    three_and_five();
    log(2);
}

#[test]
fn s25_4_4_3_a6_1_t1() {
    expect_trace("1  2  3@1  4@2  5@2", || {
        let p = Promise::race([Element::Fulfill("1")]);
        log(1);
        p.then(c("4"));
        three_and_five();
        log(2);
    });
}

#[test]
fn s25_4_4_3_a6_2_t1() {
    expect_trace("1  2  3@1  4@2  5@2", || {
        let p = Promise::race([P::reject("1")]);
        log(1);
        p.then_catch(c("no"), c("4"));
        three_and_five();
        log(2);
    });
}

#[test]
fn s25_4_4_3_a7_1_t1() {
    expect_trace("1  2  3@1  1@2  5@2", || race_between([P::resolve("1"), P::resolve("2")].map(Element::Adopt)));
}

#[test]
fn s25_4_4_3_a7_1_t2() {
    expect_trace("1  2  3@1  1@2  5@2", || race_between([P::resolve("1"), never()].map(Element::Adopt)));
}

#[test]
fn s25_4_4_3_a7_1_t3() {
    expect_trace("1  2  3@1  2@2  5@2", || race_between([never(), P::resolve("2")].map(Element::Adopt)));
}

#[test]
fn s25_4_4_3_a7_2_t1() {
    expect_trace("1  2  3@1  rejected 1@2  5@2", || {
        race_between([P::reject("1"), P::resolve("2")].map(Element::Adopt));
    });
}

#[test]
fn s25_4_4_3_a7_3_t1() {
    expect_trace("1@2", || {
        let (p1, resolve, _) = P::with_resolvers();
        let (p2, _, reject) = P::with_resolvers();
        reject("too late");
        resolve("1");
        watch(Promise::race([p1, p2]));
    });
}

#[test]
fn s25_4_4_3_a7_3_t2() {
    expect_trace("rejected 2@2", || {
        let (p1, resolve, _) = P::with_resolvers();
        let (p2, _, reject) = P::with_resolvers();
        watch(Promise::race([p1, p2]));
        reject("2");
        resolve("1");
    });
}

/// A text is an iterator of its characters.
#[test]
fn iter_arg_is_string_resolve() {
    expect_trace("a@2", || {
        Promise::race("a".chars().map(Ok::<char, Text>)).then(at);
    });
}

#[test]
fn reject_deferred() {
    expect_trace("rejected reason@4", || {
        watch_race([thenable(|_, reject| soon(move || reject("reason")))]);
    });
}

#[test]
fn reject_ignored_deferred() {
    expect_trace("1@4", || {
        let fulfiller = thenable(|resolve, _| soon(move || resolve("1")));
        let rejector = thenable(|_, reject| soon(move || reject("late")));
        watch_race([fulfiller, rejector]);
    });
}

#[test]
fn reject_ignored_immed() {
    expect_trace("1@3", || watch_race([thenable(|resolve, _| resolve("1")), thenable(|_, reject| reject("late"))]));
}

#[test]
fn reject_immed() {
    expect_trace("rejected reason@3", || watch_race([thenable(|_, reject| reject("reason"))]));
}

#[test]
fn resolve_ignores_late_rejection_deferred() {
    expect_trace("1  2  3@1  4@1  5@2  6@2  7@2  9@4", || {
        log(1);
        let late_rejector = thenable(|resolve, reject| {
            let promise = P::new(|resolve, _| {
                at("3");
                resolve("");
                at("4");
            });
            promise.then(move |_| {
                at("5");
                resolve("9");
                at("6");
                reject("late");
                at("7");
            });
        });
        log(2);
        watch_race([late_rejector]);
    });
}

#[test]
fn resolve_ignores_late_rejection() {
    expect_trace("42@3", || {
        let late_rejector = thenable(|resolve, reject| {
            resolve("33");
            reject("late");
        });
        watch_race([thenable(|resolve, _| resolve("42")), late_rejector]);
    });
}

#[test]
fn resolve_non_obj() {
    expect_trace("23@3", || watch_race([thenable(|resolve, _| resolve("23"))]));
}

/// A thenable that resolves with `resolution`.
fn resolves_with<R>(resolution: R) -> Resolution<Object, Object>
where
    R: IntoResolution<Object, Value = Object> + 'static,
{
    object(|resolve: Resolve<_, _>, _: Reject<_, _>| {
        resolve.with(resolution);
        Ok(())
    })
}

#[test]
fn resolve_non_thenable() {
    expect_trace("fulfilled@3", || {
        let value = Object::new();
        fulfills(Promise::race([resolves_with(Ok(value.clone()))]), value);
    });
}

#[test]
fn resolve_poisoned_then() {
    expect_trace("rejected@3", || {
        let reason = Object::new();
        rejects(Promise::race([resolves_with(Poisoned(reason.clone()))]), reason);
    });
}

#[test]
fn resolve_thenable() {
    expect_trace("fulfilled@4", || {
        let value = Object::new();
        let promise: cases::P = Promise::race([resolves_with(resolves_with(Ok(value.clone())))]);
        fulfills(promise, value);
    });
}

/// The promise of the cases that catch with a handler which only logs.
type Unit = Promise<(), Text>;

#[test]
fn resolved_sequence_extra_ticks() {
    expect_trace("1  2  3@1  4@2  5@2  all@4", || {
        let a = P::resolve("a");
        log(1);
        let race = Promise::race([a.clone()]).then(c("4"));
        Promise::all([race, a.then(c("3")).then(c("5"))]).then(c("all"));
        log(2);
    });
}

#[test]
fn resolved_sequence_mixed() {
    expect_trace("1  2  3@1  4@1  all a@4", || {
        let (a, b, d) = (Unit::reject("a"), Unit::resolve(()), Unit::reject("c"));
        log(1);
        let caught = a.clone().catch(c("3"));
        let race = Promise::race([a, b.clone(), d]).then(c("5"));
        Promise::all([caught, race, b.then(c("4"))]).then_catch(c("no"), |reason| at(format_args!("all {reason}")));
        log(2);
    });
}

#[test]
fn resolved_sequence_with_rejections() {
    expect_trace("1  2  3@1  4@1  5@2  all@4", || {
        let (a, b) = (Unit::reject("a"), Unit::reject("b"));
        log(1);
        let caught = a.clone().catch(c("3"));
        let race = Promise::race([a, b.clone()]).catch(c("5"));
        Promise::all([caught, race, b.catch(c("4"))]).then(c("all"));
        log(2);
    });
}

#[test]
fn resolved_sequence() {
    expect_trace("1  2  3@1  4@1  5@2  all@4", || {
        let (a, b) = (P::resolve("a"), P::resolve("b"));
        log(1);
        let first = a.clone().then(c("3"));
        let race = Promise::race([a, b.clone()]).then(c("5"));
        Promise::all([first, race, b.then(c("4"))]).then(c("all"));
        log(2);
    });
}

#[test]
fn resolved_then_catch_finally() {
    expect_trace("a@3", || {
        let promises = [
            P::reject("a").catch(Ok),
            P::resolve("b").then(Err),
            P::reject("c").then(Err),
            P::resolve("d").finally(|| ()),
            P::reject("e").finally(|| ()),
            P::resolve("f").finally(|| Err::<(), _>("thrown")),
            P::reject("g").finally(|| Err::<(), _>("thrown")),
            P::reject("h").then_catch(Ok, |_| Ok("j")),
            P::resolve("i").then(Ok),
        ];
        watch(Promise::race(promises));
    });
}
