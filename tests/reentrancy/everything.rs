//! The trace, and everything that can be called.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex};

use thenable::{Promise, PromiseState, next_tick, queue_microtask};

/// What ran, in order. It outlives the thread, so that what runs at a thread's end is in it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn log(&self, line: impl fmt::Display) {
        // Writing it out may run user code, which writes to the log too.
        let line = line.to_string();
        self.0.lock().expect("no panic under the lock").push(line);
    }

    /// A callback that writes a line.
    pub(crate) fn line(&self, place: &str, line: &str) -> impl FnOnce() + use<> {
        let (log, line) = (self.clone(), format!("{place}: {line}"));
        move || log.log(line)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no panic under the lock").clone()
    }

    #[track_caller]
    pub(crate) fn expect(&self, expected: &[&[String]]) {
        assert_eq!(self.lines(), expected.concat());
    }
}

/// The promise whose doings user code interrupts.
pub(crate) type Subject = Promise<Trigger, Trigger>;

/// A value or a reason that does something when it is cloned, dropped or written out: once. Its clones do nothing.
pub(crate) struct Trigger {
    when: When,
    action: Cell<Option<Box<dyn FnOnce()>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Never,
    Cloned,
    Dropped,
    Shown,
}

impl Trigger {
    pub(crate) fn inert() -> Self {
        Self { when: When::Never, action: Cell::new(None) }
    }

    pub(crate) fn new(when: When, action: impl FnOnce() + 'static) -> Self {
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
pub(crate) fn bystander() -> Subject {
    Promise::resolve(Trigger::inert())
}

thread_local! {
    /// The thread is at its end, where the table of ids may be gone: then each question is answered with a number of its own.
    pub(crate) static ENDING: Cell<bool> = const { Cell::new(false) };
}

/// Calls everything that there is, of other promises and of `subject`.
pub(crate) fn call_everything(log: &Log, place: &'static str, subject: &Subject) {
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
pub(crate) fn called(place: &str, state: &str) -> Vec<String> {
    vec![format!("{place}: begins"), format!("{place}: spawn"), format!("{place}: ends, {state}")]
}

/// What the jobs write that it queues, if the subject is settled.
pub(crate) fn jobs(place: &str, state: &str) -> Vec<String> {
    let mut jobs = jobs_beside_a_pending(place);
    let handler = if state == "rejected" { "subject catch" } else { "subject then" };
    jobs.extend([handler, "subject finally", "subject await"].map(|line| format!("{place}: {line}")));
    jobs
}

/// What the jobs write that it queues, if the subject is pending.
pub(crate) fn jobs_beside_a_pending(place: &str) -> Vec<String> {
    ["new", "resolve", "reject", "clone", "finally", "rejected", "microtask", "await"]
        .map(|line| format!("{place}: {line}"))
        .into()
}

/// What the tick writes that it queues.
pub(crate) fn tick(place: &str) -> Vec<String> {
    vec![format!("{place}: tick")]
}

pub(crate) fn lines<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(String::from).into()
}
