//! Aborting, time limits, scopes, retries and resources: against what a user of promises would write by hand, trace for trace;
//! and against models that know no promises, only times.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use futures::stream;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use thenable::{
    AbortController, AbortListener, AbortSignal, Aborted, EventLoop, FailedAttempt, GaveUp, Outcome, Promise,
    PromiseStreamExt, Retry, Scope, ScopeError, clear_timeout, delay, delay_with, now, on_unhandled_rejection, run,
    set_timeout, with_progress,
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

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn quick_loop() -> EventLoop {
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

/// What belongs to a scope. Each settles in a tick of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Fulfill,
    Reject,
    Panic,
    /// Pending for ever, for nobody can settle it.
    Lose,
}

#[derive(Clone, Copy, Debug)]
struct Child {
    end: End,
    is_spawned: bool,
}

fn children() -> impl Strategy<Value = Vec<Child>> {
    let end = prop_oneof![6 => Just(End::Fulfill), 3 => Just(End::Reject), 1 => Just(End::Panic), 1 => Just(End::Lose)];
    let child = (end, any::<bool>()).prop_map(|(end, is_spawned)| Child { end, is_spawned });
    vec(child, 0..8).prop_shuffle()
}

/// So many ticks apart that the order is plain.
const APART: u8 = 12;

impl Child {
    /// Settles in the tick of its turn.
    fn promise(self, turn: u8, number: i32, log: &Log) -> Promise<i32, i32> {
        if self.end == End::Lose {
            return Promise::new(|_, _| {});
        }
        let log = log.clone();
        Promise::<_, i32>::new(|resolve, _| after(turn, move || resolve(()))).then(move |()| {
            log.borrow_mut().push(format!("{number} goes on"));
            match self.end {
                End::Fulfill => Ok(number),
                End::Reject => Err(number),
                End::Panic | End::Lose => std::panic::resume_unwind(Box::new(number.to_string())),
            }
        })
    }
}

/// Logs its drop.
struct Frame(i32, Log);

impl Drop for Frame {
    fn drop(&mut self) {
        self.1.borrow_mut().push(format!("{} is over", self.0));
    }
}

/// What a scope with these children comes to, and which of them went on and were dropped in which order.
fn scope(children: &[Child], abort: Option<usize>) -> Vec<String> {
    on_a_new_thread(|| {
        on_unhandled_rejection(|_| {});
        let log = Log::default();
        let (seen, inner) = (log.clone(), log.clone());
        let result = run(|| {
            let result = Promise::<(), ScopeError<i32>>::scope(move |scope: Scope<i32>| {
                for (index, child) in children.iter().copied().enumerate() {
                    let number = i32::try_from(index).expect("they are few");
                    let promise =
                        child.promise(APART * (u8::try_from(index).expect("they are few") + 1), number, &inner);
                    if child.is_spawned {
                        let frame = Frame(number, inner.clone());
                        scope.spawn(async move {
                            let _frame = frame;
                            promise.await
                        });
                    } else {
                        scope.add(promise);
                    }
                }
                if let Some(index) = abort {
                    let tick = APART * (u8::try_from(index).expect("they are few") + 1) - APART / 2;
                    after(tick, move || scope.abort_with("from outside"));
                }
                Ok(())
            });
            result.handle::<(), _>(move |outcome| {
                seen.borrow_mut().push(match outcome {
                    Outcome::Fulfilled(()) => "fulfilled".to_string(),
                    Outcome::Rejected(ScopeError { errors, aborted }) => format!("{errors:?} {}", aborted.is_some()),
                    Outcome::Faulted(fault) => format!("fault {}", fault.message()),
                });
            })
        });
        drop(result.expect("there is a hook"));
        log.take()
    })
}

/// The same by a walk through the time.
fn model_of_scope(children: &[Child], abort: Option<usize>) -> Vec<String> {
    let mut walk = Walk { children, log: vec![], errors: vec![], fault: None, outside: false, is_aborted: false };
    let mut over = BTreeSet::new();
    let mut end = |log: &mut Vec<String>, indices: &mut dyn Iterator<Item = usize>| {
        for index in indices.filter(|index| children[*index].is_spawned) {
            if over.insert(index) {
                log.push(format!("{index} is over"));
            }
        }
    };
    // What nothing can wake is dropped before anything happens.
    end(&mut walk.log, &mut (0..children.len()).filter(|index| children[*index].end == End::Lose));
    let mut has_ended = walk.end_if_over(0);
    for index in 0..=children.len().max(abort.unwrap_or(0)) {
        if abort == Some(index) && !has_ended && !walk.is_aborted {
            (walk.outside, walk.is_aborted) = (true, true);
            end(&mut walk.log, &mut (0..children.len()));
            has_ended = walk.end_if_over(index);
        }
        let Some(child) = children.get(index).filter(|child| child.end != End::Lose) else { continue };
        // The handler of its promise runs also if the future is gone, for a promise is not stopped.
        walk.log.push(format!("{index} goes on"));
        if child.is_spawned && walk.is_aborted {
            continue;
        }
        end(&mut walk.log, &mut std::iter::once(index));
        match child.end {
            End::Reject => walk.errors.push(index),
            End::Panic => walk.fault = walk.fault.or(Some(index)),
            End::Fulfill | End::Lose => {}
        }
        if child.end != End::Fulfill && !walk.is_aborted {
            walk.is_aborted = true;
            end(&mut walk.log, &mut (0..children.len()));
        }
        has_ended = has_ended || walk.end_if_over(index + 1);
    }
    walk.log
}

