//! What each operation allocates is a contract: a settled promise 1; `then`, `catch`, `finally`, `map` 1 each; following a
//! promise 0; queueing a job 0, amortised; a spawned future 2; `all` of n promises one for each that is pending, and a constant.
//! And with one handle no value is ever cloned.

#[path = "common/counting.rs"]
mod counting;

use std::cell::Cell;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use counting::{allocations, bytes};
use futures::StreamExt;
use thenable::{
    AsyncLocal, EventLoop, Immediate, Outcome, Promise, PromiseId, RemoteResolver, Resolve, Timeout, block_on,
    queue_microtask, run,
};

/// Gives the queues room for what the test will queue.
fn warm_up() {
    run(|| (0..64).for_each(|_| queue_microtask(|| {}))).unwrap();
    block_on(Promise::<(), ()>::spawn(async { Promise::<(), ()>::resolve(()).await })).unwrap();
}

type P<T> = Promise<T, u64>;

#[test]
fn a_settled_promise_is_one_allocation() {
    warm_up();
    assert_eq!(allocations(|| P::resolve(1_u64)).1, 1);
    let (rejected, count) = allocations(|| P::<u64>::reject(1).recover(|reason| reason));
    assert_eq!(count, 2 + 1, "the promise, its derived one, and the first entry of the list of rejections");
    assert_eq!(block_on(rejected), Ok(1));
}

#[test]
fn a_context_allocates_nothing_for_a_then() {
    static REQUEST: AsyncLocal<u32> = AsyncLocal::new();
    const LINKS: u64 = 100;
    warm_up();
    let chain = || block_on((0..LINKS).fold(P::resolve(0), |promise, _| promise.then(|n| Ok(n + 1))));
    let outside = allocations(chain);
    assert_eq!(outside.0, Ok(LINKS));
    assert_eq!(REQUEST.run(1, || allocations(chain)), outside);
}

#[test]
fn a_context_takes_one_place_in_the_queue_however_much_is_queued_in_it() {
    static REQUEST: AsyncLocal<u32> = AsyncLocal::new();
    /// The queue has room for one more.
    const JOBS: usize = 63;
    const MICROTASKS: usize = JOBS / 2;
    warm_up();
    let count = || {
        let (promise, resolve, _reject) = P::<()>::with_resolvers();
        (MICROTASKS..JOBS).for_each(|_| drop(promise.clone().map(|()| ())));
        drop(promise);
        let queue = || {
            (0..MICROTASKS).for_each(|_| queue_microtask(|| {}));
            resolve(());
        };
        let ((), count) = allocations(queue);
        run(|| {}).unwrap();
        count
    };
    let outside = count();
    assert_eq!(outside, MICROTASKS as u64, "a closure each");
    assert_eq!(REQUEST.run(1, count), outside);
}

#[test]
fn the_list_of_rejections_costs_each_a_constant() {
    const COUNT: usize = 1000;
    warm_up();
    let mut rejected = Vec::with_capacity(COUNT);
    let reject = || rejected.extend((0..COUNT as u64).map(P::<u64>::reject));
    let count = allocations(reject).1;
    assert!((1000..1100).contains(&count), "one for each promise, and few for the list: {count}");
    let reasons = rejected.into_iter().map(|promise| promise.recover(|reason| reason));
    assert_eq!(block_on(Promise::all(reasons)).unwrap().len(), COUNT);
}

#[test]
fn a_pending_promise_with_its_functions_is_one_allocation() {
    warm_up();
    let (_kept, count) = allocations(P::<u64>::with_resolvers);
    assert_eq!(count, 1);
    assert_eq!(allocations(|| Promise::new(|resolve: Resolve<u64, u64>, _| resolve(1))).1, 1);
}

