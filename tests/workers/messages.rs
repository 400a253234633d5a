//! Messages: in order, each in a macrotask, and none lost.

use std::sync::mpsc;
use std::thread;

use futures::StreamExt;
use thenable::{
    Port, PortClosed, Promise, RemoteResolver, Worker, WorkerExit, block_on, next_tick, queue_microtask, run,
};

use crate::{DropReport, Log, owner};

#[test]
fn messages_go_both_ways_in_the_order_of_sending() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::spawn(|port: Port<u32, String>| {
            let parent = port.clone();
            port.on_message(move |n| parent.post_message(format!("echo {n}")).unwrap());
            port.post_message("up".to_string()).unwrap();
        });
        (1..=3).for_each(|n| worker.post_message(n).unwrap());
        let handle = worker.clone();
        worker.on_message(move |text| {
            inner.push(&text);
            if text == "echo 3" {
                handle.post_message(4).unwrap();
            } else if text == "echo 4" {
                handle.close();
            }
        });
    })
    .unwrap();
    log.expect(["up", "echo 1", "echo 2", "echo 3", "echo 4"]);
}

#[test]
fn each_message_is_a_macrotask_in_the_worker() {
    let (send, lines) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32>| {
        port.on_message(move |n| {
            let (tick, microtask, nested) = (send.clone(), send.clone(), send.clone());
            send.send(format!("{n}")).unwrap();
            queue_microtask(move || {
                microtask.send(format!("{n} microtask")).unwrap();
                queue_microtask(move || nested.send(format!("{n} nested")).unwrap());
            });
            next_tick(move || tick.send(format!("{n} tick")).unwrap());
        });
    });
    worker.post_message(1).unwrap();
    worker.post_message(2).unwrap();
    worker.close();
    block_on(worker.exited()).unwrap();
    let expected = ["1", "1 tick", "1 microtask", "1 nested", "2", "2 tick", "2 microtask", "2 nested"];
    assert_eq!(lines.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn each_message_is_a_macrotask_in_the_parent() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::<(), u32>::spawn(|port| {
            port.post_message(1).unwrap();
            port.post_message(2).unwrap();
        });
        worker.on_message(move |n| {
            let (tick, microtask) = (inner.clone(), inner.clone());
            inner.push(n);
            queue_microtask(move || microtask.push(format_args!("{n} microtask")));
            next_tick(move || tick.push(format_args!("{n} tick")));
        });
    })
    .unwrap();
    log.expect(["1", "1 tick", "1 microtask", "2", "2 tick", "2 microtask"]);
}

#[test]
fn a_message_and_a_completion_arrive_in_the_order_of_sending() {
    let log = Log::default();
    let (completions, messages) = (log.clone(), log.clone());
    run(move || {
        let worker = Worker::spawn(|port: Port<RemoteResolver<u32, ()>, u32>| {
            let parent = port.clone();
            port.on_message(move |resolver| {
                parent.post_message(1).unwrap();
                resolver.resolve(2).unwrap();
                parent.post_message(3).unwrap();
            });
        });
        let (promise, resolver) = Promise::<u32, ()>::remote();
        promise.map(move |n| completions.push(n));
        worker.on_message(move |n| messages.push(n));
        worker.post_message(resolver).unwrap();
    })
    .unwrap();
    log.expect(["1", "2", "3"]);
}

#[test]
fn a_message_moves_and_is_not_copied() {
    struct Unique(Box<u8>);
    let worker = Worker::spawn(|port: Port<Unique, Unique>| {
        let parent = port.clone();
        port.on_message(move |message| parent.post_message(message).unwrap());
    });
    let message = Unique(Box::new(7));
    let address = std::ptr::from_ref(&*message.0).addr();
    worker.post_message(message).unwrap();
    let back = block_on(worker.messages().next()).unwrap();
    assert_eq!((*back.0, std::ptr::from_ref(&*back.0).addr()), (7, address));
}

#[test]
fn messages_wait_for_a_listener_in_the_worker() {
    let (send, lines) = mpsc::channel();
    let (send_resolver, resolver) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32>| {
        // The port does not listen when the messages come, nor when its parent closes, so something else has to keep the loop.
        let (_pending, resolver) = Promise::<(), ()>::remote();
        send_resolver.send(resolver).unwrap();
        let closed = port.closed();
        closed.map(move |()| {
            port.on_message(move |n| {
                let microtask = send.clone();
                send.send(format!("{n}")).unwrap();
                queue_microtask(move || microtask.send(format!("{n} microtask")).unwrap());
            });
        });
    });
    (1..=3).for_each(|n| worker.post_message(n).unwrap());
    worker.close();
    let resolver = resolver.recv().unwrap();
    // The listener is dropped after the last message, and the lines end.
    let lines: Vec<_> = lines.iter().collect();
    assert_eq!(lines, ["1", "1 microtask", "2", "2 microtask", "3", "3 microtask"]);
    resolver.resolve(()).unwrap();
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
}

