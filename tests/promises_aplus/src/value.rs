//! JavaScript's values as values of Rust, which can be kept, cloned and dropped anywhere.

use std::ffi::{CStr, c_char};
use std::fmt;
use std::ptr;
use std::rc::Rc;

use crate::env::{check, current, outcome, scoped};
use crate::sys;

/// A value of JavaScript, kept alive by a reference. A clone is the same value: of an object, the same object.
#[derive(Clone)]
pub(crate) struct JsValue(Rc<Reference>);

struct Reference {
    raw: sys::Ref,
    /// Node-API has references to objects only. Any other value is kept in a property of an object made for it.
    is_held: bool,
}

/// The property that a primitive value is kept in.
const HELD: &CStr = c"value";

impl Drop for Reference {
    /// Releases the value. Where Node is not in a call, which is when the thread ends, Node has done so already.
    fn drop(&mut self) {
        if let Some(env) = current() {
            // SAFETY: `env` is current, and made the reference, for it is the only one of the thread.
            check("napi_delete_reference", unsafe { sys::napi_delete_reference(env, self.raw) });
        }
    }
}

impl JsValue {
    /// Keeps a value.
    ///
    /// # Safety
    ///
    /// `env` is current, and `handle` one of its handles, of a scope that is open.
    pub(crate) unsafe fn new(env: sys::Env, handle: sys::Value) -> Self {
        // SAFETY: as the caller says.
        let is_held = !unsafe { is_object(env, handle) };
        // SAFETY: as the caller says.
        let object = if is_held { unsafe { holder(env, handle) } } else { handle };
        let mut raw = ptr::null_mut();
        // SAFETY: `object` is a handle of a scope that is open.
        check("napi_create_reference", unsafe { sys::napi_create_reference(env, object, 1, &raw mut raw) });
        Self(Rc::new(Reference { raw, is_held }))
    }

    /// A handle of the value, in the innermost scope that is open. `env` is current.
    pub(crate) fn handle(&self, env: sys::Env) -> sys::Value {
        assert_eq!(current(), Some(env), "handles are made while Node is in a call");
        let mut handle = ptr::null_mut();
        // SAFETY: `env` is current and made the reference, which keeps its object alive.
        let status = unsafe { sys::napi_get_reference_value(env, self.0.raw, &raw mut handle) };
        check("napi_get_reference_value", status);
        if !self.0.is_held {
            return handle;
        }
        let mut held = ptr::null_mut();
        // SAFETY: `handle` was made just now. The property is the object's own, so no JavaScript runs.
        let status = unsafe { sys::napi_get_named_property(env, handle, HELD.as_ptr(), &raw mut held) };
        check("napi_get_named_property", status);
        held
    }

    /// `undefined`
    pub(crate) fn undefined() -> Self {
        scoped(|env| {
            let mut handle = ptr::null_mut();
            // SAFETY: `env` is current.
            check("napi_get_undefined", unsafe { sys::napi_get_undefined(env, &raw mut handle) });
            // SAFETY: the handle was made in the scope that is open.
            unsafe { Self::new(env, handle) }
        })
    }

    /// `true` or `false`
    pub(crate) fn boolean(value: bool) -> Self {
        scoped(|env| {
            let mut handle = ptr::null_mut();
            // SAFETY: `env` is current.
            check("napi_get_boolean", unsafe { sys::napi_get_boolean(env, value, &raw mut handle) });
            // SAFETY: the handle was made in the scope that is open.
            unsafe { Self::new(env, handle) }
        })
    }

    /// `globalThis`
    pub(crate) fn global() -> Self {
        scoped(|env| {
            let mut handle = ptr::null_mut();
            // SAFETY: `env` is current.
            check("napi_get_global", unsafe { sys::napi_get_global(env, &raw mut handle) });
            // SAFETY: the handle was made in the scope that is open.
            unsafe { Self::new(env, handle) }
        })
    }

    /// `new Error(message)`
    pub(crate) fn error(message: &str) -> Self {
        scoped(|env| {
            let mut error = ptr::null_mut();
            // SAFETY: `env` is current, and the handle of the message was made in the scope that is open.
            let status = unsafe { sys::napi_create_error(env, ptr::null_mut(), string(env, message), &raw mut error) };
            check("napi_create_error", status);
            // SAFETY: the handle was made in the scope that is open.
            unsafe { Self::new(env, error) }
        })
    }

    /// `new TypeError(message)`
    pub(crate) fn type_error(message: &str) -> Self {
        scoped(|env| {
            let mut error = ptr::null_mut();
            // SAFETY: `env` is current, and the handle of the message was made in the scope that is open.
            let status =
                unsafe { sys::napi_create_type_error(env, ptr::null_mut(), string(env, message), &raw mut error) };
            check("napi_create_type_error", status);
            // SAFETY: the handle was made in the scope that is open.
            unsafe { Self::new(env, error) }
        })
    }