/// To touch fresh memory takes longer than to run the code of a `then`, so a node that grows is a loss. Allocators give memory in
/// steps of 16 bytes, with 8 of their own in glibc's.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_node_is_small() {
    fn measured<R>(operation: impl FnOnce() -> R) -> (R, i64) {
        let before = bytes();
        let result = operation();
        (result, bytes() - before)
    }

    warm_up();
    let (settled, size) = measured(|| P::resolve(1_u64));
    assert_eq!(size, 56, "a promise that was born settled");
    let (derived, size) = measured(|| settled.clone());
    assert_eq!(size, 72, "what a promise has that several handles share, with values of one word");
    let (then, size) = measured(|| derived.then(|n| Ok(n + 1)));
    assert_eq!(size, 80, "a promise that `then` derives, with a handler that captures nothing");
    let captured = 1_u64;
    let (map, size) = measured(|| settled.map(move |n| n + captured));
    assert_eq!(size, 88, "with a handler that captures a word");
    let (finally, size) = measured(|| then.finally(|| ()));
    assert_eq!(size, 80);
    let (deferred, size) = measured(P::<u64>::with_resolvers);
    assert_eq!(size, 112, "a promise with its functions");
    drop((map, finally, deferred));
    run(|| {}).unwrap();
}

#[test]
fn each_verb_is_one_allocation_and_running_it_none() {
    warm_up();
    macro_rules! one {
        ($source:expr, $promise:ident => $derived:expr) => {{
            let $promise = $source;
            let (derived, count) = allocations(|| $derived);
            assert_eq!(count, 1, stringify!($derived));
            let ((), count) = allocations(|| run(|| {}).unwrap());
            assert_eq!(count, 0, concat!("running ", stringify!($derived)));
            drop(derived);
        }};
    }
    let pending = || {
        let (promise, resolve, _reject) = P::<u64>::with_resolvers();
        queue_microtask(move || resolve(1));
        promise
    };
    one!(P::resolve(1_u64), p => p.then(|n| Ok(n + 1)));
    one!(P::resolve(1_u64), p => p.map(|n| n + 1));
    one!(P::resolve(1_u64), p => p.catch(Err));
    one!(P::resolve(1_u64), p => p.finally(|| ()));
    one!(P::resolve(1_u64), p => p.handle(Outcome::into_result));
    one!(pending(), p => p.then(|n| Ok(n + 1)));
    one!(pending(), p => p.map(|n| n + 1));
    one!(pending(), p => p.catch(Err));
    one!(pending(), p => p.finally(|| ()));
}

#[test]
fn following_a_promise_allocates_nothing() {
    warm_up();
    let (inner, settle, _reject) = P::<u64>::with_resolvers();
    let (outer, resolve, _reject) = P::<u64>::with_resolvers();
    let outer = outer.map(|n| n + 1);
    let ((), count) = allocations(|| {
        run(|| resolve.with(inner)).unwrap();
        run(|| settle(1)).unwrap();
    });
    assert_eq!(count, 0);
    assert_eq!(block_on(outer), Ok(2));

    let (inner, settle, _reject) = P::<u64>::with_resolvers();
    let outer = P::resolve(()).then(|()| inner);
    let ((), count) = allocations(|| {
        run(|| {}).unwrap();
        run(|| settle(1)).unwrap();
    });
    assert_eq!(count, 0);
    assert_eq!(block_on(outer), Ok(1));
}

/// What a handler returns, and what `finally` waits for, is not kept until the jobs in which it is followed have run.
#[test]
fn a_fulfilled_promise_that_is_followed_is_freed_right_after_the_handler() {
    const SETTLED: i64 = 56;

    fn left_after_the_handler(chain: impl FnOnce(P<u64>)) -> i64 {
        let inner = P::resolve(1_u64);
        let left = Rc::new(Cell::new(0));
        let seen = left.clone();
        chain(inner);
        // Queued after the handler's job and before those of the following, of which the closure is kept while it runs.
        queue_microtask(move || seen.set(bytes()));
        let before = bytes();
        run(|| {}).unwrap();
        left.get() - before
    }

    warm_up();
    let handled = left_after_the_handler(|inner| drop(P::resolve(()).then(|()| inner)));
    assert_eq!(handled, -SETTLED, "the adopted promise");
    let handled = left_after_the_handler(|inner| drop(P::resolve(()).finally(|| inner)));
    assert_eq!(handled, -SETTLED, "the promise that `finally` waits for");
    let handled = left_after_the_handler(|inner| {
        let kept = inner.clone();
        drop(P::resolve(()).then(|()| inner).then(|_| kept));
    });
    assert_eq!(handled, 0, "a promise that has another handle stays");
}

