//! Verbs that call a function for each item, against what JavaScript's users write by hand: an async function with a loop, and
//! a loop that counts what is pending. Whole traces are equal: every call of the function, with its tick, and the result.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures::{Stream, StreamExt, stream};
use proptest::collection::vec;
use proptest::prelude::*;
use thenable::{Fault, Outcome, Promise, PromiseStreamExt, Resolution, Resolve, block_on, on_unhandled_rejection, run};

use crate::combinators::{Element, Log, count_ticks, element};
use crate::sources::{Source, source};
use crate::{cases, on_a_new_thread};

/// What the function gets, and how many of its promises may be pending.
#[derive(Clone, Debug)]
struct Course {
    shared: Vec<Source>,
    items: Vec<Element>,
    limit: usize,
}

fn course() -> impl Strategy<Value = Course> {
    // Failures are rare, so that many items are seen.
    let gentle = prop_oneof![
        4 => (0..9).prop_map(Element::Value),
        4 => source().prop_map(|source| Element::Promise(source.fulfilled())),
        2 => source().prop_map(|source| Element::Thenable(source.fulfilled())),
        1 => element(),
    ];
    (vec(source(), 2), vec(gentle, 0..8), 1..5_usize).prop_map(|(shared, items, limit)| Course { shared, items, limit })
}

/// What a course runs with.
struct World {
    course: Course,
    shared: Vec<Promise<i32, i32>>,
    log: Log,
}

impl World {
    /// The function: it logs each call.
    fn mapper(&self) -> impl FnMut(Element) -> Resolution<i32, i32> + use<> {
        let (shared, log) = (self.shared.clone(), self.log.clone());
        move |element| {
            log.borrow_mut().push(format!("call with {element:?}"));
            element.resolution(&shared)
        }
    }

    fn reducer(&self) -> impl FnMut(i32, Element) -> Resolution<i32, i32> + use<> {
        let mut mapper = self.mapper();
        move |so_far, element| match mapper(element) {
            Resolution::Fulfill(value) => Resolution::Fulfill(2 * so_far + value),
            Resolution::Adopt(promise) => Resolution::Adopt(promise.map(move |value| 2 * so_far + value)),
            other => other,
        }
    }

    /// The items, each of which is logged when it is asked for.
    fn items(&self) -> impl Iterator<Item = Element> + use<> {
        let (items, log) = (self.course.items.clone(), self.log.clone());
        items.into_iter().inspect(move |_| log.borrow_mut().push("next".to_string()))
    }

    /// Logs how `result` settles.
    fn log<T: Debug + 'static, E: Debug + 'static>(&self, result: Promise<T, E>) {
        let log = self.log.clone();
        result.handle::<(), _>(move |outcome| log.borrow_mut().push(format!("{outcome:?}")));
    }
}

/// The trace of `main`.
fn trace(course: &Course, main: fn(&World)) -> Vec<String> {
    on_a_new_thread(|| {
        let log = Log::default();
        let unhandled = log.clone();
        on_unhandled_rejection(move |report| unhandled.borrow_mut().push(format!("unhandled {:?}", report.reason())));
        run(|| {
            count_ticks(0, log.clone());
            let shared: Vec<_> = course.shared.iter().map(Source::promise).collect();
            main(&World { course: course.clone(), shared, log: log.clone() });
        })
        .expect("there is a hook");
        log.take()
    })
}

type Mapper = Box<dyn FnMut(Element) -> Resolution<i32, i32>>;

/// `map_all` by hand, for a result that is a text.
struct ByHand {
    mapper: RefCell<Mapper>,
    items: RefCell<Box<dyn Iterator<Item = Element>>>,
    values: RefCell<Vec<Option<i32>>>,
    room: Cell<usize>,
    pending: Cell<usize>,
    is_over: Cell<bool>,
    resolve: Resolve<String, ()>,
}

impl ByHand {
    fn go_on(self: &Rc<Self>) {
        while self.room.get() > 0 && !self.is_over.get() {
            let Some(item) = self.items.borrow_mut().next() else {
                self.is_over.set(true);
                break;
            };
            let element = match catch_unwind(AssertUnwindSafe(|| self.mapper.borrow_mut()(item))) {
                Ok(element) => element,
                Err(payload) => return self.fail(&Outcome::Faulted(Fault::from_panic(payload))),
            };
            let place = self.values.borrow().len();
            self.values.borrow_mut().push(None);
            self.room.set(self.room.get() - 1);
            self.pending.set(self.pending.get() + 1);
            let hand = self.clone();
            Promise::resolve_with(element).handle::<(), _>(move |outcome| hand.settled(place, outcome));
        }
        if self.is_over.get() && self.pending.get() == 0 {
            let values: Vec<_> = self.values.take().into_iter().flatten().collect();
            (self.resolve)(format!("Fulfilled({values:?})"));
        }
    }

