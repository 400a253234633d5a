//! The elements that the cases of the combinators are made of, and how their results are logged.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use thenable::{Outcome, Promise, Reject, Resolution, Resolve};

use crate::common::{at, object};

/// Values and reasons of most cases.
pub(crate) type Text = &'static str;

/// The promise of most elements.
pub(crate) type P = Promise<Text, Text>;

/// An element: a value, a promise or a thenable.
pub(crate) type Element = Resolution<Text, Text>;

/// A promise that stays pending.
pub(crate) fn never() -> P {
    P::new(|_, _| ())
}

/// Runs `callback` a tick later, from a handler.
pub(crate) fn soon(callback: impl FnOnce() + 'static) {
    P::resolve("").then(|_| callback());
}

/// `{ then(resolve, reject) { ... } }` that throws nothing.
pub(crate) fn thenable(then: impl FnOnce(Resolve<Text, Text>, Reject<Text, Text>) + 'static) -> Element {
    object(|resolve, reject| {
        then(resolve, reject);
        Ok(())
    })
}

/// A thenable that resolves with one value and then with another.
pub(crate) fn resolves_twice(first: Text, second: Text) -> Element {
    thenable(move |resolve, _| {
        resolve(first);
        resolve(second);
    })
}

/// A thenable that rejects for one reason and then for another.
pub(crate) fn rejects_twice(first: Text, second: Text) -> Element {
    thenable(move |_, reject| {
        reject(first);
        reject(second);
    })
}

/// A thenable that resolves, and then tries to reject.
pub(crate) fn resolves_and_rejects(value: Text) -> Element {
    thenable(move |resolve, reject| {
        resolve(value);
        reject("late");
    })
}

/// A thenable that resolves a tick after it was called.
pub(crate) fn resolves_soon(value: Text) -> Element {
    thenable(move |resolve, _| soon(move || resolve(value)))
}

/// The same, which tries to reject right after that.
pub(crate) fn resolves_and_rejects_soon(value: Text) -> Element {
    thenable(move |resolve, reject| {
        soon(move || {
            resolve(value);
            reject("late");
        });
    })
}

/// The functions that a thenable was given, to be called later.
#[derive(Clone, Default)]
pub(crate) struct Held(Rc<RefCell<Option<Functions>>>);

/// The resolving functions of an element.
type Functions = (Resolve<Text, Text>, Reject<Text, Text>);

impl Held {
    pub(crate) fn element(&self) -> Element {
        let held = self.0.clone();
        thenable(move |resolve, reject| *held.borrow_mut() = Some((resolve, reject)))
    }

    pub(crate) fn resolve(&self, value: Text) {
        (self.0.borrow().as_ref().expect("the thenable was called").0)(value);
    }

    pub(crate) fn reject(&self, reason: Text) {
        (self.0.borrow().as_ref().expect("the thenable was called").1)(reason);
    }
}

/// `[a, b, c]`.
pub(crate) fn list<I: IntoIterator>(items: I) -> String
where
    I::Item: Display,
{
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// An outcome, as the cases of `Promise.allSettled` compare it.
pub(crate) fn outcome<T: Display, E: Display>(outcome: &Outcome<T, E>) -> String {
    match outcome {
        Outcome::Fulfilled(value) => format!("Fulfilled({value})"),
        Outcome::Rejected(reason) => format!("Rejected({reason})"),
        Outcome::Faulted(fault) => format!("Faulted({fault})"),
    }
}

/// Logs the value or the reason of `promise`, with the tick.
pub(crate) fn watch(promise: P) {
    promise.then_catch(at, |reason| at(format_args!("rejected {reason}")));
}
