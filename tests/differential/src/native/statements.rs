//! What each statement is in Rust.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use thenable::{
    Outcome, Reject, Resolution, Resolve, elapse, next_tick, now, queue_microtask, set_immediate, set_interval,
    set_timeout,
};

use super::world::{Functions, Promise, STORE, Timer, World};
use super::{Faults, Value};
use crate::program::{
    Block, Body, End, Executor, Function, Id, Op, PromiseName, Resolvable, Step, Thenable, TimerName,
};

/// What a handler comes to.
type Completion = Resolution<Value, Value>;

/// A handler of a value or a reason.
type Handler = Box<dyn FnOnce(Value) -> Completion>;

impl World {
    pub(super) fn run(self: &Rc<Self>, block: &Block) {
        for op in block {
            self.op(op);
        }
    }

    fn op(self: &Rc<Self>, op: &Op) {
        match op {
            Op::Resolve(id, Resolvable::Number(number)) => self.keep(*id, Promise::resolve(Value::Number(*number))),
            Op::Resolve(id, value) => self.keep(*id, Promise::resolve_with(self.resolution(Some(*id), value))),
            Op::Reject(id, reason) => self.keep(*id, Promise::reject(Value::Number(*reason))),
            Op::New(id, executor) => self.new_promise(*id, executor),
            Op::WithResolvers(id) => {
                let (promise, resolve, reject) = Promise::with_resolvers();
                self.keep_functions(*id, Functions { resolve, reject, target: Some(*id) });
                self.keep(*id, promise);
            }
            Op::Try(id, function) => {
                self.keep(*id, Promise::attempt(|| self.without_argument('x', *id, Some(*id), function)));
            }
            Op::Then(id, on, fulfilled, rejected) => self.then(*id, *on, fulfilled.as_ref(), rejected.as_ref()),
            Op::Finally(id, on, function) => self.finally(*id, *on, function),
            Op::Async(id, body) => {
                let (world, id, body) = (self.clone(), *id, body.clone());
                self.keep(
                    id,
                    Promise::spawn(async move {
                        world.word(format_args!("a{id}"));
                        world.body(body, Some(id)).await
                    }),
                );
            }
            Op::All(id, elements) => self.all(*id, elements),
            Op::AllSettled(id, elements) => self.all_settled(*id, elements),
            Op::Any(id, elements) => self.any(*id, elements),
            Op::Race(id, elements) => self.keep(*id, Promise::race(self.elements(elements))),
            Op::CallResolve(functions, value) => {
                let Some(Functions { resolve, target, .. }) = self.functions(*functions) else { return };
                match value {
                    Resolvable::Number(number) => resolve(Value::Number(*number)),
                    value => resolve.with(self.resolution(target, value)),
                }
            }
            Op::CallReject(functions, reason) => {
                let Some(Functions { reject, .. }) = self.functions(*functions) else { return };
                reject(Value::Number(*reason));
            }
            Op::Microtask(id, block) => queue_microtask(self.callback('m', *id, block)),
            Op::Tick(id, block) => next_tick(self.callback('k', *id, block)),
            Op::Immediate(id, block) => {
                self.keep_timer(*id, Timer::Immediate(set_immediate(self.callback('n', *id, block))));
            }
            Op::Timeout(id, ms, block) => self.timeout(*id, *ms, block),
            Op::Interval(id, ms, blocks) => self.interval(*id, *ms, blocks),
            Op::Clear(name) => self.clear(*name),
            Op::Refresh(name) => self.refresh(*name),
            Op::KeepAlive(name, alive) => self.keep_alive(*name, *alive),
            Op::RunIn(store, block) => STORE.run(*store, || self.run(block)),
            Op::Controller(..)
            | Op::AnySignal(..)
            | Op::TimeoutSignal(..)
            | Op::Abort(..)
            | Op::OnAbort(..)
            | Op::RemoveListener(..)
            | Op::Abortable(..)
            | Op::LookAtSignal(..) => self.signal_op(op),
            Op::Busy(ms) => elapse(milliseconds(*ms)),
            Op::Look(on) => self.word(format_args!("s{}{}", on.0, self.state(on.0))),
            Op::Same(a, b) => self.word(if self.same(*a, *b) { "same" } else { "different" }),
        }
    }

    fn callback(self: &Rc<Self>, letter: char, id: Id, block: &Block) -> impl FnOnce() + use<> {
        let (world, block) = (self.clone(), block.clone());
        move || {
            world.word(format_args!("{letter}{id}"));
            world.run(&block);
        }
    }

    fn timeout(self: &Rc<Self>, id: Id, ms: u32, block: &Block) {
        let (world, block) = (self.clone(), block.clone());
        let callback = move || {
            world.word(format_args!("o{id}({})", now().as_millis()));
            world.run(&block);
        };
        self.keep_timer(id, Timer::Timeout(set_timeout(callback, milliseconds(ms))));
    }

