//! `test/parallel/test-promise-unhandled-*.js` and their like: what the loop does with rejections that nobody handles.
//!
//! Each case rejects twice: what an executor throws, and `Promise.reject`. Differs: `run` returns an error and goes on in the
//! next call, where Node raises `uncaughtException`; and a warning is one line of the crate's own text.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use thenable::{
    Promise, UnhandledRejections, delay, on_rejection_handled, on_unhandled_rejection, queue_microtask, run,
    set_unhandled_rejections,
};

use crate::cases::{immediate, warnings_of};
use crate::common::{expect_timed_trace, expect_trace, log, ms, now, timeout, trace};

type P = Promise<(), &'static str>;

/// `new Promise(() => { throw 'One'; })`.
fn throws_one() -> P {
    P::try_new(|_, _| Err("One"))
}

/// `Promise.reject(null)`: a reason of another type.
fn rejects_null() -> Promise<(), Option<u32>> {
    Promise::reject(None)
}

fn log_u() {
    on_unhandled_rejection(|report| log(format_args!("U{:?}", report.reason())));
}

/// Runs the loop, and logs each reason with which it stops, until it ends.
fn log_errors() {
    while let Err(error) = run(|| ()) {
        match error.downcast::<&str>() {
            Ok(reason) => log(format_args!("uncaught {reason}")),
            Err(error) => {
                let reason = error.downcast::<Option<u32>>().expect("it is the other reason");
                log(format_args!("uncaught {reason:?}"));
            }
        }
    }
}

#[test]
fn test_promise_unhandled_default() {
    assert_eq!(UnhandledRejections::default(), UnhandledRejections::Throw);
    throws_one();
    rejects_null();
    timeout(2, || log("timer"));
    log_errors();
    assert_eq!(trace(), "uncaught One  uncaught None  timer");
}

#[test]
fn test_promise_unhandled_throw() {
    set_unhandled_rejections(UnhandledRejections::Throw);
    throws_one();
    rejects_null();
    timeout(2, || log("timer"));
    log_errors();
    assert_eq!(trace(), "uncaught One  uncaught None  timer");
}

#[test]
fn test_promise_unhandled_throw_handler() {
    log_u();
    expect_trace("U\"One\"  UNone  timer", || {
        throws_one();
        rejects_null();
        timeout(2, || log("timer"));
    });
}

#[test]
fn test_promise_unhandled_silent() {
    let warnings = warnings_of("modes::test_promise_unhandled_silent", || {
        set_unhandled_rejections(UnhandledRejections::None);
        log_u();
        on_rejection_handled(|_| log("H"));
        expect_trace("U\"One\"  UNone  timer", || {
            throws_one();
            rejects_null();
            timeout(2, || log("timer"));
        });
    });
    assert_eq!(warnings.unwrap_or_default(), [""; 0]);
}

#[test]
fn test_promise_unhandled_silent_no_hook() {
    let warnings = warnings_of("modes::test_promise_unhandled_silent_no_hook", || {
        set_unhandled_rejections(UnhandledRejections::None);
        expect_trace("timer", || {
            throws_one();
            rejects_null();
            timeout(2, || log("timer"));
        });
    });
    assert_eq!(warnings.unwrap_or_default(), [""; 0]);
}

#[test]
fn test_promise_unhandled_warn_no_hook() {
    let warnings = warnings_of("modes::test_promise_unhandled_warn_no_hook", || {
        set_unhandled_rejections(UnhandledRejections::Warn);
        expect_trace("timer", || {
            throws_one();
            rejects_null();
            timeout(2, || log("timer"));
        });
    });
    let Some(warnings) = warnings else { return };
    let [one, null] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(one.starts_with("warning: unhandled rejection of type &str: \"One\", by promise #"), "{one}");
    assert!(null.contains("unhandled rejection of type core::option::Option<u32>: None, by promise #"), "{null}");
}

