//! `dom/abort`. A listener of `abort` is `on_abort`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use thenable::{AbortController, AbortSignal, set_timeout};

use crate::common::{at, expect_timed_trace, expect_trace, log, ms, trace};

/// Calls `callback` at the abort.
fn on_abort(signal: &AbortSignal, callback: impl FnOnce() + 'static) {
    signal.on_abort(move |_| callback()).detach();
}

fn any(signals: &[AbortSignal]) -> AbortSignal {
    AbortSignal::any(signals)
}

fn controllers<const N: usize>() -> ([AbortController; N], [AbortSignal; N]) {
    let controllers = [const {}; N].map(|()| AbortController::new());
    let signals = controllers.each_ref().map(AbortController::signal);
    (controllers, signals)
}

// `event.any.js`

#[test]
fn fires_synchronously() {
    let controller = AbortController::new();
    let signal = controller.signal();
    assert!(!signal.aborted());
    on_abort(&signal, || log("aborted"));
    controller.abort();
    assert_eq!(trace(), "aborted");
    assert!(signal.aborted());
    controller.abort();
    assert_eq!(trace(), "aborted");
}

/// Differs: a listener that comes too late is called in a microtask, as `addAbortListener` of Node calls it.
#[test]
fn a_listener_added_after_abort() {
    expect_trace("sync  late@1", || {
        let controller = AbortController::new();
        controller.abort();
        on_abort(&controller.signal(), || at("late"));
        log("sync");
    });
}

#[test]
fn an_already_aborted_signal() {
    let signal = AbortSignal::abort();
    assert!(signal.aborted());
    assert_eq!(signal.reason().unwrap().to_string(), "aborted");
}

#[test]
fn abort_with_a_reason() {
    let controller = AbortController::new();
    let signal = controller.signal();
    assert_eq!(signal.reason(), None);
    controller.abort_with("hello");
    assert_eq!(signal.reason().unwrap().reason().unwrap().to_string(), "hello");
    let signal = AbortSignal::abort_with("hello");
    assert_eq!(signal.reason().unwrap().reason().unwrap().to_string(), "hello");
}

#[test]
fn abort_without_a_reason() {
    let controller = AbortController::new();
    controller.abort();
    let reason = controller.signal().reason().unwrap();
    assert_eq!((reason.to_string(), reason.reason().is_none()), ("aborted".to_string(), true));
}

#[test]
fn throw_if_aborted() {
    #[derive(Debug, PartialEq)]
    struct Thrown(u8);

    impl fmt::Display for Thrown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl Error for Thrown {}

    let controller = AbortController::new();
    assert_eq!(controller.signal().throw_if_aborted(), Ok(()));
    controller.abort_with(Thrown(7));
    assert_eq!(controller.signal().throw_if_aborted().unwrap_err().downcast_ref(), Some(&Thrown(7)));
}

#[test]
fn the_reason_stays_the_same() {
    let signal = AbortSignal::abort();
    assert_eq!(signal.reason(), signal.reason());
    let controller = AbortController::new();
    controller.abort();
    assert_eq!(controller.signal().reason(), controller.signal().reason());
    assert_ne!(controller.signal().reason(), signal.reason());
}

// `AbortSignal.any.js`

#[test]
fn a_timeout_is_not_aborted_yet() {
    expect_timed_trace("false", || log(AbortSignal::timeout(ms(0)).aborted()));
}

#[test]
fn a_timeout_times_out() {
    expect_timed_trace("TimedOut true", || {
        let signal = AbortSignal::timeout(ms(5));
        let aborted = signal.clone();
        on_abort(&signal, move || {
            log(format_args!("{:?} {}", aborted.reason().unwrap().reason().unwrap(), aborted.aborted()));
        });
        // It does not keep the loop alive.
        set_timeout(|| (), ms(10));
    });
}

#[test]
fn timeouts_fire_in_order() {
    expect_timed_trace("1  2  3  4", || {
        for value in 1..=4 {
            on_abort(&AbortSignal::timeout(ms(5)), move || log(value));
        }
        set_timeout(|| (), ms(10));
    });
}

// `abort-signal-any.any.js`

#[test]
fn any_of_an_empty_array() {
    assert!(!any(&[]).aborted());
}

