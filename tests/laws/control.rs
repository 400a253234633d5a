//! Aborting, time limits, resources and progress: against what a user of promises would write by hand, trace for trace.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use futures::stream;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use thenable::{
    AbortController, AbortListener, AbortSignal, Aborted, EventLoop, Outcome, Promise, PromiseStreamExt, clear_timeout,
    delay_with, now, on_unhandled_rejection, run, set_timeout, with_progress,
};

use crate::combinators::{Log, count_ticks};
use crate::interpreter::Seen;
use crate::sources::{Function, Source, after, function, outcome, source};
use crate::{cases, on_a_new_thread};

/// Reasons that an abort can be.
#[derive(Clone, Debug, PartialEq)]
enum Reason {
    No(i32),
    Aborted(String),
}

impl From<Aborted> for Reason {
    fn from(aborted: Aborted) -> Self {
        Self::Aborted(aborted.to_string())
    }
}

type P = Promise<i32, Reason>;

/// A source that does not panic. Resolving with a fault would take ticks of its own where the law is written by hand.
fn calm_source() -> impl Strategy<Value = Source> {
    source().prop_filter("it does not fault", |source| !matches!(source.seen(), Some(Seen::Faulted(_))))
}

/// Promises of which each is aborted by one of a few signals.
#[derive(Clone, Debug)]
struct Program {
    /// In which tick each controller aborts.
    aborts: Vec<Option<u8>>,
    /// Where a promise comes from, in which tick it is made, and which signals it has, one after the other. A number that is
    /// too great is a signal that follows all.
    promises: Vec<(Source, u8, Vec<usize>)>,
}

fn program() -> impl Strategy<Value = Program> {
    let promise = (calm_source(), 0..6_u8, vec(0..4_usize, 1..3));
    (vec(option::of(0..8_u8), 3), vec(promise, 1..5)).prop_map(|(aborts, promises)| Program { aborts, promises })
}

/// The trace of a program with this `abortable`.
fn trace(program: &Program, abortable: fn(P, &AbortSignal) -> P) -> Vec<String> {
    on_a_new_thread(|| {
        let log = Log::default();
        let unhandled = log.clone();
        on_unhandled_rejection(move |report| unhandled.borrow_mut().push(format!("unhandled {:?}", report.reason())));
        run(|| {
            count_ticks(0, log.clone());
            let controllers: Vec<_> = program.aborts.iter().map(|_| AbortController::new()).collect();
            let mut signals: Vec<_> = controllers.iter().map(AbortController::signal).collect();
            signals.push(AbortSignal::any(&signals));
            for (number, (controller, tick)) in controllers.into_iter().zip(&program.aborts).enumerate() {
                let log = log.clone();
                if let Some(tick) = *tick {
                    after(tick, move || {
                        log.borrow_mut().push(format!("abort {number}"));
                        controller.abort_with(number.to_string());
                        log.borrow_mut().push(format!("aborted {number}"));
                    });
                }
            }
            for (number, (source, tick, names)) in program.promises.iter().cloned().enumerate() {
                let (log, signals) = (log.clone(), signals.clone());
                after(tick, move || {
                    let promise = source.promise().map_err(Reason::No);
                    let result = names.into_iter().fold(promise, |promise, name| abortable(promise, &signals[name]));
                    result.handle::<(), _>(move |outcome| log.borrow_mut().push(format!("{number}: {outcome:?}")));
                });
            }
        })
        .expect("there is a hook");
        log.take()
    })
}

/// `abortable` as it would be written with what there was before.
fn abortable_by_hand(promise: P, signal: &AbortSignal) -> P {
    let (result, resolve, reject) = P::with_resolvers();
    let mut listener = Listener(None);
    if let Some(aborted) = signal.reason() {
        reject(aborted.into());
    } else {
        let reject = reject.clone();
        listener.0 = Some(signal.on_abort(move |aborted| reject(aborted.into())));
    }
    promise.handle::<(), _>(move |outcome| {
        drop(listener.0.take());
        match outcome {
            Outcome::Fulfilled(value) => resolve(value),
            Outcome::Rejected(reason) => reject(reason),
            Outcome::Faulted(fault) => fault.resume(),
        }
    });
    result
}

