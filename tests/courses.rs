//! `map_all`, `filter_all`, `each`, `reduce`: over iterators, and what they have in common with streams.
mod common;

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Debug;
use std::iter;
use std::panic::{catch_unwind, panic_any};
use std::rc::Rc;
use std::thread;

use common::{at, expect_trace, log, object, trace};
use futures::{StreamExt, TryStreamExt, stream};
use thenable::{
    BlockOnError, Promise, PromiseState, PromiseStreamExt, Resolution, Stalled, block_on, on_unhandled_rejection,
    queue_microtask, run, try_block_on,
};

type P = Promise<i32, String>;

fn no() -> String {
    "no".to_string()
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

/// Calls `callback` after so many ticks.
fn tick(ticks: u32, callback: impl FnOnce() + 'static) {
    match ticks {
        0 => callback(),
        _ => queue_microtask(move || tick(ticks - 1, callback)),
    }
}

/// Logs that it is dropped.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        log(format_args!("drop {}", self.0));
    }
}

#[test]
fn each_is_a_loop_of_an_async_function() {
    // In Node: `for (const item of items) await f(item)`.
    expect_trace("call 1@0  sync  call 2@1  call 3@4  call 4@6  done@8", || {
        Promise::each([1, 2, 3, 4], |n| {
            at(format_args!("call {n}"));
            match n {
                2 => Resolution::Adopt(P::new(|resolve, _| tick(2, move || resolve(0)))),
                3 => object(|resolve, _| {
                    resolve(0);
                    Ok(())
                }),
                _ => Resolution::Fulfill(0),
            }
        })
        .then(|()| at("done"));
        log("sync");
    });
}

#[test]
fn a_failure_ends_the_iteration_and_drops_the_items() {
    // In Node the iterator is a generator that logs when it is closed.
    expect_trace("call 1@0  call 2@1  drop items  no@3", || {
        let items = Noisy("items");
        let items = (1..=3).inspect(move |_| {
            let _ = &items;
        });
        Promise::each(items, |n| {
            at(format_args!("call {n}"));
            if n == 2 { Err("no") } else { Ok(()) }
        })
        .catch(|reason| {
            at(reason);
            Ok(())
        });
    });
}

#[test]
fn reduce_is_a_loop_of_an_async_function() {
    // In Node: `for (const item of items) value = await f(value, item)`.
    expect_trace("10+1@0  11+2@1  7@1  13+3@2  16@4", || {
        Promise::<_, ()>::reduce([1, 2, 3], 10, |sum, n| {
            at(format_args!("{sum}+{n}"));
            Promise::resolve(sum + n)
        })
        .then(at);
        Promise::reduce(iter::empty::<P>(), 7, |_, item| item).then(at);
    });
}

#[test]
fn map_all_two_at_a_time() {
    expect_trace("call 3@0  call 1@0  sync  call 2@2  call 1@4  call 0@5  [3, 1, 2, 1, 0]@7", || {
        Promise::<_, ()>::map_all([3, 1, 2, 1, 0], 2, |ticks| {
            at(format_args!("call {ticks}"));
            Promise::new(|resolve, _| tick(ticks, move || resolve(ticks)))
        })
        .then(|values| at(format_args!("{values:?}")));
        log("sync");
    });
}

#[test]
fn no_items() {
    let none = iter::empty::<i32>;
    assert_eq!(Promise::map_all(none(), 1, P::resolve).state(), PromiseState::Fulfilled);
    assert_eq!(Promise::filter_all(none(), 1, |_| Ok::<_, ()>(true)).state(), PromiseState::Fulfilled);
    assert_eq!(Promise::each(none(), P::resolve).state(), PromiseState::Fulfilled);
    assert_eq!(block_on(Promise::reduce(none(), 1, |_, n| P::resolve(n))), Ok(1));
    let none = stream::empty::<i32>;
    assert_eq!(none().map_all(1, P::resolve).state(), PromiseState::Fulfilled);
    assert_eq!(block_on(none().reduce(1, |_, n| P::resolve(n))), Ok(1));
    assert_eq!(block_on(none().map_stream(1, P::resolve).collect::<Vec<_>>()), []);
}

#[test]
fn a_limit_of_nothing_is_a_panic_of_the_call() {
    let calls: [fn(); 5] = [
        || drop(Promise::map_all([1], 0, P::resolve)),
        || drop(Promise::filter_all([1], 0, |_| Ok::<_, ()>(true))),
        || drop(stream::iter([1]).map_all(0, P::resolve)),
        || drop(Promise::map_stream([1], 0, P::resolve)),
        || drop(stream::iter([1]).map_stream(0, P::resolve)),
    ];
    for call in calls {
        let payload = catch_unwind(call).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"a limit of 0 items at a time lets nothing begin"));
    }
}

