//! The combinators: promises made of many others (ECMA-262 §27.2.4), and their family.
//!
//! One call is one [`Gathering`]: the producer of the result, and the strategy that decides when the result is known and what
//! it is. Each element has one [`HookUp`](hook_up::HookUp): the reaction, the job and the element's place in one allocation.
//! Elements own their hook-ups, and those own the gathering; so when no element can settle any more, the result is abandoned.
//!
//! The verbs that call a function for each item, so many at a time, run a [`Course`](course::Course) over a gathering.

pub(crate) mod all;
mod all_keyed;
mod all_settled;
mod any;
pub(crate) mod course;
pub(crate) mod each;
pub(crate) mod filter_all;
mod hook_up;
pub(crate) mod join;
mod map_all;
pub(crate) mod progress;
mod race;
pub(crate) mod reduce;
mod slots;
mod some;

use std::cell::RefCell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use self::hook_up::hook_up;
use self::progress::Reporter;
use crate::cell::handle::Promise;
use crate::identity::Origin;
use crate::outcome::{Fault, Outcome};
use crate::rejections::Tracked;
use crate::resolve::Producer;
use crate::resolve::resolution::IntoResolution;

/// How one combinator makes its result.
pub(crate) trait Strategy: Sized + 'static {
    type Value: 'static;
    type Error: Debug + 'static;
    /// What is given to it and not kept.
    type Waste;

    /// Whether the result needs every element, so that one that can never settle decides that the result cannot either.
    const NEEDS_EVERY_ELEMENT: bool = false;

    /// There is no further element. Says whether their number decides the result.
    fn end(&mut self) -> bool {
        false
    }

    /// Returns the result, if there is one: every element has settled, or the strategy has said that it is over.
    ///
    /// This may run user code. What it leaves is dropped when the result has settled.
    fn conclude(&mut self) -> Option<ResultOf<Self>>;
}

pub(crate) type ResultOf<S> = Outcome<<S as Strategy>::Value, <S as Strategy>::Error>;

/// A strategy for elements in a row.
pub(crate) trait Row<K = ()>: Strategy {
    /// The next element is there, and something is known of it already. Returns its place.
    ///
    /// It runs no user code: it keeps what it is given.
    fn make_room(&mut self, known: K) -> usize;

    /// So many elements are to come, at least: as the iterator says, which need not be true.
    fn announce(&mut self, _least: usize) {}
}

/// A strategy for elements of `T` and `E`, each of which has a place.
pub(crate) trait Take<T, E, P = usize>: Strategy {
    /// The element at `place` has settled.
    ///
    /// It runs no user code: it keeps what it is given, or gives it back. What it keeps is dropped when the result has settled.
    fn take(&mut self, place: P, outcome: Outcome<T, E>) -> Taken<Self>;

    /// The element at `place` will settle in the job that is queued now, and this is what it will come to. What decides nothing
    /// may be kept from now on, so that the job only has to count. What is not kept comes back, for `take` in that job.
    fn keep(&mut self, _place: P, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        Err(outcome)
    }
}

/// What an element comes to.
pub(crate) enum Taken<S: Strategy> {
    /// One more that has settled.
    Kept,
    /// One more that has settled. This was not kept; it is dropped where user code may run.
    Wasted(S::Waste),
    /// The result is known: [`conclude`](Strategy::conclude) says what it is.
    Over,
    /// This is the result.
    Decided(ResultOf<S>),
}

/// Puts a value away. Anything else is given back.
fn keep_value<T, E>(outcome: Outcome<T, E>, put: impl FnOnce(T)) -> Result<(), Outcome<T, E>> {
    match outcome {
        Outcome::Fulfilled(value) => {
            put(value);
            Ok(())
        }
        failure => Err(failure),
    }
}

/// The value, or the failure as a result.
fn value<T, S: Strategy>(outcome: Outcome<T, S::Error>) -> Result<T, Taken<S>> {
    match outcome {
        Outcome::Fulfilled(value) => Ok(value),
        Outcome::Rejected(reason) => Err(Taken::Decided(Outcome::Rejected(reason))),
        Outcome::Faulted(fault) => Err(Taken::Decided(Outcome::Faulted(fault))),
    }
}