#[test]
fn messages_wait_for_a_listener_in_the_parent() {
    let log = Log::default();
    let worker = Worker::<(), u32>::spawn(|port| (1..=3).for_each(|n| port.post_message(n).unwrap()));
    block_on(worker.exited()).unwrap();
    let inner = log.clone();
    worker.on_message(move |n| {
        let microtask = inner.clone();
        inner.push(n);
        queue_microtask(move || microtask.push(format_args!("{n} microtask")));
    });
    run(|| {}).unwrap();
    log.expect(["1", "1 microtask", "2", "2 microtask", "3", "3 microtask"]);
}

#[test]
fn a_listener_may_be_replaced_and_removed_while_it_runs() {
    let log = Log::default();
    let (a, b) = (log.clone(), log.clone());
    let dropped = Log::default();
    let owned = dropped.clone();
    run(move || {
        struct Owned(Log);
        impl Drop for Owned {
            fn drop(&mut self) {
                self.0.push("dropped");
            }
        }
        let worker = Worker::<(), u32>::spawn(|port| (1..=4).for_each(|n| port.post_message(n).unwrap()));
        let (handle, mut b, value) = (worker.clone(), Some(b), Owned(owned));
        worker.on_message(move |n| {
            let (handle, b) = (handle.clone(), b.take().expect("it is called once"));
            handle.clone().on_message(move |n| {
                b.push(format_args!("b{n}"));
                if n == 3 {
                    assert!(handle.off_message());
                    let (again, c) = (handle.clone(), b.clone());
                    // The fourth waits until somebody listens again.
                    handle.exited().map(move |_| again.on_message(move |n| c.push(format_args!("c{n}"))));
                }
            });
            a.push(format_args!("a{n}"));
            value.0.push("runs");
        });
    })
    .unwrap();
    log.expect(["a1", "b2", "b3", "c4"]);
    dropped.expect(["runs", "dropped"]);
}

#[test]
fn a_message_to_a_worker_that_has_ended_comes_back() {
    let worker = Worker::spawn(|port: Port<Vec<u8>>| drop(port));
    block_on(worker.exited()).unwrap();
    let PortClosed(message) = worker.post_message(vec![1, 2]).unwrap_err();
    assert_eq!(message, [1, 2]);
}

#[test]
fn a_message_to_a_worker_that_can_never_listen_comes_back() {
    let (send, told) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let worker = Worker::spawn(move |port: Port<u32>| {
        drop(port);
        send.send(()).unwrap();
        waits.recv().unwrap();
    });
    told.recv().unwrap();
    assert_eq!(worker.post_message(1), Err(PortClosed(1)), "the worker lives, and its port is gone");
    go.send(()).unwrap();
    block_on(worker.exited()).unwrap();
}

#[test]
fn a_side_that_has_closed_sends_nothing_more() {
    let (send, results) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32, u32>| {
        let parent = port.clone();
        port.on_message(move |n| {
            parent.post_message(n).unwrap();
            parent.close();
            send.send(parent.post_message(99)).unwrap();
        });
    });
    worker.post_message(1).unwrap();
    // It comes back if the port is closed by now.
    worker.post_message(2).ok();
    assert_eq!(block_on(worker.messages().collect::<Vec<_>>()), [1], "the port was closed before the second came");
    assert_eq!(results.iter().collect::<Vec<_>>(), [Err(PortClosed(99))]);

    let worker = Worker::spawn(|port: Port<u32>| port.on_message(|_n| {}));
    worker.close();
    assert_eq!(worker.post_message(3), Err(PortClosed(3)));
}

#[test]
fn streams_end_with_what_they_listen_to() {
    let worker = Worker::spawn(|port: Port<u32, u32>| {
        Promise::<(), String>::spawn(async move {
            let mut messages = port.messages();
            while let Some(n) = messages.next().await {
                port.post_message(n * 2).unwrap();
            }
            // The parent has closed its side and can still be told of the rest.
            port.post_message(0).unwrap();
            Ok(())
        });
    });
    (1..=3).for_each(|n| worker.post_message(n).unwrap());
    let messages = worker.messages();
    drop(worker);
    assert_eq!(block_on(messages.collect::<Vec<_>>()), [2, 4, 6, 0]);
}

#[test]
fn a_stream_that_is_dropped_leaves_the_next_listener_alone() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::<(), u32>::spawn(|port| port.post_message(1).unwrap());
        let stream = worker.messages();
        worker.on_message(move |n| inner.push(n));
        drop(stream);
    })
    .unwrap();
    log.expect(["1"]);
}

#[test]
fn everything_is_dropped_on_its_own_thread() {
    let (report, drops) = mpsc::channel();
    let (send_id, id) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let (in_worker, listener) = (DropReport(report.clone()), DropReport(report.clone()));
    let worker = Worker::spawn(move |port: Port<DropReport, ()>| {
        send_id.send(thread::current().id()).unwrap();
        waits.recv().unwrap();
        let value = in_worker;
        let parent = port.clone();
        port.on_message(move |message| {
            let _owned = &value;
            // The first is dropped here; the others are never received.
            drop(message);
            parent.post_message(()).unwrap();
            parent.close();
        });
    });
    (0..3).for_each(|_| worker.post_message(DropReport(report.clone())).unwrap());
    go.send(()).unwrap();
    worker.on_message(owner(listener));
    let there = id.recv().unwrap();
    block_on(worker.exited()).unwrap();
    assert_eq!(drops.try_iter().collect::<Vec<_>>(), [there, there, there, there, thread::current().id()]);
}
