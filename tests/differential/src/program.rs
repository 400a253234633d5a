//! Programs of promises, as data: JSON in the corpus, JavaScript for Node, calls of the crate for Rust.
//!
//! Every definition has a number, which is its name in the trace. A promise or a pair of resolving functions is
//! referred to by the number of what made it. A name that nothing has been assigned to yet, or whose definition was
//! taken out while the program shrank, is JavaScript's `undefined`: it means something in whatever state the program
//! is, so every tree of these types is a program.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a definition.
pub type Id = u32;

/// Statements.
pub type Block = Vec<Op>;

/// A whole program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The macrotasks, one after the other. Between two of them the queues are run until they are empty.
    pub tasks: Vec<Block>,
    /// What the listener of `unhandledRejection` does in its first call, in its second one, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unhandled: Vec<Block>,
    /// What the listener of `rejectionHandled` does in its first call, in its second one, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled: Vec<Block>,
    /// Keeps every handle to the end, as a JavaScript variable does. Otherwise a handle that is used once is moved
    /// there, and one that is never used is dropped at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep: bool,
    /// Leaves out the chain of microtasks that counts ticks: with it the microtask queue is never short.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncounted: bool,
}

/// A statement. The number of a definition comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `Promise.resolve(x)`.
    Resolve(Id, Resolvable),
    /// `Promise.reject(reason)`.
    Reject(Id, i32),
    /// `new Promise(executor)`. The resolving functions have the promise's number.
    New(Id, Executor),
    /// `Promise.withResolvers()`. The resolving functions have the promise's number.
    WithResolvers(Id),
    /// `Promise.try(f)`.
    Try(Id, Function),
    /// `then(f, g)`; `then(f)`, `catch(g)` and `then()` where a handler is missing.
    Then(Id, PromiseName, Option<Function>, Option<Function>),
    /// `finally(f)`.
    Finally(Id, PromiseName, Function),
    /// The call of an async function.
    Async(Id, Body),
    /// `Promise.all(elements)`, then a handler that logs the values.
    All(Id, Vec<Resolvable>),
    /// `Promise.allSettled(elements)`, then a handler that logs the outcomes, then one more link.
    AllSettled(Id, Vec<Resolvable>),
    /// `Promise.any(elements)`, then a handler that logs the reasons.
    Any(Id, Vec<Resolvable>),
    /// `Promise.race(elements)`.
    Race(Id, Vec<Resolvable>),
    /// The call of a resolve function.
    CallResolve(FunctionsName, Resolvable),
    /// The call of a reject function.
    CallReject(FunctionsName, i32),
    /// `queueMicrotask(f)`.
    Microtask(Id, Block),
    /// `process.nextTick(f)`.
    Tick(Id, Block),
    /// `setImmediate(f)`.
    Immediate(Id, Block),
    /// `setTimeout(f, ms)`. It logs the time.
    Timeout(Id, u32, Block),
    /// `setInterval(f, ms)`. It logs the time; each call runs one of the blocks, and the last one clears it.
    Interval(Id, u32, Vec<Block>),
    /// `clearTimeout`, `clearInterval` or `clearImmediate`.
    Clear(TimerName),
    /// `timeout.refresh()`, if it is active.
    Refresh(TimerName),
    /// `timer.ref()` or `timer.unref()`.
    KeepAlive(TimerName, bool),
    /// `asyncLocalStorage.run(store, f)`. What it sets going logs the store beside each label.
    RunIn(i32, Block),
    /// `new AbortController()`. Its signal has the same number.
    Controller(Id),
    /// `AbortSignal.any(signals)`.
    AnySignal(Id, Vec<SignalName>),
    /// `AbortSignal.timeout(ms)`.
    TimeoutSignal(Id, u32),
    /// `controller.abort(reason)`, if the signal has a controller.
    Abort(SignalName, i32),
    /// `addAbortListener(signal, f)` of Node's `events`. It logs the reason.
    OnAbort(Id, SignalName, Block),
    /// Takes a listener off its signal.
    RemoveListener(ListenerName),
    /// A promise that settles as another one does, unless the signal is aborted before.
    Abortable(Id, PromiseName, SignalName),
    /// Logs whether and why a signal is aborted.
    LookAtSignal(SignalName),
    /// Code that takes so many milliseconds.
    Busy(u32),
    /// Logs the state of a promise, which JavaScript shows to a debugger.
    Look(PromiseName),
    /// Logs whether two promises are the same.
    Same(PromiseName, PromiseName),
}

/// What a promise can be resolved with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Resolvable {
    /// A plain value.
    Number(i32),
    /// A promise.
    Promise(PromiseName),
    /// An object with a `then`.
    Thenable(Thenable),
}

/// An object with a `then` that is no promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thenable {
    /// The number, which the resolving functions have, too.
    #[serde(rename = "thenable")]
    pub id: Id,
    /// What its `then` does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub then: Executor,
}

/// Code that is given resolving functions: an executor, or the `then` of a thenable. It stores them first, under the
/// number of what it belongs to, so that it and anybody else can call them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executor {
    /// Statements.
    #[serde(rename = "do", default, skip_serializing_if = "is_default")]
    pub block: Block,
    /// What it throws in the end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub throw: Option<i32>,
}

/// A handler: it logs its argument, runs its statements, and comes to something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Statements.
    #[serde(rename = "do", default, skip_serializing_if = "is_default")]
    pub block: Block,
    /// What it comes to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub end: End,
}

/// What a handler or an async function comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Returns its argument; an async function returns what it awaited last.
    #[default]
    Argument,
    /// Returns something that resolves.
    Return(Resolvable),
    /// Throws.
    Throw(i32),
    /// Calls an async function and returns its promise.
    Async(Box<Body>),
}