/// The promise that `strategy` makes of `elements`. They are converted and hooked up one at a time (rule C3).
fn gather<T, E, S, I>(strategy: S, elements: I, made_at: &'static Location<'static>) -> Promise<S::Value, S::Error>
where
    T: 'static,
    E: Debug + 'static,
    S: Row + Take<T, E>,
    I: IntoIterator<Item: IntoResolution<E, Value = T>>,
{
    gather_reporting(strategy, None, elements, made_at)
}

/// [`gather`], with somebody who is told how far it has come.
fn gather_reporting<T, E, S, I>(
    strategy: S,
    reporter: Option<Rc<Reporter>>,
    elements: I,
    made_at: &'static Location<'static>,
) -> Promise<S::Value, S::Error>
where
    T: 'static,
    E: Debug + 'static,
    S: Row + Take<T, E>,
    I: IntoIterator<Item: IntoResolution<E, Value = T>>,
{
    let (result, gathering) = Gathering::reporting(strategy, reporter, made_at);
    let gathering = Rc::new(gathering);
    gathering.iterate(|| {
        let elements = elements.into_iter();
        gathering.announce(elements.size_hint().0);
        for element in elements {
            let element = element.into_resolution();
            let place = gathering.make_room(());
            hook_up(&gathering, place, element, made_at);
        }
    });
    result
}

/// What the hook-ups of one call share.
pub(crate) struct Gathering<S: Strategy> {
    /// `None` once the fate of the result is known. Then nothing is held here, and the hook-ups that are left are spent.
    open: RefCell<Option<Open<S>>>,
}

struct Open<S: Strategy> {
    strategy: S,
    producer: Producer<S::Value, S::Error>,
    /// The elements that may settle still, and one more while the iteration goes on (`remainingElementsCount`).
    awaited: u32,
    /// The iteration goes on: it may panic, which decides the result.
    is_iterating: bool,
    /// Because of which promise an element can never settle. Hardly ever there, so it is a word.
    lost: Option<Box<Origin>>,
    /// Who is told how far it has come.
    reporter: Option<Rc<Reporter>>,
}

impl<S: Strategy> Open<S> {
    fn expect_element(&mut self) {
        self.awaited = self.awaited.checked_add(1).expect("fewer than 2^32 elements that have not settled");
    }

    fn lose(&mut self, cause: Origin) {
        self.lost.get_or_insert_with(|| Box::new(cause));
    }
}

impl<S: Strategy> Gathering<S> {
    fn new(strategy: S, made_at: &'static Location<'static>) -> (Promise<S::Value, S::Error>, Self) {
        Self::reporting(strategy, None, made_at)
    }

    fn reporting(
        strategy: S,
        reporter: Option<Rc<Reporter>>,
        made_at: &'static Location<'static>,
    ) -> (Promise<S::Value, S::Error>, Self) {
        let (result, producer) = Producer::of_outcome(made_at);
        let open = Open { strategy, producer, awaited: 1, is_iterating: true, lost: None, reporter };
        (result, Self { open: RefCell::new(Some(open)) })
    }

    fn is_closed(&self) -> bool {
        self.open.borrow().is_none()
    }

    /// Runs the iteration over the elements, which is user code.
    fn iterate(&self, iteration: impl FnOnce()) {
        match catch_unwind(AssertUnwindSafe(iteration)) {
            Ok(()) => self.end_iteration(),
            Err(payload) => self.fail(Fault::from_panic(payload)),
        }
    }

    fn end_iteration(&self) {
        self.report(Reporter::end);
        self.update(|open| {
            open.awaited -= 1;
            open.is_iterating = false;
            if open.strategy.end() { Taken::Over } else { Taken::Kept }
        });
    }

    /// The iteration has panicked.
    fn fail(&self, fault: Fault) {
        self.update(|_| Taken::Decided(Outcome::Faulted(fault)));
    }

    /// Makes room for an element in a row.
    fn make_room<K>(&self, known: K) -> usize
    where
        S: Row<K>,
    {
        let Some(open) = &mut *self.open.borrow_mut() else { return 0 };
        open.expect_element();
        if let Some(reporter) = &open.reporter {
            reporter.count();
        }
        open.strategy.make_room(known)
    }

