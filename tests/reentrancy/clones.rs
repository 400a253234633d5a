//! `Clone` and `Debug` of values and reasons, and whoever looks at them.

use std::task::Poll;

use thenable::{Outcome, on_rejection_handled, on_unhandled_rejection, remove_rejection_hooks, run};

use crate::everything::{Log, Subject, Trigger, When, bystander, call_everything, called, jobs, lines, tick};
use crate::wakers::poll_with_probe;

/// Three consumers: the first two make clones, and the first `clone` calls everything on the very promise.
#[test]
fn the_clone_of_a_value_may_call_everything() {
    for (state, settle) in [
        ("fulfilled", (|value| Outcome::Fulfilled(value)) as fn(Trigger) -> Outcome<Trigger, Trigger>),
        ("rejected", |reason| Outcome::Rejected(reason)),
    ] {
        let log = Log::default();
        run(|| {
            let (subject, resolve, reject) = Subject::with_resolvers();
            let (inner, other) = (log.clone(), subject.clone());
            let value = Trigger::new(When::Cloned, move || call_everything(&inner, "clone", &other));
            for line in ["first consumer", "second consumer"] {
                let line = log.line("main", line);
                subject.clone().handle(|_| line());
            }
            drop(subject);
            match settle(value) {
                Outcome::Fulfilled(value) => resolve(value),
                Outcome::Rejected(reason) => reject(reason),
                Outcome::Faulted(_) => unreachable!(),
            }
        })
        .unwrap();
        log.expect(&[
            &called("clone", state),
            &lines(["main: first consumer", "main: second consumer"]),
            &jobs("clone", state),
            &tick("clone"),
        ]);
    }
}

/// While a value is cloned for one consumer, all the others go: they are dropped, or get handlers, or take their shares.
#[test]
fn the_clone_of_a_value_may_take_and_drop_the_other_handles() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let (first, mut second, last) = (subject.clone(), subject.clone(), subject.clone());
        let inner = log.clone();
        let value = Trigger::new(When::Cloned, move || {
            drop(first);
            // The first poll of a settled promise wakes; the next one takes.
            assert!(poll_with_probe(&mut second).is_pending());
            assert!(matches!(poll_with_probe(&mut second), Poll::Ready(Ok(_))));
            let line = inner.line("clone", "a handler of the last handle");
            last.map(|_| line());
            inner.log("all are gone");
        });
        let line = log.line("main", "consumer");
        subject.map(|_| line());
        resolve(value);
        log.log("resolved");
    })
    .unwrap();
    log.expect(&[&lines(["resolved", "all are gone", "main: consumer", "clone: a handler of the last handle"])]);
}

/// An awaiter of a shared promise takes its clone when the promise settles, inside `resolve`.
#[test]
fn the_clone_inside_resolve_may_call_everything() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let mut awaited = subject.clone();
        assert!(poll_with_probe(&mut awaited).is_pending());
        let inner = log.clone();
        resolve(Trigger::new(When::Cloned, move || call_everything(&inner, "clone", &subject)));
        log.log("resolved");
        assert!(matches!(poll_with_probe(&mut awaited), Poll::Ready(Ok(_))));
    })
    .unwrap();
    log.expect(&[&called("clone", "fulfilled"), &lines(["resolved"]), &tick("clone"), &jobs("clone", "fulfilled")]);
}

/// What `peek` lends does not forbid anything.
#[test]
fn whoever_looks_at_an_outcome_may_call_everything() {
    let log = Log::default();
    run(|| {
        let subject = bystander();
        let outcome = subject.peek();
        call_everything(&log, "peek", &subject);
        assert!(outcome.is_some());
    })
    .unwrap();
    log.expect(&[&called("peek", "fulfilled"), &tick("peek"), &jobs("peek", "fulfilled")]);
}

#[test]
fn the_debug_of_an_outcome_may_call_everything() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let (inner, other) = (log.clone(), subject.clone());
        resolve(Trigger::new(When::Shown, move || call_everything(&inner, "debug", &other)));
        log.log(format_args!("{:?}", subject.peek().unwrap()));
    })
    .unwrap();
    log.expect(&[
        &called("debug", "fulfilled"),
        &lines(["Fulfilled(Trigger)"]),
        &tick("debug"),
        &jobs("debug", "fulfilled"),
    ]);
}

/// Makes a rejection whose reason calls everything when it is written out.
fn reject_with_noise(log: &Log) -> Subject {
    let (subject, _resolve, reject) = Subject::with_resolvers();
    let (inner, other) = (log.clone(), subject.clone());
    reject(Trigger::new(When::Shown, move || call_everything(&inner, "debug", &other)));
    subject
}

#[test]
fn the_debug_of_a_reason_may_call_everything_while_a_hook_writes_the_report() {
    let log = Log::default();
    let inner = log.clone();
    on_unhandled_rejection(move |report| {
        let text = report.to_string();
        assert!(text.starts_with("unhandled rejection of type") && text.contains("Trigger, by promise"), "{text}");
        inner.log("reported");
    });
    let late = log.clone();
    on_rejection_handled(move |_| late.log("handled late"));
    run(|| reject_with_noise(&log)).unwrap();
    remove_rejection_hooks();
    log.expect(&[
        &called("debug", "rejected"),
        &lines(["reported"]),
        &tick("debug"),
        &jobs("debug", "rejected"),
        &lines(["handled late"]),
    ]);
}

#[test]
fn the_debug_of_a_reason_may_call_everything_while_run_gives_up() {
    let log = Log::default();
    let error = run(|| reject_with_noise(&log)).unwrap_err();
    assert!(error.to_string().starts_with("unhandled rejection of type"), "{error}");
    log.log("run ends");
    // The rejection is handled meanwhile: by what the reason called. The jobs are left for the next run.
    run(|| log.log("next run")).unwrap();
    log.expect(&[
        &called("debug", "rejected"),
        &lines(["run ends", "next run"]),
        &tick("debug"),
        &jobs("debug", "rejected"),
    ]);
}
