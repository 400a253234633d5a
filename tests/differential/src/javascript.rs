//! A program as JavaScript: what Node runs, and what a person reads.
//!
//! The functions that are not JavaScript's own (`log`, `macrotask` and their like) stand in `oracle.js`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

use crate::program::{
    Block, Body, End, Executor, Fate, Function, FunctionsName, Id, ListenerName, Op, Program, PromiseName, Resolvable,
    SignalName, Step, Uses,
};

/// The program in JavaScript.
pub fn source(program: &Program) -> String {
    let writer = Writer {
        uses: program.uses(),
        has_stores: program.to_json().contains("run_in"),
        promises: RefCell::default(),
        functions: RefCell::default(),
        timers: RefCell::default(),
        signals: RefCell::default(),
        listeners: RefCell::default(),
    };
    let mut code = Vec::new();
    code.extend(program.tasks.iter().map(|task| format!("macrotask({});", writer.callback(task))));
    code.extend(program.unhandled.iter().map(|block| format!("onUnhandled({});", writer.callback(block))));
    code.extend(program.handled.iter().map(|block| format!("onHandled({});", writer.callback(block))));
    code.extend(writer.epilogue());
    let mut source: Vec<String> = writer.declarations().into_iter().collect();
    source.append(&mut code);
    source.join("\n") + "\n"
}

struct Writer {
    uses: Uses,
    /// Whether anything runs with a store.
    has_stores: bool,
    /// The numbers whose promise the program assigns or names.
    promises: RefCell<BTreeSet<Id>>,
    /// The numbers whose resolving functions the program assigns or names.
    functions: RefCell<BTreeSet<Id>>,
    /// The numbers whose timer the program assigns or names.
    timers: RefCell<BTreeSet<Id>>,
    /// The numbers whose signal the program assigns or names.
    signals: RefCell<BTreeSet<Id>>,
    /// The numbers whose listener the program assigns or names.
    listeners: RefCell<BTreeSet<Id>>,
}

/// Statements in braces.
fn braces(statements: &[String]) -> String {
    if statements.is_empty() {
        return "{}".to_string();
    }
    let lines = statements.iter().flat_map(|statement| statement.lines());
    let inner: Vec<String> = lines.map(|line| format!("  {line}")).collect();
    format!("{{\n{}\n}}", inner.join("\n"))
}

/// Logs that the code of this label runs.
fn log(letter: char, id: Id) -> String {
    format!("log('{letter}{id}');")
}

impl Writer {
    fn declarations(&self) -> Option<String> {
        let promises = self.promises.borrow().iter().map(|id| format!("p{id}")).collect::<Vec<_>>();
        let functions = self.functions.borrow().iter().map(|id| format!("resolve{id}, reject{id}")).collect::<Vec<_>>();
        let timers = self.timers.borrow().iter().map(|id| format!("timer{id}")).collect::<Vec<_>>();
        let signals = self.signals.borrow().iter().map(|id| format!("controller{id}, signal{id}")).collect::<Vec<_>>();
        let listeners = self.listeners.borrow().iter().map(|id| format!("listener{id}")).collect::<Vec<_>>();
        let names = [promises, functions, timers, signals, listeners].concat();
        (!names.is_empty()).then(|| format!("let {};", names.join(", ")))
    }

    /// Tells the oracle what the promises are called, which of them the trace ends with (those of which Rust has a handle
    /// still), and the timers.
    fn epilogue(&self) -> impl Iterator<Item = String> {
        let promises = self.promises.borrow();
        let pair = |id: &Id| format!("[{id}, p{id}]");
        let kept = promises.iter().filter(|id| self.uses.fate(PromiseName(**id)) == Fate::Keep);
        let timers = self.timers.borrow().iter().map(|id| format!("timer{id}")).collect();
        let lists =
            [("names", promises.iter().map(pair).collect()), ("states", kept.map(pair).collect()), ("timers", timers)];
        let told = lists.into_iter().filter(|(_, list): &(_, Vec<_>)| !list.is_empty());
        told.map(|(function, list)| format!("{function}(() => [{}]);", list.join(", ")))
    }

