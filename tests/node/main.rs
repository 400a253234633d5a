//! Node's own tests of ticks, microtasks, timers, immediates and rejections that nobody handles, by the names of their
//! files; those of `test-promises-unhandled-rejections.js`, which has many cases, by what they say.
//! docs/conformance/node.md lists the files, and says what became of those without a test.
//!
//! The clock is virtual where a test has timers of several durations, or code that takes its time.
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;

mod immediates;
mod keep_alive;
mod microtask_queue;
mod modes;
mod next_tick;
mod promisified;
mod queue_microtask;
mod timers;
mod unhandled_rejections;
