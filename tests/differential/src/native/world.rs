//! What a program that runs owns: its variables, its listeners, its trace.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Display;
use std::rc::Rc;

use thenable::{
    AsyncLocal, Immediate, Outcome, PromiseId, Reject, Resolve, Timeout, clear_immediate, clear_timeout,
    queue_microtask,
};

use super::signals::Signals;
use super::{Faults, Value};
use crate::program::{Block, Fate, FunctionsName, Id, Program, PromiseName, TimerName, Uses};

pub(super) type Promise = thenable::Promise<Value, Value>;

/// A pair of resolving functions, and the number of the promise that they resolve, if it has one.
#[derive(Clone)]
pub(super) struct Functions {
    pub(super) resolve: Resolve<Value, Value>,
    pub(super) reject: Reject<Value, Value>,
    pub(super) target: Option<Id>,
}

/// What can be cleared.
#[derive(Clone, Copy)]
pub(super) enum Timer {
    Timeout(Timeout),
    Immediate(Immediate),
}

/// What follows the chains of a program, and is logged.
pub(super) static STORE: AsyncLocal<i32> = AsyncLocal::new();

/// For how many ticks after the last logged word ticks are counted; the oracle has the same number.
const COUNTED_TICKS: u32 = 12;

/// No program logs as many words; a crate that runs a handler again and again is stopped here.
const LONGEST_TRACE: usize = 100_000;

/// A program that runs.
pub(super) struct World {
    pub(super) faults: Faults,
    uses: Uses,
    promises: RefCell<HashMap<Id, Promise>>,
    functions: RefCell<HashMap<Id, Functions>>,
    timers: RefCell<HashMap<Id, Timer>>,
    pub(super) signals: Signals,
    /// Which promise each number stands for, also when its handle is gone.
    ids: RefCell<BTreeMap<Id, PromiseId>>,
    self_resolution: Cell<bool>,
    unhandled: RefCell<VecDeque<Block>>,
    handled: RefCell<VecDeque<Block>>,
    trace: RefCell<Vec<String>>,
    counted: bool,
    tick: Cell<u32>,
    ticks_left: Cell<u32>,
}

impl World {
    pub(super) fn new(program: &Program, faults: Faults) -> Rc<Self> {
        Rc::new(Self {
            faults,
            uses: program.uses(),
            promises: RefCell::default(),
            functions: RefCell::default(),
            timers: RefCell::default(),
            signals: Signals::default(),
            ids: RefCell::default(),
            self_resolution: Cell::new(false),
            unhandled: RefCell::new(program.unhandled.iter().cloned().collect()),
            handled: RefCell::new(program.handled.iter().cloned().collect()),
            trace: RefCell::default(),
            counted: !program.uncounted,
            tick: Cell::new(0),
            ticks_left: Cell::new(0),
        })
    }

    /// A macrotask.
    pub(super) fn run_task(self: &Rc<Self>, task: &Block) {
        self.tick.set(0);
        self.keep_counting();
        self.run(task);
    }

    pub(super) fn on_unhandled(self: &Rc<Self>, id: PromiseId, reason: &Value) {
        self.word(format_args!("U{}({reason})", self.name_of(id)));
        let block = self.unhandled.borrow_mut().pop_front();
        self.run(&block.unwrap_or_default());
    }

    pub(super) fn on_handled(self: &Rc<Self>, id: PromiseId) {
        self.word(format_args!("H{}", self.name_of(id)));
        let block = self.handled.borrow_mut().pop_front();
        self.run(&block.unwrap_or_default());
    }

    fn name_of(&self, promise: PromiseId) -> String {
        let ids = self.ids.borrow();
        let name = ids.iter().find(|(_, id)| **id == promise);
        name.map_or("?".to_string(), |(name, _)| name.to_string())
    }

    // The trace.

    pub(super) fn word(self: &Rc<Self>, text: impl Display) {
        let store = STORE.get().map_or_else(String::new, |store| format!("#{store}"));
        let tick = if self.counted { format!("@{}", self.tick.get()) } else { String::new() };
        let text = format!("{text}{store}{tick}");
        self.trace.borrow_mut().push(text);
        assert!(self.trace.borrow().len() < LONGEST_TRACE, "the program does not end");
        self.keep_counting();
    }

    /// A chain of microtasks counts the ticks. It goes on for a while after each logged word.
    fn keep_counting(self: &Rc<Self>) {
        if self.counted && self.ticks_left.replace(COUNTED_TICKS) == 0 {
            self.count();
        }
    }