    fn settled(self: &Rc<Self>, place: usize, outcome: Outcome<i32, i32>) {
        self.room.set(self.room.get() + 1);
        self.pending.set(self.pending.get() - 1);
        match outcome {
            Outcome::Fulfilled(value) => {
                self.values.borrow_mut()[place] = Some(value);
                self.go_on();
            }
            failure => self.fail(&failure),
        }
    }

    fn fail(&self, failure: &Outcome<i32, i32>) {
        self.is_over.set(true);
        // Nothing is asked for any more, and nothing counts any more.
        self.pending.set(usize::MAX / 2);
        (self.resolve)(format!("{failure:?}"));
    }
}

fn by_hand(world: &World, limit: usize) {
    let (result, resolve, _reject) = Promise::<String, ()>::with_resolvers();
    let log = world.log.clone();
    result.map(move |text| log.borrow_mut().push(text));
    let hand = Rc::new(ByHand {
        mapper: RefCell::new(Box::new(world.mapper())),
        items: RefCell::new(Box::new(world.items())),
        values: RefCell::default(),
        room: Cell::new(limit),
        pending: Cell::new(0),
        is_over: Cell::new(false),
        resolve,
    });
    hand.go_on();
}

/// A stream that waits now and then, for a promise.
fn slow(items: impl Iterator<Item = Element> + 'static) -> impl Stream<Item = Element> {
    stream::iter(items).enumerate().then(|(index, item)| async move {
        for _ in 0..index % 3 {
            let Ok(()) = Promise::<(), Infallible>::resolve(()).await;
        }
        item
    })
}

