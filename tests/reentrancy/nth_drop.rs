//! A drop at the nth step: a program that gives up all its promises and functions at any moment.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use thenable::{
    Promise, Reject, Resolve, next_tick, on_unhandled_rejection, queue_microtask, remove_rejection_hooks, run,
};

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// A value that counts how many of it are alive.
#[derive(Debug)]
struct Counted(u32);

impl Counted {
    fn new(number: u32) -> Self {
        LIVE.set(LIVE.get() + 1);
        Self(number)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

type Functions = (Resolve<Counted, Counted>, Reject<Counted, Counted>);

/// A program that owns promises and functions, and drops them all at its `limit`th step.
struct Program {
    trace: RefCell<Vec<&'static str>>,
    limit: usize,
    promises: RefCell<Vec<Promise<Counted, Counted>>>,
    functions: RefCell<Vec<Functions>>,
}

impl Program {
    fn step(&self, name: &'static str) {
        self.trace.borrow_mut().push(name);
        if self.trace.borrow().len() == self.limit {
            drop(self.promises.take());
            drop(self.functions.take());
        }
    }

    fn keep(&self, promise: &Promise<Counted, Counted>) {
        self.promises.borrow_mut().push(promise.clone());
    }

    fn deferred(&self) -> (Promise<Counted, Counted>, usize) {
        let (promise, resolve, reject) = Promise::with_resolvers();
        self.functions.borrow_mut().push((resolve, reject));
        self.keep(&promise);
        (promise, self.functions.borrow().len() - 1)
    }

    /// Calls the functions, if they are there still.
    fn settle(&self, number: usize, settle: impl FnOnce(Resolve<Counted, Counted>, Reject<Counted, Counted>)) {
        let functions = self.functions.borrow().get(number).cloned();
        if let Some((resolve, reject)) = functions {
            settle(resolve, reject);
        }
    }

    /// Every verb, with handlers that are steps.
    fn main(self: &Rc<Self>) {
        let step = |name| {
            let program = self.clone();
            move || program.step(name)
        };
        let (first, resolve_first) = self.deferred();
        let (second, settle_second) = self.deferred();
        let (third, settle_third) = self.deferred();

        let (on_value, on_reason, on_finally) = (step("then"), step("catch"), step("finally"));
        let program = self.clone();
        let chain = first
            .clone()
            .then(move |value| {
                on_value();
                // Adopts a pending promise, which some handler at a later tick settles.
                let adopted = program.promises.borrow().get(1).cloned();
                adopted.unwrap_or_else(|| Promise::resolve(value))
            })
            .catch(move |reason| {
                on_reason();
                Ok(Counted::new(reason.0 + 1))
            })
            .finally(move || {
                on_finally();
                Promise::<(), Counted>::resolve(())
            });
        self.keep(&chain);
        let last = step("last");
        chain.map(move |_| last());

        let (entered, resumed, done) = (step("async"), step("await"), step("async ends"));
        let (awaited, program) = (second.clone(), self.clone());
        let spawned = Promise::<Counted, Counted>::spawn(async move {
            entered();
            let value = first.await?;
            resumed();
            program.settle(settle_second, |_, reject| reject(value));
            let result = awaited.await;
            done();
            result
        });
        self.keep(&spawned);
        let caught = step("async caught");
        spawned.catch(move |reason| {
            caught();
            Ok(reason)
        });

        // An adoption that begins early and ends late.
        let adopting = Promise::new(|resolve, _| resolve.with(third));
        self.keep(&adopting);
        let adopted = step("adopted");
        adopting.map(move |_| adopted());
        let handled = step("handled");
        second.handle(move |_| handled());

        let (microtask, tick, program) = (step("microtask"), step("tick"), self.clone());
        next_tick(tick);
        queue_microtask(move || {
            microtask();
            program.settle(resolve_first, |resolve, _| resolve(Counted::new(1)));
            let (settling, inner) = (step_of(&program, "settles the third"), program.clone());
            queue_microtask(move || {
                settling();
                inner.settle(settle_third, |resolve, _| resolve(Counted::new(3)));
            });
        });
    }
}

fn step_of(program: &Rc<Program>, name: &'static str) -> impl FnOnce() + 'static {
    let program = program.clone();
    move || program.step(name)
}

/// Runs the program with a drop at step `limit`. Returns its trace.
fn run_with_a_drop_at(limit: usize) -> Vec<&'static str> {
    let program = Rc::new(Program {
        trace: RefCell::default(),
        limit,
        promises: RefCell::default(),
        functions: RefCell::default(),
    });
    on_unhandled_rejection(|_| {});
    run(|| program.main()).unwrap();
    drop(program.promises.take());
    drop(program.functions.take());
    // Tasks that wait in vain are dropped by a turn on the queue.
    run(|| ()).unwrap();
    remove_rejection_hooks();
    assert_eq!(LIVE.get(), 0, "values are left after a drop at step {limit}");
    assert_eq!(Rc::strong_count(&program), 1, "handlers are left after a drop at step {limit}");
    program.trace.take()
}

#[test]
fn everything_may_be_dropped_at_any_step() {
    let whole = run_with_a_drop_at(usize::MAX);
    assert_eq!(
        whole,
        [
            "async",
            "tick",
            "microtask",
            "then",
            "await",
            "settles the third",
            "handled",
            "async ends",
            "async caught",
            "adopted",
            "catch",
            "finally",
            "last",
        ]
    );
    for limit in 1..=whole.len() {
        let trace = run_with_a_drop_at(limit);
        assert_eq!(trace[..limit], whole[..limit]);
        // What was settled goes on to its end, in the same order; what can never settle does not run.
        let mut rest = whole[limit..].iter();
        for name in &trace[limit..] {
            assert!(rest.any(|other| other == name), "{name} after a drop at step {limit}: {trace:?}");
        }
    }
}
