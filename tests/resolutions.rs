//! A user's own types among what resolves: `IntoResolution`, `Thenable`, and reasons of any kind.
mod common;

use std::cell::Cell;
use std::fmt::{self, Debug};
use std::rc::Rc;

use common::{at, expect_trace, object};
use thenable::{IntoResolution, Promise, Reject, Resolution, Resolve, Thenable, block_on, queue_microtask, run};

type P = Promise<i32, String>;

/// An answer of some service, which may take its time.
enum Answer {
    Text(&'static str),
    Refused(u16),
    Later(Rc<Cell<Option<Resolve<&'static str, u16>>>>),
}

impl IntoResolution<u16> for Answer {
    type Value = &'static str;

    fn into_resolution(self) -> Resolution<&'static str, u16> {
        match self {
            Self::Text(text) => Resolution::Fulfill(text),
            Self::Refused(code) => Resolution::Reject(code),
            Self::Later(slot) => Resolution::Thenable(Box::new(Callback(slot))),
        }
    }
}

/// A thenable with a type of its own: it hands out its resolving function.
struct Callback(Rc<Cell<Option<Resolve<&'static str, u16>>>>);

impl Thenable<&'static str, u16> for Callback {
    fn then(self: Box<Self>, resolve: Resolve<&'static str, u16>, _: Reject<&'static str, u16>) -> Result<(), u16> {
        self.0.set(Some(resolve));
        Ok(())
    }
}

#[test]
fn a_type_of_the_users_own_resolves_wherever_a_promise_is_resolved() {
    type Ask = Promise<&'static str, u16>;
    let ask = || Promise::<(), u16>::resolve(());
    assert_eq!(block_on(ask().then(|()| Answer::Text("fine"))), Ok("fine"));
    assert_eq!(block_on(ask().then(|()| Answer::Refused(403))), Err(403));
    assert_eq!(block_on(Ask::reject(403).catch(|_| Answer::Text("fine"))), Ok("fine"));
    assert_eq!(block_on(Ask::resolve_with(Answer::Refused(404))), Err(404));
    assert_eq!(block_on(Ask::attempt(|| Answer::Text("fine"))), Ok("fine"));
    assert_eq!(block_on(Ask::spawn(async { Answer::Text("fine") })), Ok("fine"));
    assert_eq!(block_on(Ask::new(|resolve, _| resolve.with(Answer::Refused(500)))), Err(500));
    assert_eq!(block_on(ask().finally(|| Answer::Refused(500))), Err(500));
}

#[test]
fn a_thenable_of_the_users_own_may_settle_later() {
    // In Node: a thenable that keeps `resolve`, which a microtask of the third tick calls.
    expect_trace("called@3  later@4", || {
        let slot = Rc::new(Cell::new(None));
        let called = slot.clone();
        Promise::<(), u16>::resolve(()).then(move |()| Answer::Later(slot)).map(at);
        queue_microtask(|| {
            queue_microtask(|| {
                queue_microtask(move || {
                    let resolve: Resolve<_, _> = called.take().expect("the thenable was called in the second tick");
                    resolve("later");
                    at("called");
                });
            });
        });
    });
}

#[test]
fn a_resolution_shows_what_it_is() {
    let promise = P::resolve(1);
    let adopted = format!("Adopt({promise:?})");
    assert_eq!(format!("{:?}", Resolution::Adopt(promise)), adopted);
    assert_eq!(format!("{:?}", object::<i32, i32>(|_, _| Ok(()))), "Thenable(Thenable(..))");
}

/// A reason needs no more than `Debug`.
struct Opaque;

impl Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque")
    }
}

#[test]
fn a_reason_needs_no_more_than_debug() {
    assert!(block_on(Promise::<(), Opaque>::reject(Opaque)).is_err());
    let error = run(|| drop(Promise::<(), Opaque>::reject(Opaque))).unwrap_err();
    assert!(error.downcast::<Opaque>().is_ok());
}

#[test]
fn a_call_counts_before_it_looks_at_what_it_was_given() {
    // In Node: `resolve({ get then() { resolve("inner"); return undefined; }, toString: () => "outer" })`.
    struct Reenters(Resolve<&'static str, ()>);

    impl IntoResolution<()> for Reenters {
        type Value = &'static str;

        fn into_resolution(self) -> Resolution<&'static str, ()> {
            (self.0)("inner");
            Resolution::Fulfill("outer")
        }
    }

    let (p, resolve, _) = Promise::<&str, ()>::with_resolvers();
    resolve.with(Reenters(resolve.clone()));
    assert_eq!(block_on(p), Ok("outer"));
}
