//! Many threads at once: nothing is lost, nothing hangs, nothing runs on a thread that is not its own.
//!
//! `cargo test --release --test reliability` is the soak, with ten times as many rounds. Each test fails after a minute if it has
//! not ended by then.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use futures::future::{join_all, poll_fn};
use thenable::{Call, Outcome, Port, Promise, RemoteResolver, Worker, WorkerError, WorkerExit, block_on, run};

type P<T> = Promise<T, String>;

const THREADS: usize = 8;

/// How often the storms below are repeated.
const ROUNDS: usize = if cfg!(debug_assertions) { 100 } else { 1_000 };

/// Runs a test on a thread of its own, and fails if that takes too long. What hangs is left behind.
#[track_caller]
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Err(RecvTimeoutError::Timeout) => panic!("something was lost: it hangs"),
        // If it panicked, so does this.
        _ => thread.join().unwrap(),
    }
}

#[test]
fn eight_threads_settle_a_million_promises_and_none_is_lost() {
    const PROMISES: usize = 1_000_000;
    within_a_minute(|| {
        let settled = Rc::new([const { Cell::new(0_usize) }; 3]);
        let inner = settled.clone();
        run(move || {
            let mut work: Vec<Vec<RemoteResolver<usize, usize>>> = (0..THREADS).map(|_| Vec::new()).collect();
            for index in 0..PROMISES {
                let (promise, resolver) = Promise::remote();
                let settled = inner.clone();
                promise.handle(move |outcome| {
                    let (kind, n) = match outcome {
                        Outcome::Fulfilled(n) => (0, n),
                        Outcome::Rejected(n) => (1, n),
                        Outcome::Faulted(fault) => (2, *fault.into_payload().downcast().unwrap()),
                    };
                    assert_eq!(kind, n % 3);
                    settled[kind].set(settled[kind].get() + 1);
                });
                work[index % THREADS].push(resolver);
            }
            let start = Arc::new(Barrier::new(THREADS));
            for resolvers in work {
                let start = start.clone();
                thread::spawn(move || {
                    start.wait();
                    for (n, resolver) in resolvers.into_iter().enumerate() {
                        match n % 3 {
                            0 => resolver.resolve(n).unwrap(),
                            1 => resolver.reject(n).unwrap(),
                            _ => resolver.fault(Box::new(n)).unwrap(),
                        }
                    }
                });
            }
        })
        .unwrap();
        let each = PROMISES / THREADS;
        let expected = [0, 1, 2].map(|kind| THREADS * (each / 3 + usize::from(each % 3 > kind)));
        assert_eq!([0, 1, 2].map(|kind| settled[kind].get()), expected);
    });
}

#[test]
fn threads_settle_the_promises_of_each_others_loops() {
    /// A ring: each thread gets resolvers from the one before, and settles them.
    const EACH: usize = if cfg!(debug_assertions) { 5_000 } else { 50_000 };
    within_a_minute(|| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..THREADS).map(|_| mpsc::channel::<RemoteResolver<usize, String>>()).unzip();
        let threads: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(index, received)| {
                let next = senders[(index + 1) % THREADS].clone();
                let settler = thread::spawn(move || {
                    received.iter().enumerate().for_each(|(n, resolver)| resolver.resolve(n).unwrap());
                });
                thread::spawn(move || {
                    let sum = Rc::new(Cell::new(0));
                    let inner = sum.clone();
                    run(move || {
                        for _ in 0..EACH {
                            let (promise, resolver) = P::remote();
                            let sum = inner.clone();
                            promise.map(move |n| sum.set(sum.get() + n));
                            next.send(resolver).unwrap();
                        }
                    })
                    .unwrap();
                    (sum.get(), settler)
                })
            })
            .collect();
        drop(senders);
        for thread in threads {
            let (sum, settler) = thread.join().unwrap();
            assert_eq!(sum, EACH * (EACH - 1) / 2);
            settler.join().unwrap();
        }
    });
}

