//! The combinators beyond their order: elements of every kind, inference, faults, what is dropped when, promises that can
//! never settle, and what is left behind.
mod common;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::Debug;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::thread;

use common::{log, object, trace};
use thenable::{
    AggregateError, BlockOnError, IntoResolution, Outcome, Promise, PromiseState, Reject, Resolution, Resolve, Stalled,
    block_on, queue_microtask, run, try_block_on,
};

type P = Promise<i32, String>;

fn faulted<T: 'static, E: Debug + 'static>(message: &'static str) -> Promise<T, E> {
    Promise::new(move |_, _| panic_any(message))
}

/// The message of the fault that `promise` settles with.
#[track_caller]
fn fault<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) -> String {
    match block_on(promise.catch_unwind()) {
        Ok(Err(fault)) => fault.message().to_string(),
        other => panic!("expected a fault, not {other:?}"),
    }
}

/// The error of a promise that can never settle.
#[track_caller]
fn stalled<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) -> Stalled {
    match try_block_on(promise) {
        Err(BlockOnError::Stalled(stalled)) => stalled,
        other => panic!("expected a stalled loop, not {other:?}"),
    }
}

/// Logs that it is dropped.
#[derive(Debug, PartialEq)]
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        log(format_args!("drop {}", self.0));
    }
}

#[test]
fn elements_are_whatever_resolves() {
    struct Answer(u16);

    impl IntoResolution<u16> for Answer {
        type Value = String;

        fn into_resolution(self) -> Resolution<String, u16> {
            if self.0 == 200 { Resolution::Fulfill("fine".to_string()) } else { Resolution::Reject(self.0) }
        }
    }

    assert_eq!(block_on(Promise::all([Answer(200), Answer(200)])), Ok(vec!["fine".to_string(), "fine".to_string()]));
    assert_eq!(block_on(Promise::any([Answer(404), Answer(200)])), Ok("fine".to_string()));
    assert_eq!(block_on(Promise::race([Answer(404), Answer(200)])), Err(404));
    assert_eq!(block_on(Promise::all(["1", "2"].map(str::parse::<u8>))), Ok(vec![1, 2]));
    assert_eq!(block_on(Promise::<Vec<()>, ()>::all([(), ()])), Ok(vec![(), ()]));
    let promises = vec![P::resolve(1), P::resolve(2)];
    assert_eq!(block_on(Promise::all(promises)), Ok(vec![1, 2]));
    let thenable = object(|resolve: Resolve<i32, ()>, _: Reject<i32, ()>| {
        resolve(3);
        Ok(())
    });
    assert_eq!(block_on(Promise::all([thenable, Resolution::Fulfill(4)])), Ok(vec![3, 4]));
}

#[test]
fn the_types_follow_from_the_elements_or_from_the_result() {
    let all: Promise<Vec<i32>, String> = Promise::all([P::resolve(1)]);
    let settled: Promise<Vec<Outcome<i32, String>>, Infallible> = Promise::all_settled([P::resolve(1)]);
    let any: Promise<i32, AggregateError<String>> = Promise::any([P::resolve(1)]);
    let race: Promise<i32, String> = Promise::race([P::resolve(1)]);
    assert_eq!((block_on(all), block_on(any), block_on(race)), (Ok(vec![1]), Ok(1), Ok(1)));
    assert_eq!(block_on(settled), Ok(vec![Outcome::Fulfilled(1)]));
    let empty = Promise::<Vec<i32>, String>::all(Vec::<P>::new());
    assert_eq!(block_on(empty), Ok(vec![]));
    let lengths = Promise::all(["a", "bc"].into_iter().map(|text| Promise::<_, ()>::resolve(text).map(str::len)))
        .map(|lengths| lengths.into_iter().sum::<usize>());
    assert_eq!(block_on(lengths), Ok(3));
}

#[test]
fn values_that_cannot_be_cloned_move() {
    #[derive(Debug, PartialEq)]
    struct Unique(u8);

    let unique = |n| Promise::<_, Unique>::resolve(Unique(n));
    assert_eq!(block_on(Promise::all([unique(1), unique(2)])), Ok(vec![Unique(1), Unique(2)]));
    let (first, resolve, _) = Promise::<Unique, Unique>::with_resolvers();
    let (second, _, reject) = Promise::<Unique, Unique>::with_resolvers();
    let outcomes = Promise::all_settled([first, second]);
    reject(Unique(4));
    resolve(Unique(3));
    let Ok(outcomes) = block_on(outcomes);
    assert_eq!(outcomes, [Outcome::Fulfilled(Unique(3)), Outcome::Rejected(Unique(4))]);
}

