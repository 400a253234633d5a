//! A child of a scope: the reaction on its promise.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use super::state::{Failure, State, Value};
use crate::cell::handle::{Promise, Share};
use crate::cell::listener::{Listener, Reaction};
use crate::disposal::Dependent;
use crate::identity::Origin;
use crate::outcome::Outcome;
use crate::queue::{self, Job};
use crate::rejections::Tracked;
use crate::resolve::resolution::Resolution;
use crate::resolve::{Completion, Producer};

/// Makes what `completion` resolves to a child of the scope. Returns a promise of its value.
pub(super) fn watch<T: 'static, E: Debug + 'static>(
    scope: &Rc<State<E>>,
    completion: Completion<T, E>,
    made_at: &'static Location<'static>,
) -> Promise<T, E> {
    let (promise, producer) = Producer::of_outcome(made_at);
    if scope.has_ended() {
        // A rejection of it is nobody's.
        drop(Promise::from_completion(completion, made_at));
    } else {
        scope.begin();
        hook_up(scope, completion, Sink::Promise(producer), made_at);
    }
    promise
}

/// The body has come to this. It was a child from the beginning.
pub(super) fn watch_body<T: 'static, E: Debug + 'static>(
    scope: &Rc<State<E>>,
    completion: Completion<T, E>,
    value: Value<T>,
    made_at: &'static Location<'static>,
) {
    hook_up(scope, completion, Sink::Body(value), made_at);
}

/// As the elements of a combinator: a value or a reason needs no promise, the job is the same.
fn hook_up<T: 'static, E: Debug + 'static>(
    scope: &Rc<State<E>>,
    completion: Completion<T, E>,
    sink: Sink<T, E>,
    made_at: &'static Location<'static>,
) {
    let child = |share| Rc::new(Child { scope: scope.clone(), sink: Cell::new(Some(sink)), share: Cell::new(share) });
    let outcome = match completion {
        Ok(Resolution::Fulfill(value)) => Outcome::Fulfilled(value),
        Ok(Resolution::Reject(reason)) => Outcome::Rejected(reason),
        Err(fault) => Outcome::Faulted(fault),
        Ok(Resolution::Adopt(promise)) => return promise.subscribe(Listener::React(child(None))),
        Ok(thenable @ Resolution::Thenable(_)) => {
            let promise = Promise::from_completion(Ok(thenable), made_at);
            return promise.subscribe(Listener::React(child(None)));
        }
    };
    queue::enqueue_job(child(Some(Share::Whole(outcome))));
}

/// Where the value of a child goes.
enum Sink<T, E> {
    Promise(Producer<T, E>),
    Body(Value<T>),
}

struct Child<T, E> {
    scope: Rc<State<E>>,
    /// Until the child has settled.
    sink: Cell<Option<Sink<T, E>>>,
    /// The outcome, when the job is queued.
    share: Cell<Option<Share<T, E>>>,
}

impl<T: 'static, E: Debug + 'static> Reaction<T, E> for Child<T, E> {
    fn deliver(self: Rc<Self>, share: Share<T, E>) {
        self.share.set(Some(share));
        queue::enqueue_job(self);
    }
}

impl<T: 'static, E: Debug + 'static> Job for Child<T, E> {
    fn run(self: Rc<Self>) {
        let share = self.share.take().expect("it is queued with what it has to hand over");
        let sink = self.sink.take().expect("a promise settles once (invariant 1)");
        match share.take_caught() {
            Outcome::Fulfilled(value) => match sink {
                Sink::Promise(producer) => producer.settle(Outcome::Fulfilled(value)),
                Sink::Body(place) => place.set(Some(value)),
            },
            Outcome::Rejected(reason) => {
                drop(sink);
                self.scope.reject(reason);
            }
            Outcome::Faulted(fault) => {
                drop(sink);
                self.scope.fail(Failure::Fault(fault));
            }
        }
        self.scope.finish();
    }
}

impl<T: 'static, E: Debug + 'static> Dependent for Child<T, E> {
    fn abandon(&self, cause: Origin) {
        if let Some(Sink::Promise(producer)) = self.sink.take() {
            producer.abandon(cause);
        }
        self.scope.lose(cause);
    }

    fn derived(self: Rc<Self>) -> Option<Rc<dyn Tracked>> {
        self.scope.result()
    }
}
