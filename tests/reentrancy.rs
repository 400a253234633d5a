//! User code may call anything of the crate from anywhere (invariant 5): it runs in handlers, callbacks and futures, but also
//! in wakers, in hooks, and in `Drop`, `Clone` and `Debug` of values and reasons, where the crate is in the midst of its work.
//!
//! Each test calls everything (see [`call_everything`]) in one such place, and asserts the whole trace: what ran inside, and
//! that all it queued runs afterwards, in order.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use thenable::{
    Outcome, Promise, PromiseState, Reject, Resolution, Resolve, block_on, next_tick, on_rejection_handled,
    on_unhandled_rejection, queue_microtask, remove_rejection_hooks, run, try_block_on,
};

// ---------------------------------------------------------------------------------------------------------------------
// The trace, and everything that can be called.

/// What ran, in order. It outlives the thread, so that what runs at a thread's end is in it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn log(&self, line: impl fmt::Display) {
        // Writing it out may run user code, which writes to the log too.
        let line = line.to_string();
        self.0.lock().expect("no panic under the lock").push(line);
    }

    /// A callback that writes a line.
    fn line(&self, place: &str, line: &str) -> impl FnOnce() + use<> {
        let (log, line) = (self.clone(), format!("{place}: {line}"));
        move || log.log(line)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no panic under the lock").clone()
    }

    #[track_caller]
    fn expect(&self, expected: &[&[String]]) {
        assert_eq!(self.lines(), expected.concat());
    }
}

/// The promise whose doings user code interrupts.
type Subject = Promise<Trigger, Trigger>;

/// A value or a reason that does something when it is cloned, dropped or written out: once. Its clones do nothing.
struct Trigger {
    when: When,
    action: Cell<Option<Box<dyn FnOnce()>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Never,
    Cloned,
    Dropped,
    Shown,
}

impl Trigger {
    fn inert() -> Self {
        Self { when: When::Never, action: Cell::new(None) }
    }

    fn new(when: When, action: impl FnOnce() + 'static) -> Self {
        Self { when, action: Cell::new(Some(Box::new(action))) }
    }

    fn happens(&self, when: When) {
        if self.when == when
            && let Some(action) = self.action.take()
        {
            action();
        }
    }
}

impl Clone for Trigger {
    fn clone(&self) -> Self {
        self.happens(When::Cloned);
        Self::inert()
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        self.happens(When::Dropped);
    }
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.happens(When::Shown);
        f.write_str("Trigger")
    }
}

/// A promise that is settled, and has nothing to do with the place.
fn bystander() -> Subject {
    Promise::resolve(Trigger::inert())
}

thread_local! {
    /// The thread is at its end, where the table of ids may be gone: then each question is answered with a number of its own.
    static ENDING: Cell<bool> = const { Cell::new(false) };
}

/// Calls everything that there is, of other promises and of `subject`.
fn call_everything(log: &Log, place: &'static str, subject: &Subject) {
    log.log(format_args!("{place}: begins"));
    let line = |line: &'static str| log.line(place, line);

    let on_new = line("new");
    Promise::<u8, u8>::new(|resolve, _reject| resolve(1)).map(|_| on_new());
    let on_resolve = line("resolve");
    Promise::<u8, u8>::resolve(2).then(|_| on_resolve());
    let on_reject = line("reject");
    Promise::<(), u8>::reject(3).catch(|_| on_reject());

    let (promise, resolve, reject) = Promise::<u8, u8>::with_resolvers();
    let (on_clone, on_finally) = (line("clone"), line("finally"));
    promise.clone().map(|_| on_clone());
    promise.finally(on_finally);
    resolve(4);
    reject(5);
    let (promise, resolve, reject) = Promise::<(), u8>::with_resolvers();
    let on_rejected = line("rejected");
    reject.clone()(6);
    resolve.clone()(());
    promise.catch(|_| on_rejected());

    queue_microtask(line("microtask"));
    next_tick(line("tick"));
    let (before, after) = (line("spawn"), line("await"));
    Promise::<(), u8>::spawn(async move {
        before();
        Promise::<(), u8>::resolve(()).await?;
        after();
        Ok(())
    });

    // A chain that is abandoned, and with it a handler.
    let (promise, resolve, reject) = Promise::<u8, u8>::with_resolvers();
    let chain = promise.clone().map(|_| ());
    drop((resolve, reject));
    assert_eq!((promise.state(), chain.state()), (PromiseState::Pending, PromiseState::Pending));

    let state = subject.state();
    let id = subject.id();
    if !ENDING.get() {
        assert_eq!(subject.clone().id(), id);
    }
    assert_eq!(subject.peek().map_or(PromiseState::Pending, |outcome| outcome.state()), state);
    let shown = format!("{subject:?}");
    if !ENDING.get() {
        assert!(shown.starts_with(&format!("Promise({id}, {state}, ")), "{shown}");
    }
    let (fulfilled, rejected) = (line("subject then"), line("subject catch"));
    subject.clone().then_catch(|_| fulfilled(), |_| rejected());
    let on_finally = line("subject finally");
    subject.clone().finally(on_finally).handle(|_| ());
    let (awaited, on_await) = (subject.clone(), line("subject await"));
    Promise::<(), u8>::spawn(async move {
        let _ = awaited.await;
        on_await();
    });
    drop(subject.clone());
    log.log(format_args!("{place}: ends, {state}"));
}