/// It stays when the promise is abandoned, as in JavaScript.
struct Listener(Option<AbortListener>);

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(listener) = self.0.take() {
            listener.detach();
        }
    }
}

/// `timeout` as it would be written with what there was before.
fn timeout_by_hand(promise: P, limit: Duration) -> P {
    let (result, resolve, reject) = P::with_resolvers();
    let too_late = reject.clone();
    let timer = set_timeout(move || too_late(Reason::Aborted("aborted: the time is up".to_string())), limit);
    promise.handle::<(), _>(move |outcome| {
        clear_timeout(timer);
        match outcome {
            Outcome::Fulfilled(value) => resolve(value),
            Outcome::Rejected(reason) => reject(reason),
            Outcome::Faulted(fault) => fault.resume(),
        }
    });
    result
}

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(crate) fn quick_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().auto_advance(true).build()
}

/// The trace of promises that take some time, with these limits.
fn timed_trace(promises: &[(u64, u64, Result<i32, i32>, u64)], timeout: fn(P, Duration) -> P) -> Vec<String> {
    on_a_new_thread(|| {
        let log = Log::default();
        quick_loop()
            .run(|| {
                for (number, (begin, takes, result, limit)) in promises.iter().copied().enumerate() {
                    let log = log.clone();
                    let make = move || {
                        let promise = delay_with(ms(takes), ()).then(move |()| result.map_err(Reason::No));
                        timeout(promise, ms(limit)).handle::<(), _>(move |outcome| {
                            log.borrow_mut().push(format!("{number} at {:?}: {outcome:?}", now()));
                        });
                    };
                    if begin == 0 { make() } else { drop(delay_with::<_, ()>(ms(begin), ()).map(move |()| make())) }
                }
            })
            .expect("every rejection is handled");
        log.take()
    })
}

/// Begins items, each with `signal.spawn`, and aborts in a tick. Logs what is begun, the abort, and the result.
fn aborted_course(sources: &[Source], limit: usize, tick: u8, kind: u8) -> Vec<String> {
    on_a_new_thread(|| {
        on_unhandled_rejection(|_| {});
        let log = Log::default();
        run(|| {
            let controller = AbortController::new();
            let (signal, begun, aborting, end) = (controller.signal(), log.clone(), log.clone(), log.clone());
            let mapper = move |source: Source| -> P {
                let begun = begun.clone();
                signal.spawn(async move {
                    begun.borrow_mut().push("begin".to_string());
                    source.promise().map_err(Reason::No).await
                })
            };
            let items = sources.to_vec();
            let unit = |promise: Promise<Vec<i32>, Reason>| promise.map(drop);
            let result: Promise<(), Reason> = match kind {
                0 => unit(Promise::map_all(items, limit, mapper)),
                1 => Promise::each(items, mapper),
                2 => unit(stream::iter(items).map_all(limit, mapper)),
                _ => unit(with_progress(drop).map_all(items, limit, mapper)),
            };
            result.handle::<(), _>(move |outcome| end.borrow_mut().push(format!("{outcome:?}")));
            after(tick, move || {
                aborting.borrow_mut().push("abort".to_string());
                controller.abort_with("enough");
            });
        })
        .expect("there is a hook");
        log.take()
    })
}

