//! Combinators against the algorithms of ECMA-262 §27.2.4, written by hand over `handle`: whole traces are equal. And the
//! results of elements that settle in a known order, against a model that knows nothing of promises.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use thenable::{
    Fault, IntoResolution, Outcome, Promise, Resolution, Resolve, on_unhandled_rejection, queue_microtask, run,
};

use crate::sources::{Fate, Source, after, fate, source, thenable};
use crate::{cases, on_a_new_thread};

#[derive(Clone, Copy, Debug)]
enum Verb {
    All,
    AllSettled,
    Any,
    Race,
}

#[derive(Clone, Debug)]
enum Element {
    Value(i32),
    Reason(i32),
    Promise(Source),
    Thenable(Source),
    /// Another handle on one of the promises that all calls share.
    Shared(usize),
    /// The iterator panics here.
    Panic,
}

/// A call of a combinator.
#[derive(Clone, Debug)]
struct Call {
    verb: Verb,
    elements: Vec<Element>,
    tick: u8,
}

#[derive(Clone, Debug)]
struct Program {
    shared: Vec<Source>,
    calls: Vec<Call>,
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![Just(Verb::All), Just(Verb::AllSettled), Just(Verb::Any), Just(Verb::Race)]
}

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        10 => (0..9).prop_map(Element::Value),
        10 => (10..19).prop_map(Element::Reason),
        40 => source().prop_map(Element::Promise),
        10 => source().prop_map(Element::Thenable),
        20 => (0..2_usize).prop_map(Element::Shared),
        1 => Just(Element::Panic),
    ]
}

fn program() -> impl Strategy<Value = Program> {
    let call = (verb(), vec(element(), 0..6), 0..3_u8);
    let calls = vec(call.prop_map(|(verb, elements, tick)| Call { verb, elements, tick }), 1..5);
    (vec(source(), 2), calls).prop_map(|(shared, calls)| Program { shared, calls })
}

type Log = Rc<RefCell<Vec<String>>>;

/// What is called with the text of a result.
type OnResult = Box<dyn FnOnce(String)>;

/// How `combine` runs the program: everything that is called, with its tick.
fn execute(program: &Program, combine: fn(Verb, Elements, OnResult)) -> Vec<String> {
    let log = Log::default();
    let unhandled = log.clone();
    on_unhandled_rejection(move |report| unhandled.borrow_mut().push(format!("unhandled {:?}", report.reason())));
    run(|| {
        count_ticks(0, log.clone());
        let shared: Vec<_> = program.shared.iter().map(Source::promise).collect();
        for (number, Call { verb, elements, tick }) in program.calls.iter().cloned().enumerate() {
            let (log, shared) = (log.clone(), shared.clone());
            after(tick, move || {
                let seen = log.clone();
                let elements = Elements { rest: elements.into_iter(), shared: shared.clone(), log: log.clone() };
                combine(verb, elements, Box::new(move |text| seen.borrow_mut().push(format!("call {number}: {text}"))));
                for (index, promise) in shared.into_iter().enumerate() {
                    let log = log.clone();
                    promise.handle::<(), _>(move |outcome| {
                        log.borrow_mut().push(format!("handler {index} after call {number}: {outcome:?}"));
                    });
                }
            });
        }
    })
    .expect("there is a hook");
    log.take()
}

fn count_ticks(tick: u32, log: Log) {
    if tick < 14 {
        queue_microtask(move || {
            log.borrow_mut().push(format!("tick {tick}"));
            count_ticks(tick + 1, log);
        });
    }
}

/// The elements of a call, made when they are asked for.
struct Elements {
    rest: std::vec::IntoIter<Element>,
    shared: Vec<Promise<i32, i32>>,
    log: Log,
}

impl Iterator for Elements {
    type Item = Resolution<i32, i32>;

    fn next(&mut self) -> Option<Self::Item> {
        self.log.borrow_mut().push("next".to_string());
        Some(match self.rest.next()? {
            Element::Value(value) => Resolution::Fulfill(value),
            Element::Reason(reason) => Resolution::Reject(reason),
            Element::Promise(source) => Resolution::Adopt(source.promise()),
            Element::Thenable(source) => thenable(&source),
            Element::Shared(index) => Resolution::Adopt(self.shared[index].clone()),
            Element::Panic => resume_unwind(Box::new("the iterator")),
        })
    }
}

