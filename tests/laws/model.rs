//! The reference: promises as ECMA-262 §27.2 writes them down, and the queues as Node runs them.
//!
//! Nothing here is clever. Promises are records in a heap, named by their index and never freed; every operation has the
//! name that it has in the standard and does its steps in that order. What the standard does not know is the third outcome,
//! the fault: it passes wherever there is no handler for it, as a rejection passes a `then` with one handler.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::interpreter::{
    AsyncCall, Completion, Engine, Next, OnNumber, Resolution, SELF_RESOLUTION, Seen, Then, World,
};
use crate::program::{Program, Thrown};

/// The agent: heap and queues.
#[derive(Clone, Default)]
pub(crate) struct Model(Rc<Agent>);

#[derive(Default)]
struct Agent {
    promises: RefCell<Vec<Record>>,
    jobs: RefCell<VecDeque<Job>>,
    ticks: RefCell<VecDeque<Box<dyn FnOnce()>>>,
    /// `pendingUnhandledRejections` of Node.
    unhandled: RefCell<VecDeque<PromiseIndex>>,
    /// `asyncHandledRejections` of Node.
    handled_late: RefCell<VecDeque<PromiseIndex>>,
    /// Which promise settles because of which: to find cycles, which the crate cannot free.
    edges: RefCell<Vec<(PromiseIndex, PromiseIndex)>>,
}

type PromiseIndex = usize;

/// The slots of a promise (§27.2.6).
struct Record {
    state: State,
    is_handled: bool,
    /// Node has told its hook.
    warned: bool,
}

enum State {
    Pending(Vec<Reaction>),
    Settled(Seen),
}

/// A `PromiseReaction` record (§27.2.1.2), with the handlers of all outcomes: of the two that the standard makes for each
/// `then`, one is ever used.
struct Reaction {
    /// The promise that `then` returned, if anybody can see it, with its resolving functions.
    capability: Option<Functions>,
    fulfilled: Option<OnNumber<Model>>,
    rejected: Option<OnNumber<Model>>,
    faulted: Option<OnNumber<Model>>,
}

enum Job {
    PromiseReaction(Reaction, Seen),
    PromiseResolveThenable(PromiseIndex, Followed),
    Callback(Box<dyn FnOnce()>),
}

/// What a promise that is resolved is locked in to: an object with a `then`.
enum Followed {
    Promise(PromiseIndex),
    Thenable(Then<Model>),
}

/// The resolving functions of §27.2.1.3, which share `[[AlreadyResolved]]`.
#[derive(Clone)]
pub(crate) struct Functions {
    promise: PromiseIndex,
    already_resolved: Rc<Cell<bool>>,
}

/// The trace of `program`, and whether promises of it wait for each other in a circle.
pub(crate) fn execute(program: &Program) -> (Vec<String>, bool) {
    let model = Model::default();
    let world = World::new(model.clone(), program);
    for (number, block) in program.macrotasks.iter().enumerate() {
        world.macrotask(number, block.clone());
        model.drain(&world);
        world.log_states();
    }
    (world.end(), model.has_cycle())
}

impl Model {
    fn new_promise(&self) -> PromiseIndex {
        let mut promises = self.0.promises.borrow_mut();
        promises.push(Record { state: State::Pending(Vec::new()), is_handled: false, warned: false });
        promises.len() - 1
    }

    fn enqueue(&self, job: Job) {
        self.0.jobs.borrow_mut().push_back(job);
    }

    /// `NewPromiseCapability` (§27.2.1.5).
    fn new_promise_capability(&self) -> Functions {
        Self::create_resolving_functions(self.new_promise())
    }

    /// `CreateResolvingFunctions` (§27.2.1.3).
    fn create_resolving_functions(promise: PromiseIndex) -> Functions {
        Functions { promise, already_resolved: Rc::default() }
    }

    /// The promise resolve functions (§27.2.1.3.2).
    fn resolve_function(&self, functions: &Functions, resolution: Resolution<Self>) {
        if functions.already_resolved.replace(true) {
            return;
        }
        let promise = functions.promise;
        match resolution {
            Resolution::Promise(resolution) if resolution == promise => {
                self.settle_promise(promise, Seen::Faulted(SELF_RESOLUTION));
            }
            Resolution::Value(value) => self.settle_promise(promise, Seen::Fulfilled(value)),
            Resolution::Promise(resolution) => {
                self.0.edges.borrow_mut().push((resolution, promise));
                self.enqueue(Job::PromiseResolveThenable(promise, Followed::Promise(resolution)));
            }
            Resolution::Thenable(then) => {
                self.enqueue(Job::PromiseResolveThenable(promise, Followed::Thenable(then)));
            }
        }
    }

