//! The cases of test262, the test suite of ECMA-262, by the names that they have there: one module for each directory,
//! one test for each file. docs/conformance/test262.md lists all files, and says what became of those without a test.
//!
//! A case of test262 asserts what arrives. The tests here assert more, the tick in which it arrives, as Node prints it.
//! Where the crate differs from the standard, docs/differences.md says so, and the test says `Differs`.
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;

mod all;
mod all_settled;
mod any;
mod async_function;
mod attempt;
mod await_expression;
mod catch;
mod constructor;
mod elements;
mod finally;
mod race;
mod reject;
mod resolve;
mod then;
mod top_level_await;
mod with_resolvers;
