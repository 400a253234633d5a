//! The seam that ECMA-262 calls `HostPromiseRejectionTracker` (§27.2.1.9): rejections and faults that nobody handles,
//! those handled late, and promises that were abandoned.
//!
//! Promise code reports here; the loop takes the reports between two macrotasks.

use std::any::{Any, type_name};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::ptr;
use std::rc::{Rc, Weak};
use std::task::Waker;

use crate::identity::{Origin, PromiseId};

/// A node seen without its types.
pub(crate) trait Tracked {
    fn tracked(&self) -> &dyn TrackedCell;

    /// The promise that this one stands for, where it is the awaited end of one of several handles.
    fn stands_for(&self) -> Option<Rc<dyn Tracked>>;
}

/// A cell seen without its types.
pub(crate) trait TrackedCell {
    fn origin(&self) -> Origin;

    /// Whether a handler or an `await` has seen the promise, or will.
    fn is_handled(&self) -> bool;

    /// Notes that the hook was told, so that a handler that comes now is a late one.
    fn mark_reported(&self);

    /// From now on no consumer can take the reason away.
    fn hold(&self);

    /// Ends what `hold` began.
    fn let_go(&self);

    /// Shows the reason of a rejection, or the fault. Shows nothing where a consumer has taken it.
    fn show_reason(&self, look: &mut dyn FnMut(Reason<'_>));

    /// Takes the reason or the fault out, if no handle of the promise is left that could.
    fn take_reason(&self) -> Option<Box<dyn Any>>;

    fn is_settled(&self) -> bool;

    /// The abandoned promise because of which this one can never settle.
    fn abandoned_by(&self) -> Option<Origin>;

    /// The promises that will settle because this one does.
    fn dependents(&self) -> Vec<Rc<dyn Tracked>>;
}

/// Why a promise was rejected: seen by `Debug`, by `Any`, and by the name of its type.
#[derive(Clone, Copy)]
pub struct Reason<'a> {
    debug: &'a dyn fmt::Debug,
    any: &'a dyn Any,
    type_name: &'static str,
}

impl<'a> Reason<'a> {
    pub(crate) fn new<R: fmt::Debug + Any>(reason: &'a R) -> Self {
        Self { debug: reason, any: reason, type_name: type_name::<R>() }
    }

    /// The reason itself, to be downcast. For a fault this is the [`Fault`](crate::Fault).
    pub fn as_any(&self) -> &'a dyn Any {
        self.any
    }

    /// The reason, if it is an `R`.
    pub fn downcast_ref<R: Any>(&self) -> Option<&'a R> {
        self.any.downcast_ref()
    }

    /// The name of the reason's type, as [`std::any::type_name`] gives it.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Whether the promise settled with a [`Fault`](crate::Fault) instead of a reason.
    pub fn is_fault(&self) -> bool {
        self.any.is::<crate::outcome::Fault>()
    }
}

impl fmt::Debug for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug.fmt(f)
    }
}

/// How many abandoned promises a thread remembers, for the report of a stalled loop.
const REMEMBERED: usize = 32;

struct Tracker {
    unhandled: RefCell<VecDeque<Rc<dyn Tracked>>>,
    handled_late: RefCell<VecDeque<PromiseId>>,
    abandoned: RefCell<VecDeque<Origin>>,
}

thread_local! {
    static TRACKER: Tracker = const {
        Tracker {
            unhandled: RefCell::new(VecDeque::new()),
            handled_late: RefCell::new(VecDeque::new()),
            abandoned: RefCell::new(VecDeque::new()),
        }
    };
}

/// The reports of a loop that is not the entered one.
#[derive(Default)]
pub(crate) struct Saved {
    unhandled: VecDeque<Rc<dyn Tracked>>,
    handled_late: VecDeque<PromiseId>,
    abandoned: VecDeque<Origin>,
    awaited: Awaited,
}

impl Saved {
    /// Exchanges what it holds for the reports of the thread. Does nothing while the thread ends.
    pub(crate) fn swap(&mut self) {
        let _ = TRACKER.try_with(|tracker| {
            mem::swap(&mut *tracker.unhandled.borrow_mut(), &mut self.unhandled);
            mem::swap(&mut *tracker.handled_late.borrow_mut(), &mut self.handled_late);
            mem::swap(&mut *tracker.abandoned.borrow_mut(), &mut self.abandoned);
        });
        let _ = AWAITED.try_with(|awaited| mem::swap(&mut *awaited.borrow_mut(), &mut self.awaited));
    }

    /// Whether there is nothing in it whose dropping could run user code.
    pub(crate) fn is_empty(&self) -> bool {
        self.unhandled.is_empty()
    }
}

/// Takes all reports of the thread.
pub(crate) fn take() -> Saved {
    let mut saved = Saved::default();
    saved.swap();
    saved
}

