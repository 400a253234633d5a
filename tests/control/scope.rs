//! `Promise::scope` and `scope_async`.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;
use std::thread;

use futures::future::poll_fn;
use std::task::Poll;
use thenable::{
    AbortController, AbortSignal, Promise, PromiseState, Scope, ScopeError, block_on, delay_with, queue_microtask, run,
};

use crate::common::{at, c, expect_trace, log, ms, quick_loop, trace};
use crate::{Failure, Noisy, fault, forever, stalled, tick};

type Scoped<T> = Promise<T, ScopeError<i32>>;
type P<T = i32> = Promise<T, i32>;

/// Settles after so many ticks.
fn later(ticks: u32, result: Result<i32, i32>) -> P {
    P::new(|resolve, reject| {
        tick(ticks, move || match result {
            Ok(value) => resolve(value),
            Err(reason) => reject(reason),
        });
    })
}

#[track_caller]
fn errors<T: std::fmt::Debug + 'static>(scope: Scoped<T>) -> Vec<i32> {
    let error = block_on(scope).unwrap_err();
    assert_eq!(error.aborted, None);
    error.errors
}

#[test]
fn it_waits_for_all_and_has_the_value_of_its_body() {
    expect_trace("body  sync  child@2  long@6  scope@8", || {
        let scope = Scoped::scope(|scope| {
            log("body");
            scope.spawn(async {
                later(1, Ok(1)).await?;
                at("child");
                Ok(())
            });
            scope.add(later(5, Ok(2)).inspect(|_| at("long")));
            Ok("value")
        });
        scope.then(|value| {
            assert_eq!(value, "value");
            at("scope");
        });
        log("sync");
    });
}

#[test]
fn an_empty_scope_takes_the_ticks_of_all() {
    expect_trace("all@2  scope@2  rejected@2  promise of the body@2", || {
        Promise::all([P::resolve(1)]).then(c("all"));
        Scoped::scope(|_| Ok(1)).then(c("scope"));
        Scoped::<i32>::scope(|_| Err(1)).catch(|_| {
            at("rejected");
            Ok(0)
        });
        Scoped::scope(|_| P::resolve(1)).then(c("promise of the body"));
    });
}

#[test]
fn the_first_failure_drops_the_futures_and_waits_for_the_rest() {
    expect_trace("drop future  signal  late  errors [7]@7", || {
        let scope = Scoped::scope(|scope| {
            let noisy = Noisy("future");
            scope.spawn(async move {
                let _noisy = noisy;
                let _: () = forever().await;
                Ok(())
            });
            scope
                .signal()
                .on_abort(|aborted| {
                    assert_eq!(aborted.to_string(), "aborted: something else in the scope failed");
                    log("signal");
                })
                .detach();
            scope.add(later(1, Err(7)));
            scope.add(later(4, Ok(1)).inspect(|_| log("late")));
            Ok(())
        });
        scope.catch(|error| {
            at(format_args!("errors {:?}", error.errors));
            Ok(())
        });
    });
}

#[test]
fn it_has_the_errors_of_all_in_the_order_of_time() {
    let scope = Scoped::<()>::scope(|scope| {
        scope.add(later(3, Err(3)));
        scope.add(later(1, Err(1)));
        scope.add(later(2, Ok(0)));
        scope.add(later(5, Err(5)));
        Err(0)
    });
    assert_eq!(errors(scope), [0, 1, 3, 5]);
    run(|| {}).unwrap();
}

#[test]
fn a_child_has_a_promise_of_its_value() {
    let sum = Promise::scope_async(async |scope: Scope<i32>| {
        let (a, b) = (scope.spawn(async { Ok(40) }), scope.add(later(3, Ok(2))));
        Ok(a.await? + b.await?)
    });
    assert_eq!(block_on(sum), Ok(42));
}

#[test]
fn the_promise_of_a_child_that_fails_stays_pending_and_is_not_reported() {
    run(|| {
        let scope = Scoped::<()>::scope(|scope| {
            let child = scope.add(P::<i32>::reject(1));
            child.map(|_| unreachable!("it has failed"));
            scope.spawn(async { Err::<(), _>(2) });
            Ok(())
        });
        // The first failure does not undo what has failed already.
        scope.catch(|error| {
            log(format_args!("{:?}", error.errors));
            Ok(())
        });
    })
    .unwrap();
    assert_eq!(trace(), "[1, 2]");
}

