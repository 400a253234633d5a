//! Laws of chains: identities, compositions, and what `catch` and `finally` leave alone.

use proptest::prelude::*;
use thenable::{Outcome, Promise, Resolution};

use crate::cases;
use crate::interpreter::Seen;
use crate::sources::{Fate, Function, Source, function, outcome, panic_with, source};

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_source_settles_as_it_says(source in source()) {
        prop_assert_eq!(outcome(|| source.promise()), source.seen());
    }

    #[test]
    fn verbs_with_an_identity_change_nothing(source in source()) {
        let promise = || source.promise();
        let expected = source.seen();
        prop_assert_eq!(outcome(|| promise().then(Ok)), expected);
        prop_assert_eq!(outcome(|| promise().catch(Err)), expected);
        prop_assert_eq!(outcome(|| promise().then_catch(Ok, Err)), expected);
        prop_assert_eq!(outcome(|| promise().then(Promise::resolve).catch(Promise::reject)), expected);
        prop_assert_eq!(outcome(|| promise().map(|value| value)), expected);
        prop_assert_eq!(outcome(|| promise().map_err(|reason| reason)), expected);
        prop_assert_eq!(outcome(|| promise().inspect(|_| {}).inspect_err(|_| {})), expected);
        prop_assert_eq!(outcome(|| promise().shared().map(|value| *value).map_err(|reason| *reason)), expected);
        prop_assert_eq!(outcome(|| Promise::resolve_with(promise())), expected);
        prop_assert_eq!(outcome(|| Promise::attempt(promise)), expected);
        prop_assert_eq!(outcome(|| { let promise = promise(); Promise::spawn(promise) }), expected);
        prop_assert_eq!(outcome(|| { let promise = promise(); Promise::spawn(async move { Resolution::Adopt(promise) }) }), expected);
        let resumed = || promise().catch_unwind().then(|result| result.map_or_else(|fault| fault.resume(), Ok));
        prop_assert_eq!(outcome(resumed), expected);
        let handled = || promise().handle(|outcome| match outcome {
            Outcome::Fulfilled(value) => Ok(value),
            Outcome::Rejected(reason) => Err(reason),
            Outcome::Faulted(fault) => fault.resume(),
        });
        prop_assert_eq!(outcome(handled), expected);
    }

    #[test]
    fn then_after_resolve_is_a_call(value in 0..9_i32, f in function()) {
        let called = outcome(|| Promise::attempt(|| f.call(value)));
        prop_assert_eq!(outcome(|| Promise::resolve(value).then(f.handler())), called);
    }

    #[test]
    fn then_is_associative(source in source(), f in function(), g in function()) {
        let one_after_the_other = outcome(|| source.promise().then(f.handler()).then(g.handler()));
        let composed = outcome(|| {
            let (f, g) = (f.handler(), g.handler());
            source.promise().then(move |value| Promise::resolve_with(f(value)).then(g))
        });
        prop_assert_eq!(one_after_the_other, composed);
    }

    #[test]
    fn catch_is_associative(source in source(), f in function(), g in function()) {
        let one_after_the_other = outcome(|| source.promise().catch(f.handler()).catch(g.handler()));
        let composed = outcome(|| {
            let (f, g) = (f.handler(), g.handler());
            source.promise().catch(move |reason| Promise::resolve_with(f(reason)).catch(g))
        });
        prop_assert_eq!(one_after_the_other, composed);
    }

    #[test]
    fn map_is_then_of_a_plain_function(source in source(), first in 0..9_i32, second in 0..9_i32) {
        let mapped = outcome(|| source.promise().map(move |value| value + first).map(move |value| value * second));
        let at_once = outcome(|| source.promise().map(move |value| (value + first) * second));
        let chained = outcome(|| source.promise().then(move |value| Ok((value + first) * second)));
        prop_assert_eq!(mapped, at_once);
        prop_assert_eq!(mapped, chained);
    }

    #[test]
    fn the_handlers_of_then_and_catch_are_those_of_then_catch(source in source(), f in function(), g in function()) {
        // On one promise each outcome has at most one handler, so the two ways differ only where `f` fails.
        let one_call = outcome(|| source.promise().then_catch(f.handler(), g.handler()));
        let expected = match source.seen() {
            Some(Seen::Fulfilled(value)) => outcome(|| Promise::attempt(|| f.call(value))),
            Some(Seen::Rejected(reason)) => outcome(|| Promise::attempt(|| g.call(reason))),
            other => other,
        };
        prop_assert_eq!(one_call, expected);
    }

    #[test]
    fn a_catch_is_not_seen_by_values_and_faults(source in source(), f in function()) {
        prop_assume!(!matches!(source.seen(), Some(Seen::Rejected(_))));
        prop_assert_eq!(outcome(|| source.promise().catch(f.handler())), source.seen());
    }

    #[test]
    fn a_then_is_not_seen_by_reasons_and_faults(source in source(), f in function()) {
        prop_assume!(!matches!(source.seen(), Some(Seen::Fulfilled(_))));
        prop_assert_eq!(outcome(|| source.promise().then(f.handler())), source.seen());
    }

    #[test]
    fn finally_changes_an_outcome_by_failing_only(source in source(), f in function()) {
        let handler = f.handler();
        let replaced = outcome(|| source.promise().finally(move || handler(0)));
        let expected = match (source.seen(), fate_of(&f)) {
            // It was never called, or waits for ever.
            (None, _) | (_, None) => None,
            (seen @ Some(Seen::Faulted(_)), _) | (seen, Some(Seen::Fulfilled(_))) => seen,
            (_, failure) => failure,
        };
        prop_assert_eq!(replaced, expected);
        prop_assert_eq!(outcome(|| source.promise().finally(|| {})), source.seen());
    }

    #[test]
    fn nothing_passes_a_failure_but_its_handler(reason in 10..19_i32, functions in prop::collection::vec(function(), 0..5)) {
        let chain = |first: Promise<i32, i32>| functions.iter().fold(first, |chain, f| chain.then(f.handler()));
        prop_assert_eq!(outcome(|| chain(Promise::reject(reason))), Some(Seen::Rejected(reason)));
        let fault = || chain(Promise::new(move |_, _| panic_with(reason))).catch(|_| Ok(0));
        prop_assert_eq!(outcome(fault), Some(Seen::Faulted(reason)));
    }
}

/// What a function, called with 0, comes to.
fn fate_of(function: &Function) -> Option<Seen> {
    match function {
        Function::Return(value) => Some(Seen::Fulfilled(*value)),
        Function::Throw(reason) => Some(Seen::Rejected(*reason)),
        Function::Panic(number) => Some(Seen::Faulted(*number)),
        Function::Promise(source) | Function::Thenable(source) => source.seen(),
    }
}

/// A chain cannot know whether its source was settled before the handler was given, or later.
#[test]
fn the_moment_of_settling_is_no_matter() {
    for fate in [Fate::Fulfill(1), Fate::Reject(11), Fate::Panic(21)] {
        let now = outcome(|| Source::Now(fate).promise().then(|value| Resolution::Fulfill(value + 1)));
        for ticks in 1..5 {
            let later = outcome(|| Source::Later(ticks, fate).promise().then(|value| Resolution::Fulfill(value + 1)));
            assert_eq!(now, later);
        }
    }
}
