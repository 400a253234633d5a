//! `timeout`, `deadline`, `with_timeout`, `with_deadline`, `AbortSignal::timeout`, `AbortSignal::deadline`, `signal.delay`.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;
use std::time::Duration;

use thenable::{
    AbortController, AbortSignal, Aborted, BlockOnError, EventLoop, Promise, PromiseState, TimedOut, block_on,
    delay_with, elapse, run, set_timeout,
};

use crate::common::{at, c, expect_timed_trace, log, ms, now, quick_loop, trace};
use crate::{Failure, Noisy, P, fault, faulted, pending, stalled};

/// What a promise comes to in a loop of its own, and when.
fn timed<T: std::fmt::Debug + 'static>(make: impl FnOnce() -> P<T>) -> (String, Duration) {
    let event_loop = quick_loop();
    let promise = event_loop.enter(make);
    let text = match event_loop.block_on(promise) {
        Err(Failure::Aborted(aborted)) if aborted.is_timeout() => "time out".to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(event_loop.pending().timers, 0, "every timer was cleared, or has fired");
    (text, event_loop.now())
}

#[test]
fn what_is_in_time_and_what_is_not() {
    assert_eq!(timed(|| delay_with(ms(5), 1).timeout(ms(6))), ("Ok(1)".to_string(), ms(5)));
    assert_eq!(timed(|| pending().0.timeout(ms(6))), ("time out".to_string(), ms(6)));
    // At the same time: the timer that was made first.
    assert_eq!(timed(|| delay_with(ms(6), 1).timeout(ms(6))), ("Ok(1)".to_string(), ms(6)));
    assert_eq!(timed(|| P::resolve(1).timeout(ms(0))), ("Ok(1)".to_string(), ms(0)));
    assert_eq!(timed(|| P::<i32>::reject(Failure::No(1)).timeout(ms(1))), ("Err(No(1))".to_string(), ms(0)));
    assert_eq!(timed(|| pending().0.timeout(ms(0))), ("time out".to_string(), ms(1)));
    assert_eq!(timed(|| P::<i32>::new(|_, _| {}).timeout(ms(3))), ("time out".to_string(), ms(3)));
}

#[test]
fn the_ticks_of_a_timeout() {
    expect_timed_trace("value@2  time out  timer  pending  rejected", || {
        P::resolve(1).timeout(ms(1)).then(c("value"));
        let (promise, ..) = pending();
        let limited = promise.timeout(ms(5));
        set_timeout(|| log("timer"), ms(5));
        let limited = limited.inspect_err(|_| log("time out"));
        limited.catch(|_| Ok(0));
        // A timer that comes later, and a limit that came before it.
        let late = pending().0.timeout(ms(7));
        let (before, after) = (late.clone(), late.clone());
        late.catch(|_| Ok(0));
        set_timeout(move || log(before.state()), ms(6));
        set_timeout(move || log(after.state()), ms(7));
    });
}

#[test]
fn the_longest_time_is_not_the_shortest() {
    // Node would fire after 1 ms.
    let month = Duration::from_secs(30 * 24 * 3600);
    assert_eq!(timed(|| pending().0.timeout(month)), ("time out".to_string(), month));
    assert_eq!(timed(|| delay_with(ms(5), 1).timeout(Duration::MAX)), ("Ok(1)".to_string(), ms(5)));
    assert_eq!(timed(|| delay_with(ms(5), 1).deadline(Duration::MAX)), ("Ok(1)".to_string(), ms(5)));
    let event_loop = quick_loop();
    event_loop
        .run(|| {
            AbortSignal::timeout(month).on_abort(|_| log(format_args!("{:?}", thenable::now()))).detach();
            set_timeout(|| (), Duration::from_millis((1 << 31) - 1));
            set_timeout(
                || _ = set_timeout(|| (), Duration::from_millis((1 << 31) - 1)),
                Duration::from_millis((1 << 31) - 1),
            );
        })
        .unwrap();
    assert_eq!(trace(), format!("{month:?}"));
}

#[test]
fn faults() {
    assert_eq!(fault(faulted::<i32, Failure>("a bug").timeout(ms(1))), "a bug");
    assert_eq!(fault(P::<i32>::with_timeout(ms(1), |_| -> P { panic_any("work") })), "work");
}

#[test]
fn the_rejection_that_comes_too_late_is_handled() {
    quick_loop()
        .run(|| {
            let (promise, _, reject) = pending();
            promise.timeout(ms(1)).catch(|_| Ok(0));
            set_timeout(move || reject(Failure::No(1)), ms(2));
        })
        .unwrap();
}

