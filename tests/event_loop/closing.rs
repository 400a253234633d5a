//! Dropping a loop with pending work.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use thenable::{
    BlockOnError, EventLoop, LoopClosed, Pending, Promise, PromiseState, next_tick, on_rejection_handled,
    on_unhandled_rejection, queue_microtask, run, set_immediate, set_interval, set_timeout, try_block_on,
};

use crate::common::{log, ms, trace};

type P<T> = Promise<T, i32>;

/// Logs when it is dropped, and queues in the loop that is entered then.
struct Guard(&'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        log(self.0);
        queue_microtask(|| log("a microtask of drop code ran"));
        set_timeout(|| log("a timer of drop code ran"), ms(1));
    }
}

fn sorted_trace() -> Vec<String> {
    let mut lines: Vec<_> = trace().split("  ").map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn all_that_is_pending_is_dropped_while_the_loop_is_entered() {
    let event_loop = EventLoop::new();
    let (sender, receiver) = futures::channel::oneshot::channel::<()>();
    let (remote, resolver) = event_loop.enter(|| {
        let guard = |name| {
            let guard = Guard(name);
            move || drop(guard)
        };
        queue_microtask(guard("microtask"));
        next_tick(guard("tick"));
        set_immediate(guard("immediate"));
        set_timeout(guard("timer"), ms(5));
        let interval = Guard("interval");
        set_interval(move || _ = &interval, ms(5));
        let hooks = (Guard("hook of unhandled"), Guard("hook of handled"));
        on_unhandled_rejection(move |_| _ = &hooks.0);
        on_rejection_handled(move |_| _ = &hooks.1);
        let task = Guard("task");
        P::<()>::spawn(async move {
            let _task = task;
            receiver.await.map_err(|_| 1)
        });
        P::resolve(Guard("value of a handler's promise")).map(drop);
        P::resolve(()).finally(guard("clean-up"));
        let (remote, resolver) = P::<()>::remote();
        let handler = Guard("handler of a remote promise");
        (remote.map(move |()| drop(handler)), resolver)
    });
    assert_eq!(trace(), "");
    drop(event_loop);
    let mut expected = vec![
        "clean-up",
        "handler of a remote promise",
        "hook of handled",
        "hook of unhandled",
        "immediate",
        "interval",
        "microtask",
        "task",
        "tick",
        "timer",
        "value of a handler's promise",
    ];
    expected.sort_unstable();
    assert_eq!(sorted_trace(), expected);
    // What the drop code queued went with the loop, and not into that of the thread.
    assert_eq!(EventLoop::of_thread().pending(), Pending::default());
    run(|| ()).unwrap();
    assert_eq!(sorted_trace(), expected);
    // And whoever is outside finds nobody.
    assert_eq!(remote.state(), PromiseState::Pending);
    assert_eq!(resolver.resolve(()), Err(LoopClosed(())));
    assert!(sender.send(()).is_err(), "the task has dropped its receiver");
}

#[test]
fn what_drop_code_leaves_to_do_is_dropped_likewise_however_often() {
    #[derive(Debug)]
    struct Again(u32, Rc<Cell<u32>>);

    impl Drop for Again {
        fn drop(&mut self) {
            let Self(left, dropped) = self;
            dropped.set(dropped.get() + 1);
            if let Some(left) = left.checked_sub(1) {
                let next = Self(left, dropped.clone());
                match left % 3 {
                    0 => queue_microtask(move || drop(next)),
                    1 => next_tick(move || drop(next)),
                    _ => drop(Promise::<(), _>::reject(next)),
                }
            }
        }
    }

    let event_loop = EventLoop::new();
    let dropped = Rc::new(Cell::new(0));
    let first = Again(12, dropped.clone());
    event_loop.enter(|| queue_microtask(move || drop(first)));
    drop(event_loop);
    assert_eq!(dropped.get(), 13);
    assert_eq!(EventLoop::of_thread().pending(), Pending::default());
    run(|| ()).unwrap();
}

/// A job that is dropped settles nothing: what waits for its promise is dropped too, though somebody holds what was derived
/// from that (invariant 9), and whoever awaits it later learns why it is in vain.
#[test]
fn what_waits_for_a_job_that_goes_with_its_loop_is_abandoned() {
    let event_loop = EventLoop::new();
    let alive = Rc::new(());
    let held = [alive.clone(), alive.clone(), alive.clone()];
    let (origins, derived) = event_loop.enter(|| {
        let [first, second, third] = held.map(|held| move |()| drop(held));
        let (one, several) = (P::resolve(()).then(|()| ()), P::resolve(()).then(|()| ()));
        let origins = [one.origin(), several.origin(), several.origin()];
        (origins, [one.then(first), several.clone().then(second), several.then(third)])
    });
    assert_eq!(Rc::strong_count(&alive), 4);
    drop(event_loop);
    assert_eq!(Rc::strong_count(&alive), 1);
    for (cause, promise) in origins.into_iter().zip(derived) {
        match try_block_on(promise) {
            Err(BlockOnError::Stalled(stalled)) => assert_eq!(stalled.abandoned, [cause]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_others_settle_is_abandoned_in_the_order_of_its_making() {
    const COUNT: usize = 1000;

    struct Numbered(usize, Rc<RefCell<Vec<usize>>>);

    impl Drop for Numbered {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }

    let dropped = Rc::new(RefCell::new(Vec::new()));
    let event_loop = EventLoop::new();
    let resolvers = event_loop.enter(|| {
        let remote = |index| {
            let (promise, resolver) = P::<()>::remote();
            let handler = Numbered(index, dropped.clone());
            promise.map(move |()| drop(handler));
            resolver
        };
        (0..COUNT).map(remote).collect::<Vec<_>>()
    });
    drop(event_loop);
    assert_eq!(*dropped.borrow(), (0..COUNT).collect::<Vec<_>>());
    drop(resolvers);
}

#[test]
fn a_wake_after_the_end_does_nothing() {
    let event_loop = EventLoop::new();
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let kept = waker.clone();
    event_loop.enter(|| {
        P::<()>::spawn(std::future::poll_fn(move |context| {
            log("polled");
            kept.replace(Some(context.waker().clone()));
            Poll::<Result<(), i32>>::Pending
        }))
    });
    assert_eq!(event_loop.pending().tasks, 1);
    drop(event_loop);
    let waker = waker.take().unwrap();
    waker.wake_by_ref();
    thread::spawn(move || waker.wake()).join().unwrap();
    run(|| ()).unwrap();
    assert_eq!(trace(), "polled");
}

#[test]
fn messages_that_have_arrived_are_dropped_at_home() {
    struct HomeOnly(thread::ThreadId);

    impl Drop for HomeOnly {
        fn drop(&mut self) {
            log(if thread::current().id() == self.0 { "at home" } else { "elsewhere" });
            let guard = Guard("what it queued");
            queue_microtask(move || drop(guard));
        }
    }

    let event_loop = EventLoop::new();
    let (promise, resolver) = event_loop.enter(P::<HomeOnly>::remote);
    let home = thread::current().id();
    thread::spawn(move || resolver.resolve(HomeOnly(home)).is_ok()).join().unwrap();
    drop((event_loop, promise));
    assert_eq!(trace(), "at home  what it queued");
    assert_eq!(EventLoop::of_thread().pending(), Pending::default());
}

#[test]
fn a_handle_of_a_loop_that_is_gone_is_not_active() {
    let event_loop = EventLoop::new();
    let (timer, immediate) = event_loop.enter(|| (set_timeout(|| (), ms(1)), set_immediate(|| ())));
    assert!(timer.is_active() && immediate.is_active());
    drop(event_loop);
    // The next loop may have a timer in the same place.
    let other = EventLoop::new();
    other.enter(|| (set_timeout(|| log("other timer"), ms(1)), set_immediate(|| log("other immediate"))));
    assert!(!timer.is_active() && !immediate.is_active() && !timer.keeps_alive());
    thenable::clear_timeout(timer.keep_alive(true).refresh());
    thenable::clear_immediate(immediate.keep_alive(true));
    other.run(|| ()).unwrap();
    assert_eq!(trace(), "other immediate  other timer");
}

#[test]
fn a_loop_may_be_dropped_inside_a_callback_of_another() {
    let (outer, inner) = (EventLoop::new(), EventLoop::new());
    inner.enter(|| {
        let guard = Guard("inner");
        queue_microtask(move || drop(guard));
    });
    outer
        .run(move || {
            queue_microtask(move || drop(inner));
            queue_microtask(|| log("outer"));
        })
        .unwrap();
    assert_eq!(trace(), "inner  outer");
}

#[test]
fn a_loop_may_live_as_long_as_its_thread() {
    thread_local! {
        static KEPT: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
    }

    /// Makes a timer while the thread ends, and says that it is over.
    struct AtTheEnd(mpsc::Sender<()>);

    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            set_timeout(|| unreachable!("no loop will run it"), ms(1));
            set_immediate(|| unreachable!("no loop will run it"));
            self.0.send(()).unwrap();
        }
    }

    // Whichever is destroyed first at the end of the thread, its queues or the loop.
    for loop_first in [false, true] {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            if loop_first {
                KEPT.with_borrow(|kept| assert!(kept.is_none()));
            }
            let event_loop = EventLoop::new();
            let resolver = event_loop.enter(|| {
                let at_the_end = AtTheEnd(sender);
                set_timeout(move || drop(at_the_end), ms(1));
                P::<()>::remote().1
            });
            KEPT.set(Some(event_loop));
            resolver
        });
        let resolver = thread.join().unwrap();
        assert_eq!(receiver.recv(), Ok(()));
        assert_eq!(resolver.resolve(()), Err(LoopClosed(())));
    }
}

#[test]
fn the_callback_of_the_host_goes_with_the_loop() {
    let flag = Arc::new(());
    let event_loop = EventLoop::new();
    let held = flag.clone();
    event_loop.on_wake(move || assert_eq!(*held, ()));
    assert_eq!(Arc::strong_count(&flag), 2);
    drop(event_loop);
    assert_eq!(Arc::strong_count(&flag), 1);
}
