//! Aborting: `AbortController` and `AbortSignal` as on the web, and what a signal cuts off.
//!
//! A signal is a [`Core`](core::Core) with two kinds of owners: handles, which look at it, and [sources](core::Source), which can
//! abort it. Who waits for the abort is a [`Listen`](core::Listen) in the core, and leaves it when it cares no more.

pub(crate) mod aborted;
pub(crate) mod controller;
pub(crate) mod core;
pub(crate) mod cut;
pub(crate) mod listener;
pub(crate) mod signal;
pub(crate) mod spawn;
mod when;