    fn type_of(&self) -> sys::ValueType {
        // SAFETY: `env` is current, and the handle is made in the scope that is open.
        scoped(|env| unsafe { type_of(env, self.handle(env)) })
    }

    /// Whether it can be called.
    pub(crate) fn is_function(&self) -> bool {
        self.type_of() == sys::FUNCTION
    }

    /// Whether it is an object, of which functions are some.
    pub(crate) fn is_object(&self) -> bool {
        !self.0.is_held
    }

    /// `this[name]`. An exception is `Err`.
    pub(crate) fn get(&self, name: &CStr) -> Result<Self, Self> {
        scoped(|env| {
            let mut value = ptr::null_mut();
            // SAFETY: `env` is current, and the handle is made in the scope that is open.
            let status = unsafe { sys::napi_get_named_property(env, self.handle(env), name.as_ptr(), &raw mut value) };
            outcome("napi_get_named_property", status)?;
            // SAFETY: the handle was made in the scope that is open.
            Ok(unsafe { Self::new(env, value) })
        })
    }

    /// Defines a property that cannot be changed. An exception is `Err`.
    pub(crate) fn define(&self, name: &CStr, value: &Self) -> Result<(), Self> {
        scoped(|env| {
            // SAFETY: `env` is current, and the handles are made in the scope that is open.
            let status = unsafe { define(env, self.handle(env), name, value.handle(env)) };
            outcome("napi_define_properties", status)
        })
    }

    /// Calls the function with `this` and `arguments`. An exception is `Err`.
    pub(crate) fn call(&self, this: &Self, arguments: &[&Self]) -> Result<Self, Self> {
        scoped(|env| {
            let arguments: Vec<_> = arguments.iter().map(|argument| argument.handle(env)).collect();
            let (count, first) = (arguments.len(), arguments.as_ptr());
            let mut returned = ptr::null_mut();
            // SAFETY: `env` is current, the handles are made in the scope that is open, and `count` of them stand at
            // `first` until the call has returned.
            let status = unsafe {
                sys::napi_call_function(env, this.handle(env), self.handle(env), count, first, &raw mut returned)
            };
            outcome("napi_call_function", status)?;
            // SAFETY: the handle was made in the scope that is open.
            Ok(unsafe { Self::new(env, returned) })
        })
    }
}

impl fmt::Debug for JsValue {
    /// The kind only: what a value prints is up to JavaScript, which `Debug` should not run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_object() { "JsValue(object)" } else { "JsValue(primitive)" })
    }
}

/// # Safety
///
/// `env` is current, and `handle` one of its handles, of a scope that is open.
unsafe fn type_of(env: sys::Env, handle: sys::Value) -> sys::ValueType {
    let mut kind = sys::UNDEFINED;
    // SAFETY: as the caller says.
    check("napi_typeof", unsafe { sys::napi_typeof(env, handle, &raw mut kind) });
    kind
}

/// # Safety
///
/// As for [`type_of`].
unsafe fn is_object(env: sys::Env, handle: sys::Value) -> bool {
    // SAFETY: as the caller says.
    matches!(unsafe { type_of(env, handle) }, sys::OBJECT | sys::FUNCTION)
}

/// An object that holds `value`, in the innermost scope that is open.
///
/// # Safety
///
/// As for [`type_of`].
unsafe fn holder(env: sys::Env, value: sys::Value) -> sys::Value {
    let mut holder = ptr::null_mut();
    // SAFETY: as the caller says.
    check("napi_create_object", unsafe { sys::napi_create_object(env, &raw mut holder) });
    // Defined and not set: a setter in `Object.prototype` would be called.
    // SAFETY: as the caller says, and `holder` was made just now.
    check("napi_define_properties", unsafe { define(env, holder, HELD, value) });
    holder
}

/// # Safety
///
/// As for [`type_of`], with both handles.
unsafe fn define(env: sys::Env, object: sys::Value, name: &CStr, value: sys::Value) -> sys::Status {
    let property = sys::PropertyDescriptor {
        utf8name: name.as_ptr(),
        name: ptr::null_mut(),
        method: None,
        getter: None,
        setter: None,
        value,
        attributes: sys::DEFAULT,
        data: ptr::null_mut(),
    };
    // SAFETY: as the caller says, and one property stands at the pointer until the call has returned.
    unsafe { sys::napi_define_properties(env, object, 1, &raw const property) }
}

/// A string, in the innermost scope that is open.
///
/// # Safety
///
/// `env` is current.
unsafe fn string(env: sys::Env, text: &str) -> sys::Value {
    let mut string = ptr::null_mut();
    let (first, length) = (text.as_ptr().cast::<c_char>(), text.len());
    // SAFETY: as the caller says, and `length` bytes of UTF-8 stand at `first`.
    let status = unsafe { sys::napi_create_string_utf8(env, first, length, &raw mut string) };
    check("napi_create_string_utf8", status);
    string
}