    /// The promise reject functions (§27.2.1.3.1). A panic is thrown as a reason is.
    fn reject_function(&self, functions: &Functions, thrown: Thrown) {
        if functions.already_resolved.replace(true) {
            return;
        }
        self.settle_promise(
            functions.promise,
            match thrown {
                Thrown::Reason(reason) => Seen::Rejected(reason),
                Thrown::Panic(panic) => Seen::Faulted(panic),
            },
        );
    }

    fn complete(&self, functions: &Functions, completion: Completion<Self>) {
        match completion {
            Ok(resolution) => self.resolve_function(functions, resolution),
            Err(thrown) => self.reject_function(functions, thrown),
        }
    }

    /// `FulfillPromise` and `RejectPromise` (§27.2.1.4, §27.2.1.7), with `TriggerPromiseReactions` (§27.2.1.8).
    fn settle_promise(&self, promise: PromiseIndex, seen: Seen) {
        let (reactions, is_handled) = {
            let record = &mut self.0.promises.borrow_mut()[promise];
            let State::Pending(reactions) = std::mem::replace(&mut record.state, State::Settled(seen)) else {
                unreachable!("a promise settles once")
            };
            (reactions, record.is_handled)
        };
        if !is_handled && !matches!(seen, Seen::Fulfilled(_)) {
            // `HostPromiseRejectionTracker(promise, "reject")`.
            self.0.unhandled.borrow_mut().push_back(promise);
        }
        for reaction in reactions {
            self.enqueue(Job::PromiseReaction(reaction, seen));
        }
    }

    /// `PerformPromiseThen` (§27.2.5.4.1).
    fn perform_promise_then(&self, promise: PromiseIndex, reaction: Reaction) {
        if let Some(capability) = &reaction.capability {
            self.0.edges.borrow_mut().push((promise, capability.promise));
        }
        let record = &mut self.0.promises.borrow_mut()[promise];
        match &mut record.state {
            State::Pending(reactions) => reactions.push(reaction),
            State::Settled(seen) => {
                if !record.is_handled && record.warned {
                    // `HostPromiseRejectionTracker(promise, "handle")`.
                    self.0.handled_late.borrow_mut().push_back(promise);
                }
                self.0.jobs.borrow_mut().push_back(Job::PromiseReaction(reaction, *seen));
            }
        }
        record.is_handled = true;
    }

    fn run_job(&self, job: Job) {
        match job {
            Job::Callback(callback) => callback(),
            // `NewPromiseReactionJob` (§27.2.2.1).
            Job::PromiseReaction(reaction, seen) => {
                let (handler, argument, pass): (_, _, Completion<Self>) = match seen {
                    Seen::Fulfilled(value) => (reaction.fulfilled, value, Ok(Resolution::Value(value))),
                    Seen::Rejected(reason) => (reaction.rejected, reason, Err(Thrown::Reason(reason))),
                    Seen::Faulted(panic) => (reaction.faulted, panic, Err(Thrown::Panic(panic))),
                };
                let completion = handler.map_or(pass, |handler| handler(argument));
                if let Some(capability) = reaction.capability {
                    self.complete(&capability, completion);
                }
            }
            // `NewPromiseResolveThenableJob` (§27.2.2.2).
            Job::PromiseResolveThenable(promise, followed) => {
                let functions = Self::create_resolving_functions(promise);
                match followed {
                    Followed::Promise(followed) => self.perform_promise_then(followed, self.forwarding_to(&functions)),
                    Followed::Thenable(then) => {
                        if let Err(thrown) = then(functions.clone()) {
                            self.reject_function(&functions, thrown);
                        }
                    }
                }
            }
        }
    }

    /// A reaction whose handlers are resolving functions.
    fn forwarding_to(&self, functions: &Functions) -> Reaction {
        let forward = |wrap: fn(i32) -> Completion<Self>| -> Option<OnNumber<Self>> {
            let (model, functions) = (self.clone(), functions.clone());
            Some(Box::new(move |number| {
                model.complete(&functions, wrap(number));
                Ok(Resolution::Value(0))
            }))
        };
        Reaction {
            capability: None,
            fulfilled: forward(|value| Ok(Resolution::Value(value))),
            rejected: forward(|reason| Err(Thrown::Reason(reason))),
            faulted: forward(|panic| Err(Thrown::Panic(panic))),
        }
    }

    /// `PromiseResolve` (§27.2.4.7.1).
    fn promise_resolve(&self, resolution: Resolution<Self>) -> PromiseIndex {
        if let Resolution::Promise(promise) = resolution {
            return promise;
        }
        let capability = self.new_promise_capability();
        self.resolve_function(&capability, resolution);
        capability.promise
    }

