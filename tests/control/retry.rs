//! `Retry`.

use std::cell::Cell;
use std::iter;
use std::panic::panic_any;
use std::rc::Rc;
use std::time::Duration;

use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, FibonacciBuilder};
use thenable::{
    AbortController, AbortSignal, AsyncLocal, Attempt, FailedAttempt, GaveUp, Promise, PromiseState, Retry, RetryError,
    TimedOut, delay_with, now, run, set_timeout,
};

use crate::common::{at, c, expect_timed_trace, log, ms, quick_loop, trace};
use crate::{Failure, Noisy, fault, forever, stalled};

type Tried<T = i32> = Promise<T, RetryError<i32>>;

/// The work of these tests fails with the number of the attempt.
fn failed(number: usize, began: u64, ended: u64) -> FailedAttempt<i32> {
    let error = i32::try_from(number).expect("there are few attempts");
    FailedAttempt { number, error, began: ms(began), ended: ms(ended) }
}

/// What `make` comes to in a loop of its own, and when.
fn timed<T: std::fmt::Debug + 'static>(make: impl FnOnce() -> Tried<T>) -> (Result<T, RetryError<i32>>, Duration) {
    let event_loop = quick_loop();
    let promise = event_loop.enter(make);
    let result = event_loop.block_on(promise);
    assert_eq!(event_loop.pending().timers, 0, "no timer is left");
    (result, event_loop.now())
}

/// Work that takes 1 ms, and fails so many times.
fn fails(times: usize) -> impl FnMut(Attempt) -> Promise<i32, i32> {
    move |Attempt { number: attempt, .. }| {
        log(format_args!("{attempt} at {}", now().as_millis()));
        let number = i32::try_from(attempt).expect("there are few attempts");
        delay_with(ms(1), number).then(move |n| if attempt > times { Ok(n) } else { Err(n) })
    }
}

#[test]
fn it_tries_until_it_succeeds() {
    let delays = || [10, 20, 30].map(ms);
    assert_eq!(timed(move || Retry::after(delays()).run(fails(0))), (Ok(1), ms(1)));
    assert_eq!(timed(move || Retry::after(delays()).run(fails(2))), (Ok(3), ms(33)));
    assert_eq!(trace(), "1 at 0  1 at 0  2 at 11  3 at 32");
}

#[test]
fn it_gives_up_when_there_is_no_further_delay() {
    let (result, end) = timed(|| Retry::after([10, 20].map(ms)).run(fails(9)));
    let error = result.unwrap_err();
    assert_eq!(end, ms(33));
    assert_eq!(error.cause, GaveUp::Exhausted);
    assert_eq!(error.attempts, [failed(1, 0, 1), failed(2, 11, 12), failed(3, 32, 33)]);
    assert_eq!(error.last(), Some(&3));
    assert_eq!(error.to_string(), "gave up after 3 attempts; the last error was 3");
    assert_eq!(error.into_last(), Some(3));
    assert_eq!(timed(|| Retry::after([]).run(fails(9))).0.unwrap_err().attempts.len(), 1);
}

#[test]
fn it_gives_up_when_it_is_not_worth_it() {
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    let retry = || {
        Retry::after(iter::repeat(ms(5)))
            .when(|error| *error < 3)
            .when(move |_| {
                count.set(count.get() + 1);
                true
            })
            .run(fails(9))
    };
    let error = timed(retry).0.unwrap_err();
    assert_eq!((error.cause.clone(), error.attempts.len(), error.last()), (GaveUp::Refused, 3, Some(&3)));
    assert_eq!(seen.get(), 2, "what one predicate refuses the next one does not see");
    assert_eq!(error.to_string(), "not worth another attempt after 3; the last error was 3");
}

#[test]
fn the_ticks_of_retry() {
    expect_timed_trace("try 1@0  sync  value@2  try 2@0  failed@2", || {
        Retry::<i32, _>::after([])
            .run(|attempt| {
                at(format_args!("try {}", attempt.number));
                Promise::resolve(attempt.number)
            })
            .then(c("value"));
        log("sync");
        set_timeout(
            || {
                // Counting has ended by then.
                log("try 2@0");
                Retry::after([]).run(|_| Err::<(), _>(1)).catch(|_| {
                    log("failed@2");
                    Ok(())
                });
            },
            ms(1),
        );
    });
}