#[test]
fn any_follows_a_single_signal() {
    let ([controller], [signal]) = controllers();
    let clone = any(std::slice::from_ref(&signal));
    assert_eq!((clone.aborted(), clone.reason()), (false, None));
    on_abort(&clone, || log("fired"));
    controller.abort_with("reason string");
    assert!(signal.aborted() && clone.aborted());
    assert_eq!((trace().as_str(), clone.reason()), ("fired", signal.reason()));
}

#[test]
fn any_follows_multiple_signals() {
    for index in 0..3 {
        let (controllers, signals) = controllers::<3>();
        let combined = any(&signals);
        let fired = Rc::new(Cell::new(false));
        let fire = fired.clone();
        on_abort(&combined, move || fire.set(true));
        controllers[index].abort();
        assert!(fired.get());
        assert_eq!(combined.reason(), signals[index].reason());
    }
}

#[test]
fn any_of_an_aborted_signal() {
    let (controllers, signals) = controllers::<3>();
    controllers[1].abort_with("reason 1");
    controllers[2].abort_with("reason 2");
    assert_eq!(any(&signals).reason(), signals[1].reason());
}

#[test]
fn any_of_the_same_signal_twice() {
    let ([controller], [signal]) = controllers();
    let combined = any(&[signal.clone(), signal.clone()]);
    assert!(!combined.aborted());
    controller.abort_with("reason");
    assert_eq!(combined.reason(), signal.reason());
}

#[test]
fn any_uses_the_first_instance_of_a_duplicate() {
    let ([one, two], [first, second]) = controllers();
    one.abort_with("reason 1");
    two.abort_with("reason 2");
    assert_eq!(any(&[first.clone(), second, first.clone()]).reason(), first.reason());
}

#[test]
fn any_is_composable() {
    for index in 0..3 {
        let (controllers, signals) = controllers::<3>();
        let combined = any(&[any(&signals[..2]), signals[2].clone()]);
        let fired = Rc::new(Cell::new(false));
        let fire = fired.clone();
        on_abort(&combined, move || fire.set(true));
        controllers[index].abort();
        assert!(fired.get());
        assert_eq!(combined.reason(), signals[index].reason());
    }
}

#[test]
fn any_of_a_timeout() {
    expect_timed_trace("aborted: the time is up", || {
        let controller = AbortController::new();
        let combined = any(&[controller.signal(), AbortSignal::timeout(ms(5))]);
        let reason = combined.clone();
        on_abort(&combined, move || log(reason.reason().unwrap()));
        set_timeout(move || drop(controller), ms(10));
    });
}

#[test]
fn any_of_intermediate_signals() {
    let ([controller], [signal]) = controllers();
    let combined = (0..4).fold(signal.clone(), |signal, _| any(&[signal]));
    on_abort(&combined, || log("fired"));
    assert_eq!((trace().as_str(), combined.aborted()), ("", false));
    controller.abort_with("the reason");
    assert_eq!((trace().as_str(), combined.reason()), ("fired", signal.reason()));
}

#[test]
fn any_fires_in_the_right_order() {
    let ([controller], [signal]) = controllers();
    let mut signals = vec![signal];
    for of in [0, 0, 0, 1] {
        signals.push(any(&[signals[of].clone()]));
    }
    for (index, signal) in signals.iter().enumerate() {
        on_abort(signal, move || log(index));
    }
    controller.abort();
    assert_eq!(trace(), "0  1  2  3  4");
}

/// Node 20 marks each when its turn has come.
#[test]
fn dependent_signals_are_marked_before_events_fire() {
    let ([controller], [signal]) = controllers();
    let signals = [signal.clone(), any(std::slice::from_ref(&signal)), any(&[signal])];
    for signal in &signals {
        let all = signals.clone();
        on_abort(signal, move || log(all.iter().all(AbortSignal::aborted)));
    }
    controller.abort();
    assert_eq!(trace(), "true  true  true");
}

#[test]
fn dependent_signals_of_reentrant_aborts() {
    let ([one, two], [first, second]) = controllers();
    let combined = any(&[first.clone(), second]);
    let count = Rc::new(RefCell::new(0));
    on_abort(&first, move || two.abort_with("reason 2"));
    let counted = count.clone();
    on_abort(&combined, move || *counted.borrow_mut() += 1);
    one.abort_with("reason 1");
    assert_eq!((*count.borrow(), combined.reason()), (1, first.reason()));
}