#[test]
fn any_says_what_was_rejected() {
    let error = block_on(Promise::any([Promise::<(), _>::reject("no tea"), Promise::reject("no cup")])).unwrap_err();
    assert_eq!(error, AggregateError { errors: vec!["no tea", "no cup"] });
    assert_eq!(error.to_string(), r#"too few promises were fulfilled; 2 were rejected: ["no tea", "no cup"]"#);
    assert!(std::error::Error::source(&error).is_none());
    let error = block_on(Promise::any(iter::empty::<P>())).unwrap_err();
    assert_eq!(error.to_string(), "too few promises were fulfilled; 0 were rejected: []");
}

#[test]
fn the_fault_of_an_element() {
    assert_eq!(
        fault(Promise::all([P::resolve(1), faulted("first"), P::reject("x".into()), faulted("second")])),
        "first"
    );
    assert_eq!(fault(Promise::race([faulted::<(), ()>("first"), faulted("second")])), "first");
    let Ok(outcomes) = block_on(Promise::all_settled([P::resolve(1), faulted("a bug")]));
    assert!(matches!(&outcomes[..], [Outcome::Fulfilled(1), Outcome::Faulted(bug)] if bug.message() == "a bug"));
}

#[test]
fn a_fault_among_the_failures_of_any() {
    assert_eq!(block_on(Promise::any([faulted("a bug"), P::resolve(1)])), Ok(1));
    assert_eq!(fault(Promise::any([P::reject("x".into()), faulted("a bug"), P::reject("y".into())])), "a bug");
    // Of two faults the first in time.
    let (late, resolve, _) = P::with_resolvers();
    let late = late.then(|_| -> P { panic_any("late") });
    let result = Promise::any([late, faulted("early")]);
    resolve(1);
    assert_eq!(fault(result), "early");
}

#[test]
fn a_panic_of_the_iterator_wherever_it_is() {
    struct Bad;

    impl IntoIterator for Bad {
        type Item = P;
        type IntoIter = iter::Empty<P>;

        fn into_iter(self) -> iter::Empty<P> {
            panic_any("into_iter")
        }
    }

    impl IntoResolution<String> for Bad {
        type Value = i32;

        fn into_resolution(self) -> Resolution<i32, String> {
            panic_any("into_resolution")
        }
    }

    struct PanicsWhenDropped;

    impl Iterator for PanicsWhenDropped {
        type Item = P;

        fn next(&mut self) -> Option<P> {
            None
        }
    }

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic_any("drop")
        }
    }

    assert_eq!(fault(Promise::all(Bad)), "into_iter");
    assert_eq!(fault(Promise::any([Bad, Bad])), "into_resolution");
    assert_eq!(fault(Promise::all_settled(PanicsWhenDropped)), "drop");
    assert_eq!(fault(Promise::race(iter::from_fn(|| -> Option<P> { panic_any("next") }))), "next");
}

#[test]
fn what_was_hooked_up_before_the_iterator_panicked_stays_so() {
    let rejected = P::reject("no".into());
    let kept = rejected.clone();
    let elements = iter::once(rejected).chain(iter::once_with(|| panic_any("bad")));
    let result = Promise::all(elements);
    assert_eq!(result.state(), PromiseState::Faulted);
    result.catch_unwind();
    // The rejection counts as handled, or this would be an error.
    run(|| {}).unwrap();
    assert_eq!(kept.state(), PromiseState::Rejected);
}

#[test]
fn a_panic_in_the_clone_of_a_value_is_a_fault_of_the_element() {
    #[derive(Debug)]
    struct Bomb;

    impl Clone for Bomb {
        fn clone(&self) -> Self {
            panic_any("clone")
        }
    }

    let bomb = || Promise::<_, ()>::resolve(Bomb);
    let (first, second) = (bomb(), bomb());
    let (_kept, _kept_too) = (first.clone(), second.clone());
    assert_eq!(fault(Promise::all([first])), "clone");
    let Ok(outcomes) = block_on(Promise::all_settled([second]));
    assert!(matches!(&outcomes[..], [Outcome::Faulted(fault)] if fault.message() == "clone"));
}

#[test]
fn the_values_gathered_are_dropped_when_the_result_is_rejected() {
    run(|| {
        let (late, _, reject) = Promise::<Noisy, ()>::with_resolvers();
        let (later, resolve, _) = Promise::with_resolvers();
        let all = Promise::all([Promise::resolve(Noisy("early")), late, later]);
        all.catch(|()| {
            log("caught");
            Ok(vec![])
        });
        queue_microtask(move || {
            log("reject");
            reject(());
            queue_microtask(move || {
                log("resolve");
                resolve(Noisy("late"));
                log("end");
            });
        });
    })
    .unwrap();
    assert_eq!(
        trace(),
        "reject  drop early  resolve  drop late  end  caught".replace("end  caught", "end") + "  caught"
    );
}

