//! Promises of JavaScript values.
//!
//! All that is decided here is what kind of value a JavaScript value is: one of our promises, an object with a callable
//! `then`, or neither. What a promise does with each is the crate's, and that is what the suite tests. So nothing here
//! asks whether a promise has been resolved, and nothing calls a `then` or a handler but the code that the crate calls.

use std::cell::RefCell;

use thenable::{Fault, IntoResolution, Outcome, Promise, Reject, Resolution, Resolve, Thenable};

use crate::native::function;
use crate::value::JsValue;

type JsPromise = Promise<JsValue, JsValue>;

/// Defines the functions that promise.js calls.
pub(crate) fn export(exports: &JsValue) -> Result<(), JsValue> {
    let export = |name| move |function| exports.define(name, &function);
    export(c"construct")(function("construct", |[object, executor, ..]| construct(&object, &executor)))?;
    export(c"resolve")(function("resolve", |[object, x, ..]| settled(&object, Promise::resolve_with(Classify(x)))))?;
    export(c"reject")(function("reject", |[object, reason, ..]| settled(&object, Promise::reject(reason))))?;
    export(c"then")(function("then", |[source, derived, f, g]| then(&source, &derived, f, g)))?;
    export(c"isPromise")(function("isPromise", |[x, ..]| Ok(JsValue::boolean(x.promise().is_some()))))
}

/// `new Promise(executor)`
fn construct(object: &JsValue, executor: &JsValue) -> Result<JsValue, JsValue> {
    let promise = JsPromise::try_new(|resolve, reject| {
        let (resolve, reject) = resolving_functions(resolve, reject);
        executor.call(&JsValue::undefined(), &[&resolve, &reject]).map(drop)
    });
    settled(object, promise)
}

fn settled(object: &JsValue, promise: JsPromise) -> Result<JsValue, JsValue> {
    object.put_promise(promise)?;
    Ok(JsValue::undefined())
}

/// `source.then(f, g)`, which makes `derived`. What is not a function is no handler (§2.2.1).
fn then(source: &JsValue, derived: &JsValue, f: JsValue, g: JsValue) -> Result<JsValue, JsValue> {
    let source = source.promise().ok_or_else(|| JsValue::type_error("`then` was called on what is not a promise"))?;
    let handler = |value: JsValue| Some(value).filter(JsValue::is_function);
    let (on_fulfilled, on_rejected) = (handler(f), handler(g));
    // A `then_catch` would do, if it were not for faults, which only `handle` sees.
    let promise = source.handle(move |outcome| match (outcome, on_fulfilled, on_rejected) {
        (Outcome::Fulfilled(value), Some(handler), _) => call(&handler, &value),
        (Outcome::Fulfilled(value), None, _) => Resolution::Fulfill(value),
        (Outcome::Rejected(reason), _, handler) => reject(reason, handler),
        (Outcome::Faulted(fault), _, handler) => reject(reason_of(&fault), handler),
    });
    settled(derived, promise)
}

fn reject(reason: JsValue, handler: Option<JsValue>) -> Resolution<JsValue, JsValue> {
    match handler {
        Some(handler) => call(&handler, &reason),
        None => Resolution::Reject(reason),
    }
}

/// Calls a handler, without a `this` (§2.2.5).
fn call(handler: &JsValue, argument: &JsValue) -> Resolution<JsValue, JsValue> {
    match handler.call(&JsValue::undefined(), &[argument]) {
        Ok(returned) => Classify(returned).into_resolution(),
        Err(thrown) => Resolution::Reject(thrown),
    }
}

/// The two functions that an executor or a thenable gets.
fn resolving_functions(resolve: Resolve<JsValue, JsValue>, reject: Reject<JsValue, JsValue>) -> (JsValue, JsValue) {
    let resolve = move |[x, ..]: [JsValue; 4]| {
        resolve.with(Classify(x));
        Ok(JsValue::undefined())
    };
    let reject = move |[reason, ..]: [JsValue; 4]| {
        reject(reason);
        Ok(JsValue::undefined())
    };
    (function("", resolve), function("", reject))
}

/// What a promise is to be resolved with: the `x` of §2.3.
struct Classify(JsValue);

impl IntoResolution<JsValue> for Classify {
    type Value = JsValue;

    fn into_resolution(self) -> Resolution<JsValue, JsValue> {
        let Self(x) = self;
        if let Some(promise) = x.promise() {
            return Resolution::Adopt(promise);
        }
        if !x.is_object() {
            return Resolution::Fulfill(x);
        }
        // The one time that the property is read (§2.3.3.1).
        match x.get(c"then") {
            Ok(then) if then.is_function() => Resolution::Thenable(Box::new(Object { object: x, then })),
            Ok(_) => Resolution::Fulfill(x),
            Err(thrown) => Resolution::Reject(thrown),
        }
    }
}

/// An object of JavaScript with a callable `then`.
struct Object {
    object: JsValue,
    then: JsValue,
}

impl Thenable<JsValue, JsValue> for Object {
    fn then(
        self: Box<Self>,
        resolve: Resolve<JsValue, JsValue>,
        reject: Reject<JsValue, JsValue>,
    ) -> Result<(), JsValue> {
        let (resolve, reject) = resolving_functions(resolve, reject);
        self.then.call(&self.object, &[&resolve, &reject]).map(drop)
    }
}

/// The reason that JavaScript sees for a fault.
///
/// A promise that was resolved with itself is to be rejected with a `TypeError` (§2.3.1). The crate has no such value
/// to reject with, as its reasons are of the user's type: it reports a fault, which carries the error `SelfResolution`
/// (the page docs/differences.md says so), and which `handle` sees. It becomes the `TypeError` here, at the border.
///
/// A reason must not change (§2.1.3), and a fault may be seen by several handlers, so what it became is kept. Faults
/// are few: one for each promise that was resolved with itself, and for each bug.
fn reason_of(fault: &Fault) -> JsValue {
    thread_local! {
        static REASONS: RefCell<Vec<(Fault, JsValue)>> = const { RefCell::new(Vec::new()) };
    }

    let known = REASONS.with_borrow(|reasons| reasons.iter().find(|(known, _)| known == fault).cloned());
    if let Some((_, reason)) = known {
        return reason;
    }
    let message = fault.to_string();
    let reason = match fault.self_resolution() {
        Some(_) => JsValue::type_error(&message),
        None => JsValue::error(&message),
    };
    REASONS.with_borrow_mut(|reasons| reasons.push((fault.clone(), reason.clone())));
    reason
}
