//! The constructors and verbs of a promise, one by one: what each gives, and in how many ticks.
mod common;

use std::convert::Infallible;
use std::num::ParseIntError;

use common::{c, expect_trace, log, object};
use thenable::{Promise, PromiseState, Resolution, block_on, run};

type P = Promise<i32, String>;

#[track_caller]
fn rejected(reason: &str) -> P {
    P::reject(reason.to_string())
}

fn no() -> String {
    "no".to_string()
}

// Constructors.

#[test]
fn new_runs_its_executor_at_once() {
    let promise = P::new(|resolve, _reject| {
        log("executor");
        resolve(1);
    });
    log("after");
    assert_eq!(common::trace(), "executor  after");
    assert_eq!(promise.state(), PromiseState::Fulfilled);
    assert_eq!(block_on(promise), Ok(1));
    assert_eq!(block_on(P::new(|_resolve, reject| reject(no()))), Err(no()));
}

#[test]
fn new_infers_its_types_from_the_calls() {
    for condition in [true, false] {
        let promise = Promise::new(|resolve, reject| if condition { resolve("success") } else { reject("failure") });
        assert_eq!(block_on(promise), if condition { Ok("success") } else { Err("failure") });
    }
}

#[test]
fn try_new_rejects_with_the_error_of_its_executor() {
    let parse = |text: &'static str| {
        Promise::<i32, ParseIntError>::try_new(move |resolve, _| {
            resolve(text.parse()?);
            Ok(())
        })
    };
    assert_eq!(block_on(parse("42")), Ok(42));
    assert!(block_on(parse("many")).is_err());
    assert_eq!(
        block_on(P::try_new(|_, reject| {
            reject(no());
            Err("late".to_string())
        })),
        Err(no())
    );
}

#[test]
fn with_resolvers_gives_functions_that_may_be_kept_cloned_and_called_again() {
    let (promise, resolve, reject) = P::with_resolvers();
    let (again, later) = (resolve.clone(), reject.clone());
    drop(resolve);
    assert_eq!(promise.state(), PromiseState::Pending);
    again(1);
    again(2);
    reject(no());
    later(no());
    again.with(P::resolve(3));
    assert_eq!(block_on(promise), Ok(1));
}

#[test]
fn resolving_functions_may_be_called_after_the_promise_is_gone() {
    let (promise, resolve, reject) = P::with_resolvers();
    drop(promise);
    resolve(1);
    reject(no());
    let (promise, _, reject) = P::with_resolvers();
    drop(promise);
    reject(no());
    // The rejection has nobody to handle it, so it is reported, as in JavaScript.
    assert_eq!(run(|| ()).unwrap_err().downcast::<String>().unwrap(), no());
}

#[test]
fn resolve_and_reject_are_born_settled() {
    assert_eq!(P::resolve(1).state(), PromiseState::Fulfilled);
    assert_eq!(block_on(P::resolve(1)), Ok(1));
    let promise = rejected("no");
    assert_eq!(promise.state(), PromiseState::Rejected);
    assert_eq!(block_on(promise), Err(no()));
}

#[test]
fn resolve_with_gives_a_promise_back_as_it_is() {
    let promise = P::resolve(1);
    let origin = promise.origin();
    let same = P::resolve_with(promise);
    assert_eq!(same.origin(), origin);
    assert_ne!(P::resolve_with(Ok(1)).id(), same.id());
    assert_eq!(block_on(same), Ok(1));
    assert_eq!(block_on(P::resolve_with(Err(no()))), Err(no()));
    assert_eq!(block_on(Promise::<(), String>::resolve_with(())), Ok(()));
}

#[test]
fn attempt_calls_its_function_at_once_and_resolves_with_what_it_returns() {
    // In Node: `new Promise(resolve => resolve(f()))`, which is what `Promise.try(f)` does.
    expect_trace("called  value@1  throw@1  thenable@2  promise@3", || {
        P::attempt(|| {
            log("called");
            Ok(1)
        })
        .then(c("value"));
        P::attempt(|| P::resolve(1)).then(c("promise"));
        let thenable = object(|resolve, _| {
            resolve(1);
            Ok(())
        });
        P::attempt(|| thenable).then(c("thenable"));
        Promise::<(), String>::attempt(|| Err::<(), _>(no())).catch(c("throw"));
    });
    let inner = P::resolve(1);
    let id = inner.id();
    assert_ne!(P::attempt(|| inner).id(), id);
}

