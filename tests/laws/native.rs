//! The engine under test: the crate. The values and the reasons of its promises are counted.

use std::panic::resume_unwind;
use std::rc::Rc;

use thenable::{
    Fault, Outcome, PromiseId, Reject, Resolve, on_rejection_handled, on_unhandled_rejection, remove_rejection_hooks,
    run,
};

use crate::interpreter::{
    AsyncCall, Completion, Engine, Next, OnNumber, Resolution, SELF_RESOLUTION, Seen, Then, World,
};
use crate::program::{Program, Thrown};
use crate::token::{self, Token};

pub(crate) struct Native;

type Promise = thenable::Promise<Token, Token>;
type NativeResolution = thenable::Resolution<Token, Token>;

/// What a run of a program left behind.
pub(crate) struct Run {
    pub(crate) trace: Vec<String>,
    /// Values and reasons that are alive after the program has dropped everything.
    pub(crate) leaked_tokens: i64,
    /// Closures of the program that are alive then.
    pub(crate) leaked_closures: usize,
    /// How often a value or a reason was cloned.
    pub(crate) clones: u64,
}

/// Runs `program` on the loop of this thread, which must be new.
pub(crate) fn execute(program: &Program) -> Run {
    let world = World::new(Native, program);
    let hooked = world.clone();
    on_unhandled_rejection(move |report| {
        let reason = report.reason();
        let seen = match reason.downcast_ref::<Token>() {
            Some(reason) => Seen::Rejected(reason.number()),
            None => Seen::Faulted(fault_number(reason.downcast_ref().expect("a token or a fault"))),
        };
        hooked.hook(&format!("unhandled {seen}"), report.id());
    });
    let hooked = world.clone();
    on_rejection_handled(move |id| hooked.hook("handled late", id));
    for (number, block) in program.macrotasks.iter().enumerate() {
        run(|| world.macrotask(number, block.clone())).expect("there is a hook");
        world.log_states();
    }
    remove_rejection_hooks();
    let trace = world.end();
    // A task that waits for an abandoned promise is dropped by its turn on the queue.
    run(|| ()).expect("nothing was rejected");
    Run { trace, leaked_tokens: token::live(), leaked_closures: Rc::strong_count(&world) - 1, clones: token::clones() }
}

/// The number that a panic of a program carries.
fn fault_number(fault: &Fault) -> i32 {
    match fault.message().strip_prefix("panic ") {
        Some(number) => number.parse().expect("a program panics with a number"),
        // The only fault that is not a panic of the program. Where it went through an `await`, it is a panic with a payload
        // that is no text.
        None => SELF_RESOLUTION,
    }
}

/// Panics without the noise of a panic hook.
fn throw<R>(thrown: Thrown) -> Result<R, Token> {
    match thrown {
        Thrown::Reason(reason) => Err(Token::new(reason)),
        Thrown::Panic(number) => resume_unwind(Box::new(format!("panic {number}"))),
    }
}

fn to_native(completion: Completion<Native>) -> NativeResolution {
    match completion {
        Ok(Resolution::Value(value)) => NativeResolution::Fulfill(Token::new(value)),
        Ok(Resolution::Promise(promise)) => NativeResolution::Adopt(promise),
        Ok(Resolution::Thenable(then)) => {
            NativeResolution::Thenable(Box::new(move |resolve: Resolve<Token, Token>, reject: Reject<Token, Token>| {
                then((resolve, reject)).or_else(throw)
            }))
        }
        Err(thrown) => throw(thrown).unwrap_or_else(NativeResolution::Reject),
    }
}

fn see(outcome: &Outcome<Token, Token>) -> Seen {
    match outcome {
        Outcome::Fulfilled(value) => Seen::Fulfilled(value.number()),
        Outcome::Rejected(reason) => Seen::Rejected(reason.number()),
        Outcome::Faulted(fault) => Seen::Faulted(fault_number(fault)),
    }
}