/// The crate's combinators.
fn native<I>(verb: Verb, elements: I, log: OnResult)
where
    I: IntoIterator<Item: IntoResolution<i32, Value = i32>>,
{
    fn then<T: Debug + 'static, E: Debug + 'static>(result: Promise<T, E>, log: OnResult) {
        result.handle::<(), _>(|outcome| log(format!("{outcome:?}")));
    }
    match verb {
        Verb::All => then(Promise::all(elements), log),
        Verb::AllSettled => then(Promise::all_settled(elements), log),
        Verb::Any => then(Promise::any(elements), log),
        Verb::Race => then(Promise::race(elements), log),
    }
}

/// The algorithms of the standard, for a result that is a text.
fn by_hand(verb: Verb, elements: Elements, log: OnResult) {
    let (result, resolve, _reject) = Promise::<String, ()>::with_resolvers();
    result.map(log);
    let hand = Rc::new(Hand {
        verb,
        outcomes: RefCell::default(),
        fault: RefCell::default(),
        remaining: Cell::new(1),
        resolve,
    });
    let iterated = catch_unwind(AssertUnwindSafe(|| {
        for (index, element) in elements.enumerate() {
            hand.remaining.set(hand.remaining.get() + 1);
            hand.outcomes.borrow_mut().push(None);
            let hand = hand.clone();
            Promise::resolve_with(element).handle::<(), _>(move |outcome| hand.settled(index, outcome));
        }
    }));
    match iterated {
        Ok(()) => hand.decrement(),
        Err(payload) => (hand.resolve)(format!("Faulted({:?})", Fault::from_panic(payload))),
    }
}

struct Hand {
    verb: Verb,
    outcomes: RefCell<Vec<Option<Outcome<i32, i32>>>>,
    /// The first fault among the failures of `any`.
    fault: RefCell<Option<String>>,
    /// `remainingElementsCount`.
    remaining: Cell<usize>,
    resolve: Resolve<String, ()>,
}

impl Hand {
    /// The functions that the standard gives to the element's `then`.
    fn settled(&self, index: usize, outcome: Outcome<i32, i32>) {
        let decides = match (self.verb, &outcome) {
            (Verb::Race, _) => true,
            (Verb::All, outcome) => !matches!(outcome, Outcome::Fulfilled(_)),
            (Verb::Any, outcome) => matches!(outcome, Outcome::Fulfilled(_)),
            (Verb::AllSettled, _) => false,
        };
        if decides {
            (self.resolve)(format!("{outcome:?}"));
        } else {
            if let Outcome::Faulted(_) = outcome {
                self.fault.borrow_mut().get_or_insert(format!("{outcome:?}"));
            }
            self.outcomes.borrow_mut()[index] = Some(outcome);
            self.decrement();
        }
    }

    fn decrement(&self) {
        self.remaining.set(self.remaining.get() - 1);
        if self.remaining.get() > 0 {
            return;
        }
        let outcomes: Vec<_> = self.outcomes.take().into_iter().map(|outcome| outcome.expect("none remains")).collect();
        let numbers = || {
            outcomes.iter().map(|outcome| match outcome {
                Outcome::Fulfilled(number) | Outcome::Rejected(number) => *number,
                Outcome::Faulted(_) => unreachable!("a fault decides"),
            })
        };
        (self.resolve)(match self.verb {
            Verb::All => format!("Fulfilled({:?})", numbers().collect::<Vec<_>>()),
            Verb::AllSettled => format!("Fulfilled({outcomes:?})"),
            Verb::Any if self.fault.borrow().is_some() => self.fault.take().expect("just seen"),
            Verb::Any => format!("Rejected(AggregateError {{ errors: {:?} }})", numbers().collect::<Vec<_>>()),
            Verb::Race => return,
        });
    }
}

/// An element that settles in a known tick, or never.
#[derive(Clone, Copy, Debug)]
struct Timed {
    tick: Option<u8>,
    fate: Fate,
}

