//! Workers beside timers, and in a thread with several loops.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use futures::join;
use thenable::{
    Budget, Call, EventLoop, Pending, Port, Promise, PromiseState, RemoteResolver, Worker, WorkerError, WorkerExit,
    block_on, delay, queue_microtask, run, set_immediate, set_interval, set_timeout,
};

use crate::{DropReport, Log, owner};

const HOUR: Duration = Duration::from_secs(3600);

/// A worker that answers with twice the number.
fn doubler() -> Worker<Call<u32, u32>> {
    Worker::spawn(|port: Port<Call<u32, u32>>| port.on_message(|call| call.answer(|n| Ok(n * 2))))
}

/// A worker that keeps each call until it ends.
fn hoarder() -> Worker<Call<u32, u32>> {
    Worker::spawn(|port: Port<Call<u32, u32>>| {
        let mut kept = Vec::new();
        port.on_message(move |call| kept.push(call));
    })
}

/// The ports that may get a message in the loop of this thread.
fn ports() -> usize {
    EventLoop::of_thread().pending().ports
}

fn immediate_after_immediate() {
    set_immediate(immediate_after_immediate);
}

#[test]
fn a_worker_that_has_timers_and_immediates_stops_all_the_same() {
    let mains: [fn(Port<()>); 5] = [
        // The port goes at once, and the worker lives on.
        |_| {
            set_timeout(|| unreachable!("it is an hour"), HOUR);
        },
        |port| {
            set_timeout(|| unreachable!("it is an hour"), HOUR);
            port.on_message(|()| {});
            port.close();
        },
        |port| {
            set_timeout(|| unreachable!("it is an hour"), HOUR);
            port.on_message(|()| {});
        },
        |_| {
            set_interval(|| {}, Duration::from_millis(1));
        },
        |_| immediate_after_immediate(),
    ];
    for main in mains {
        let (send, up) = mpsc::channel();
        let worker = Worker::<()>::spawn(move |port| {
            main(port);
            send.send(()).unwrap();
        });
        up.recv().unwrap();
        assert_eq!(block_on(worker.terminate()).unwrap(), WorkerExit::Terminated);
    }
}

#[test]
fn a_worker_belongs_to_the_loop_in_which_it_was_spawned() {
    let (log, inner) = (Log::default(), Log::default());
    let events = EventLoop::new();
    let lines = inner.clone();
    let worker = events.enter(|| {
        let worker = Worker::spawn(|port: Port<u32, u32>| {
            let answers = port.clone();
            port.on_message(move |n| answers.post_message(n + 1).unwrap());
        });
        worker.on_message(move |n| lines.push(n));
        worker
    });
    assert_eq!(events.pending().ports, 1);
    assert_eq!(EventLoop::of_thread().pending(), Pending::default());
    // It does not keep the loop of the thread alive.
    run(|| log.push("ran")).unwrap();
    log.expect(["ran"]);

    worker.post_message(1).unwrap();
    worker.post_message(2).unwrap();
    drop(worker);
    events.run(|| {}).unwrap();
    inner.expect(["2", "3"]);
    assert_eq!(events.pending(), Pending::default());
}

#[test]
fn a_host_that_turns_a_loop_is_woken_by_messages() {
    let events = EventLoop::new();
    let (wake, woken) = mpsc::channel();
    events.on_wake(move || wake.send(()).unwrap_or_default());
    let answer = events.enter(|| doubler().call(21));
    while answer.state() == PromiseState::Pending {
        woken.recv().unwrap();
        events.turn(Budget::unlimited()).unwrap();
    }
    assert_eq!(events.block_on(answer).unwrap(), 42);
}

#[test]
fn a_call_is_answered_in_the_loop_that_called() {
    let (home, other) = (EventLoop::new(), EventLoop::new());
    let worker = home.enter(doubler);
    let answered = Rc::new(Cell::new(0));
    let inner = answered.clone();
    let caller = worker.clone();
    // The other loop has nothing but the call, and waits for it.
    other
        .run(move || {
            caller.call(21).map(move |n| inner.set(n));
        })
        .unwrap();
    assert_eq!(answered.get(), 42);

    worker.keep_alive(false);
    other.run(|| worker.call(1)).unwrap();
    // It need not wait now. Whether the answer came first is a race.
    assert!(other.pending().remotes <= 1);
}

#[test]
fn what_ends_the_worker_rejects_the_calls_of_every_loop() {
    let (home, other) = (EventLoop::new(), EventLoop::new());
    let worker = home.enter(hoarder);
    let (here, there) = (home.enter(|| worker.call(1)), other.enter(|| worker.call(2)));
    assert_eq!(other.pending().remotes, 1);
    let (here, exit) = home.block_on(async { join!(here, worker.terminate()) });
    assert!(matches!(here, Err(WorkerError::Terminated)));
    assert_eq!(exit.unwrap(), WorkerExit::Terminated);
    assert!(matches!(other.block_on(there), Err(WorkerError::Terminated)));
    for mut pending in [home.pending(), other.pending()] {
        // What the worker dropped says the same once more.
        assert!(std::mem::take(&mut pending.messages) <= 1);
        assert_eq!(pending, Pending::default());
    }
}