/// What [`call_everything`] writes inside.
fn called(place: &str, state: &str) -> Vec<String> {
    vec![format!("{place}: begins"), format!("{place}: spawn"), format!("{place}: ends, {state}")]
}

/// What the jobs write that it queues, if the subject is settled.
fn jobs(place: &str, state: &str) -> Vec<String> {
    let mut jobs = jobs_beside_a_pending(place);
    let handler = if state == "rejected" { "subject catch" } else { "subject then" };
    jobs.extend([handler, "subject finally", "subject await"].map(|line| format!("{place}: {line}")));
    jobs
}

/// What the jobs write that it queues, if the subject is pending.
fn jobs_beside_a_pending(place: &str) -> Vec<String> {
    ["new", "resolve", "reject", "clone", "finally", "rejected", "microtask", "await"]
        .map(|line| format!("{place}: {line}"))
        .into()
}

/// What the tick writes that it queues.
fn tick(place: &str) -> Vec<String> {
    vec![format!("{place}: tick")]
}

fn lines<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(String::from).into()
}

// ---------------------------------------------------------------------------------------------------------------------
// Handlers, callbacks, futures.

/// The handler of a promise that has another handle.
#[test]
fn a_handler_may_call_everything() {
    let log = Log::default();
    let inner = log.clone();
    run(|| {
        let promise = bystander();
        let subject = promise.clone();
        promise.map(move |_| call_everything(&inner, "handler", &subject));
    })
    .unwrap();
    log.expect(&[&called("handler", "fulfilled"), &jobs("handler", "fulfilled"), &tick("handler")]);
}

/// The handlers of `catch`, `finally` and `handle`, on one promise, one after the other.
#[test]
fn handlers_of_all_kinds_may_call_everything() {
    let log = Log::default();
    run(|| {
        let subject = Subject::reject(Trigger::inert());
        let call = |place: &'static str| {
            let (log, subject) = (log.clone(), subject.clone());
            move || call_everything(&log, place, &subject)
        };
        let (catch, finally, handle) = (call("catch"), call("finally"), call("handle"));
        subject.clone().map(drop).catch(move |_| {
            catch();
            Ok(())
        });
        subject.clone().finally(finally).catch(|_| Ok(Trigger::inert()));
        subject.handle(move |_| handle());
    })
    .unwrap();
    // The `catch` runs a tick after the others, for it stands behind a `map`.
    log.expect(&[
        &called("finally", "rejected"),
        &called("handle", "rejected"),
        &called("catch", "rejected"),
        &jobs("finally", "rejected"),
        &jobs("handle", "rejected"),
        &jobs("catch", "rejected"),
        &tick("finally"),
        &tick("handle"),
        &tick("catch"),
    ]);
}

