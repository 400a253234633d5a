//! The promises of `thenable` in Node, as an addon, so that the Promises/A+ suite can test them. README.md says how.
//!
//! It is the one place in the repository with unsafe code: three files call Node-API. `env` knows when that is allowed,
//! `value` makes JavaScript's values usable from safe code, and `native` gives functions and promises to JavaScript.
//! `adapter` is safe code over these.
#![warn(clippy::undocumented_unsafe_blocks)]

mod adapter;
mod env;
mod native;
mod sys;
mod value;

use std::cell::Cell;

use thenable::host;

use self::value::JsValue;

/// Called by Node when it loads the addon.
///
/// # Safety
///
/// Only Node calls it, with an environment that the addon is loaded into, and a handle of its exports.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn napi_register_module_v1(env: sys::Env, exports: sys::Value) -> sys::Value {
    let body = || {
        // SAFETY: `env` is current in `enter`, and the handle belongs to the scope of the call.
        let exports = unsafe { JsValue::new(env, exports) };
        register(&exports)?;
        Ok(exports)
    };
    // SAFETY: Node has called, waits, and has opened a scope for the call.
    unsafe { env::enter(env, body) }
}

/// Defines the exports, and has the jobs of the crate run as microtasks of Node.
fn register(exports: &JsValue) -> Result<(), JsValue> {
    thread_local! {
        static IS_LOADED: Cell<bool> = const { Cell::new(false) };
    }

    // The promises of the crate belong to a thread, and here they hold values that belong to an environment.
    if IS_LOADED.replace(true) {
        return Err(JsValue::error("the addon is loaded in this thread already"));
    }
    adapter::export(exports)?;
    let run_job = native::function("runJob", |_| {
        assert!(host::run_job(), "each microtask stands for a job");
        Ok(JsValue::undefined())
    });
    let queue_microtask = JsValue::global().get(c"queueMicrotask")?;
    host::set_job_hook(move || {
        queue_microtask.call(&JsValue::undefined(), &[&run_job]).expect("Node takes every microtask");
    });
    Ok(())
}
