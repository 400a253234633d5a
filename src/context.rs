//! Values that follow a chain: `AsyncLocalStorage` of Node, `AsyncContext.Variable` of the TC39 proposal.
//!
//! The values of all variables are one immutable *context*. Whatever calls user code later keeps the context in which it
//! was made, and restores it around that call. Between two callbacks of the loop there is none.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use pin_project_lite::pin_project;

/// A variable whose value follows a chain: `AsyncLocalStorage` of Node, `AsyncContext.Variable` of the TC39 proposal.
///
/// [`run`](Self::run) gives it a value while a function runs, and in everything that the function sets going: handlers of
/// promises, microtasks, ticks, timers, immediates, spawned futures, and what those set going in turn. Each of them sees
/// the value that there was when it was made: for a handler that is the call of `then`, for a spawned future the call of
/// [`Promise::spawn`](crate::Promise::spawn). So a value reaches the whole of a request, through any number of links,
/// without being passed on by hand; and requests that run side by side do not see each other's.
///
/// It is made as a `static` in most cases. The values stay on their threads: other threads, [workers](crate::Worker) and the
/// pool of `blocking` see none.
///
/// A program that never calls `run` pays one check of a flag for each handler and each callback. Otherwise a chain takes a few
/// per cent longer, whether it sees a value or not; where each handler runs with other values than the one before, 15 per cent.
///
/// ```
/// use thenable::{AsyncLocal, Promise, block_on};
///
/// static REQUEST: AsyncLocal<u32> = AsyncLocal::new();
///
/// fn log(line: &str) -> String {
///     format!("[{}] {line}", REQUEST.get().map_or("-".to_string(), |id| id.to_string()))
/// }
///
/// let serve = |id| REQUEST.run(id, || Promise::<_, ()>::resolve("found").map(log));
/// let lines = block_on(Promise::all([serve(1), serve(2)]));
/// assert_eq!(lines.unwrap(), ["[1] found", "[2] found"]);
/// assert_eq!(log("outside"), "[-] outside");
/// ```
pub struct AsyncLocal<T> {
    key: OnceLock<u64>,
    /// The values are elsewhere, each on its own thread.
    values: PhantomData<fn() -> T>,
}

impl<T: 'static> AsyncLocal<T> {
    /// A variable without a value.
    pub const fn new() -> Self {
        Self { key: OnceLock::new(), values: PhantomData }
    }

    /// Calls `function` with this `value`, which follows what the function sets going: `asyncLocalStorage.run(value, f)`.
    ///
    /// When the function has returned or panicked, the value is what it was before.
    pub fn run<R>(&self, value: T, function: impl FnOnce() -> R) -> R {
        let _entered = InContext::new(Some(self.with_value(Some(Rc::new(value)))));
        function()
    }

    /// Calls `function` without a value: `asyncLocalStorage.exit(f)`.
    pub fn exit<R>(&self, function: impl FnOnce() -> R) -> R {
        let _entered = InContext::new(Some(self.with_value(None)));
        function()
    }

    /// A future that sees this `value` whenever it is polled.
    ///
    /// A spawned future keeps the context in which it was spawned, so this is for a part of one.
    ///
    /// ```
    /// use thenable::{AsyncLocal, Promise, block_on};
    ///
    /// static DEPTH: AsyncLocal<u32> = AsyncLocal::new();
    ///
    /// block_on(async {
    ///     let inner = DEPTH.run_async(1, async {
    ///         Promise::<_, ()>::resolve(()).await?;
    ///         Ok::<_, ()>(DEPTH.get())
    ///     });
    ///     assert_eq!(inner.await.unwrap().as_deref(), Some(&1));
    ///     assert_eq!(DEPTH.get(), None);
    /// });
    /// ```
    pub fn run_async<F: Future>(&self, value: T, future: F) -> RunAsync<F> {
        RunAsync { future, context: Some(self.with_value(Some(Rc::new(value)))) }
    }

    /// The value here and now, if there is one: `asyncLocalStorage.getStore()`.
    pub fn get(&self) -> Option<Rc<T>> {
        let context = Context::current()?;
        let value = context.value(*self.key.get()?)?.clone();
        Some(value.downcast().expect("the values of a variable are of one type"))
    }

    fn with_value(&self, value: Option<Rc<T>>) -> Context {
        let key = *self.key.get_or_init(|| NEXT_KEY.fetch_add(1, Ordering::Relaxed));
        let before = Context::current();
        let others = before.iter().flat_map(|context| context.0.0.iter()).filter(|(other, _)| *other != key).cloned();
        let own = value.map(|value| (key, value as Rc<dyn Any>));
        IN_USE.store(true, Ordering::Relaxed);
        Context(Rc::new(Bindings(others.chain(own).collect())))
    }
}

impl<T: 'static> Default for AsyncLocal<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for AsyncLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncLocal").field("value", &self.get()).finish()
    }
}

