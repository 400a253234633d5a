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

    /// Whether it only says in which context the entries after it run.
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

/// Where the context of the entries changes, the new one stands in front of them. So neither an entry nor a queue without
/// contexts has room for one, and entries in one context cost a comparison each.
impl Job for Bindings {
    fn run(self: Rc<Self>) {
        run_in(Some(Context::from(self)));
    }

    fn is_prefix(&self) -> bool {
        true
    }
}

/// The entries after this run in no context.
struct NoContext;

impl Job for NoContext {
    fn run(self: Rc<Self>) {
        run_in(None);
    }

    fn is_prefix(&self) -> bool {
        true
    }
}

/// Runs the next entry in `context`, and leaves that for those which come after.
fn run_in(context: Option<Context>) {
    context::replace_current(context);
    QUEUE.with(Queue::pop).expect("an entry is queued with its context").run();
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
    /// The contexts of the oldest entry and of the newest one. While entries run, the former is the current context instead.
    contexts: RefCell<Contexts>,
    /// Whether there is a hook, and whether there are contexts: all that a thread without them looks at.
    is_hooked: Cell<bool>,
    is_bound: Cell<bool>,
}

#[derive(Default)]
struct Contexts {
    oldest: Option<Context>,
    newest: Option<Context>,
}

impl Queue {
    #[inline]
    fn pop(&self) -> Option<Entry> {
        self.jobs.borrow_mut().pop_front()
    }

    #[inline]
    fn push(&self, entry: Entry) {
        self.jobs.borrow_mut().push_back(entry);
    }

    /// Appends an entry that runs in the context of here and now.
    #[inline(never)]
    fn push_here(&self, entry: Entry) {
        if context::is_current(self.contexts.borrow().newest.as_ref()) {
            self.push(entry);
        } else {
            self.push_changing(Context::current(), entry);
        }
    }

    /// Appends an entry that runs in `context`.
    #[inline(never)]
    fn push_in(&self, context: Option<Context>, entry: Entry) {
        if self.contexts.borrow().newest == context {
            self.push(entry);
        } else {
            self.push_changing(context, entry);
        }
    }

    /// Appends an entry that runs in another context than the one before, and that in front of it.
    fn push_changing(&self, context: Option<Context>, entry: Entry) {
        let prefix: Rc<dyn Job> = match &context {
            Some(context) => context.bindings(),
            None => Rc::new(NoContext),
        };
        self.push(Entry::Job(prefix));
        self.push(entry);
        self.is_bound.set(true);
        let before = mem::replace(&mut self.contexts.borrow_mut().newest, context);
        // Dropping a context may run user code, and no borrow is held then.
        drop(before);
    }

    /// No entry runs any more, or for now. The context of the next one is put aside.
    #[inline(never)]
    fn suspend(&self) {
        let oldest = context::replace_current(None);
        let is_empty = self.is_empty();
        self.is_bound.set(!is_empty);
        let newest = self.contexts.borrow().newest.clone();
        let contexts = if is_empty { Contexts::default() } else { Contexts { oldest, newest } };
        // Dropping a context may run user code, and no borrow is held then.
        drop(self.contexts.replace(contexts));
    }

    fn is_empty(&self) -> bool {
        self.jobs.borrow().is_empty()
    }
}

thread_local! {
    static QUEUE: Queue = const {
        Queue {
            jobs: RefCell::new(VecDeque::new()),
            ticks: RefCell::new(VecDeque::new()),
            hook: RefCell::new(None),
            contexts: RefCell::new(Contexts { oldest: None, newest: None }),
            is_hooked: Cell::new(false),
            is_bound: Cell::new(false),
        }
    };
}

/// The queues of a loop that is not the entered one.
#[derive(Default)]
pub(crate) struct Saved {
    jobs: VecDeque<Entry>,
    ticks: VecDeque<Box<dyn FnOnce()>>,
    contexts: Contexts,
    is_bound: bool,
}

impl Saved {
    /// Exchanges what it holds for what the queues of the thread hold. Does nothing while the thread ends.
    pub(crate) fn swap(&mut self) {
        let _ = QUEUE.try_with(|queue| {
            mem::swap(&mut *queue.jobs.borrow_mut(), &mut self.jobs);
            mem::swap(&mut *queue.ticks.borrow_mut(), &mut self.ticks);
            mem::swap(&mut *queue.contexts.borrow_mut(), &mut self.contexts);
            self.is_bound = queue.is_bound.replace(self.is_bound);
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
        let prefixes = if queue.is_bound.get() { jobs.iter().filter(is_prefix).count() } else { 0 };
        (jobs.len() - prefixes, queue.ticks.borrow().len())
    })
}

/// Appends to the microtask queue of this thread. The entry runs in the context of here and now.
///
/// While the thread ends the queue is gone, and what would have waited on it is dropped, here and now.
#[inline]
pub(crate) fn enqueue(entry: Entry) {
    append(|queue| if context::are_used() { queue.push_here(entry) } else { queue.push(entry) });
}

/// Appends a job to the microtask queue of this thread. It runs in the context of here and now.
pub(crate) fn enqueue_job(job: Rc<dyn Job>) {
    enqueue(Entry::Job(job));
}

/// Appends a job that runs in `context`, if there is one, and outside of all contexts if not.
#[inline]
pub(crate) fn enqueue_job_in(context: Option<Context>, job: Rc<dyn Job>) {
    append(|queue| {
        if context.is_some() || queue.is_bound.get() {
            queue.push_in(context, Entry::Job(job));
        } else {
            queue.push(Entry::Job(job));
        }
    });
}

#[inline]
fn append(push: impl FnOnce(&Queue)) {
    // The closure drops what it owns when the queue is gone, and no borrow is held then.
    let is_hooked = QUEUE.try_with(|queue| {
        push(queue);
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

/// Runs the oldest entry of the microtask queue. Returns whether there was one.
pub(crate) fn run_entry() -> bool {
    QUEUE.with(|queue| {
        let _bound = Bound::new(queue);
        queue.pop().map(Entry::run).is_some()
    })
}

/// Runs the entries of the microtask queue until it is empty, what they add included. `after_each` is called after each.
pub(crate) fn run_entries(mut after_each: impl FnMut()) {
    // The thread's queue is looked up once.
    QUEUE.with(|queue| {
        while !queue.is_empty() {
            let _bound = Bound::new(queue);
            while let Some(entry) = queue.pop() {
                entry.run();
                after_each();
            }
        }
    });
}

/// Entries of the queue run as long as this lives, in the contexts that were queued with them.
struct Bound<'a>(&'a Queue);

impl<'a> Bound<'a> {
    #[inline]
    fn new(queue: &'a Queue) -> Self {
        if queue.is_bound.get() {
            let oldest = queue.contexts.borrow_mut().oldest.take();
            context::replace_current(oldest);
        }
        Self(queue)
    }
}

impl Drop for Bound<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_bound.get() {
            self.0.suspend();
        }
    }
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

    enqueue_job(Rc::new(Callback(Cell::new(Some(callback)))));
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