/// What `using` comes to, by its rules.
fn model_of_using(acquire: &Source, use_it: &Function, release: &Function) -> Option<Seen> {
    let resource = match acquire.seen()? {
        Seen::Fulfilled(resource) => resource,
        failure => return Some(failure),
    };
    let come_to = |function: &Function| {
        let function = function.clone();
        outcome(move || Promise::<_, i32>::resolve(resource).then(function.handler()))
    };
    match (come_to(use_it)?, come_to(release)?) {
        (fault @ Seen::Faulted(_), _) => Some(fault),
        (used, Seen::Fulfilled(_)) => Some(used),
        (_, failure) => Some(failure),
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn abortable_is_a_listener_by_hand(program in program()) {
        prop_assert_eq!(trace(&program, |promise, signal| promise.abortable(signal)), trace(&program, abortable_by_hand));
    }

    #[test]
    fn timeout_is_a_timer_by_hand(
        promises in vec((0..3_u64, 0..9_u64, prop_oneof![(0..9).prop_map(Ok), (10..19).prop_map(Err)], 0..9_u64), 1..6)
    ) {
        prop_assert_eq!(timed_trace(&promises, P::timeout), timed_trace(&promises, timeout_by_hand));
    }

    #[test]
    fn a_deadline_is_a_timeout_of_what_is_left(
        promises in vec((0..3_u64, 0..9_u64, prop_oneof![(0..9).prop_map(Ok), (10..19).prop_map(Err)], 1..9_u64), 1..6)
    ) {
        let deadline = |promise: P, limit| promise.deadline(now() + limit);
        prop_assert_eq!(timed_trace(&promises, deadline), timed_trace(&promises, P::timeout));
        let shared = |promise: P, limit| promise.abortable(&AbortSignal::timeout(limit));
        // The order within one millisecond may be another: clearing a timer that does not keep the loop alive leaves its list,
        // as in Node.
        let sorted = |mut trace: Vec<String>| {
            trace.sort();
            trace
        };
        prop_assert_eq!(sorted(timed_trace(&promises, shared)), sorted(timed_trace(&promises, P::timeout)));
    }

    #[test]
    fn no_item_is_begun_after_an_abort(
        sources in vec(calm_source(), 1..8), limit in 1..4_usize, tick in 0..12_u8, kind in 0..4_u8
    ) {
        let log = aborted_course(&sources, limit, tick, kind);
        let aborted_at = log.iter().position(|line| line == "abort").expect("it is always aborted");
        let (before, after) = log.split_at(aborted_at);
        prop_assert!(!after.iter().any(|line| line == "begin"), "{:?}", log);
        // It has a result then, unless it had one before, or it can have none.
        let can_settle = sources.iter().all(|source| source.seen().is_some());
        if can_settle {
            let results = |lines: &[String]| lines.iter().filter(|line| line.contains("ed(")).count();
            prop_assert_eq!(results(before) + results(after), 1, "{:?}", log);
        }
    }

    #[test]
    fn what_is_used_is_released(acquire in source(), use_it in function(), release in function()) {
        let expected = model_of_using(&acquire, &use_it, &release);
        let (acquiring, using, releasing) = (acquire.clone(), use_it.clone(), release.clone());
        let seen = outcome(move || Promise::using(acquiring.promise(), using.handler(), releasing.handler()));
        prop_assert_eq!(seen, expected);
        let seen = outcome(move || Promise::using_async(
            acquire.promise(),
            async move |resource: &mut i32| Promise::resolve_with(use_it.call(*resource)).await,
            async move |resource| release.call(resource),
        ));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn progress_counts_what_settles(sources in vec(source(), 0..6), limit in 1..4_usize) {
        let (events, settled, alike) = on_a_new_thread(|| {
            on_unhandled_rejection(|_| {});
            let events = Rc::new(RefCell::new(Vec::new()));
            let seen = events.clone();
            let with = run(|| {
                let promises: Vec<_> = sources.iter().map(Source::promise).collect();
                with_progress(move |progress| seen.borrow_mut().push((progress.done, progress.total)))
                    .all_settled(promises)
            }).expect("there is a hook");
            let without = run(|| {
                let sources = sources.clone();
                let plain = Promise::map_all(sources.clone(), limit, |source| source.promise());
                let counted = with_progress(drop).map_all(sources, limit, |source| source.promise());
                (plain, counted)
            }).expect("there is a hook");
            let show = |promise: &Promise<Vec<i32>, i32>| format!("{:?}", promise.peek().as_deref());
            let never = sources.iter().filter(|source| source.seen().is_none()).count();
            drop(with);
            (events.take(), sources.len() - never, show(&without.0) == show(&without.1))
        });
        prop_assert!(alike);
        // What can never settle ends an `all_settled`, so that what comes later is not counted.
        prop_assert!(events.len() <= settled + 1);
        if settled == sources.len() {
            prop_assert_eq!(events.len(), settled + 1);
        }
        for (done, event) in events.into_iter().enumerate() {
            prop_assert_eq!(event, (done, Some(sources.len())));
        }
    }
}
