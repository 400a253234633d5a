//! What Rust gives to JavaScript: functions, and objects with a promise inside.

use std::ffi::{c_char, c_void};
use std::ptr;

use thenable::Promise;

use crate::env::{check, enter, enter_to_free, outcome, scoped};
use crate::sys;
use crate::value::JsValue;

/// How many arguments a function gets. Those that the caller left out are `undefined`.
const ARGUMENTS: usize = 4;

/// A function in Rust. `Err` is thrown.
type Native = Box<dyn Fn([JsValue; ARGUMENTS]) -> Result<JsValue, JsValue>>;

/// A function of JavaScript that calls `native`, which is dropped when the function is collected.
pub(crate) fn function(
    name: &str,
    native: impl Fn([JsValue; ARGUMENTS]) -> Result<JsValue, JsValue> + 'static,
) -> JsValue {
    let native: Native = Box::new(native);
    let data = Box::into_raw(Box::new(native)).cast::<c_void>();
    scoped(|env| {
        let mut value = ptr::null_mut();
        // SAFETY: `env` is current, the name is UTF-8 of that length, and `data` is what `call_native` expects.
        let status = unsafe {
            let first = name.as_ptr().cast::<c_char>();
            sys::napi_create_function(env, first, name.len(), call_native, data, &raw mut value)
        };
        check("napi_create_function", status);
        // SAFETY: the handle was made in the scope that is open, and `data` is what `drop_boxed` expects. It is called
        // once, when nobody can call the function any more.
        let status = unsafe {
            sys::napi_add_finalizer(env, value, data, drop_boxed::<Native>, ptr::null_mut(), ptr::null_mut())
        };
        check("napi_add_finalizer", status);
        // SAFETY: the handle was made in the scope that is open.
        unsafe { JsValue::new(env, value) }
    })
}

/// Called by Node for a call of a function that [`function`] made.
unsafe extern "C" fn call_native(env: sys::Env, info: sys::CallbackInfo) -> sys::Value {
    let body = || {
        let mut count = ARGUMENTS;
        let mut handles = [ptr::null_mut(); ARGUMENTS];
        let mut data = ptr::null_mut();
        // SAFETY: Node has called with `env` and `info`, and there is room for `count` arguments.
        let status = unsafe {
            let first = handles.as_mut_ptr();
            sys::napi_get_cb_info(env, info, &raw mut count, first, ptr::null_mut(), &raw mut data)
        };
        check("napi_get_cb_info", status);
        // SAFETY: `function` has given this data. It lives until the function is collected, which is not before the
        // call has returned. Nobody borrows it mutably.
        let native = unsafe { &*data.cast::<Native>() };
        // SAFETY: Node has set all the handles, which belong to the scope of the call.
        native(handles.map(|handle| unsafe { JsValue::new(env, handle) }))
    };
    // SAFETY: Node has called, waits, and has opened a scope for the call.
    unsafe { enter(env, body) }
}

/// Called by Node when the object that a `Box<T>` was given to has been collected.
unsafe extern "C" fn drop_boxed<T>(env: sys::Env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `data` is a `Box<T>` that was given to the object, and Node calls this once.
    let boxed = unsafe { Box::from_raw(data.cast::<T>()) };
    // SAFETY: Node has called, and waits.
    unsafe { enter_to_free(env, move || drop(boxed)) };
}

/// Marks the objects that have a promise inside: a random number.
static HAS_PROMISE: sys::TypeTag = sys::TypeTag { lower: 0x3e1f_a3c5_94d2_4b07, upper: 0x9c56_0be8_71fd_22a4 };

impl JsValue {
    /// Puts a promise into the object, which is dropped when the object is collected. An exception is `Err`.
    pub(crate) fn put_promise(&self, promise: Promise<JsValue, JsValue>) -> Result<(), JsValue> {
        let data = Box::into_raw(Box::new(promise)).cast::<c_void>();
        scoped(|env| {
            let finalize = drop_boxed::<Promise<JsValue, JsValue>>;
            // SAFETY: `env` is current, the handle is made in the scope that is open, and `data` is what `finalize`
            // expects.
            let status =
                unsafe { sys::napi_wrap(env, self.handle(env), data, finalize, ptr::null_mut(), ptr::null_mut()) };
            outcome("napi_wrap", status)?;
            // Not before it is inside: the mark says that what is in the object is a promise of this crate.
            // SAFETY: as above, and the tag is a constant.
            let status = unsafe { sys::napi_type_tag_object(env, self.handle(env), &raw const HAS_PROMISE) };
            outcome("napi_type_tag_object", status)
        })
    }

    /// Another handle of the promise inside the object, if there is one. No JavaScript runs.
    pub(crate) fn promise(&self) -> Option<Promise<JsValue, JsValue>> {
        if !self.is_object() {
            return None;
        }
        scoped(|env| {
            let object = self.handle(env);
            let mut is_marked = false;
            // SAFETY: `env` is current, the handle is made in the scope that is open, and the tag is a constant.
            let status =
                unsafe { sys::napi_check_object_type_tag(env, object, &raw const HAS_PROMISE, &raw mut is_marked) };
            check("napi_check_object_type_tag", status);
            if !is_marked {
                return None;
            }
            let mut data = ptr::null_mut();
            // SAFETY: as above.
            check("napi_unwrap", unsafe { sys::napi_unwrap(env, object, &raw mut data) });
            // SAFETY: the mark says that `put_promise` has put it there. It is dropped when the object is collected,
            // and `self` keeps that alive. Nobody borrows it mutably.
            Some(unsafe { &*data.cast::<Promise<JsValue, JsValue>>() }.clone())
        })
    }
}
