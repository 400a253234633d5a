//! What happens to rejections that nobody handles: `processPromiseRejections` of Node.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use thiserror::Error;

use super::state;
use crate::identity::{Origin, PromiseId};
use crate::rejections::{self, Reason, Tracked};

/// What the loop does with a rejection that nobody handles: Node's `--unhandled-rejections`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnhandledRejections {
    /// Calls the hook. Without one, the loop stops and [`run`](crate::run) returns the error.
    #[default]
    Throw,
    /// Calls the hook, and writes a warning to the standard error in any case; another one for a rejection that is handled
    /// late, if no hook hears of it. The loop goes on.
    Warn,
    /// Calls the hook. Without one, nothing. The loop goes on.
    None,
}

/// A rejection or a fault that nobody has handled, as the hook is told of it.
#[derive(Clone, Copy, Debug)]
pub struct RejectionReport<'a> {
    origin: Origin,
    reason: Reason<'a>,
}

impl<'a> RejectionReport<'a> {
    /// The promise. [`on_rejection_handled`] is told the same id.
    pub fn id(&self) -> PromiseId {
        self.origin.id
    }

    /// The call that made the promise.
    pub fn made_at(&self) -> &'static Location<'static> {
        self.origin.made_at
    }

    /// Why it was rejected.
    pub fn reason(&self) -> Reason<'a> {
        self.reason
    }
}

impl fmt::Display for RejectionReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, kind) = if self.reason.is_fault() { ("fault", "") } else { ("rejection", self.reason.type_name()) };
        let space = if kind.is_empty() { "" } else { " of type " };
        write!(f, "unhandled {what}{space}{kind}: {}, by {}", shown(self.reason), self.origin)
    }
}

/// The reason by its `Debug`. If that panics, or fails, the report says so: it must not be lost with the reason.
fn shown(reason: Reason<'_>) -> String {
    let show = || {
        let mut text = String::new();
        write!(text, "{reason:?}").map(|()| text)
    };
    let shown = catch_unwind(AssertUnwindSafe(show)).ok().and_then(Result::ok);
    shown.unwrap_or_else(|| "(its `Debug` failed)".to_string())
}

/// A rejection or a fault that nobody handled stopped the loop.
///
/// Handle a rejection with [`catch`](crate::Promise::catch) or an `await`, and a fault with
/// [`handle`](crate::Promise::handle) or [`catch_unwind`](crate::Promise::catch_unwind); or install a hook with
/// [`on_unhandled_rejection`]. The reason can be taken out again with [`downcast`](Self::downcast).
#[derive(Error)]
#[error("{message}; handle it with {advice}, or install a hook with `on_unhandled_rejection`")]
pub struct UnhandledRejection {
    message: String,
    /// The verbs that would have handled it.
    advice: &'static str,
    origin: Origin,
    promise: Rc<dyn Tracked>,
}

impl UnhandledRejection {
    fn new(promise: Rc<dyn Tracked>, report: RejectionReport<'_>) -> Self {
        let advice = if report.reason.is_fault() { "`handle` or `catch_unwind`" } else { "`catch`" };
        Self { message: report.to_string(), advice, origin: report.origin, promise }
    }

    /// The promise.
    pub fn id(&self) -> PromiseId {
        self.origin.id
    }

    /// The call that made the promise.
    pub fn made_at(&self) -> &'static Location<'static> {
        self.origin.made_at
    }

    /// Takes the reason out, if it is an `R` (a [`Fault`](crate::Fault) for a fault).
    ///
    /// # Errors
    ///
    /// Gives the error back if the reason is of another type, or if a handle of the promise is still there, through which
    /// it can be had.
    pub fn downcast<R: Any>(self) -> Result<R, Self> {
        let mut is_one = false;
        self.promise.tracked().show_reason(&mut |reason| is_one = reason.as_any().is::<R>());
        if !is_one {
            return Err(self);
        }
        match self.promise.tracked().take_reason() {
            Some(reason) => Ok(*reason.downcast().expect("just asked for its type")),
            None => Err(self),
        }
    }
}

impl fmt::Debug for UnhandledRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnhandledRejection").field(&self.message).finish()
    }
}

type UnhandledHook = Box<dyn FnMut(&RejectionReport<'_>)>;
type HandledHook = Box<dyn FnMut(PromiseId)>;

/// The hooks and the mode of a loop.
#[derive(Default)]
pub(super) struct Hooks {
    mode: Cell<UnhandledRejections>,
    unhandled: Slot<UnhandledHook>,
    handled: Slot<HandledHook>,
}

/// Room for a hook.
struct Slot<H> {
    hook: RefCell<Option<H>>,
    /// How often one was installed: a hook that is running finds out that it was replaced meanwhile.
    installed: Cell<u64>,
}

impl<H> Default for Slot<H> {
    fn default() -> Self {
        Self { hook: RefCell::new(None), installed: Cell::new(0) }
    }
}

impl<H> Slot<H> {
    /// Puts a hook in, and gives back the one before: dropping it runs user code.
    fn install(&self, hook: Option<H>) -> Option<H> {
        self.installed.set(self.installed.get() + 1);
        self.hook.replace(hook)
    }
}

impl Hooks {
    pub(super) fn is_installed(&self) -> bool {
        self.unhandled.hook.borrow().is_some() || self.handled.hook.borrow().is_some()
    }

    /// Takes both hooks out, to be dropped when no borrow is held.
    pub(super) fn remove(&self) -> impl Sized + use<> {
        (self.unhandled.install(None), self.handled.install(None))
    }
}

/// A hook that was taken out of its slot to be called, and goes back unless another one was installed meanwhile.
struct Calling<'a, H> {
    slot: &'a Slot<H>,
    hook: Option<H>,
    installed: u64,
}

