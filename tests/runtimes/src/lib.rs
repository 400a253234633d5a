//! What the examples and tests of this package share. It is not published.

pub mod executor;
pub mod frames;
pub mod http;

/// The page about it, compiled and run as tests here, where the runtimes are at hand.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/runtimes.md")]
mod page {}