    fn then_with(
        &self,
        promise: PromiseIndex,
        fulfilled: Option<OnNumber<Self>>,
        rejected: Option<OnNumber<Self>>,
        faulted: Option<OnNumber<Self>>,
    ) -> PromiseIndex {
        let capability = self.new_promise_capability();
        let derived = capability.promise;
        self.perform_promise_then(promise, Reaction { capability: Some(capability), fulfilled, rejected, faulted });
        derived
    }

    /// `thenFinally` and `catchFinally` (§27.2.5.3.1, §27.2.5.3.2): what they return.
    fn after_finally(&self, seen: Seen, result: Completion<Self>) -> Completion<Self> {
        // What was on its way; for a fault, nothing takes its place.
        let original = move || match seen {
            Seen::Fulfilled(value) => Ok(Resolution::Value(value)),
            Seen::Rejected(reason) => Err(Thrown::Reason(reason)),
            Seen::Faulted(panic) => Err(Thrown::Panic(panic)),
        };
        let is_fault = matches!(seen, Seen::Faulted(_));
        let unless_fault = move |thrown| if is_fault { original() } else { Err(thrown) };
        match result {
            Err(thrown) => unless_fault(thrown),
            Ok(resolution) => {
                let promise = self.promise_resolve(resolution);
                Ok(Resolution::Promise(self.then_with(
                    promise,
                    Some(Box::new(move |_| original())),
                    Some(Box::new(move |reason| unless_fault(Thrown::Reason(reason)))),
                    Some(Box::new(move |panic| unless_fault(Thrown::Panic(panic)))),
                )))
            }
        }
    }

    /// `Await` (§27.7.5.3): one reaction without a capability.
    fn go_on(&self, mut call: AsyncCall<Self>, capability: Functions) {
        let (promise, catches) = match call.run() {
            Next::End(completion) => return self.complete(&capability, completion),
            Next::Await(promise, catches) => (promise, catches),
        };
        self.0.edges.borrow_mut().push((promise, capability.promise));
        // One of three continuations takes the call.
        let call = Rc::new(Cell::new(Some((call, capability))));
        let (model, taken) = (self.clone(), call.clone());
        let fulfilled: OnNumber<Self> = Box::new(move |value| {
            let (mut call, capability) = taken.take().expect("a promise settles once");
            call.resumed_with(Ok(value));
            model.go_on(call, capability);
            Ok(Resolution::Value(0))
        });
        let (model, taken) = (self.clone(), call.clone());
        let rejected: OnNumber<Self> = Box::new(move |reason| {
            let (mut call, capability) = taken.take().expect("a promise settles once");
            call.resumed_with(Err(reason));
            if catches {
                model.go_on(call, capability);
            } else {
                model.reject_function(&capability, Thrown::Reason(reason));
            }
            Ok(Resolution::Value(0))
        });
        let (model, taken) = (self.clone(), call);
        let faulted: OnNumber<Self> = Box::new(move |panic| {
            let (_, capability) = taken.take().expect("a promise settles once");
            model.reject_function(&capability, Thrown::Panic(panic));
            Ok(Resolution::Value(0))
        });
        self.perform_promise_then(
            promise,
            Reaction { capability: None, fulfilled: Some(fulfilled), rejected: Some(rejected), faulted: Some(faulted) },
        );
    }

    /// `InternalCallbackScope::Close` and `processTicksAndRejections` of Node.
    fn drain(&self, world: &Rc<World<Self>>) {
        if self.0.ticks.borrow().is_empty() {
            self.run_microtasks();
        }
        loop {
            while let Some(callback) = self.next_tick_callback() {
                callback();
            }
            self.run_microtasks();
            if self.0.ticks.borrow().is_empty() && !self.process_promise_rejections(world) {
                return;
            }
        }
    }

    fn next_tick_callback(&self) -> Option<Box<dyn FnOnce()>> {
        self.0.ticks.borrow_mut().pop_front()
    }

    fn run_microtasks(&self) {
        loop {
            let Some(job) = self.0.jobs.borrow_mut().pop_front() else { return };
            self.run_job(job);
        }
    }

    /// `processPromiseRejections` of Node.
    fn process_promise_rejections(&self, world: &Rc<World<Self>>) -> bool {
        let mut scheduled = false;
        loop {
            let Some(promise) = self.0.handled_late.borrow_mut().pop_front() else { break };
            scheduled = true;
            world.hook("handled late", promise);
        }
        let mut snapshot = std::mem::take(&mut *self.0.unhandled.borrow_mut());
        // A handler takes a promise off the list, but not out of the snapshot.
        snapshot.retain(|&promise| !self.0.promises.borrow()[promise].is_handled);
        for promise in snapshot {
            let seen = {
                let record = &mut self.0.promises.borrow_mut()[promise];
                let State::Settled(seen) = record.state else { unreachable!("it was rejected") };
                record.warned = true;
                seen
            };
            scheduled = true;
            world.hook(&format!("unhandled {seen}"), promise);
        }
        scheduled || !self.0.unhandled.borrow().is_empty()
    }