#[test]
fn filter_drops_what_is_not_wanted_at_once() {
    run(|| {
        let (last, resolve, _) = Promise::with_resolvers();
        let mut decisions = VecDeque::from([P::resolve(1), P::resolve(0), last]);
        let kept = Promise::filter_all([Noisy("a"), Noisy("b"), Noisy("c")], 3, move |_| {
            decisions.pop_front().expect("one each").map(|n| n > 0)
        });
        kept.map(|kept| log(format_args!("kept {}", kept.iter().map(|item| item.0).collect::<String>())));
        tick(3, move || {
            log("resolve");
            resolve(1);
        });
    })
    .unwrap();
    assert_eq!(trace(), "drop b  resolve  kept ac  drop a  drop c");
}

#[test]
fn the_first_failure_wins_and_no_further_item_is_asked_for() {
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let items = (1..).inspect(move |_| count.set(count.get() + 1));
    let result = Promise::map_all(items, 3, |n| match n {
        1 => P::new(|resolve, _| tick(4, move || resolve(1))),
        2 => P::new(|_, reject| tick(2, move || reject("two".to_string()))),
        3 => P::new(|_, reject| tick(3, move || reject("three".to_string()))),
        _ => P::resolve(n),
    });
    assert_eq!(block_on(result), Err("two".to_string()));
    assert_eq!(asked.get(), 3);
    run(|| {}).unwrap();
}

#[test]
fn faults() {
    struct Bad;

    impl IntoIterator for Bad {
        type Item = i32;
        type IntoIter = iter::Empty<i32>;
        fn into_iter(self) -> iter::Empty<i32> {
            panic_any("into_iter")
        }
    }

    let panics = |n: i32| if n == 2 { panic_any("mapper") } else { P::resolve(n) };
    let items = || iter::once(1).chain(iter::once_with(|| panic_any("items")));
    let faulted = |n: i32| {
        P::new(move |_, _| {
            if n == 2 {
                panic_any("promise")
            }
        })
    };
    assert_eq!(fault(Promise::map_all(1..=3, 5, panics)), "mapper");
    assert_eq!(fault(Promise::map_all(1..=3, 1, panics)), "mapper");
    assert_eq!(fault(Promise::map_all(items(), 1, P::resolve)), "items");
    assert_eq!(fault(Promise::map_all(Bad, 1, P::resolve)), "into_iter");
    assert_eq!(fault(Promise::map_all([2], 1, faulted)), "promise");
    assert_eq!(fault(Promise::filter_all(items(), 1, |_| Ok::<_, ()>(true))), "items");
    assert_eq!(fault(Promise::each(1..=3, panics)), "mapper");
    assert_eq!(fault(Promise::each(items(), P::resolve)), "items");
    assert_eq!(fault(Promise::reduce(1..=3, 0, move |_, n| panics(n))), "mapper");
    assert_eq!(fault(stream::iter(1..=3).map_all(1, panics)), "mapper");
    assert_eq!(fault(stream::iter(items()).each(P::resolve)), "items");
    assert_eq!(fault(stream::iter([2]).reduce(0, move |_, n| faulted(n))), "promise");
}

#[test]
fn the_rejections_that_come_after_the_failure_are_handled() {
    let reject = |n: i32| P::new(move |_, reject| tick(n.unsigned_abs(), move || reject(n.to_string())));
    assert_eq!(block_on(Promise::map_all(1..=5, 5, reject)), Err("1".to_string()));
    assert_eq!(block_on(stream::iter(1..=5).map_all(5, reject)), Err("1".to_string()));
    run(|| {}).unwrap();
}

#[test]
fn the_value_of_an_item_is_dropped_before_the_next_call() {
    struct Loud(i32);

    impl Drop for Loud {
        fn drop(&mut self) {
            log(format_args!("drop {}", self.0));
            if self.0 == 3 {
                panic_any("drop");
            }
        }
    }

    let result = Promise::each(1..=5, |n| {
        log(format_args!("call {n}"));
        Ok::<_, ()>(Loud(n))
    });
    assert_eq!(fault(result), "drop");
    assert_eq!(trace(), "call 1  drop 1  call 2  drop 2  call 3  drop 3");
}