#[test]
fn an_async_body_is_dropped_when_a_child_fails() {
    let scope: Scoped<()> = Promise::scope_async(async |scope: Scope<i32>| {
        let _noisy = Noisy("body");
        scope.add(later(1, Err(1)));
        forever().await;
        Ok(())
    });
    assert_eq!(errors(scope), [1]);
    assert_eq!(trace(), "drop body");
}

#[test]
fn children_may_begin_others() {
    fn grow(scope: &Scope<i32>, depth: i32) {
        let inner = scope.clone();
        scope.spawn(async move {
            later(2, Ok(0)).await?;
            log(depth);
            if depth < 3 {
                grow(&inner, depth + 1);
            }
            Ok(())
        });
    }
    let scope = Scoped::scope(|scope| {
        grow(&scope, 0);
        Ok("done")
    });
    assert_eq!(block_on(scope), Ok("done"));
    assert_eq!(trace(), "0  1  2  3");
}

#[test]
fn what_begins_after_the_abort_or_the_end_is_not_polled() {
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    let ended = Scoped::scope(move |scope| {
        *keep.borrow_mut() = Some(scope);
        Ok(1)
    });
    assert_eq!(block_on(ended), Ok(1));
    let scope = kept.take().unwrap();
    let noisy = Noisy("after the end");
    let promise = scope.spawn(async move {
        drop(noisy);
        unreachable!("it is not polled") as Result<(), i32>
    });
    assert_eq!((promise.state(), trace()), (PromiseState::Pending, "drop after the end".to_string()));
    assert_eq!(format!("{scope:?}"), "Scope { unfinished: 0, .. }");
    // What is added then belongs to nobody.
    scope.add(P::resolve(1));
    let unhandled = run(|| {
        scope.add(P::<i32>::reject(9));
    });
    assert_eq!(unhandled.unwrap_err().downcast::<i32>().unwrap(), 9);
    // After the abort and before the end futures are dropped, and promises are waited for.
    let aborted = Scoped::scope(|scope| {
        scope.abort_with("early");
        scope.spawn(async { unreachable!("it is not polled") as Result<(), i32> });
        scope.add(later(3, Err(3)));
        Ok(())
    });
    let error = block_on(aborted).unwrap_err();
    assert_eq!((error.errors, error.aborted.unwrap().to_string()), (vec![3], "aborted: early".to_string()));
}

#[test]
fn an_abort_from_outside() {
    let window = AbortController::new();
    let signal = window.signal();
    let scope = Promise::<(), ScopeError<Failure>>::scope(|scope| {
        scope.abort_when(&signal);
        scope.spawn(async {
            let _: () = forever().await;
            Ok(())
        });
        scope.add(crate::pending().0.abortable(&scope.signal()));
        Ok(())
    });
    queue_microtask(move || window.abort_with("closed"));
    let error = block_on(scope).unwrap_err();
    let reason = signal.reason().unwrap();
    assert_eq!(error, ScopeError { errors: vec![Failure::Aborted(reason.clone())], aborted: Some(reason) });
    assert!(error.to_string().starts_with("the scope was aborted: closed; 1 were rejected: [Aborted("), "{error}");
    // A signal that is aborted already.
    let scope = Scoped::scope(|scope| {
        scope.abort_when(&AbortSignal::abort());
        Ok(())
    });
    assert_eq!(block_on(scope).unwrap_err().errors, []);
}

#[test]
fn an_abort_that_leaves_nothing_settles_at_once() {
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    let scope = Scoped::<()>::scope_async(async move |scope| {
        *keep.borrow_mut() = Some(scope);
        forever().await;
        Ok(())
    });
    let handle: Scope<i32> = kept.take().unwrap();
    assert_eq!(format!("{handle:?}"), "Scope { unfinished: 1, .. }");
    handle.abort();
    assert_eq!(scope.state(), PromiseState::Rejected);
    handle.abort_with("once more");
    assert_eq!(block_on(scope).unwrap_err().to_string(), "the scope was aborted");
}

#[test]
fn a_signal_that_outlives_the_scope_keeps_nothing_of_it() {
    let window = AbortController::new();
    for _ in 0..10 {
        let signal = window.signal();
        assert_eq!(
            block_on(Scoped::scope(move |scope| {
                scope.abort_when(&signal);
                Ok(1)
            })),
            Ok(1)
        );
    }
    window.abort();
    run(|| {}).unwrap();
}

