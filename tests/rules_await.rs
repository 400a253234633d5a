//! Rules A1 to A5: async functions and `await`. Each test is a snippet that Node ran, and asserts what Node printed.
//!
//! An async function that is called is a future given to `Promise::spawn`. Rust awaits futures only, so `await 1` is an
//! `await` of `Promise::resolve(1)`, and `await thenable` one of `Promise::resolve_with(thenable)`: what the `await` of
//! JavaScript does itself.
mod common;

use std::convert::Infallible;
use std::future::{Future, poll_fn};

use common::{at, c, expect_trace, log, object};
use futures::FutureExt;
use futures::future::{Either, select};
use thenable::{Promise, queue_microtask};

type P = Promise<i32, i32>;

/// `(async () => { ... })()`.
fn call(body: impl Future<Output = ()> + 'static) {
    Promise::<(), Infallible>::spawn(body);
}

#[test]
fn a1_await_of_a_promise_or_a_value_takes_a_tick_and_of_a_thenable_two() {
    expect_trace("promise@1  value@1  thenable@2", || {
        call(async {
            assert_eq!(P::resolve_with(P::resolve(1)).await, Ok(1));
            at("promise");
        });
        call(async {
            assert_eq!(P::resolve(1).await, Ok(1));
            at("value");
        });
        call(async {
            let thenable = object(|r, _| {
                r(1);
                Ok(())
            });
            assert_eq!(P::resolve_with(thenable).await, Ok(1));
            at("thenable");
        });
    });
}

#[test]
fn a2_the_body_runs_synchronously_to_the_first_await() {
    expect_trace("in  out  after@1", || {
        call(async {
            log("in");
            assert_eq!(P::resolve(0).await, Ok(0));
            at("after");
        });
        log("out");
    });
}

#[test]
#[expect(clippy::async_yields_async, clippy::redundant_async_block, reason = "that is what the rule tells apart")]
fn a3_what_an_async_function_returns() {
    expect_trace("value@1  throw@1  return await@2  promise@3", || {
        let q = P::resolve(1);
        let returned = q.clone();
        P::spawn(async { Ok(1) }).then(c("value"));
        P::spawn(async { returned }).then(c("promise"));
        P::spawn(async { q.await }).then(c("return await"));
        Promise::<(), i32>::spawn(async { Err(1) }).catch(c("throw"));
    });
}

#[test]
fn a4_await_of_a_rejected_promise_takes_a_tick_to_the_catch_block() {
    expect_trace("caught@1", || {
        call(async {
            if P::reject(1).await.is_err() {
                at("caught");
            }
        });
    });
}

#[test]
fn a5_the_continuation_of_an_await_is_queued_in_one_order_with_handlers() {
    expect_trace("then1@2  await@2  then2@2", || {
        let (p, r, _) = Promise::<(), ()>::with_resolvers();
        let awaited = p.clone();
        p.clone().then(c("then1"));
        call(async {
            assert_eq!(awaited.await, Ok(()));
            at("await");
        });
        p.then(c("then2"));
        queue_microtask(move || r(()));
    });
}

#[test]
fn a5_with_one_handle_the_continuation_is_queued_when_the_promise_settles() {
    // The other promise settles later in the same tick, so its handler runs after the continuation.
    expect_trace("await@2  then@2", || {
        let (p, r, _) = P::with_resolvers();
        let (q, s, _) = P::with_resolvers();
        call(async {
            assert_eq!(p.await, Ok(1));
            at("await");
        });
        q.then(c("then"));
        queue_microtask(move || {
            r(1);
            s(2);
        });
    });
}

#[test]
fn a5_many_awaits_of_one_promise_keep_the_order_of_their_registration() {
    expect_trace("a@1  b@1  then@1  c@1", || {
        let (p, r, _) = P::with_resolvers();
        let call_and_await = |p: &P, name: &'static str| {
            let awaited = p.clone();
            call(async move {
                assert_eq!(awaited.await, Ok(1));
                at(name);
            });
        };
        call_and_await(&p, "a");
        call_and_await(&p, "b");
        p.clone().then(c("then"));
        call_and_await(&p, "c");
        r(1);
    });
}

#[test]
fn a1_an_await_takes_its_tick_also_if_the_promise_was_awaited_in_vain_before() {
    // In Node: `await q; r(1); queueMicrotask(c('m')); await p; c('await')()`, where `q` is settled. That `p` was
    // polled together with `q` makes no difference: no code after an `await` runs in the job that settles the promise.
    expect_trace("m@2  await@2", || {
        let (mut p, r, _) = P::with_resolvers();
        call(async move {
            assert!(matches!(select(&mut p, P::resolve(0)).await, Either::Right((Ok(0), _))));
            r(1);
            queue_microtask(|| at("m"));
            assert_eq!(p.await, Ok(1));
            at("await");
        });
    });
}

#[test]
fn a1_an_await_takes_its_tick_also_if_the_promise_settled_while_the_task_awaited_another() {
    // In Node: `await q; await z; c('z')(); await p; c('await')()`, where `p` settles before `z`.
    expect_trace("z@4  await@5", || {
        let (mut p, r, _) = P::with_resolvers();
        let (z, s, _) = P::with_resolvers();
        call(async move {
            assert!(matches!(select(&mut p, P::resolve(0)).await, Either::Right((Ok(0), _))));
            queue_microtask(move || {
                r(1);
                queue_microtask(move || s(1));
            });
            assert_eq!(z.await, Ok(1));
            at("z");
            assert_eq!(p.await, Ok(1));
            at("await");
        });
    });
}

#[test]
fn a5_a_handle_that_is_cloned_while_it_is_awaited_continues_when_the_promise_settles() {
    expect_trace("await@2", || {
        let (mut p, r, _) = P::with_resolvers();
        let mut clone = None;
        call(poll_fn(move |context| {
            let polled = p.poll_unpin(context);
            if polled.is_ready() {
                at("await");
            } else {
                clone.get_or_insert_with(|| p.clone());
            }
            polled.map(|_| ())
        }));
        queue_microtask(move || r(1));
    });
}

#[test]
fn every_await_in_a_row_takes_its_tick() {
    expect_trace("1@1  2@2  3@3  done@4", || {
        P::spawn(async {
            for name in [1, 2, 3] {
                P::resolve(name).await?;
                at(name);
            }
            Ok(0)
        })
        .then(c("done"));
    });
}

#[test]
fn an_async_handler_is_a_handler_that_returns_a_promise() {
    // In Node: `then(async n => n + 1)`, the same with `catch`, and with an `await`, whose tick passes while the
    // promise that the handler returned is being adopted.
    expect_trace("then@4  catch@4  await@4", || {
        P::resolve(1).then_async(async |n| Ok(n + 1)).then(c("then"));
        P::reject(1).catch_async(async |n| Ok(n + 1)).then(c("catch"));
        P::resolve(1).then_async(async |n| P::resolve(n).await).then(c("await"));
    });
}
