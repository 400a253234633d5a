//! Two loops on one thread: what belongs to one is not seen by the other.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use futures::future::Either;
use thenable::{
    BlockOnError, Budget, EventLoop, Outcome, Pending, Promise, UnhandledRejections, block_on, clear_timeout,
    immediate, next_tick, on_unhandled_rejection, queue_microtask, run, set_immediate, set_timeout,
    set_unhandled_rejections,
};

use crate::common::{log, log_u, ms, quick_loop, trace};
use crate::log_received;

type P<T> = Promise<T, i32>;

fn queue_everything(name: &'static str) {
    queue_microtask(move || log(format_args!("{name}: microtask")));
    next_tick(move || log(format_args!("{name}: tick")));
    set_immediate(move || log(format_args!("{name}: immediate")));
    set_timeout(move || log(format_args!("{name}: timer")), ms(1));
}

const FOUR: [&str; 4] = ["tick", "microtask", "immediate", "timer"];

fn four(name: &str) -> String {
    FOUR.map(|kind| format!("{name}: {kind}")).join("  ")
}

#[test]
fn what_is_queued_waits_for_the_loop_that_was_entered() {
    let (a, b) = (quick_loop(), quick_loop());
    b.enter(|| queue_everything("b"));
    a.enter(|| queue_everything("a"));
    queue_everything("thread");
    assert_eq!(a.pending(), b.pending());
    a.run(|| ()).unwrap();
    assert_eq!(trace(), four("a"));
    assert_eq!((a.pending(), b.pending().jobs), (Pending::default(), 1));
    run(|| ()).unwrap();
    b.run(|| ()).unwrap();
    assert_eq!(trace(), [four("a"), four("thread"), four("b")].join("  "));
}

#[test]
fn a_loop_runs_inside_a_callback_of_another() {
    let (a, b) = (quick_loop(), Rc::new(quick_loop()));
    let inner = b.clone();
    a.run(move || {
        set_timeout(
            move || {
                log("a: timer begins");
                queue_microtask(|| log("a: microtask"));
                inner.run(|| queue_everything("b")).unwrap();
                log("a: timer ends");
                queue_microtask(|| log("a: last"));
            },
            ms(1),
        );
    })
    .unwrap();
    assert_eq!(trace(), format!("a: timer begins  {}  a: timer ends  a: microtask  a: last", four("b")));
}

#[test]
fn entering_goes_back_to_where_it_came_from_also_after_a_panic() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    a.enter(|| {
        queue_microtask(|| log("a1"));
        b.enter(|| {
            queue_microtask(|| log("b1"));
            a.enter(|| queue_microtask(|| log("a2")));
            queue_microtask(|| log("b2"));
            let payload = catch_unwind(AssertUnwindSafe(|| a.enter(|| panic!("inside a")))).unwrap_err();
            assert_eq!(*payload.downcast::<&str>().unwrap(), "inside a");
            queue_microtask(|| log("b3"));
        });
        queue_microtask(|| log("a3"));
    });
    queue_microtask(|| log("thread"));
    b.run(|| ()).unwrap();
    a.run(|| ()).unwrap();
    run(|| ()).unwrap();
    assert_eq!(trace(), "b1  b2  b3  a1  a2  a3  thread");
}

#[test]
fn the_free_functions_mean_the_entered_loop() {
    let a = quick_loop();
    a.enter(|| set_timeout(|| log("an hour"), ms(3_600_000)));
    a.enter(|| run(|| log("main"))).unwrap();
    assert_eq!(trace(), "main  an hour");
    assert_eq!(a.now(), ms(3_600_000));
    let two = a.enter(|| block_on(async { thenable::delay_with::<_, ()>(ms(1000), 2).await }));
    assert_eq!((two, a.now()), (Ok(2), ms(3_601_000)));
}

#[test]
fn what_a_promise_queues_is_queued_in_the_loop_that_is_entered_when_it_settles() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    let resolve = a.enter(|| {
        let (promise, resolve, _reject) = P::<()>::with_resolvers();
        promise.map(|()| log("handler"));
        resolve
    });
    b.enter(move || resolve(()));
    a.run(|| log("a ran")).unwrap();
    b.run(|| log("b ran")).unwrap();
    assert_eq!(trace(), "a ran  b ran  handler");
}

