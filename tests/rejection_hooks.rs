//! What the hooks of unhandled rejections may do while they run: anything (invariant 5).
mod common;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use common::{c, expect_trace, log, log_u, macrotask, trace};
use thenable::{Promise, on_rejection_handled, on_unhandled_rejection, remove_rejection_hooks, run};

type P = Promise<(), i32>;

/// Says that it is dropped.
struct DropLog(&'static str);

impl Drop for DropLog {
    fn drop(&mut self) {
        log(self.0);
    }
}

#[test]
fn a_hook_may_replace_itself() {
    // In Node: a listener installed with `once`, which installs another one so.
    let dropped = DropLog("A dropped");
    on_unhandled_rejection(move |report| {
        let _ = &dropped;
        log(format_args!("A{:?}", report.reason()));
        on_unhandled_rejection(|report| log(format_args!("B{:?}", report.reason())));
        log("replaced");
    });
    expect_trace("A1  replaced  A dropped  B2  B3", || {
        P::reject(1);
        P::reject(2);
        P::reject(3);
    });
}

#[test]
fn a_hook_may_remove_itself() {
    on_unhandled_rejection(|report| {
        log_u(report);
        remove_rejection_hooks();
    });
    let error = run(|| {
        P::reject(1);
        P::reject(2);
    })
    .unwrap_err();
    assert_eq!(trace(), "U1");
    assert_eq!(error.downcast::<i32>().unwrap(), 2);
}

#[test]
fn the_hook_for_late_handling_may_replace_itself() {
    on_unhandled_rejection(log_u);
    on_rejection_handled(|_| {
        log("H");
        on_rejection_handled(|_| log("other H"));
    });
    let (p, q) = (P::reject(1), P::reject(2));
    expect_trace("U1  U2", || ());
    expect_trace("p@1  q@1  H  other H", || {
        p.catch(c("p"));
        q.catch(c("q"));
    });
}

/// Installs a hook that gives the first rejection it is told of to `act`, together with a handle.
fn on_first(p: P, act: impl FnOnce(P) + 'static) {
    let once = Cell::new(Some((p, act)));
    on_unhandled_rejection(move |report| {
        log_u(report);
        if let Some((p, act)) = once.take() {
            act(p);
        }
    });
    on_rejection_handled(|_| log("H"));
}

#[test]
fn a_hook_may_handle_the_promise_that_it_is_told_of() {
    // In Node: `process.on('unhandledRejection', (e, p) => { log('U' + e); p.catch(() => log('caught')); })`.
    expect_trace("U1  caught  H", || {
        on_first(P::reject(1), |p| {
            p.catch(|_| log("caught"));
        });
    });
}

#[test]
fn a_hook_may_await_the_promise_that_it_is_told_of() {
    expect_trace("U1  caught  H", || {
        on_first(P::reject(1), |p| {
            P::spawn(async {
                assert_eq!(p.await, Err(1));
                log("caught");
            });
        });
    });
}

#[test]
fn a_hook_may_clone_a_handle_of_the_promise_that_it_is_told_of() {
    expect_trace("U1  awaited  caught  H", || {
        on_first(P::reject(1), |p| {
            let other = p.clone();
            P::spawn(async {
                assert_eq!(other.await, Err(1));
                log("awaited");
            });
            p.catch(|_| log("caught"));
        });
    });
}

#[test]
fn a_hook_may_drop_the_last_handle_of_the_promise_that_it_is_told_of() {
    expect_trace("U1  dropped", || {
        on_first(P::reject(1), |p| {
            drop(p);
            log("dropped");
        });
    });
}

#[test]
fn a_debug_of_a_reason_may_handle_its_promise() {
    struct Nosy(Rc<Cell<Option<Promise<(), Nosy>>>>);

    impl fmt::Debug for Nosy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if let Some(p) = self.0.take() {
                p.catch(|_| log("caught"));
            }
            f.write_str("Nosy")
        }
    }

    on_unhandled_rejection(log_u);
    expect_trace("UNosy  caught", || {
        let slot = Rc::new(Cell::new(None));
        slot.set(Some(Promise::reject(Nosy(slot.clone()))));
    });
}

#[test]
fn a_hook_that_panics_unwinds_from_run_and_the_promise_can_still_be_handled() {
    on_unhandled_rejection(|_| panic!("the hook fails"));
    let p = P::reject(1);
    let caught = catch_unwind(AssertUnwindSafe(|| run(|| ())));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the hook fails"));
    on_unhandled_rejection(log_u);
    expect_trace("1", || {
        p.catch(log);
    });
}

#[test]
fn a_hook_that_panicked_stays_installed() {
    // In Node: a listener that throws the first time, and an `uncaughtException` listener that logs X.
    let calls = Cell::new(0);
    on_unhandled_rejection(move |report| {
        log_u(report);
        assert!(calls.replace(calls.get() + 1) > 0, "the hook fails");
    });
    on_rejection_handled(|_| log("H"));
    let p = P::reject(1);
    let caught = catch_unwind(AssertUnwindSafe(|| run(|| ())));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the hook fails"));
    log("X");
    run(|| {
        macrotask(|| {
            P::reject(2);
            p.catch(|_| log("caught"));
        });
    })
    .unwrap();
    assert_eq!(trace(), "U1  X  caught  H  U2");
}

#[test]
fn a_promise_that_a_hook_handles_is_reported_all_the_same_if_it_was_due() {
    // In Node: the first report gives the second promise its handler, and it is reported, and not as handled late.
    let first = P::reject(1);
    let mut second = Some(P::reject(2));
    on_unhandled_rejection(move |report| {
        log(format_args!("U{:?}", report.reason()));
        if let Some(second) = second.take() {
            second.catch(c("caught"));
        }
    });
    on_rejection_handled(|_| log("H"));
    expect_trace("U1  U2  caught@30", || drop(first));
}