/// The values that all variables have here and now: `AsyncLocalStorage.snapshot()`, `AsyncContext.Snapshot`.
///
/// For code that calls back by ways of its own, such as a queue of requests: it takes a snapshot where the request is made,
/// and runs the callback in it.
///
/// ```
/// use thenable::{AsyncLocal, Snapshot};
///
/// static USER: AsyncLocal<&str> = AsyncLocal::new();
///
/// let callback = USER.run("Ada", || Snapshot::take().bind(|| USER.get().map(|user| *user)));
/// assert_eq!(USER.get(), None);
/// assert_eq!(callback(), Some("Ada"));
/// ```
#[derive(Clone, Default)]
pub struct Snapshot(Option<Context>);

impl Snapshot {
    /// Takes one.
    pub fn take() -> Self {
        Self(Context::current())
    }

    /// Calls `function` with the values of the snapshot.
    pub fn run<R>(&self, function: impl FnOnce() -> R) -> R {
        restore(self.0.as_ref(), function)
    }

    /// `function`, which will see the values of the snapshot when it is called: `AsyncLocalStorage.bind(f)`.
    pub fn bind<R>(self, function: impl FnOnce() -> R) -> impl FnOnce() -> R {
        move || self.run(function)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future with a value of its own for a variable: [`AsyncLocal::run_async`].
    #[must_use = "futures do nothing unless polled"]
    pub struct RunAsync<F> {
        #[pin]
        future: F,
        context: Option<Context>,
    }
}

impl<F: Future> Future for RunAsync<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        restore(this.context.as_ref(), || this.future.poll(task))
    }
}

impl<F> fmt::Debug for RunAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunAsync").finish_non_exhaustive()
    }
}

/// Whether any variable was ever given a value, on any thread. Until then, nobody looks for a context.
static IN_USE: AtomicBool = AtomicBool::new(false);

static NEXT_KEY: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
    /// Where the current one is, to be compared: this needs no destructor, so looking at it costs little.
    static ADDRESS: Cell<*const Bindings> = const { Cell::new(ptr::null()) };
}

/// The values of all variables, each with the key of its variable.
pub(crate) struct Bindings(Vec<(u64, Rc<dyn Any>)>);

#[derive(Clone)]
pub(crate) struct Context(Rc<Bindings>);

impl PartialEq for Context {
    /// Whether they are the same one.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Rc<Bindings>> for Context {
    fn from(bindings: Rc<Bindings>) -> Self {
        Self(bindings)
    }
}

impl Context {
    pub(crate) fn bindings(&self) -> Rc<Bindings> {
        self.0.clone()
    }

    /// What is to be restored around what is made here and now.
    #[inline]
    pub(crate) fn current() -> Option<Self> {
        if are_used() { Self::look_up() } else { None }
    }

    #[cold]
    fn look_up() -> Option<Self> {
        // While the thread ends there is none.
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    fn address(context: Option<&Self>) -> *const Bindings {
        context.map_or(ptr::null(), |context| Rc::as_ptr(&context.0))
    }

    fn value(&self, key: u64) -> Option<&Rc<dyn Any>> {
        self.0.0.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }
}

/// Whether there may be any context on this thread.
#[inline]
pub(crate) fn are_used() -> bool {
    IN_USE.load(Ordering::Relaxed)
}

/// Whether `context` is the one of here and now.
pub(crate) fn is_current(context: Option<&Context>) -> bool {
    ADDRESS.get() == Context::address(context)
}

/// Makes `context` the current one, as long as the result lives. There is none if it is the current one already.
#[inline]
pub(crate) fn enter(context: Option<&Context>) -> Option<InContext> {
    if are_used() { change_to(context) } else { None }
}

#[cold]
fn change_to(context: Option<&Context>) -> Option<InContext> {
    (!is_current(context)).then(|| InContext::new(context.cloned()))
}

/// Calls `function` in `context`.
#[inline]
pub(crate) fn restore<R>(context: Option<&Context>, function: impl FnOnce() -> R) -> R {
    let _entered = enter(context);
    function()
}

/// `callback`, in the context of here and now.
pub(crate) fn boxed(callback: impl FnOnce() + 'static) -> Box<dyn FnOnce()> {
    match Context::current() {
        None => Box::new(callback),
        context => Box::new(move || restore(context.as_ref(), callback)),
    }
}

/// `callback`, each time in the context of here and now.
pub(crate) fn boxed_mut(mut callback: impl FnMut() + 'static) -> Box<dyn FnMut()> {
    match Context::current() {
        None => Box::new(callback),
        context => Box::new(move || restore(context.as_ref(), &mut callback)),
    }
}

/// A context is the current one as long as this lives.
pub(crate) struct InContext {
    before: Option<Context>,
}

impl InContext {
    fn new(context: Option<Context>) -> Self {
        Self { before: replace_current(context) }
    }
}

impl Drop for InContext {
    fn drop(&mut self) {
        // Dropping what was current may run user code, and no borrow is held then.
        drop(replace_current(self.before.take()));
    }
}

/// Makes `context` the current one, and returns the one before.
pub(crate) fn replace_current(context: Option<Context>) -> Option<Context> {
    let replace = |current: &RefCell<Option<Context>>| {
        ADDRESS.set(Context::address(context.as_ref()));
        current.replace(context)
    };
    CURRENT.try_with(replace).ok().flatten()
}
