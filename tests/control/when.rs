//! `AbortSignal::when`.

use std::error::Error;
use std::panic::panic_any;

use thenable::{
    AbortController, AbortSignal, Aborted, AsyncLocal, Promise, PromiseState, TimedOut, UnhandledRejection, block_on,
    queue_microtask, run,
};

use crate::common::{at, c, expect_trace, log, trace};
use crate::{Noisy, faulted, stalled};

type Boxed = Box<dyn Error + Send + Sync>;
type P<T> = Promise<T, TimedOut>;

/// The message of the fault that nobody has handled.
#[track_caller]
fn fault_of(result: Result<(), UnhandledRejection>) -> String {
    result.unwrap_err().downcast::<thenable::Fault>().unwrap().message().to_string()
}

#[test]
fn it_is_aborted_where_a_handler_would_run() {
    expect_trace("sync  listener@1  handler@1  settled later@2", || {
        let promise = P::resolve("closed");
        let signal = AbortSignal::when(promise.clone());
        assert!(!signal.aborted(), "a promise tells of its outcome in jobs");
        signal.on_abort(|_| at("listener")).detach();
        promise.then(c("handler"));
        let (later, resolve, _) = P::with_resolvers();
        AbortSignal::when(later).on_abort(|_| at("settled later")).detach();
        queue_microtask(move || resolve("closed"));
        log("sync");
    });
}

#[test]
fn the_reason_is_what_the_promise_settles_with() {
    let reason = |signal: AbortSignal| block_on(signal.when_aborted::<()>()).unwrap();
    assert_eq!(reason(AbortSignal::when(P::resolve("text"))).to_string(), "aborted: text");
    assert_eq!(reason(AbortSignal::when(P::resolve("a string".to_string()))).to_string(), "aborted: a string");
    assert_eq!(
        reason(AbortSignal::when(Promise::<TimedOut, Boxed>::resolve(TimedOut))).downcast_ref(),
        Some(&TimedOut)
    );
    // A rejection is one, too, and is handled by that.
    assert!(reason(AbortSignal::when(P::<&str>::reject(TimedOut))).is_timeout());
    let aborted = Aborted::new("before");
    let same = AbortSignal::when(Promise::<Aborted, Aborted>::reject(aborted.clone()));
    assert_eq!(reason(same), aborted, "an abort is not wrapped once more");
    run(|| {}).unwrap();
}

#[test]
fn a_fault_aborts_and_is_reported() {
    let mut kept = None;
    let unhandled = run(|| kept = Some(AbortSignal::when(faulted::<&str, TimedOut>("a bug"))));
    assert_eq!(fault_of(unhandled), "a bug");
    assert_eq!(kept.unwrap().reason().unwrap().to_string(), "aborted: a bug");
}

#[test]
fn a_panic_of_the_conversion_is_a_fault() {
    /// Cannot be made an error of.
    #[derive(Debug)]
    struct Bad;

    impl From<Bad> for Boxed {
        fn from(_: Bad) -> Self {
            panic_any("conversion")
        }
    }

    let mut kept = None;
    let unhandled = run(|| kept = Some(AbortSignal::when(Promise::<Bad, Bad>::reject(Bad))));
    assert_eq!(fault_of(unhandled), "conversion");
    assert!(kept.unwrap().aborted());
}

#[test]
fn a_promise_that_can_never_settle_will_never_abort() {
    let signal = AbortSignal::when(P::<&str>::new(|_, _| {}));
    assert!(!stalled(signal.when_aborted::<()>()).abandoned.is_empty());
    let (promise, resolve, reject) = P::<&str>::with_resolvers();
    let signal = AbortSignal::when(promise);
    let noisy = Noisy("listener");
    signal.on_abort(move |_| drop(noisy)).detach();
    drop((resolve, reject));
    assert_eq!(trace(), "drop listener");
    assert!(!signal.aborted());
}

#[test]
fn a_listener_is_enough_to_keep_it() {
    let (promise, resolve, _reject) = P::with_resolvers();
    AbortSignal::when(promise).on_abort(log).detach();
    run(move || resolve("closed")).unwrap();
    assert_eq!(trace(), "aborted: closed");
}

#[test]
fn it_follows_and_is_followed() {
    let (promise, resolve, _reject) = P::with_resolvers();
    let controller = AbortController::new();
    let signal = AbortSignal::any([AbortSignal::when(promise), controller.signal()]);
    let waiting = Promise::<(), Aborted>::new(|resolve, reject| std::mem::forget((resolve, reject))).abortable(&signal);
    queue_microtask(move || resolve("closed"));
    assert_eq!(block_on(waiting).unwrap_err().to_string(), "aborted: closed");
}

#[test]
fn the_listeners_see_the_values_of_the_call() {
    static NAME: AsyncLocal<&str> = AsyncLocal::new();

    let signal = NAME.run("a", || AbortSignal::when(P::resolve("closed")));
    signal.on_abort(|_| log(NAME.get().map_or("none", |name| *name))).detach();
    run(|| {}).unwrap();
    assert_eq!(trace(), "a");
}

#[test]
fn the_promise_is_handled_even_if_nobody_needs_the_signal() {
    let promise = P::<&str>::reject(TimedOut);
    assert_eq!(promise.state(), PromiseState::Rejected);
    drop(AbortSignal::when(promise));
    run(|| {}).unwrap();
}
