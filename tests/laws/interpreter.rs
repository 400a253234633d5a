//! Runs programs on an engine of promises: the crate's, or the model's. What the program does is written here once; what a
//! promise is and in which order things run is the engine's.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use crate::program::{Block, Body, Call, End, Executor, Handler, Name, Op, Program, Resolvable, Step, Thrown};

/// Promises, as a program needs them.
pub(crate) trait Engine: Sized + 'static {
    /// A handle.
    type Promise: 'static;
    /// A pair of resolving functions.
    type Functions: 'static;
    /// What the hooks know a promise by.
    type Id: Copy + PartialEq;

    fn clone_handle(&self, promise: &Self::Promise) -> Self::Promise;
    fn id(&self, promise: &Self::Promise) -> Self::Id;
    /// How it settled, if it did.
    fn seen(&self, promise: &Self::Promise) -> Option<Seen>;

    fn settled(&self, result: Result<i32, i32>) -> Self::Promise;
    fn with_resolvers(&self) -> (Self::Promise, Self::Functions);
    /// `new Promise(executor)`.
    fn construct(&self, executor: Then<Self>) -> Self::Promise;
    /// `Promise.resolve(x)`.
    fn resolve_with(&self, resolution: Resolution<Self>) -> Self::Promise;
    fn attempt(&self, function: Box<dyn FnOnce() -> Completion<Self>>) -> Self::Promise;
    fn call_resolve(&self, functions: &Self::Functions, resolution: Resolution<Self>);
    fn call_reject(&self, functions: &Self::Functions, reason: i32);

    fn then(
        &self,
        promise: Self::Promise,
        fulfilled: Option<OnNumber<Self>>,
        rejected: Option<OnNumber<Self>>,
    ) -> Self::Promise;
    fn handle(&self, promise: Self::Promise, handler: Box<dyn FnOnce(Seen) -> Completion<Self>>) -> Self::Promise;
    fn finally(&self, promise: Self::Promise, handler: Box<dyn FnOnce() -> Completion<Self>>) -> Self::Promise;
    fn spawn(&self, call: AsyncCall<Self>) -> Self::Promise;
    fn then_async(&self, promise: Self::Promise, call: Box<dyn FnOnce(i32) -> AsyncCall<Self>>) -> Self::Promise;

    fn microtask(&self, callback: Box<dyn FnOnce()>);
    fn next_tick(&self, callback: Box<dyn FnOnce()>);
}

/// The code of an executor, or of a thenable.
pub(crate) type Then<E> = Box<dyn FnOnce(<E as Engine>::Functions) -> Result<(), Thrown>>;

/// A handler of a value or a reason.
pub(crate) type OnNumber<E> = Box<dyn FnOnce(i32) -> Completion<E>>;

/// What a promise is resolved with.
pub(crate) enum Resolution<E: Engine> {
    Value(i32),
    Promise(E::Promise),
    Thenable(Then<E>),
}

/// What code comes to: a completion record of ECMA-262.
pub(crate) type Completion<E> = Result<Resolution<E>, Thrown>;

/// How a promise settled. A promise that was resolved with itself has faulted with [`SELF_RESOLUTION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Fulfilled(i32),
    Rejected(i32),
    Faulted(i32),
}

pub(crate) const SELF_RESOLUTION: i32 = -1;

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fulfilled(value) => write!(f, "value {value}"),
            Self::Rejected(reason) => write!(f, "reason {reason}"),
            Self::Faulted(SELF_RESOLUTION) => f.write_str("self-resolution"),
            Self::Faulted(panic) => write!(f, "fault {panic}"),
        }
    }
}

/// A program that runs, and what it owns.
pub(crate) struct World<E: Engine> {
    pub(crate) engine: E,
    promises: RefCell<Vec<Option<E::Promise>>>,
    functions: RefCell<Vec<Option<E::Functions>>>,
    hooks: RefCell<VecDeque<Block>>,
    trace: RefCell<Vec<String>>,
    ticks: Cell<u32>,
    labels: Cell<u32>,
    clones_handles: bool,
}

/// Up to this tick of a macrotask ticks are counted; after it, only the order is compared.
const COUNTED_TICKS: u32 = 40;

impl<E: Engine> World<E> {
    pub(crate) fn new(engine: E, program: &Program) -> Rc<Self> {
        Rc::new(Self {
            engine,
            promises: RefCell::default(),
            functions: RefCell::default(),
            hooks: RefCell::new(program.hooks.iter().cloned().collect()),
            trace: RefCell::default(),
            ticks: Cell::new(0),
            labels: Cell::new(0),
            clones_handles: program.clones_handles,
        })
    }

    /// A macrotask: a chain of microtasks that counts the ticks is started, then the statements run.
    pub(crate) fn macrotask(self: &Rc<Self>, number: usize, block: Block) {
        self.log(&format!("macrotask {number}"));
        self.ticks.set(0);
        self.count_ticks();
        self.run(block);
    }