    /// Whether a pending promise waits for itself.
    fn has_cycle(&self) -> bool {
        let promises = self.0.promises.borrow();
        let mut edges = self.0.edges.take();
        edges.retain(|&(from, _)| matches!(promises[from].state, State::Pending(_)));
        // What nobody in a circle waits for is taken away, until nothing changes.
        loop {
            let before = edges.len();
            let sources: Vec<PromiseIndex> = edges.iter().map(|edge| edge.0).collect();
            edges.retain(|edge| sources.contains(&edge.1));
            if edges.len() == before {
                return before > 0;
            }
        }
    }
}

impl Engine for Model {
    type Promise = PromiseIndex;
    type Functions = Functions;
    type Id = PromiseIndex;

    fn clone_handle(&self, &promise: &PromiseIndex) -> PromiseIndex {
        promise
    }

    fn id(&self, &promise: &PromiseIndex) -> PromiseIndex {
        promise
    }

    fn seen(&self, &promise: &PromiseIndex) -> Option<Seen> {
        match self.0.promises.borrow()[promise].state {
            State::Pending(_) => None,
            State::Settled(seen) => Some(seen),
        }
    }

    fn settled(&self, result: Result<i32, i32>) -> PromiseIndex {
        let capability = self.new_promise_capability();
        self.complete(&capability, result.map(Resolution::Value).map_err(Thrown::Reason));
        capability.promise
    }

    fn with_resolvers(&self) -> (PromiseIndex, Functions) {
        let capability = self.new_promise_capability();
        (capability.promise, capability)
    }

    /// `Promise(executor)` (§27.2.3.1).
    fn construct(&self, executor: Then<Self>) -> PromiseIndex {
        let functions = self.new_promise_capability();
        if let Err(thrown) = executor(functions.clone()) {
            self.reject_function(&functions, thrown);
        }
        functions.promise
    }

    fn resolve_with(&self, resolution: Resolution<Self>) -> PromiseIndex {
        self.promise_resolve(resolution)
    }

    /// `Promise.try` (§27.2.4.8).
    fn attempt(&self, function: Box<dyn FnOnce() -> Completion<Self>>) -> PromiseIndex {
        let capability = self.new_promise_capability();
        self.complete(&capability, function());
        capability.promise
    }

    fn call_resolve(&self, functions: &Functions, resolution: Resolution<Self>) {
        self.resolve_function(functions, resolution);
    }

    fn call_reject(&self, functions: &Functions, reason: i32) {
        self.reject_function(functions, Thrown::Reason(reason));
    }

    fn then(
        &self,
        promise: PromiseIndex,
        fulfilled: Option<OnNumber<Self>>,
        rejected: Option<OnNumber<Self>>,
    ) -> PromiseIndex {
        self.then_with(promise, fulfilled, rejected, None)
    }

    fn handle(&self, promise: PromiseIndex, handler: Box<dyn FnOnce(Seen) -> Completion<Self>>) -> PromiseIndex {
        let handler = Rc::new(Cell::new(Some(handler)));
        let on = |wrap: fn(i32) -> Seen| -> Option<OnNumber<Self>> {
            let handler = handler.clone();
            Some(Box::new(move |number| handler.take().expect("a promise settles once")(wrap(number))))
        };
        self.then_with(promise, on(Seen::Fulfilled), on(Seen::Rejected), on(Seen::Faulted))
    }

    /// `Promise.prototype.finally` (§27.2.5.3).
    fn finally(&self, promise: PromiseIndex, handler: Box<dyn FnOnce() -> Completion<Self>>) -> PromiseIndex {
        let model = self.clone();
        self.handle(promise, Box::new(move |seen| model.after_finally(seen, handler())))
    }

    fn spawn(&self, call: AsyncCall<Self>) -> PromiseIndex {
        let capability = self.new_promise_capability();
        let promise = capability.promise;
        self.go_on(call, capability);
        promise
    }

    fn then_async(&self, promise: PromiseIndex, call: Box<dyn FnOnce(i32) -> AsyncCall<Self>>) -> PromiseIndex {
        let model = self.clone();
        let handler: OnNumber<Self> = Box::new(move |value| Ok(Resolution::Promise(model.spawn(call(value)))));
        self.then_with(promise, Some(handler), None, None)
    }

    fn microtask(&self, callback: Box<dyn FnOnce()>) {
        self.enqueue(Job::Callback(callback));
    }

    fn next_tick(&self, callback: Box<dyn FnOnce()>) {
        self.0.ticks.borrow_mut().push_back(callback);
    }
}