    /// So many elements are to come, at least.
    fn announce<K>(&self, least: usize)
    where
        S: Row<K>,
    {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.strategy.announce(least);
        }
    }

    /// There is an element that has its place already.
    fn expect_element(&self) {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.expect_element();
        }
    }

    /// An element has settled. Returns what is left to be dropped.
    fn take<T, E, P>(&self, place: P, outcome: Outcome<T, E>) -> Option<S::Waste>
    where
        S: Take<T, E, P>,
    {
        self.count(|strategy| strategy.take(place, outcome))
    }

    /// An element will settle in the job that is queued now. What is not kept of it comes back.
    fn keep<T, E, P>(&self, place: P, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>>
    where
        S: Take<T, E, P>,
    {
        match &mut *self.open.borrow_mut() {
            Some(open) => open.strategy.keep(place, outcome),
            None => Err(outcome),
        }
    }

    /// An element that was kept has settled.
    fn count_kept(&self) {
        drop(self.count(|_| Taken::Kept));
    }

    /// An element has settled, and `take` takes it. Returns what is left to be dropped.
    fn count(&self, take: impl FnOnce(&mut S) -> Taken<S>) -> Option<S::Waste> {
        let mut is_reported = false;
        let waste = self.update(|open| {
            let taken = take(&mut open.strategy);
            is_reported = open.reporter.is_some() && !matches!(taken, Taken::Decided(_));
            // Who is told is told before the result settles.
            open.awaited -= u32::from(!is_reported);
            taken
        });
        if is_reported {
            self.report(Reporter::advance);
            self.update(|open| {
                open.awaited -= 1;
                Taken::Kept
            });
        }
        waste
    }

    /// Tells how far it has come, which is user code.
    fn report(&self, report: impl FnOnce(&Reporter)) {
        let reporter = self.open.borrow().as_ref().and_then(|open| open.reporter.clone());
        let Some(reporter) = reporter else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| report(&reporter))) {
            self.fail(Fault::from_panic(payload));
        }
    }

    /// An element can never settle, because of `cause`.
    fn lose(&self, cause: Origin) {
        self.update(|open| {
            open.awaited -= 1;
            open.lose(cause);
            Taken::Kept
        });
    }

    /// The result can never settle, because of `cause`.
    fn doom(&self, cause: Origin) {
        self.update(|open| {
            open.awaited = 0;
            open.lose(cause);
            Taken::Kept
        });
    }

    /// The promise of the result, as long as its fate is not known.
    fn result(&self) -> Option<Rc<dyn Tracked>> {
        self.open.borrow().as_ref()?.producer.tracked()
    }

    /// Changes the state, unless the fate of the result is known already. Then, if it is known now, closes the gathering, and
    /// settles the result or abandons it, with no borrow held. Returns what is left to be dropped.
    fn update(&self, change: impl FnOnce(&mut Open<S>) -> Taken<S>) -> Option<S::Waste> {
        let mut state = self.open.borrow_mut();
        let open = state.as_mut()?;
        let (decision, waste) = match change(open) {
            Taken::Kept => (None, None),
            Taken::Wasted(waste) => (None, Some(waste)),
            Taken::Decided(outcome) => (Some(Decision::Settle(outcome)), None),
            Taken::Over => (Some(Decision::Conclude), None),
        };
        let decision = decision.or_else(|| match &open.lost {
            Some(cause) if open.awaited == 0 || (S::NEEDS_EVERY_ELEMENT && !open.is_iterating) => {
                Some(Decision::Abandon(**cause))
            }
            _ => (open.awaited == 0).then_some(Decision::Conclude),
        });
        let closed = if decision.is_some() { state.take() } else { None };
        drop(state);
        if let (Some(closed), Some(decision)) = (closed, decision) {
            closed.close(decision);
        }
        waste
    }
}

/// What becomes of the result.
enum Decision<V, X> {
    Settle(Outcome<V, X>),
    Conclude,
    Abandon(Origin),
}

impl<S: Strategy> Open<S> {
    /// What the strategy keeps is dropped after the result has settled.
    fn close(self, decision: Decision<S::Value, S::Error>) {
        let Self { mut strategy, producer, .. } = self;
        match decision {
            Decision::Settle(outcome) => producer.settle(outcome),
            Decision::Abandon(cause) => producer.abandon(cause),
            Decision::Conclude => match catch_unwind(AssertUnwindSafe(|| strategy.conclude())) {
                Ok(Some(outcome)) => producer.settle(outcome),
                // Nothing can settle it: its producer is dropped, which says so.
                Ok(None) => drop(producer),
                Err(payload) => producer.settle(Outcome::Faulted(Fault::from_panic(payload))),
            },
        }
    }
}