#[test]
fn a_task_may_get_from_loop_to_loop_and_is_woken_where_it_waits() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    let (to_a, in_a) = futures::channel::oneshot::channel::<u8>();
    let (to_b, in_b) = futures::channel::oneshot::channel::<u8>();
    let (resolve, sum) = a.enter(|| {
        let (promise, resolve, _reject) = P::<u8>::with_resolvers();
        let task = P::spawn(async move {
            let first = in_a.await.unwrap();
            let second = promise.await?;
            Ok(first + second + in_b.await.unwrap())
        });
        (resolve, task)
    });
    let waiting = |event_loop: &EventLoop| event_loop.pending().tasks;
    assert_eq!((waiting(&a), waiting(&b)), (1, 0));
    thread::spawn(move || to_a.send(1).unwrap()).join().unwrap();
    a.run(|| ()).unwrap();
    assert_eq!((waiting(&a), waiting(&b)), (0, 0), "it waits for a promise of the thread");
    // The promise settles while `b` is entered, so the task goes on there, and is kept there.
    b.enter(move || resolve(2));
    b.turn(Budget::unlimited()).unwrap();
    assert_eq!((waiting(&a), waiting(&b)), (0, 1));
    let sender = thread::spawn(move || to_b.send(3).unwrap());
    b.run(|| ()).unwrap();
    sender.join().unwrap();
    assert_eq!((a.pending(), b.pending()), (Pending::default(), Pending::default()));
    assert_eq!(sum.peek().as_deref(), Some(&Outcome::Fulfilled(6)));
}

#[test]
fn a_task_that_is_polled_in_another_loop_gets_a_waker_of_that_one() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    let (sender, receiver) = futures::channel::oneshot::channel::<u8>();
    let resolve = a.enter(|| {
        let (promise, resolve, _reject) = P::<()>::with_resolvers();
        P::spawn(async move {
            // The channel holds a waker of `a` when the promise settles.
            match futures::future::select(receiver, promise).await {
                Either::Left(_) => unreachable!("the promise settles first"),
                Either::Right((_, receiver)) => log_received(receiver).await,
            }
        });
        resolve
    });
    assert_eq!(a.pending().tasks, 1);
    b.enter(move || resolve(()));
    b.turn(Budget::unlimited()).unwrap();
    assert_eq!(b.pending().tasks, 1);
    thread::spawn(move || sender.send(8).unwrap()).join().unwrap();
    assert_eq!(b.pending().messages, 1, "the wake is sent to the loop in which it was polled last");
    b.run(|| ()).unwrap();
    // What the waker of `a` said when it was dropped.
    a.run(|| ()).unwrap();
    assert_eq!((trace(), a.pending(), b.pending()), ("8".to_string(), Pending::default(), Pending::default()));
}

#[test]
fn a_task_that_waits_keeps_its_own_loop_alive_only() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    let (sender, receiver) = futures::channel::oneshot::channel::<u8>();
    a.enter(|| P::spawn(log_received(receiver)));
    assert_eq!((a.pending().tasks, b.pending().tasks), (1, 0));
    b.run(|| log("b has nothing to wait for")).unwrap();
    let sender = thread::spawn(move || sender.send(7).unwrap());
    a.run(|| ()).unwrap();
    sender.join().unwrap();
    assert_eq!(trace(), "b has nothing to wait for  7");
}

#[test]
fn a_waker_of_a_loop_that_is_not_entered_sends_a_message_to_it() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    let (sender, receiver) = futures::channel::oneshot::channel::<u8>();
    a.enter(|| P::spawn(log_received(receiver)));
    b.run(move || sender.send(7).unwrap()).unwrap();
    assert_eq!((trace(), a.pending().messages), (String::new(), 1));
    a.run(|| ()).unwrap();
    assert_eq!((trace(), a.pending()), ("7".to_string(), Pending::default()));
}