struct Walk<'a> {
    children: &'a [Child],
    log: Vec<String>,
    errors: Vec<usize>,
    fault: Option<usize>,
    outside: bool,
    is_aborted: bool,
}

impl Walk<'_> {
    /// Logs the result, if nothing is waited for any more, when the children from `next` on have not settled.
    fn end_if_over(&mut self, next: usize) -> bool {
        let is_waited_for = |(index, child): (usize, &Child)| match child.end {
            End::Lose => !self.is_aborted,
            _ => index >= next && !(self.is_aborted && child.is_spawned),
        };
        let is_over = !self.children.iter().enumerate().any(is_waited_for);
        if is_over {
            self.log.push(conclude(&self.errors, self.fault, self.outside));
        }
        is_over
    }
}

fn conclude(errors: &[usize], fault: Option<usize>, outside: bool) -> String {
    match fault {
        Some(index) => format!("fault {index}"),
        None if errors.is_empty() && !outside => "fulfilled".to_string(),
        None => format!("{errors:?} {outside}"),
    }
}

/// A retry: how long each attempt takes and what it fails with, if it does; whether it takes its signal; how long an attempt
/// may take; the delays; the abort.
#[derive(Clone, Debug)]
struct Trial {
    attempts: Vec<(u64, Option<i32>, bool)>,
    limit: Option<u64>,
    delays: Vec<u64>,
    refused: i32,
    abort: Option<u64>,
}

fn trial() -> impl Strategy<Value = Trial> {
    let attempts = vec((1..9_u64, option::weighted(0.8, 0..9), any::<bool>()), 9);
    (attempts, option::of(1..9_u64), vec(1..20_u64, 0..8), 0..12, option::of(0..60_u64))
        .prop_map(|(attempts, limit, delays, refused, abort)| Trial { attempts, limit, delays, refused, abort })
}

/// The error of an attempt that has taken too long. A predicate may refuse it, too.
const TOO_LATE: i32 = 11;

/// The reason of an attempt.
#[derive(Clone, Debug, PartialEq)]
struct Code(i32);

impl From<Aborted> for Code {
    fn from(aborted: Aborted) -> Self {
        // An abort of the whole is never asked for its code.
        assert!(aborted.is_timeout() || aborted.reason().is_none());
        Self(TOO_LATE)
    }
}