impl<'a, H> Calling<'a, H> {
    /// Calls the hook in `slot`, if there is one.
    fn call(slot: &'a Slot<H>, call: impl FnOnce(&mut H)) -> bool {
        let mut calling = Self { slot, hook: slot.hook.take(), installed: slot.installed.get() };
        calling.hook.as_mut().map(call).is_some()
    }
}

impl<H> Drop for Calling<'_, H> {
    fn drop(&mut self) {
        if let Some(hook) = self.hook.take() {
            let is_latest = self.slot.installed.get() == self.installed;
            drop(if is_latest { self.slot.hook.replace(Some(hook)) } else { Some(hook) });
        }
    }
}

/// Calls `hook` with every rejection and fault of this thread's loop that nobody has handled when the microtask queue is empty:
/// `process.on("unhandledRejection")` of Node. The loop goes on. A hook replaces the one before.
///
/// They are reported in the order in which the promises were rejected, before the next macrotask; what the hook queues, and
/// rejects, runs and is reported in the same drain (rules U1, U5). A promise gets its handler in time if that is added
/// anywhere in the same drain (rule U2).
///
/// ```
/// use thenable::{Promise, on_unhandled_rejection, remove_rejection_hooks, run};
/// use std::{cell::RefCell, rc::Rc};
///
/// let seen = Rc::new(RefCell::new(Vec::new()));
/// let log = seen.clone();
/// on_unhandled_rejection(move |report| log.borrow_mut().push(format!("{:?}", report.reason())));
/// run(|| { Promise::<(), _>::reject("lost"); })?;
/// assert_eq!(*seen.borrow(), ["\"lost\""]);
///
/// remove_rejection_hooks();
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
pub fn on_unhandled_rejection(hook: impl FnMut(&RejectionReport<'_>) + 'static) {
    let hook: UnhandledHook = Box::new(hook);
    let state = state::try_current();
    drop(state.and_then(|state| state.hooks.unhandled.install(Some(hook))));
}

/// Calls `hook` with the promise of each rejection that was reported as unhandled and has got its first handler since:
/// `process.on("rejectionHandled")` of Node. It is called at the end of the drain in which the handler was added, before
/// new rejections are reported (rule U3).
pub fn on_rejection_handled(hook: impl FnMut(PromiseId) + 'static) {
    let hook: HandledHook = Box::new(hook);
    let state = state::try_current();
    drop(state.and_then(|state| state.hooks.handled.install(Some(hook))));
}

/// Removes the hooks of [`on_unhandled_rejection`] and [`on_rejection_handled`].
pub fn remove_rejection_hooks() {
    drop(state::try_current().map(|state| state.hooks.remove()));
}

/// Says what this thread's loop does with a rejection that nobody handles. Returns what it did before.
pub fn set_unhandled_rejections(mode: UnhandledRejections) -> UnhandledRejections {
    state::try_current().map(|state| state.hooks.mode.replace(mode)).unwrap_or_default()
}

/// Reports what was handled late, then a snapshot of what is unhandled. Returns whether anything was called.
pub(super) fn process_rejections() -> Result<bool, UnhandledRejection> {
    if !rejections::has_reports() {
        return Ok(false);
    }
    let state = state::current();
    let hooks = &state.hooks;
    let mut called = false;
    while let Some(id) = rejections::next_handled_late() {
        called = true;
        let heard = Calling::call(&hooks.handled, |hook| hook(id));
        if !heard && hooks.mode.get() == UnhandledRejections::Warn {
            eprintln!("warning: the rejection of promise {id} was handled after it had been reported");
        }
    }
    for held in rejections::unhandled() {
        called = true;
        report(hooks, held.promise())?;
    }
    Ok(called || rejections::has_unhandled())
}

fn report(hooks: &Hooks, promise: &Rc<dyn Tracked>) -> Result<(), UnhandledRejection> {
    let cell = promise.tracked();
    cell.mark_reported();
    let origin = cell.origin();
    let mode = hooks.mode.get();
    let mut error = None;
    cell.show_reason(&mut |reason| {
        let report = RejectionReport { origin, reason };
        let heard = Calling::call(&hooks.unhandled, |hook| hook(&report));
        match mode {
            UnhandledRejections::Throw if !heard => error = Some(UnhandledRejection::new(promise.clone(), report)),
            UnhandledRejections::Warn => eprintln!("warning: {report}"),
            UnhandledRejections::Throw | UnhandledRejections::None => {}
        }
    });
    error.map_or(Ok(()), Err)
}
