//! Runs programs on the crate, through its public surface only.

mod signals;
mod statements;
mod world;

use std::fmt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use thenable::{
    EventLoop, RejectionReport, UnhandledRejection, on_rejection_handled, on_unhandled_rejection, set_immediate,
};

use self::world::World;
use crate::program::Program;

/// What the promises of a program are fulfilled with and rejected for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// `undefined`.
    #[default]
    Undefined,
    /// A number.
    Number(i32),
    /// JavaScript's `DOMException` called `TimeoutError`.
    TimedOut,
    /// JavaScript's `TypeError` of a promise that was resolved with itself; here, a fault.
    TypeError,
    /// What `all` gives.
    List(Rc<[Value]>),
    /// What `all_settled` gives.
    Outcomes(Rc<[Result<Value, Value>]>),
    /// Why `any` rejects.
    Errors(Rc<[Value]>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("u"),
            Self::Number(number) => write!(f, "{number}"),
            Self::TimedOut => f.write_str("X"),
            Self::TypeError => f.write_str("T"),
            Self::List(values) => write_list(f, values, |f, value| value.fmt(f)),
            Self::Outcomes(outcomes) => write_list(f, outcomes, |f, outcome| match outcome {
                Ok(value) => write!(f, "={value}"),
                Err(reason) => write!(f, "!{reason}"),
            }),
            Self::Errors(reasons) => {
                f.write_str("A")?;
                write_list(f, reasons, |f, reason| reason.fmt(f))
            }
        }
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    elements: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (index, element) in elements.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { "," })?;
        write(f, element)?;
    }
    f.write_str("]")
}

/// How faults are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faults {
    /// There are none: every statement is the verb of its name.
    Absent,
    /// A promise is resolved with itself, which JavaScript can catch: where a handler or a `try` block would see it,
    /// the statement is a verb that sees faults.
    Caught,
}

/// What the threads are called that programs run on.
const THREAD: &str = "a program of the differential test";

/// Leaves the panics of programs to their traces: the panic hook is not called for them any more.
pub fn silence_panics() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() != Some(THREAD) {
            hook(info);
        }
    }));
}

/// Runs `program` on a new thread, so with a new loop. Returns the trace, which ends with `panic` if the crate
/// panicked.
pub fn trace(program: &Program) -> Vec<String> {
    let on_new_thread = |faults| {
        let program = program.clone();
        let thread = thread::Builder::new().name(THREAD.to_string()).spawn(move || execute(&program, faults));
        thread.expect("a thread can be started").join().expect("panics of the program are caught")
    };
    let (trace, has_self_resolution) = on_new_thread(Faults::Absent);
    if has_self_resolution { on_new_thread(Faults::Caught).0 } else { trace }
}

/// Returns the trace, and whether a promise was resolved with itself.
fn execute(program: &Program, faults: Faults) -> (Vec<String>, bool) {
    let event_loop = EventLoop::builder().virtual_clock().auto_advance(true).build();
    let world = World::new(program, faults);
    event_loop.enter(|| install_hooks(&world));
    let run_all = || run_tasks(program, &event_loop, &world).expect("there is a hook");
    match catch_unwind(AssertUnwindSafe(run_all)) {
        Ok(()) => world.log_states(&program.uses()),
        Err(payload) => world.log_panic(&*payload),
    }
    (world.take_trace(), world.has_self_resolution())
}

/// Runs tasks one after the other, each until nothing keeps the loop alive. In Node they are immediates. That differs from
/// the main program of a run only by what is pending without keeping the loop alive: it may still come before and after.
fn run_tasks(program: &Program, event_loop: &EventLoop, world: &Rc<World>) -> Result<(), UnhandledRejection> {
    let json = program.to_json();
    let are_immediates = json.contains("keep_alive") || json.contains("timeout_signal");
    for task in &program.tasks {
        let (world, task) = (world.clone(), task.clone());
        let run = move || world.run_task(&task);
        if are_immediates {
            event_loop.run(|| set_immediate(run))?;
        } else {
            event_loop.run(run)?;
        }
    }
    Ok(())
}

fn install_hooks(world: &Rc<World>) {
    let hooked = world.clone();
    on_unhandled_rejection(move |report| hooked.on_unhandled(report.id(), &reason(report)));
    let hooked = world.clone();
    on_rejection_handled(move |id| hooked.on_handled(id));
}

fn reason(report: &RejectionReport<'_>) -> Value {
    report.reason().downcast_ref().cloned().unwrap_or(Value::TypeError)
}
