//! Random programs.
//!
//! A program is well-formed by construction: numbers are given out once, and names refer to what is likely to be
//! assigned.

use std::mem;

use fastrand::Rng;

use crate::program::{
    Block, Body, End, Executor, Function, FunctionsName, Id, ListenerName, Op, Program, PromiseName, Resolvable,
    SignalName, Step, Thenable, TimerName,
};

/// The program of a seed. It has about `size` statements at most.
pub fn program(seed: u64, size: usize) -> Program {
    let mut generator = Generator { rng: Rng::with_seed(seed), ..Generator::default() };
    generator.program(size)
}

/// The program of a seed, of any size from a few statements to some dozen: small ones are more likely.
pub fn program_of_any_size(seed: u64) -> Program {
    let mut rng = Rng::with_seed(!seed);
    let largest = *rng.choice(&[6, 12, 24, 48]).expect("it is not empty");
    program(seed, rng.usize(3..=largest))
}

/// How deep functions stand in one another at most.
const DEEPEST: usize = 5;

#[derive(Default)]
struct Generator {
    rng: Rng,
    next: Id,
    /// How many statements may be made still.
    budget: usize,
    depth: usize,
    promises: Names,
    functions: Names,
    timers: Names,
    signals: Names,
    /// Those among them that have a controller.
    controllers: Names,
    listeners: Names,
    has_timers: bool,
    has_signals: bool,
    has_stores: bool,
}

/// The numbers that a name may have here.
#[derive(Default)]
struct Names {
    /// Assigned by statements that stand before, in this block or around it.
    visible: Vec<Id>,
    /// Assigned by code that may not have run yet.
    elsewhere: Vec<Id>,
}

impl Names {
    /// One of them: one of the latest, mostly.
    fn choose(&self, rng: &mut Rng) -> Option<Id> {
        let names = if self.visible.is_empty() || rng.u8(..8) == 0 { &self.elsewhere } else { &self.visible };
        let latest = names.len().saturating_sub(if rng.u8(..4) == 0 { names.len() } else { 3 });
        rng.choice(&names[latest..]).copied()
    }

    /// Leaves a block that was entered when `length` names were visible.
    fn leave(&mut self, length: usize) {
        self.elsewhere.extend(self.visible.drain(length..));
    }
}

/// A choice of one among several, by weight: `pick!(rng; 3 => a, 1 => b)`.
macro_rules! pick {
    ($rng:expr; $($weight:expr => $choice:expr),+ $(,)?) => {{
        let mut left = $rng.u32(0..0 $(+ $weight)+);
        loop {
            $(
                if left < $weight {
                    break $choice;
                }
                left -= $weight;
            )+
            unreachable!("{left} is too many: a choice was made before");
        }
    }};
}

impl Generator {
    fn program(&mut self, size: usize) -> Program {
        self.has_timers = self.rng.u8(..3) == 0;
        self.has_signals = self.rng.u8(..4) == 0;
        self.has_stores = self.rng.u8(..4) == 0;
        let (keep, uncounted) = (self.rng.bool(), self.rng.u8(..8) == 0);
        let tasks = pick!(self.rng; 4 => 1, 1 => 2, 1 => 3);
        let shares = size.div_ceil(tasks);
        let tasks = (0..tasks).map(|_| self.outer_block(shares)).collect();
        let listens = self.rng.u8(..3) == 0;
        let mut blocks = |most: usize| -> Vec<Block> {
            let count = if listens { self.rng.usize(..=most) } else { 0 };
            (0..count).map(|_| self.outer_block(2)).collect()
        };
        Program { tasks, unhandled: blocks(2), handled: blocks(1), keep, uncounted }
    }

    /// The statements of a macrotask or a listener: what they assign stays visible.
    fn outer_block(&mut self, size: usize) -> Block {
        self.budget = size;
        let mut block = Block::new();
        while self.budget > 0 {
            block.push(self.op());
        }
        block
    }