#[test]
fn an_abort_between_two_attempts_clears_the_timer() {
    let controller = AbortController::new();
    let signal = controller.signal();
    let retry = || {
        let retry = Retry::after([ms(1000)]).abortable(&signal).run(fails(9));
        set_timeout(move || controller.abort_with("enough"), ms(5));
        retry
    };
    let (result, end) = timed(retry);
    let error = result.unwrap_err();
    assert_eq!(end, ms(5));
    assert_eq!(error.attempts, [failed(1, 0, 1)]);
    assert_eq!(error.to_string(), "aborted: enough, after 1 attempts; the last error was 1");
    assert_eq!(error.cause, GaveUp::Aborted(signal.reason().unwrap()));
}

#[test]
fn an_abort_within_an_attempt() {
    let event_loop = quick_loop();
    let controller = AbortController::new();
    let promise = event_loop.enter(|| {
        let noisy = Noisy("work");
        Retry::after([ms(10); 5]).abortable(&controller.signal()).run(move |attempt| {
            let _noisy = &noisy;
            if attempt.number < 3 { Promise::reject(attempt.number) } else { never() }
        })
    });
    event_loop.advance(ms(50)).unwrap();
    controller.abort();
    assert_eq!((promise.state(), trace()), (PromiseState::Rejected, "drop work".to_string()));
    let error = event_loop.block_on(promise).unwrap_err();
    assert_eq!(error.attempts.len(), 2);
}

#[test]
fn a_signal_that_is_aborted_already() {
    let retry = || {
        Retry::<i32, _>::after([])
            .abortable(&AbortSignal::abort_with(TimedOut))
            .run(|_| unreachable!("never") as Result<(), _>)
    };
    let error = timed(retry).0.unwrap_err();
    assert_eq!((error.attempts.len(), error.last(), error.clone().into_last()), (0, None, None));
    assert_eq!(error.to_string(), "aborted: the time is up, after 0 attempts");
}

#[test]
fn a_panic_is_not_tried_again() {
    assert_eq!(fault(Retry::<i32, _>::after([ms(1)]).run(|_| -> Result<(), i32> { panic_any("work") })), "work");
    let promise = Retry::<i32, _>::after([ms(1)]).run(|_| crate::faulted::<(), i32>("promise"));
    assert_eq!(fault(promise), "promise");
    assert_eq!(fault(Retry::after([ms(1)]).when(|_| panic_any("predicate")).run(fails(9))), "predicate");
    let delays = iter::once_with(|| panic_any("delays"));
    assert_eq!(fault(Retry::after(delays).run(fails(9))), "delays");
}

#[test]
fn backon_makes_the_delays() {
    let exponential = || ExponentialBuilder::new().with_min_delay(ms(100)).with_max_delay(ms(500)).with_max_times(4);
    let began = |delays: Vec<Duration>| {
        let error = timed(|| Retry::after(delays).run(|_| Err::<(), _>(0))).0.unwrap_err();
        error.attempts.iter().map(|attempt| attempt.began.as_millis()).collect::<Vec<_>>()
    };
    assert_eq!(began(exponential().build().collect()), [0, 100, 300, 700, 1200]);
    let constant = ConstantBuilder::new().with_delay(ms(7)).with_max_times(2);
    assert_eq!(began(constant.build().collect()), [0, 7, 14]);
    let fibonacci = FibonacciBuilder::new().with_min_delay(ms(10)).with_max_times(4);
    assert_eq!(began(fibonacci.build().collect()), [0, 10, 20, 40, 70]);
}

#[test]
fn jitter_comes_from_a_seed() {
    let delays = |seed| {
        let delays = ExponentialBuilder::new().with_min_delay(ms(100)).with_max_times(5).with_jitter();
        delays.with_jitter_seed(seed).build()
    };
    let ends = |seed| timed(move || Retry::after(delays(seed)).run(|_| Err::<(), _>(0))).1;
    assert_eq!(ends(1), ends(1));
    assert_ne!(ends(1), ends(2));
    for seed in 0..50 {
        for (delay, least) in delays(seed).zip([100, 200, 400, 800, 1600].map(ms)) {
            assert!(least <= delay && delay <= 2 * least, "{delay:?} after {least:?}");
        }
    }
}

#[test]
fn debug() {
    let retry = Retry::<i32, _>::after([ms(1)]);
    let text = format!("{retry:?}");
    assert!(text.starts_with("Retry { delays: ") && text.contains("1ms"), "{text}");
    assert!(text.ends_with(" timeout: None, signal: AbortSignal { reason: None }, .. }"), "{text}");
}

