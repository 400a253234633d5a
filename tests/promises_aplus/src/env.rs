//! When Node-API may be called, and what comes of a call.

use std::cell::Cell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use thenable::Fault;

use crate::sys;
use crate::value::JsValue;

thread_local! {
    /// The environment, while Node is in a call of the addon; null otherwise.
    ///
    /// A thread has one environment at most: `register` in lib.rs sees to it.
    static CURRENT: Cell<sys::Env> = const { Cell::new(ptr::null_mut()) };
}

/// Node is in a call of the addon as long as this lives.
struct Entered {
    before: sys::Env,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// What unwinds when Node refuses to run JavaScript because the thread is being ended: by `process.exit` in a worker,
/// or by its `terminate`, which may come at any time. Nothing is left to be done then.
struct Ending;

/// Does `body` for Node, and returns its value to JavaScript or throws. A panic becomes an `Error`.
///
/// # Safety
///
/// Node has called the addon with this `env` and waits for its return. A handle scope of that call is open.
pub(crate) unsafe fn enter(env: sys::Env, body: impl FnOnce() -> Result<JsValue, JsValue>) -> sys::Value {
    let _entered = Entered { before: CURRENT.replace(env) };
    let returned = catch_unwind(AssertUnwindSafe(|| match body() {
        Ok(value) => value.handle(env),
        Err(exception) => throw(&exception),
    }));
    let returned = returned.or_else(|payload| {
        if payload.is::<Ending>() {
            return Err(payload);
        }
        let message = Fault::from_panic(payload).to_string();
        catch_unwind(AssertUnwindSafe(|| throw(&JsValue::error(&message))))
    });
    // A thread that is being ended takes neither a value nor an exception.
    returned.unwrap_or(ptr::null_mut())
}

/// Has Node throw `exception` when the call returns, with what this returns.
fn throw(exception: &JsValue) -> sys::Value {
    scoped(|env| {
        // SAFETY: `env` is current, and the handle is made in the scope that is open.
        check("napi_throw", unsafe { sys::napi_throw(env, exception.handle(env)) });
        ptr::null_mut()
    })
}

/// Does `body` for Node where nothing can be returned or thrown.
///
/// # Safety
///
/// Node has called the addon with this `env` and waits for its return.
pub(crate) unsafe fn enter_to_free(env: sys::Env, body: impl FnOnce()) {
    let _entered = Entered { before: CURRENT.replace(env) };
    body();
}

/// The environment, if Node is in a call of the addon. Otherwise Node-API may not be called.
pub(crate) fn current() -> Option<sys::Env> {
    Some(CURRENT.get()).filter(|env| !env.is_null())
}

/// Calls `body` within a handle scope of its own: the handles that it makes are valid until it returns.
pub(crate) fn scoped<R>(body: impl FnOnce(sys::Env) -> R) -> R {
    struct Scope(sys::Env, sys::HandleScope);

    impl Drop for Scope {
        fn drop(&mut self) {
            // SAFETY: it is the innermost open scope, for scopes are opened in `scoped` only, which nests.
            check("napi_close_handle_scope", unsafe { sys::napi_close_handle_scope(self.0, self.1) });
        }
    }

    let env = current().expect("Node is in a call of the addon wherever JavaScript values are used");
    let mut scope = ptr::null_mut();
    // SAFETY: `env` is current.
    check("napi_open_handle_scope", unsafe { sys::napi_open_handle_scope(env, &raw mut scope) });
    let _scope = Scope(env, scope);
    body(env)
}

/// What comes of a call of Node-API that may run JavaScript: an exception is taken out of the environment.
///
/// # Panics
///
/// As [`check`], if there is no exception.
#[track_caller]
pub(crate) fn outcome(function: &str, status: sys::Status) -> Result<(), JsValue> {
    if status == sys::OK {
        return Ok(());
    }
    // The status of a getter that threw is that of any failure, so the environment has to be asked.
    let message = last_error();
    if is_exception_pending() { Err(take_exception()) } else { fail(function, status, &message) }
}

fn is_exception_pending() -> bool {
    let env = current().expect("Node is in a call of the addon wherever it calls Node-API");
    let mut is_pending = false;
    // SAFETY: `env` is current.
    let status = unsafe { sys::napi_is_exception_pending(env, &raw mut is_pending) };
    assert_eq!(status, sys::OK, "it fails only without an environment");
    is_pending
}

fn take_exception() -> JsValue {
    scoped(|env| {
        let mut exception = ptr::null_mut();
        // SAFETY: `env` is current.
        let status = unsafe { sys::napi_get_and_clear_last_exception(env, &raw mut exception) };
        check("napi_get_and_clear_last_exception", status);
        // SAFETY: the handle was made in the scope that is open.
        unsafe { JsValue::new(env, exception) }
    })
}

/// Sees that a call of Node-API was successful.
///
/// # Panics
///
/// If it was not, for then the addon has called it wrongly. The message has the function and what Node says of it. If
/// the thread is being ended it unwinds silently.
#[track_caller]
pub(crate) fn check(function: &str, status: sys::Status) {
    if status != sys::OK {
        fail(function, status, &last_error());
    }
}

#[track_caller]
fn fail(function: &str, status: sys::Status, message: &str) -> ! {
    // Node says that an exception is pending though there is none.
    if status == sys::PENDING_EXCEPTION && !is_exception_pending() {
        resume_unwind(Box::new(Ending));
    }
    panic!("{function} failed with status {status}: {message}");
}

fn last_error() -> String {
    let Some(env) = current() else { return "not in a call of Node".to_owned() };
    let mut info = ptr::null();
    // SAFETY: `env` is current.
    let status = unsafe { sys::napi_get_last_error_info(env, &raw mut info) };
    if status != sys::OK || info.is_null() {
        return "no message".to_owned();
    }
    // SAFETY: Node has set `info` to a structure that is valid until the next call of Node-API.
    let message = unsafe { (*info).error_message };
    if message.is_null() {
        return "no message".to_owned();
    }
    // SAFETY: it is a string literal of Node.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}
