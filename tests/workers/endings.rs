//! How a worker ends, and who hears of it.

use std::cell::RefCell;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use thenable::{
    Call, Outcome, Port, Promise, RemoteResolver, Worker, WorkerBuilder, WorkerError, WorkerExit, block_on,
    queue_microtask, run, set_immediate, set_timeout,
};

use crate::{DropReport, Log, owner};

#[test]
fn a_worker_ends_when_nothing_is_left_to_do() {
    let (resolve, resolver) = mpsc::channel::<RemoteResolver<u32, ()>>();
    let (send, done) = mpsc::channel();
    let worker = Worker::<()>::spawn(move |_port| {
        let (promise, resolver) = Promise::<u32, ()>::remote();
        promise.map(move |n| send.send(n).unwrap());
        resolve.send(resolver).unwrap();
    });
    resolver.recv().unwrap().resolve(7).unwrap();
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
    assert_eq!(done.try_recv(), Ok(7));
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished, "it can be asked again");
    assert_eq!(block_on(worker.terminate()).unwrap(), WorkerExit::Finished, "that is too late");
}

#[test]
fn a_panic_in_main_in_a_listener_or_in_a_microtask_is_the_error() {
    let mains: [fn(Port<u8>); 3] = [
        |_| panic!("bug"),
        |port| port.on_message(|_| panic!("bug")),
        |port| port.on_message(|_| queue_microtask(|| panic!("bug"))),
    ];
    for main in mains {
        let worker = Worker::spawn(main);
        // It may be gone already.
        let _ = worker.post_message(1);
        let error = block_on(worker.exited()).unwrap_err();
        assert_eq!(error.to_string(), "the worker panicked: bug");
        let (WorkerError::Panicked(first), Err(WorkerError::Panicked(second))) = (error, block_on(worker.exited()))
        else {
            panic!("it panicked")
        };
        assert_eq!(first.into_payload().downcast_ref(), Some(&"bug"));
        assert_eq!(second.into_payload().downcast_ref(), Some(&"bug".to_string()), "the payload was taken");
    }
}

#[test]
fn a_payload_of_any_type_arrives() {
    let worker = Worker::<()>::spawn(|_| panic_any(42_u8));
    let Err(WorkerError::Panicked(panic)) = block_on(worker.exited()) else { panic!("it panicked") };
    assert_eq!(panic.message(), "Box<dyn Any>");
    assert_eq!(panic.into_payload().downcast_ref(), Some(&42_u8));
}

#[test]
fn an_unhandled_rejection_in_the_worker_is_the_error() {
    let line = line!() + 3;
    let worker = Worker::spawn(|port: Port<()>| {
        port.on_message(|()| {});
        Promise::<(), _>::reject(std::rc::Rc::new("not one that can be sent"));
    });
    let error = block_on(worker.exited()).unwrap_err();
    let WorkerError::UnhandledRejection(rejection) = error else { panic!("not {error}") };
    assert!(rejection.message().contains("not one that can be sent"), "{rejection}");
    assert_eq!(rejection.made_at().line(), line);
}

#[test]
fn a_failure_that_nobody_handles_is_an_unhandled_rejection_of_the_parent() {
    let line = line!() + 2;
    let unhandled = run(|| {
        Worker::<()>::spawn(|_| panic!("bug"));
    })
    .unwrap_err();
    assert_eq!(unhandled.made_at().line(), line);
    let WorkerError::<std::convert::Infallible>::Panicked(panic) = unhandled.downcast().unwrap() else {
        panic!("it did")
    };
    assert_eq!(panic.message(), "bug");
}

#[test]
fn a_termination_is_no_failure() {
    run(|| {
        let worker = Worker::spawn(|port: Port<()>| port.on_message(|()| {}));
        worker.terminate();
    })
    .unwrap();
}

#[test]
fn a_worker_that_is_terminated_stops_between_two_macrotasks() {
    let (send, received) = mpsc::channel();
    let (started, starts) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let worker = Worker::spawn(move |port: Port<u32>| {
        port.on_message(move |n| {
            started.send(()).unwrap();
            waits.recv().unwrap();
            let microtask = send.clone();
            queue_microtask(move || microtask.send(n).unwrap());
        });
    });
    (1..=3).for_each(|n| worker.post_message(n).unwrap());
    starts.recv().unwrap();
    let terminated = worker.terminate();
    go.send(()).unwrap();
    assert_eq!(block_on(terminated).unwrap(), WorkerExit::Terminated);
    // The drain after the first message was run to its end; the second message was not received.
    assert_eq!(received.iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_worker_ends_itself_with_a_code() {
    let (send, lines) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32, &'static str>| {
        let never = send.clone();
        set_immediate(move || never.send("an immediate").unwrap());
        port.clone().on_message(|_| unreachable!("the worker ends before"));
        port.exit(3);
        port.exit(4);
        let microtask = send.clone();
        queue_microtask(move || microtask.send("the drain").unwrap());
        send.send("the callback").unwrap();
        port.post_message("the last words").unwrap();
    });
    let mut messages = worker.messages();
    // It may be gone already.
    let _ = worker.post_message(1);
    let (words, exit) = block_on(async { futures::join!(messages.next(), worker.exited()) });
    assert_eq!((words, exit.unwrap()), (Some("the last words"), WorkerExit::Exited(3)));
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["the callback", "the drain"]);
    assert_eq!(block_on(worker.terminate()).unwrap().code(), 3, "that is too late");
}