    fn promise(&self, name: PromiseName) -> String {
        self.promises.borrow_mut().insert(name.0);
        name.to_string()
    }

    /// Assigns the promise of `id`.
    fn assign(&self, id: Id, value: impl Display) -> String {
        format!("{} = {value};", self.promise(PromiseName(id)))
    }

    fn resolve_function(&self, name: FunctionsName) -> String {
        self.functions.borrow_mut().insert(name.0);
        format!("resolve{}", name.0)
    }

    fn reject_function(&self, name: FunctionsName) -> String {
        self.functions.borrow_mut().insert(name.0);
        format!("reject{}", name.0)
    }

    fn timer(&self, id: Id) -> String {
        self.timers.borrow_mut().insert(id);
        format!("timer{id}")
    }

    fn callback(&self, block: &Block) -> String {
        format!("() => {}", braces(&self.block(block)))
    }

    /// A callback that logs first.
    fn logging_callback(&self, letter: char, id: Id, block: &Block) -> String {
        let mut statements = vec![log(letter, id)];
        statements.extend(self.block(block));
        format!("() => {}", braces(&statements))
    }

    fn block(&self, block: &Block) -> Vec<String> {
        block.iter().map(|op| self.op(op)).collect()
    }

    fn op(&self, op: &Op) -> String {
        match op {
            Op::Resolve(id, value) => self.assign(*id, format!("Promise.resolve({})", self.resolvable(value))),
            Op::Reject(id, reason) => self.assign(*id, format!("Promise.reject({reason})")),
            Op::New(id, executor) => {
                let body = braces(&self.executor(*id, executor, vec![]));
                self.assign(*id, format!("new Promise((resolve, reject) => {body})"))
            }
            Op::WithResolvers(id) => {
                let (promise, functions) = (self.promise(PromiseName(*id)), FunctionsName(*id));
                let (resolve, reject) = (self.resolve_function(functions), self.reject_function(functions));
                format!("({{ promise: {promise}, resolve: {resolve}, reject: {reject} }} = Promise.withResolvers());")
            }
            Op::Try(id, function) => {
                self.assign(*id, format!("Promise.try({})", self.function('x', *id, "", function)))
            }
            Op::Then(id, on, fulfilled, rejected) => {
                let on = self.promise(*on);
                let fulfilled = fulfilled.as_ref().map(|function| self.function('f', *id, "v", function));
                let rejected = rejected.as_ref().map(|function| self.function('r', *id, "e", function));
                let call = match (fulfilled, rejected) {
                    (Some(fulfilled), Some(rejected)) => format!("then({fulfilled}, {rejected})"),
                    (Some(fulfilled), None) => format!("then({fulfilled})"),
                    (None, Some(rejected)) => format!("catch({rejected})"),
                    (None, None) => "then()".to_string(),
                };
                self.assign(*id, format!("{on}?.{call}"))
            }
            Op::Finally(id, on, function) => {
                let on = self.promise(*on);
                self.assign(*id, format!("{on}?.finally({})", self.function('y', *id, "", function)))
            }
            Op::Async(id, body) => self.assign(*id, self.async_call(vec![log('a', *id)], body)),
            Op::All(id, elements) => {
                let handler = format!("v => {{ log('f{id}', v); return v; }}");
                self.assign(*id, format!("Promise.all({}).then({handler})", self.elements(elements)))
            }
            Op::AllSettled(id, elements) => {
                let handler = format!("v => {{ log('f{id}', v); return v; }}");
                self.assign(*id, format!("Promise.allSettled({}).then({handler}).then()", self.elements(elements)))
            }
            Op::Any(id, elements) => {
                let handler = format!("e => {{ throw logErrors('r{id}', e); }}");
                self.assign(*id, format!("Promise.any({}).catch({handler})", self.elements(elements)))
            }
            Op::Race(id, elements) => self.assign(*id, format!("Promise.race({})", self.elements(elements))),
            Op::CallResolve(functions, value) => {
                format!("{}?.({});", self.resolve_function(*functions), self.resolvable(value))
            }
            Op::CallReject(functions, reason) => format!("{}?.({reason});", self.reject_function(*functions)),
            Op::Microtask(id, block) => format!("queueMicrotask({});", self.logging_callback('m', *id, block)),
            Op::Tick(id, block) => format!("process.nextTick({});", self.logging_callback('k', *id, block)),
            Op::Immediate(id, block) => {
                format!("{} = setImmediate({});", self.timer(*id), self.logging_callback('n', *id, block))
            }
            Op::Timeout(id, ms, block) => {
                let mut statements = vec![format!("log('o{id}', now());")];
                statements.extend(self.block(block));
                format!("{} = setTimeout(() => {}, {ms});", self.timer(*id), braces(&statements))
            }
            Op::Interval(id, ms, blocks) => {
                let blocks: Vec<String> = blocks.iter().map(|block| self.callback(block)).collect();
                let timer = self.timer(*id);
                let callback = format!("nth('i{id}', [{}], () => clearInterval({timer}))", blocks.join(", "));
                format!("{timer} = setInterval({callback}, {ms});")
            }
            Op::Clear(timer) => format!("clear({});", self.timer(timer.0)),
            Op::Refresh(timer) => format!("refresh({});", self.timer(timer.0)),
            Op::KeepAlive(timer, alive) => {
                format!("{}?.{}();", self.timer(timer.0), if *alive { "ref" } else { "unref" })
            }
            Op::RunIn(store, block) => format!("store.run({store}, {});", self.callback(block)),
            Op::Controller(..)
            | Op::AnySignal(..)
            | Op::TimeoutSignal(..)
            | Op::Abort(..)
            | Op::OnAbort(..)
            | Op::RemoveListener(..)
            | Op::Abortable(..)
            | Op::LookAtSignal(..) => self.signal_op(op),
            Op::Busy(ms) => format!("busy({ms});"),
            Op::Look(on) => format!("look('s{}', {});", on.0, self.promise(*on)),
            Op::Same(a, b) => format!("same({}, {});", self.promise(*a), self.promise(*b)),
        }
    }

