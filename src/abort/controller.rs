//! `AbortController`.

use std::error::Error;
use std::fmt;

use super::aborted::Aborted;
use super::core::{Core, Source};
use super::signal::AbortSignal;

/// Aborts what has taken its signal: `AbortController` of the web.
///
/// The signal goes to whatever is to be aborted: [`abortable`](crate::Promise::abortable) promises, futures that the signal has
/// [spawned](AbortSignal::spawn), [listeners](AbortSignal::on_abort). Clones are the same controller. Dropping a controller
/// aborts nothing; when the last one is dropped, the abort will never come, and the listeners of the signal are dropped.
///
/// ```
/// use std::time::Duration;
/// use thenable::{AbortController, Aborted, run, set_timeout};
///
/// run(|| {
///     let controller = AbortController::new();
///     let signal = controller.signal();
///     signal.delay::<Aborted>(Duration::from_secs(3600)).catch(|aborted| Ok(println!("{aborted}")));
///     set_timeout(move || controller.abort_with("nobody waits so long"), Duration::from_millis(1));
/// })?;
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
#[derive(Clone)]
pub struct AbortController {
    source: Source,
}

impl AbortController {
    /// A controller with a signal of its own.
    pub fn new() -> Self {
        Self { source: Source::new(&Core::new()) }
    }

    /// Another handle on the signal.
    pub fn signal(&self) -> AbortSignal {
        AbortSignal::new(self.source.core().clone())
    }

    /// Aborts for no reason: `controller.abort()`. Nothing happens if it is aborted already.
    ///
    /// Everything that an abort does is done before this returns: the listeners of the signal are called, in the order of
    /// their registration, then those of signals that [follow](AbortSignal::any) it. Spawned futures are dropped, promises are
    /// rejected. The handlers of those promises run in jobs, as ever.
    ///
    /// A listener that panics does not keep the others from being called; its panic goes on in a [`next_tick`](crate::next_tick),
    /// as its exception does in Node, and unwinds out of [`run`](crate::run).
    pub fn abort(&self) {
        self.source.abort(&Aborted::default());
    }

    /// Aborts for `reason`, which is an error or a text: `controller.abort(reason)`. See [`abort`](Self::abort).
    pub fn abort_with(&self, reason: impl Into<Box<dyn Error + Send + Sync>>) {
        self.source.abort(&Aborted::new(reason));
    }
}

impl Default for AbortController {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AbortController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortController").field("reason", &self.source.core().aborted()).finish()
    }
}