    fn count_ticks(self: &Rc<Self>) {
        let world = self.clone();
        self.engine.microtask(Box::new(move || {
            world.ticks.set(world.ticks.get() + 1);
            if world.ticks.get() < COUNTED_TICKS {
                world.count_ticks();
            }
        }));
    }

    fn log(&self, line: &str) {
        self.trace.borrow_mut().push(format!("{line} @{}", self.ticks.get()));
    }

    /// The states of all promises that the program has handles of.
    pub(crate) fn log_states(&self) {
        let mut line = String::from("states:");
        for (slot, promise) in self.promises.borrow().iter().enumerate() {
            let Some(promise) = promise else { continue };
            let seen = self.engine.seen(promise).map_or("pending".to_string(), |seen| seen.to_string());
            line.extend([" p", &slot.to_string(), " ", &seen, ","]);
        }
        self.log(&line);
    }

    /// What a hook does.
    pub(crate) fn hook(self: &Rc<Self>, event: &str, promise: E::Id) {
        let slot = self
            .promises
            .borrow()
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|slot| self.engine.id(slot) == promise))
            .map_or("a promise without a handle".to_string(), |slot| format!("p{slot}"));
        self.log(&format!("{event}: {slot}"));
        let block = self.hooks.borrow_mut().pop_front();
        self.run(block.unwrap_or_default());
    }

    /// Drops what the program owns. Returns the trace.
    pub(crate) fn end(&self) -> Vec<String> {
        drop(self.promises.take());
        drop(self.functions.take());
        self.trace.take()
    }

    fn label(&self) -> u32 {
        self.labels.set(self.labels.get() + 1);
        self.labels.get()
    }

    fn keep(&self, promise: E::Promise) {
        self.promises.borrow_mut().push(Some(promise));
    }

    fn keep_functions(&self, functions: E::Functions) {
        self.functions.borrow_mut().push(Some(functions));
    }

    fn promise(&self, name: Name) -> Option<E::Promise> {
        let mut promises = self.promises.borrow_mut();
        let filled: Vec<usize> = (0..promises.len()).rev().filter(|&slot| promises[slot].is_some()).collect();
        let slot = *filled.get(name.back % filled.len().max(1))?;
        if name.take || !self.clones_handles {
            promises[slot].take()
        } else {
            promises[slot].as_ref().map(|promise| self.engine.clone_handle(promise))
        }
    }

    fn take_functions(&self, back: usize) -> Option<(usize, E::Functions)> {
        let mut functions = self.functions.borrow_mut();
        let filled: Vec<usize> = (0..functions.len()).rev().filter(|&slot| functions[slot].is_some()).collect();
        let slot = *filled.get(back % filled.len().max(1))?;
        functions[slot].take().map(|functions| (slot, functions))
    }

    fn run(self: &Rc<Self>, block: Block) {
        for op in block {
            self.step(op);
        }
    }

    fn step(self: &Rc<Self>, op: Op) {
        let engine = &self.engine;
        match op {
            Op::Settled(result) => self.keep(engine.settled(result)),
            Op::WithResolvers => {
                let (promise, functions) = engine.with_resolvers();
                self.keep(promise);
                self.keep_functions(functions);
            }
            Op::Call { back, call, drop_after } => {
                let Some((slot, functions)) = self.take_functions(back) else { return };
                self.call(&functions, call);
                if !drop_after {
                    self.functions.borrow_mut()[slot] = Some(functions);
                }
            }
            Op::Then { on, fulfilled, rejected } => {
                let Some(promise) = self.promise(on) else { return };
                let label = self.label();
                let on_fulfilled = fulfilled.map(|handler| self.on_number(label, handler, Seen::Fulfilled));
                let on_rejected = rejected.map(|handler| self.on_number(label, handler, Seen::Rejected));
                self.keep(engine.then(promise, on_fulfilled, on_rejected));
            }
            Op::Finally { on, handler } => {
                let Some(promise) = self.promise(on) else { return };
                let (world, label) = (self.clone(), self.label());
                self.keep(engine.finally(
                    promise,
                    Box::new(move || {
                        world.log(&format!("finally {label}"));
                        world.complete(handler, 0)
                    }),
                ));
            }
            Op::Handle { on, handler } => {
                let Some(promise) = self.promise(on) else { return };
                let (world, label) = (self.clone(), self.label());
                self.keep(engine.handle(
                    promise,
                    Box::new(move |seen| {
                        world.log(&format!("handler {label}: {seen}"));
                        world.complete(handler, 0)
                    }),
                ));
            }
            Op::Microtask(block) => engine.microtask(self.callback("microtask", block)),
            Op::NextTick(block) => engine.next_tick(self.callback("tick", block)),
            Op::New(executor) => {
                let then = self.then_of(executor);
                self.keep(engine.construct(then));
            }
            Op::ResolveWith(resolvable) => {
                let resolution = self.resolution(resolvable);
                self.keep(engine.resolve_with(resolution));
            }
            Op::Attempt(handler) => {
                let world = self.clone();
                self.keep(engine.attempt(Box::new(move || world.complete(handler, 0))));
            }
            Op::Spawn(body) => {
                let call = self.async_call(body);
                self.keep(engine.spawn(call));
            }
            Op::ThenAsync { on, body } => {
                let Some(promise) = self.promise(on) else { return };
                let (world, label) = (self.clone(), self.label());
                self.keep(engine.then_async(
                    promise,
                    Box::new(move |value| {
                        world.log(&format!("async handler {label}: {value}"));
                        world.async_call(body)
                    }),
                ));
            }
            Op::DropPromise(name) => drop(self.promise(Name { take: true, ..name })),
            Op::DropFunctions { back } => drop(self.take_functions(back)),
        }
    }

    fn callback(self: &Rc<Self>, kind: &'static str, block: Block) -> Box<dyn FnOnce()> {
        let (world, label) = (self.clone(), self.label());
        Box::new(move || {
            world.log(&format!("{kind} {label}"));
            world.run(block);
        })
    }

    fn on_number(self: &Rc<Self>, label: u32, handler: Handler, seen: fn(i32) -> Seen) -> OnNumber<E> {
        let world = self.clone();
        Box::new(move |number| {
            world.log(&format!("handler {label}: {}", seen(number)));
            world.complete(handler, number)
        })
    }

    fn complete(self: &Rc<Self>, handler: Handler, argument: i32) -> Completion<E> {
        self.run(handler.before);
        match handler.end {
            End::Argument => Ok(Resolution::Value(argument)),
            End::Return(resolvable) => Ok(self.resolution(resolvable)),
            End::Throw(thrown) => Err(thrown),
        }
    }

    fn resolution(self: &Rc<Self>, resolvable: Resolvable) -> Resolution<E> {
        match resolvable {
            Resolvable::Value(value) => Resolution::Value(value),
            // Before there is any promise, a number stands for it.
            Resolvable::Promise(name) => self.promise(name).map_or(Resolution::Value(9), Resolution::Promise),
            Resolvable::Thenable(executor) => {
                let (world, label) = (self.clone(), self.label());
                let then = self.then_of(*executor);
                Resolution::Thenable(Box::new(move |functions| {
                    world.log(&format!("thenable {label}"));
                    then(functions)
                }))
            }
        }
    }

    fn then_of(self: &Rc<Self>, executor: Executor) -> Then<E> {
        let world = self.clone();
        Box::new(move |functions| {
            world.run(executor.before);
            for call in executor.calls {
                world.call(&functions, call);
            }
            if executor.keep {
                world.keep_functions(functions);
            }
            executor.end
        })
    }

    fn call(self: &Rc<Self>, functions: &E::Functions, call: Call) {
        match call {
            Call::Resolve(resolvable) => self.engine.call_resolve(functions, self.resolution(resolvable)),
            Call::Reject(reason) => self.engine.call_reject(functions, reason),
        }
    }

    fn async_call(self: &Rc<Self>, body: Body) -> AsyncCall<E> {
        AsyncCall { world: self.clone(), label: self.label(), steps: body.steps.into(), last: body.last, value: 0 }
    }
}

