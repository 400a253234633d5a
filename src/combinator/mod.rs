//! The combinators: promises made of many others (ECMA-262 §27.2.4).
//!
//! One call is one [`Gathering`]: the producer of the result, and the strategy that decides when the result is known and what
//! it is. Each element has one [`HookUp`]: the reaction, the job and the element's number in one allocation. Elements own
//! their hook-ups, and those own the gathering; so when no element can settle any more, the result is abandoned.

mod all;
mod all_settled;
mod any;
mod race;
mod slots;

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use crate::cell::handle::{Promise, Share};
use crate::cell::listener::{Listener, Reaction};
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::queue::{self, Job};
use crate::rejections::Tracked;
use crate::resolve::Producer;
use crate::resolve::resolution::{IntoResolution, Resolution};

/// How one combinator makes its result of elements of `T` and `E`.
///
/// It never runs user code: it keeps what it is given. What it holds is dropped when the result has settled.
trait Strategy<T, E>: 'static {
    type Value: 'static;
    type Error: Debug + 'static;

    /// Whether the result needs every element, so that one that can never settle decides that the result cannot either.
    const NEEDS_EVERY_ELEMENT: bool = false;

    /// The next element is there.
    fn make_room(&mut self) {}

    /// The element with this number has settled. Returns the result if that decides it.
    fn take(&mut self, index: usize, outcome: Outcome<T, E>) -> Option<Outcome<Self::Value, Self::Error>>;

    /// Every element has settled, and none has decided. Returns the result, if there is one.
    fn conclude(self) -> Option<Outcome<Self::Value, Self::Error>>;
}

/// The promise that `strategy` makes of `elements`. They are converted and hooked up one at a time (rule C3).
fn gather<T, E, S, I>(strategy: S, elements: I, made_at: &'static Location<'static>) -> Promise<S::Value, S::Error>
where
    T: 'static,
    E: Debug + 'static,
    S: Strategy<T, E>,
    I: IntoIterator<Item: IntoResolution<E, Value = T>>,
{
    let (result, producer) = Producer::new(made_at);
    let open = Open { strategy, producer, awaited: 1, is_iterating: true, lost: None };
    let gathering = Rc::new(Gathering { open: RefCell::new(Some(open)) });
    let iterated = catch_unwind(AssertUnwindSafe(|| {
        for (index, element) in elements.into_iter().enumerate() {
            hook_up(&gathering, index, element.into_resolution(), made_at);
        }
    }));
    match iterated {
        Ok(()) => gathering.end_iteration(),
        Err(payload) => gathering.fail(Fault::from_panic(payload)),
    }
    result
}

/// `Promise.resolve(element).then(..)`. A value or a reason needs no promise for it: the job is the same.
fn hook_up<T, E, S>(
    gathering: &Rc<Gathering<T, E, S>>,
    index: usize,
    element: Resolution<T, E>,
    made_at: &'static Location<'static>,
) where
    T: 'static,
    E: Debug + 'static,
    S: Strategy<T, E>,
{
    gathering.expect_element();
    let hook_up = |step| Rc::new(HookUp { gathering: gathering.clone(), index, step: Cell::new(step) });
    let promise = match element {
        Resolution::Fulfill(value) => {
            return queue::enqueue_job(hook_up(Step::Report(Share::Whole(Outcome::Fulfilled(value)))));
        }
        Resolution::Reject(reason) => {
            return queue::enqueue_job(hook_up(Step::Report(Share::Whole(Outcome::Rejected(reason)))));
        }
        Resolution::Adopt(promise) => promise,
        Resolution::Thenable(_) => {
            let (promise, producer) = Producer::new(made_at);
            producer.complete(Ok(element));
            promise
        }
    };
    promise.subscribe(Listener::React(hook_up(Step::Wait)));
}

/// What the hook-ups of one call share.
struct Gathering<T, E, S: Strategy<T, E>> {
    /// `None` once the fate of the result is known. Then nothing is held here, and the hook-ups that are left are spent.
    open: RefCell<Option<Open<T, E, S>>>,
}

