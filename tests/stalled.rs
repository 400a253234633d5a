//! A loop that is idle for ever says what it waits for, where that was made, and what was abandoned; and it never says so
//! while somebody outside can still go on.

use std::future::{pending, poll_fn};
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use thenable::{BlockOnError, Origin, Promise, PromiseState, Stalled, block_on, queue_microtask, run, try_block_on};

type P<T> = Promise<T, String>;

/// The error of a future that can never be ready.
#[track_caller]
fn stalled<R>(future: impl Future<Output = R>) -> Stalled {
    match try_block_on(future) {
        Err(BlockOnError::Stalled(stalled)) => stalled,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the future became ready"),
    }
}

#[test]
fn a_promise_whose_resolving_functions_were_dropped() {
    let promise = P::<()>::new(|_resolve, _reject| {});
    let origin = promise.origin();
    assert_eq!(origin.made_at.file(), file!());
    let expected = Stalled { awaited: vec![origin], abandoned: vec![origin], cycle: false, timers: 0 };
    let error = stalled(promise);
    assert_eq!(error, expected);
    let Origin { id, made_at } = origin;
    assert_eq!(
        error.to_string(),
        format!(
            "stalled: the loop is idle and nothing can settle promise {id} made at {made_at}; abandoned (every resolving \
             function was dropped): promise {id} made at {made_at}"
        )
    );
}

#[test]
fn the_functions_may_go_later() {
    let (promise, resolve, reject) = P::<()>::with_resolvers();
    let origin = promise.origin();
    queue_microtask(move || drop((resolve, reject)));
    assert_eq!(stalled(promise).abandoned, [origin]);
}

#[test]
fn a_promise_that_nobody_can_see_is_not_named_when_it_is_lost() {
    let (unseen, resolve, reject) = P::<()>::with_resolvers();
    drop(unseen);
    drop((resolve, reject));
    assert_eq!(stalled(pending::<()>()).abandoned, []);
}

#[test]
fn the_head_of_a_chain_is_named_though_it_is_freed() {
    let head = P::<u32>::new(|_, _| {});
    let head_origin = head.origin();
    let tail = head.map(|n| n + 1).catch(Err).finally(|| ()).then(Ok);
    let tail_origin = tail.origin();
    let error = stalled(tail);
    assert_eq!((error.awaited, error.abandoned), (vec![tail_origin], vec![head_origin]));
}

#[test]
fn a_promise_derived_after_the_loss_is_as_lost() {
    let head = P::<u32>::new(|_, _| {});
    let head_origin = head.origin();
    queue_microtask(|| {});
    run(|| {}).unwrap();
    let tail = head.clone().map(|n| n + 1);
    assert_eq!(tail.state(), PromiseState::Pending);
    assert_eq!(stalled(tail).abandoned, [head_origin]);
}

#[test]
fn the_promise_that_a_handler_returned_is_named() {
    let outer = P::resolve(()).then(|()| P::<u32>::new(|_, _| {}));
    let outer_origin = outer.origin();
    let error = stalled(outer);
    assert_eq!(error.awaited, [outer_origin]);
    assert_eq!(error.abandoned.len(), 1);
    assert_eq!(error.abandoned[0].made_at.line(), outer_origin.made_at.line());
}

/// Though somebody holds the promises derived from it (invariant 9).
#[test]
fn the_handlers_that_wait_for_an_abandoned_promise_are_dropped_at_once() {
    let alive = Rc::new(());
    let handler = || {
        let held = alive.clone();
        move || drop(held)
    };
    let (head, resolve, reject) = P::<()>::with_resolvers();
    let (on_value, on_reason, on_outcome) = (handler(), handler(), handler());
    let derived = [
        head.clone().then(move |()| on_value()),
        head.clone().catch(move |_| on_reason()),
        head.clone().handle(move |_| on_outcome()),
        head.clone().finally(handler()),
    ];
    // What follows it, or waits for it, in a job of its own.
    let (adopted, awaited, value) = (head.clone(), head, alive.clone());
    let following = P::resolve(()).then(move |()| adopted).finally(handler());
    let cleaning_up = P::resolve(value).finally(move || awaited);
    run(|| ()).unwrap();
    assert_eq!(Rc::strong_count(&alive), 1 + 4 + 2);
    drop((resolve, reject));
    assert_eq!(Rc::strong_count(&alive), 1);
    assert!(derived.iter().chain([&following]).all(|promise| promise.state() == PromiseState::Pending));
    assert_eq!(cleaning_up.state(), PromiseState::Pending);
}

#[test]
fn a_task_that_waits_for_an_abandoned_promise_is_freed_and_named() {
    let head = P::<u32>::new(|_, _| {});
    let head_origin = head.origin();
    let promise = P::spawn(async move { Ok(head.await? + 1) });
    let origin = promise.origin();
    let error = stalled(promise);
    assert_eq!(error.awaited, [origin]);
    assert!(error.abandoned.contains(&origin) && error.abandoned.contains(&head_origin), "{error}");
}

#[test]
fn every_promise_that_a_future_awaits_is_named() {
    let (first, second) = (P::<u32>::new(|_, _| {}), P::<u32>::new(|_, _| {}));
    let origins = [first.origin(), second.origin()];
    assert_eq!(stalled(async { futures::join!(first, second) }).awaited, origins);
}

#[test]
fn a_promise_that_was_handed_on_and_has_settled_is_not_named() {
    let (mut promise, resolve, _reject) = P::<()>::with_resolvers();
    let resolve_later = resolve.clone();
    let error = stalled(async move {
        assert!(futures::poll!(&mut promise).is_pending());
        P::spawn(promise);
        queue_microtask(move || resolve_later(()));
        pending::<()>().await;
    });
    assert_eq!(error.awaited, [], "though it is there as long as its functions are");
    drop(resolve);
}

