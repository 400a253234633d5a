//! `test/language/module-code/top-level-await`: an `await` outside of functions. That is `block_on`.

use thenable::{Promise, block_on};

use crate::cases::{NonThenable, Object, P};
use crate::common::{log, object, trace};

/// The promise that the cases count the ticks with.
fn count_ticks() {
    Promise::<(), ()>::resolve(())
        .then(|()| log("tick 1"))
        .then(|()| log("tick 2"))
        .then(|()| log("tick 3"))
        .then(|()| log("tick 4"));
}

/// `await value`.
async fn value<T: 'static>(value: T) -> T {
    Promise::<T, ()>::resolve(value).await.expect("it is fulfilled")
}

#[test]
fn top_level_ticks() {
    block_on(async {
        count_ticks();
        for n in 1..=4 {
            assert_eq!(value(n).await, n);
            log(format_args!("await {n}"));
        }
    });
    assert_eq!(trace(), "tick 1  await 1  tick 2  await 2  tick 3  await 3  tick 4  await 4");
}

#[test]
fn top_level_ticks_2() {
    block_on(async {
        count_ticks();
        for n in 1..=4 {
            log(format_args!("await {n}"));
            value(()).await;
        }
    });
    assert_eq!(trace(), "await 1  tick 1  await 2  tick 2  await 3  tick 3  await 4  tick 4");
}

#[test]
fn await_awaits_thenable_not_callable() {
    let thenable = NonThenable::new();
    assert_eq!(block_on(Promise::<_, ()>::resolve(thenable.clone())), Ok(thenable));
}

#[test]
fn await_awaits_thenables_that_throw() {
    let error = Object::new();
    let thrown = error.clone();
    assert_eq!(block_on(P::resolve_with(object(|_, _| Err(thrown)))), Err(error));
}

#[test]
fn await_awaits_thenables() {
    let thenable = object::<_, ()>(|resolve, _| {
        resolve(42);
        Ok(())
    });
    assert_eq!(block_on(Promise::resolve_with(thenable)), Ok(42));
}

#[test]
fn await_expr_new_expr() {
    assert_eq!(block_on(Promise::<_, ()>::new(|resolve, _| resolve(42))), Ok(42));
}

#[test]
fn await_expr_new_expr_reject() {
    let reason = Object::new();
    assert_eq!(block_on(P::reject(reason.clone())), Err(reason));
}

#[test]
fn await_expr_reject_throws() {
    block_on(async {
        assert_eq!(Promise::<(), _>::reject(42).await, Err(42));
        assert_eq!(Promise::<(), _>::reject("").await, Err(""));
        assert_eq!(Promise::<(), _>::reject(false).await, Err(false));
        assert_eq!(Promise::<(), _>::reject(true).await, Err(true));
        assert!(Promise::<(), _>::reject(f64::NAN).await.is_err_and(f64::is_nan));
        assert_eq!(Promise::<(), _>::reject(None::<()>).await, Err(None));
        assert_eq!(Promise::<(), _>::reject(()).await, Err(()));
        let object = Object::new();
        assert_eq!(P::reject(object.clone()).await, Err(object));
    });
}

#[test]
fn await_expr_resolution() {
    block_on(async {
        assert_eq!(value(42).await, 42);
        assert_eq!(value("").await, "");
        assert!(!value(false).await);
        assert!(value(true).await);
        assert!(value(f64::NAN).await.is_nan());
        assert_eq!(value(None::<()>).await, None);
        let object = Object::new();
        assert_eq!(value(object.clone()).await, object);
        assert_eq!(Promise::<_, ()>::resolve(1).map(|n| n * 2).map(|n| n * 3).await, Ok(6));
    });
}

#[test]
fn await_void_expr() {
    assert_eq!(block_on(Promise::<_, ()>::resolve(())), Ok(()));
}