#[test]
fn the_code_of_a_worker_that_has_closed_its_port_or_never_used_it_is_told_too() {
    let mains: [fn(Port<()>); 2] = [
        |port| {
            port.close();
            set_immediate(move || port.exit(0));
            set_timeout(|| unreachable!("it is an hour"), Duration::from_secs(3600));
        },
        |port| {
            set_timeout(|| unreachable!("it is an hour"), Duration::from_secs(3600));
            set_timeout(move || port.exit(0), Duration::from_millis(1));
        },
    ];
    for main in mains {
        assert_eq!(block_on(Worker::spawn(main).exited()).unwrap(), WorkerExit::Exited(0));
    }
}

#[test]
fn what_fails_on_the_way_to_the_end_counts_more_than_the_code() {
    let mains: [fn(Port<()>); 2] = [
        |port| {
            port.exit(3);
            panic!("a bug");
        },
        |port| {
            port.exit(3);
            Promise::<(), _>::reject("lost");
        },
    ];
    for (main, expected) in mains.into_iter().zip(["the worker panicked: a bug", "in the worker: "]) {
        let error = block_on(Worker::spawn(main).exited()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn calls_to_a_worker_that_ends_itself_are_rejected() {
    let worker = Worker::spawn(|port: Port<Call<(), ()>>| {
        let (mut kept, exit) = (Vec::new(), port.clone());
        port.on_message(move |call| {
            kept.push(call);
            exit.exit(0);
        });
    });
    assert!(matches!(block_on(worker.call(())), Err(WorkerError::Closed)));
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Exited(0));
}

#[test]
fn the_codes_are_those_of_node() {
    let exits = [WorkerExit::Finished, WorkerExit::Exited(-7), WorkerExit::Terminated];
    assert_eq!(exits.map(WorkerExit::code), [0, -7, 1]);
}

#[test]
fn a_worker_that_sleeps_is_woken_to_stop() {
    let (send, up) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<()>| {
        port.on_message(|()| {});
        queue_microtask(move || send.send(()).unwrap());
    });
    up.recv().unwrap();
    assert_eq!(block_on(worker.terminate()).unwrap(), WorkerExit::Terminated);
}

#[test]
fn a_worker_that_is_terminated_before_it_begins_does_not_begin() {
    // Whether it has begun is a race; if it says that it has not, `main` was not called.
    for _ in 0..50 {
        let began = Arc::new(AtomicBool::new(false));
        let inner = began.clone();
        let worker = Worker::spawn(move |port: Port<()>| {
            inner.store(true, Ordering::SeqCst);
            port.on_message(|()| {});
        });
        assert_eq!(block_on(worker.terminate()).unwrap(), WorkerExit::Terminated);
        assert_eq!(Arc::strong_count(&began), 1, "`main` is gone, called or not: {}", began.load(Ordering::SeqCst));
    }
}

#[test]
fn what_a_terminated_worker_has_is_dropped_on_its_thread_before_the_promise_settles() {
    let (report, drops) = mpsc::channel();
    let (send_id, id) = mpsc::channel();
    let values: Vec<_> = (0..4).map(|_| DropReport(report.clone())).collect();
    let worker = Worker::spawn(move |port: Port<DropReport>| {
        thread_local! {
            static KEPT: RefCell<Option<DropReport>> = const { RefCell::new(None) };
        }
        let [listener, handler, task, local] = <[DropReport; 4]>::try_from(values).ok().unwrap();
        KEPT.set(Some(local));
        port.on_message(owner(listener));
        let (promise, resolver) = Promise::<(), ()>::remote();
        promise.map(move |()| drop((handler, resolver)));
        Promise::<(), ()>::spawn(async move {
            std::future::pending::<()>().await;
            drop(task);
            Ok(())
        });
        send_id.send(thread::current().id()).unwrap();
    });
    let there = id.recv().unwrap();
    worker.terminate();
    worker.post_message(DropReport(report)).ok();
    let drops_then = block_on(worker.exited().map(move |_| drops.try_iter().collect::<Vec<_>>())).unwrap();
    // The message came in time or came back.
    let (elsewhere, at_home): (Vec<_>, Vec<_>) = drops_then.into_iter().partition(|thread| *thread != there);
    assert!(elsewhere.iter().all(|thread| *thread == thread::current().id()) && elsewhere.len() <= 1);
    assert_eq!(at_home.len() + elsewhere.len(), 5);
}

/// Says, when it is dropped, which is after the loop, whether the parent still takes messages.
struct LastWords(Port<u32, String>, mpsc::Sender<bool>);

impl Drop for LastWords {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.post_message("late".to_string()).is_ok());
    }
}

