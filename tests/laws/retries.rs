//! Retries: against a model that knows no promises, only times.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use thenable::{AbortController, Aborted, FailedAttempt, GaveUp, Retry, delay, now, set_timeout};

use crate::control::{ms, quick_loop};
use crate::{cases, on_a_new_thread};

/// A retry: how long each attempt takes and what it fails with, if it does; whether it takes its signal; how long an attempt
/// may take; the delays; the abort.
#[derive(Clone, Debug)]
struct Trial {
    attempts: Vec<(u64, Option<i32>, bool)>,
    limit: Option<u64>,
    delays: Vec<u64>,
    refused: i32,
    abort: Option<u64>,
}

fn trial() -> impl Strategy<Value = Trial> {
    let attempts = vec((1..9_u64, option::weighted(0.8, 0..9), any::<bool>()), 9);
    (attempts, option::of(1..9_u64), vec(1..20_u64, 0..8), 0..12, option::of(0..60_u64))
        .prop_map(|(attempts, limit, delays, refused, abort)| Trial { attempts, limit, delays, refused, abort })
}

/// The error of an attempt that has taken too long. A predicate may refuse it, too.
const TOO_LATE: i32 = 11;

/// The reason of an attempt.
#[derive(Clone, Debug, PartialEq)]
struct Code(i32);

impl From<Aborted> for Code {
    fn from(aborted: Aborted) -> Self {
        // An abort of the whole is never asked for its code.
        assert!(aborted.is_timeout() || aborted.reason().is_none());
        Self(TOO_LATE)
    }
}

/// What it comes to, and when.
type Tried = (Result<i32, (Vec<FailedAttempt<Code>>, &'static str)>, u64);

fn retry(trial: &Trial) -> Tried {
    on_a_new_thread(|| {
        let event_loop = quick_loop();
        let Trial { attempts, limit, delays, refused, abort } = trial.clone();
        let result = event_loop.enter(|| {
            let controller = AbortController::new();
            let signal = controller.signal();
            if let Some(at) = abort {
                // Half a step before what happens at that time.
                set_timeout(move || controller.abort(), ms(2 * at + 1));
            } else {
                std::mem::forget(controller);
            }
            let delays = delays.into_iter().map(|delay| ms(2 * delay));
            let policy = Retry::after(delays).when(move |error: &Code| error.0 != refused).abortable(&signal);
            let policy = match limit {
                Some(limit) => policy.timeout(ms(2 * limit)),
                None => policy,
            };
            let retry = policy.run(move |attempt| {
                let (takes, error, listens) = attempts[attempt.number - 1];
                let value = i32::try_from(attempt.number).expect("they are few");
                let delay = if listens { attempt.signal.delay(ms(2 * takes)) } else { delay(ms(2 * takes)) };
                delay.then(move |()| error.map_or(Ok(value), |error| Err(Code(error))))
            });
            retry.map(|value| (value, now())).map_err(|error| (error, now()))
        });
        let half = |time: Duration| u64::try_from(time.as_millis()).expect("it is short").div_ceil(2);
        match event_loop.block_on(result) {
            Ok((value, end)) => (Ok(value), half(end)),
            Err((error, end)) => {
                let cause = match error.cause {
                    GaveUp::Exhausted => "exhausted",
                    GaveUp::Refused => "refused",
                    GaveUp::Aborted(_) => "aborted",
                };
                (Err((error.attempts, cause)), half(end))
            }
        }
    })
}

fn model_of_retry(trial: &Trial) -> Tried {
    let (mut time, mut failed) = (0, Vec::new());
    let mut delays = trial.delays.iter();
    // An abort at `at` comes after what happens at that time, and before what happens later.
    let is_aborted_before = |time: u64| trial.abort.filter(|at| *at < time);
    for (index, (takes, error, _)) in trial.attempts.iter().enumerate() {
        let began = time;
        // The timer of the limit is the older one.
        let (takes, error) = match trial.limit {
            Some(limit) if limit <= *takes => (limit, Some(TOO_LATE)),
            _ => (*takes, *error),
        };
        time += takes;
        if let Some(at) = is_aborted_before(time) {
            return (Err((failed, "aborted")), at + 1);
        }
        let number = index + 1;
        let Some(error) = error else { return (Ok(i32::try_from(number).expect("they are few")), time) };
        failed.push(FailedAttempt { number, error: Code(error), began: ms(2 * began), ended: ms(2 * time) });
        if error == trial.refused {
            return (Err((failed, "refused")), time);
        }
        let Some(delay) = delays.next() else { return (Err((failed, "exhausted")), time) };
        time += delay;
        if let Some(at) = is_aborted_before(time) {
            return (Err((failed, "aborted")), at + 1);
        }
    }
    unreachable!("there are more attempts than delays")
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_retry_follows_from_its_attempts(trial in trial()) {
        prop_assert_eq!(retry(&trial), model_of_retry(&trial));
    }
}