#[test]
fn deadlines() {
    assert_eq!(timed(|| pending().0.deadline(ms(6))), ("time out".to_string(), ms(6)));
    let late = || {
        elapse(ms(10));
        P::resolve(1).deadline(ms(10))
    };
    assert_eq!(timed(late), ("time out".to_string(), ms(10)), "a deadline that has passed rejects what has settled");
    let event_loop = quick_loop();
    event_loop.elapse(ms(10));
    event_loop.enter(|| assert_eq!(P::resolve(1).deadline(ms(9)).map_err(drop).state(), PromiseState::Pending));
    event_loop.enter(|| {
        let late = P::resolve(1).deadline(ms(9));
        assert_eq!(late.state(), PromiseState::Rejected);
        late.catch(|_| Ok(0));
    });
    // One for two steps.
    let both = || {
        let step = |takes| move || delay_with::<_, Failure>(ms(takes), 1).deadline(ms(8));
        step(5)().then(move |_| step(5)())
    };
    let event_loop = quick_loop();
    let steps = event_loop.enter(both);
    event_loop.block_on(steps).unwrap_err();
    assert_eq!(event_loop.now(), ms(8));
}

#[test]
fn a_deadline_is_never_early() {
    for (begin, at) in [(1_500, 5_500), (1_000, 5_500), (1_999, 2_000), (1_500, 5_000), (0, 1)] {
        let event_loop = EventLoop::builder().virtual_clock().auto_advance(true).build();
        let (begin, at) = (Duration::from_micros(begin), Duration::from_micros(at));
        event_loop.elapse(begin);
        let promise = event_loop.enter(|| pending().0.deadline(at));
        event_loop.block_on(promise).unwrap_err();
        assert!(event_loop.now() >= at, "{:?} is before {at:?}", event_loop.now());
        assert!(event_loop.now() < at + ms(1), "{:?} is long after {at:?}", event_loop.now());
    }
}

#[test]
fn work_that_takes_the_signal_is_aborted() {
    let work = || {
        P::with_timeout(ms(5), |signal| {
            signal.on_abort(|aborted| log(format_args!("listener: {aborted}"))).detach();
            signal.delay(ms(1000)).map(|()| 1)
        })
    };
    assert_eq!(timed(work), ("time out".to_string(), ms(5)));
    assert_eq!(trace(), "listener: aborted: the time is up");
    // In time: the signal will never be aborted.
    let work = || {
        P::with_timeout(ms(5), |signal| {
            signal.on_abort(|_| unreachable!("it was in time")).detach();
            delay_with(ms(4), 1)
        })
    };
    assert_eq!(timed(work), ("Ok(1)".to_string(), ms(4)));
}

#[test]
fn the_signal_is_aborted_before_the_result_is_rejected() {
    expect_timed_trace("listener: pending  listener: pending  timer: rejected", || {
        let shown: Rc<RefCell<Option<P>>> = Rc::default();
        let look = || {
            let shown = shown.clone();
            move |_| log(format_args!("listener: {}", shown.borrow().as_ref().unwrap().state()))
        };
        let (first, second) = (look(), look());
        let result = P::with_timeout(ms(1), |signal| {
            let (promise, _resolve, reject) = pending();
            signal.on_abort(first).detach();
            signal.on_abort(move |aborted| reject(Failure::Aborted(aborted))).detach();
            signal.on_abort(second).detach();
            promise
        });
        *shown.borrow_mut() = Some(result.clone());
        result.catch(|_| Ok(0));
        set_timeout(move || log(format_args!("timer: {}", shown.borrow().as_ref().unwrap().state())), ms(1));
    });
}

#[test]
fn the_time_of_work_begins_before_the_call() {
    let late = || P::with_timeout(ms(5), |signal| signal.delay(ms(5)));
    assert_eq!(timed(late), ("time out".to_string(), ms(5)));
    let slow_to_begin = || {
        P::with_timeout(ms(5), |_| {
            elapse(ms(10));
            P::resolve(1)
        })
    };
    assert_eq!(timed(slow_to_begin), ("Ok(1)".to_string(), ms(10)), "it has settled before the loop could look");
}

#[test]
fn work_may_run_the_loop_until_the_time_is_up() {
    let event_loop = EventLoop::of_thread();
    let result = event_loop.enter(|| {
        P::<i32>::with_timeout(ms(2), |signal| {
            run(|| set_timeout(|| (), ms(4))).unwrap();
            assert!(signal.aborted());
            P::resolve(1)
        })
    });
    assert_eq!(result.state(), PromiseState::Rejected);
    block_on(result).unwrap_err();
}

#[test]
fn work_with_a_deadline() {
    assert_eq!(timed(|| P::with_deadline(ms(8), |signal| signal.delay(ms(9)))), ("time out".to_string(), ms(8)));
    let late = || {
        elapse(ms(9));
        P::with_deadline(ms(8), |_| -> P { unreachable!("it is too late") })
    };
    assert_eq!(timed(late), ("time out".to_string(), ms(9)));
}

