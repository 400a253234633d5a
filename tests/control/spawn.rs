//! `signal.spawn(future)`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::panic::panic_any;
use std::rc::Rc;
use std::task::Poll;

use futures::channel::oneshot;
use thenable::{AbortController, AbortSignal, PromiseState, block_on, queue_microtask, run};

use crate::common::{at, c, expect_trace, log, trace};
use crate::{Failure, Noisy, P, aborted, fault, forever, pending, stalled};

#[test]
fn it_takes_the_ticks_of_spawn() {
    async fn body(fails: bool) -> Result<i32, Failure> {
        at("begin");
        let one = P::resolve(1).await?;
        at("goes on");
        if fails { Err(Failure::No(1)) } else { Ok(one) }
    }

    let both = |spawn: fn(bool) -> P| {
        move || {
            spawn(false).then(c("value"));
            spawn(true).catch(|_| {
                at("error");
                Ok(0)
            });
            log("sync");
        }
    };
    let expected = "begin@0  begin@0  sync  goes on@1  goes on@1  value@2  error@2";
    expect_trace(expected, both(|fails| P::spawn(body(fails))));
    expect_trace(
        expected,
        both(|fails| {
            let controller = AbortController::new();
            let promise = controller.signal().spawn(body(fails));
            mem::forget(controller);
            promise
        }),
    );
}

#[test]
fn the_future_is_dropped_before_abort_returns() {
    expect_trace("begin  abort  drop future  Rejected  handler@1", || {
        let controller = AbortController::new();
        let noisy = Noisy("future");
        let promise: P<()> = controller.signal().spawn(async move {
            let _noisy = noisy;
            log("begin");
            forever().await;
            Ok(())
        });
        log("abort");
        controller.abort();
        log(format_args!("{:?}", promise.state()));
        promise.catch(|_| {
            at("handler");
            Ok(())
        });
    });
}

#[test]
fn a_future_that_aborts_itself_is_dropped_when_its_poll_returns() {
    let controller = AbortController::new();
    let signal = controller.signal();
    let promise: P<()> = signal.spawn(async move {
        let _noisy = Noisy("future");
        P::resolve(1).await?;
        controller.abort_with("myself");
        log("goes on to the next await");
        forever().await;
        Ok(())
    });
    assert_eq!(aborted(promise), "aborted: myself");
    assert_eq!(trace(), "goes on to the next await  drop future");
    // Also if it is ready then: the abort has decided.
    let controller = AbortController::new();
    let promise: P = controller.signal().spawn(async move {
        controller.abort_with("myself");
        Ok(1)
    });
    assert_eq!(aborted(promise), "aborted: myself");
}

#[test]
fn with_a_signal_that_is_aborted_already_it_is_never_polled() {
    let noisy = Noisy("future");
    let promise: P<()> = AbortSignal::abort_with("before").spawn(async move {
        drop(noisy);
        unreachable!("it is not polled") as Result<(), Failure>
    });
    assert_eq!((promise.state(), trace()), (PromiseState::Rejected, "drop future".to_string()));
    assert_eq!(aborted(promise), "aborted: before");
}

#[test]
fn when_it_is_done_the_abort_comes_too_late() {
    let controller = AbortController::new();
    let promise: P = controller.signal().spawn(async { Ok(1) });
    controller.abort();
    assert_eq!(block_on(promise), Ok(1));
    // So it does for a promise that was returned.
    let controller = AbortController::new();
    let (inner, resolve, _) = pending();
    let promise: P = controller.signal().spawn(std::future::ready(inner));
    controller.abort();
    resolve(2);
    assert_eq!(block_on(promise), Ok(2));
}

#[test]
fn a_promise_that_it_awaits_forgets_it() {
    let controller = AbortController::new();
    let (awaited, _, reject) = pending();
    let promise: P = controller.signal().spawn(async move {
        let _noisy = Noisy("future");
        awaited.await
    });
    controller.abort();
    // It was awaited once, so it is handled.
    reject(Failure::No(1));
    assert_eq!(aborted(promise), "aborted");
    assert_eq!(trace(), "drop future");
    run(|| {}).unwrap();
}

#[test]
fn a_waker_that_is_left_wakes_nobody() {
    let controller = AbortController::new();
    let waker = Rc::new(RefCell::new(None));
    let kept = waker.clone();
    let promise: P<()> = controller.signal().spawn(poll_fn(move |context| {
        *kept.borrow_mut() = Some(context.waker().clone());
        log("poll");
        Poll::<Result<(), Failure>>::Pending
    }));
    controller.abort();
    waker.take().unwrap().wake();
    assert_eq!(aborted(promise), "aborted");
    run(|| {}).unwrap();
    assert_eq!((trace(), Rc::strong_count(&waker)), ("poll".to_string(), 1));
}

#[test]
fn a_future_that_nothing_can_wake_is_dropped_though_the_signal_lives() {
    let controller = AbortController::new();
    let (sender, receiver) = oneshot::channel::<()>();
    let promise: P<()> = controller.signal().spawn(async move {
        let _noisy = Noisy("future");
        let (lost, _, _) = P::<()>::with_resolvers();
        drop(receiver);
        lost.await
    });
    drop(sender);
    run(|| {}).unwrap();
    assert_eq!(trace(), "drop future");
    assert!(!stalled(promise).abandoned.is_empty());
    controller.abort();
}

#[test]
fn panics() {
    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            panic_any("destructor")
        }
    }

    let controller = AbortController::new();
    let in_body: P = controller.signal().spawn(async { panic_any("body") as Result<_, Failure> });
    assert_eq!(fault(in_body), "body");
    let in_drop: P<()> = controller.signal().spawn(async {
        let _bad = Bad;
        forever().await;
        Ok(())
    });
    controller.abort();
    assert_eq!(fault(in_drop), "destructor");
}

#[test]
fn the_order_among_the_listeners() {
    let controller = AbortController::new();
    let signal = controller.signal();
    signal.on_abort(|_| log("before")).detach();
    let inside = signal.clone();
    let promise: P<()> = signal.spawn(async move {
        let _noisy = Noisy("future");
        // It goes with the future, so it is not called.
        let _guard = inside.on_abort(|_| unreachable!("the future is dropped first"));
        forever().await;
        Ok(())
    });
    signal.on_abort(|_| log("after")).detach();
    queue_microtask(move || controller.abort());
    assert_eq!(aborted(promise), "aborted");
    assert_eq!(trace(), "before  drop future  after");
}