#[test]
fn a_worker_whose_parent_thread_ends_is_terminated() {
    let (report, drops) = mpsc::channel();
    let (send_result, results) = mpsc::channel();
    let there = thread::spawn(move || {
        let (send, up) = mpsc::channel();
        let value = DropReport(report);
        let worker = Worker::spawn(move |port: Port<u32, String>| {
            let last_words = LastWords(port.clone(), send_result);
            port.on_message(owner((value, last_words)));
            send.send(thread::current().id()).unwrap();
        });
        // A handle that is never dropped does not close, so the worker would run for ever.
        std::mem::forget(worker);
        up.recv().unwrap()
    })
    .join()
    .unwrap();
    assert_eq!(drops.recv(), Ok(there));
    assert_eq!(results.recv(), Ok(false), "the message came back");
}

#[test]
fn a_worker_in_a_worker_ends_with_it() {
    let (report, drops) = mpsc::channel();
    let (send, up) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<()>| {
        let value = DropReport(report);
        let inner = Worker::spawn(move |port: Port<()>| {
            port.on_message(owner(value));
            send.send(thread::current().id()).unwrap();
        });
        port.on_message(owner(inner));
    });
    let there = up.recv().unwrap();
    block_on(worker.terminate()).unwrap();
    assert_eq!(drops.recv(), Ok(there));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_thread_that_cannot_be_started_is_the_error() {
    let began = Arc::new(AtomicUsize::new(0));
    let inner = began.clone();
    let worker = WorkerBuilder::new().stack_size(1 << 50).spawn(move |port: Port<Call<(), ()>>| {
        inner.fetch_add(1, Ordering::SeqCst);
        port.on_message(|call| call.answer(Ok));
    });
    let error = block_on(worker.exited()).unwrap_err();
    assert!(matches!(error, WorkerError::NotStarted(_)), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    assert!(matches!(block_on(worker.call(())), Err(WorkerError::NotStarted(_))));
    assert_eq!(Arc::strong_count(&began), 1, "`main` was dropped");
    assert_eq!(began.load(Ordering::SeqCst), 0);
    run(|| {}).unwrap();
}

#[test]
fn calls_are_rejected_in_their_order_before_the_exit() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::spawn(|port: Port<Call<u32, ()>>| {
            port.on_message(|call| if *call.message() == 2 { panic!("bug") } else { std::mem::forget(call) });
        });
        let exits = inner.clone();
        worker.exited().handle(move |outcome| {
            let Outcome::Rejected(error) = outcome else { panic!("it panicked") };
            exits.push(error);
        });
        for n in 1..=3 {
            let log = inner.clone();
            worker.call(n).recover(move |error: WorkerError| log.push(format_args!("{n}: {error}")));
        }
    })
    .unwrap();
    log.expect([
        "1: the worker panicked: bug",
        "2: the worker panicked: bug",
        "3: the worker panicked: bug",
        "the worker panicked: bug",
    ]);
}

#[test]
fn what_is_dropped_while_the_thread_ends_may_use_workers() {
    struct OnDrop(Worker<Call<u32, u32>>, Arc<AtomicUsize>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            drop(self.0.call(1));
            drop(self.0.try_call(2));
            self.0.on_message(|never| match never {});
            drop(self.0.messages());
            self.0.keep_alive(false);
            self.0.terminate();
            let late = Worker::spawn(|port: Port<Call<u32, u32>>| port.on_message(|call| call.answer(Ok)));
            drop(late.call(3));
            late.close();
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static LAST: RefCell<Option<OnDrop>> = const { RefCell::new(None) };
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let inner = drops.clone();
    thread::spawn(move || {
        let worker = || Worker::spawn(|port: Port<Call<u32, u32>>| port.on_message(|call| call.answer(Ok)));
        // One is dropped before the tables of the crate, the others with them and after them.
        LAST.set(Some(OnDrop(worker(), inner.clone())));
        let with_listener = worker();
        let value = OnDrop(worker(), inner.clone());
        with_listener.on_message(owner(value));
        let value = OnDrop(with_listener, inner);
        Promise::<(), ()>::resolve(()).map(move |()| drop(value));
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 3);
}