#[test]
fn the_reasons_gathered_are_dropped_when_any_is_fulfilled() {
    run(|| {
        let (slow, resolve, _) = Promise::<(), Noisy>::with_resolvers();
        Promise::any([Promise::reject(Noisy("reason")), slow]).then(|()| log("any"));
        queue_microtask(move || {
            log("resolve");
            resolve(());
        });
    })
    .unwrap();
    assert_eq!(trace(), "resolve  drop reason  any");
}

#[test]
fn the_losers_of_a_race_are_dropped_without_a_job() {
    run(|| {
        let (slow, resolve, _) = Promise::<Noisy, ()>::with_resolvers();
        let race = Promise::race([slow, Promise::resolve(Noisy("winner"))]);
        race.map(move |winner| {
            log("won");
            resolve(Noisy("loser"));
            log("resolved");
            drop(winner);
        });
    })
    .unwrap();
    assert_eq!(trace(), "won  drop loser  resolved  drop winner");
}

#[test]
fn a_drop_among_the_gathered_values_may_call_everything() {
    type Slot = RefCell<Option<Promise<Vec<Option<Reenters>>, ()>>>;

    struct Reenters {
        result: Rc<Slot>,
        source: Promise<i32, ()>,
    }

    impl Drop for Reenters {
        fn drop(&mut self) {
            let state = self.result.borrow().as_ref().map(Promise::state);
            log(format_args!("drop while the result is {}", state.expect("it is there")));
            Promise::race([self.source.clone(), Promise::resolve(1)]).map(|n| log(format_args!("race {n}")));
        }
    }

    let (source, _resolve, _reject) = Promise::with_resolvers();
    let result = Rc::new(RefCell::new(None));
    let (pending, _, reject) = Promise::<Option<Reenters>, ()>::with_resolvers();
    let value = Reenters { result: result.clone(), source: source.clone() };
    *result.borrow_mut() = Some(Promise::all([Promise::resolve(Some(value)), pending]));
    run(|| queue_microtask(move || reject(()))).unwrap_err();
    run(|| {}).unwrap();
    assert_eq!(trace(), "drop while the result is rejected  race 1");
    result.take();
}

#[test]
fn the_result_may_settle_while_the_elements_are_asked_for() {
    // The loop may be run by the iterator, outside of the loop.
    let elements = (1..=3).map(|n| {
        run(|| {}).unwrap();
        P::resolve(n)
    });
    assert_eq!(block_on(Promise::race(elements)), Ok(1));
    let elements = (1..=3).map(|n| {
        run(|| {}).unwrap();
        if n == 3 { panic_any("too late") } else { P::resolve(n) }
    });
    assert_eq!(block_on(Promise::race(elements)), Ok(1));
    let elements = (1..=3).map(|n| {
        run(|| {}).unwrap();
        P::resolve(n)
    });
    assert_eq!(block_on(Promise::all(elements)), Ok(vec![1, 2, 3]));
}

#[test]
fn the_race_of_nobody_is_abandoned() {
    let race = Promise::race(iter::empty::<P>());
    let origin = race.origin();
    assert_eq!(origin.made_at.line(), line!() - 2);
    assert_eq!(stalled(race), Stalled { awaited: vec![origin], abandoned: vec![origin], cycle: false, timers: 0 });
}

#[test]
fn the_result_of_lost_elements_is_lost_because_of_the_first() {
    type Case = fn([P; 3]) -> Promise<(), ()>;

    let lost = || P::new(|_, _| {});
    let combinators: [Case; 4] = [
        |elements| Promise::all(elements).map(drop).map_err(drop),
        |elements| Promise::all_settled(elements).map(drop).map_err(drop),
        |elements| Promise::any(elements.map(|promise| promise.then(|_| Err::<(), _>(String::new())))).map_err(drop),
        |[_, a, b]| Promise::race([a, b]).map(drop).map_err(drop),
    ];
    for case in combinators {
        // The log of abandoned promises has them in the other order.
        let (second, first) = (lost(), lost());
        let cause = first.origin();
        let error = stalled(case([P::resolve(1), first, second]));
        assert_eq!(error.abandoned[0], cause, "{error}");
        assert!(!error.cycle);
    }
}

