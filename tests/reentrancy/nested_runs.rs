//! The loop itself: `run` and `block_on` cannot be called while it runs, and say so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use thenable::{
    Outcome, Promise, block_on, on_unhandled_rejection, queue_microtask, remove_rejection_hooks, run, try_block_on,
};

use crate::everything::{Log, lines};
use crate::wakers::{ON_WAKE, poll_with_probe};

/// What a `run` or `block_on` inside the loop says.
fn nested(caller: &str) -> String {
    format!(
        "`{caller}` was called while the event loop of this thread is running: from a handler or a callback, return a promise \
         or await it instead"
    )
}

#[test]
fn running_the_loop_inside_a_handler_is_a_fault() {
    let calls: [(&str, fn()); 3] = [
        ("run", || drop(run(|| ()))),
        ("block_on", || block_on(Promise::<(), ()>::resolve(())).unwrap()),
        ("block_on", || drop(try_block_on(Promise::<(), ()>::resolve(())))),
    ];
    for (name, call) in calls {
        let message = |promise: Promise<(), ()>| {
            promise.handle(|outcome| match outcome {
                Outcome::Faulted(fault) => Promise::<_, ()>::resolve(fault.message().to_string()),
                other => unreachable!("{other:?}"),
            })
        };
        let promises = run(|| {
            [
                Promise::resolve(()).map(move |()| call()),
                Promise::reject(()).catch(move |()| {
                    call();
                    Ok(())
                }),
                Promise::resolve(()).finally(call),
                Promise::new(move |_, _| call()),
                Promise::spawn(async move { call() }),
                Promise::attempt(call),
            ]
            .map(message)
        })
        .unwrap();
        for promise in promises {
            assert_eq!(block_on(promise).unwrap(), nested(name));
        }
        // In a callback there is no promise to settle, so the panic leaves the loop; which can be run again.
        let payload = catch_unwind(AssertUnwindSafe(|| run(|| queue_microtask(call)))).unwrap_err();
        assert_eq!(*payload.downcast::<String>().unwrap(), nested(name));
        assert_eq!(block_on(Promise::<_, ()>::resolve(1)), Ok(1));
    }
}

#[test]
fn running_the_loop_inside_a_hook_or_a_waker_panics_and_leaves_the_loop_sound() {
    on_unhandled_rejection(|_| drop(run(|| ())));
    let payload = catch_unwind(|| run(|| drop(Promise::<(), _>::reject(1)))).unwrap_err();
    assert_eq!(*payload.downcast::<String>().unwrap(), nested("run"));
    // The hook is in its place still.
    let payload = catch_unwind(|| run(|| drop(Promise::<(), _>::reject(2)))).unwrap_err();
    assert_eq!(*payload.downcast::<String>().unwrap(), nested("run"));
    remove_rejection_hooks();

    let log = Log::default();
    run(|| {
        let (mut promise, resolve, _reject) = Promise::<u8, ()>::with_resolvers();
        assert!(poll_with_probe(&mut promise).is_pending());
        ON_WAKE.set(Some(Box::new(|| drop(run(|| ())))));
        // A waker that panics unwinds out of the call that settles; the promise has settled all the same.
        let payload = catch_unwind(AssertUnwindSafe(|| resolve(1))).unwrap_err();
        assert_eq!(*payload.downcast::<String>().unwrap(), nested("run"));
        assert_eq!(promise.peek().as_deref(), Some(&Outcome::Fulfilled(1)));
        let line = log.line("main", "then");
        promise.map(|_| line());
    })
    .unwrap();
    log.expect(&[&lines(["main: then"])]);
}
