//! Controllers, signals and their listeners.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{catch_unwind, panic_any};
use std::rc::Rc;

use thenable::{
    AbortController, AbortListener, AbortSignal, Aborted, Promise, PromiseState, TimedOut, block_on, next_tick,
    queue_microtask, run,
};

use crate::common::{at, expect_trace, log, trace};
use crate::{Noisy, stalled, tick};

#[derive(Debug, PartialEq)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed")
    }
}

impl Error for Closed {}

#[test]
fn a_signal_says_whether_and_why() {
    let controller = AbortController::new();
    let signal = controller.signal();
    assert!(!signal.aborted());
    assert_eq!((signal.reason(), signal.throw_if_aborted()), (None, Ok(())));
    controller.clone().abort_with("the end");
    assert!(signal.aborted());
    let reason = signal.reason().unwrap();
    assert_eq!(reason.to_string(), "aborted: the end");
    assert_eq!(signal.clone().throw_if_aborted(), Err(reason.clone()));
    controller.abort_with("once more");
    assert_eq!(controller.signal().reason(), Some(reason), "the first abort counts");
    assert_eq!(format!("{signal:?}"), r#"AbortSignal { reason: Some(Aborted("the end")) }"#);
    assert_eq!(format!("{controller:?}"), r#"AbortController { reason: Some(Aborted("the end")) }"#);
}

#[test]
fn reasons() {
    let none = AbortSignal::abort().reason().unwrap();
    assert_eq!((none.to_string(), format!("{none:?}")), ("aborted".to_string(), "Aborted".to_string()));
    assert!(none.reason().is_none());
    let error = AbortSignal::abort_with(Closed).reason().unwrap();
    assert_eq!(error.downcast_ref(), Some(&Closed));
    assert!(error.reason().is_some_and(<dyn std::error::Error>::is::<Closed>));
    assert!(!error.is_timeout());
    assert!(Aborted::new(TimedOut).is_timeout());
    assert_eq!(Aborted::new(TimedOut).to_string(), "aborted: the time is up");
    assert_eq!(Aborted::new(error.clone()), error, "an abort is not wrapped once more");
    assert_eq!(AbortSignal::abort_with(error.clone()).reason(), Some(error));
    assert_ne!(Aborted::new("a"), Aborted::new("a"));
    let boxed: Box<dyn Error + Send + Sync> = Box::new(Closed);
    assert_eq!(Aborted::new(boxed).downcast_ref(), Some(&Closed));
}

#[test]
fn the_source_of_an_abort_is_behind_its_reason() {
    #[derive(Debug)]
    struct Outer(Closed);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    let aborted = Aborted::new(Outer(Closed));
    assert_eq!(aborted.to_string(), "aborted: outer");
    assert_eq!(aborted.source().unwrap().downcast_ref(), Some(&Closed));
    assert!(Aborted::default().source().is_none());
}

#[test]
fn listeners_are_called_within_abort_in_the_order_of_registration() {
    // In Node with `addAbortListener`, but for the guard that is dropped: it prints the same.
    expect_trace("l1: 1  l2  l4  after  tick  micro  in a microtask", || {
        let controller = AbortController::new();
        let signal = controller.signal();
        let third: Rc<RefCell<Option<AbortListener>>> = Rc::default();
        let (again, late, taken) = (controller.clone(), signal.clone(), third.clone());
        signal
            .on_abort(move |aborted| {
                log(format_args!("l1: {}", aborted.reason().unwrap()));
                late.on_abort(|_| log("in a microtask")).detach();
                drop(taken.take());
                again.abort_with("2");
            })
            .detach();
        signal.on_abort(|_| log("l2")).detach();
        *third.borrow_mut() = Some(signal.on_abort(|_| log("l3")));
        signal.on_abort(|_| log("l4")).detach();
        next_tick(|| log("tick"));
        queue_microtask(|| log("micro"));
        controller.abort_with("1");
        log("after");
    });
}

#[test]
fn a_panic_of_a_listener_goes_on_in_a_next_tick() {
    let controller = AbortController::new();
    controller.signal().on_abort(|_| panic_any("a bug")).detach();
    controller.signal().on_abort(|_| log("the others are called")).detach();
    next_tick(|| log("tick"));
    queue_microtask(|| log("micro"));
    controller.abort();
    log("after");
    let payload = catch_unwind(|| run(|| {})).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"a bug"));
    assert_eq!(trace(), "the others are called  after  tick");
    run(|| {}).unwrap();
    assert_eq!(trace(), "the others are called  after  tick  micro");
}

#[test]
fn a_listener_of_a_signal_that_is_aborted_is_called_in_a_microtask() {
    expect_trace("drop nothing  sync  called: aborted@1", || {
        let signal = AbortSignal::abort();
        signal.on_abort(|aborted| at(format_args!("called: {aborted}"))).detach();
        let noisy = Noisy("nothing");
        drop(signal.on_abort(move |_| {
            drop(noisy);
            unreachable!("its guard was dropped")
        }));
        log("sync");
    });
}