/// Says, when it is dropped, on which thread that happened.
struct DropReport(mpsc::Sender<ThreadId>);

impl Drop for DropReport {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// A loop with tasks and promises that others know of.
struct Owner {
    wakers: Arc<Mutex<Vec<Waker>>>,
    resolvers: Vec<RemoteResolver<(), String>>,
    /// Ends the loop.
    last: RemoteResolver<(), String>,
    thread: thread::JoinHandle<ThreadId>,
}

impl Owner {
    /// Starts a thread that runs its loop until `last` is resolved, and then ends with everything pending.
    fn start(report: &mpsc::Sender<ThreadId>) -> Self {
        let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let (send, known) = mpsc::channel();
        let thread = {
            let (wakers, report) = (wakers.clone(), report.clone());
            thread::spawn(move || {
                let mut resolvers = Vec::new();
                for _ in 0..4 {
                    let (owned, wakers) = (DropReport(report.clone()), wakers.clone());
                    P::<()>::spawn(poll_fn(move |context| {
                        let _owned = &owned;
                        wakers.lock().unwrap().push(context.waker().clone());
                        Poll::<Result<(), String>>::Pending
                    }));
                    let (promise, resolver) = P::remote();
                    let owned = DropReport(report.clone());
                    promise.map(move |()| drop(owned));
                    resolvers.push(resolver);
                }
                let (promise, last) = P::<()>::remote();
                send.send((resolvers, last)).unwrap();
                block_on(promise).unwrap();
                thread::current().id()
            })
        };
        let (resolvers, last) = known.recv().unwrap();
        Self { wakers, resolvers, last, thread }
    }
}

#[test]
fn a_storm_of_wakes_while_the_loop_shuts_down() {
    within_a_minute(|| {
        for _ in 0..ROUNDS {
            let (report, drops) = mpsc::channel();
            let Owner { wakers, resolvers, last, thread } = Owner::start(&report);
            let ended = AtomicBool::new(false);
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        start.wait();
                        while !ended.load(Ordering::Acquire) {
                            let taken = std::mem::take(&mut *wakers.lock().unwrap());
                            taken.iter().for_each(Waker::wake_by_ref);
                            // Some stay for the time after the end, and some go while the loop runs.
                            let mut back = wakers.lock().unwrap();
                            back.extend(taken.into_iter().take(4));
                        }
                        wakers.lock().unwrap().iter().for_each(Waker::wake_by_ref);
                    });
                }
                scope.spawn(|| {
                    start.wait();
                    let mut resolvers = resolvers.into_iter();
                    let _ = resolvers.next().unwrap().resolve(());
                    last.resolve(()).unwrap();
                    // Whether these come in time or too late, they are told.
                    for resolver in resolvers {
                        let _ = resolver.resolve(());
                    }
                });
                start.wait();
                let home = thread.join().unwrap();
                ended.store(true, Ordering::Release);
                let dropped: Vec<_> = (0..8).map(|_| drops.recv().unwrap()).collect();
                assert_eq!(dropped, [home; 8]);
            });
        }
    });
}

#[test]
fn workers_and_their_parent_exchange_messages_and_none_is_lost() {
    const EACH: u64 = if cfg!(debug_assertions) { 5_000 } else { 50_000 };
    within_a_minute(|| {
        let sums = Rc::new([const { Cell::new((0_u64, 0_u64)) }; THREADS]);
        let inner = sums.clone();
        run(move || {
            for index in 0..THREADS {
                let worker = Worker::spawn(|port: Port<u64, u64>| {
                    let parent = port.clone();
                    let mut expected = 0;
                    port.on_message(move |n| {
                        assert_eq!(n, expected, "in order");
                        expected += 1;
                        parent.post_message(n).unwrap();
                    });
                });
                let sums = inner.clone();
                worker.on_message(move |n| {
                    let (count, sum) = sums[index].get();
                    assert_eq!(n, count, "in order");
                    sums[index].set((count + 1, sum + n));
                });
                (0..EACH).for_each(|n| worker.post_message(n).unwrap());
            }
        })
        .unwrap();
        for sum in &*sums {
            assert_eq!(sum.get(), (EACH, EACH * (EACH - 1) / 2));
        }
    });
}

