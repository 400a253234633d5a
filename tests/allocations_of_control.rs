//! What aborts, time limits, scopes and retries allocate, and that nothing of them stays: a loser is taken off the promise or
//! the signal that it waited for (invariant 9).
#[path = "common/counting.rs"]
mod counting;

use std::time::Duration;

use counting::{allocations, bytes};
use thenable::{
    AbortController, AbortSignal, Aborted, EventLoop, Promise, Retry, ScopeError, block_on, queue_microtask, run,
    with_progress,
};

type P<T = ()> = Promise<T, Aborted>;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn quick_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().auto_advance(true).build()
}

/// Runs `round` a million times, after a few to get memory for queues and tables. Checks that nothing is left.
#[track_caller]
fn retains_nothing(mut round: impl FnMut()) {
    /// Of the latest rounds some reactions are left, until the list of listeners would grow.
    const FEW_BYTES: i64 = 32 * 1024;

    (0..1000).for_each(|_| round());
    let before = bytes();
    (0..1_000_000).for_each(|_| round());
    let left = bytes() - before;
    assert!(left.abs() < FEW_BYTES, "{left} bytes are left");
}

#[test]
fn a_million_aborts_against_one_promise_retain_nothing() {
    let (promise, _resolve, _reject) = P::<()>::with_resolvers();
    retains_nothing(|| {
        let controller = AbortController::new();
        let result = promise.clone().abortable(&controller.signal());
        controller.abort();
        block_on(result).unwrap_err();
    });
}

#[test]
fn a_million_timeouts_against_one_promise_retain_nothing() {
    let event_loop = quick_loop();
    let (promise, _resolve, _reject) = P::<()>::with_resolvers();
    retains_nothing(|| {
        let result = event_loop.enter(|| promise.clone().timeout(ms(1)));
        event_loop.block_on(result).unwrap_err();
    });
}

#[test]
fn a_million_promises_against_one_signal_retain_nothing() {
    let controller = AbortController::new();
    let signal = controller.signal();
    retains_nothing(|| block_on(P::resolve(()).abortable(&signal)).unwrap());
    retains_nothing(|| block_on(signal.spawn::<(), Aborted, _>(async { P::resolve(()).await })).unwrap());
    // What nobody waits for.
    retains_nothing(|| drop(signal.when_aborted::<()>()));
    retains_nothing(|| drop(signal.on_abort(|_| ())));
    let event_loop = quick_loop();
    retains_nothing(|| {
        let rest = event_loop.enter(|| signal.delay::<Aborted>(ms(1)));
        event_loop.block_on(rest).unwrap();
    });
}

#[test]
fn a_million_signals_of_one_signal_retain_nothing() {
    let controller = AbortController::new();
    let signal = controller.signal();
    retains_nothing(|| drop(AbortSignal::any([&signal, &signal])));
    retains_nothing(|| drop(AbortSignal::any([AbortSignal::any([&signal]), AbortSignal::timeout(ms(1000))])));
    retains_nothing(|| {
        let other = AbortController::new();
        AbortSignal::any([signal.clone(), other.signal()]).on_abort(|_| ()).detach();
        other.abort();
    });
    assert_eq!(EventLoop::of_thread().pending().timers, 0);
}

#[test]
fn a_million_signals_of_one_promise_retain_nothing() {
    let (promise, _resolve, _reject) = Promise::<&str, Aborted>::with_resolvers();
    retains_nothing(|| drop(AbortSignal::when(promise.clone())));
    let controller = AbortController::new();
    retains_nothing(|| {
        let signal = AbortSignal::any([AbortSignal::when(promise.clone()), controller.signal()]);
        drop(signal.on_abort(|_| ()));
    });
}

#[test]
fn a_million_scopes_and_retries_retain_nothing() {
    let controller = AbortController::new();
    let signal = controller.signal();
    let event_loop = quick_loop();
    retains_nothing(|| {
        let scope = Promise::<(), ScopeError<Aborted>>::scope(|scope| {
            scope.abort_when(&signal);
            scope.spawn(async { P::resolve(()).await });
            scope.add(P::<()>::reject(Aborted::default()));
            Ok(())
        });
        block_on(scope).unwrap_err();
    });
    retains_nothing(|| {
        let retry =
            || Retry::after([ms(1)]).abortable(&signal).run(|attempt| if attempt.number == 1 { Err(1) } else { Ok(2) });
        let retry = event_loop.enter(retry);
        assert_eq!(event_loop.block_on(retry), Ok(2));
    });
    retains_nothing(|| {
        // Each attempt has a signal that follows the one that lives long.
        let retry = || {
            Retry::after([ms(1)]).abortable(&signal).timeout(ms(2)).run(|attempt| {
                let takes = if attempt.number == 1 { 5 } else { 0 };
                attempt.signal.delay::<Aborted>(ms(takes))
            })
        };
        let retry = event_loop.enter(retry);
        event_loop.block_on(retry).unwrap();
    });
    retains_nothing(|| {
        let scope = event_loop.enter(|| {
            Promise::<(), ScopeError<Aborted>>::scope(|scope| {
                scope.abort_when(&signal);
                scope.ignore_aborts(|aborted| Some(aborted));
                scope.delay(ms(5));
                scope.add(scope.signal().delay::<Aborted>(ms(5)));
                scope.add(P::<()>::reject(Aborted::default()));
                Ok(())
            })
        });
        assert_eq!(event_loop.block_on(scope).unwrap_err().errors.len(), 1);
    });
    assert_eq!(event_loop.pending().timers, 0);
}

#[test]
fn what_they_allocate() {
    run(|| (0..64).for_each(|_| queue_microtask(|| {}))).unwrap();
    let controller = AbortController::new();
    let signal = controller.signal();
    // The first listeners of a signal get a list.
    let _guards = [0; 3].map(|_| signal.on_abort(|_| ()));
    let source = P::resolve(());
    assert_eq!(allocations(|| source.abortable(&signal)).1, 2, "the result and the reaction");
    let event_loop = quick_loop();
    let source = P::resolve(());
    event_loop.enter(|| P::resolve(()).timeout(ms(5)));
    assert_eq!(allocations(|| event_loop.enter(|| source.timeout(ms(5)))).1, 3, "and the closure of the timer");
    assert_eq!(allocations(|| drop(AbortController::new().signal())).1, 1);
    let source = Promise::<&str, Aborted>::resolve("closed");
    assert_eq!(
        allocations(|| drop(AbortSignal::when(source))).1,
        3,
        "the signal, the reaction, and what the one has of the other"
    );
    assert_eq!(allocations(|| drop(signal.on_abort(|_| ()))).1, 1);
    let elements = || [P::resolve(()), P::resolve(())];
    let without = allocations(|| Promise::all(elements())).1;
    let with = allocations(|| with_progress(drop).all(elements())).1;
    assert_eq!(with, without + 1, "a callback that is a function needs no memory");
    run(|| {}).unwrap();
}