/// Without ticks, and without when items are asked for: how the calls and the result are.
fn calls_and_result(trace: Vec<String>) -> Vec<String> {
    trace.into_iter().filter(|line| !line.starts_with("tick") && line != "next").collect()
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn map_all_is_a_loop_that_counts_what_is_pending(course in course()) {
        let expected = trace(&course, |world| by_hand(world, world.course.limit));
        let seen = trace(&course, |world| {
            world.log(Promise::map_all(world.items(), world.course.limit, world.mapper()));
        });
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn map_all_without_a_limit_is_all(course in course()) {
        let expected = trace(&course, |world| world.log(Promise::all(world.items().map(world.mapper()))));
        let seen = trace(&course, |world| world.log(Promise::map_all(world.items(), usize::MAX, world.mapper())));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn map_all_one_at_a_time_is_an_async_function(course in course()) {
        let expected = trace(&course, |world| {
            let (items, mut mapper) = (world.items(), world.mapper());
            world.log(Promise::<_, i32>::spawn(async move {
                let mut values = Vec::new();
                for item in items {
                    values.push(Promise::resolve_with(mapper(item)).await?);
                }
                Ok(values)
            }));
        });
        let seen = trace(&course, |world| world.log(Promise::map_all(world.items(), 1, world.mapper())));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn each_is_an_async_function(course in course()) {
        let expected = trace(&course, |world| {
            let (items, mut mapper) = (world.items(), world.mapper());
            world.log(Promise::<_, i32>::spawn(async move {
                for item in items {
                    Promise::resolve_with(mapper(item)).await?;
                }
                Ok(())
            }));
        });
        let seen = trace(&course, |world| world.log(Promise::each(world.items(), world.mapper())));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn reduce_is_an_async_function(course in course()) {
        let expected = trace(&course, |world| {
            let (items, mut reducer) = (world.items(), world.reducer());
            world.log(Promise::<_, i32>::spawn(async move {
                let mut value = 1;
                for item in items {
                    value = Promise::resolve_with(reducer(value, item)).await?;
                }
                Ok(value)
            }));
        });
        let seen = trace(&course, |world| world.log(Promise::reduce(world.items(), 1, world.reducer())));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn filter_all_is_map_all_with_the_items_kept(course in course()) {
        // Equal but for the tick of the `map`.
        let expected = trace(&course, |world| {
            let (mut mapper, items) = (world.mapper(), world.course.items.clone());
            let decisions = Promise::map_all(world.items(), world.course.limit, move |item| even(mapper(item)));
            world.log(decisions.map(|decisions| {
                let kept = items.into_iter().zip(decisions).filter_map(|(item, keep)| keep.then_some(item));
                kept.map(|item| format!("{item:?}")).collect::<Vec<_>>()
            }));
        });
        let seen = trace(&course, |world| {
            let mut mapper = world.mapper();
            let kept = Promise::filter_all(world.items(), world.course.limit, move |item| even(mapper(item.clone())));
            world.log(kept.map(|items| items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>()));
        });
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn a_stream_that_never_waits_comes_to_the_same_as_its_iterator(course in course()) {
        // In the same order of calls; what decides may be another failure, if items are asked for later.
        prop_assume!(course.items.iter().all(|item| !item.may_fail()));
        let expected = calls_and_result(trace(&course, |world| world.log(Promise::each(world.items(), world.mapper()))));
        let seen = trace(&course, |world| world.log(stream::iter(world.items()).each(world.mapper())));
        prop_assert_eq!(calls_and_result(seen), &*expected);
        let seen = trace(&course, |world| world.log(slow(world.items()).each(world.mapper())));
        prop_assert_eq!(calls_and_result(seen), expected);
        let expected = calls_and_result(trace(&course, |world| world.log(Promise::reduce(world.items(), 1, world.reducer()))));
        let seen = trace(&course, |world| world.log(slow(world.items()).reduce(1, world.reducer())));
        prop_assert_eq!(calls_and_result(seen), expected);
        let expected = trace(&course, |world| {
            world.log(Promise::map_all(world.items(), world.course.limit, world.mapper()));
        });
        let seen = trace(&course, |world| world.log(slow(world.items()).map_all(world.course.limit, world.mapper())));
        prop_assert_eq!(calls_and_result(seen), calls_and_result(expected));
    }

    #[test]
    fn the_failure_of_a_stream_is_that_of_an_async_function(course in course()) {
        let expected = trace(&course, |world| {
            let (mut items, mut mapper) = (Box::pin(slow(world.items())), world.mapper());
            world.log(Promise::<_, i32>::spawn(async move {
                while let Some(item) = items.next().await {
                    Promise::resolve_with(mapper(item)).await?;
                }
                Ok(())
            }));
        });
        let seen = trace(&course, |world| world.log(slow(world.items()).each(world.mapper())));
        prop_assert_eq!(calls_and_result(seen), calls_and_result(expected));
    }

    #[test]
    fn no_more_promises_are_pending_than_the_limit_says(course in course(), kind in 0..4) {
        let most = on_a_new_thread(|| {
            on_unhandled_rejection(|_| {});
            let (pending, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            run(|| {
                let shared: Vec<_> = course.shared.iter().map(Source::promise).collect();
                let (count, peak) = (pending.clone(), most.clone());
                let mapper = move |item: Element| {
                    let promise = Promise::resolve_with(item.resolution(&shared));
                    count.set(count.get() + 1);
                    peak.set(peak.get().max(count.get()));
                    let count = count.clone();
                    promise.finally(move || count.set(count.get() - 1))
                };
                let (items, limit) = (course.items.clone().into_iter(), course.limit);
                match kind {
                    0 => drop(Promise::map_all(items, limit, mapper)),
                    1 => drop(slow(items).map_all(limit, mapper)),
                    2 => {
                        let mut values = Box::pin(slow(items).map_stream(limit, mapper));
                        Promise::<(), i32>::spawn(async move {
                            while values.next().await.is_some() {}
                            Ok(())
                        });
                    }
                    _ => drop(Promise::each(items, mapper)),
                }
            })
            .expect("there is a hook");
            most.get()
        });
        let limit = if kind == 3 { 1 } else { course.limit };
        prop_assert!(most <= limit, "{} of {}", most, limit);
    }

    #[test]
    fn map_stream_gives_what_every_promise_comes_to(course in course()) {
        prop_assume!(course.items.iter().all(Element::settles_without_fault));
        let (expected, seen, slowly) = on_a_new_thread(|| {
            let items = || course.items.clone().into_iter();
            let mapper = || |item: Element| item.resolution(&[]);
            let each = items().map(|item| block_on(Promise::resolve_with(mapper()(item)))).collect::<Vec<_>>();
            let seen = block_on(Promise::map_stream(items(), course.limit, mapper()).collect::<Vec<_>>());
            let slowly = block_on(slow(items()).map_stream(course.limit, mapper()).collect::<Vec<_>>());
            (each, seen, slowly)
        });
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(slowly, expected);
    }
}

/// Whether it comes to an even number.
fn even(element: Resolution<i32, i32>) -> Resolution<bool, i32> {
    match element {
        Resolution::Fulfill(value) => Resolution::Fulfill(value % 2 == 0),
        Resolution::Reject(reason) => Resolution::Reject(reason),
        other => Resolution::Adopt(Promise::resolve_with(other).map(|value| value % 2 == 0)),
    }
}

impl Element {
    fn may_fail(&self) -> bool {
        match self {
            Self::Value(_) => false,
            Self::Promise(source) | Self::Thenable(source) => source.seen() != source.fulfilled().seen(),
            Self::Reason(_) | Self::Shared(_) | Self::Panic => true,
        }
    }

    fn settles_without_fault(&self) -> bool {
        match self {
            Self::Value(_) | Self::Reason(_) => true,
            Self::Promise(source) | Self::Thenable(source) => source.settles_without_fault(),
            Self::Shared(_) | Self::Panic => false,
        }
    }
}