struct Open<T, E, S: Strategy<T, E>> {
    strategy: S,
    producer: Producer<S::Value, S::Error>,
    /// The elements that may settle still, and one more while the iteration goes on (`remainingElementsCount`).
    awaited: usize,
    /// The iteration goes on: it may panic, which decides the result.
    is_iterating: bool,
    /// Because of which promise an element can never settle.
    lost: Option<Origin>,
}

impl<T: 'static, E: Debug + 'static, S: Strategy<T, E>> Gathering<T, E, S> {
    fn is_closed(&self) -> bool {
        self.open.borrow().is_none()
    }

    fn expect_element(&self) {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.awaited += 1;
            open.strategy.make_room();
        }
    }

    fn end_iteration(&self) {
        self.update(|open| {
            open.awaited -= 1;
            open.is_iterating = false;
            None
        });
    }

    fn take(&self, index: usize, outcome: Outcome<T, E>) {
        self.update(move |open| {
            open.awaited -= 1;
            open.strategy.take(index, outcome)
        });
    }

    /// An element can never settle, because of `cause`.
    fn lose(&self, cause: Origin) {
        self.update(|open| {
            open.awaited -= 1;
            open.lost.get_or_insert(cause);
            None
        });
    }

    /// The iterator has panicked.
    fn fail(&self, fault: Fault) {
        self.update(|_| Some(Outcome::Faulted(fault)));
    }

    /// Changes the state, unless the fate of the result is known already. Then, if it is known now, closes the gathering, and
    /// settles the result or abandons it, with no borrow held.
    fn update(&self, change: impl FnOnce(&mut Open<T, E, S>) -> Option<Outcome<S::Value, S::Error>>) {
        let mut state = self.open.borrow_mut();
        let Some(open) = &mut *state else { return };
        let decided = change(open);
        let is_doomed = S::NEEDS_EVERY_ELEMENT && open.lost.is_some() && !open.is_iterating;
        if decided.is_none() && open.awaited > 0 && !is_doomed {
            return;
        }
        let closed = state.take();
        drop(state);
        let Open { strategy, producer, lost, .. } = closed.expect("just seen");
        match (decided, lost) {
            // What the strategy has left is dropped after the result has settled.
            (Some(outcome), _) => producer.settle(outcome),
            (None, Some(cause)) => producer.abandon(cause),
            (None, None) => match strategy.conclude() {
                Some(outcome) => producer.settle(outcome),
                // Nothing can settle it: its producer is dropped, which says so.
                None => drop(producer),
            },
        }
    }
}

/// One element's way to the gathering.
struct HookUp<T, E, S: Strategy<T, E>> {
    gathering: Rc<Gathering<T, E, S>>,
    index: usize,
    step: Cell<Step<T, E>>,
}

/// What a hook-up will do next.
enum Step<T, E> {
    /// Wait for the element to settle.
    Wait,
    /// Hand the outcome over, in the job that is queued.
    Report(Share<T, E>),
}

impl<T: 'static, E: Debug + 'static, S: Strategy<T, E>> Reaction<T, E> for HookUp<T, E, S> {
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        // Nobody can tell a job that does nothing from none.
        if !self.is_gone() {
            self.step.set(Step::Report(share));
            queue::enqueue_job(self);
        }
    }

    fn is_gone(&self) -> bool {
        self.gathering.is_closed()
    }
}

impl<T: 'static, E: Debug + 'static, S: Strategy<T, E>> Job for HookUp<T, E, S> {
    fn run(self: Rc<Self>) {
        let step = self.step.replace(Step::Wait);
        if self.is_gone() {
            return;
        }
        let Step::Report(share) = step else { unreachable!("a hook-up is queued with the step it has to do") };
        self.gathering.take(self.index, share.take_caught());
    }
}

impl<T: 'static, E: Debug + 'static, S: Strategy<T, E>> Dependent for HookUp<T, E, S> {
    fn abandon(self: Rc<Self>, cause: Origin) {
        self.gathering.lose(cause);
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        self.gathering.open.borrow().as_ref()?.producer.tracked()
    }
}