    fn signal_op(&self, op: &Op) -> String {
        match op {
            Op::Controller(id) => {
                let signal = self.signal(SignalName(*id));
                format!("controller{id} = new AbortController(); {signal} = controller{id}.signal;")
            }
            Op::AnySignal(id, signals) => {
                let signals: Vec<String> = signals.iter().map(|signal| self.signal(*signal)).collect();
                format!("{} = anySignal([{}]);", self.signal(SignalName(*id)), signals.join(", "))
            }
            Op::TimeoutSignal(id, ms) => format!("{} = timeoutSignal({ms});", self.signal(SignalName(*id))),
            Op::Abort(signal, reason) => {
                self.signal(*signal);
                format!("controller{}?.abort({reason});", signal.0)
            }
            Op::OnAbort(id, signal, block) => {
                let mut statements = vec![format!("log('l{id}', reason);")];
                statements.extend(self.block(block));
                let (listener, signal) = (self.listener(ListenerName(*id)), self.signal(*signal));
                format!("{listener} = onAbort({signal}, reason => {});", braces(&statements))
            }
            Op::RemoveListener(listener) => format!("{}?.();", self.listener(*listener)),
            Op::Abortable(id, on, signal) => {
                let (on, signal) = (self.promise(*on), self.signal(*signal));
                self.assign(*id, format!("abortable({on}, {signal})"))
            }
            Op::LookAtSignal(signal) => format!("lookAtSignal('g{}', {});", signal.0, self.signal(*signal)),
            _ => unreachable!("it has nothing to do with signals"),
        }
    }

    fn signal(&self, name: SignalName) -> String {
        self.signals.borrow_mut().insert(name.0);
        format!("signal{}", name.0)
    }

    fn listener(&self, name: ListenerName) -> String {
        self.listeners.borrow_mut().insert(name.0);
        format!("listener{}", name.0)
    }

    fn resolvable(&self, resolvable: &Resolvable) -> String {
        match resolvable {
            Resolvable::Number(number) => number.to_string(),
            Resolvable::Promise(name) => self.promise(*name),
            Resolvable::Thenable(thenable) => {
                let body = self.executor(thenable.id, &thenable.then, vec![log('t', thenable.id)]);
                let body = braces(&body);
                if self.has_stores {
                    format!("{{ then: bound((resolve, reject) => {body}) }}")
                } else {
                    format!("{{ then(resolve, reject) {body} }}")
                }
            }
        }
    }