#[test]
fn callbacks_executors_and_futures_may_call_everything() {
    let log = Log::default();
    run(|| {
        let call = |place: &'static str| {
            let (log, subject) = (log.clone(), bystander());
            move || call_everything(&log, place, &subject)
        };
        next_tick(call("in a tick"));
        call("main")();
        Promise::<(), ()>::new(|_, _| call("executor")());
        let in_task = call("task");
        Promise::<(), ()>::spawn(async move {
            Promise::<(), ()>::resolve(()).await?;
            in_task();
            Ok(())
        });
        queue_microtask(call("in a microtask"));
        let in_thenable = call("thenable");
        Promise::<(), ()>::resolve_with(Resolution::Thenable(Box::new(
            move |resolve: Resolve<(), ()>, _reject: Reject<(), ()>| {
                in_thenable();
                resolve(());
                Ok(())
            },
        )));
    })
    .unwrap();
    log.expect(&[
        &called("main", "fulfilled"),
        &called("executor", "fulfilled"),
        // The ticks, before the microtasks of the main script.
        &called("in a tick", "fulfilled"),
        &tick("main"),
        &tick("executor"),
        &tick("in a tick"),
        &jobs("main", "fulfilled"),
        &jobs("executor", "fulfilled"),
        &called("task", "fulfilled"),
        &called("in a microtask", "fulfilled"),
        &called("thenable", "fulfilled"),
        &jobs("in a tick", "fulfilled"),
        &jobs("task", "fulfilled"),
        &jobs("in a microtask", "fulfilled"),
        &jobs("thenable", "fulfilled"),
        &tick("task"),
        &tick("in a microtask"),
        &tick("thenable"),
    ]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Wakers.

thread_local! {
    /// What the next wake does: a waker must be `Send`, what it does here is not.
    static ON_WAKE: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    static ON_WAKER_DROP: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// A waker of a foreign executor.
struct Probe;

impl Wake for Probe {
    fn wake(self: Arc<Self>) {
        if let Some(action) = ON_WAKE.take() {
            action();
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(action) = ON_WAKER_DROP.take() {
            action();
        }
    }
}

fn poll_with_probe<T: 'static, E: fmt::Debug + 'static>(promise: &mut Promise<T, E>) -> Poll<Result<T, E>> {
    let waker = Waker::from(Arc::new(Probe));
    Pin::new(promise).poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_waker_may_call_everything_while_the_promise_settles() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let (before, after) = (log.line("main", "given before"), log.line("main", "given after"));
        subject.clone().map(|_| before());
        let (mut awaited, other) = (subject.clone(), subject.clone());
        assert!(poll_with_probe(&mut awaited).is_pending());
        let inner = log.clone();
        ON_WAKE.set(Some(Box::new(move || call_everything(&inner, "waker", &subject))));
        resolve(Trigger::inert());
        log.log("resolved");
        other.map(|_| after());
        assert!(matches!(poll_with_probe(&mut awaited), Poll::Ready(Ok(_))));
    })
    .unwrap();
    log.expect(&[
        &called("waker", "fulfilled"),
        &lines(["resolved"]),
        &tick("waker"),
        &lines(["main: given before"]),
        &jobs("waker", "fulfilled"),
        &lines(["main: given after"]),
    ]);
}

/// Reactions run in the order of registration (invariant 3), also if one is registered by a waker, or by a `Clone`, while
/// the promise is about to tell those that were registered before.
#[test]
fn a_reaction_given_while_the_promise_settles_runs_after_those_given_before() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let mut awaited = subject.clone();
        assert!(poll_with_probe(&mut awaited).is_pending());
        let before = log.line("main", "given before");
        subject.clone().map(|_| before());
        let (in_wake, other) = (log.line("wake", "given inside"), subject.clone());
        ON_WAKE.set(Some(Box::new(move || drop(other.map(|_| in_wake())))));
        let in_clone = log.line("clone", "given inside");
        resolve(Trigger::new(When::Cloned, move || drop(subject.map(|_| in_clone()))));
        assert!(matches!(poll_with_probe(&mut awaited), Poll::Ready(Ok(_))));
    })
    .unwrap();
    log.expect(&[&lines(["main: given before", "clone: given inside", "wake: given inside"])]);
}

/// The one handle is polled to its end inside the wake that its own settling causes.
#[test]
fn a_waker_may_poll_what_woke_it() {
    let log = Log::default();
    run(|| {
        let (mut promise, resolve, _reject) = Promise::<u8, ()>::with_resolvers();
        assert!(poll_with_probe(&mut promise).is_pending());
        let inner = log.clone();
        ON_WAKE.set(Some(Box::new(move || {
            let Poll::Ready(Ok(value)) = poll_with_probe(&mut promise) else { panic!("it has settled") };
            inner.log(format_args!("polled: {value}"));
            drop(promise);
        })));
        resolve(7);
        log.log("resolved");
    })
    .unwrap();
    log.expect(&[&lines(["polled: 7", "resolved"])]);
}

