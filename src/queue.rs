//! The seam that ECMA-262 calls `HostEnqueuePromiseJob` (§9.5.5): the queues of the thread.
//!
//! Promise code pushes jobs here and knows nothing of the loop that runs them. There is one queue for promise jobs,
//! microtask callbacks and spawned futures alike, which is what makes `then` and `await` interleave as in JavaScript,
//! and Node's next-tick queue beside it. A host with a queue of its own can be told of each entry.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use async_task::Runnable;

use crate::context::{self, Bindings, Context};

/// One unit on the microtask queue.
pub(crate) trait Job {
    /// Runs it. Called once for each time it was queued.
    fn run(self: Rc<Self>);

    /// Whether it only says in which context the next entry runs.
    fn is_prefix(&self) -> bool {
        false
    }
}

/// What waits on the microtask queue. Two words: the enum hides in the job's pointer.
pub(crate) enum Entry {
    Job(Rc<dyn Job>),
    Task(Runnable),
}

impl Entry {
    pub(crate) fn run(self) {
        match self {
            Self::Job(job) => job.run(),
            Self::Task(runnable) => run_task(runnable),
        }
    }
}

/// In front of another entry, which it runs. So neither that nor the queue has room for a context that is hardly ever there.
impl Job for Bindings {
    fn run(self: Rc<Self>) {
        let context = Context::from(self);
        let _entered = context::enter(Some(&context));
        next_entry().expect("an entry is queued with its context").run();
    }

    fn is_prefix(&self) -> bool {
        true
    }
}

/// Polls a task.
pub(crate) fn run_task(runnable: Runnable) {
    // A task whose future has registered its waker nowhere is dead. It is dropped through its last waker, this one: left to
    // the runnable, its memory would be freed but its future would not be dropped.
    let waker = runnable.waker();
    runnable.run();
    drop(waker);
}

/// Told of every entry of the microtask queue, right after it was appended.
pub(crate) type JobHook = Rc<dyn Fn()>;

struct Queue {
    jobs: RefCell<VecDeque<Entry>>,
    ticks: RefCell<VecDeque<Box<dyn FnOnce()>>>,
    hook: RefCell<Option<JobHook>>,
    /// Whether there is a hook: all that a thread without one looks at.
    is_hooked: Cell<bool>,
}

impl Queue {
    fn pop(&self) -> Option<Entry> {
        self.jobs.borrow_mut().pop_front()
    }
}

thread_local! {
    static QUEUE: Queue = const {
        Queue {
            jobs: RefCell::new(VecDeque::new()),
            ticks: RefCell::new(VecDeque::new()),
            hook: RefCell::new(None),
            is_hooked: Cell::new(false),
        }
    };
}

/// The queues of a loop that is not the entered one.
#[derive(Default)]
pub(crate) struct Saved {
    jobs: VecDeque<Entry>,
    ticks: VecDeque<Box<dyn FnOnce()>>,
}