/// What it comes to, and when.
type Tried = (Result<i32, (Vec<FailedAttempt<Code>>, &'static str)>, u64);

fn retry(trial: &Trial) -> Tried {
    on_a_new_thread(|| {
        let event_loop = quick_loop();
        let Trial { attempts, limit, delays, refused, abort } = trial.clone();
        let result = event_loop.enter(|| {
            let controller = AbortController::new();
            let signal = controller.signal();
            if let Some(at) = abort {
                // Half a step before what happens at that time.
                set_timeout(move || controller.abort(), ms(2 * at + 1));
            } else {
                std::mem::forget(controller);
            }
            let delays = delays.into_iter().map(|delay| ms(2 * delay));
            let policy = Retry::after(delays).when(move |error: &Code| error.0 != refused).abortable(&signal);
            let policy = match limit {
                Some(limit) => policy.timeout(ms(2 * limit)),
                None => policy,
            };
            let retry = policy.run(move |attempt| {
                let (takes, error, listens) = attempts[attempt.number - 1];
                let value = i32::try_from(attempt.number).expect("they are few");
                let delay = if listens { attempt.signal.delay(ms(2 * takes)) } else { delay(ms(2 * takes)) };
                delay.then(move |()| error.map_or(Ok(value), |error| Err(Code(error))))
            });
            retry.map(|value| (value, now())).map_err(|error| (error, now()))
        });
        let half = |time: Duration| u64::try_from(time.as_millis()).expect("it is short").div_ceil(2);
        match event_loop.block_on(result) {
            Ok((value, end)) => (Ok(value), half(end)),
            Err((error, end)) => {
                let cause = match error.cause {
                    GaveUp::Exhausted => "exhausted",
                    GaveUp::Refused => "refused",
                    GaveUp::Aborted(_) => "aborted",
                };
                (Err((error.attempts, cause)), half(end))
            }
        }
    })
}

fn model_of_retry(trial: &Trial) -> Tried {
    let (mut time, mut failed) = (0, Vec::new());
    let mut delays = trial.delays.iter();
    // An abort at `at` comes after what happens at that time, and before what happens later.
    let is_aborted_before = |time: u64| trial.abort.filter(|at| *at < time);
    for (index, (takes, error, _)) in trial.attempts.iter().enumerate() {
        let began = time;
        // The timer of the limit is the older one.
        let (takes, error) = match trial.limit {
            Some(limit) if limit <= *takes => (limit, Some(TOO_LATE)),
            _ => (*takes, *error),
        };
        time += takes;
        if let Some(at) = is_aborted_before(time) {
            return (Err((failed, "aborted")), at + 1);
        }
        let number = index + 1;
        let Some(error) = error else { return (Ok(i32::try_from(number).expect("they are few")), time) };
        failed.push(FailedAttempt { number, error: Code(error), began: ms(2 * began), ended: ms(2 * time) });
        if error == trial.refused {
            return (Err((failed, "refused")), time);
        }
        let Some(delay) = delays.next() else { return (Err((failed, "exhausted")), time) };
        time += delay;
        if let Some(at) = is_aborted_before(time) {
            return (Err((failed, "aborted")), at + 1);
        }
    }
    unreachable!("there are more attempts than delays")
}

/// A reason that knows the abort that it is.
#[derive(Clone, Debug)]
enum Fail {
    No(i32),
    Aborted(Aborted),
}

impl From<Aborted> for Fail {
    fn from(aborted: Aborted) -> Self {
        Self::Aborted(aborted)
    }
}

/// What a child that is added does in its tick, unless the scope is aborted before and it listens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Added {
    Fulfill,
    Reject,
    /// Takes the signal of the scope, and would be fulfilled.
    Listen,
    /// Is rejected by an abort that is none of the scope.
    RejectAborted,
}

/// The errors of a scope with these children, each with the tick in which it settles, and whether it was aborted from outside.
fn errors_of_scope(children: &[(u8, Added)], abort: Option<u8>, ignores: bool) -> (Vec<String>, bool) {
    on_a_new_thread(|| {
        let ended = Rc::new(RefCell::new((vec![], false)));
        let seen = ended.clone();
        run(|| {
            let scope = Promise::<(), ScopeError<Fail>>::scope(|scope| {
                if ignores {
                    scope.ignore_aborts(|fail| match fail {
                        Fail::Aborted(aborted) => Some(aborted),
                        Fail::No(_) => None,
                    });
                }
                for (index, (tick, child)) in children.iter().copied().enumerate() {
                    let number = i32::try_from(index).expect("they are few");
                    let promise = Promise::<(), Fail>::new(|resolve, reject| {
                        after(tick, move || match child {
                            Added::Fulfill | Added::Listen => resolve(()),
                            Added::Reject => reject(Fail::No(number)),
                            Added::RejectAborted => reject(Aborted::new("the child's own").into()),
                        });
                    });
                    scope.add(if child == Added::Listen { promise.abortable(&scope.signal()) } else { promise });
                }
                if let Some(tick) = abort {
                    after(tick, move || scope.abort_with("from outside"));
                }
                Ok(())
            });
            scope.catch(move |error| {
                let show = |fail: &Fail| match fail {
                    Fail::No(number) => number.to_string(),
                    Fail::Aborted(aborted) => aborted.to_string(),
                };
                *seen.borrow_mut() = (error.errors.iter().map(show).collect(), error.aborted.is_some());
                Ok(())
            });
        })
        .expect("every rejection is handled");
        ended.take()
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
    fn a_scope_follows_from_its_children(children in children(), abort in option::of(0..8_usize)) {
        prop_assert_eq!(scope(&children, abort), model_of_scope(&children, abort));
    }

    #[test]
    fn a_scope_that_ignores_aborts_has_the_other_errors(
        children in vec((0..6_u8, prop_oneof![
            Just(Added::Fulfill), Just(Added::Reject), Just(Added::Listen), Just(Added::RejectAborted)
        ]), 0..7),
        abort in option::of(0..6_u8),
    ) {
        let (all, from_outside) = errors_of_scope(&children, abort, false);
        let is_own = |error: &String| error == "aborted: from outside" || error.ends_with("in the scope failed");
        let others: Vec<_> = all.into_iter().filter(|error| !is_own(error)).collect();
        prop_assert_eq!(errors_of_scope(&children, abort, true), (others, from_outside));
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
    fn a_retry_follows_from_its_attempts(trial in trial()) {
        prop_assert_eq!(retry(&trial), model_of_retry(&trial));
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
