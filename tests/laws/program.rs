//! Programs of promises, as data: what the generator makes, the shrinker makes smaller, and the interpreter runs.
//!
//! Promises and resolving functions are kept in slots, and named by how far back they were made. A name means something in
//! whatever state the program is, so that every program is valid and stays so while it shrinks.

use proptest::collection::vec;
use proptest::prelude::*;

/// A whole program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The macrotasks, one after the other. Between two of them the queues are run until they are empty.
    pub(crate) macrotasks: Vec<Block>,
    /// What the hooks do: the first call of a hook runs the first block, and so on.
    pub(crate) hooks: Vec<Block>,
    /// Whether handles are ever cloned. If not, every [`Name`] takes.
    pub(crate) clones_handles: bool,
}

/// Statements.
pub(crate) type Block = Vec<Op>;

/// A promise: `back` steps back among the slots that are filled. If it is taken, the slot is empty from then on, else the
/// handle is cloned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) back: usize,
    pub(crate) take: bool,
}

/// A statement. What makes a promise, or a pair of resolving functions, puts it into a slot.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// `Promise.resolve(1)`, `Promise.reject(1)`.
    Settled(Result<i32, i32>),
    /// `Promise.withResolvers()`.
    WithResolvers,
    /// Calls resolving functions that were kept.
    Call { back: usize, call: Call, drop_after: bool },
    /// `then(f)`, `catch(f)`, `then(f, g)` and `then()`, as handlers are there.
    Then { on: Name, fulfilled: Option<Handler>, rejected: Option<Handler> },
    /// `finally(f)`.
    Finally { on: Name, handler: Handler },
    /// The crate's `handle(f)`, which sees faults too.
    Handle { on: Name, handler: Handler },
    /// `queueMicrotask(f)`.
    Microtask(Block),
    /// `process.nextTick(f)`.
    NextTick(Block),
    /// `new Promise(executor)`.
    New(Executor),
    /// `Promise.resolve(x)`: where that is a promise, another handle on the same.
    ResolveWith(Resolvable),
    /// `Promise.try(f)`.
    Attempt(Handler),
    /// The call of an async function.
    Spawn(Body),
    /// `then(async () => { .. })`.
    ThenAsync { on: Name, body: Body },
    /// Drops the handle of a promise.
    DropPromise(Name),
    /// Drops a pair of resolving functions, which may abandon a promise.
    DropFunctions { back: usize },
}

/// What a promise is resolved with.
#[derive(Clone, Debug)]
pub(crate) enum Resolvable {
    Value(i32),
    Promise(Name),
    Thenable(Box<Executor>),
}

/// A call of a resolving function.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Resolve(Resolvable),
    Reject(i32),
}

/// The executor of a promise, or the `then` of a thenable: code that is given resolving functions.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    pub(crate) before: Block,
    pub(crate) calls: Vec<Call>,
    /// Keeps the functions in a slot; else they are dropped in the end.
    pub(crate) keep: bool,
    pub(crate) end: Result<(), Thrown>,
}

/// How code may fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thrown {
    /// `throw 1`.
    Reason(i32),
    /// A panic.
    Panic(i32),
}

/// A handler: statements, and what it comes to.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    pub(crate) before: Block,
    pub(crate) end: End,
}

/// What a handler comes to.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// Returns what it was given.
    Argument,
    Return(Resolvable),
    Throw(Thrown),
}

/// The body of an async function: what it awaits, and what it comes to.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) steps: Vec<Step>,
    pub(crate) last: Handler,
}

/// Statements, and an `await`, in a `try` block or not.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) before: Block,
    pub(crate) awaited: Resolvable,
    pub(crate) catches: bool,
}

/// Programs of all features, in which blocks are nested up to `depth`.
pub(crate) fn program(depth: u32) -> impl Strategy<Value = Program> {
    let inner = (1..depth).fold(Just(Block::new()).boxed(), |inner, _| block(&inner, 0..4));
    let outer = block(&inner, 2..9);
    (vec(outer, 1..4), vec(inner, 0..3), prop::bool::weighted(0.8))
        .prop_map(|(macrotasks, hooks, clones_handles)| Program { macrotasks, hooks, clones_handles })
}

