//! What the suites of the standard's and the platforms' own cases share: objects with an identity, checks that end in a
//! line of the trace, hooks that write one, callbacks that wait for something.
//!
//! A check that fails panics in its handler. That is a fault which nobody handles, so `expect_trace` fails with it.
#![allow(unreachable_pub, dead_code, reason = "each test program uses a part of it")]

use std::cell::{Cell, RefCell};
use std::env;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;

use thenable::{
    Immediate, IntoResolution, Outcome, Promise, PromiseId, Resolution, Timeout, on_rejection_handled,
    on_unhandled_rejection, run, set_immediate, set_interval, set_timeout,
};

use crate::common::{at, log, ms};

/// JavaScript's `{}`: it is equal to itself only.
#[derive(Clone)]
pub struct Object(Rc<()>);

impl Object {
    pub fn new() -> Self {
        Self(Rc::new(()))
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{}")
    }
}

/// The promise of most cases.
pub type P = Promise<Object, Object>;

/// `{ then: null }`: an object with a `then` that is no function. In Rust nothing takes a field for a method.
#[derive(Clone, Debug, PartialEq)]
pub struct NonThenable {
    then: Option<Object>,
    object: Object,
}

impl NonThenable {
    pub fn new() -> Self {
        Self { then: None, object: Object::new() }
    }
}

/// An object whose `then` is a getter that throws: it fails when it is asked what to resolve with.
pub struct Poisoned(pub Object);

impl IntoResolution<Object> for Poisoned {
    type Value = Object;

    fn into_resolution(self) -> Resolution<Object, Object> {
        Resolution::Reject(self.0)
    }
}

/// A promise with a `then` of its own, which fulfills with another value: a type around a promise that says how it is
/// followed.
pub struct Overridden {
    promise: P,
    value: Object,
}

impl Overridden {
    pub fn new(value: Object) -> Self {
        Self { promise: P::resolve(Object::new()), value }
    }
}

impl IntoResolution<Object> for Overridden {
    type Value = Object;

    fn into_resolution(self) -> Resolution<Object, Object> {
        let Self { promise, value } = self;
        crate::common::object(move |resolve, _| {
            assert!(promise.peek().is_some(), "the promise inside has settled, with a value that nobody sees");
            resolve(value);
            Ok(())
        })
    }
}

/// Logs `fulfilled` with the tick, once `promise` is fulfilled with `value`.
pub fn fulfills<T: Debug + PartialEq + 'static, E: Debug + 'static>(promise: Promise<T, E>, value: T) {
    promise.then_catch(
        move |actual| {
            assert_eq!(actual, value);
            at("fulfilled");
        },
        |reason| at(format_args!("rejected {reason:?}")),
    );
}

/// Logs `rejected` with the tick, once `promise` is rejected for `reason`.
pub fn rejects<T: Debug + 'static, E: Debug + PartialEq + 'static>(promise: Promise<T, E>, reason: E) {
    rejects_for(promise, move |actual| assert_eq!(*actual, reason));
}

/// Logs `rejected` with the tick, once `promise` is rejected for a reason that `check` agrees with.
pub fn rejects_for<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>, check: impl FnOnce(&E) + 'static) {
    promise.then_catch(
        |value| at(format_args!("fulfilled {value:?}")),
        move |reason| {
            check(&reason);
            at("rejected");
        },
    );
}

/// Logs `TypeError` with the tick, once `promise` has settled because it was resolved with itself.
///
/// Differs: that is a fault here, and a rejection in JavaScript.
pub fn type_errors<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) {
    let origin = promise.origin();
    promise.handle(move |outcome| match outcome {
        Outcome::Faulted(fault) => {
            assert_eq!(fault.self_resolution().map(|error| error.0), Some(origin));
            at("TypeError");
        }
        other => at(format_args!("{other:?}")),
    });
}

