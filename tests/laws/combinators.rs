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

/// What resolves.
#[derive(Clone, Debug)]
pub(crate) enum Element {
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

pub(crate) fn element() -> impl Strategy<Value = Element> {
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

pub(crate) type Log = Rc<RefCell<Vec<String>>>;

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

pub(crate) fn count_ticks(tick: u32, log: Log) {
    if tick < 24 {
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
        Some(self.rest.next()?.resolution(&self.shared))
    }
}

impl Element {
    pub(crate) fn resolution(self, shared: &[Promise<i32, i32>]) -> Resolution<i32, i32> {
        match self {
            Self::Value(value) => Resolution::Fulfill(value),
            Self::Reason(reason) => Resolution::Reject(reason),
            Self::Promise(source) => Resolution::Adopt(source.promise()),
            Self::Thenable(source) => thenable(&source),
            Self::Shared(index) => Resolution::Adopt(shared[index].clone()),
            Self::Panic => resume_unwind(Box::new("an element")),
        }
    }
}

fn then<T: Debug + 'static, E: Debug + 'static>(result: Promise<T, E>, log: OnResult) {
    result.handle::<(), _>(|outcome| log(format!("{outcome:?}")));
}

/// The crate's combinators.
fn native<I>(verb: Verb, elements: I, log: OnResult)
where
    I: IntoIterator<Item: IntoResolution<i32, Value = i32>>,
{
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

/// What `some` comes to, and in which tick its handler runs.
fn model_of_some(elements: &[Timed], count: usize) -> Option<(String, u8)> {
    let rejected = |seen: &[(u8, usize)]| {
        let mut seen: Vec<usize> = seen.iter().map(|&(_, index)| index).collect();
        seen.sort_unstable();
        let rejected = seen.into_iter().map(|index| elements[index]).filter(|element| !element.is_fulfilled());
        format!("Rejected(AggregateError {{ errors: {:?} }})", rejected.map(Timed::number).collect::<Vec<_>>())
    };
    if count == 0 || elements.len() < count {
        return Some((if count == 0 { "Fulfilled([])".to_string() } else { rejected(&[]) }, 1));
    }
    let mut in_time: Vec<(u8, usize)> =
        (0..elements.len()).filter_map(|index| Some((elements[index].settles()?, index))).collect();
    in_time.sort_unstable();
    for end in 1..=in_time.len() {
        let seen = &in_time[..end];
        let of_seen = || seen.iter().map(|&(_, index)| elements[index]);
        let values: Vec<_> = of_seen().filter(|element| element.is_fulfilled()).map(Timed::number).collect();
        let tick = seen[end - 1].0 + 2;
        if values.len() == count {
            return Some((format!("Fulfilled({values:?})"), tick));
        }
        if elements.len() - (end - values.len()) < count {
            let fault = of_seen().find(|element| matches!(element.fate, Fate::Panic(_)));
            return Some((fault.map_or_else(|| rejected(seen), |fault| format!("{:?}", fault.outcome())), tick));
        }
    }
    None
}

/// What the crate's `combine` comes to, and in which tick its handler runs.
fn timed(elements: &[Timed], combine: impl FnOnce(Vec<Promise<i32, i32>>, OnResult)) -> Option<(String, u8)> {
    on_unhandled_rejection(|report| unreachable!("elements are handled: {report}"));
    let (seen, now) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(0)));
    run(|| {
        count(now.clone());
        let seen = seen.clone();
        let log = Box::new(move |text| *seen.borrow_mut() = Some((text, now.get())));
        combine(elements.iter().map(|element| element.promise()).collect(), log);
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

/// An element that is made when it is converted.
struct Lazy {
    element: Element,
    shared: Vec<Promise<i32, i32>>,
    log: Log,
}

impl IntoResolution<i32> for Lazy {
    type Value = i32;

    fn into_resolution(self) -> Resolution<i32, i32> {
        self.log.borrow_mut().push(format!("convert {:?}", self.element));
        self.element.resolution(&self.shared)
    }
}

/// The trace of `combine` over three elements.
fn shaped(elements: &[Element], sources: &[Source], combine: impl FnOnce([Lazy; 3], OnResult)) -> Vec<String> {
    let log = Log::default();
    let unhandled = log.clone();
    on_unhandled_rejection(move |report| unhandled.borrow_mut().push(format!("unhandled {:?}", report.reason())));
    run(|| {
        count_ticks(0, log.clone());
        let shared: Vec<_> = sources.iter().map(Source::promise).collect();
        let lazy = |index: usize| Lazy { element: elements[index].clone(), shared: shared.clone(), log: log.clone() };
        let seen = log.clone();
        combine([0, 1, 2].map(lazy), Box::new(move |text| seen.borrow_mut().push(text)));
    })
    .expect("there is a hook");
    log.take()
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
        let seen = on_a_new_thread(|| timed(&elements, |elements, log| native(verb, elements, log)));
        prop_assert_eq!(seen, model(verb, &elements));
    }

    #[test]
    fn some_follows_from_the_elements(elements in vec(timed_element(), 0..6), count in 0..5_usize) {
        let seen = on_a_new_thread(|| timed(&elements, |elements, log| then(Promise::some(elements, count), log)));
        prop_assert_eq!(seen, model_of_some(&elements, count));
    }

    #[test]
    fn joined_and_keyed_elements_are_all(elements in vec(element(), 3), sources in vec(source(), 2)) {
        let expected = on_a_new_thread(|| shaped(&elements, &sources, |elements, log| {
            then(Promise::all(elements).map(|values| values), log);
        }));
        let array = on_a_new_thread(|| shaped(&elements, &sources, |elements, log| {
            then(Promise::join(elements).map(Vec::from), log);
        }));
        prop_assert_eq!(&array, &expected);
        let tuple = on_a_new_thread(|| shaped(&elements, &sources, |[a, b, c], log| {
            then(Promise::join((a, b, c)).map(|(a, b, c)| vec![a, b, c]), log);
        }));
        prop_assert_eq!(&tuple, &expected);
        let keyed = on_a_new_thread(|| shaped(&elements, &sources, |elements, log| {
            let entries = elements.into_iter().enumerate();
            then(Promise::<Vec<_>, _>::all_keyed(entries).map(|pairs| pairs.into_iter().map(|pair| pair.1).collect::<Vec<_>>()), log);
        }));
        prop_assert_eq!(&keyed, &expected);
    }
}
