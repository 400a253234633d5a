//! `test/language/expressions/await`: what an `await` takes, and how it interleaves with handlers.
//!
//! An async function that is called is a future given to `Promise::spawn`. Rust awaits futures only: the `await` of a
//! value is one of `Promise::resolve`, that of a thenable one of `Promise::resolve_with`.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use thenable::Promise;

use crate::cases::{NonThenable, Object, P};
use crate::common::{at, c, expect_trace, object};

/// `(async () => { ... })()`.
fn call(body: impl Future<Output = ()> + 'static) {
    Promise::<(), Infallible>::spawn(body);
}

/// `new Promise(resolve => { log; resolve(); })`, which the cases count the ticks with.
fn promise_1() -> Promise<(), ()> {
    Promise::new(|resolve, _| {
        at("Promise: 1");
        resolve(());
    })
}

#[test]
fn async_await_interleaved() {
    fn push_await(value: u32) -> Promise<(), Infallible> {
        Promise::spawn(async move { at(format_args!("Await: {value}")) })
    }

    expect_trace("Await: 1@0  Promise: 1@0  Await: 2@1  Promise: 2@1", || {
        call(async {
            push_await(1).await.expect("it has no reason to fail");
            push_await(2).await.expect("it has no reason to fail");
        });
        promise_1().then(c("Promise: 2"));
    });
}

#[test]
fn await_awaits_thenable_not_callable() {
    expect_trace("awaited@1", || {
        call(async {
            let value = NonThenable::new();
            assert_eq!(Promise::<_, ()>::resolve(value.clone()).await, Ok(value));
            at("awaited");
        });
    });
}

#[test]
fn await_awaits_thenables_that_throw() {
    expect_trace("caught@2", || {
        call(async {
            let error = Object::new();
            let thrown = error.clone();
            assert_eq!(P::resolve_with(object(|_, _| Err(thrown))).await, Err(error));
            at("caught");
        });
    });
}

#[test]
fn await_awaits_thenables() {
    expect_trace("awaited@2", || {
        call(async {
            let thenable = object::<_, ()>(|resolve, _| {
                resolve(42);
                Ok(())
            });
            assert_eq!(Promise::resolve_with(thenable).await, Ok(42));
            at("awaited");
        });
    });
}

/// No method of a promise can be patched here. What is left of the case is the order.
#[test]
fn await_monkey_patched_promise() {
    expect_trace("Promise: 1@0  Await: 42@1  Promise: 2@1", || {
        let promise = Promise::<_, ()>::resolve(42);
        call(async {
            let value = promise.await.expect("it is fulfilled");
            at(format_args!("Await: {value}"));
        });
        promise_1().then(c("Promise: 2"));
    });
}

#[test]
fn await_non_promise_thenable() {
    let expected = "Promise: 1@0  Promise: 2@1  Await: 1@2  Promise: 3@2  Promise: 4@3  Await: 2@4";
    expect_trace(expected, || {
        let calls = Rc::new(Cell::new(0));
        let counted = calls.clone();
        let patched = move || {
            let calls = calls.clone();
            object::<u32, ()>(move |resolve, _| {
                calls.set(calls.get() + 1);
                resolve(calls.get());
                Ok(())
            })
        };
        call(async move {
            for _ in 0..2 {
                let value = Promise::resolve_with(patched()).await.expect("it is fulfilled");
                at(format_args!("Await: {value}"));
            }
            assert_eq!(counted.get(), 2);
        });
        promise_1().then(c("Promise: 2")).then(c("Promise: 3")).then(c("Promise: 4"));
    });
}

#[test]
fn await_non_promise() {
    expect_trace("Await: 1@0  Promise: 1@0  after@1  Promise: 2@1", || {
        call(async {
            at("Await: 1");
            assert_eq!(Promise::<_, ()>::resolve(()).await, Ok(()));
            at("after");
        });
        promise_1().then(c("Promise: 2"));
    });
}

#[test]
fn await_throws_rejections() {
    expect_trace("caught@1", || {
        call(async {
            let reason = Object::new();
            assert_eq!(P::reject(reason.clone()).await, Err(reason));
            at("caught");
        });
    });
}
