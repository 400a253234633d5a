//! What stands before every snippet of the rules, in Rust: a trace of what ran, and of the tick in which it ran.
//!
//! The trace is the thread's, so that a snippet reads as it does in JavaScript: `log` and `c` are functions, and no
//! handler has to carry anything along. Each test runs on a thread of its own.
#![allow(unreachable_pub, dead_code, reason = "each test program uses a part of it")]

use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Display};

use std::time::Duration;

use thenable::{EventLoop, Outcome, Promise, Reject, RejectionReport, Resolution, Resolve, queue_microtask};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static GENERATION: Cell<u32> = const { Cell::new(0) };
}

/// Appends to the trace.
pub fn log(line: impl Display) {
    // The text is made first, for it may be a user's `Display` that logs too.
    let line = line.to_string();
    LINES.with_borrow_mut(|lines| lines.push(line));
}

/// Appends to the trace, with the tick.
pub fn at(line: impl Display) {
    log(format_args!("{line}@{}", g()));
}

/// The generation of microtasks that runs: how many ticks have passed since the snippet began.
pub fn g() -> u32 {
    GENERATION.get()
}

/// A handler that appends `name`, with the tick in which it is called, whatever it is given.
pub fn c<A: 'static>(name: &'static str) -> impl FnOnce(A) + 'static {
    move |_| at(name)
}

/// A handler for `handle` that appends `name`, with the tick, if the promise faulted, and how it settled otherwise.
pub fn on_fault<T: Debug + 'static, E: Debug + 'static>(name: &'static str) -> impl FnOnce(Outcome<T, E>) + 'static {
    move |outcome| match outcome {
        Outcome::Faulted(_) => at(name),
        other => at(format_args!("{other:?}")),
    }
}

/// JavaScript's `{ then(resolve, reject) { ... } }`.
pub fn object<T: 'static, E: 'static>(
    then: impl FnOnce(Resolve<T, E>, Reject<T, E>) -> Result<(), E> + 'static,
) -> Resolution<T, E> {
    Resolution::Thenable(Box::new(then))
}

/// The lines so far, joined by two spaces, as Node printed them.
pub fn trace() -> String {
    LINES.with_borrow(|lines| lines.join("  "))
}

/// So many milliseconds.
pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// `setTimeout`, where nobody wants the handle.
pub fn timeout(delay: u64, callback: impl FnOnce() + 'static) {
    thenable::set_timeout(callback, ms(delay));
}

/// Moves the clock without running anything, as the snippets do.
pub fn busy(count: u64) {
    thenable::elapse(ms(count));
}

/// The loop's time in milliseconds.
pub fn now() -> u128 {
    thenable::now().as_millis()
}

/// A loop whose clock is virtual, and jumps when the loop would sleep.
pub fn quick_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().auto_advance(true).build()
}

/// Runs `snippet` and then a loop with a virtual clock, and compares the trace with what Node printed under a virtual clock.
#[track_caller]
pub fn expect_timed_trace(expected: &str, snippet: impl FnOnce()) {
    expect_trace_of(&quick_loop(), expected, snippet);
}

/// Runs `snippet` and then the loop of this thread, and compares the trace with what Node printed.
///
/// The generation is counted by a chain of microtasks that starts before the snippet, as it was in Node.
#[track_caller]
pub fn expect_trace(expected: &str, snippet: impl FnOnce()) {
    expect_trace_of(&EventLoop::of_thread(), expected, snippet);
}

#[track_caller]
fn expect_trace_of(event_loop: &EventLoop, expected: &str, snippet: impl FnOnce()) {
    const GENERATIONS: u32 = 30;

    fn count() {
        queue_microtask(|| {
            GENERATION.set(g() + 1);
            if g() < GENERATIONS {
                count();
            }
        });
    }

    LINES.set(Vec::new());
    GENERATION.set(0);
    let main = || {
        count();
        snippet();
    };
    event_loop.run(main).expect("every rejection of the snippet is handled, or heard by a hook");
    assert_eq!(trace(), expected);
}

/// `setImmediate(callback)`, near enough: a macrotask that runs `callback` in its drain.
///
/// What a remote resolver sends arrives as a macrotask. Its handler takes the part that immediates and timers play in
/// the snippets.
pub fn macrotask(callback: impl FnOnce() + 'static) {
    let (sent, resolver) = Promise::<(), i32>::remote();
    sent.then(|()| callback());
    resolver.resolve(()).expect("the loop of this thread takes it");
}

/// A hook that appends `U` and the reason, as the listeners of the snippets do.
pub fn log_u(report: &RejectionReport<'_>) {
    log(format_args!("U{:?}", report.reason()));
}
