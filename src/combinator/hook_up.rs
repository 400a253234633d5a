//! An element's way to the one who gathers: reaction and job in one allocation, and none where the outcome is there and kept.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use super::{Gathering, Strategy, Take};
use crate::cell::handle::Share;
use crate::cell::listener::Reaction;
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::Outcome;
use crate::queue::{self, Job};
use crate::rejections::Tracked;
use crate::resolve::Producer;
use crate::resolve::resolution::Resolution;

/// Who gathers elements of `T` and `E`, each of which has a place. As a job, it counts an element that was kept.
pub(crate) trait Collector<T, E, P>: Job + 'static {
    /// Whether the fate of the result is known, so that it matters no more how elements settle. Nothing of the user's is held
    /// then.
    fn is_closed(&self) -> bool;

    fn take(self: Rc<Self>, place: P, outcome: Outcome<T, E>);

    /// Keeps what an element will come to in the job that is queued now, which is this then. What is not kept comes back.
    fn keep(&self, place: P, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>>;

    /// An element can never settle, because of `cause`.
    fn lose(&self, cause: Origin);

    /// The promise of the result, as long as its fate is not known.
    fn result(&self) -> Option<Rc<dyn Tracked>>;
}

impl<T, E, P, S: Take<T, E, P>> Collector<T, E, P> for Gathering<S> {
    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn take(self: Rc<Self>, place: P, outcome: Outcome<T, E>) {
        drop(Self::take(&self, place, outcome));
    }

    fn keep(&self, place: P, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        self.keep(place, outcome)
    }

    fn lose(&self, cause: Origin) {
        self.lose(cause);
    }

    fn result(&self) -> Option<Rc<dyn Tracked>> {
        self.result()
    }
}

/// The job of an element that was kept.
impl<S: Strategy> Job for Gathering<S> {
    fn run(self: Rc<Self>) {
        self.count_kept();
    }
}

/// `Promise.resolve(element).then(..)`. A value or a reason needs no promise for it: the job is the same. Nor does a promise that
/// has settled and that nobody else can ask: it is freed here.
pub(super) fn hook_up<T, E, P, C>(
    collector: &Rc<C>,
    place: P,
    element: Resolution<T, E>,
    made_at: &'static Location<'static>,
) where
    T: 'static,
    E: Debug + 'static,
    P: Copy + 'static,
    C: Collector<T, E, P>,
{
    let promise = match element {
        Resolution::Fulfill(value) => return report(collector, place, Outcome::Fulfilled(value)),
        Resolution::Reject(reason) => return report(collector, place, Outcome::Rejected(reason)),
        Resolution::Adopt(promise) => promise,
        Resolution::Thenable(_) => {
            let (promise, producer) = Producer::new(made_at);
            producer.complete(Ok(element));
            promise
        }
    };
    match promise.take_settled() {
        Ok(outcome) => report(collector, place, outcome),
        Err(promise) => {
            promise.react(Rc::new(HookUp { collector: collector.clone(), place, step: Cell::new(Step::Wait) }));
        }
    }
}

/// Queues the job of an element that has settled.
fn report<T, E, P, C>(collector: &Rc<C>, place: P, outcome: Outcome<T, E>)
where
    T: 'static,
    E: Debug + 'static,
    P: Copy + 'static,
    C: Collector<T, E, P>,
{
    // Nobody can tell a job that does nothing from none.
    if collector.is_closed() {
        return;
    }
    match collector.keep(place, outcome) {
        Ok(()) => queue::enqueue_job(collector.clone()),
        Err(outcome) => {
            let step = Cell::new(Step::Report(Share::Whole(outcome)));
            queue::enqueue_job(Rc::new(HookUp { collector: collector.clone(), place, step }));
        }
    }
}

pub(super) struct HookUp<T, E, P, C> {
    collector: Rc<C>,
    place: P,
    step: Cell<Step<T, E>>,
}

/// What a hook-up will do next.
enum Step<T, E> {
    /// Wait for the element to settle.
    Wait,
    /// Hand the outcome over, in the job that is queued.
    Report(Share<T, E>),
}

impl<T, E, P, C> Reaction<T, E> for HookUp<T, E, P, C>
where
    T: 'static,
    E: Debug + 'static,
    P: Copy + 'static,
    C: Collector<T, E, P>,
{
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        // Nobody can tell a job that does nothing from none.
        if !self.is_gone() {
            self.step.set(Step::Report(share));
            queue::enqueue_job(self);
        }
    }

    fn is_gone(&self) -> bool {
        self.collector.is_closed()
    }
}

impl<T, E, P, C> Job for HookUp<T, E, P, C>
where
    T: 'static,
    E: Debug + 'static,
    P: Copy + 'static,
    C: Collector<T, E, P>,
{
    fn run(self: Rc<Self>) {
        let step = self.step.replace(Step::Wait);
        if self.is_gone() {
            return;
        }
        let Step::Report(share) = step else { unreachable!("a hook-up is queued with the step it has to do") };
        self.collector.clone().take(self.place, share.take_caught());
    }
}

impl<T, E, P, C> Dependent for HookUp<T, E, P, C>
where
    T: 'static,
    E: Debug + 'static,
    P: Copy + 'static,
    C: Collector<T, E, P>,
{
    fn abandon(&self, cause: Origin) {
        self.collector.lose(cause);
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        self.collector.result()
    }
}