    fn interval(self: &Rc<Self>, id: Id, ms: u32, blocks: &[Block]) {
        let (world, mut blocks) = (self.clone(), VecDeque::from(blocks.to_vec()));
        let callback = move || {
            world.word(format_args!("i{id}({})", now().as_millis()));
            world.run(&blocks.pop_front().unwrap_or_default());
            if blocks.is_empty() {
                world.clear(TimerName(id));
            }
        };
        self.keep_timer(id, Timer::Timeout(set_interval(callback, milliseconds(ms))));
    }

    /// What `resolvable` is. It is to resolve the promise of `target`, if that has a number.
    fn resolution(self: &Rc<Self>, target: Option<Id>, resolvable: &Resolvable) -> Completion {
        match resolvable {
            Resolvable::Number(number) => Resolution::Fulfill(Value::Number(*number)),
            Resolvable::Promise(name) => match self.promise(*name) {
                Some(promise) => {
                    self.note_resolution(target, &promise);
                    Resolution::Adopt(promise)
                }
                None => Resolution::Fulfill(Value::Undefined),
            },
            Resolvable::Thenable(Thenable { id, then }) => {
                let (world, id, executor) = (self.clone(), *id, then.clone());
                Resolution::Thenable(Box::new(move |resolve: Resolve<_, _>, reject: Reject<_, _>| {
                    world.word(format_args!("t{id}"));
                    world.execute(id, &executor, Functions { resolve, reject, target })
                }))
            }
        }
    }

    fn elements(self: &Rc<Self>, elements: &[Resolvable]) -> impl Iterator<Item = Completion> {
        elements.iter().map(|element| self.resolution(None, element))
    }

    fn all(self: &Rc<Self>, id: Id, elements: &[Resolvable]) {
        let gathered = thenable::Promise::all(self.elements(elements));
        self.keep(id, gathered.map(self.logging('f', id, Value::List)));
    }

    fn all_settled(self: &Rc<Self>, id: Id, elements: &[Resolvable]) {
        let gathered = thenable::Promise::all_settled(self.elements(elements));
        let to_value = |outcomes: Rc<[_]>| Value::Outcomes(outcomes.iter().map(to_result).collect());
        self.keep(id, gathered.map(self.logging('f', id, to_value)).map_err(|never| match never {}));
    }

    fn any(self: &Rc<Self>, id: Id, elements: &[Resolvable]) {
        let gathered = thenable::Promise::any(self.elements(elements));
        let to_reason = self.logging('r', id, Value::Errors);
        // A fault was made a reason where a function awaited it. To the oracle it is the fault of the whole all the same.
        let has_fault = |errors: &[Value]| errors.contains(&Value::TypeError);
        self.keep(
            id,
            gathered.map_err(move |error| match error.errors {
                errors if has_fault(&errors) => Value::TypeError,
                errors => to_reason(errors),
            }),
        );
    }

    /// Logs what a combinator gives, and makes a value of it.
    fn logging<T>(
        self: &Rc<Self>,
        letter: char,
        id: Id,
        to_value: fn(Rc<[T]>) -> Value,
    ) -> impl FnOnce(Vec<T>) -> Value + use<T> {
        let world = self.clone();
        move |elements| {
            let value = to_value(elements.into());
            world.word(format_args!("{letter}{id}({value})"));
            value
        }
    }

    fn new_promise(self: &Rc<Self>, id: Id, executor: &Executor) {
        let execute = |resolve, reject| self.execute(id, executor, Functions { resolve, reject, target: Some(id) });
        let promise = match executor.throw {
            Some(_) => Promise::try_new(execute),
            None => Promise::new(|resolve, reject| execute(resolve, reject).expect("it throws nothing")),
        };
        self.keep(id, promise);
    }

    fn execute(self: &Rc<Self>, id: Id, executor: &Executor, functions: Functions) -> Result<(), Value> {
        self.keep_functions(id, functions);
        self.run(&executor.block);
        executor.throw.map_or(Ok(()), |reason| Err(Value::Number(reason)))
    }

    fn then(self: &Rc<Self>, id: Id, on: PromiseName, fulfilled: Option<&Function>, rejected: Option<&Function>) {
        let Some(promise) = self.promise(on) else { return };
        let on_fulfilled = fulfilled.map(|function| self.handler('f', id, function));
        let on_rejected = rejected.map(|function| self.handler('r', id, function));
        let derived = match (on_fulfilled, on_rejected) {
            (on_fulfilled, Some(on_rejected)) if self.faults == Faults::Caught => {
                promise.handle(|outcome| match outcome {
                    Outcome::Fulfilled(value) => match on_fulfilled {
                        Some(on_fulfilled) => on_fulfilled(value),
                        None => Resolution::Fulfill(value),
                    },
                    Outcome::Rejected(reason) => on_rejected(reason),
                    Outcome::Faulted(_) => on_rejected(Value::TypeError),
                })
            }
            (Some(on_fulfilled), Some(on_rejected)) => promise.then_catch(on_fulfilled, on_rejected),
            (Some(on_fulfilled), None) => match fulfilled.and_then(only_async) {
                Some(body) => promise.then_async(self.async_handler('f', id, body)),
                None => promise.then(on_fulfilled),
            },
            (None, Some(on_rejected)) => match rejected.and_then(only_async) {
                Some(body) => promise.catch_async(self.async_handler('r', id, body)),
                None => promise.catch(on_rejected),
            },
            (None, None) => promise.map(|value| value),
        };
        self.keep(id, derived);
    }