#[test]
fn a_spare_waker_is_not_used_in_another_loop() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    // Each leaves a waker that nobody kept.
    a.block_on(async {});
    b.block_on(async {});
    let (sender, receiver) = futures::channel::oneshot::channel::<u8>();
    let sender = thread::spawn(move || sender.send(1).unwrap());
    assert_eq!(b.block_on(receiver), Ok(1));
    sender.join().unwrap();
    assert_eq!((a.pending(), b.pending()), (Pending::default(), Pending::default()));
}

#[test]
fn a_future_that_is_blocked_on_is_woken_by_a_loop_inside() {
    let (outer, inner) = (EventLoop::new(), Rc::new(EventLoop::new()));
    let sum = outer.block_on(async move {
        let (promise, resolve, _reject) = P::<u8>::with_resolvers();
        queue_microtask(move || inner.run(move || resolve(40)).unwrap());
        promise.await.unwrap() + 2
    });
    assert_eq!(sum, 42);
}

#[test]
fn one_blocking_call_inside_another_reports_its_own_wait() {
    let (outer, inner) = (EventLoop::new(), Rc::new(EventLoop::new()));
    let (lost, nested) = (P::<()>::new(|_, _| {}), P::<()>::new(|_, _| {}));
    let (lost_origin, nested_origin) = (lost.origin(), nested.origin());
    let seen = Rc::new(Cell::new(None));
    let found = seen.clone();
    let result = outer.try_block_on(async move {
        queue_microtask(move || {
            if let Err(BlockOnError::Stalled(stalled)) = inner.try_block_on(nested) {
                found.set(Some(stalled.awaited));
            }
        });
        lost.await
    });
    let Err(BlockOnError::Stalled(stalled)) = result else { panic!("nothing can settle it") };
    assert_eq!(stalled.awaited, [lost_origin]);
    assert_eq!(seen.take(), Some(vec![nested_origin]));
}

#[test]
fn each_loop_has_its_own_hooks_and_mode() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    a.enter(|| on_unhandled_rejection(log_u));
    b.enter(|| set_unhandled_rejections(UnhandledRejections::None));
    a.run(|| drop(P::<()>::reject(1))).unwrap();
    b.run(|| drop(P::<()>::reject(2))).unwrap();
    run(|| drop(P::<()>::reject(3))).unwrap_err();
    assert_eq!(trace(), "U1");
    assert_eq!(b.enter(|| set_unhandled_rejections(UnhandledRejections::Throw)), UnhandledRejections::None);
}

#[test]
fn an_unhandled_rejection_is_reported_by_the_loop_it_happened_in() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    a.enter(|| drop(P::<()>::reject(1)));
    b.run(|| ()).unwrap();
    assert_eq!(a.run(|| ()).unwrap_err().downcast::<i32>().unwrap(), 1);
}

#[test]
fn a_resolver_sends_to_the_loop_in_which_it_was_made() {
    let (a, b) = (EventLoop::new(), EventLoop::new());
    let (promise, resolver) = a.enter(P::<u8>::remote);
    b.run(|| resolver.resolve(5).unwrap()).unwrap();
    assert!(promise.peek().is_none());
    assert_eq!(a.block_on(promise), Ok(5));
}

#[test]
fn a_handle_works_whichever_loop_is_entered() {
    let (a, b) = (quick_loop(), quick_loop());
    let (timer, other) = (a.enter(|| set_timeout(|| log("a"), ms(5))), b.enter(|| set_timeout(|| log("b"), ms(5))));
    assert!(b.enter(|| timer.is_active()));
    b.enter(|| clear_timeout(timer));
    assert!(!timer.is_active() && other.is_active());
    a.run(|| ()).unwrap();
    b.run(|| ()).unwrap();
    assert_eq!((trace(), a.now(), b.now()), ("b".to_string(), ms(0), ms(5)));
}

#[test]
fn the_loop_of_the_thread_can_be_had_as_an_object() {
    immediate::<()>().map(|()| log("of the thread"));
    let of_thread = EventLoop::of_thread();
    assert_eq!(of_thread.run_until_idle().unwrap().callbacks, 1);
    drop(of_thread);
    set_timeout(|| log("still there"), ms(1));
    run(|| ()).unwrap();
    assert_eq!(trace(), "of the thread  still there");
}