#[test]
fn an_abandoned_promise_takes_its_room_with_it() {
    let calls = Rc::new(Cell::new(0));
    let counted = |lost: fn(i32) -> bool| {
        let calls = calls.clone();
        calls.set(0);
        move |n: i32| {
            calls.set(calls.get() + 1);
            if lost(n) { P::new(|_, _| {}) } else { P::resolve(n) }
        }
    };
    // The other place goes on to the end of the items.
    let result = Promise::map_all(1..=9, 2, counted(|n| n == 2));
    let made_at = result.origin().made_at;
    let error = stalled(result);
    assert_eq!(calls.get(), 9);
    assert_eq!((error.awaited[0].made_at, error.abandoned.len()), (made_at, 1));
    assert_ne!(error.abandoned[0].made_at, made_at, "the cause is the promise of the mapper");
    // Or there is no room any more.
    assert!(!stalled(Promise::map_all(1.., 2, counted(|n| n > 4))).abandoned.is_empty());
    assert_eq!(calls.get(), 6);
    assert!(!stalled(Promise::each(1.., counted(|n| n > 4))).abandoned.is_empty());
    assert_eq!(calls.get(), 5);
    assert!(!stalled(stream::iter(1..).map_all(2, counted(|n| n > 4))).abandoned.is_empty());
    assert_eq!(calls.get(), 6);
    // A failure is stronger.
    let result = Promise::map_all(1..=3, 2, |n| match n {
        1 => P::new(|_, _| {}),
        2 => P::resolve(2),
        _ => P::reject(no()),
    });
    assert_eq!(block_on(result), Err(no()));
}

#[test]
fn what_is_abandoned_is_freed() {
    run(|| {
        let (pending, resolve, reject) = P::with_resolvers();
        let (items, mapper, handler) = (Noisy("items"), Noisy("mapper"), Noisy("handler"));
        let mut pending = Some(pending);
        let items = (1..).inspect(move |_| {
            let _ = &items;
        });
        Promise::map_all(items, 1, move |_| {
            let _ = &mapper;
            pending.take().expect("called once")
        })
        .map(move |_| drop(handler));
        log("begun");
        drop((resolve, reject));
        log("end");
    })
    .unwrap();
    assert_eq!(trace(), "begun  drop items  drop mapper  drop handler  end");
}

#[test]
fn the_mapper_may_run_the_loop_outside_of_the_loop() {
    let result = Promise::map_all(1..=5, 2, |n| {
        run(|| {}).unwrap();
        P::resolve(n)
    });
    assert_eq!(block_on(result), Ok(vec![1, 2, 3, 4, 5]));
    // The rejection is there before the promise of it.
    on_unhandled_rejection(|_| {});
    let result = Promise::map_all(1..=5, 2, |n| {
        run(|| {}).unwrap();
        if n == 3 { Err(no()) } else { Ok(n) }
    });
    assert_eq!(block_on(result), Err(no()));
}

#[test]
fn a_million_items_use_no_stack() {
    const MANY: i32 = 1_000_000;
    fn on_a_small_stack(test: fn()) {
        let thread = thread::Builder::new().stack_size(64 * 1024).spawn(test).expect("the thread starts");
        thread.join().expect("the test passes");
    }
    on_a_small_stack(|| assert_eq!(block_on(Promise::each(0..MANY, Ok::<_, ()>)), Ok(())));
    on_a_small_stack(|| assert_eq!(block_on(Promise::map_all(0..MANY, 3, P::resolve)).unwrap().len(), MANY as usize));
    on_a_small_stack(|| assert_eq!(block_on(Promise::reduce(0..MANY, 0, |n, _| Ok::<_, ()>(n + 1))), Ok(MANY)));
    on_a_small_stack(|| assert_eq!(block_on(stream::iter(0..MANY).each(Ok::<_, ()>)), Ok(())));
}

#[test]
fn the_verbs_compose() {
    let pages = |n: u32| Promise::<_, Infallible>::resolve(vec![n, n + 1]);
    let sum = Promise::map_stream(0..3, 2, pages).try_fold(0, |sum, page| async move {
        let doubled = Promise::map_all(page, 2, |n| Promise::<_, Infallible>::resolve(2 * n)).await?;
        Ok(sum + doubled.into_iter().sum::<u32>())
    });
    assert_eq!(block_on(sum), Ok(18));
    let both = Promise::join((Promise::each([1], P::resolve), Promise::some([P::resolve(1)], 1).map_err(|_| no())));
    assert_eq!(block_on(both), Ok(((), vec![1])));
}
