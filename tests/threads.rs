//! Other threads: remote resolvers, wakes from outside, the pool, and the end of a thread (invariant 8).

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use thenable::{
    BlockOnError, Budget, EventLoop, LoopClosed, Outcome, Promise, RemoteResolver, block_on, next_tick,
    queue_microtask, run,
};

type P<T> = Promise<T, String>;

/// Says, when it is dropped, on which thread that happened.
struct DropReport(Sender<ThreadId>);

impl Drop for DropReport {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).expect("the test listens");
    }
}

/// A future that gives its waker away and waits to be told that it is done.
#[derive(Clone, Default)]
struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    fn take_waker(&self) -> Option<Waker> {
        self.0.lock().unwrap().1.take()
    }

    fn set(&self) {
        self.0.lock().unwrap().0 = true;
    }
}

impl Future for Signal {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

#[test]
fn a_remote_resolver_settles_from_another_thread() {
    let outcome = |send: fn(RemoteResolver<u32, String>)| {
        let (promise, resolver) = P::remote();
        thread::spawn(move || send(resolver));
        let Ok(outcome) = block_on(promise.handle(|outcome| Promise::resolve(format!("{outcome:?}")))) else {
            unreachable!("the handler does not fail")
        };
        outcome
    };
    assert_eq!(outcome(|resolver| resolver.resolve(1).unwrap()), "Fulfilled(1)");
    assert_eq!(outcome(|resolver| resolver.reject("no".to_string()).unwrap()), "Rejected(\"no\")");
    assert_eq!(outcome(|resolver| resolver.fault(Box::new("bug")).unwrap()), "Faulted(Fault(\"bug\"))");
}

#[test]
fn each_completion_is_a_macrotask_with_ticks_and_microtasks_after_it() {
    let log = Rc::new(RefCell::new(Vec::new()));
    run(|| {
        for name in ["a", "b"] {
            let (promise, resolver) = P::remote();
            let (handler, microtask, tick) = (log.clone(), log.clone(), log.clone());
            promise.map(move |()| {
                handler.borrow_mut().push(name.to_string());
                next_tick(move || tick.borrow_mut().push(format!("{name} tick")));
                queue_microtask(move || microtask.borrow_mut().push(format!("{name} microtask")));
            });
            resolver.resolve(()).unwrap();
        }
        let main = log.clone();
        queue_microtask(move || main.borrow_mut().push("main microtask".to_string()));
    })
    .unwrap();
    let expected = ["main microtask", "a", "a microtask", "a tick", "b", "b microtask", "b tick"];
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn a_resolver_that_outlives_the_thread_of_its_promise_gives_back_what_it_got() {
    let resolvers = thread::spawn(|| [P::<Vec<u8>>::remote().1, P::remote().1, P::remote().1, P::remote().1]);
    let [resolve, reject, fault, dropped] = resolvers.join().unwrap();
    assert_eq!(resolve.resolve(vec![1, 2]), Err(LoopClosed(vec![1, 2])));
    assert_eq!(reject.reject("no".to_string()), Err(LoopClosed("no".to_string())));
    let LoopClosed(payload) = fault.fault(Box::new(7_u8)).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
    drop(dropped);
}

#[test]
fn no_completion_of_eight_threads_is_lost() {
    const EACH: usize = 20_000;
    let settled = Rc::new(Cell::new(0));
    run(|| {
        let mut work: Vec<Vec<RemoteResolver<usize, String>>> = (0..8).map(|_| Vec::new()).collect();
        for index in 0..8 * EACH {
            let (promise, resolver) = P::remote();
            let settled = settled.clone();
            promise.map(move |n| settled.set(settled.get() + n));
            work[index % 8].push(resolver);
        }
        for resolvers in work {
            thread::spawn(move || resolvers.into_iter().for_each(|resolver| resolver.resolve(1).unwrap()));
        }
    })
    .unwrap();
    assert_eq!(settled.get(), 8 * EACH);
}

#[test]
fn a_wake_from_another_thread_polls_the_task_at_home() {
    let home = thread::current().id();
    let signal = Signal::default();
    let mut inner = signal.clone();
    let promise = P::spawn(async move {
        poll_fn(|context| {
            assert_eq!(thread::current().id(), home);
            Pin::new(&mut inner).poll(context)
        })
        .await;
        Ok(thread::current().id())
    });
    let waker = signal.take_waker().expect("the task was polled at once");
    thread::spawn(move || {
        signal.set();
        waker.wake();
    });
    assert_eq!(block_on(promise), Ok(home));
}

#[test]
fn a_wake_on_the_own_thread_keeps_its_place_in_the_queue() {
    let log = Rc::new(RefCell::new(Vec::new()));
    run(|| {
        let (signal, task, before, after) = (Signal::default(), log.clone(), log.clone(), log.clone());
        let inner = signal.clone();
        P::spawn(async move {
            inner.await;
            task.borrow_mut().push("task");
            Ok(())
        });
        queue_microtask(move || before.borrow_mut().push("before"));
        signal.set();
        signal.take_waker().unwrap().wake();
        queue_microtask(move || after.borrow_mut().push("after"));
    })
    .unwrap();
    assert_eq!(*log.borrow(), ["before", "task", "after"]);
}

#[test]
fn a_future_may_wake_itself_while_it_is_polled() {
    let mut yields = 3;
    let promise = P::spawn(poll_fn(move |context| {
        if yields == 0 {
            return Poll::Ready(Ok(()));
        }
        yields -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    assert_eq!(block_on(promise), Ok(()));
}

#[test]
fn a_waker_that_is_used_up_by_another_thread_during_the_poll_is_not_lost() {
    // The other thread has woken and dropped its clone before the poll returns.
    for _ in 0..100 {
        let mut polls = 0;
        let promise = P::spawn(poll_fn(move |context| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(Ok(()));
            }
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake()).join().unwrap();
            Poll::Pending
        }));
        assert_eq!(block_on(promise), Ok(()));
    }
}

#[test]
fn a_waker_that_is_never_dropped_does_not_keep_the_loop_of_a_task_that_has_ended() {
    let signal = Signal::default();
    let kept = signal.clone();
    run(|| {
        let signal = signal.clone();
        let promise = P::spawn(async move {
            poll_fn(|context| {
                signal.0.lock().unwrap().1 = Some(context.waker().clone());
                Poll::Ready(())
            })
            .await;
            Ok(())
        });
        drop(promise);
    })
    .unwrap();
    kept.take_waker().expect("it was kept").wake();
    run(|| {}).unwrap();
}

/// It has given its waker away in one poll, and in the next one it ends while the waker is kept, or takes the waker back.
#[test]
fn a_task_that_has_ended_or_has_its_waker_back_does_not_keep_the_loop() {
    for what in ["ends", "panics", "takes it back"] {
        let event_loop = EventLoop::new();
        let given = Rc::new(RefCell::new(None::<Waker>));
        let slot = given.clone();
        let mut polls = 0;
        event_loop.enter(|| {
            let promise = P::<()>::spawn(poll_fn(move |context| {
                polls += 1;
                match what {
                    _ if polls == 1 => drop(slot.replace(Some(context.waker().clone()))),
                    "ends" => return Poll::Ready(Ok(())),
                    "panics" => panic!("a bug"),
                    _ => drop(slot.take()),
                }
                Poll::Pending
            }));
            promise.handle(|_| Ok::<_, String>(()));
            assert_eq!(event_loop.pending().tasks, 1);
            given.borrow().as_ref().expect("it was given away").wake_by_ref();
        });
        event_loop.turn(Budget::unlimited()).unwrap();
        assert_eq!((event_loop.pending().tasks, given.take().is_some()), (0, what != "takes it back"), "{what}");
    }
}

/// Because of a rejection that nobody handled, or of a panic. The waker that the future has given away is kept.
#[test]
fn a_future_that_block_on_has_given_up_does_not_keep_the_loop() {
    for panics in [false, true] {
        let event_loop = EventLoop::new();
        let mut given = None;
        let future = poll_fn(|context| {
            if given.is_none() {
                given = Some(context.waker().clone());
                context.waker().wake_by_ref();
            } else if panics {
                panic!("a bug");
            } else {
                P::<()>::reject("unhandled".to_string());
            }
            Poll::<()>::Pending
        });
        let result = catch_unwind(AssertUnwindSafe(|| event_loop.try_block_on(future)));
        assert!(matches!(result, Ok(Err(BlockOnError::UnhandledRejection(_)))) != panics);
        assert_eq!((event_loop.pending().tasks, given.is_some()), (0, true), "panics: {panics}");
    }
}

#[test]
fn a_thread_that_ends_drops_its_pending_tasks_at_home() {
    let (report, drops) = mpsc::channel();
    let signal = Signal::default();
    let ended = {
        let signal = signal.clone();
        thread::spawn(move || {
            // One waits for another thread, one for a remote resolver, one for nothing, one is queued.
            let (waiting, remote, never, queued) = (
                DropReport(report.clone()),
                DropReport(report.clone()),
                DropReport(report.clone()),
                DropReport(report),
            );
            P::spawn(async move {
                signal.await;
                drop(waiting);
                Ok(())
            });
            let (promise, resolver) = P::<()>::remote();
            promise.map(move |()| drop(remote));
            P::spawn(async move {
                pending::<()>().await;
                drop(never);
                Ok(())
            });
            P::spawn(async move {
                P::resolve(()).await?;
                drop(queued);
                Ok(())
            });
            (thread::current().id(), resolver)
        })
    };
    let (home, resolver) = ended.join().unwrap();
    // After its thread the waker and the resolver are there still, and do nothing.
    let waker = signal.take_waker().expect("the task was polled");
    waker.wake_by_ref();
    drop(waker);
    assert_eq!(resolver.resolve(()), Err(LoopClosed(())));
    assert_eq!(drops.try_iter().collect::<Vec<_>>(), [home; 4]);
}

#[test]
fn wakes_while_the_thread_shuts_down_do_nothing_or_their_work() {
    for _ in 0..200 {
        let (report, drops) = mpsc::channel();
        let signals: Vec<_> = (0..4).map(|_| Signal::default()).collect();
        let start = Arc::new(Barrier::new(2));
        let owner = {
            let (signals, start) = (signals.clone(), start.clone());
            thread::spawn(move || {
                for signal in signals {
                    let report = DropReport(report.clone());
                    P::spawn(async move {
                        signal.await;
                        drop(report);
                        Ok(())
                    });
                }
                start.wait();
                thread::current().id()
            })
        };
        start.wait();
        for signal in &signals {
            signal.set();
            let waker = signal.take_waker().expect("the task was polled");
            waker.wake_by_ref();
            waker.wake();
        }
        let home = owner.join().unwrap();
        assert_eq!(drops.try_iter().collect::<Vec<_>>(), [home; 4]);
    }
}

#[test]
fn a_waker_may_be_kept_for_ever_by_another_thread() {
    let (send, wakers) = mpsc::channel::<Waker>();
    let (send_end, end) = mpsc::channel::<()>();
    let keeper = thread::spawn(move || {
        let wakers: Vec<_> = wakers.iter().collect();
        end.recv().unwrap_err();
        wakers.iter().for_each(Waker::wake_by_ref);
        wakers.into_iter().for_each(Waker::wake);
    });
    thread::spawn(move || {
        P::spawn(poll_fn::<Result<(), String>, _>(move |context| {
            send.send(context.waker().clone()).unwrap();
            Poll::Pending
        }));
    })
    .join()
    .unwrap();
    drop(send_end);
    keeper.join().unwrap();
}

#[test]
fn what_is_dropped_while_the_thread_ends_may_use_the_crate() {
    thread_local! {
        static LAST: RefCell<Option<OnDrop>> = const { RefCell::new(None) };
    }
    struct OnDrop(Arc<AtomicUsize>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            let (promise, resolve, _reject) = P::with_resolvers();
            promise.clone().map(|n: u32| n + 1).finally(|| ());
            P::spawn(promise);
            resolve(1);
            queue_microtask(|| {});
            next_tick(|| {});
            drop(P::<u32>::reject("unseen".to_string()));
            drop(P::<u32>::remote());
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let inner = drops.clone();
    thread::spawn(move || {
        // One is dropped before the tables of the crate, one after them, whichever the order of the platform is.
        LAST.set(Some(OnDrop(inner.clone())));
        let value = OnDrop(inner.clone());
        P::resolve(()).map(move |()| drop(value));
        let value = OnDrop(inner);
        P::<()>::remote().0.map(move |()| drop(value));
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 3);
}

#[test]
fn blocking_work_runs_on_the_pool_and_settles_at_home() {
    let home = thread::current().id();
    let promise = P::blocking(move || Ok(thread::current().id() != home));
    let handler = promise.map(move |elsewhere| (elsewhere, thread::current().id() == home));
    assert_eq!(block_on(handler), Ok((true, true)));
    assert_eq!(block_on(P::<()>::blocking(|| Err("no".to_string()))), Err("no".to_string()));
}

#[test]
fn a_panic_on_the_pool_is_a_fault() {
    let promise = P::<()>::blocking(|| panic!("on the pool"));
    let outcome = block_on(promise.handle(|outcome| match outcome {
        Outcome::Faulted(fault) => Ok(fault.message().to_string()),
        other => Err(format!("{other:?}")),
    }));
    assert_eq!(outcome, Ok("on the pool".to_string()));
}

#[test]
fn dropping_the_promise_of_blocking_work_does_not_stop_the_work() {
    let (send, done) = mpsc::channel();
    run(|| {
        drop(P::blocking(move || {
            send.send(()).unwrap();
            Ok(())
        }));
    })
    .unwrap();
    assert_eq!(done.recv(), Ok(()));
}