/// Its value waits with the handler (invariant 10).
#[test]
fn a_promise_with_one_handle_is_freed_as_soon_as_it_settles_for_a_handler() {
    fn next(n: u64) -> u64 {
        n + 1
    }

    warm_up();
    let before = bytes();
    let (promise, resolve, reject) = P::<u64>::with_resolvers();
    let source = bytes() - before;
    let derived = promise.map(next);
    let both = bytes() - before;
    resolve(1);
    drop((resolve, reject));
    assert_eq!(bytes() - before, both - source);
    assert_eq!(block_on(derived), Ok(2));

    let before = bytes();
    let derived = P::resolve(1).map(next);
    assert_eq!(bytes() - before, both - source, "if it had settled before");
    assert_eq!(block_on(derived), Ok(2));
}

#[test]
fn a_value_that_is_followed_when_the_loop_ends_is_dropped() {
    let value = Rc::new(());
    let event_loop = EventLoop::new();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        event_loop.run(|| {
            let inner = Promise::<_, u64>::resolve(value.clone());
            drop(P::resolve(()).then(|()| inner));
            queue_microtask(|| panic!("the jobs that follow the promise stay queued"));
        })
    }));
    assert!(ended.is_err());
    assert_eq!(Rc::strong_count(&value), 2);
    drop(event_loop);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_microtask_is_one_allocation_for_the_closure() {
    warm_up();
    let captured = 1_u64;
    let ((), count) = allocations(|| queue_microtask(move || assert_eq!(captured, 1)));
    assert_eq!(count, 1);
    assert_eq!(allocations(|| run(|| {}).unwrap()).1, 0);
}

#[test]
fn a_spawned_future_is_two_allocations_and_awaiting_a_promise_none() {
    warm_up();
    let settled = P::resolve(1_u64);
    let (pending, resolve, _reject) = P::<u64>::with_resolvers();
    let (promise, count) = allocations(|| P::spawn(async { Ok(settled.await? + pending.await?) }));
    assert_eq!(count, 2);
    let ((), count) = allocations(|| {
        run(|| {}).unwrap();
        run(|| resolve(2)).unwrap();
    });
    assert_eq!(count, 0);
    assert_eq!(block_on(promise), Ok(3));
}

#[test]
fn many_handlers_of_one_promise_share_a_growing_list() {
    warm_up();
    let (promise, resolve, _reject) = P::<u64>::with_resolvers();
    let ((), count) = allocations(|| (0..1000).for_each(|_| drop(promise.clone().map(|_| ()))));
    assert!((1000..1020).contains(&count), "one each, and the list grows by doubling: {count}");
    resolve(1);
    run(|| {}).unwrap();
}

#[test]
fn awaiting_a_long_lived_promise_again_and_again_keeps_nothing() {
    warm_up();
    let (promise, _resolve, _reject) = P::<()>::with_resolvers();
    let round = || {
        let waiting = promise.clone();
        block_on(async {
            let winner = P::resolve(());
            futures::future::select(waiting, winner).await;
        });
    };
    (0..10).for_each(|_| round());
    let before = bytes();
    (0..100_000).for_each(|_| round());
    assert_eq!(bytes(), before);
}