/// Runs `callback` from a handler of a settled promise: `Promise.resolve().then(callback)`.
pub fn soon(callback: impl FnOnce() + 'static) {
    Promise::<(), ()>::resolve(()).then(|()| callback());
}

/// `setImmediate`, where nobody wants the handle.
pub fn immediate(callback: impl FnOnce() + 'static) {
    set_immediate(callback);
}

/// A variable that is assigned after the callback that reads it was made: `const timer = setTimeout(() => .. timer ..)`.
pub fn variable<H: Copy>() -> Rc<Cell<Option<H>>> {
    Rc::default()
}

/// `setInterval`, where the callback wants the handle.
pub fn own_interval(period: u64, mut callback: impl FnMut(Timeout) + 'static) -> Timeout {
    let own = variable();
    let handle = own.clone();
    let interval = set_interval(move || callback(handle.get().expect("it has been made")), ms(period));
    own.set(Some(interval));
    interval
}

/// `setTimeout`, where the callback wants the handle.
pub fn own_timeout(delay: u64, callback: impl FnOnce(Timeout) + 'static) -> Timeout {
    let own = variable();
    let handle = own.clone();
    let timeout = set_timeout(move || callback(handle.get().expect("it has been made")), ms(delay));
    own.set(Some(timeout));
    timeout
}

/// `setImmediate`, where the callback wants the handle.
pub fn own_immediate(callback: impl FnOnce(Immediate) + 'static) -> Immediate {
    let own = variable();
    let handle = own.clone();
    let immediate = set_immediate(move || callback(handle.get().expect("it has been made")));
    own.set(Some(immediate));
    immediate
}

/// Names of promises, for hooks that say which one they are told of.
#[derive(Clone, Default)]
pub struct Names(Rc<RefCell<Vec<(PromiseId, &'static str)>>>);

impl Names {
    pub fn give<T, E>(&self, name: &'static str, promise: &Promise<T, E>) {
        self.0.borrow_mut().push((promise.id(), name));
    }

    fn of(&self, id: PromiseId) -> &'static str {
        self.0.borrow().iter().find(|(named, _)| *named == id).map_or("", |(_, name)| name)
    }
}

/// Installs hooks that log `U` with the reason and `H`, each with the name of the promise, if it was given one.
pub fn log_rejections() -> Names {
    let names = Names::default();
    let (unhandled, handled) = (names.clone(), names.clone());
    on_unhandled_rejection(move |report| log(format_args!("U{:?}{}", report.reason(), unhandled.of(report.id()))));
    on_rejection_handled(move |id| log(format_args!("H{}", handled.of(id))));
    names
}

/// Runs `main` and the loop. What unwinds from the loop is given to `uncaught`, as Node gives it to its listeners for
/// `uncaughtException`, and the loop goes on. The loop is the one that is entered.
pub fn run_with_uncaught(main: impl FnOnce(), mut uncaught: impl FnMut(&str)) {
    let mut main = Some(main);
    loop {
        let end = catch_unwind(AssertUnwindSafe(|| {
            run(|| {
                if let Some(main) = main.take() {
                    main();
                }
            })
        }));
        match end {
            Ok(result) => return result.expect("every rejection is handled, or heard by a hook"),
            Err(payload) => uncaught(payload.downcast_ref::<&str>().expect("the panics of the cases are literals")),
        }
    }
}

/// The warnings that `body` makes the crate write to the standard error.
///
/// Only another process shows what is written there, so the test of the name `test` is run in one once more. There this
/// function runs `body`, and returns `None`.
pub fn warnings_of(test: &str, body: impl FnOnce()) -> Option<Vec<String>> {
    const INNER: &str = "THENABLE_TEST_WARNINGS";
    if env::var_os(INNER).is_some() {
        body();
        return None;
    }
    let mut inner = Command::new(env::current_exe().expect("this program is a file"));
    let output = inner.args([test, "--exact", "--nocapture"]).env(INNER, "1").output().expect("it can be run");
    let (out, written) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{written}");
    Some(written.lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect())
}