/// A call of an async function, between two of its steps. The engine awaits.
pub(crate) struct AsyncCall<E: Engine> {
    world: Rc<World<E>>,
    label: u32,
    steps: VecDeque<Step>,
    last: Handler,
    /// The value that was awaited last.
    value: i32,
}

/// What an async function does next.
pub(crate) enum Next<E: Engine> {
    /// It awaits; a rejection is thrown where the flag is not set.
    Await(E::Promise, bool),
    End(Completion<E>),
}

impl<E: Engine> AsyncCall<E> {
    /// Runs to the next `await`, or to the end.
    pub(crate) fn run(&mut self) -> Next<E> {
        let world = self.world.clone();
        let Some(step) = self.steps.pop_front() else {
            let last = std::mem::replace(&mut self.last, Handler { before: Vec::new(), end: End::Argument });
            return Next::End(world.complete(last, self.value));
        };
        world.run(step.before);
        let awaited = world.resolution(step.awaited);
        Next::Await(world.engine.resolve_with(awaited), step.catches)
    }

    /// Goes on after an `await`.
    pub(crate) fn resumed_with(&mut self, result: Result<i32, i32>) {
        let seen = result.map_or_else(Seen::Rejected, Seen::Fulfilled);
        self.value = result.unwrap_or_else(|reason| reason);
        self.world.log(&format!("async function {}: {seen}", self.label));
    }
}