#[test]
fn a_combinator_allocates_once_for_each_element() {
    warm_up();
    run(|| (0..1000).for_each(|_| queue_microtask(|| {}))).unwrap();
    let pending = || (0..1000).map(|_| P::<u64>::with_resolvers()).map(|(promise, resolve, _)| (promise, resolve));
    // The gathering and the result.
    let constant = 2;

    let (promises, functions): (Vec<_>, Vec<_>) = pending().unzip();
    let (all, hooking) = allocations(|| Promise::all(promises));
    assert_eq!(hooking, 1000 + constant);
    let ((), settling) = allocations(|| run(|| functions.iter().for_each(|resolve| resolve(1))).unwrap());
    assert_eq!(settling, 1, "the list of values, which is the result");
    assert_eq!(block_on(all).unwrap().len(), 1000);

    let (promises, functions): (Vec<_>, Vec<_>) = pending().unzip();
    let (race, hooking) = allocations(|| Promise::race(promises));
    assert_eq!(hooking, 1000 + constant);
    let ((), settling) = allocations(|| run(|| functions.iter().for_each(|resolve| resolve(1))).unwrap());
    assert_eq!(settling, 0);
    assert_eq!(block_on(race), Ok(1));

    // A value needs no promise.
    let (any, hooking) = allocations(|| Promise::any((0..1000).map(Ok::<u64, u64>)));
    assert_eq!(hooking, 1000 + constant);
    assert_eq!(block_on(any), Ok(0));
}

#[test]
fn a_course_allocates_once_for_each_item() {
    warm_up();
    let constant = 0..20;
    let finish = |result: P<()>| {
        let ((), running) = allocations(|| run(|| {}).unwrap());
        assert_eq!(block_on(result), Ok(()));
        running
    };
    // A mapper that makes nothing, so what is counted is the hook-ups.
    let (result, first) = allocations(|| P::each(0..1000, |_| Ok::<(), u64>(())));
    assert!(constant.contains(&first), "{first}");
    assert_eq!(finish(result), 999);
    let (result, first) = allocations(|| Promise::map_all(0..1000, 4, |_| Ok::<u64, u64>(1)).map(drop));
    assert!(constant.contains(&first), "{first}");
    let running = finish(result);
    assert!(constant.contains(&running), "values are kept, and their list grows by doubling: {running}");
    let (result, first) =
        allocations(|| Promise::map_all(0..1000, 4, |_| Err::<u64, u64>(1)).map(drop).catch(|_| Ok(())));
    assert!(constant.contains(&first), "{first}");
    assert!(constant.contains(&finish(result)));
}

#[test]
fn a_combinator_allocates_nothing_for_an_element_that_is_fulfilled() {
    warm_up();
    run(|| (0..1000).for_each(|_| queue_microtask(|| {}))).unwrap();
    let settled = || (0..1000).map(P::resolve).collect::<Vec<_>>();
    // The result, the gathering, and the list of what the elements came to.
    let constant = 3;

    let promises = settled();
    let before = bytes();
    let (all, count) = allocations(|| Promise::all(promises));
    assert_eq!(count, constant);
    assert!(bytes() - before < -1000 * (64 - 8), "the promises are freed: {}", bytes() - before);
    let ((), running) = allocations(|| run(|| {}).unwrap());
    assert_eq!(running, 0);
    assert_eq!(block_on(all).unwrap(), (0..1000).collect::<Vec<_>>());

    let promises = settled();
    assert_eq!(allocations(|| Promise::all_settled(promises)).1, constant);
    run(|| {}).unwrap();
    assert_eq!(allocations(|| Promise::all((0..1000).map(Ok::<u64, u64>))).1, constant);
    run(|| {}).unwrap();
    let joined = allocations(|| Promise::join((P::resolve(1), P::resolve(2_u8)))).1;
    assert_eq!(joined, 2 + 2, "the promises, the result and the gathering");
    run(|| {}).unwrap();
}

#[test]
fn a_stream_of_calls_allocates_nothing_for_an_item() {
    warm_up();
    let mut values = Promise::map_stream(0..1000, 4, |n| P::resolve(n));
    let first = allocations(|| block_on(values.next())).1;
    assert!((4..20).contains(&first), "four promises and their list: {first}");
    let rest = allocations(|| {
        P::spawn(async move {
            while values.next().await.is_some() {}
            Ok(())
        });
        run(|| {}).unwrap();
    });
    assert_eq!(rest.1, 996 + 2, "a promise each, and the task");
}

