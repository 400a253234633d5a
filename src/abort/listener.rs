//! The listeners of a signal that users register.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::aborted::Aborted;
use super::core::{Core, Listen, Registration};
use crate::queue::queue_microtask;

/// A callback that [`AbortSignal::on_abort`](crate::AbortSignal::on_abort) has registered. It is taken off the signal, and
/// dropped, when this is dropped.
#[must_use = "the callback is dropped with it; `detach` lets it stay"]
pub struct AbortListener {
    kind: Kind,
}

enum Kind {
    /// The abort will never come, or the callback was left to itself.
    Nothing,
    Registered(Registration),
    /// The signal was aborted before: the callback is queued.
    Queued(Queued),
}

impl AbortListener {
    pub(super) fn new(core: &Rc<Core>, callback: impl FnOnce(Aborted) + 'static) -> Self {
        let call = Rc::new(Call(Cell::new(Some(callback))));
        let kind = if let Some(aborted) = core.aborted() {
            let queued = call.clone();
            queue_microtask(move || queued.aborted(&aborted));
            Kind::Queued(Queued(Some(call)))
        } else {
            core.listen(call).map_or(Kind::Nothing, Kind::Registered)
        };
        Self { kind }
    }

    /// Lets the callback stay, until the signal is aborted, or it is certain that it never will be.
    pub fn detach(self) {
        match self.kind {
            Kind::Registered(registration) => registration.detach(),
            Kind::Queued(mut queued) => queued.0 = None,
            Kind::Nothing => {}
        }
    }
}

impl fmt::Debug for AbortListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortListener").finish_non_exhaustive()
    }
}

/// A callback in a microtask, which does nothing if this is dropped before.
struct Queued(Option<Rc<dyn Cancel>>);

trait Cancel {
    fn cancel(&self);
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(call) = &self.0 {
            call.cancel();
        }
    }
}

struct Call<F>(Cell<Option<F>>);

impl<F: FnOnce(Aborted) + 'static> Listen for Call<F> {
    fn aborted(self: Rc<Self>, aborted: &Aborted) {
        if let Some(callback) = self.0.take() {
            callback(aborted.clone());
        }
    }
}

impl<F> Cancel for Call<F> {
    fn cancel(&self) {
        drop(self.0.take());
    }
}
