//! `test/language/statements/async-function`: what calling an async function gives. That is `Promise::spawn`.

use std::cell::Cell;
use std::rc::Rc;

use thenable::Promise;

use crate::cases::{fulfills, rejects};
use crate::common::{at, expect_trace, log};

type N = Promise<u32, u32>;

#[test]
fn evaluation_body() {
    expect_trace("called  after", || {
        N::spawn(async {
            log("called");
            let never = N::new(|_, _| ()).await;
            log("no");
            never
        });
        log("after");
    });
}

#[test]
fn evaluation_body_that_returns() {
    expect_trace("fulfilled@1", || fulfills(N::spawn(async { Ok(42) }), 42));
}

#[test]
fn evaluation_body_that_returns_after_await() {
    expect_trace("fulfilled@2", || {
        let p = N::spawn(async {
            N::resolve(0).await?;
            Ok(42)
        });
        fulfills(p, 42);
    });
}

#[test]
fn evaluation_body_that_throws() {
    expect_trace("rejected@1", || rejects(N::spawn(async { Err(1) }), 1));
}

#[test]
fn evaluation_body_that_throws_after_await() {
    expect_trace("rejected@2", || {
        let p = N::spawn(async {
            N::resolve(0).await?;
            Err(1)
        });
        rejects(p, 1);
    });
}

#[test]
fn returns_async_arrow() {
    /// The arrow captures `x`.
    fn call(x: u32) -> Promise<impl FnOnce() -> N, u32> {
        Promise::spawn(async move { Ok(move || N::spawn(async move { Ok(x) })) })
    }

    expect_trace("inner 1@1  fulfilled@4", || {
        let count = Rc::new(Cell::new(0));
        let p = call(1).then(move |inner| {
            count.set(count.get() + 1);
            at(format_args!("inner {}", count.get()));
            inner()
        });
        fulfills(p, 1);
    });
}

#[test]
fn returns_async_function() {
    #[expect(clippy::unused_async, reason = "that the function is async is the case")]
    async fn inner(x: u32) -> Result<u32, u32> {
        Ok(x)
    }

    /// The function is named, and is called with `x` by whoever gets it.
    fn call(x: u32) -> Promise<Box<dyn FnOnce() -> N>, u32> {
        Promise::spawn(async move { Ok::<Box<dyn FnOnce() -> N>, _>(Box::new(move || N::spawn(inner(x)))) })
    }

    expect_trace("inner 1@1  fulfilled@4", || {
        let count = Rc::new(Cell::new(0));
        let p = call(1).then(move |inner| {
            count.set(count.get() + 1);
            at(format_args!("inner {}", count.get()));
            inner()
        });
        fulfills(p, 1);
    });
}