/// However often a promise that lives long is in a combinator, nothing of it stays (invariant 9).
#[test]
fn a_million_races_against_one_promise_retain_nothing() {
    const ROUNDS: u32 = 1_000_000;
    /// Of the latest rounds some hook-ups are left, until the list of listeners would grow.
    const FEW_BYTES: i64 = 32 * 1024;

    warm_up();
    let check = |round: &dyn Fn(&P<()>), kept_listeners: usize| {
        let (promise, resolve, _reject) = P::<()>::with_resolvers();
        (0..kept_listeners).for_each(|_| drop(promise.clone().map(|()| ())));
        let rounds = |count| (0..count).for_each(|_| round(&promise));
        rounds(100);
        let before = bytes();
        rounds(ROUNDS);
        let left = bytes() - before;
        assert!(left.abs() < FEW_BYTES, "{left} bytes are left");
        resolve(());
        run(|| {}).unwrap();
    };
    let race = |promise: &P<()>| {
        Promise::race([promise.clone(), P::resolve(())]);
        run(|| {}).unwrap();
    };
    let any = |promise: &P<()>| {
        Promise::any([P::reject(1), promise.clone(), P::resolve(())]);
        run(|| {}).unwrap();
    };
    let all = |promise: &P<()>| {
        Promise::all([promise.clone(), P::reject(1)]).catch(|_| Ok(vec![]));
        run(|| {}).unwrap();
    };
    check(&race, 0);
    check(&race, 100);
    check(&any, 0);
    check(&all, 0);
}

#[test]
fn a_crowd_of_races_against_one_promise_is_forgotten() {
    const CROWD: usize = 100_000;

    warm_up();
    let (promise, _resolve, _reject) = P::<()>::with_resolvers();
    let crowd = |size: usize| {
        (0..size).for_each(|_| drop(Promise::race([promise.clone(), P::resolve(())])));
        run(|| {}).unwrap();
    };
    run(|| (0..CROWD).for_each(|_| queue_microtask(|| {}))).unwrap();
    let before = bytes();
    crowd(CROWD);
    // The list is swept when it is full, which is after fewer than twice as many.
    (0..CROWD).for_each(|_| crowd(1));
    let left = bytes() - before;
    assert!(left.abs() < 32 * 1024, "{left} bytes are left");
}

#[test]
fn nothing_of_a_program_is_left_when_it_has_run() {
    warm_up();
    let program = || {
        let (promise, resolve, _reject) = P::<String>::with_resolvers();
        let abandoned = P::<String>::new(|_, _| {}).map(|text| text.len());
        let first = promise.clone().then(|text| P::resolve(text + "!")).finally(|| P::resolve(()));
        let second = promise.clone().then_async(async |text| Ok(text.len()));
        let third = P::spawn(async move { promise.await.map(|text| text + "?") });
        resolve("text".to_string());
        run(|| drop(abandoned)).unwrap();
        assert_eq!(block_on(first), Ok("text!".to_string()));
        assert_eq!(block_on(second), Ok(4));
        assert_eq!(block_on(third), Ok("text?".to_string()));
    };
    // The tables of the thread and the memory of the latest abandoned promises have a bounded size.
    (0..100).for_each(|_| program());
    let before = bytes();
    (0..100).for_each(|_| program());
    assert_eq!(bytes(), before);
}

#[test]
fn handles_are_small() {
    let pointer = size_of::<usize>();
    assert_eq!(size_of::<Promise<[u8; 100], String>>(), 2 * pointer);
    assert_eq!(size_of::<Resolve<u64, u64>>(), 2 * pointer);
    assert_eq!(size_of::<RemoteResolver<u64, u64>>(), 3 * pointer);
    assert_eq!(size_of::<PromiseId>(), 8);
    assert_eq!(size_of::<Timeout>(), 24);
    assert_eq!(size_of::<Immediate>(), 16);
}