/// The listener of Node's test catches the promise. It is given the promise; here a microtask has it.
#[test]
fn test_promise_unhandled_warn() {
    let warnings = warnings_of("modes::test_promise_unhandled_warn", || {
        set_unhandled_rejections(UnhandledRejections::Warn);
        let promises = RefCell::new(Vec::new());
        let made = [throws_one(), P::reject("test"), P::reject("ErrorLike")];
        promises.borrow_mut().extend(made.into_iter().rev());
        on_unhandled_rejection(move |report| {
            log(format_args!("U{:?}", report.reason()));
            let promise = promises.borrow_mut().pop().expect("each promise is reported once");
            assert_eq!(promise.id(), report.id());
            queue_microtask(|| {
                promise.catch(log);
            });
        });
        on_rejection_handled(|_| log("H"));
        expect_trace("U\"One\"  U\"test\"  U\"ErrorLike\"  One  test  ErrorLike  H  H  H  timer", || {
            timeout(2, || log("timer"));
        });
    });
    let Some(warnings) = warnings else { return };
    let [one, test, like] = &warnings[..] else { panic!("{warnings:?}") };
    for (warning, reason) in [(one, "One"), (test, "test"), (like, "ErrorLike")] {
        assert!(warning.contains(&format!("unhandled rejection of type &str: {reason:?}, by promise #")), "{warning}");
        assert!(warning.contains(file!()), "it says where the promise was made: {warning}");
    }
}

#[test]
fn test_promise_handled_rejection_no_warning() {
    let warnings = warnings_of("modes::test_promise_handled_rejection_no_warning", || {
        log_u();
        expect_trace("U\"lost\"", || {
            P::reject("lost");
        });
    });
    assert_eq!(warnings.unwrap_or_default(), [""; 0]);
}

#[test]
fn test_promises_unhandled_symbol_rejections() {
    /// A reason that is no error and no text.
    struct Symbol;

    impl fmt::Debug for Symbol {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Symbol()")
        }
    }

    let warnings = warnings_of("modes::test_promises_unhandled_symbol_rejections", || {
        set_unhandled_rejections(UnhandledRejections::Warn);
        run(|| drop(Promise::<(), _>::reject(Symbol))).unwrap();
    });
    let Some(warnings) = warnings else { return };
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.contains("Symbol: Symbol(), by promise #"), "{warning}");
}

#[test]
fn test_promises_warning_on_unhandled_rejection() {
    let warnings = warnings_of("modes::test_promises_warning_on_unhandled_rejection", || {
        set_unhandled_rejections(UnhandledRejections::Warn);
        expect_trace("caught", || {
            let p = P::reject("This was rejected");
            immediate(|| {
                p.catch(|_| log("caught"));
            });
            Promise::<(), _>::reject(42);
        });
    });
    let Some(warnings) = warnings else { return };
    let [text, number, late] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(text.contains("unhandled rejection of type &str: \"This was rejected\", by promise #"), "{text}");
    assert!(number.contains("unhandled rejection of type i32: 42, by promise #"), "{number}");
    assert!(late.ends_with("was handled after it had been reported"), "{late}");
}

/// Node's test measures how late the timer is. Here the hooks would tell of a rejection that was left behind.
#[test]
fn test_promise_unhandled_issue_43655() {
    expect_timed_trace("100000 handled  timer after 1 ms", || {
        log_u();
        on_rejection_handled(|_| log("H"));
        P::spawn(async {
            let handled = Rc::new(Cell::new(0));
            for _ in 0..100_000 {
                let handled = handled.clone();
                P::new(|_, reject| reject("value"))
                    .then_catch(|()| (), move |_| handled.set(handled.get() + 1))
                    .await?;
            }
            log(format_args!("{} handled", handled.get()));
            let before = now();
            delay(ms(0)).await?;
            log(format_args!("timer after {} ms", now() - before));
            Ok(())
        });
    });
}
