//! `promise.abortable(&signal)`.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;
use std::thread;

use thenable::{
    AbortController, AbortSignal, Aborted, Promise, PromiseState, block_on, on_unhandled_rejection, queue_microtask,
    run,
};

use crate::common::{at, c, expect_trace, log, ms, quick_loop, trace};
use crate::{Failure, Noisy, P, aborted, fault, faulted, pending, stalled, tick};

#[test]
fn it_settles_as_the_promise_does_a_tick_later() {
    expect_trace("then@1  abortable@2  abortable rejected@2", || {
        let signal = AbortController::new();
        P::resolve(1).then(c("then"));
        P::resolve(1).abortable(&signal.signal()).then(c("abortable"));
        P::reject(Failure::No(1)).abortable(&signal.signal()).catch(|_| {
            at("abortable rejected");
            Ok(0)
        });
    });
}

#[test]
fn the_abort_rejects_it_before_it_returns() {
    expect_trace("Rejected  handler of aborted: enough@3", || {
        let controller = AbortController::new();
        let (promise, _resolve, _reject) = pending();
        let promise = promise.abortable(&controller.signal());
        tick(2, move || {
            controller.abort_with("enough");
            log(format_args!("{:?}", promise.state()));
            promise.catch(|failure| match failure {
                Failure::Aborted(aborted) => {
                    at(format_args!("handler of {aborted}"));
                    Ok(0)
                }
                other @ Failure::No(_) => Err(other),
            });
        });
    });
}

#[test]
fn of_both_in_one_tick_the_abort_decides() {
    let controller = AbortController::new();
    let (promise, resolve, _) = pending();
    let result = promise.abortable(&controller.signal());
    queue_microtask(move || {
        resolve(1);
        controller.abort_with("later, but sooner");
    });
    assert_eq!(aborted(result), "aborted: later, but sooner");
    // A tick later it is too late.
    let controller = AbortController::new();
    let (promise, resolve, _) = pending();
    let result = promise.abortable(&controller.signal());
    queue_microtask(move || {
        resolve(1);
        tick(1, move || controller.abort());
    });
    assert_eq!(block_on(result), Ok(1));
}

#[test]
fn a_signal_that_is_aborted_already_rejects_at_once() {
    let signal = AbortSignal::abort_with("before");
    let result = P::resolve(1).abortable(&signal);
    assert_eq!(result.state(), PromiseState::Rejected);
    assert_eq!(aborted(result), "aborted: before");
    // The loser is handled.
    let (promise, _, reject) = pending();
    let result = promise.abortable(&signal);
    reject(Failure::No(1));
    assert_eq!(aborted(result), "aborted: before");
    run(|| {}).unwrap();
}

#[test]
fn the_rejection_that_comes_after_the_abort_is_handled() {
    let controller = AbortController::new();
    let (promise, _, reject) = pending();
    let result = promise.abortable(&controller.signal());
    controller.abort();
    queue_microtask(move || reject(Failure::No(1)));
    assert_eq!(aborted(result), "aborted");
    run(|| {}).unwrap();
}

#[test]
fn the_promise_goes_on_for_others() {
    let controller = AbortController::new();
    let (promise, resolve, _) = pending();
    let result = promise.clone().abortable(&controller.signal());
    controller.abort();
    resolve(1);
    assert_eq!(aborted(result), "aborted");
    assert_eq!(block_on(promise), Ok(1));
}

#[test]
fn faults() {
    struct Bad;

    impl From<Aborted> for Bad {
        fn from(_: Aborted) -> Self {
            panic_any("from")
        }
    }

    impl std::fmt::Debug for Bad {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Bad")
        }
    }

    assert_eq!(fault(faulted::<i32, Failure>("a bug").abortable(&AbortController::new().signal())), "a bug");
    assert_eq!(fault(Promise::<(), Bad>::resolve(()).abortable(&AbortSignal::abort())), "from");
    let controller = AbortController::new();
    let (promise, _resolve, _reject) = Promise::<(), Bad>::with_resolvers();
    let result = promise.abortable(&controller.signal());
    controller.abort();
    assert_eq!(fault(result), "from");
}

#[test]
fn an_abandoned_promise_can_be_aborted() {
    let controller = AbortController::new();
    let result = P::<i32>::new(|_, _| {}).abortable(&controller.signal());
    queue_microtask(move || controller.abort_with("at last"));
    assert_eq!(aborted(result), "aborted: at last");
}

