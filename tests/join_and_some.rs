//! `join` of tuples and arrays, `all_keyed` and `all_settled_keyed`, `some`.
mod common;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::iter;
use std::panic::panic_any;

use common::{at, c, expect_trace, log, object, trace};
use thenable::{
    AggregateError, BlockOnError, IntoResolution, Outcome, Promise, PromiseState, Resolution, block_on,
    queue_microtask, run, try_block_on,
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

#[test]
fn tuples_of_one_to_twelve() {
    let p = |n: i32| P::resolve(n);
    assert_eq!(block_on(Promise::join((p(1),))), Ok((1,)));
    assert_eq!(block_on(Promise::join((p(1), p(2).map(|_| "b")))), Ok((1, "b")));
    let twelve = (
        p(1),
        p(2).map(|_| 2_u8),
        Ok("3"),
        Resolution::Fulfill('4'),
        p(5),
        p(6),
        p(7),
        p(8),
        p(9),
        p(10),
        p(11),
        p(0).map(|_| [12]),
    );
    assert_eq!(block_on(Promise::join(twelve)), Ok((1, 2_u8, "3", '4', 5, 6, 7, 8, 9, 10, 11, [12])));
}

#[test]
fn arrays() {
    let [first, second] = block_on(Promise::join([P::resolve(1), P::resolve(2)])).unwrap();
    assert_eq!((first, second), (1, 2));
    let none: [P; 0] = [];
    let empty = Promise::join(none);
    assert_eq!(empty.state(), PromiseState::Fulfilled);
    assert_eq!(block_on(empty), Ok([]));
    assert_eq!(block_on(Promise::join([P::resolve(1), P::reject("no".to_string())])), Err("no".to_string()));
}

#[test]
fn a_tuple_takes_the_ticks_of_all() {
    expect_trace("tuple@2  array@2  all@2  thenable@3  pending tuple@4  pending all@4", || {
        let q = P::resolve(1);
        Promise::join((q.clone(), Ok("b"))).then(c("tuple"));
        Promise::join([q.clone(), q.clone()]).then(c("array"));
        Promise::all([q.clone(), q.clone()]).then(c("all"));
        let (p, r, _) = P::with_resolvers();
        Promise::join((p.clone(), q)).then(c("pending tuple"));
        Promise::all([p]).then(c("pending all"));
        queue_microtask(move || queue_microtask(move || r(1)));
        let t = object::<_, String>(|r, _| {
            r(1);
            Ok(())
        });
        Promise::join((t,)).then(c("thenable"));
    });
}

#[test]
fn the_first_failure_of_a_tuple_wins_in_time() {
    let (slow, _, reject) = P::with_resolvers();
    let both = Promise::join((slow, Promise::<(), _>::reject("fast".to_string())));
    reject("slow".to_string());
    // Both are rejected in the same tick: `slow` later, though it is the first element.
    assert_eq!(block_on(both), Err("fast".to_string()));
    assert_eq!(fault(Promise::join((P::resolve(1), faulted::<(), _>("a bug")))), "a bug");
}

#[test]
fn the_elements_of_a_tuple_are_converted_one_by_one() {
    struct Noisy(&'static str);

    impl IntoResolution<String> for Noisy {
        type Value = &'static str;

        fn into_resolution(self) -> Resolution<&'static str, String> {
            log(self.0);
            if self.0 == "panic" { panic_any("conversion") } else { Resolution::Fulfill(self.0) }
        }
    }

    assert_eq!(block_on(Promise::join((Noisy("a"), Noisy("b")))), Ok(("a", "b")));
    assert_eq!(fault(Promise::join((Noisy("c"), Noisy("panic"), Noisy("d")))), "conversion");
    assert_eq!(trace(), "a  b  c  panic");
}

#[test]
fn a_tuple_with_an_abandoned_element_is_abandoned_when_the_others_have_settled() {
    let lost = P::new(|_, _| {});
    let cause = lost.origin();
    match try_block_on(Promise::join((lost, P::resolve(1)))) {
        Err(BlockOnError::Stalled(stalled)) => assert_eq!(stalled.abandoned, [cause]),
        other => panic!("{other:?}"),
    }
    let lost = P::new(|_, _| {});
    assert_eq!(block_on(Promise::join((lost, P::reject("no".to_string())))), Err("no".to_string()));
}

#[test]
fn maps() {
    let prices = HashMap::from([("tea", P::resolve(4)), ("cup", P::resolve(9))]);
    let prices: Promise<HashMap<_, _>, _> = Promise::all_keyed(prices);
    assert_eq!(block_on(prices), Ok(HashMap::from([("tea", 4), ("cup", 9)])));
    // Of pairs, into something else than a map; a key may come twice.
    let pairs = [("b", P::resolve(1)), ("a", P::resolve(2)), ("b", P::resolve(3))];
    let sorted = Promise::<BTreeMap<_, _>, _>::all_keyed(pairs);
    assert_eq!(block_on(sorted), Ok(BTreeMap::from([("a", 2), ("b", 3)])));
    let pairs = [("b", P::resolve(1)), ("a", P::resolve(2))];
    assert_eq!(block_on(Promise::<Vec<_>, _>::all_keyed(pairs)), Ok(vec![("b", 1), ("a", 2)]));
    let empty = Promise::<HashMap<u8, i32>, _>::all_keyed(HashMap::<u8, P>::new());
    assert_eq!(empty.state(), PromiseState::Fulfilled);
}

#[test]
fn a_map_takes_the_ticks_of_all_and_its_first_failure() {
    expect_trace("keyed@2  rejected 2@2  settled@2", || {
        let (q, e) = (P::resolve, |n: i32| P::reject(n.to_string()));
        Promise::<BTreeMap<_, _>, _>::all_keyed([(1, q(1)), (2, q(2))]).then(c("keyed"));
        Promise::<BTreeMap<_, _>, _>::all_keyed([(1, q(1)), (2, e(2)), (3, e(3))]).catch(|reason| {
            at(format_args!("rejected {reason}"));
            Ok(BTreeMap::new())
        });
        let outcomes: Promise<BTreeMap<_, _>, Infallible> = Promise::all_settled_keyed([(1, q(1)), (2, e(2))]);
        outcomes.then(|outcomes| {
            assert_eq!(outcomes[&1], Outcome::Fulfilled(1));
            assert_eq!(outcomes[&2], Outcome::Rejected("2".to_string()));
            at("settled");
        });
    });
}

#[test]
fn a_panic_while_the_map_is_made_is_a_fault() {
    #[derive(Debug, PartialEq, Eq)]
    struct Key;

    impl Hash for Key {
        fn hash<H: Hasher>(&self, _: &mut H) {
            panic_any("hash")
        }
    }

    let promise = Promise::<HashMap<_, _>, _>::all_keyed([(Key, P::resolve(1))]);
    assert_eq!(fault(promise), "hash");
}

#[test]
fn a_panic_of_the_entries_is_a_fault() {
    let entries = iter::once(("a", P::resolve(1))).chain(iter::once_with(|| panic_any("entries")));
    assert_eq!(fault(Promise::<Vec<_>, _>::all_keyed(entries)), "entries");
}

#[test]
fn some_takes_the_first_values_in_time() {
    let (slow, resolve, _) = P::with_resolvers();
    let two = Promise::some([slow, P::resolve(2), P::reject("no".to_string()), P::resolve(4)], 2);
    assert_eq!(block_on(two), Ok(vec![2, 4]));
    resolve(1);
    let (slow, resolve, _) = P::with_resolvers();
    let all = Promise::some([slow, P::resolve(2)], 2);
    queue_microtask(move || resolve(1));
    assert_eq!(block_on(all), Ok(vec![2, 1]));
}

#[test]
fn some_is_rejected_as_soon_as_too_few_are_left() {
    expect_trace("[\"1\", \"2\"]@2  [\"3\"]@2  late", || {
        let e = |n: i32| P::reject(n.to_string());
        let (pending, resolve, _) = P::with_resolvers();
        let rejected = |error: AggregateError<String>| {
            at(format_args!("{:?}", error.errors));
            Ok(vec![])
        };
        Promise::some([e(1), pending.clone(), e(2)], 2).catch(rejected);
        Promise::some([pending, e(3)], 2).catch(rejected);
        Promise::<_, ()>::resolve(()).then(|()| ()).then(|()| ()).then(move |()| {
            resolve(1);
            log("late");
        });
    });
}

#[test]
fn some_of_too_few_and_some_of_none_settle_at_once() {
    let too_few = Promise::some([P::resolve(1)], 2);
    assert_eq!(too_few.state(), PromiseState::Rejected);
    assert_eq!(block_on(too_few), Err(AggregateError { errors: vec![] }));
    let none = Promise::some([P::resolve(1), P::reject("no".to_string())], 0);
    assert_eq!(none.state(), PromiseState::Fulfilled);
    assert_eq!(block_on(none), Ok(vec![]));
    assert_eq!(block_on(Promise::some(iter::empty::<P>(), 0)), Ok(vec![]));
    assert_eq!(block_on(Promise::some(iter::empty::<P>(), 1)), Err(AggregateError { errors: vec![] }));
}

#[test]
fn a_fault_among_the_failures_of_some() {
    assert_eq!(block_on(Promise::some([faulted("a bug"), P::resolve(1)], 1)), Ok(vec![1]));
    assert_eq!(fault(Promise::some([P::reject("no".to_string()), faulted("a bug"), P::resolve(1)], 2)), "a bug");
}

#[test]
fn some_counts_while_the_elements_are_asked_for() {
    // The iterator runs the loop, outside of the loop.
    let elements =
        |last: Result<i32, String>| [Err("no".to_string()), Ok(2), last].into_iter().inspect(|_| run(|| {}).unwrap());
    assert_eq!(block_on(Promise::some(elements(Ok(3)), 2)), Ok(vec![2, 3]));
    assert_eq!(block_on(Promise::some(elements(Ok(3)), 1)), Ok(vec![2]));
    assert_eq!(block_on(Promise::some(elements(Err("3".to_string())), 0)), Ok(vec![]));
    let error = block_on(Promise::some(elements(Err("3".to_string())), 2)).unwrap_err();
    assert_eq!(error.errors, ["no", "3"]);
}

#[test]
fn losers_are_handled() {
    run(|| {
        let e = |n: i32| P::reject(n.to_string());
        Promise::some([P::resolve(1), e(2), e(3)], 1).map(drop);
        Promise::join((e(1), e(2))).catch(|_| Ok((0, 0)));
        Promise::<Vec<_>, _>::all_keyed([(1, e(1)), (2, e(2))]).catch(|_| Ok(vec![]));
    })
    .unwrap();
}