    fn id(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    /// A number for a promise, which is visible from here on.
    fn new_promise(&mut self, id: Id) -> Id {
        self.promises.visible.push(id);
        id
    }

    /// Code that runs later, or in a scope of its own.
    fn nested<R>(&mut self, make: impl FnOnce(&mut Self) -> R) -> R {
        let (promises, functions) = (self.promises.visible.len(), self.functions.visible.len());
        let timers = self.timers.visible.len();
        let (signals, controllers) = (self.signals.visible.len(), self.controllers.visible.len());
        let listeners = self.listeners.visible.len();
        self.depth += 1;
        let result = make(self);
        self.depth -= 1;
        self.promises.leave(promises);
        self.functions.leave(functions);
        self.timers.leave(timers);
        self.signals.leave(signals);
        self.controllers.leave(controllers);
        self.listeners.leave(listeners);
        result
    }

    /// Up to `most` statements, fewer the deeper they stand.
    fn statements(&mut self, most: usize) -> Block {
        let most = most.min(self.budget).min(DEEPEST.saturating_sub(self.depth));
        let count = if most == 0 { 0 } else { self.rng.usize(..=most) };
        (0..count).map(|_| self.op()).collect()
    }

    fn block(&mut self) -> Block {
        self.nested(|inner| inner.statements(3))
    }

    fn number(&mut self) -> i32 {
        self.rng.i32(1..10)
    }

    fn promise(&mut self) -> Option<PromiseName> {
        self.promises.choose(&mut self.rng).map(PromiseName)
    }

    fn functions(&mut self) -> Option<FunctionsName> {
        self.functions.choose(&mut self.rng).map(FunctionsName)
    }

    fn op(&mut self) -> Op {
        self.budget = self.budget.saturating_sub(1);
        let id = self.id();
        if self.has_timers && self.rng.u8(..3) == 0 {
            self.timer(id)
        } else if self.has_signals && self.rng.u8(..2) == 0 {
            self.signal_op(id)
        } else {
            self.other_op(id)
        }
    }

    fn signal_op(&mut self, id: Id) -> Op {
        let Some(signal) = self.signals.choose(&mut self.rng).map(SignalName) else {
            self.controllers.visible.push(id);
            return Op::Controller(self.new_signal(id));
        };
        pick!(self.rng;
            2 => {
                self.controllers.visible.push(id);
                Op::Controller(self.new_signal(id))
            },
            2 => {
                let count = self.rng.usize(..4);
                let signals = (0..count).filter_map(|_| self.signals.choose(&mut self.rng).map(SignalName)).collect();
                Op::AnySignal(self.new_signal(id), signals)
            },
            1 => if self.has_timers {
                let ms = self.ms();
                Op::TimeoutSignal(self.new_signal(id), ms)
            } else { Op::LookAtSignal(signal) },
            4 => match self.controllers.choose(&mut self.rng) {
                Some(controller) => Op::Abort(SignalName(controller), self.number()),
                None => Op::LookAtSignal(signal),
            },
            5 => {
                // Within a listener Node 20 has not aborted yet what follows the signal.
                let has_signals = mem::take(&mut self.has_signals);
                let block = self.block();
                self.has_signals = has_signals;
                self.listeners.visible.push(id);
                Op::OnAbort(id, signal, block)
            },
            2 => match self.listeners.choose(&mut self.rng) {
                Some(listener) => Op::RemoveListener(ListenerName(listener)),
                None => Op::LookAtSignal(signal),
            },
            5 => match self.promise() {
                Some(on) => Op::Abortable(self.new_promise(id), on, signal),
                None => self.source(id),
            },
            1 => Op::LookAtSignal(signal),
        )
    }

    fn new_signal(&mut self, id: Id) -> Id {
        self.signals.visible.push(id);
        id
    }

    fn timer(&mut self, id: Id) -> Op {
        pick!(self.rng;
            4 => {
                let (ms, block) = (self.ms(), self.block());
                Op::Timeout(self.new_timer(id), ms, block)
            },
            3 => {
                let block = self.block();
                Op::Immediate(self.new_timer(id), block)
            },
            2 => {
                let (ms, calls) = (self.ms(), self.rng.usize(1..4));
                let blocks = (0..calls).map(|_| self.block()).collect();
                Op::Interval(self.new_timer(id), ms, blocks)
            },
            3 => match self.timers.choose(&mut self.rng) {
                Some(timer) => self.change_of(TimerName(timer)),
                None => Op::Busy(self.ms()),
            },
        )
    }

    fn change_of(&mut self, timer: TimerName) -> Op {
        pick!(self.rng;
            3 => Op::Clear(timer),
            1 => Op::Refresh(timer),
            2 => Op::KeepAlive(timer, self.rng.u8(..3) == 0),
        )
    }

    fn new_timer(&mut self, id: Id) -> Id {
        self.timers.visible.push(id);
        id
    }

    fn ms(&mut self) -> u32 {
        *self.rng.choice(&[0, 1, 1, 2, 2, 3, 4, 5, 5, 10]).expect("it is not empty")
    }

    fn other_op(&mut self, id: Id) -> Op {
        pick!(self.rng;
            10 => match self.promise() {
                Some(on) => self.then(id, on),
                None => self.source(id),
            },
            6 => self.source(id),
            5 => match self.functions() {
                Some(functions) => self.call(functions),
                None => self.source(id),
            },
            3 => match self.promise() {
                Some(on) => {
                    let function = self.function(id, false);
                    Op::Finally(self.new_promise(id), on, function)
                }
                None => self.source(id),
            },
            4 => {
                let body = self.nested(|inner| inner.body(Some(id)));
                Op::Async(self.new_promise(id), body)
            },
            3 => {
                let elements = self.elements();
                let combine = *self.rng.choice(&[Op::All, Op::AllSettled, Op::Any, Op::Race]).expect("it is not empty");
                combine(self.new_promise(id), elements)
            },
            1 => {
                let function = self.function(id, true);
                Op::Try(self.new_promise(id), function)
            },
            3 => Op::Microtask(id, self.block()),
            2 => Op::Tick(id, self.block()),
            2 => if self.has_stores {
                let block = self.block();
                Op::RunIn(self.rng.i32(1..10), block)
            } else {
                self.source(id)
            },
            1 => match self.promise() {
                Some(on) => Op::Look(on),
                None => self.source(id),
            },
            1 => match (self.promise(), self.promise()) {
                (Some(a), Some(b)) if self.rng.bool() => Op::Same(a, b),
                _ => self.source(id),
            },
        )
    }

    /// A statement that makes a promise from nothing.
    fn source(&mut self, id: Id) -> Op {
        pick!(self.rng;
            3 => {
                let value = self.resolvable();
                Op::Resolve(self.new_promise(id), value)
            },
            3 => {
                let reason = self.number();
                Op::Reject(self.new_promise(id), reason)
            },
            3 => {
                self.functions.visible.push(id);
                Op::WithResolvers(self.new_promise(id))
            },
            3 => {
                // The functions outlive the executor, for it stores them.
                self.functions.visible.push(id);
                let executor = self.nested(|inner| inner.executor(id));
                Op::New(self.new_promise(id), executor)
            },
        )
    }

    fn then(&mut self, id: Id, on: PromiseName) -> Op {
        let (fulfilled, rejected) =
            pick!(self.rng; 5 => (true, false), 4 => (false, true), 3 => (true, true), 1 => (false, false));
        let fulfilled = fulfilled.then(|| self.function(id, true));
        let rejected = rejected.then(|| self.function(id, true));
        Op::Then(self.new_promise(id), on, fulfilled, rejected)
    }

    fn call(&mut self, functions: FunctionsName) -> Op {
        pick!(self.rng;
            3 => Op::CallResolve(functions, self.resolvable()),
            1 => Op::CallReject(functions, self.number()),
        )
    }

    fn resolvable(&mut self) -> Resolvable {
        pick!(self.rng;
            4 => Resolvable::Number(self.number()),
            3 => match self.promise() {
                Some(name) => Resolvable::Promise(name),
                None => Resolvable::Number(self.number()),
            },
            2 => match self.depth {
                ..DEEPEST => Resolvable::Thenable(self.thenable()),
                DEEPEST.. => Resolvable::Number(self.number()),
            },
        )
    }

    fn elements(&mut self) -> Vec<Resolvable> {
        let count = self.rng.usize(..4);
        (0..count).map(|_| self.resolvable()).collect()
    }

    fn thenable(&mut self) -> Thenable {
        let id = self.id();
        let then = self.nested(|inner| {
            inner.functions.visible.push(id);
            inner.executor(id)
        });
        Thenable { id, then }
    }

    /// Code that is given resolving functions: mostly it calls them, now or later.
    fn executor(&mut self, id: Id) -> Executor {
        let mut block = self.statements(1);
        let calls = pick!(self.rng; 2 => 0, 4 => 1, 1 => 2);
        for _ in 0..calls {
            let call = self.call(FunctionsName(id));
            block.push(match self.rng.u8(..6) {
                0 => Op::Microtask(self.id(), vec![call]),
                1 => Op::Tick(self.id(), vec![call]),
                _ => call,
            });
        }
        let throw = (self.rng.u8(..5) == 0).then(|| self.number());
        Executor { block, throw }
    }

    /// A handler of what has the number `id`. If it `resolves` that promise, it may return it, which is an error of the
    /// program that JavaScript reports.
    fn function(&mut self, id: Id, resolves: bool) -> Function {
        self.nested(|inner| {
            let block = inner.statements(2);
            let myself = resolves.then_some(id);
            Function { block, end: inner.end(myself) }
        })
    }

    fn end(&mut self, myself: Option<Id>) -> End {
        pick!(self.rng;
            4 => End::Argument,
            5 => End::Return(self.resolvable()),
            2 => End::Throw(self.number()),
            1 => match self.depth {
                ..DEEPEST => End::Async(Box::new(self.nested(|inner| inner.body(None)))),
                DEEPEST.. => End::Argument,
            },
            1 => match myself {
                Some(id) if self.rng.u8(..4) == 0 => End::Return(Resolvable::Promise(PromiseName(id))),
                _ => End::Argument,
            },
        )
    }

    fn body(&mut self, myself: Option<Id>) -> Body {
        let steps = self.steps(3);
        Body { steps, end: self.end(myself) }
    }

    fn steps(&mut self, most: usize) -> Vec<Step> {
        let count = self.rng.usize(..=most.min(DEEPEST.saturating_sub(self.depth)));
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        let id = self.id();
        pick!(self.rng;
            6 => Step::Await(id, self.resolvable()),
            3 => match self.budget {
                0 => Step::Await(id, self.resolvable()),
                1.. => Step::Do(self.op()),
            },
            3 => {
                let steps = self.nested(|inner| inner.steps(2));
                Step::Try(id, steps, self.nested(|inner| inner.steps(1)))
            },
            1 => Step::Throw(self.number()),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_is_a_program() {
        assert_eq!(program_of_any_size(7), program_of_any_size(7));
        assert_ne!(program_of_any_size(7), program_of_any_size(8));
    }

    #[test]
    fn programs_survive_json() {
        for seed in 0..500 {
            let program = program_of_any_size(seed);
            assert_eq!(Program::from_json(&program.to_json()).unwrap(), program, "seed {seed}");
        }
    }

    /// The names of statements, ends and steps are the keys of objects with one field.
    fn count_keys(value: &serde_json::Value, keys: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                keys.extend(fields.keys().cloned());
                fields.values().for_each(|value| count_keys(value, keys));
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| count_keys(value, keys)),
            _ => {}
        }
    }

    #[test]
    fn everything_is_generated() {
        let mut keys = BTreeSet::new();
        for seed in 0..500 {
            count_keys(&serde_json::to_value(program_of_any_size(seed)).unwrap(), &mut keys);
        }
        let expected = "abort abortable all all_settled any any_signal async await busy call_reject call_resolve clear \
                        controller do end finally handled immediate interval keep keep_alive look look_at_signal \
                        microtask new on_abort race refresh reject remove_listener resolve return run_in same steps \
                        tasks then thenable throw tick timeout timeout_signal try uncounted unhandled with_resolvers";
        assert_eq!(keys.into_iter().collect::<Vec<_>>().join(" "), expected);
    }
}