async fn run_async(mut call: AsyncCall<Native>) -> NativeResolution {
    loop {
        let (promise, catches) = match call.run() {
            Next::End(completion) => return to_native(completion),
            Next::Await(promise, catches) => (promise, catches),
        };
        match promise.await {
            Ok(value) => call.resumed_with(Ok(value.number())),
            Err(reason) => {
                call.resumed_with(Err(reason.number()));
                if !catches {
                    return NativeResolution::Reject(reason);
                }
            }
        }
    }
}

impl Engine for Native {
    type Promise = Promise;
    type Functions = (Resolve<Token, Token>, Reject<Token, Token>);
    type Id = PromiseId;

    fn clone_handle(&self, promise: &Promise) -> Promise {
        promise.clone()
    }

    fn id(&self, promise: &Promise) -> PromiseId {
        promise.id()
    }

    fn seen(&self, promise: &Promise) -> Option<Seen> {
        promise.peek().map(|outcome| see(&outcome))
    }

    fn settled(&self, result: Result<i32, i32>) -> Promise {
        match result {
            Ok(value) => Promise::resolve(Token::new(value)),
            Err(reason) => Promise::reject(Token::new(reason)),
        }
    }

    fn with_resolvers(&self) -> (Promise, Self::Functions) {
        let (promise, resolve, reject) = Promise::with_resolvers();
        (promise, (resolve, reject))
    }

    fn construct(&self, executor: Then<Self>) -> Promise {
        Promise::try_new(|resolve, reject| executor((resolve, reject)).or_else(throw))
    }

    fn resolve_with(&self, resolution: Resolution<Self>) -> Promise {
        Promise::resolve_with(to_native(Ok(resolution)))
    }

    fn attempt(&self, function: Box<dyn FnOnce() -> Completion<Self>>) -> Promise {
        Promise::attempt(|| to_native(function()))
    }

    fn call_resolve(&self, functions: &Self::Functions, resolution: Resolution<Self>) {
        match resolution {
            Resolution::Value(value) => (functions.0)(Token::new(value)),
            other => functions.0.with(to_native(Ok(other))),
        }
    }

    fn call_reject(&self, functions: &Self::Functions, reason: i32) {
        (functions.1)(Token::new(reason));
    }

    fn then(&self, promise: Promise, fulfilled: Option<OnNumber<Self>>, rejected: Option<OnNumber<Self>>) -> Promise {
        let handler = |handler: OnNumber<Self>| move |token: Token| to_native(handler(token.number()));
        match (fulfilled, rejected) {
            (Some(fulfilled), Some(rejected)) => promise.then_catch(handler(fulfilled), handler(rejected)),
            (Some(fulfilled), None) => promise.then(handler(fulfilled)),
            (None, Some(rejected)) => promise.catch(handler(rejected)),
            (None, None) => promise.map(|value| value),
        }
    }

    fn handle(&self, promise: Promise, handler: Box<dyn FnOnce(Seen) -> Completion<Self>>) -> Promise {
        promise.handle(move |outcome| to_native(handler(see(&outcome))))
    }

    fn finally(&self, promise: Promise, handler: Box<dyn FnOnce() -> Completion<Self>>) -> Promise {
        promise.finally(move || to_native(handler()))
    }

    fn spawn(&self, call: AsyncCall<Self>) -> Promise {
        Promise::spawn(run_async(call))
    }

    fn then_async(&self, promise: Promise, call: Box<dyn FnOnce(i32) -> AsyncCall<Self>>) -> Promise {
        promise.then_async(async move |value: Token| run_async(call(value.number())).await)
    }

    fn microtask(&self, callback: Box<dyn FnOnce()>) {
        thenable::queue_microtask(callback);
    }

    fn next_tick(&self, callback: Box<dyn FnOnce()>) {
        thenable::next_tick(callback);
    }
}