#[test]
fn a_clone_that_is_awaited_has_the_id_of_its_promise() {
    let promise = P::<u32>::new(|_, _| {});
    let error = stalled(promise.clone());
    assert_eq!((error.awaited, error.abandoned), (vec![promise.origin()], vec![promise.origin()]));
}

#[test]
fn a_cycle_of_adoptions() {
    let (first, resolve_first, _reject) = P::<u32>::with_resolvers();
    let (second, resolve_second, _reject) = P::<u32>::with_resolvers();
    let (third, resolve_third, _reject) = P::<u32>::with_resolvers();
    resolve_first.with(second.clone());
    resolve_second.with(third.clone());
    resolve_third.with(first.clone());
    let error = stalled(first.clone());
    assert_eq!((&error.awaited, error.cycle), (&vec![first.origin()], true));
    assert!(error.to_string().contains("cycle of adoptions"));
}

#[test]
fn a_cycle_through_handlers_and_combinators() {
    let (first, resolve, _reject) = P::<u32>::with_resolvers();
    let derived = first.clone().map(|n| n + 1).finally(|| ());
    resolve.with(Promise::all([derived]).map(|all| all.into_iter().sum::<u32>()));
    assert!(stalled(first).cycle);

    let (gate, resolve, _reject) = P::<()>::with_resolvers();
    let held = P::resolve(1).finally(move || gate);
    resolve.with(held.clone().map(|_| ()));
    assert!(stalled(held).cycle);

    let (lonely, _resolve, _reject) = P::<u32>::with_resolvers();
    lonely.clone().map(|n| n + 1).finally(|| ());
    assert!(!stalled(lonely).cycle, "nothing leads back to it");
}

#[test]
fn a_remote_resolver_that_was_dropped() {
    let (promise, resolver) = P::<u32>::remote();
    let origin = promise.origin();
    thread::spawn(move || drop(resolver));
    assert_eq!(stalled(promise).abandoned, [origin]);
}

#[test]
fn a_future_that_waits_for_no_promise() {
    let error = stalled(pending::<()>());
    assert_eq!(error, Stalled { awaited: vec![], abandoned: vec![], cycle: false, timers: 0 });
    assert_eq!(error.to_string(), "stalled: the loop is idle and nothing can settle what is waited for");
}

#[test]
fn a_promise_that_nobody_resolves_though_its_functions_live() {
    let (promise, _resolve, _reject) = P::<u32>::with_resolvers();
    let origin = promise.origin();
    assert_eq!(stalled(promise), Stalled { awaited: vec![origin], abandoned: vec![], cycle: false, timers: 0 });
}

#[test]
fn block_on_panics_with_the_message() {
    let payload = catch_unwind(|| block_on(P::<()>::new(|_, _| {}))).unwrap_err();
    assert!(payload.downcast_ref::<String>().unwrap().starts_with("stalled: the loop is idle"));
    // The loop is not left running.
    assert_eq!(block_on(P::resolve(1)), Ok(1));
}

#[test]
fn run_ends_in_silence_as_node_does() {
    run(|| drop(P::<()>::new(|_, _| {}).map(|()| unreachable!()))).unwrap();
}

#[test]
fn no_alarm_while_another_thread_holds_a_remote_resolver() {
    let (idle, is_idle) = mpsc::channel();
    let (promise, resolver) = P::remote();
    thread::spawn(move || {
        is_idle.recv().unwrap();
        resolver.resolve(5).unwrap();
    });
    queue_microtask(move || idle.send(()).unwrap());
    assert_eq!(block_on(promise), Ok(5));
}

#[test]
fn no_alarm_while_another_thread_holds_a_waker() {
    // Of the future that is blocked on, and of a task that it awaits.
    for spawned in [false, true] {
        let mut polls = 0;
        let future = poll_fn(move |context| {
            polls += 1;
            if polls == 4 {
                return Poll::Ready(Ok(polls));
            }
            let (waker, (idle, is_idle)) = (context.waker().clone(), mpsc::channel());
            thread::spawn(move || {
                is_idle.recv().unwrap();
                waker.wake();
            });
            queue_microtask(move || idle.send(()).unwrap());
            Poll::Pending
        });
        let result = if spawned { block_on(P::spawn(future)) } else { block_on(future) };
        assert_eq!(result, Ok(4));
    }
}

#[test]
fn the_alarm_comes_when_the_last_waker_outside_is_dropped() {
    let (idle, is_idle) = mpsc::channel();
    let mut idle = Some(idle);
    let mut is_idle = Some(is_idle);
    let promise = P::<()>::spawn(poll_fn(move |context| -> Poll<Result<(), String>> {
        let (waker, is_idle) = (context.waker().clone(), is_idle.take().expect("polled once"));
        thread::spawn(move || {
            is_idle.recv().unwrap();
            drop(waker);
        });
        Poll::Pending
    }));
    let origin = promise.origin();
    queue_microtask(move || idle.take().unwrap().send(()).unwrap());
    let error = stalled(promise);
    assert_eq!((error.awaited, error.abandoned), (vec![origin], vec![origin]));
}

#[test]
fn no_alarm_while_blocking_work_runs() {
    let (idle, is_idle) = mpsc::channel();
    let promise = P::blocking(move || is_idle.recv().map_err(|error| error.to_string()));
    queue_microtask(move || idle.send(9).unwrap());
    assert_eq!(block_on(promise), Ok(9));
}
