//! What the children of a scope share.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use super::ScopeError;
use crate::abort::aborted::Aborted;
use crate::abort::controller::AbortController;
use crate::abort::listener::AbortListener;
use crate::abort::signal::AbortSignal;
use crate::cell::handle::Promise;
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::rejections::Tracked;
use crate::resolve::Producer;

/// The state of one scope.
pub(super) struct State<E> {
    controller: AbortController,
    /// Which abort a reason is, if it is one.
    finder: RefCell<Option<Rc<Finder<E>>>>,
    /// `None` when the scope has ended.
    open: RefCell<Option<Open<E>>>,
}

/// Whether a reason is this abort.
pub(super) type Finder<E> = dyn Fn(&E, &Aborted) -> bool;

struct Open<E> {
    /// The children that may settle still, and one more while somebody is at work here.
    unfinished: usize,
    errors: Vec<E>,
    /// The first fault.
    fault: Option<Fault>,
    /// Why the scope was aborted, if that was not because of a failure.
    aborted: Option<Aborted>,
    /// Because of which promise a child can never settle.
    lost: Option<Origin>,
    /// Who aborts it from outside.
    outer: Vec<AbortListener>,
    result: Box<dyn SettleResult<E>>,
}

/// How a child has failed.
pub(super) enum Failure<E> {
    Reason(E),
    Fault(Fault),
}

/// The value of the body, until the scope ends.
pub(super) type Value<T> = Rc<Cell<Option<T>>>;

impl<E: Debug + 'static> State<E> {
    /// The result, the state with one child, the body, and where its value goes.
    pub(super) fn new<T: 'static>(
        made_at: &'static Location<'static>,
    ) -> (Promise<T, ScopeError<E>>, Rc<Self>, Value<T>) {
        let (result, producer) = Producer::of_outcome(made_at);
        let value = Value::default();
        let open = Open {
            unfinished: 1,
            errors: Vec::new(),
            fault: None,
            aborted: None,
            lost: None,
            outer: Vec::new(),
            result: Box::new(Body { value: value.clone(), producer }),
        };
        let state =
            Self { controller: AbortController::new(), finder: RefCell::default(), open: RefCell::new(Some(open)) };
        (result, Rc::new(state), value)
    }

    pub(super) fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }

    /// The signal of the scope, or one that is aborted if the scope has ended.
    pub(super) fn running_signal(&self) -> AbortSignal {
        if self.has_ended() { AbortSignal::abort() } else { self.signal() }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.open.borrow().is_none()
    }

    /// There is a child more.
    pub(super) fn begin(&self) {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.unfinished += 1;
        }
    }

    /// What `finder` finds to be the abort of the scope is no error.
    pub(super) fn ignore_aborts(&self, finder: Rc<Finder<E>>) {
        let before = self.finder.replace(Some(finder));
        drop(before);
    }

    /// A child was rejected.
    pub(super) fn reject(&self, reason: E) {
        // The finder is user code, and so is the drop of the reason.
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let aborted = self.controller.signal().reason();
            let finder = self.finder.borrow().clone();
            let is_own = finder.zip(aborted).is_some_and(|(finder, aborted)| finder(&reason, &aborted));
            (!is_own).then_some(reason)
        }));
        match judged {
            Ok(Some(reason)) => self.fail(Failure::Reason(reason)),
            Ok(None) => {}
            Err(payload) => self.fail(Failure::Fault(Fault::from_panic(payload))),
        }
    }

    /// A child has failed.
    pub(super) fn fail(&self, failure: Failure<E>) {
        let later = {
            let mut open = self.open.borrow_mut();
            let Some(open) = &mut *open else { return };
            match failure {
                Failure::Reason(reason) => {
                    open.errors.push(reason);
                    None
                }
                Failure::Fault(fault) if open.fault.is_none() => {
                    open.fault = Some(fault);
                    None
                }
                Failure::Fault(fault) => Some(fault),
            }
        };
        // Dropping the payload of a panic runs user code.
        drop(later);
        self.controller.abort_with("something else in the scope failed");
    }

    /// Aborts the scope from outside of it.
    pub(super) fn abort(&self, aborted: &Aborted) {
        {
            let mut open = self.open.borrow_mut();
            let Some(open) = open.as_mut().filter(|_| !self.controller.signal().aborted()) else { return };
            open.aborted = Some(aborted.clone());
            open.unfinished += 1;
        }
        self.controller.abort_with(aborted.clone());
        self.finish();
    }

    pub(super) fn abort_when(state: &Rc<Self>, signal: &AbortSignal) {
        if let Some(aborted) = signal.reason() {
            return state.abort(&aborted);
        }
        let scope = state.clone();
        let listener = signal.on_abort(move |aborted| scope.abort(&aborted));
        if let Some(open) = &mut *state.open.borrow_mut() {
            open.outer.push(listener);
        }
    }

    /// A child has settled. If it was the last one, the scope ends.
    pub(super) fn finish(&self) {
        let ended = {
            let mut state = self.open.borrow_mut();
            let Some(open) = &mut *state else { return };
            open.unfinished -= 1;
            // If something was lost, only an abort can end it.
            let is_stuck = open.lost.is_some() && !self.controller.signal().aborted();
            if open.unfinished > 0 || is_stuck {
                return;
            }
            state.take().expect("just seen")
        };
        let Open { errors, fault, aborted, outer, result, .. } = ended;
        drop(outer);
        result.settle(match fault {
            Some(fault) => End::Fault(fault),
            None if errors.is_empty() && aborted.is_none() => End::Value,
            None => End::Failure(ScopeError { errors, aborted }),
        });
    }

    /// A child can never settle, because of `cause`.
    pub(super) fn lose(&self, cause: Origin) {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.lost.get_or_insert(cause);
        }
        self.finish();
    }

    /// The promise of the result, until the scope has ended.
    pub(super) fn result(&self) -> Option<Rc<dyn Tracked>> {
        self.open.borrow().as_ref()?.result.tracked()
    }
}

impl<E> State<E> {
    pub(super) fn unfinished(&self) -> usize {
        self.open.borrow().as_ref().map_or(0, |open| open.unfinished)
    }
}

impl<E> Drop for State<E> {
    /// Nobody is left who could end the scope.
    fn drop(&mut self) {
        if let Some(Open { result, lost: Some(cause), .. }) = self.open.take() {
            result.abandon(cause);
        }
    }
}

/// What a scope comes to.
enum End<E> {
    Value,
    Failure(ScopeError<E>),
    Fault(Fault),
}

/// The result, whatever the type of its value is.
trait SettleResult<E> {
    fn settle(self: Box<Self>, end: End<E>);

    /// It can never settle, because of `cause`.
    fn abandon(self: Box<Self>, cause: Origin);

    fn tracked(&self) -> Option<Rc<dyn Tracked>>;
}

struct Body<T, E> {
    value: Value<T>,
    producer: Producer<T, ScopeError<E>>,
}

impl<T: 'static, E: Debug + 'static> SettleResult<E> for Body<T, E> {
    fn settle(self: Box<Self>, end: End<E>) {
        let Self { value, producer } = *self;
        match end {
            End::Value => {
                let value = value.take().expect("the body was fulfilled");
                producer.settle(Outcome::Fulfilled(value));
            }
            End::Failure(error) => producer.settle(Outcome::Rejected(error)),
            End::Fault(fault) => producer.settle(Outcome::Faulted(fault)),
        }
    }

    fn abandon(self: Box<Self>, cause: Origin) {
        self.producer.abandon(cause);
    }

    fn tracked(&self) -> Option<Rc<dyn Tracked>> {
        self.producer.tracked()
    }
}