#[test]
fn scopes_in_one_another() {
    let event_loop = quick_loop();
    let outer = event_loop.enter(|| {
        Scoped::<i32>::scope_async(async |outer: Scope<i32>| {
            let signal = outer.signal();
            let inner = Scoped::<i32>::scope(move |inner| {
                inner.abort_when(&signal);
                inner.spawn(async {
                    let _noisy = Noisy("inner");
                    delay_with::<_, i32>(ms(1000), 1).await
                });
                Ok(1)
            });
            outer.add(inner.map_err(|error| i32::try_from(error.errors.len()).expect("there are few")));
            delay_with::<_, i32>(ms(5), ()).await?;
            Err(7)
        })
    });
    let error = event_loop.block_on(outer).unwrap_err();
    assert_eq!((error.errors, trace()), (vec![7, 0], "drop inner".to_string()));
}

#[test]
fn faults() {
    assert_eq!(fault(Scoped::<()>::scope(|_| -> Result<(), i32> { panic_any("body") })), "body");
    let scope = Scoped::scope(|scope| {
        scope.add(later(1, Err(1)));
        scope.add(later(2, Ok(0)).map(|_| panic_any("first") as i32));
        scope.add(later(3, Ok(0)).map(|_| panic_any("second") as i32));
        Ok(())
    });
    assert_eq!(fault(scope), "first", "a fault goes before the reasons");
    let scope = Scoped::<()>::scope_async(async |scope: Scope<i32>| {
        scope.spawn(async { panic_any("child") as Result<(), i32> });
        forever().await;
        Ok(())
    });
    assert_eq!(fault(scope), "child");
}

#[test]
fn what_can_never_settle() {
    // It is finished when the scope is aborted.
    let scope = Scoped::scope(|scope| {
        scope.add(P::<()>::new(|_, _| {}));
        scope.add(later(2, Err(2)));
        Ok(())
    });
    assert_eq!(errors(scope), [2]);
    // Otherwise the scope is abandoned with it.
    let lost = P::<()>::new(|_, _| {});
    let cause = lost.origin();
    let scope = Scoped::scope(|scope| {
        scope.add(lost);
        scope.add(later(2, Ok(2)));
        Ok(())
    });
    assert_eq!(stalled(scope).abandoned[0], cause);
    // As long as somebody could abort it, it waits for that.
    let controller = AbortController::new();
    let signal = controller.signal();
    let scope = Scoped::scope(|scope| {
        scope.abort_when(&signal);
        scope.add(P::<()>::new(|_, _| {}));
        Ok(())
    });
    tick(5, move || controller.abort_with("late"));
    assert_eq!(block_on(scope).unwrap_err().aborted, signal.reason());
    let controller = AbortController::new();
    let scope = Scoped::scope(|scope| {
        scope.abort_when(&controller.signal());
        scope.add(P::<()>::new(|_, _| {}));
        Ok(())
    });
    drop(controller);
    assert!(!stalled(scope).abandoned.is_empty());
    // So is one whose body is lost.
    let lost = P::<()>::new(|_, _| {});
    let cause = lost.origin();
    assert_eq!(stalled(Scoped::scope(|_| lost)).abandoned[0], cause);
}

#[test]
fn a_stalled_scope_is_named() {
    let (open, _resolve, _reject) = P::<()>::with_resolvers();
    let scope = Scoped::scope(|scope| {
        scope.add(open);
        Ok(())
    });
    let origin = scope.origin();
    assert_eq!(stalled(scope).awaited, [origin]);
}

#[test]
fn the_body_may_run_the_loop_outside_of_the_loop() {
    let scope = Scoped::scope(|scope| {
        scope.add(P::resolve(1));
        run(|| {}).unwrap();
        Ok("value")
    });
    assert_eq!(block_on(scope), Ok("value"));
}

#[test]
fn many_children_use_no_stack() {
    const MANY: i32 = 200_000;
    let test = || {
        let scope = Scoped::<()>::scope(|scope| {
            for n in 0..MANY {
                scope.spawn(async {
                    let _: () = poll_fn(|_| Poll::<()>::Pending).await;
                    Ok(())
                });
                scope.add(later(1, if n == MANY / 2 { Err(n) } else { Ok(n) }));
            }
            Ok(())
        });
        assert_eq!(errors(scope), [MANY / 2]);
    };
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(test).expect("the thread starts");
    thread.join().expect("the test passes");
}

#[test]
fn it_composes() {
    let both = Promise::join((
        Scoped::scope(|scope| scope.add(P::resolve(1))),
        Scoped::scope(|scope| Promise::all([scope.add(P::resolve(2)), scope.add(P::resolve(3))])),
    ));
    assert_eq!(block_on(both), Ok((1, vec![2, 3])));
}
