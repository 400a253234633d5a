//! Rules F1 and F2: `finally`. Each test is a snippet that Node ran, and asserts what Node printed.
mod common;

use common::{at, c, expect_trace, object};
use thenable::{Promise, block_on};

type P = Promise<i32, i32>;

/// The promise of the snippets that catch with a handler that only logs.
type Unit = Promise<(), i32>;

#[test]
fn f1_a_value_that_passes_through_finally_takes_three_ticks_to_the_next_handler() {
    expect_trace("f@1  t@1  after then@2  after finally@4", || {
        P::resolve(1).finally(|| at("f")).then(c("after finally"));
        P::resolve(1).then(|_| at("t")).then(c("after then"));
    });
}

#[test]
fn f2_finally_on_a_rejection_with_a_promise_with_an_error_and_with_a_thenable() {
    expect_trace("throw@2  rej@4  promise@4  thenable@5", || {
        Unit::reject(1).finally(|| ()).catch(c("rej"));
        P::resolve(1).finally(|| P::resolve(0)).then(c("promise"));
        Unit::resolve(()).finally(|| Err::<(), _>(2)).catch(c("throw"));
        P::resolve(1)
            .finally(|| {
                object(|r, _| {
                    r(());
                    Ok(())
                })
            })
            .then(c("thenable"));
    });
}

#[test]
fn f2_finally_waits_for_the_promise_that_its_handler_returns() {
    // In Node: `Promise.resolve(1).finally(() => p).then(c('after'))`, where a microtask of the third tick settles `p`.
    expect_trace("settle@3  after@6", || {
        let (p, r, _) = Unit::with_resolvers();
        P::resolve(1).finally(move || p).then(c("after"));
        Unit::resolve(()).then(|()| ()).then(|()| ()).then(move |()| {
            at("settle");
            r(());
        });
    });
}

#[test]
fn f2_finally_passes_the_outcome_on_whatever_its_handler_makes() {
    assert_eq!(block_on(P::resolve(1).finally(|| Ok(2))), Ok(1));
    assert_eq!(block_on(P::resolve(1).finally(|| P::resolve(2))), Ok(1));
    assert_eq!(block_on(P::reject(1).finally(|| Ok(2))), Err(1));
    assert_eq!(block_on(P::reject(1).finally(|| P::resolve(2))), Err(1));
}

#[test]
fn f2_the_failure_of_finally_takes_the_place_of_the_outcome() {
    assert_eq!(block_on(P::resolve(1).finally(|| Err::<(), _>(2))), Err(2));
    assert_eq!(block_on(P::resolve(1).finally(|| P::reject(2))), Err(2));
    assert_eq!(block_on(P::reject(1).finally(|| Err::<(), _>(2))), Err(2));
    assert_eq!(block_on(P::reject(1).finally(|| P::reject(2))), Err(2));
    assert_eq!(
        block_on(P::reject(1).finally(|| object::<(), _>(|_, j| {
            j(2);
            Ok(())
        }))),
        Err(2)
    );
}