    fn count(self: &Rc<Self>) {
        let world = self.clone();
        queue_microtask(move || {
            world.tick.set(world.tick.get() + 1);
            world.ticks_left.set(world.ticks_left.get() - 1);
            if world.ticks_left.get() > 0 {
                world.count();
            }
        });
    }

    /// The states of the promises of which the program has a handle still.
    pub(super) fn log_states(&self, uses: &Uses) {
        let states = self.ids.borrow();
        let kept = states.keys().filter(|id| uses.fate(PromiseName(**id)) == Fate::Keep);
        self.trace.borrow_mut().extend(kept.map(|id| format!("s{id}{}", self.state(*id))));
    }

    pub(super) fn log_panic(&self, payload: &(dyn Any + Send)) {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let message = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        self.trace.borrow_mut().push(format!("panic: {message}"));
    }

    pub(super) fn take_trace(&self) -> Vec<String> {
        self.trace.take()
    }

    pub(super) fn state(&self, id: Id) -> String {
        let promises = self.promises.borrow();
        let Some(promise) = promises.get(&id) else { return "-".to_string() };
        match promise.peek().as_deref() {
            None => "?".to_string(),
            Some(Outcome::Fulfilled(value)) => format!("={value}"),
            Some(Outcome::Rejected(reason)) => format!("!{reason}"),
            Some(Outcome::Faulted(_)) => format!("!{}", Value::TypeError),
        }
    }

    // The variables.

    /// Assigns the promise of `id`.
    pub(super) fn keep(&self, id: Id, promise: Promise) {
        self.ids.borrow_mut().insert(id, promise.id());
        if self.uses.fate(PromiseName(id)) != Fate::Drop {
            self.promises.borrow_mut().insert(id, promise);
        }
    }

    /// A handle of the promise, if it is assigned.
    pub(super) fn promise(&self, name: PromiseName) -> Option<Promise> {
        match self.uses.fate(name) {
            Fate::Move => self.promises.borrow_mut().remove(&name.0),
            Fate::Keep | Fate::Drop => self.promises.borrow().get(&name.0).cloned(),
        }
    }

    /// Assigns resolving functions.
    pub(super) fn keep_functions(&self, id: Id, functions: Functions) {
        if self.uses.fate(FunctionsName(id)) != Fate::Drop {
            self.functions.borrow_mut().insert(id, functions);
        }
    }

    pub(super) fn functions(&self, name: FunctionsName) -> Option<Functions> {
        match self.uses.fate(name) {
            Fate::Move => self.functions.borrow_mut().remove(&name.0),
            Fate::Keep | Fate::Drop => self.functions.borrow().get(&name.0).cloned(),
        }
    }

    pub(super) fn keep_timer(&self, id: Id, timer: Timer) {
        self.timers.borrow_mut().insert(id, timer);
    }

    pub(super) fn clear(&self, name: TimerName) {
        match self.timers.borrow().get(&name.0).copied() {
            Some(Timer::Timeout(timeout)) => clear_timeout(timeout),
            Some(Timer::Immediate(immediate)) => clear_immediate(immediate),
            None => {}
        }
    }

    pub(super) fn refresh(&self, name: TimerName) {
        if let Some(Timer::Timeout(timeout)) = self.timers.borrow().get(&name.0) {
            timeout.refresh();
        }
    }

    pub(super) fn keep_alive(&self, name: TimerName, alive: bool) {
        match self.timers.borrow().get(&name.0).copied() {
            Some(Timer::Timeout(timeout)) => {
                timeout.keep_alive(alive);
            }
            Some(Timer::Immediate(immediate)) => {
                immediate.keep_alive(alive);
            }
            None => {}
        }
    }

    pub(super) fn same(&self, a: PromiseName, b: PromiseName) -> bool {
        let ids = self.ids.borrow();
        ids.get(&a.0) == ids.get(&b.0)
    }

    /// The promise of `target` is about to be resolved with `promise`: notes it if they are the same.
    pub(super) fn note_resolution(&self, target: Option<Id>, promise: &Promise) {
        let target = target.and_then(|target| self.ids.borrow().get(&target).copied());
        if target == Some(promise.id()) {
            self.self_resolution.set(true);
        }
    }

    pub(super) fn has_self_resolution(&self) -> bool {
        self.self_resolution.get()
    }
}
