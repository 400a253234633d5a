//! Wakers: what they do when they are woken, and when they are dropped.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use thenable::{Promise, Resolve, block_on, run};

use crate::everything::{
    Log, Subject, Trigger, When, bystander, call_everything, called, jobs, jobs_beside_a_pending, lines, tick,
};

thread_local! {
    /// What the next wake does: a waker must be `Send`, what it does here is not.
    pub(crate) static ON_WAKE: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    static ON_WAKER_DROP: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// A waker of a foreign executor.
struct Probe;

impl Wake for Probe {
    fn wake(self: Arc<Self>) {
        if let Some(action) = ON_WAKE.take() {
            action();
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(action) = ON_WAKER_DROP.take() {
            action();
        }
    }
}

/// Polls `promise`, with a [`Probe`] for a waker.
pub(crate) fn poll_with_probe<T: 'static, E: fmt::Debug + 'static>(promise: &mut Promise<T, E>) -> Poll<Result<T, E>> {
    let waker = Waker::from(Arc::new(Probe));
    Pin::new(promise).poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_waker_may_call_everything_while_the_promise_settles() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let (before, after) = (log.line("main", "given before"), log.line("main", "given after"));
        subject.clone().map(|_| before());
        let (mut awaited, other) = (subject.clone(), subject.clone());
        assert!(poll_with_probe(&mut awaited).is_pending());
        let inner = log.clone();
        ON_WAKE.set(Some(Box::new(move || call_everything(&inner, "waker", &subject))));
        resolve(Trigger::inert());
        log.log("resolved");
        other.map(|_| after());
        assert!(matches!(poll_with_probe(&mut awaited), Poll::Ready(Ok(_))));
    })
    .unwrap();
    log.expect(&[
        &called("waker", "fulfilled"),
        &lines(["resolved"]),
        &tick("waker"),
        &lines(["main: given before"]),
        &jobs("waker", "fulfilled"),
        &lines(["main: given after"]),
    ]);
}

/// Reactions run in the order of registration (invariant 3), also if one is registered by a waker, or by a `Clone`, while
/// the promise is about to tell those that were registered before.
#[test]
fn a_reaction_given_while_the_promise_settles_runs_after_those_given_before() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let mut awaited = subject.clone();
        assert!(poll_with_probe(&mut awaited).is_pending());
        let before = log.line("main", "given before");
        subject.clone().map(|_| before());
        let (in_wake, other) = (log.line("wake", "given inside"), subject.clone());
        ON_WAKE.set(Some(Box::new(move || drop(other.map(|_| in_wake())))));
        let in_clone = log.line("clone", "given inside");
        resolve(Trigger::new(When::Cloned, move || drop(subject.map(|_| in_clone()))));
        assert!(matches!(poll_with_probe(&mut awaited), Poll::Ready(Ok(_))));
    })
    .unwrap();
    log.expect(&[&lines(["main: given before", "clone: given inside", "wake: given inside"])]);
}

/// The one handle is polled to its end inside the wake that its own settling causes.
#[test]
fn a_waker_may_poll_what_woke_it() {
    let log = Log::default();
    run(|| {
        let (mut promise, resolve, _reject) = Promise::<u8, ()>::with_resolvers();
        assert!(poll_with_probe(&mut promise).is_pending());
        let inner = log.clone();
        ON_WAKE.set(Some(Box::new(move || {
            let Poll::Ready(Ok(value)) = poll_with_probe(&mut promise) else { panic!("it has settled") };
            inner.log(format_args!("polled: {value}"));
            drop(promise);
        })));
        resolve(7);
        log.log("resolved");
    })
    .unwrap();
    log.expect(&[&lines(["polled: 7", "resolved"])]);
}

/// One wake settles the next promise, whose waker settles the next one.
#[test]
fn wakers_may_settle_promises_whose_wakers_settle_promises() {
    type Link = (Promise<u8, ()>, Resolve<u8, ()>);

    thread_local! {
        static CHAIN: RefCell<Vec<Link>> = const { RefCell::new(Vec::new()) };
        static AWAITED: RefCell<Vec<Promise<u8, ()>>> = const { RefCell::new(Vec::new()) };
    }

    struct SettleNext(u8);

    impl Wake for SettleNext {
        fn wake(self: Arc<Self>) {
            if let Some((promise, resolve)) = CHAIN.with_borrow_mut(Vec::pop) {
                let mut awaited = promise.clone();
                let waker = Waker::from(Arc::new(SettleNext(self.0 + 1)));
                assert!(Pin::new(&mut awaited).poll(&mut Context::from_waker(&waker)).is_pending());
                AWAITED.with_borrow_mut(|all| all.push(awaited));
                resolve(self.0);
            }
        }
    }

    CHAIN.set((0..3).map(|_| Promise::with_resolvers()).map(|(promise, resolve, _)| (promise, resolve)).collect());
    Waker::from(Arc::new(SettleNext(1))).wake();
    let settled = AWAITED.take().into_iter().map(|promise| block_on(promise).unwrap());
    assert_eq!(settled.collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_drop_of_a_waker_may_call_everything() {
    let log = Log::default();
    let call = |place: &'static str, subject: Subject| {
        let log = log.clone();
        ON_WAKER_DROP.set(Some(Box::new(move || call_everything(&log, place, &subject))));
    };
    run(|| {
        // Another waker takes its place.
        let (mut promise, resolve, reject) = Subject::with_resolvers();
        call("replaced", bystander());
        assert!(poll_with_probe(&mut promise).is_pending());
        assert!(poll_with_probe(&mut promise).is_pending());
        // The promise can never settle.
        call("abandoned", bystander());
        drop((resolve, reject));
        log.log("functions dropped");
        // The handle that was polled is dropped, in two ways.
        let (mut promise, _resolve, _reject) = Subject::with_resolvers();
        assert!(poll_with_probe(&mut promise).is_pending());
        call("handle dropped", bystander());
        drop(promise);
        let (subject, _resolve, _reject) = Subject::with_resolvers();
        let mut promise = subject.clone();
        assert!(poll_with_probe(&mut promise).is_pending());
        call("clone dropped", subject);
        drop(promise);
        log.log("handles dropped");
    })
    .unwrap();
    log.expect(&[
        &called("replaced", "fulfilled"),
        &called("abandoned", "fulfilled"),
        &lines(["functions dropped"]),
        &called("handle dropped", "fulfilled"),
        &called("clone dropped", "pending"),
        &lines(["handles dropped"]),
        &["replaced", "abandoned", "handle dropped", "clone dropped"].map(tick).concat(),
        &jobs("replaced", "fulfilled"),
        &jobs("abandoned", "fulfilled"),
        &jobs("handle dropped", "fulfilled"),
        &jobs_beside_a_pending("clone dropped"),
    ]);
}