#[test]
fn a_result_is_a_settled_promise() {
    assert_eq!(P::from(Ok(1)).state(), PromiseState::Fulfilled);
    let promise: P = Err(no()).into();
    assert_eq!(promise.state(), PromiseState::Rejected);
    assert_eq!(block_on(promise), Err(no()));
}

// Verbs.

#[test]
fn then_takes_whatever_resolves() {
    assert_eq!(block_on(P::resolve(1).then(|n| Ok(n.to_string()))), Ok("1".to_string()));
    assert_eq!(block_on(P::resolve(1).then(|_| Err::<u8, _>(no()))), Err(no()));
    assert_eq!(block_on(P::resolve(1).then(|n| P::resolve(n + 1))), Ok(2));
    assert_eq!(block_on(P::resolve(1).then(|_| ())), Ok(()));
    assert_eq!(block_on(P::resolve(1).then(Resolution::Fulfill)), Ok(1));
    assert_eq!(block_on(rejected("no").then(|_| Ok(2))), Err(no()));
}

#[test]
fn catch_may_make_a_value_or_fail_again() {
    assert_eq!(block_on(rejected("no").catch(|_| Ok(1))), Ok(1));
    assert_eq!(block_on(rejected("no").catch(|reason| P::reject(reason + "!"))), Err("no!".to_string()));
    assert_eq!(block_on(P::resolve(1).catch(|_| Ok(2))), Ok(1));
}

#[test]
fn then_catch_runs_one_handler_and_does_not_catch_the_failure_of_the_first() {
    let both = |promise: P| promise.then_catch(|n| if n == 1 { Err("first".to_string()) } else { Ok(n) }, |_| Ok(0));
    assert_eq!(block_on(both(P::resolve(1))), Err("first".to_string()));
    assert_eq!(block_on(both(P::resolve(2))), Ok(2));
    assert_eq!(block_on(both(rejected("no"))), Ok(0));
}

#[test]
fn async_handlers_await_in_the_chain() {
    let add = async |n: i32| Ok::<_, String>(n + P::resolve(10).await?);
    assert_eq!(block_on(P::resolve(1).then_async(add)), Ok(11));
    assert_eq!(block_on(P::resolve(1).then_async(async |_| rejected("no").await)), Err(no()));
    assert_eq!(block_on(rejected("no").then_async(add)), Err(no()));
    assert_eq!(block_on(rejected("no").catch_async(async |_| P::resolve(2).await)), Ok(2));
    assert_eq!(block_on(P::resolve(1).catch_async(async |_| Ok(2))), Ok(1));
}

#[test]
fn map_and_map_err_change_the_types() {
    assert_eq!(block_on(P::resolve(1).map(|n| n.to_string())), Ok("1".to_string()));
    assert_eq!(block_on(rejected("no").map(|n| n + 1)), Err(no()));
    let promise: Promise<i32, usize> = rejected("no").map_err(|reason| reason.len());
    assert_eq!(block_on(promise), Err(2));
    assert_eq!(block_on(P::resolve(1).map_err(|reason| reason.len())), Ok(1));
}

#[test]
fn recover_leaves_no_reason() {
    let promise: Promise<i32, Infallible> = rejected("no").recover(|_| 7);
    let Ok(n) = block_on(promise);
    assert_eq!(n, 7);
    let Ok(n) = block_on(P::resolve(1).recover(|_| 7));
    assert_eq!(n, 1);
}

#[test]
fn inspect_and_inspect_err_look_at_what_passes() {
    let look = |promise: P| promise.inspect(|n| log(n)).inspect_err(|reason| log(reason));
    assert_eq!(block_on(look(P::resolve(1))), Ok(1));
    assert_eq!(block_on(look(rejected("no"))), Err(no()));
    assert_eq!(common::trace(), "1  no");
}

#[test]
fn handle_sees_the_whole_outcome() {
    let text = |promise: P| promise.handle(|outcome| Ok(format!("{outcome:?}")));
    assert_eq!(block_on(text(P::resolve(1))), Ok("Fulfilled(1)".to_string()));
    assert_eq!(block_on(text(rejected("no"))), Ok("Rejected(\"no\")".to_string()));
    assert_eq!(block_on(text(P::new(|_, _| panic!("bug")))), Ok("Faulted(Fault(\"bug\"))".to_string()));
}
