//! The errors of the crate. Each says what was wrong, where it came from, and what to do.

use std::fmt;

use thiserror::Error;

use crate::identity::Origin;

/// A promise was resolved with itself: ECMA-262 §27.2.1.3.2, step 7, where JavaScript rejects with a `TypeError`.
///
/// Here the reason's type is the user's own, so it is a [`Fault`](crate::Fault) of the promise that carries this error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("chaining cycle: {0} was resolved with itself")]
pub struct SelfResolution(pub Origin);

/// The loop is idle, nothing outside can wake it any more, and `block_on` still waits.
///
/// Node exits in silence here (exit code 13 for a top-level `await`). This error names what can never settle.
///
/// A future that keeps a clone of its own waker for ever, as the receiver of a channel of the `futures` crate or a
/// `FuturesUnordered` does, is not reported: the loop cannot see that nobody else will use the waker, and goes on waiting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Stalled {
    /// The promises that the blocked future awaits itself. Empty when it awaits something that is not a promise.
    pub awaited: Vec<Origin>,
    /// Promises that were abandoned: pending, with every resolving function gone. Those that doom an awaited promise
    /// come first. Then come the latest 32 of the thread, whatever they have to do with this wait: the log is not cleared
    /// when a blocking call begins, so some may be from before it.
    pub abandoned: Vec<Origin>,
    /// Whether an awaited promise follows itself, through a cycle of adoptions. That is found only for the promises in
    /// [`awaited`](Self::awaited), those that the blocked future awaits directly: not for a cycle that one of them merely
    /// waits for, as the promise of a spawned future or of a handler does.
    pub cycle: bool,
    /// How many timers wait for a virtual clock that nobody moves while `block_on` runs. 0 for a loop whose clock goes by
    /// itself: that of the system, or one that [advances itself](crate::EventLoopBuilder::auto_advance).
    pub timers: usize,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stalled: the loop is idle and nothing can settle ")?;
        match self.awaited.as_slice() {
            [] => f.write_str("what is waited for")?,
            awaited => list(f, awaited)?,
        }
        if self.cycle {
            f.write_str("; it follows itself through a cycle of adoptions")?;
        }
        if self.timers > 0 {
            let (timers, wait) = if self.timers == 1 { ("timer", "waits") } else { ("timers", "wait") };
            write!(f, "; {} {timers} {wait} for the virtual clock, which does not advance itself", self.timers)?;
        }
        if !self.abandoned.is_empty() {
            f.write_str("; abandoned (every resolving function was dropped): ")?;
            list(f, &self.abandoned)?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, origins: &[Origin]) -> fmt::Result {
    for (index, origin) in origins.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{origin}")?;
    }
    Ok(())
}

/// Too many promises were rejected: JavaScript's `AggregateError`, the reason of [`any`](crate::Promise::any).
///
/// It has no [`source`](std::error::Error::source), as none of its errors is the one cause.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct AggregateError<E> {
    /// The reasons of those that were rejected, in the order of the input.
    pub errors: Vec<E>,
}

impl<E: fmt::Debug> fmt::Display for AggregateError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too few promises were fulfilled; {} were rejected: {:?}", self.errors.len(), self.errors)
    }
}

/// The loop of the promise is gone, or its thread has ended, so a [`RemoteResolver`](crate::RemoteResolver) could not settle
/// it.
///
/// What it should have been settled with is still here.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the event loop of the promise is gone; it takes no more completions")]
pub struct LoopClosed<V>(pub V);

impl<V> fmt::Debug for LoopClosed<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoopClosed(..)")
    }
}