/// The body of an async function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Its statements.
    pub steps: Vec<Step>,
    /// What it comes to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub end: End,
}

/// A statement of an async function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What may stand elsewhere, too.
    Do(Op),
    /// `await x`; logs the value.
    Await(Id, Resolvable),
    /// `try { .. } catch { .. }`; logs what was caught.
    Try(Id, Vec<Step>, Vec<Step>),
    /// `throw`.
    Throw(i32),
}

/// Refers to the promise of a number: `"p3"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PromiseName(pub Id);

/// Refers to the resolving functions of a number: `"f3"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FunctionsName(pub Id);

/// Refers to the timer or the immediate of a number: `"h3"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimerName(pub Id);

/// Refers to the signal of a number: `"g3"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SignalName(pub Id);

/// Refers to the listener of a number: `"l3"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ListenerName(pub Id);

impl fmt::Display for PromiseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Display for FunctionsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0)
    }
}

impl From<PromiseName> for String {
    fn from(name: PromiseName) -> Self {
        name.to_string()
    }
}

impl From<FunctionsName> for String {
    fn from(name: FunctionsName) -> Self {
        name.to_string()
    }
}

impl From<TimerName> for String {
    fn from(name: TimerName) -> Self {
        format!("h{}", name.0)
    }
}

impl From<SignalName> for String {
    fn from(name: SignalName) -> Self {
        format!("g{}", name.0)
    }
}

impl From<ListenerName> for String {
    fn from(name: ListenerName) -> Self {
        format!("l{}", name.0)
    }
}

impl TryFrom<String> for SignalName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number_after("g", &text).map(Self)
    }
}

impl TryFrom<String> for ListenerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number_after("l", &text).map(Self)
    }
}

impl TryFrom<String> for TimerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number_after("h", &text).map(Self)
    }
}

impl TryFrom<String> for PromiseName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number_after("p", &text).map(Self)
    }
}

impl TryFrom<String> for FunctionsName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number_after("f", &text).map(Self)
    }
}

fn number_after(letter: &str, text: &str) -> Result<Id, String> {
    let number = text.strip_prefix(letter).and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("`{text}` is not `{letter}` and a number"))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Program {
    /// Reads a program.
    ///
    /// # Errors
    ///
    /// If the text is not the JSON of a program.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The program in JSON, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a program has nothing that JSON has not")
    }

    /// How often each name stands in the program.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses { keep: self.keep, names: BTreeMap::new() };
        uses.count(&serde_json::to_value(self).expect("a program has nothing that JSON has not"));
        uses
    }
}

/// How often each name stands in a program. It decides which handles are moved and which are cloned.
///
/// It is counted in the JSON, where names are the only texts that look like names, so that no statement can be
/// forgotten.
#[derive(Clone, Debug)]
pub struct Uses {
    keep: bool,
    names: BTreeMap<String, usize>,
}

impl Uses {
    fn count(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(name) => *self.names.entry(name.clone()).or_default() += 1,
            serde_json::Value::Array(values) => values.iter().for_each(|value| self.count(value)),
            serde_json::Value::Object(fields) => fields.values().for_each(|value| self.count(value)),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    /// Whether the resolving functions are called anywhere.
    pub fn are_used(&self, functions: FunctionsName) -> bool {
        self.names.contains_key(&functions.to_string())
    }

    /// What becomes of the thing called `name`.
    pub fn fate(&self, name: impl fmt::Display) -> Fate {
        match self.names.get(&name.to_string()) {
            _ if self.keep => Fate::Keep,
            None => Fate::Drop,
            Some(1) => Fate::Move,
            Some(_) => Fate::Keep,
        }
    }
}

/// What becomes of a handle, or of a pair of resolving functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is dropped as soon as it is made.
    Drop,
    /// It is moved to the one place that uses it.
    Move,
    /// It is kept to the end, and every use clones it.
    Keep,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_short_and_reads_well() {
        let ops = [
            r#"{"resolve":[1,7]}"#,
            r#"{"then":[2,"p1",{"end":{"return":"p3"}},null]}"#,
            r#"{"call_resolve":["f3",{"thenable":4}]}"#,
        ];
        let json = format!(r#"{{"tasks":[[{}]]}}"#, ops.join(","));
        let program = Program::from_json(&json).unwrap();
        let thenable = Thenable { id: 4, then: Executor::default() };
        let returns_p3 = Function { block: vec![], end: End::Return(Resolvable::Promise(PromiseName(3))) };
        let ops = vec![
            Op::Resolve(1, Resolvable::Number(7)),
            Op::Then(2, PromiseName(1), Some(returns_p3), None),
            Op::CallResolve(FunctionsName(3), Resolvable::Thenable(thenable)),
        ];
        assert_eq!(program, Program { tasks: vec![ops], ..Program::default() });
        assert_eq!(program.to_json(), json);
    }

    #[test]
    fn a_wrong_name_is_an_error() {
        for json in [r#"{"tasks":[[{"look":"f1"}]]}"#, r#"{"tasks":[[{"look":"p"}]]}"#, r#"{"tasks":[[{"look":1}]]}"#] {
            Program::from_json(json).unwrap_err();
        }
    }

    #[test]
    fn a_handle_that_is_used_once_is_moved() {
        let json = r#"{"tasks":[[{"resolve":[1,7]},{"then":[2,"p1",{},null]},{"same":["p3","p3"]}]]}"#;
        let mut program = Program::from_json(json).unwrap();
        let fates = |program: &Program| [1, 2, 3].map(|id| program.uses().fate(PromiseName(id)));
        assert_eq!(fates(&program), [Fate::Move, Fate::Drop, Fate::Keep]);
        program.keep = true;
        assert_eq!(fates(&program), [Fate::Keep; 3]);
    }
}