    fn finally(self: &Rc<Self>, id: Id, on: PromiseName, function: &Function) {
        let Some(promise) = self.promise(on) else { return };
        let (world, function) = (self.clone(), function.clone());
        let may_fail = !matches!(function.end, End::Argument | End::Return(Resolvable::Number(_)));
        // What it returns is not what resolves the derived promise, so that can wait for itself.
        let on_settled = move || world.without_argument('y', id, None, &function);
        let derived = if may_fail && self.faults == Faults::Caught {
            finally_by_definition(promise, on_settled)
        } else {
            promise.finally(on_settled)
        };
        self.keep(id, derived);
    }

    /// A handler that resolves the promise of `id`.
    fn handler(self: &Rc<Self>, letter: char, id: Id, function: &Function) -> Handler {
        let (world, function) = (self.clone(), function.clone());
        Box::new(move |argument| {
            world.word(format_args!("{letter}{id}({argument})"));
            world.run(&function.block);
            world.end(Some(id), &function.end, argument)
        })
    }

    fn without_argument(self: &Rc<Self>, letter: char, id: Id, target: Option<Id>, function: &Function) -> Completion {
        self.word(format_args!("{letter}{id}"));
        self.run(&function.block);
        self.end(target, &function.end, Value::Undefined)
    }

    fn end(self: &Rc<Self>, target: Option<Id>, end: &End, argument: Value) -> Completion {
        match end {
            End::Argument => Resolution::Fulfill(argument),
            End::Return(value) => self.resolution(target, value),
            End::Throw(reason) => Resolution::Reject(Value::Number(*reason)),
            End::Async(body) => Resolution::Adopt(Promise::spawn(self.clone().body((**body).clone(), None))),
        }
    }

    // Async functions.

    fn async_handler(
        self: &Rc<Self>,
        letter: char,
        id: Id,
        body: &Body,
    ) -> impl FnOnce(Value) -> Pin<Box<dyn Future<Output = Completion>>> + use<> {
        let (world, body) = (self.clone(), body.clone());
        move |argument| {
            world.word(format_args!("{letter}{id}({argument})"));
            Box::pin(world.body(body, None))
        }
    }

    async fn body(self: Rc<Self>, body: Body, target: Option<Id>) -> Completion {
        let mut last = Value::Undefined;
        match self.steps(&body.steps, &mut last).await {
            Ok(()) => self.end(target, &body.end, last),
            Err(reason) => Resolution::Reject(reason),
        }
    }

    /// Boxed, for a `try` block has steps in it.
    fn steps<'a>(
        self: &'a Rc<Self>,
        steps: &'a [Step],
        last: &'a mut Value,
    ) -> Pin<Box<dyn Future<Output = Result<(), Value>> + 'a>> {
        Box::pin(async move {
            for step in steps {
                match step {
                    Step::Do(op) => self.op(op),
                    Step::Await(id, value) => {
                        *last = self.awaited(value).await?;
                        self.word(format_args!("w{id}({last})"));
                    }
                    Step::Try(id, steps, caught) => {
                        if let Err(reason) = self.steps(steps, last).await {
                            self.word(format_args!("c{id}({reason})"));
                            self.steps(caught, last).await?;
                        }
                    }
                    Step::Throw(reason) => return Err(Value::Number(*reason)),
                }
            }
            Ok(())
        })
    }

    /// `await x` is `Promise.resolve(x).await`.
    async fn awaited(self: &Rc<Self>, value: &Resolvable) -> Result<Value, Value> {
        let promise = Promise::resolve_with(self.resolution(None, value));
        match self.faults {
            Faults::Absent => promise.await,
            Faults::Caught => AssertUnwindSafe(promise).catch_unwind().await.unwrap_or(Err(Value::TypeError)),
        }
    }
}

fn to_result(outcome: &Outcome<Value, Value>) -> Result<Value, Value> {
    match outcome {
        Outcome::Fulfilled(value) => Ok(value.clone()),
        Outcome::Rejected(reason) => Err(reason.clone()),
        Outcome::Faulted(_) => Err(Value::TypeError),
    }
}

fn milliseconds(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

/// The body of a handler that does nothing but call an async function.
fn only_async(function: &Function) -> Option<&Body> {
    match &function.end {
        End::Async(body) if function.block.is_empty() => Some(body),
        _ => None,
    }
}

/// `finally` as ECMA-262 defines it: a failure of the handler takes the place of a `TypeError`, too. The verb of the
/// crate would not let it take the place of a fault.
fn finally_by_definition(promise: Promise, on_settled: impl FnOnce() -> Completion + 'static) -> Promise {
    promise.handle(move |outcome| {
        let result = to_result(&outcome);
        match on_settled() {
            Resolution::Reject(reason) => Resolution::Reject(reason),
            returned => Resolution::Adopt(Promise::resolve_with(returned).then(move |_| result)),
        }
    })
}
