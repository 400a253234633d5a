//! JavaScript's promises for Rust.
#![forbid(unsafe_code)]

mod outcome;
mod identity;
mod error;
mod queue;
mod rejections;
mod inbox;
mod disposal;
mod cell;
mod resolve;
mod reaction;
mod promise;
mod future;
mod remote;
mod event_loop;
#[cfg(feature = "blocking")]
mod background;

pub use crate::cell::handle::Promise;
pub use crate::error::{LoopClosed, SelfResolution, Stalled};
pub use crate::event_loop::hooks::{
    RejectionReport, UnhandledRejection, UnhandledRejections, on_rejection_handled, on_unhandled_rejection,
    remove_rejection_hooks, set_unhandled_rejections,
};
pub use crate::event_loop::{BlockOnError, block_on, run, try_block_on};
pub use crate::identity::{Origin, PromiseId};
pub use crate::outcome::{Fault, Outcome, PromiseState};
pub use crate::queue::{next_tick, queue_microtask};
pub use crate::rejections::Reason;
pub use crate::remote::RemoteResolver;
pub use crate::resolve::functions::{Reject, Resolve};
pub use crate::resolve::resolution::{IntoResolution, Resolution};
pub use crate::resolve::thenable::Thenable;