#[test]
fn what_can_neither_settle_nor_be_aborted_is_abandoned() {
    // The promise first, or the signal first.
    for signal_first in [false, true] {
        let controller = AbortController::new();
        let (promise, resolve, reject) = pending();
        let cause = promise.origin();
        let noisy = Noisy("handler");
        let result = promise.abortable(&controller.signal()).map(move |_| drop(noisy));
        let (functions, signal) = ((resolve, reject), controller);
        if signal_first {
            drop(signal);
            log("then");
            drop(functions);
        } else {
            drop(functions);
            log("then");
            drop(signal);
        }
        assert_eq!(stalled(result).abandoned[0], cause);
    }
    assert_eq!(trace(), "then  drop handler  then  drop handler");
}

#[test]
fn settled_promises_leave_the_signal_and_aborted_ones_the_promise() {
    let controller = AbortController::new();
    let signal = controller.signal();
    let value = Rc::new(());
    let (promise, resolve, _) = Promise::<Rc<()>, Failure>::with_resolvers();
    let result = promise.abortable(&signal);
    resolve(value.clone());
    drop(block_on(result));
    assert_eq!(Rc::strong_count(&value), 1);
    // A handler that is waited for by nobody is dropped at the abort.
    let (promise, _resolve, _reject) = pending();
    let noisy = Noisy("handler");
    promise.clone().abortable(&signal).map(move |_| drop(noisy)).catch(|_| Ok(()));
    controller.abort();
    run(|| {}).unwrap();
    assert_eq!(trace(), "drop handler");
    drop(promise);
}

#[test]
fn any_number_of_signals() {
    let (a, b) = (AbortController::new(), AbortController::new());
    let (promise, _resolve, _reject) = pending();
    let result = promise.abortable(&a.signal()).abortable(&b.signal());
    queue_microtask(move || b.abort_with("b"));
    assert_eq!(aborted(result), "aborted: b");
    a.abort();
    run(|| {}).unwrap();
}

#[test]
fn it_ends_a_map_all() {
    // What has begun ends by the signal, and no further item is asked for.
    let event_loop = quick_loop();
    let controller = AbortController::new();
    let signal = controller.signal();
    let pages = event_loop.enter(|| {
        let pages = Promise::map_all(1.., 2, move |page: u64| {
            log(page);
            signal.delay::<Failure>(ms(page * 10)).map(move |()| page)
        });
        thenable::set_timeout(move || controller.abort_with("enough"), ms(35));
        pages
    });
    let Err(Failure::Aborted(aborted)) = event_loop.block_on(pages) else { panic!("it was aborted") };
    assert_eq!((aborted.to_string(), trace()), ("aborted: enough".to_string(), "1  2  3  4".to_string()));
    assert_eq!(event_loop.now(), ms(35));
    assert_eq!(event_loop.pending().timers, 0);
}

#[test]
fn a_long_chain_uses_no_stack() {
    const LINKS: usize = 1_000_000;
    fn chain(signal: &AbortSignal) -> (P, thenable::Resolve<i32, Failure>) {
        let (mut promise, resolve, _) = pending();
        for _ in 0..LINKS {
            promise = promise.abortable(signal);
        }
        (promise, resolve)
    }
    let test = || {
        let controller = AbortController::new();
        let (end, resolve) = chain(&controller.signal());
        resolve(1);
        assert_eq!(block_on(end), Ok(1));
        let (end, _resolve) = chain(&controller.signal());
        controller.abort();
        assert_eq!(aborted(end), "aborted");
        // Abandoned, and dropped.
        let controller = AbortController::new();
        let (end, resolve) = chain(&controller.signal());
        drop(resolve);
        drop(controller);
        assert_eq!(end.state(), PromiseState::Pending);
        let controller = AbortController::new();
        drop(chain(&controller.signal()));
        drop(controller);
    };
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(test).expect("the thread starts");
    thread.join().expect("the test passes");
}

#[test]
fn a_rejection_that_nobody_waits_for_is_reported() {
    let reasons = Rc::new(RefCell::new(Vec::new()));
    let heard = reasons.clone();
    on_unhandled_rejection(move |report| heard.borrow_mut().push(format!("{:?}", report.reason())));
    let controller = AbortController::new();
    let (promise, _, reject) = pending();
    let handled = promise.clone();
    drop(promise.clone().abortable(&controller.signal()));
    drop(promise.abortable(&AbortController::new().signal()));
    handled.catch(|_| Ok(0));
    (0..100).for_each(|_| drop(pending().0.abortable(&controller.signal())));
    controller.abort_with("the end");
    reject(Failure::No(1));
    run(|| {}).unwrap();
    assert_eq!(reasons.borrow().len(), 102);
    assert_eq!(reasons.borrow()[0], r#"Aborted(Aborted("the end"))"#);
    assert_eq!(reasons.borrow()[101], "No(1)");
}