#[test]
fn a_signal_with_a_time() {
    expect_timed_trace("before: false  t 5: 5  t 7: 7", || {
        let signal = AbortSignal::timeout(ms(5));
        log(format_args!("before: {}", signal.aborted()));
        signal
            .on_abort(|aborted| {
                assert_eq!(aborted.downcast_ref(), Some(&TimedOut));
                log(format_args!("t 5: {}", now()));
            })
            .detach();
        AbortSignal::deadline(ms(7)).on_abort(|_| log(format_args!("t 7: {}", now()))).detach();
        set_timeout(|| (), ms(10));
        assert!(AbortSignal::deadline(ms(0)).reason().unwrap().is_timeout());
    });
}

#[test]
fn the_timer_of_a_signal_does_not_keep_the_loop_alive_and_goes_with_it() {
    let event_loop = quick_loop();
    let signal = event_loop.enter(|| AbortSignal::timeout(ms(5)));
    event_loop.run(|| {}).unwrap();
    assert_eq!((event_loop.now(), event_loop.pending().timers), (ms(0), 1));
    let guard = signal.on_abort(|_| unreachable!("nobody waits"));
    drop(signal);
    assert_eq!(event_loop.pending().timers, 1, "somebody listens");
    drop(guard);
    assert_eq!(event_loop.pending().timers, 0);
    event_loop.enter(|| {
        drop(AbortSignal::timeout(ms(5)));
        drop(AbortSignal::any([AbortSignal::timeout(Duration::MAX)]));
        AbortSignal::any([AbortSignal::timeout(ms(5)), AbortSignal::abort()]);
    });
    assert_eq!(event_loop.pending().timers, 0);
    // A timeout of a promise does keep it alive.
    event_loop.run(|| drop(pending().0.timeout(ms(5)).catch(|_| Ok(0)))).unwrap();
    assert_eq!(event_loop.now(), ms(5));
}

#[test]
fn a_block_on_that_waits_for_the_timer_of_a_signal_alone_is_stalled() {
    let event_loop = quick_loop();
    let promise = event_loop.enter(|| pending().0.abortable(&AbortSignal::timeout(ms(5))));
    assert!(matches!(event_loop.try_block_on(promise), Err(BlockOnError::Stalled(_))));
}

#[test]
fn a_delay_ends_with_its_signal() {
    let rest = || {
        let controller = AbortController::new();
        let rest = controller.signal().delay::<Failure>(ms(1000));
        set_timeout(move || controller.abort_with("enough"), ms(3));
        rest
    };
    let (text, end) = timed(rest);
    assert_eq!((text.as_str(), end), (r#"Err(Aborted(Aborted("enough")))"#, ms(3)));
    assert_eq!(timed(|| AbortController::new().signal().delay(ms(4))), ("Ok(())".to_string(), ms(4)));
    let before = || {
        let rest = AbortSignal::abort_with(TimedOut).delay::<Failure>(ms(4));
        assert_eq!(rest.state(), PromiseState::Rejected);
        rest
    };
    assert_eq!(timed(before), ("time out".to_string(), ms(0)));
    // When it is over, the signal keeps nothing of it.
    let event_loop = quick_loop();
    let controller = AbortController::new();
    let rest = event_loop.enter(|| controller.signal().delay::<Aborted>(ms(1)));
    assert_eq!(event_loop.block_on(rest), Ok(()));
    controller.abort();
}

#[test]
fn the_ticks_of_a_delay() {
    expect_timed_trace("aborted: now@1", || {
        let controller = AbortController::new();
        let rest = controller.signal().delay::<Aborted>(ms(5));
        controller.abort_with("now");
        rest.catch(|aborted| {
            at(aborted);
            Ok(())
        });
    });
}

#[test]
fn time_limits_compose() {
    // The first mirror that answers, each within its time, all within a deadline; what loses is aborted.
    let mirror =
        |takes: u64, limit: u64| P::with_timeout(ms(limit), move |signal| signal.delay(ms(takes)).map(move |()| takes));
    let result = || {
        Promise::any([mirror(9, 5), mirror(7, 8), mirror(20, 30)])
            .map_err(|error| error.errors.into_iter().next().expect("there are three"))
            .deadline(ms(10))
    };
    let event_loop = quick_loop();
    let first = event_loop.enter(result);
    assert_eq!((event_loop.block_on(first), event_loop.now()), (Ok(7), ms(7)));
}

#[test]
fn when_the_loop_is_dropped_its_time_limits_will_never_come() {
    let event_loop = EventLoop::builder().virtual_clock().build();
    let (signal, limited, rest) = event_loop.enter(|| {
        (
            AbortSignal::timeout(ms(5)),
            pending().0.timeout(ms(5)),
            AbortController::new().signal().delay::<Failure>(ms(5)),
        )
    });
    let noisy = Noisy("listener");
    signal.on_abort(move |_| drop(noisy)).detach();
    drop(event_loop);
    assert_eq!(trace(), "drop listener");
    assert!(!signal.aborted());
    stalled(limited);
    stalled(rest);
}
