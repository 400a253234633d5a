//! What happens to rejections that nobody handles: `processPromiseRejections` of Node.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use thiserror::Error;

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
        write!(f, "unhandled {what}{space}{kind}: {:?}, by {}", self.reason, self.origin)
    }
}

/// A rejection or a fault that nobody handled stopped the loop.
///
/// Handle it with [`catch`](crate::Promise::catch) or an `await`, or install a hook with [`on_unhandled_rejection`]. The
/// reason can be taken out again with [`downcast`](Self::downcast).
#[derive(Error)]
#[error("{message}; handle it with `catch`, or install a hook with `on_unhandled_rejection`")]
pub struct UnhandledRejection {
    message: String,
    origin: Origin,
    promise: Rc<dyn Tracked>,
}

impl UnhandledRejection {
    fn new(promise: Rc<dyn Tracked>, report: RejectionReport<'_>) -> Self {
        Self { message: report.to_string(), origin: report.origin, promise }
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

struct Hooks {
    mode: Cell<UnhandledRejections>,
    unhandled: RefCell<Slot<UnhandledHook>>,
    handled: RefCell<Slot<HandledHook>>,
}

/// A hook, and how often one was installed: a hook that is running finds out that it was replaced meanwhile.
struct Slot<H> {
    hook: Option<H>,
    installed: u64,
}

impl<H> Slot<H> {
    const EMPTY: Self = Self { hook: None, installed: 0 };

    fn install(&mut self, hook: Option<H>) -> Option<H> {
        self.installed += 1;
        std::mem::replace(&mut self.hook, hook)
    }
}

thread_local! {
    static HOOKS: Hooks = const {
        Hooks {
            mode: Cell::new(UnhandledRejections::Throw),
            unhandled: RefCell::new(Slot::EMPTY),
            handled: RefCell::new(Slot::EMPTY),
        }
    };
}

/// Calls `hook` with every rejection and fault of this thread that nobody has handled when the microtask queue is empty:
/// `process.on("unhandledRejection")` of Node. The loop goes on. A hook replaces the one before.
///
/// They are reported in the order in which the promises were rejected, before the next macrotask; what the hook queues, and
/// rejects, runs and is reported in the same drain (rules U1, U5). A promise gets its handler in time if that is added
/// anywhere in the same drain (rule U2).
///
/// ```
/// use thenable::{Promise, on_unhandled_rejection, run};
/// use std::{cell::RefCell, rc::Rc};
///
/// let seen = Rc::new(RefCell::new(Vec::new()));
/// let log = seen.clone();
/// on_unhandled_rejection(move |report| log.borrow_mut().push(format!("{:?}", report.reason())));
/// run(|| { Promise::<(), _>::reject("lost"); })?;
/// assert_eq!(*seen.borrow(), ["\"lost\""]);
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
pub fn on_unhandled_rejection(hook: impl FnMut(&RejectionReport<'_>) + 'static) {
    let replaced = HOOKS.with(|hooks| hooks.unhandled.borrow_mut().install(Some(Box::new(hook))));
    drop(replaced);
}

/// Calls `hook` with the promise of each rejection that was reported as unhandled and has got its first handler since:
/// `process.on("rejectionHandled")` of Node. It is called at the end of the drain in which the handler was added, before
/// new rejections are reported (rule U3).
pub fn on_rejection_handled(hook: impl FnMut(PromiseId) + 'static) {
    let replaced = HOOKS.with(|hooks| hooks.handled.borrow_mut().install(Some(Box::new(hook))));
    drop(replaced);
}

/// Removes the hooks of [`on_unhandled_rejection`] and [`on_rejection_handled`].
pub fn remove_rejection_hooks() {
    let removed =
        HOOKS.with(|hooks| (hooks.unhandled.borrow_mut().install(None), hooks.handled.borrow_mut().install(None)));
    drop(removed);
}

/// Says what this thread's loop does with a rejection that nobody handles. Returns what it did before.
pub fn set_unhandled_rejections(mode: UnhandledRejections) -> UnhandledRejections {
    HOOKS.with(|hooks| hooks.mode.replace(mode))
}

/// Calls the hook in the slot that `slot` picks, if there is one. The slot is not borrowed meanwhile.
fn call<H>(slot: impl Fn(&Hooks) -> &RefCell<Slot<H>>, call: impl FnOnce(&mut H)) -> bool {
    let (hook, installed) = HOOKS.with(|hooks| {
        let mut slot = slot(hooks).borrow_mut();
        (slot.hook.take(), slot.installed)
    });
    let Some(mut hook) = hook else { return false };
    call(&mut hook);
    let leftover = HOOKS.with(|hooks| {
        let mut slot = slot(hooks).borrow_mut();
        if slot.installed == installed { slot.hook.replace(hook) } else { Some(hook) }
    });
    drop(leftover);
    true
}

/// Reports what was handled late, then a snapshot of what is unhandled. Returns whether anything was called.
pub(super) fn process_rejections() -> Result<bool, UnhandledRejection> {
    let mut called = false;
    while let Some(id) = rejections::next_handled_late() {
        called = true;
        let heard = call(|hooks| &hooks.handled, |hook| hook(id));
        if !heard && HOOKS.with(|hooks| hooks.mode.get()) == UnhandledRejections::Warn {
            eprintln!("warning: the rejection of promise {id} was handled after it had been reported");
        }
    }
    for _ in 0..rejections::count_unhandled() {
        // Dropping one may have swept others.
        let Some(promise) = rejections::next_unhandled() else { break };
        if !promise.tracked().is_handled() {
            called = true;
            report(promise)?;
        }
    }
    Ok(called || rejections::count_unhandled() > 0)
}

fn report(promise: Rc<dyn Tracked>) -> Result<(), UnhandledRejection> {
    let cell = promise.tracked();
    cell.mark_reported();
    let origin = cell.origin();
    let mode = HOOKS.with(|hooks| hooks.mode.get());
    let mut error = None;
    cell.show_reason(&mut |reason| {
        let report = RejectionReport { origin, reason };
        let heard = call(|hooks| &hooks.unhandled, |hook| hook(&report));
        match mode {
            UnhandledRejections::Throw if !heard => error = Some(UnhandledRejection::new(promise.clone(), report)),
            UnhandledRejections::Warn => eprintln!("warning: {report}"),
            UnhandledRejections::Throw | UnhandledRejections::None => {}
        }
    });
    error.map_or(Ok(()), Err)
}
