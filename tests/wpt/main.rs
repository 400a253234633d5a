//! Cases of the web platform tests, where the web and Node agree: microtasks, rejections that nobody handles, timers,
//! aborts.
//! docs/conformance/wpt.md lists the files, and says what became of the cases without a test.
//!
//! A task that is queued is an immediate here, and a microtask of a `MutationObserver` one of `queue_microtask`.
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;

mod abort;
mod microtasks;
mod rejection_events;
mod timers;
