//! What a loop consists of, and which loop of the thread is the entered one.
//!
//! Promise code pushes into queues of the thread and knows no loop. So a loop that is not entered has the contents of its
//! queues put aside, in [`Seams`], and entering it exchanges them for those of the thread: a few swaps, however much is in
//! them. What only the loop itself knows, its timers and its clock, stays where it is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::clock::Clock;
use super::hooks::Hooks;
use super::immediates::Immediates;
use super::phases::Phase;
use super::schedule::Schedule;
use super::timers::lists::Timers;
use crate::context::{self, InContext};
use crate::inbox::home::{self, Address, Home};
use crate::queue;
use crate::rejections;

/// Names a loop of this thread.
pub(super) type LoopId = u32;

/// All that a loop consists of, but for what stands in the queues of the thread while it is entered.
pub(super) struct LoopState {
    pub(super) id: LoopId,
    pub(super) clock: Clock,
    pub(super) timers: RefCell<Timers>,
    pub(super) immediates: RefCell<Immediates>,
    pub(super) hooks: Hooks,
    /// What the loop does next.
    pub(super) phase: Cell<Phase>,
    /// How the choices are made that the rules leave open; from a seed, if there is one.
    pub(super) schedule: Option<RefCell<Schedule>>,
    /// Whether it is being run.
    running: Cell<bool>,
    /// Whether a future drives it: from its first poll until it is done or dropped.
    pub(super) hosted: Cell<bool>,
    /// Where what drives it is woken, while that sleeps and other code of the thread runs.
    pub(super) sleeper: RefCell<Option<Address>>,
    /// What it has in the queues of the thread when it is entered.
    seams: RefCell<Seams>,
}

/// The contents of the queues that promise code knows.
#[derive(Default)]
struct Seams {
    queue: queue::Saved,
    rejections: rejections::Saved,
    home: Home,
}

impl Seams {
    /// Exchanges them for what is in the queues of the thread.
    fn swap(&mut self) {
        self.queue.swap();
        self.rejections.swap();
        self.home.swap();
    }
}

/// The loops of a thread.
struct Loops {
    /// The entered one. `None` until somebody asks.
    current: RefCell<Option<Rc<LoopState>>>,
    /// The one that every thread has.
    default: RefCell<Option<Rc<LoopState>>>,
    known: RefCell<BTreeMap<LoopId, Weak<LoopState>>>,
    next_id: Cell<LoopId>,
}

thread_local! {
    static LOOPS: Loops = const {
        Loops {
            current: RefCell::new(None),
            default: RefCell::new(None),
            known: RefCell::new(BTreeMap::new()),
            next_id: Cell::new(0),
        }
    };
}

impl Loops {
    fn add(&self, clock: Clock, seed: Option<u64>) -> Rc<LoopState> {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        let state = Rc::new(LoopState {
            id,
            clock,
            timers: RefCell::default(),
            immediates: RefCell::default(),
            hooks: Hooks::default(),
            phase: Cell::new(Phase::Start),
            schedule: seed.map(|seed| RefCell::new(Schedule::new(seed))),
            running: Cell::new(false),
            hosted: Cell::new(false),
            sleeper: RefCell::default(),
            seams: RefCell::default(),
        });
        self.known.borrow_mut().insert(id, Rc::downgrade(&state));
        state
    }

    fn default(&self) -> Rc<LoopState> {
        if let Some(state) = &*self.default.borrow() {
            return state.clone();
        }
        let state = self.add(Clock::system(), None);
        self.default.replace(Some(state.clone()));
        state
    }

    fn current(&self) -> Rc<LoopState> {
        if let Some(state) = &*self.current.borrow() {
            return state.clone();
        }
        let state = self.default();
        self.current.replace(Some(state.clone()));
        state
    }

    /// Makes `to` the entered loop. Returns the one that was entered before.
    fn switch(&self, to: Rc<LoopState>) -> Rc<LoopState> {
        let from = self.current();
        from.seams.borrow_mut().swap();
        to.seams.borrow_mut().swap();
        self.current.replace(Some(to));
        from
    }
}

/// Makes a loop.
pub(super) fn create(clock: Clock, seed: Option<u64>) -> Rc<LoopState> {
    LOOPS.with(|loops| loops.add(clock, seed))
}

/// The loop that the thread always has.
pub(super) fn default() -> Rc<LoopState> {
    LOOPS.with(Loops::default)
}

/// The entered loop.
pub(super) fn current() -> Rc<LoopState> {
    LOOPS.with(Loops::current)
}

/// The entered loop, unless the thread is about to end.
pub(super) fn try_current() -> Option<Rc<LoopState>> {
    LOOPS.try_with(Loops::current).ok()
}

/// Whether this loop is the entered one.
pub(super) fn is_current(state: &Rc<LoopState>) -> bool {
    LOOPS.try_with(|loops| Rc::ptr_eq(&loops.current(), state)).unwrap_or(false)
}

/// The loop with this id, unless it is gone.
pub(super) fn find(id: LoopId) -> Option<Rc<LoopState>> {
    let find = |loops: &Loops| {
        let current = loops.current.borrow().as_ref().filter(|state| state.id == id).cloned();
        current.or_else(|| loops.known.borrow().get(&id)?.upgrade())
    };
    LOOPS.try_with(find).ok().flatten()
}

/// A loop is gone.
pub(super) fn forget(id: LoopId) {
    let _ = LOOPS.try_with(|loops| loops.known.borrow_mut().remove(&id));
}

/// A loop is the entered one as long as this lives.
pub(super) struct Entered {
    /// The one to go back to, if it is another.
    left: Option<Rc<LoopState>>,
}

impl Entered {
    /// Enters a loop. Returns `None` while the thread ends: there are no queues then.
    pub(super) fn new(state: &Rc<LoopState>) -> Option<Self> {
        let enter = |loops: &Loops| {
            let is_current = Rc::ptr_eq(&loops.current(), state);
            Self { left: (!is_current).then(|| loops.switch(state.clone())) }
        };
        LOOPS.try_with(enter).ok()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            let _ = LOOPS.try_with(|loops| loops.switch(left));
        }
    }
}

/// A loop runs as long as this lives. It is the entered one, and its callbacks see nothing of the caller's
/// [`context`](crate::context).
pub(super) struct Running<'a> {
    state: &'a LoopState,
    /// What drives the loop, and sleeps while somebody else runs it.
    was_away: bool,
    _context: Option<InContext>,
}

impl<'a> Running<'a> {
    #[track_caller]
    pub(super) fn enter(state: &'a LoopState, caller: &str) -> Self {
        assert!(
            !state.running.replace(true),
            "`{caller}` was called while the event loop of this thread is running: from a handler or a callback, return a \
             promise or await it instead"
        );
        Self { state, was_away: home::set_away(false), _context: context::enter(None) }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.state.running.set(false);
        home::set_away(self.was_away);
        if self.was_away {
            // What ran may have been what the sleeper waits for, or may have made a timer.
            self.state.notify();
        }
    }
}

impl LoopState {
    pub(super) fn is_running(&self) -> bool {
        self.running.get()
    }

    /// Something has changed that is not queued: a timer, an immediate. Wakes what drives the loop, if that sleeps.
    pub(super) fn notify(&self) {
        let sleeper = self.sleeper.borrow().clone();
        if let Some(sleeper) = sleeper.filter(|_| !self.is_running()) {
            sleeper.wake();
        }
    }

    /// Says whether it is being run. Returns what was said before.
    pub(super) fn set_running(&self, running: bool) -> bool {
        self.running.replace(running)
    }
}