/// One wake settles the next promise, whose waker settles the next one.
#[test]
fn wakers_may_settle_promises_whose_wakers_settle_promises() {
    type Link = (Promise<u8, ()>, Resolve<u8, ()>);

    thread_local! {
        static CHAIN: RefCell<Vec<Link>> = const { RefCell::new(Vec::new()) };
        static AWAITED: RefCell<Vec<Promise<u8, ()>>> = const { RefCell::new(Vec::new()) };
    }

    struct SettleNext(u8);

    impl Wake for SettleNext {
        fn wake(self: Arc<Self>) {
            if let Some((promise, resolve)) = CHAIN.with_borrow_mut(Vec::pop) {
                let mut awaited = promise.clone();
                let waker = Waker::from(Arc::new(SettleNext(self.0 + 1)));
                assert!(Pin::new(&mut awaited).poll(&mut Context::from_waker(&waker)).is_pending());
                AWAITED.with_borrow_mut(|all| all.push(awaited));
                resolve(self.0);
            }
        }
    }

    CHAIN.set((0..3).map(|_| Promise::with_resolvers()).map(|(promise, resolve, _)| (promise, resolve)).collect());
    Waker::from(Arc::new(SettleNext(1))).wake();
    let settled = AWAITED.take().into_iter().map(|promise| block_on(promise).unwrap());
    assert_eq!(settled.collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_drop_of_a_waker_may_call_everything() {
    let log = Log::default();
    let call = |place: &'static str, subject: Subject| {
        let log = log.clone();
        ON_WAKER_DROP.set(Some(Box::new(move || call_everything(&log, place, &subject))));
    };
    run(|| {
        // Another waker takes its place.
        let (mut promise, resolve, reject) = Subject::with_resolvers();
        call("replaced", bystander());
        assert!(poll_with_probe(&mut promise).is_pending());
        assert!(poll_with_probe(&mut promise).is_pending());
        // The promise can never settle.
        call("abandoned", bystander());
        drop((resolve, reject));
        log.log("functions dropped");
        // The handle that was polled is dropped, in two ways.
        let (mut promise, _resolve, _reject) = Subject::with_resolvers();
        assert!(poll_with_probe(&mut promise).is_pending());
        call("handle dropped", bystander());
        drop(promise);
        let (subject, _resolve, _reject) = Subject::with_resolvers();
        let mut promise = subject.clone();
        assert!(poll_with_probe(&mut promise).is_pending());
        call("clone dropped", subject);
        drop(promise);
        log.log("handles dropped");
    })
    .unwrap();
    log.expect(&[
        &called("replaced", "fulfilled"),
        &called("abandoned", "fulfilled"),
        &lines(["functions dropped"]),
        &called("handle dropped", "fulfilled"),
        &called("clone dropped", "pending"),
        &lines(["handles dropped"]),
        &["replaced", "abandoned", "handle dropped", "clone dropped"].map(tick).concat(),
        &jobs("replaced", "fulfilled"),
        &jobs("abandoned", "fulfilled"),
        &jobs("handle dropped", "fulfilled"),
        &jobs_beside_a_pending("clone dropped"),
    ]);
}

// ---------------------------------------------------------------------------------------------------------------------
// `Drop`.

/// Runs `main`, which is given triggers that call everything when they are dropped. Each that is named in `expected` has to be
/// called inside `main`, in this order; their jobs run afterwards.
#[track_caller]
fn expect_drops(expected: &[(&str, &str)], main: impl FnOnce(&dyn Fn(&'static str, Subject) -> Trigger, &Log)) {
    let log = Log::default();
    let trigger = |place: &'static str, subject: Subject| {
        let log = log.clone();
        Trigger::new(When::Dropped, move || call_everything(&log, place, &subject))
    };
    run(|| {
        main(&trigger, &log);
        log.log("main ends");
    })
    .unwrap();
    let inside = expected.iter().map(|(place, state)| called(place, state)).collect::<Vec<_>>().concat();
    let ticks = expected.iter().map(|(place, _)| tick(place)).collect::<Vec<_>>().concat();
    let jobs = expected.iter().map(|(place, state)| match *state {
        "pending" => jobs_beside_a_pending(place),
        state => jobs(place, state),
    });
    let jobs = jobs.collect::<Vec<_>>().concat();
    log.expect(&[&inside, &lines(["main ends"]), &ticks, &jobs]);
}

#[test]
fn the_drop_of_a_value_that_nobody_can_take_may_call_everything() {
    expect_drops(&[("no handle", "fulfilled"), ("last handle", "fulfilled")], |trigger, _| {
        let (promise, resolve, _reject) = Subject::with_resolvers();
        drop(promise);
        resolve(trigger("no handle", bystander()));

        let promise = Subject::resolve(trigger("last handle", bystander()));
        let clone = promise.clone();
        drop(promise);
        drop(clone);
    });
}

#[test]
fn the_drop_of_what_a_later_call_was_given_may_call_everything() {
    expect_drops(&[("second resolve", "fulfilled"), ("second reject", "fulfilled")], |trigger, _| {
        let (subject, resolve, reject) = Subject::with_resolvers();
        resolve(Trigger::inert());
        resolve(trigger("second resolve", subject.clone()));
        reject(trigger("second reject", subject));
    });
}

/// Dropping the first functions abandons a chain, whose handlers and values are dropped one by one, while each of them calls
/// everything, which abandons further chains.
#[test]
fn the_drop_of_captures_of_an_abandoned_chain_may_call_everything() {
    expect_drops(&[("then", "pending"), ("catch", "pending"), ("finally", "pending")], |trigger, _| {
        let (subject, resolve, reject) = Subject::with_resolvers();
        let (then, catch, finally) =
            (trigger("then", subject.clone()), trigger("catch", subject.clone()), trigger("finally", subject.clone()));
        subject
            .then(move |_| {
                drop(then);
                Ok(Trigger::inert())
            })
            .catch(move |_| {
                drop(catch);
                Ok(Trigger::inert())
            })
            .finally(move || drop(finally));
        drop(reject);
        drop(resolve);
    });
}

#[test]
fn the_drop_of_what_functions_and_futures_captured_may_call_everything() {
    // The executor is called and dropped inside `new`; the future is done and dropped inside `spawn`.
    expect_drops(&[("executor", "fulfilled"), ("future", "fulfilled")], |trigger, _| {
        let captured = trigger("executor", bystander());
        Subject::new(move |resolve, _| {
            resolve(Trigger::inert());
            drop(captured);
        });
        let captured = trigger("future", bystander());
        Promise::<(), ()>::spawn(async move { drop(captured) });
    });
}

/// Values, and captures of handlers that are not called, dropped inside jobs.
#[test]
fn drops_inside_a_job_may_call_everything() {
    let log = Log::default();
    let trigger = |place: &'static str, subject: &Subject| {
        let (log, subject) = (log.clone(), subject.clone());
        Trigger::new(When::Dropped, move || call_everything(&log, place, &subject))
    };
    run(|| {
        // The handler of the other outcome: its promise rejects, so the captures of `then` are dropped.
        let subject = Subject::reject(Trigger::inert());
        let captured = trigger("settled the other way", &subject);
        subject.clone().map(move |_| drop(captured)).catch(|_| Ok(()));
        // The value, by the handler that it was moved to.
        Subject::resolve(trigger("moved to a handler", &subject)).map(drop);
        // The value, passed on to a promise that nobody has a handle of.
        Subject::resolve(trigger("passed on", &subject)).catch(Err);
        // The reason, replaced by that of a failing `finally`.
        let reason = Subject::reject(trigger("replaced", &subject));
        reason.finally(|| Err::<(), _>(Trigger::inert())).handle(|_| ());
    })
    .unwrap();
    let places = ["settled the other way", "moved to a handler", "passed on", "replaced"];
    log.expect(&[
        &places.map(|place| called(place, "rejected")).concat(),
        &places.map(|place| jobs(place, "rejected")).concat(),
        &places.map(tick).concat(),
    ]);
}

/// What hangs on promises, queues, hooks and tasks when the thread ends. Nothing that is queued then runs any more.
#[test]
fn drops_at_the_end_of_the_thread_may_call_everything() {
    thread_local! {
        static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
    }

    /// Leaves something behind that owns a trigger.
    type Leave = fn(Trigger);

    let leaves: [(&'static str, Leave); 9] = [
        ("microtask", |trigger| queue_microtask(move || drop(trigger))),
        ("tick", |trigger| next_tick(move || drop(trigger))),
        ("job", |trigger| drop(Promise::<(), ()>::resolve(()).map(move |()| drop(trigger)))),
        ("value of a kept promise", |trigger| {
            KEPT.with_borrow_mut(|kept| kept.push(Box::new(Subject::resolve(trigger))));
        }),
        ("handler of a kept promise", |trigger| {
            let (promise, resolve, _reject) = Promise::<(), ()>::with_resolvers();
            promise.map(move |()| drop(trigger));
            KEPT.with_borrow_mut(|kept| kept.push(Box::new(resolve)));
        }),
        ("unhandled reason", |trigger| drop(Subject::reject(trigger))),
        ("hook", |trigger| {
            on_unhandled_rejection(move |_| {
                let _ = &trigger;
            });
        }),
        ("task", |trigger| {
            Promise::<(), ()>::spawn(async move {
                Promise::<(), ()>::resolve(()).await?;
                drop(trigger);
                Ok(())
            });
        }),
        ("handler of a remote promise", |trigger| {
            let (promise, resolver) = Promise::<(), ()>::remote();
            promise.map(move |()| drop(trigger));
            std::mem::forget(resolver);
        }),
    ];
    for (place, leave) in leaves {
        // Thread-locals are dropped in the order in which they were first used, or the reverse: so try both, the crate's
        // own first and the test's first.
        for crate_first in [false, true] {
            let log = Log::default();
            let inner = log.clone();
            let thread = thread::spawn(move || {
                if crate_first {
                    call_everything(&inner, "first", &bystander());
                    run(|| {}).unwrap();
                } else {
                    KEPT.with_borrow_mut(Vec::clear);
                }
                let subject = bystander();
                leave(Trigger::new(When::Dropped, move || call_everything(&inner, place, &subject)));
                ENDING.set(true);
            });
            thread.join().unwrap();
            let first = if crate_first {
                [called("first", "fulfilled"), tick("first"), jobs("first", "fulfilled")].concat()
            } else {
                Vec::new()
            };
            log.expect(&[&first, &called(place, "fulfilled")]);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// `Clone` and `Debug`.

/// Three consumers: the first two make clones, and the first `clone` calls everything on the very promise.
#[test]
fn the_clone_of_a_value_may_call_everything() {
    for (state, settle) in [
        ("fulfilled", (|value| Outcome::Fulfilled(value)) as fn(Trigger) -> Outcome<Trigger, Trigger>),
        ("rejected", |reason| Outcome::Rejected(reason)),
    ] {
        let log = Log::default();
        run(|| {
            let (subject, resolve, reject) = Subject::with_resolvers();
            let (inner, other) = (log.clone(), subject.clone());
            let value = Trigger::new(When::Cloned, move || call_everything(&inner, "clone", &other));
            for line in ["first consumer", "second consumer"] {
                let line = log.line("main", line);
                subject.clone().handle(|_| line());
            }
            drop(subject);
            match settle(value) {
                Outcome::Fulfilled(value) => resolve(value),
                Outcome::Rejected(reason) => reject(reason),
                Outcome::Faulted(_) => unreachable!(),
            }
        })
        .unwrap();
        log.expect(&[
            &called("clone", state),
            &lines(["main: first consumer", "main: second consumer"]),
            &jobs("clone", state),
            &tick("clone"),
        ]);
    }
}

/// While a value is cloned for one consumer, all the others go: they are dropped, or get handlers, or take their shares.
#[test]
fn the_clone_of_a_value_may_take_and_drop_the_other_handles() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let (first, mut second, last) = (subject.clone(), subject.clone(), subject.clone());
        let inner = log.clone();
        let value = Trigger::new(When::Cloned, move || {
            drop(first);
            // The first poll of a settled promise wakes; the next one takes.
            assert!(poll_with_probe(&mut second).is_pending());
            assert!(matches!(poll_with_probe(&mut second), Poll::Ready(Ok(_))));
            let line = inner.line("clone", "a handler of the last handle");
            last.map(|_| line());
            inner.log("all are gone");
        });
        let line = log.line("main", "consumer");
        subject.map(|_| line());
        resolve(value);
        log.log("resolved");
    })
    .unwrap();
    log.expect(&[&lines(["resolved", "all are gone", "main: consumer", "clone: a handler of the last handle"])]);
}

/// An awaiter of a shared promise takes its clone when the promise settles, inside `resolve`.
#[test]
fn the_clone_inside_resolve_may_call_everything() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let mut awaited = subject.clone();
        assert!(poll_with_probe(&mut awaited).is_pending());
        let inner = log.clone();
        resolve(Trigger::new(When::Cloned, move || call_everything(&inner, "clone", &subject)));
        log.log("resolved");
        assert!(matches!(poll_with_probe(&mut awaited), Poll::Ready(Ok(_))));
    })
    .unwrap();
    log.expect(&[&called("clone", "fulfilled"), &lines(["resolved"]), &tick("clone"), &jobs("clone", "fulfilled")]);
}

