//! A signal that a promise aborts.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};

use super::aborted::Aborted;
use super::core::{Core, Source, Upstream};
use super::signal::AbortSignal;
use crate::cell::handle::{Promise, Share};
use crate::cell::listener::{Listener, Reaction};
use crate::context::{self, Context};
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::queue::{self, Job};
use crate::rejections::Tracked;

impl AbortSignal {
    /// A signal that is aborted when `promise` settles, and for what it settles with, be it the value or the reason. It makes a
    /// signal of whatever a promise can wait for: ctrl-c, an event, the end of a worker.
    ///
    /// - **When:** in a job, where a handler would run: one tick after the promise has settled. So the signal is never aborted
    ///   yet when this returns.
    /// - **A fault** aborts it, too, for the message of the panic, and is reported as one that nobody handles. A rejection counts
    ///   as handled.
    /// - **A promise that can never settle** is a signal that will never be aborted.
    /// - **The loser:** when nobody looks at the signal or waits for it any more, the promise keeps nothing of it.
    /// - **Cost:** three allocations.
    ///
    /// ```
    /// use std::time::Duration;
    /// use thenable::{AbortSignal, Aborted, Emitter, block_on, queue_microtask};
    ///
    /// let closed = Emitter::<&str>::new();
    /// let signal = AbortSignal::when(closed.next_event());
    /// queue_microtask(move || _ = closed.emit(&"the window was closed"));
    /// let rest = block_on(signal.delay::<Aborted>(Duration::from_secs(3600)));
    /// assert_eq!(rest.unwrap_err().to_string(), "aborted: the window was closed");
    /// ```
    ///
    /// With the feature `signal`, `AbortSignal::when(ctrl_c().map(|()| "ctrl-c"))` is aborted by ctrl-c.
    #[track_caller]
    pub fn when<T, E>(promise: Promise<T, E>) -> Self
    where
        T: Into<Box<dyn Error + Send + Sync>> + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + Debug + 'static,
    {
        let core = Core::new();
        let when = Rc::new(When {
            source: Cell::new(Some(Source::new(&core))),
            share: Cell::new(None),
            context: Context::current(),
            made_at: Location::caller(),
        });
        let weak: Weak<dyn LetGo> = Rc::<When<T, E>>::downgrade(&when);
        core.set_upstream(Upstream::Guard(Box::new(Guard(weak))));
        let signal = Self::new(core);
        promise.subscribe(Listener::React(when));
        signal
    }
}

/// The reaction on the promise.
struct When<T, E> {
    /// `None` when nobody needs the signal any more.
    source: Cell<Option<Source>>,
    /// The outcome, when the job is queued.
    share: Cell<Option<Share<T, E>>>,
    /// In which the listeners are called, as those of a timer are in its own.
    context: Option<Context>,
    made_at: &'static Location<'static>,
}

impl<T, E> When<T, E> {
    fn is_closed(&self) -> bool {
        let source = self.source.take();
        let is_closed = source.is_none();
        self.source.set(source);
        is_closed
    }
}

impl<T, E> Reaction<T, E> for When<T, E>
where
    T: Into<Box<dyn Error + Send + Sync>> + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Debug + 'static,
{
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        self.share.set(Some(share));
        queue::enqueue_job(self);
    }

    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

impl<T, E> Job for When<T, E>
where
    T: Into<Box<dyn Error + Send + Sync>> + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Debug + 'static,
{
    fn run(self: Rc<Self>) {
        let share = self.share.take().expect("it is queued with what it has to hand over");
        // The conversion is user code.
        let reason = catch_unwind(AssertUnwindSafe(|| match share.take_caught() {
            Outcome::Fulfilled(value) => Ok(Aborted::new(value)),
            Outcome::Rejected(reason) => Ok(Aborted::new(reason)),
            Outcome::Faulted(fault) => Err(fault),
        }));
        let aborted = reason.unwrap_or_else(|payload| Err(Fault::from_panic(payload))).unwrap_or_else(|fault| {
            let aborted = Aborted::new(fault.message());
            // Nobody can handle it: so it is reported.
            drop(Promise::<(), Infallible>::from_completion(Err(fault), self.made_at));
            aborted
        });
        if let Some(source) = self.source.take() {
            context::restore(self.context.as_ref(), || source.abort(&aborted));
        }
    }
}

impl<T: 'static, E: 'static> Dependent for When<T, E> {
    fn abandon(&self, _cause: Origin) {
        drop(self.source.take());
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        None
    }
}

/// What the signal holds as long as it is needed.
struct Guard(Weak<dyn LetGo>);

trait LetGo {
    fn let_go(&self);
}

impl<T, E> LetGo for When<T, E> {
    fn let_go(&self) {
        drop(self.source.take());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(when) = self.0.upgrade() {
            when.let_go();
        }
    }
}
