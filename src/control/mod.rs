//! What is built from aborting and time: time limits, delays that can be aborted, retries.

mod alarm;
mod delay;
pub(crate) mod retry;
mod timeout;
