//! A trace of what ran, and the tick in which it ran.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;

use thenable::{Outcome, Promise, queue_microtask, run};

/// What ran, in order, and how many microtask generations (ticks) have passed.
#[derive(Clone, Default)]
pub struct Log {
    lines: Rc<RefCell<Vec<String>>>,
    generation: Rc<Cell<u32>>,
}

impl Log {
    /// Appends to the trace.
    pub fn log(&self, line: impl Display) {
        self.lines.borrow_mut().push(line.to_string());
    }

    /// Appends with the tick.
    pub fn at(&self, line: impl Display) {
        self.log(format_args!("{line}@{}", self.generation.get()));
    }

    /// A function that appends `name`, with the tick in which it is called, whatever it is given: a handler for `map`.
    pub fn c<T: 'static>(&self, name: &'static str) -> impl FnOnce(T) + 'static {
        let log = self.clone();
        move |_| log.at(name)
    }

    /// Appends `name` with the tick, when `promise` settles as expected.
    pub fn on_fulfilled<T: 'static, E: std::fmt::Debug + 'static>(&self, name: &'static str, promise: Promise<T, E>) {
        promise.map(self.c(name));
    }

    /// Appends `name` with the tick, when `promise` is rejected.
    pub fn on_rejected<T: 'static, E: std::fmt::Debug + 'static>(&self, name: &'static str, promise: Promise<T, E>) {
        let log = self.clone();
        promise.handle(move |outcome| {
            if let Outcome::Rejected(_) = outcome {
                log.at(name);
            }
        });
    }

    /// The lines so far, joined by two spaces, as Node printed them.
    pub fn trace(&self) -> String {
        self.lines.borrow().join("  ")
    }
}

/// Runs `main` with a log of its own, on the loop of this thread, and compares the trace with what Node printed.
///
/// The generation is counted by a chain of microtasks that starts before `main`, as in the snippets of the rules.
#[track_caller]
pub fn expect_trace(expected: &str, main: impl FnOnce(&Log)) {
    const GENERATIONS: u32 = 30;

    fn count(generation: Rc<Cell<u32>>) {
        queue_microtask(move || {
            generation.set(generation.get() + 1);
            if generation.get() < GENERATIONS {
                count(generation);
            }
        });
    }

    let log = Log::default();
    run(|| {
        count(log.generation.clone());
        main(&log);
    })
    .expect("every rejection of the snippet is handled, or heard by a hook");
    assert_eq!(log.trace(), expected);
}