#[test]
fn a_lost_element_hinders_no_other_to_decide() {
    let lost = || P::new(|_, _| {});
    assert_eq!(block_on(Promise::race([lost(), P::resolve(1)])), Ok(1));
    assert_eq!(block_on(Promise::any([lost(), P::reject("no".into()), P::resolve(1)])), Ok(1));
    assert_eq!(block_on(Promise::all([lost(), P::reject("no".into())])), Err("no".to_string()));
    // An element may be lost later.
    let (pending, resolve, reject) = P::with_resolvers();
    let (winner, win, _) = P::with_resolvers();
    let race = Promise::race([pending, winner]);
    drop((resolve, reject));
    win(2);
    assert_eq!(block_on(race), Ok(2));
}

#[test]
fn all_settled_is_lost_as_soon_as_an_element_is() {
    let (pending, _resolve, _reject) = Promise::<Noisy, ()>::with_resolvers();
    let (doomed, resolve, reject) = Promise::with_resolvers();
    let cause = doomed.origin();
    let result = Promise::all_settled([Promise::resolve(Noisy("value")), doomed, pending]);
    run(|| {}).unwrap();
    assert_eq!(trace(), "");
    drop((resolve, reject));
    assert_eq!(trace(), "drop value");
    assert_eq!(stalled(result).abandoned, [cause]);
}

#[test]
fn an_iterator_that_panics_after_a_lost_element_decides() {
    let elements = iter::once(P::new(|_, _| {})).chain(iter::once_with(|| panic_any("bad")));
    assert_eq!(fault(Promise::all_settled(elements)), "bad");
}

#[test]
fn the_handlers_of_a_lost_result_are_dropped() {
    let (pending, resolve, reject) = P::with_resolvers();
    let noisy = Noisy("handler");
    Promise::all([pending]).map(move |_| drop(noisy));
    assert_eq!(trace(), "");
    drop((resolve, reject));
    assert_eq!(trace(), "drop handler");
}

#[test]
fn a_cycle_through_a_combinator_is_named() {
    let (first, resolve, _reject) = Promise::<i32, ()>::with_resolvers();
    resolve.with(Promise::race([first.clone()]));
    let error = stalled(first.clone());
    assert_eq!((&error.awaited[..], error.cycle), (&[first.origin()][..], true));
}

const MANY: usize = 1_000_000;

fn on_a_small_stack(test: fn()) {
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(test).expect("the thread starts");
    thread.join().expect("the test passes");
}

/// Elements that are abandoned, and combinators of combinators, use no stack (invariant 6).
#[test]
fn freeing_uses_no_stack() {
    type Unit = Promise<(), ()>;

    // A million elements of one call.
    on_a_small_stack(|| {
        let (elements, functions): (Vec<_>, Vec<_>) = iter::repeat_with(Unit::with_resolvers)
            .take(MANY)
            .map(|(promise, resolve, reject)| (promise, (resolve, reject)))
            .unzip();
        let dropped = Rc::new(Cell::new(false));
        let flag = DropFlag(dropped.clone());
        Promise::all(elements).map(move |_| drop(flag));
        drop(functions);
        assert!(dropped.get());
    });
    // A million calls over one element.
    on_a_small_stack(|| {
        let (element, resolve, reject) = Unit::with_resolvers();
        for _ in 0..MANY {
            drop(Promise::any([element.clone()]));
        }
        drop((element, resolve, reject));
    });
    // A million calls, each over the one before: freed, and settled.
    on_a_small_stack(|| nested_combinators(false));
    on_a_small_stack(|| nested_combinators(true));
}

/// Each over the one before.
fn nested_combinators(settles: bool) {
    let (mut tail, resolve, reject) = Promise::<(), ()>::with_resolvers();
    for _ in 0..MANY / 2 {
        tail = Promise::race([Promise::all([tail]).map(drop)]);
    }
    if settles {
        resolve(());
        assert_eq!(block_on(tail), Ok(()));
    } else {
        drop((resolve, reject));
        assert_eq!(tail.state(), PromiseState::Pending);
    }
}

struct DropFlag(Rc<Cell<bool>>);

impl Drop for DropFlag {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_value_whose_drop_panics_does_not_keep_the_result_from_settling() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any("drop");
        }
    }

    let (pending, _, reject) = Promise::<Bomb, ()>::with_resolvers();
    let all = Promise::all([Promise::resolve(Bomb), pending]);
    reject(());
    let unwound = catch_unwind(AssertUnwindSafe(|| run(|| {}))).unwrap_err();
    assert_eq!(unwound.downcast_ref(), Some(&"drop"));
    assert_eq!(block_on(all.map(drop)), Err(()));
}