#[test]
fn every_call_is_settled_whenever_its_worker_ends() {
    within_a_minute(|| {
        let began = AtomicUsize::new(0);
        for round in 0..ROUNDS {
            let worker = Worker::spawn(move |port: Port<Call<usize, usize>>| {
                port.on_message(move |call| {
                    assert!(*call.message() < round % 20, "a bug");
                    call.answer(Ok);
                });
            });
            let calls: Vec<_> = (0..10).map(|n| worker.call(n)).collect();
            let exited = if round % 3 == 0 { worker.terminate() } else { worker.exited() };
            if round % 3 == 1 {
                worker.close();
            } else {
                // The last handle goes.
                drop(worker);
            }
            let (answers, exit) = block_on(async { futures::join!(join_all(calls), exited) });
            for (n, answer) in answers.into_iter().enumerate() {
                match (answer, &exit) {
                    (Ok(answer), _) => {
                        assert_eq!(answer, n);
                        began.fetch_add(1, Ordering::Relaxed);
                    }
                    (Err(WorkerError::Terminated), Ok(WorkerExit::Terminated)) => {}
                    (Err(WorkerError::Panicked(_)), Err(WorkerError::Panicked(_))) => assert!(n >= round % 20),
                    (error, exit) => panic!("{error:?}, and the worker: {exit:?}"),
                }
            }
        }
        assert!(began.into_inner() > 0, "some were answered");
    });
}

#[test]
fn a_worker_that_panics_leaves_the_others_alone() {
    within_a_minute(|| {
        let workers: Vec<_> = (0..THREADS)
            .map(|index| {
                Worker::spawn(move |port: Port<Call<usize, usize>>| {
                    port.on_message(move |call| {
                        assert!(index != 3 || *call.message() < 50, "a bug");
                        call.answer(|n| Ok(n + index));
                    });
                })
            })
            .collect();
        let calls = workers.iter().map(|worker| join_all((0..100).map(|n| worker.call(n))));
        let exits = join_all(workers.iter().map(Worker::exited));
        let calls = join_all(calls.collect::<Vec<_>>());
        drop(workers);
        let (answers, exits) = block_on(async { futures::join!(calls, exits) });
        for (index, (answers, exit)) in answers.into_iter().zip(exits).enumerate() {
            assert_eq!(exit.is_err(), index == 3);
            for (n, answer) in answers.into_iter().enumerate() {
                if index == 3 && n >= 50 {
                    assert!(matches!(answer, Err(WorkerError::Panicked(_))));
                } else {
                    assert_eq!(answer.unwrap(), n + index);
                }
            }
        }
    });
}

#[test]
fn blocking_work_that_outlives_its_loop_finds_nobody_and_harms_nobody() {
    within_a_minute(|| {
        let done = Arc::new(AtomicUsize::new(0));
        let (report, drops) = mpsc::channel();
        for _ in 0..ROUNDS {
            let (done, report) = (done.clone(), report.clone());
            let (go, waits) = mpsc::channel::<()>();
            let owner = thread::spawn(move || {
                let value = DropReport(report);
                P::blocking(move || {
                    // It is let go while the loop shuts down, or after that.
                    waits.recv().unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                    Ok(value)
                });
            });
            go.send(()).unwrap();
            owner.join().unwrap();
        }
        drop(report);
        assert_eq!(drops.iter().count(), ROUNDS, "every result was dropped");
        assert_eq!(done.load(Ordering::SeqCst), ROUNDS);
    });
}