fn block(inner: &BoxedStrategy<Block>, length: std::ops::Range<usize>) -> BoxedStrategy<Block> {
    vec(op(inner), length).boxed()
}

fn number() -> impl Strategy<Value = i32> {
    0..5
}

fn back() -> impl Strategy<Value = usize> {
    0..6_usize
}

fn name() -> impl Strategy<Value = Name> {
    (back(), prop::bool::weighted(0.25)).prop_map(|(back, take)| Name { back, take })
}

fn thrown() -> impl Strategy<Value = Thrown> {
    prop_oneof![3 => number().prop_map(Thrown::Reason), 1 => number().prop_map(Thrown::Panic)]
}

/// Something to resolve with. A thenable may resolve with another one.
fn resolvable(inner: &BoxedStrategy<Block>) -> BoxedStrategy<Resolvable> {
    let simple = prop_oneof![number().prop_map(Resolvable::Value), name().prop_map(Resolvable::Promise)].boxed();
    let level = |resolvable: BoxedStrategy<Resolvable>| {
        prop_oneof![
            3 => simple.clone(),
            1 => executor(inner, resolvable).prop_map(|executor| Resolvable::Thenable(Box::new(executor))),
        ]
        .boxed()
    };
    level(level(simple.clone()))
}

fn call(resolvable: BoxedStrategy<Resolvable>) -> impl Strategy<Value = Call> {
    prop_oneof![3 => resolvable.prop_map(Call::Resolve), 1 => number().prop_map(Call::Reject)]
}

fn executor(inner: &BoxedStrategy<Block>, resolvable: BoxedStrategy<Resolvable>) -> BoxedStrategy<Executor> {
    let end = prop_oneof![3 => Just(Ok(())), 1 => thrown().prop_map(Err)];
    (inner.clone(), vec(call(resolvable), 0..3), any::<bool>(), end)
        .prop_map(|(before, calls, keep, end)| Executor { before, calls, keep, end })
        .boxed()
}

fn handler(inner: &BoxedStrategy<Block>) -> BoxedStrategy<Handler> {
    let end = prop_oneof![
        2 => Just(End::Argument),
        3 => resolvable(inner).prop_map(End::Return),
        1 => thrown().prop_map(End::Throw),
    ];
    (inner.clone(), end).prop_map(|(before, end)| Handler { before, end }).boxed()
}

fn body(inner: &BoxedStrategy<Block>) -> BoxedStrategy<Body> {
    let step = (inner.clone(), resolvable(inner), any::<bool>()).prop_map(|(before, awaited, catches)| Step {
        before,
        awaited,
        catches,
    });
    (vec(step, 0..4), handler(inner)).prop_map(|(steps, last)| Body { steps, last }).boxed()
}

fn op(inner: &BoxedStrategy<Block>) -> BoxedStrategy<Op> {
    let handler = handler(inner);
    let some_handler = prop::option::weighted(0.7, handler.clone()).boxed();
    let body = body(inner);
    let on_call = (back(), call(resolvable(inner)), any::<bool>());
    prop_oneof![
        3 => prop_oneof![number().prop_map(Ok), number().prop_map(Err)].prop_map(Op::Settled),
        3 => Just(Op::WithResolvers),
        5 => on_call.prop_map(|(back, call, drop_after)| Op::Call { back, call, drop_after }),
        8 => (name(), some_handler.clone(), some_handler)
            .prop_map(|(on, fulfilled, rejected)| Op::Then { on, fulfilled, rejected }),
        3 => (name(), handler.clone()).prop_map(|(on, handler)| Op::Finally { on, handler }),
        1 => (name(), handler.clone()).prop_map(|(on, handler)| Op::Handle { on, handler }),
        2 => inner.clone().prop_map(Op::Microtask),
        1 => inner.clone().prop_map(Op::NextTick),
        2 => executor(inner, resolvable(inner)).prop_map(Op::New),
        1 => resolvable(inner).prop_map(Op::ResolveWith),
        1 => handler.prop_map(Op::Attempt),
        3 => body.clone().prop_map(Op::Spawn),
        1 => (name(), body).prop_map(|(on, body)| Op::ThenAsync { on, body }),
        1 => name().prop_map(Op::DropPromise),
        1 => back().prop_map(|back| Op::DropFunctions { back }),
    ]
    .boxed()
}