    fn elements(&self, elements: &[Resolvable]) -> String {
        let elements: Vec<String> = elements.iter().map(|element| self.resolvable(element)).collect();
        format!("[{}]", elements.join(", "))
    }

    /// What stands in an executor, after `statements`.
    fn executor(&self, id: Id, executor: &Executor, mut statements: Vec<String>) -> Vec<String> {
        let functions = FunctionsName(id);
        if self.uses.are_used(functions) {
            let (resolve, reject) = (self.resolve_function(functions), self.reject_function(functions));
            statements.push(format!("{resolve} = resolve; {reject} = reject;"));
        }
        statements.extend(self.block(&executor.block));
        statements.extend(executor.throw.map(|reason| format!("throw {reason};")));
        statements
    }

    /// A handler that logs its argument, if it has one.
    fn function(&self, letter: char, id: Id, argument: &str, function: &Function) -> String {
        let (parameter, rest) = if argument.is_empty() { ("()", "") } else { (argument, ", ") };
        let mut statements = vec![format!("log('{letter}{id}'{rest}{argument});")];
        statements.extend(self.block(&function.block));
        statements.extend(self.end(&function.end, argument));
        format!("{parameter} => {}", braces(&statements))
    }

    fn end(&self, end: &End, argument: &str) -> Option<String> {
        match end {
            End::Argument if argument.is_empty() => None,
            End::Argument => Some(format!("return {argument};")),
            End::Return(value) => Some(format!("return {};", self.resolvable(value))),
            End::Throw(reason) => Some(format!("throw {reason};")),
            End::Async(body) => Some(format!("return {};", self.async_call(vec![], body))),
        }
    }

    /// The call of an async function, which does `statements` first.
    fn async_call(&self, mut statements: Vec<String>, body: &Body) -> String {
        statements.push("let v;".to_string());
        statements.extend(self.steps(&body.steps));
        statements.extend(self.end(&body.end, "v"));
        format!("(async () => {})()", braces(&statements))
    }

    fn steps(&self, steps: &[Step]) -> Vec<String> {
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &Step) -> String {
        match step {
            Step::Do(op) => self.op(op),
            Step::Await(id, value) => format!("log('w{id}', v = await {});", self.resolvable(value)),
            Step::Try(id, steps, caught) => {
                let mut handler = vec![format!("log('c{id}', e);")];
                handler.extend(self.steps(caught));
                format!("try {} catch (e) {}", braces(&self.steps(steps)), braces(&handler))
            }
            Step::Throw(reason) => format!("throw {reason};"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_javascript() {
        let json = r#"{"tasks":[[{"resolve":[1,7]},{"then":[2,"p1",{"end":{"return":"p3"}},null]},
            {"new":[3,{"do":[{"call_resolve":["f3",{"thenable":4}]}],"throw":5}]},
            {"async":[6,{"steps":[{"try":[7,[{"await":[8,"p2"]}],[]]}]}]}]],"unhandled":[[{"look":"p1"}]]}"#;
        let expected = "\
let p1, p2, p3, p6, resolve3, reject3;
macrotask(() => {
  p1 = Promise.resolve(7);
  p2 = p1?.then(v => {
    log('f2', v);
    return p3;
  });
  p3 = new Promise((resolve, reject) => {
    resolve3 = resolve; reject3 = reject;
    resolve3?.({ then(resolve, reject) {
      log('t4');
    } });
    throw 5;
  });
  p6 = (async () => {
    log('a6');
    let v;
    try {
      log('w8', v = await p2);
    } catch (e) {
      log('c7', e);
    }
    return v;
  })();
});
onUnhandled(() => {
  look('s1', p1);
});
names(() => [[1, p1], [2, p2], [3, p3], [6, p6]]);
states(() => [[1, p1]]);
";
        assert_eq!(source(&Program::from_json(json).unwrap()), expected);
    }
}