#[test]
fn whether_a_worker_keeps_its_loop_alive_can_be_said_in_another_loop() {
    let (home, other) = (EventLoop::new(), EventLoop::new());
    let worker = home.enter(hoarder);
    other.enter(|| worker.keep_alive(false));
    home.run(|| {}).unwrap();
    other.enter(|| worker.keep_alive(true));
    other.run(|| {}).unwrap();
    let handle = worker.clone();
    home.run(move || {
        set_timeout(move || drop(handle.terminate()), Duration::from_millis(1));
    })
    .unwrap();
    let exited = worker.exited();
    assert_eq!(exited.state(), PromiseState::Fulfilled, "the run waited for it");
}

#[test]
fn a_worker_ends_with_the_loop_in_which_it_was_spawned() {
    let (home, other) = (EventLoop::new(), EventLoop::new());
    let (report, drops) = mpsc::channel();
    let (below, listener) = (DropReport(report.clone()), DropReport(report));
    let worker = home.enter(|| {
        let worker = Worker::<Call<u32, u32>, ()>::spawn(move |port: Port<Call<u32, u32>, ()>| {
            let (mut kept, below) = (Vec::new(), below);
            port.on_message(move |call| {
                let _owned = &below;
                kept.push(call);
            });
        });
        worker.on_message(owner(listener));
        worker
    });
    let waiting = other.enter(|| worker.call(1));
    drop(home);
    assert_eq!(drops.recv(), Ok(std::thread::current().id()), "the listener first");
    assert_ne!(drops.recv(), Ok(std::thread::current().id()), "then what the worker has, there");
    assert!(matches!(other.block_on(waiting), Err(WorkerError::Terminated)));
    assert!(matches!(other.block_on(async { worker.call(2).await }), Err(WorkerError::Terminated)));
    assert_eq!(worker.exited().state(), PromiseState::Pending, "nobody is left to settle it");
    assert!(!worker.off_message());
}

#[test]
fn a_port_may_be_closed_in_another_loop_of_its_thread() {
    let (report, drops) = mpsc::channel();
    let value = DropReport(report);
    let worker = Worker::spawn(move |port: Port<u32>| {
        port.on_message(owner(value));
        EventLoop::new().run(move || port.close()).unwrap();
    });
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
    assert!(drops.recv().is_ok());
}

#[test]
fn a_clock_that_advances_itself_waits_for_answers_and_not_for_workers() {
    let clock = EventLoop::builder().virtual_clock().auto_advance(true).build();
    let log = Log::default();
    let (late, answered) = (log.clone(), log.clone());
    clock
        .run(move || {
            let worker = doubler();
            set_timeout(move || late.push("an hour"), HOUR);
            worker.call(21).map(move |n| {
                answered.push(n);
                // The worker lives and has nothing to do. So the time goes on, and ends it.
                delay::<()>(2 * HOUR).finally(move || worker.close());
            });
        })
        .unwrap();
    log.expect(["42", "an hour"]);
    assert_eq!(clock.now(), 2 * HOUR);

    let still = EventLoop::builder().virtual_clock().build();
    let answer = still.enter(|| {
        set_timeout(|| unreachable!("nobody moves the clock"), HOUR);
        doubler().call(4)
    });
    assert_eq!(still.block_on(answer).unwrap(), 8);
    // The worker ends, for its handle is gone; then only the timer is left.
    still.run(|| {}).unwrap();
    assert_eq!((still.pending().timers, still.pending().ports), (1, 0));
}

#[test]
fn a_loop_inside_a_callback_of_a_worker_comes_to_its_end_before_the_worker_stops() {
    let (hand, resolver) = mpsc::channel::<RemoteResolver<(), String>>();
    let (send, lines) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<()>| {
        set_timeout(|| unreachable!("it is an hour"), HOUR);
        port.on_message(move |()| {
            let inside = EventLoop::new();
            let (promise, resolver) = inside.enter(Promise::remote);
            hand.send(resolver).unwrap();
            inside.block_on(promise).unwrap();
            let timer = send.clone();
            inside
                .run(|| set_timeout(move || timer.send("a timer inside").unwrap(), Duration::from_millis(1)))
                .unwrap();
            let microtask = send.clone();
            queue_microtask(move || microtask.send("the drain").unwrap());
            set_immediate(|| unreachable!("the worker stops before"));
        });
    });
    worker.post_message(()).unwrap();
    let resolver = resolver.recv().unwrap();
    let terminated = worker.terminate();
    resolver.resolve(()).unwrap();
    assert_eq!(block_on(terminated).unwrap(), WorkerExit::Terminated);
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["a timer inside", "the drain"]);
}

#[test]
fn what_may_get_a_message_is_pending_whether_it_keeps_the_loop_alive_or_not() {
    let (send, seen) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<()>| {
        let inside = port.clone();
        port.on_message(move |()| {
            send.send(ports()).unwrap();
            inside.keep_alive(false);
            send.send(ports()).unwrap();
            inside.close();
            send.send(ports()).unwrap();
        });
    });
    assert_eq!(ports(), 1);
    worker.keep_alive(false);
    assert_eq!(ports(), 1);
    run(|| {}).unwrap();
    worker.post_message(()).unwrap();
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
    assert_eq!(seen.iter().collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(ports(), 0);
}

#[test]
fn a_call_hears_what_ended_the_worker_though_the_loop_of_the_worker_has_not_heard_of_it() {
    let (home, other) = (EventLoop::new(), EventLoop::new());
    let worker = home.enter(hoarder);
    let waiting = other.enter(|| worker.call(1));
    let exited = worker.terminate();
    assert!(matches!(other.block_on(waiting), Err(WorkerError::Terminated)));
    assert_eq!(exited.state(), PromiseState::Pending);
    assert_eq!(home.block_on(exited).unwrap(), WorkerExit::Terminated);
}