impl Timed {
    fn promise(self) -> Promise<i32, i32> {
        match self.tick {
            None => Source::Never,
            Some(0) => Source::Now(self.fate),
            Some(tick) => Source::Later(tick, self.fate),
        }
        .promise()
    }

    /// When it settles. A fault that comes later comes through a promise, which is adopted.
    fn settles(self) -> Option<u8> {
        let ticks = if self.tick > Some(0) && matches!(self.fate, Fate::Panic(_)) { 2 } else { 0 };
        Some(self.tick? + ticks)
    }

    fn outcome(self) -> Outcome<i32, i32> {
        match self.fate {
            Fate::Fulfill(value) => Outcome::Fulfilled(value),
            Fate::Reject(reason) => Outcome::Rejected(reason),
            Fate::Panic(number) => Outcome::Faulted(Fault::from_panic(Box::new(number.to_string()))),
        }
    }

    fn is_fulfilled(self) -> bool {
        matches!(self.fate, Fate::Fulfill(_))
    }

    fn number(self) -> i32 {
        match self.fate {
            Fate::Fulfill(number) | Fate::Reject(number) | Fate::Panic(number) => number,
        }
    }
}

/// What a call over `elements` comes to, and in which tick its handler runs.
fn model(verb: Verb, elements: &[Timed]) -> Option<(String, u8)> {
    let mut in_time: Vec<(u8, Timed)> =
        elements.iter().filter_map(|&element| Some((element.settles()?, element))).collect();
    in_time.sort_by_key(|&(tick, _)| tick);
    let first = |decides: fn(Timed) -> bool| {
        let &(tick, element) = in_time.iter().find(|&&(_, element)| decides(element))?;
        Some((format!("{:?}", element.outcome()), tick + 2))
    };
    let all_have_settled = in_time.len() == elements.len();
    let end = in_time.last().map_or(1, |&(tick, _)| tick + 2);
    let whole = |text: String| all_have_settled.then_some((text, end));
    let numbers: Vec<_> = elements.iter().map(|element| element.number()).collect();
    match verb {
        Verb::Race => first(|_| true),
        Verb::All => first(|element| !element.is_fulfilled()).or_else(|| whole(format!("Fulfilled({numbers:?})"))),
        Verb::AllSettled => {
            let outcomes: Vec<_> = elements.iter().map(|element| element.outcome()).collect();
            whole(format!("Fulfilled({outcomes:?})"))
        }
        Verb::Any => first(Timed::is_fulfilled).or_else(|| {
            let fault = first(|element| matches!(element.fate, Fate::Panic(_))).map(|(text, _)| text);
            whole(fault.unwrap_or_else(|| format!("Rejected(AggregateError {{ errors: {numbers:?} }})")))
        }),
    }
}

/// The same by the crate.
fn timed(verb: Verb, elements: &[Timed]) -> Option<(String, u8)> {
    on_unhandled_rejection(|report| unreachable!("elements are handled: {report}"));
    let (seen, now) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(0)));
    run(|| {
        count(now.clone());
        let seen = seen.clone();
        let log = Box::new(move |text| *seen.borrow_mut() = Some((text, now.get())));
        let elements = elements.iter().map(|element| element.promise());
        native(verb, elements, log);
    })
    .expect("there is a hook");
    seen.take()
}

fn count(now: Rc<Cell<u8>>) {
    queue_microtask(move || {
        now.set(now.get() + 1);
        if now.get() < 20 {
            count(now);
        }
    });
}

fn timed_element() -> impl Strategy<Value = Timed> {
    (prop::option::weighted(0.95, 0..5_u8), fate()).prop_map(|(tick, fate)| Timed { tick, fate })
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn combinators_are_the_algorithms_of_the_standard(program in program()) {
        let expected = on_a_new_thread(|| execute(&program, by_hand));
        prop_assert_eq!(on_a_new_thread(|| execute(&program, native)), expected);
    }

    #[test]
    fn the_result_and_its_tick_follow_from_the_elements(verb in verb(), elements in vec(timed_element(), 0..6)) {
        prop_assert_eq!(on_a_new_thread(|| timed(verb, &elements)), model(verb, &elements));
    }
}