#[test]
fn an_attempt_has_a_time_limit_and_its_signal_is_aborted_by_it() {
    let event_loop = quick_loop();
    let tried = event_loop.enter(|| {
        Retry::after([5, 5].map(ms)).timeout(ms(20)).run(|Attempt { number, signal, .. }| {
            signal.on_abort(move |aborted| log(format_args!("{number} {aborted} at {}", now().as_millis()))).detach();
            let takes = if number < 3 { 1000 } else { 10 };
            signal.delay::<Failure>(ms(takes)).map(move |()| number)
        })
    });
    assert_eq!(event_loop.block_on(tried), Ok(3));
    assert_eq!((event_loop.now(), event_loop.pending().timers), (ms(60), 0));
    assert_eq!(trace(), "1 aborted: the time is up at 20  2 aborted: the time is up at 45");
}

#[test]
fn an_attempt_that_was_too_late_has_failed_whatever_it_comes_to() {
    let event_loop = quick_loop();
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    let tried = event_loop.enter(|| {
        Retry::after([ms(5)])
            .timeout(ms(20))
            .when(move |error| {
                count.set(count.get() + 1);
                matches!(error, Failure::Aborted(aborted) if aborted.is_timeout())
            })
            // It does not listen, and neither a value nor a reason that comes later counts.
            .run(|attempt| {
                delay_with(ms(30), ()).then(move |()| if attempt.number == 1 { Ok(1) } else { Err(Failure::No(1)) })
            })
    });
    let error = event_loop.block_on(tried).unwrap_err();
    assert_eq!((error.cause.clone(), seen.get(), event_loop.now()), (GaveUp::Exhausted, 2, ms(45)));
    let times: Vec<_> = error.attempts.iter().map(|failed| (failed.number, failed.began, failed.ended)).collect();
    assert_eq!(times, [(1, ms(0), ms(20)), (2, ms(25), ms(45))]);
    // What the second attempt has begun goes on, and is nobody's business.
    event_loop.run(|| {}).unwrap();
    assert_eq!(event_loop.now(), ms(55));
}

#[test]
fn an_attempt_in_time_leaves_no_timer() {
    let event_loop = quick_loop();
    let kept = Rc::new(Cell::new(None));
    let keep = kept.clone();
    let tried = event_loop.enter(|| {
        Retry::after([]).timeout(ms(20)).run(move |attempt| {
            keep.set(Some(attempt.signal.clone()));
            attempt.signal.delay::<Failure>(ms(10))
        })
    });
    assert_eq!(event_loop.block_on(tried), Ok(()));
    assert_eq!(event_loop.pending().timers, 0);
    event_loop.advance(ms(100)).unwrap();
    assert!(!kept.take().unwrap().aborted(), "the time of an attempt that is over does not go on");
}

#[test]
fn the_ticks_of_an_attempt_with_a_time_limit() {
    expect_timed_trace("value@2  with a limit@3", || {
        Retry::<Failure, _>::after([]).run(|_| Promise::resolve(1)).then(c("value"));
        Retry::<Failure, _>::after([]).timeout(ms(5)).run(|_| Promise::resolve(1)).then(c("with a limit"));
    });
}

#[test]
fn the_abort_of_the_whole_aborts_the_attempt() {
    for limit in [None, Some(ms(1000))] {
        let event_loop = quick_loop();
        let controller = AbortController::new();
        let retry = Retry::after([]).abortable(&controller.signal());
        let retry = match limit {
            Some(limit) => retry.timeout(limit),
            None => retry,
        };
        let tried = event_loop.enter(|| {
            retry.run(|attempt| {
                let noisy = Noisy("future");
                attempt.signal.spawn::<(), Failure, _>(async move {
                    let _noisy = noisy;
                    forever().await;
                    Ok(())
                })
            })
        });
        event_loop.advance(ms(10)).unwrap();
        let before = trace();
        controller.abort_with("enough");
        assert_eq!(
            (tried.state(), trace()),
            (PromiseState::Rejected, format!("{before}  drop future").trim().to_string())
        );
        assert_eq!(event_loop.pending().timers, 0, "the time limit is gone");
        let error = event_loop.block_on(tried).unwrap_err();
        assert_eq!(error.attempts, [], "it was aborted, and has not failed");
        assert_eq!(error.cause, GaveUp::Aborted(controller.signal().reason().unwrap()));
    }
}

#[test]
fn the_abort_of_the_whole_clears_the_time_limit_of_work_that_does_not_listen() {
    let event_loop = quick_loop();
    let controller = AbortController::new();
    let tried = event_loop
        .enter(|| Retry::after([]).timeout(ms(1000)).abortable(&controller.signal()).run(|_| never::<Failure>()));
    assert_eq!(event_loop.pending().timers, 1);
    controller.abort();
    assert_eq!((tried.state(), event_loop.pending().timers), (PromiseState::Rejected, 0));
    event_loop.block_on(tried).unwrap_err();
}