impl Saved {
    /// Exchanges what it holds for what the queues of the thread hold. Does nothing while the thread ends.
    pub(crate) fn swap(&mut self) {
        let _ = QUEUE.try_with(|queue| {
            mem::swap(&mut *queue.jobs.borrow_mut(), &mut self.jobs);
            mem::swap(&mut *queue.ticks.borrow_mut(), &mut self.ticks);
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.ticks.is_empty()
    }
}

/// Takes all that is in the queues of the thread.
pub(crate) fn take() -> Saved {
    let mut saved = Saved::default();
    saved.swap();
    saved
}

/// How many entries wait on the microtask queue, and how many callbacks on the next-tick queue.
pub(crate) fn lengths() -> (usize, usize) {
    let is_prefix = |entry: &&Entry| matches!(entry, Entry::Job(job) if job.is_prefix());
    QUEUE.with(|queue| {
        let jobs = queue.jobs.borrow();
        (jobs.len() - jobs.iter().filter(is_prefix).count(), queue.ticks.borrow().len())
    })
}

/// Appends to the microtask queue of this thread.
///
/// While the thread ends the queue is gone, and what would have waited on it is dropped, here and now.
#[inline]
pub(crate) fn enqueue(entry: Entry) {
    // The closure drops `entry` when the queue is gone, and no borrow is held then.
    let is_hooked = QUEUE.try_with(|queue| {
        queue.jobs.borrow_mut().push_back(entry);
        queue.is_hooked.get()
    });
    if let Ok(true) = is_hooked {
        call_hook();
    }
}

/// Appends a job that runs in `context`, if there is one.
#[inline]
pub(crate) fn enqueue_job_in(context: Option<Context>, job: Rc<dyn Job>) {
    match context {
        None => enqueue_job(job),
        Some(context) => enqueue_pair(context, job),
    }
}

#[cold]
fn enqueue_pair(context: Context, job: Rc<dyn Job>) {
    let pair = [Entry::Job(context.into_bindings()), Entry::Job(job)];
    let is_hooked = QUEUE.try_with(|queue| {
        queue.jobs.borrow_mut().extend(pair);
        queue.is_hooked.get()
    });
    if let Ok(true) = is_hooked {
        call_hook();
    }
}

/// Calls the hook: user code, which may replace it meanwhile, and may queue jobs itself.
#[cold]
fn call_hook() {
    let hook = QUEUE.with(|queue| queue.hook.borrow().clone());
    if let Some(hook) = hook {
        hook();
    }
}

/// Puts a hook in, or none, and gives back the one before: dropping it runs user code.
///
/// While the thread ends the queue is gone, and `hook` comes back.
pub(crate) fn replace_hook(hook: Option<JobHook>) -> Option<JobHook> {
    let mut hook = hook;
    let _ = QUEUE.try_with(|queue| {
        queue.is_hooked.set(hook.is_some());
        hook = queue.hook.replace(hook.take());
    });
    hook
}

/// Appends a job to the microtask queue of this thread.
pub(crate) fn enqueue_job(job: Rc<dyn Job>) {
    enqueue(Entry::Job(job));
}

/// Takes the oldest entry off the microtask queue.
pub(crate) fn next_entry() -> Option<Entry> {
    QUEUE.with(Queue::pop)
}

/// Takes the entries off the microtask queue until it is empty, and hands each to `run`, which may add some.
pub(crate) fn take_entries(mut run: impl FnMut(Entry)) {
    // The thread's queue is looked up once.
    QUEUE.with(|queue| {
        while let Some(entry) = queue.pop() {
            run(entry);
        }
    });
}

/// Takes the oldest callback off the next-tick queue.
pub(crate) fn next_tick_callback() -> Option<Box<dyn FnOnce()>> {
    QUEUE.with(|queue| queue.ticks.borrow_mut().pop_front())
}

/// Whether any tick waits.
pub(crate) fn has_ticks() -> bool {
    QUEUE.with(|queue| !queue.ticks.borrow().is_empty())
}

/// Runs `callback` as a microtask of this thread's loop: `queueMicrotask` of JavaScript.
///
/// It runs after everything that is on the microtask queue now, and before any macrotask (rule M1): one tick later.
/// Promise handlers, continuations of `await` and these callbacks share one queue.
///
/// ```
/// use thenable::{Promise, queue_microtask, run};
/// use std::{cell::RefCell, rc::Rc};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let (first, second, third) = (log.clone(), log.clone(), log.clone());
/// run(move || {
///     queue_microtask(move || first.borrow_mut().push("microtask"));
///     Promise::<_, ()>::resolve(()).map(move |()| second.borrow_mut().push("handler"));
///     third.borrow_mut().push("main");
/// })?;
/// assert_eq!(*log.borrow(), ["main", "microtask", "handler"]);
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
///
/// # Panics
///
/// Never itself. A panic in `callback` has no promise to settle, so it unwinds out of [`run`](crate::run) or
/// [`block_on`](crate::block_on), as an exception in Node's `queueMicrotask` ends the process. What is queued stays so.
pub fn queue_microtask(callback: impl FnOnce() + 'static) {
    struct Callback<F>(Cell<Option<F>>);

    impl<F: FnOnce()> Job for Callback<F> {
        fn run(self: Rc<Self>) {
            let callback = self.0.take().expect("a callback is queued once");
            callback();
        }
    }

    match Context::current() {
        None => enqueue_job(Rc::new(Callback(Cell::new(Some(callback))))),
        context => {
            let callback = move || context::restore(context.as_ref(), callback);
            enqueue_job(Rc::new(Callback(Cell::new(Some(callback)))));
        }
    }
}

/// Runs `callback` when the current operation is over, before the event loop goes on: `process.nextTick` of Node.
///
/// After a macrotask (the main closure is one) all ticks run before all microtasks; a tick that a microtask queues waits
/// until the microtask queue is empty; a tick that a tick queues does not wait (rule N1).
///
/// # Panics
///
/// As [`queue_microtask`].
pub fn next_tick(callback: impl FnOnce() + 'static) {
    let callback = context::boxed(callback);
    let _ = QUEUE.try_with(|queue| queue.ticks.borrow_mut().push_back(callback));
}
