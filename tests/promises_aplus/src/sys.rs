//! The part of Node-API that the addon calls, declared by hand after `js_native_api.h` of Node, API version 8.
//!
//! The functions are in the `node` executable, which resolves them when it loads the addon.

use std::ffi::{c_char, c_int, c_void};

/// Declares types that are known by pointer only.
macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            pub(crate) struct $name {
                _private: [u8; 0],
            }
        )*
    };
}

opaque! {
    /// `napi_env__`: the addon in one environment, which is a thread of JavaScript.
    EnvData
    /// `napi_value__`: a handle of a value. It is valid until its handle scope is closed.
    ValueData
    /// `napi_ref__`: a reference that keeps an object alive.
    RefData
    /// `napi_handle_scope__`
    HandleScopeData
    /// `napi_callback_info__`: the arguments of a call.
    CallbackInfoData
}

pub(crate) type Env = *mut EnvData;
pub(crate) type Value = *mut ValueData;
pub(crate) type Ref = *mut RefData;
pub(crate) type HandleScope = *mut HandleScopeData;
pub(crate) type CallbackInfo = *mut CallbackInfoData;

pub(crate) type Callback = unsafe extern "C" fn(Env, CallbackInfo) -> Value;
pub(crate) type Finalize = unsafe extern "C" fn(env: Env, data: *mut c_void, hint: *mut c_void);

/// `napi_status`. An integer and not an enum, as a later Node may have more of them.
pub(crate) type Status = c_int;
pub(crate) const OK: Status = 0;
pub(crate) const PENDING_EXCEPTION: Status = 10;

/// `napi_valuetype`
pub(crate) type ValueType = c_int;
pub(crate) const UNDEFINED: ValueType = 0;
pub(crate) const OBJECT: ValueType = 6;
pub(crate) const FUNCTION: ValueType = 7;

/// `napi_property_attributes`
pub(crate) type PropertyAttributes = c_int;
/// Neither writable nor enumerable nor configurable.
pub(crate) const DEFAULT: PropertyAttributes = 0;

/// `napi_property_descriptor`
#[repr(C)]
pub(crate) struct PropertyDescriptor {
    pub(crate) utf8name: *const c_char,
    pub(crate) name: Value,
    pub(crate) method: Option<Callback>,
    pub(crate) getter: Option<Callback>,
    pub(crate) setter: Option<Callback>,
    pub(crate) value: Value,
    pub(crate) attributes: PropertyAttributes,
    pub(crate) data: *mut c_void,
}

/// `napi_extended_error_info`
#[repr(C)]
pub(crate) struct ExtendedErrorInfo {
    pub(crate) error_message: *const c_char,
    pub(crate) engine_reserved: *mut c_void,
    pub(crate) engine_error_code: u32,
    pub(crate) error_code: Status,
}

/// `napi_type_tag`
#[repr(C)]
pub(crate) struct TypeTag {
    pub(crate) lower: u64,
    pub(crate) upper: u64,
}

#[rustfmt::skip]
unsafe extern "C" {
    pub(crate) fn napi_get_last_error_info(env: Env, result: *mut *const ExtendedErrorInfo) -> Status;
    pub(crate) fn napi_is_exception_pending(env: Env, result: *mut bool) -> Status;
    pub(crate) fn napi_get_and_clear_last_exception(env: Env, result: *mut Value) -> Status;
    pub(crate) fn napi_throw(env: Env, error: Value) -> Status;

    pub(crate) fn napi_open_handle_scope(env: Env, result: *mut HandleScope) -> Status;
    pub(crate) fn napi_close_handle_scope(env: Env, scope: HandleScope) -> Status;
    pub(crate) fn napi_create_reference(env: Env, value: Value, initial_refcount: u32, result: *mut Ref) -> Status;
    pub(crate) fn napi_delete_reference(env: Env, reference: Ref) -> Status;
    pub(crate) fn napi_get_reference_value(env: Env, reference: Ref, result: *mut Value) -> Status;

    pub(crate) fn napi_get_undefined(env: Env, result: *mut Value) -> Status;
    pub(crate) fn napi_get_boolean(env: Env, value: bool, result: *mut Value) -> Status;
    pub(crate) fn napi_get_global(env: Env, result: *mut Value) -> Status;
    pub(crate) fn napi_create_object(env: Env, result: *mut Value) -> Status;
    pub(crate) fn napi_create_string_utf8(env: Env, text: *const c_char, length: usize, result: *mut Value) -> Status;
    pub(crate) fn napi_create_error(env: Env, code: Value, message: Value, result: *mut Value) -> Status;
    pub(crate) fn napi_create_type_error(env: Env, code: Value, message: Value, result: *mut Value) -> Status;
    pub(crate) fn napi_create_function(
        env: Env, name: *const c_char, length: usize, callback: Callback, data: *mut c_void, result: *mut Value,
    ) -> Status;

    pub(crate) fn napi_typeof(env: Env, value: Value, result: *mut ValueType) -> Status;
    pub(crate) fn napi_get_named_property(env: Env, object: Value, name: *const c_char, result: *mut Value) -> Status;
    pub(crate) fn napi_define_properties(
        env: Env, object: Value, count: usize, properties: *const PropertyDescriptor,
    ) -> Status;
    pub(crate) fn napi_call_function(
        env: Env, this: Value, function: Value, count: usize, arguments: *const Value, result: *mut Value,
    ) -> Status;
    pub(crate) fn napi_get_cb_info(
        env: Env, info: CallbackInfo,
        count: *mut usize, arguments: *mut Value, this: *mut Value, data: *mut *mut c_void,
    ) -> Status;

    pub(crate) fn napi_add_finalizer(
        env: Env, object: Value, data: *mut c_void, finalize: Finalize, hint: *mut c_void, result: *mut Ref,
    ) -> Status;
    pub(crate) fn napi_wrap(
        env: Env, object: Value, data: *mut c_void, finalize: Finalize, hint: *mut c_void, result: *mut Ref,
    ) -> Status;
    pub(crate) fn napi_unwrap(env: Env, object: Value, result: *mut *mut c_void) -> Status;
    pub(crate) fn napi_type_tag_object(env: Env, object: Value, tag: *const TypeTag) -> Status;
    pub(crate) fn napi_check_object_type_tag(env: Env, object: Value, tag: *const TypeTag, result: *mut bool) -> Status;
}