/// The operation "reject": `node` was rejected, or faulted, and has no handler yet.
pub(crate) fn track(node: Rc<dyn Tracked>) {
    let swept = TRACKER.try_with(|tracker| {
        let mut unhandled = tracker.unhandled.borrow_mut();
        // A promise that got its handler meanwhile need not be kept until the drain ends. Sweeping whenever the list
        // would grow costs each entry a constant.
        let swept = if unhandled.len() == unhandled.capacity() {
            let (handled, still): (VecDeque<_>, _) = unhandled.drain(..).partition(|node| node.tracked().is_handled());
            *unhandled = still;
            unhandled.reserve(1);
            handled
        } else {
            VecDeque::new()
        };
        unhandled.push_back(node);
        swept
    });
    // Dropping them may run user code, so the borrow had to end.
    drop(swept);
}

/// The operation "handle": a promise whose rejection was reported has got its first handler.
pub(crate) fn handled_late(id: PromiseId) {
    let _ = TRACKER.try_with(|tracker| tracker.handled_late.borrow_mut().push_back(id));
}

/// A promise that somebody could still wait for lost its last resolving function.
pub(crate) fn abandoned(origin: Origin) {
    let _ = TRACKER.try_with(|tracker| {
        let mut abandoned = tracker.abandoned.borrow_mut();
        if abandoned.len() == REMEMBERED {
            abandoned.pop_front();
        }
        abandoned.push_back(origin);
    });
}

/// Whether there is anything to report.
pub(crate) fn has_reports() -> bool {
    has_unhandled() || TRACKER.with(|tracker| !tracker.handled_late.borrow().is_empty())
}

/// Whether any rejection waits, perhaps handled meanwhile.
pub(crate) fn has_unhandled() -> bool {
    TRACKER.with(|tracker| !tracker.unhandled.borrow().is_empty())
}

/// The next promise whose rejection was reported and handled later.
pub(crate) fn next_handled_late() -> Option<PromiseId> {
    TRACKER.with(|tracker| tracker.handled_late.borrow_mut().pop_front())
}

/// The rejections that nobody has handled yet, in the order of rejecting. What is not taken from it goes back.
pub(crate) fn unhandled() -> Unhandled {
    let waiting = TRACKER.with(|tracker| tracker.unhandled.take());
    // Dropping those that are handled may run user code, so the borrow had to end.
    Unhandled(waiting.into_iter().filter(|promise| !promise.tracked().is_handled()).map(Held::new).collect())
}

/// A snapshot of the rejections that wait. Each is reported, also if it gets a handler while those before it are.
pub(crate) struct Unhandled(VecDeque<Held>);

impl Iterator for Unhandled {
    type Item = Held;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.pop_front()
    }
}

impl Drop for Unhandled {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            let rest = self.0.drain(..).map(|held| held.0.clone());
            TRACKER.with(|tracker| {
                let mut rest: VecDeque<_> = rest.collect();
                let mut unhandled = tracker.unhandled.borrow_mut();
                rest.append(&mut unhandled);
                *unhandled = rest;
            });
        }
    }
}

/// A promise whose reason nobody can take away as long as this lives.
pub(crate) struct Held(Rc<dyn Tracked>);

impl Held {
    fn new(promise: Rc<dyn Tracked>) -> Self {
        promise.tracked().hold();
        Self(promise)
    }

    pub(crate) fn promise(&self) -> &Rc<dyn Tracked> {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.tracked().let_go();
    }
}

/// The latest abandoned promises.
pub(crate) fn recently_abandoned() -> Vec<Origin> {
    TRACKER.with(|tracker| tracker.abandoned.borrow().iter().copied().collect())
}

/// What the future that `block_on` runs waits for.
struct Awaited {
    /// The waker of that future.
    root: *const (),
    promises: Vec<Weak<dyn Tracked>>,
}

impl Awaited {
    const fn new(root: *const ()) -> Self {
        Self { root, promises: Vec::new() }
    }
}

impl Default for Awaited {
    fn default() -> Self {
        Self::new(ptr::null())
    }
}

thread_local! {
    static AWAITED: RefCell<Awaited> = const { RefCell::new(Awaited::new(ptr::null())) };
}

/// From now on notes which promises the future behind `root` awaits, from nothing.
pub(crate) fn watch_awaited(root: &Waker) {
    AWAITED.set(Awaited::new(root.data()));
}

/// Notes that the future behind `waker` awaits a promise, if it is watched.
pub(crate) fn note_awaited(waker: &Waker, promise: impl FnOnce() -> Rc<dyn Tracked>) {
    let _ = AWAITED.try_with(|awaited| {
        let mut awaited = awaited.borrow_mut();
        if awaited.root == waker.data() {
            awaited.promises.push(Rc::downgrade(&promise()));
        }
    });
}

/// The promises that were noted and are pending still.
pub(crate) fn awaited() -> Vec<Rc<dyn Tracked>> {
    AWAITED.with_borrow(|awaited| {
        let promises = awaited.promises.iter().filter_map(Weak::upgrade);
        promises.filter(|promise| !promise.tracked().is_settled()).collect()
    })
}
