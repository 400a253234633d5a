//! `Retry`.

use std::cell::Cell;
use std::iter;
use std::panic::panic_any;
use std::rc::Rc;
use std::time::Duration;

use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, FibonacciBuilder};
use thenable::{
    AbortController, AbortSignal, Attempt, GaveUp, Promise, PromiseState, Retry, RetryError, TimedOut, delay_with, now,
    set_timeout,
};

use crate::common::{at, c, expect_timed_trace, log, ms, quick_loop, trace};
use crate::{Noisy, fault};

type Tried<T = i32> = Promise<T, RetryError<i32>>;

fn attempt(error: i32, began: u64, ended: u64) -> Attempt<i32> {
    Attempt { error, began: ms(began), ended: ms(ended) }
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
fn fails(times: usize) -> impl FnMut(usize) -> Promise<i32, i32> {
    move |attempt| {
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
    assert_eq!(error.attempts, [attempt(1, 0, 1), attempt(2, 11, 12), attempt(3, 32, 33)]);
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
                at(format_args!("try {attempt}"));
                Promise::resolve(attempt)
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
    assert_eq!(error.attempts, [attempt(1, 0, 1)]);
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
            if attempt < 3 { Promise::reject(attempt) } else { Promise::<(), _>::new(|_, _| {}).timeout_none() }
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
}

trait Forever {
    /// Never settles, for a test that wants to see it.
    fn timeout_none(self) -> Self;
}

impl Forever for Promise<(), usize> {
    fn timeout_none(self) -> Self {
        let (promise, resolve, reject) = Self::with_resolvers();
        std::mem::forget((resolve, reject));
        promise
    }
}