#[test]
fn a_limit_ends_an_attempt_that_can_never_settle() {
    let lost = |_| Promise::<(), Failure>::new(|_, _| {});
    let event_loop = quick_loop();
    let tried = event_loop.enter(|| Retry::after([ms(5)]).timeout(ms(20)).run(lost));
    assert_eq!(event_loop.block_on(tried).unwrap_err().attempts.len(), 2);
    assert!(!stalled(Retry::after([ms(5)]).run(lost)).abandoned.is_empty());
    // Its own signal cannot end it, either, for nobody can abort that.
    let waits = Retry::after([]).run(|attempt| Promise::<(), Failure>::new(|_, _| {}).abortable(&attempt.signal));
    assert!(!stalled(waits).abandoned.is_empty());
}

/// A policy with a listener that logs.
fn listened_to() -> Retry<i32, impl Iterator<Item = Duration>> {
    Retry::after([10, 20].map(ms))
        .on_failure(|failed, next| log(format_args!("{}: {} next {next:?}", failed.number, failed.error)))
}

#[test]
fn a_listener_hears_of_every_failure() {
    let (result, _) = timed(|| listened_to().run(|_| Err::<(), _>(7)));
    assert_eq!(result.unwrap_err().attempts.len(), 3);
    assert_eq!(trace(), "1: 7 next Some(10ms)  2: 7 next Some(20ms)  3: 7 next None");
}

#[test]
fn listeners_are_called_after_the_predicate_in_their_order() {
    let refusing =
        || listened_to().when(|_| false).on_failure(|failed, next| log(format_args!("and {} {next:?}", failed.number)));
    timed(|| refusing().run(|_| Err::<(), _>(7))).0.unwrap_err();
    assert_eq!(trace(), "1: 7 next None  and 1 None");
}

#[test]
fn a_listener_hears_nothing_of_success_and_of_an_abort() {
    timed(|| listened_to().run(|_| Ok(1))).0.unwrap();
    timed(|| listened_to().abortable(&AbortSignal::abort()).run(|_| Err::<(), _>(7))).0.unwrap_err();
    timed(|| {
        let controller = AbortController::new();
        let tried = listened_to().abortable(&controller.signal()).run(|_| never());
        set_timeout(move || controller.abort(), ms(5));
        tried
    })
    .0
    .unwrap_err();
    assert_eq!(trace(), "");
}

#[test]
fn a_panic_of_a_listener_is_a_fault() {
    assert_eq!(fault(listened_to().on_failure(|_, _| panic_any("listener")).run(|_| Err::<(), _>(7))), "listener");
    assert_eq!(trace(), "1: 7 next Some(10ms)");
}

#[test]
fn a_panic_of_the_conversion_is_a_fault() {
    #[derive(Debug)]
    struct Bad;

    impl From<thenable::Aborted> for Bad {
        fn from(_: thenable::Aborted) -> Self {
            panic_any("conversion")
        }
    }

    let event_loop = quick_loop();
    let tried = event_loop.enter(|| Retry::after([ms(5); 3]).timeout(ms(1)).run(|_| never::<Bad>()));
    let result = event_loop.block_on(tried.catch_unwind());
    assert_eq!(result.unwrap().unwrap_err().message(), "conversion");
    // So is a panic of work that has a limit.
    let tried = Retry::<Failure, _>::after([ms(1)]).timeout(ms(1)).run(|_| -> Promise<(), _> { panic_any("work") });
    assert_eq!(fault(tried), "work");
}

#[test]
fn everything_sees_the_values_of_the_call() {
    static NAME: AsyncLocal<&str> = AsyncLocal::new();

    fn see(what: &'static str) {
        log(format_args!("{what} {}", NAME.get().map_or("none", |name| *name)));
    }

    let event_loop = quick_loop();
    let delays = std::iter::from_fn(|| {
        see("delays");
        Some(ms(1))
    });
    let retry = Retry::after(delays.take(1))
        .timeout(ms(5))
        .when(|_| {
            see("predicate");
            true
        })
        .on_failure(|_, _| see("listener"));
    let tried = event_loop.enter(|| {
        NAME.run("a", || {
            retry.run(|attempt| {
                see("work");
                attempt.signal.on_abort(|_| see("abort")).detach();
                never::<Failure>()
            })
        })
    });
    event_loop.block_on(tried).unwrap_err();
    let round = "work a  abort a  predicate a";
    assert_eq!(trace(), format!("{round}  delays a  listener a  {round}  listener a"));
    run(|| {}).unwrap();
}

/// Somebody could settle it, but nobody does.
fn never<E: std::fmt::Debug + 'static>() -> Promise<(), E> {
    Promise::new(|resolve, reject| std::mem::forget((resolve, reject)))
}