/// What `peek` lends does not forbid anything.
#[test]
fn whoever_looks_at_an_outcome_may_call_everything() {
    let log = Log::default();
    run(|| {
        let subject = bystander();
        let outcome = subject.peek();
        call_everything(&log, "peek", &subject);
        assert!(outcome.is_some());
    })
    .unwrap();
    log.expect(&[&called("peek", "fulfilled"), &tick("peek"), &jobs("peek", "fulfilled")]);
}

#[test]
fn the_debug_of_an_outcome_may_call_everything() {
    let log = Log::default();
    run(|| {
        let (subject, resolve, _reject) = Subject::with_resolvers();
        let (inner, other) = (log.clone(), subject.clone());
        resolve(Trigger::new(When::Shown, move || call_everything(&inner, "debug", &other)));
        log.log(format_args!("{:?}", subject.peek().unwrap()));
    })
    .unwrap();
    log.expect(&[
        &called("debug", "fulfilled"),
        &lines(["Fulfilled(Trigger)"]),
        &tick("debug"),
        &jobs("debug", "fulfilled"),
    ]);
}

/// Makes a rejection whose reason calls everything when it is written out.
fn reject_with_noise(log: &Log) -> Subject {
    let (subject, _resolve, reject) = Subject::with_resolvers();
    let (inner, other) = (log.clone(), subject.clone());
    reject(Trigger::new(When::Shown, move || call_everything(&inner, "debug", &other)));
    subject
}

