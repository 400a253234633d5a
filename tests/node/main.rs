//! Node's own tests of ticks, microtasks and rejections that nobody handles, by the names of their files; those of
//! `test-promises-unhandled-rejections.js`, which has many cases, by what they say. docs/conformance/node.md lists the
//! files, and says what became of those without a test.
//!
//! An immediate that is there only to be later is a macrotask here: what a remote resolver sends.
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;

mod modes;
mod next_tick;
mod queue_microtask;
mod unhandled_rejections;