#[test]
fn a_listener_goes_away_with_its_guard() {
    let controller = AbortController::new();
    let (first, second) = (Noisy("first"), Noisy("second"));
    let guard = controller.signal().on_abort(move |_| drop(first));
    controller
        .signal()
        .on_abort(move |_| {
            let second = second;
            log(format_args!("call {}", second.0));
        })
        .detach();
    drop(guard);
    assert_eq!(trace(), "drop first");
    controller.abort();
    assert_eq!(trace(), "drop first  call second  drop second");
}

#[test]
fn listeners_are_dropped_when_the_abort_will_never_come() {
    let controller = AbortController::new();
    let (signal, noisy) = (controller.signal(), Noisy("listener"));
    let guard = signal.on_abort(move |_| drop(noisy));
    let other = controller.clone();
    drop(controller);
    assert_eq!(trace(), "");
    drop(other);
    assert_eq!(trace(), "drop listener");
    drop(guard);
    let noisy = Noisy("late listener");
    signal.on_abort(move |_| drop(noisy)).detach();
    assert_eq!(trace(), "drop listener  drop late listener");
    assert!(!signal.aborted());
}

#[test]
fn a_detached_listener_needs_no_handle_of_the_signal() {
    let controller = AbortController::new();
    controller.signal().on_abort(|_| log("called")).detach();
    controller.abort();
    assert_eq!(trace(), "called");
}

#[test]
fn a_listener_may_drop_the_controller_and_the_signal() {
    let controller = Rc::new(RefCell::new(Some(AbortController::new())));
    let signal = controller.borrow().as_ref().unwrap().signal();
    let own = controller.clone();
    let mut kept = Some(signal.clone());
    signal
        .on_abort(move |_| {
            drop(own.take());
            drop(kept.take());
            log("first");
        })
        .detach();
    signal.on_abort(|_| log("second")).detach();
    drop(signal);
    let aborting = controller.borrow().clone().unwrap();
    aborting.abort();
    assert_eq!(trace(), "first  second");
}

#[test]
fn a_long_chain_of_listeners_that_own_controllers_is_dropped_without_the_stack() {
    let first = AbortController::new();
    let mut last = first.clone();
    for _ in 0..1_000_000 {
        let next = AbortController::new();
        let owned = next.clone();
        last.signal().on_abort(move |_| owned.abort()).detach();
        last = next;
    }
    let noisy = Noisy("end");
    last.signal().on_abort(move |_| drop(noisy)).detach();
    drop(last);
    assert_eq!(trace(), "");
    drop(first);
    assert_eq!(trace(), "drop end");
}

#[test]
fn a_promise_of_the_abort() {
    expect_trace("sync  pending: the end@3  now: the end@3", || {
        let controller = AbortController::new();
        let signal = controller.signal();
        signal.when_aborted::<()>().then(|aborted| at(format_args!("pending: {}", aborted.reason().unwrap())));
        tick(2, move || {
            controller.abort_with("the end");
            let now = signal.when_aborted::<()>();
            assert_eq!(now.state(), PromiseState::Fulfilled);
            now.then(|aborted| at(format_args!("now: {}", aborted.reason().unwrap())));
        });
        log("sync");
    });
}

#[test]
fn a_promise_of_an_abort_that_will_never_come_is_abandoned() {
    let controller = AbortController::new();
    let promise = controller.signal().when_aborted::<()>();
    let origin = promise.origin();
    drop(controller);
    assert_eq!(stalled(promise).abandoned, [origin]);
    assert_eq!(stalled(AbortSignal::any::<[AbortSignal; 0]>([]).when_aborted::<()>()).awaited.len(), 1);
}

#[test]
fn a_question_mark_between_two_steps() {
    let controller = AbortController::new();
    let signal = controller.signal();
    let work = Promise::<u32, Aborted>::spawn(async move {
        let mut steps = 0;
        while steps < 9 {
            signal.throw_if_aborted()?;
            steps = Promise::<_, Aborted>::resolve(steps + 1).await?;
            if steps == 3 {
                controller.abort_with("enough");
            }
        }
        Ok(steps)
    });
    assert_eq!(block_on(work).unwrap_err().to_string(), "aborted: enough");
}

#[test]
fn a_boxed_error_can_be_made_of_an_abort() {
    type Boxed = Box<dyn Error + Send + Sync>;
    fn may_leave_its_thread<T: Send + Sync>(_: &T) {}

    let (promise, _resolve, _reject) = Promise::<(), Boxed>::with_resolvers();
    let error = block_on(promise.abortable(&AbortSignal::abort_with(Closed))).unwrap_err();
    let aborted = error.downcast::<Aborted>().unwrap();
    may_leave_its_thread(&aborted);
    assert_eq!(aborted.downcast_ref(), Some(&Closed));
}