#[test]
fn the_debug_of_a_reason_may_call_everything_while_a_hook_writes_the_report() {
    let log = Log::default();
    let inner = log.clone();
    on_unhandled_rejection(move |report| {
        let text = report.to_string();
        assert!(text.starts_with("unhandled rejection of type") && text.contains("Trigger, by promise"), "{text}");
        inner.log("reported");
    });
    let late = log.clone();
    on_rejection_handled(move |_| late.log("handled late"));
    run(|| reject_with_noise(&log)).unwrap();
    remove_rejection_hooks();
    log.expect(&[
        &called("debug", "rejected"),
        &lines(["reported"]),
        &tick("debug"),
        &jobs("debug", "rejected"),
        &lines(["handled late"]),
    ]);
}

#[test]
fn the_debug_of_a_reason_may_call_everything_while_run_gives_up() {
    let log = Log::default();
    let error = run(|| reject_with_noise(&log)).unwrap_err();
    assert!(error.to_string().starts_with("unhandled rejection of type"), "{error}");
    log.log("run ends");
    // The rejection is handled meanwhile: by what the reason called. The jobs are left for the next run.
    run(|| log.log("next run")).unwrap();
    log.expect(&[
        &called("debug", "rejected"),
        &lines(["run ends", "next run"]),
        &tick("debug"),
        &jobs("debug", "rejected"),
    ]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Hooks.

#[test]
fn hooks_may_call_everything() {
    let log = Log::default();
    run(|| {
        let subject = Subject::reject(Trigger::inert());
        let (inner, other) = (log.clone(), subject.clone());
        on_unhandled_rejection(move |report| {
            assert_eq!(report.id(), other.id());
            call_everything(&inner, "unhandled", &other);
        });
        let inner = log.clone();
        on_rejection_handled(move |id| {
            assert_eq!(id, subject.id());
            call_everything(&inner, "handled", &subject);
        });
    })
    .unwrap();
    remove_rejection_hooks();
    log.expect(&[
        &called("unhandled", "rejected"),
        &tick("unhandled"),
        &jobs("unhandled", "rejected"),
        &called("handled", "rejected"),
        &tick("handled"),
        &jobs("handled", "rejected"),
    ]);
}

/// A hook is replaced and removed while it runs; what it captured is dropped after it, and calls everything.
#[test]
fn a_hook_may_replace_and_remove_the_hooks() {
    let log = Log::default();
    let captured = {
        let log = log.clone();
        Trigger::new(When::Dropped, move || call_everything(&log, "captured", &bystander()))
    };
    let inner = log.clone();
    on_unhandled_rejection(move |_| {
        let _ = &captured;
        inner.log("the first hook");
        remove_rejection_hooks();
        let second = inner.clone();
        on_unhandled_rejection(move |report| {
            second.log(format_args!("the second hook: {:?}", report.reason()));
            let third = second.clone();
            on_unhandled_rejection(move |report| third.log(format_args!("the third hook: {:?}", report.reason())));
        });
        inner.log("the first hook ends");
    });
    run(|| {
        for reason in 1..=4 {
            Promise::<(), _>::reject(reason);
        }
    })
    .unwrap();
    remove_rejection_hooks();
    log.expect(&[
        &lines(["the first hook", "the first hook ends"]),
        &called("captured", "fulfilled"),
        &lines(["the second hook: 2", "the third hook: 3", "the third hook: 4"]),
        &tick("captured"),
        &jobs("captured", "fulfilled"),
    ]);
}

/// A hook that rejects and handles while it reports: each rejection is reported once, those made meanwhile in a round of
/// their own, after the microtasks (rule U5).
#[test]
fn a_hook_may_reject_and_handle_what_is_to_be_reported() {
    let log = Log::default();
    run(|| {
        let promises: Vec<Promise<(), u32>> = (1..=8).map(Promise::reject).collect();
        // Every other one is handled by the first call of the hook.
        let handles = Cell::new(promises.into_iter().skip(1).step_by(2).collect::<Vec<_>>());
        let inner = log.clone();
        on_unhandled_rejection(move |report| {
            inner.log(format_args!("unhandled {:?}", report.reason()));
            for promise in handles.take() {
                promise.catch(|_| Ok(()));
            }
            let reason = *report.reason().downcast_ref::<u32>().unwrap();
            if reason < 10 {
                for more in 1..=5 {
                    Promise::<(), _>::reject(reason * 10 + more);
                }
                let line = inner.line("microtask", &reason.to_string());
                queue_microtask(line);
            }
        });
    })
    .unwrap();
    remove_rejection_hooks();
    let first = [1, 3, 5, 7];
    log.expect(&[
        &first.map(|reason| format!("unhandled {reason}")),
        &first.map(|reason| format!("microtask: {reason}")),
        &first.map(|reason| [1, 2, 3, 4, 5].map(|more| format!("unhandled {}", reason * 10 + more))).concat(),
    ]);
}

// ---------------------------------------------------------------------------------------------------------------------
// The loop itself.

/// What a `run` or `block_on` inside the loop says.
fn nested(caller: &str) -> String {
    format!(
        "`{caller}` was called while the event loop of this thread is running: from a handler or a callback, return a promise \
         or await it instead"
    )
}

#[test]
fn running_the_loop_inside_a_handler_is_a_fault() {
    let calls: [(&str, fn()); 3] = [
        ("run", || drop(run(|| ()))),
        ("block_on", || block_on(Promise::<(), ()>::resolve(())).unwrap()),
        ("block_on", || drop(try_block_on(Promise::<(), ()>::resolve(())))),
    ];
    for (name, call) in calls {
        let message = |promise: Promise<(), ()>| {
            promise.handle(|outcome| match outcome {
                Outcome::Faulted(fault) => Promise::<_, ()>::resolve(fault.message().to_string()),
                other => unreachable!("{other:?}"),
            })
        };
        let promises = run(|| {
            [
                Promise::resolve(()).map(move |()| call()),
                Promise::reject(()).catch(move |()| {
                    call();
                    Ok(())
                }),
                Promise::resolve(()).finally(call),
                Promise::new(move |_, _| call()),
                Promise::spawn(async move { call() }),
                Promise::attempt(call),
            ]
            .map(message)
        })
        .unwrap();
        for promise in promises {
            assert_eq!(block_on(promise).unwrap(), nested(name));
        }
        // In a callback there is no promise to settle, so the panic leaves the loop; which can be run again.
        let payload = catch_unwind(AssertUnwindSafe(|| run(|| queue_microtask(call)))).unwrap_err();
        assert_eq!(*payload.downcast::<String>().unwrap(), nested(name));
        assert_eq!(block_on(Promise::<_, ()>::resolve(1)), Ok(1));
    }
}

#[test]
fn running_the_loop_inside_a_hook_or_a_waker_panics_and_leaves_the_loop_sound() {
    on_unhandled_rejection(|_| drop(run(|| ())));
    let payload = catch_unwind(|| run(|| drop(Promise::<(), _>::reject(1)))).unwrap_err();
    assert_eq!(*payload.downcast::<String>().unwrap(), nested("run"));
    // The hook is in its place still.
    let payload = catch_unwind(|| run(|| drop(Promise::<(), _>::reject(2)))).unwrap_err();
    assert_eq!(*payload.downcast::<String>().unwrap(), nested("run"));
    remove_rejection_hooks();

    let log = Log::default();
    run(|| {
        let (mut promise, resolve, _reject) = Promise::<u8, ()>::with_resolvers();
        assert!(poll_with_probe(&mut promise).is_pending());
        ON_WAKE.set(Some(Box::new(|| drop(run(|| ())))));
        // A waker that panics unwinds out of the call that settles; the promise has settled all the same.
        let payload = catch_unwind(AssertUnwindSafe(|| resolve(1))).unwrap_err();
        assert_eq!(*payload.downcast::<String>().unwrap(), nested("run"));
        assert_eq!(promise.peek().as_deref(), Some(&Outcome::Fulfilled(1)));
        let line = log.line("main", "then");
        promise.map(|_| line());
    })
    .unwrap();
    log.expect(&[&lines(["main: then"])]);
}

// ---------------------------------------------------------------------------------------------------------------------
// A drop at the nth step.

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
