//! What keeps a loop going, on either side.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;

use thenable::{BlockOnError, Call, Port, Promise, Worker, WorkerExit, block_on, run, try_block_on};

use crate::Log;

#[test]
fn a_worker_keeps_the_loop_of_its_parent_going() {
    let exit = Rc::new(Cell::new(None));
    let inner = exit.clone();
    run(move || {
        let worker = Worker::<()>::spawn(|_| {});
        worker.exited().map(move |how| inner.set(Some(how)));
    })
    .unwrap();
    assert_eq!(exit.get(), Some(WorkerExit::Finished), "`run` waited for it");
}

#[test]
fn a_worker_that_is_not_to_keep_the_loop_going_does_not() {
    let worker = Worker::spawn(|port: Port<Call<u32, u32>>| port.on_message(|call| call.answer(Ok)));
    worker.keep_alive(false);
    let answered = Rc::new(Cell::new(false));
    let inner = answered.clone();
    let handle = worker.clone();
    run(move || {
        handle.call(1).map(move |_| inner.set(true));
    })
    .unwrap();
    // The worker listens for ever, so nothing but `keep_alive` can have let `run` return. Whether the answer came first is a
    // race. What waits for it is still there:
    assert_eq!(block_on(worker.call(2)).unwrap(), 2, "`block_on` waits for its future");
    assert!(answered.get(), "the first answer came before the second");

    worker.keep_alive(true);
    worker.close();
    run(|| {}).unwrap();
    assert_eq!(worker.exited().peek().map(|outcome| format!("{outcome:?}")).unwrap(), "Fulfilled(Finished)");
}

#[test]
fn a_worker_that_cannot_wake_anybody_any_more_does_not_hide_a_stall() {
    let worker = Worker::<()>::spawn(|_| {});
    block_on(worker.exited()).unwrap();
    let never = Promise::<(), ()>::new(|_resolve, _reject| {});
    assert!(matches!(try_block_on(never), Err(BlockOnError::Stalled(_))));
}

#[test]
fn a_port_that_listens_keeps_its_loop_going_until_the_parent_closes() {
    let (send, received) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32>| port.on_message(move |n| send.send(n).unwrap()));
    worker.post_message(1).unwrap();
    assert_eq!(received.recv(), Ok(1), "it lives and listens");
    worker.post_message(2).unwrap();
    worker.close();
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
    assert_eq!(received.iter().collect::<Vec<_>>(), [2], "what was sent before arrived");
}

#[test]
fn dropping_the_last_handle_closes() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::spawn(|port: Port<u32, u32>| {
            let parent = port.clone();
            port.on_message(move |n| parent.post_message(n + 1).unwrap());
        });
        worker.on_message(move |n| inner.push(n));
        let second = worker.clone();
        drop(worker);
        (1..=3).for_each(|n| second.post_message(n).unwrap());
        // It goes here; the listener stays.
    })
    .unwrap();
    log.expect(["2", "3", "4"]);
}

#[test]
fn a_port_that_does_not_listen_does_not_keep_the_loop_going() {
    let worker = Worker::spawn(|port: Port<u32, &'static str>| {
        port.post_message("hi").unwrap();
        std::mem::forget(port);
    });
    worker.post_message(1).ok();
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
}

#[test]
fn a_port_that_is_not_to_keep_the_loop_going_does_not_until_it_gets_a_new_listener() {
    let worker = Worker::spawn(|port: Port<u32>| {
        port.on_message(|_| {});
        port.keep_alive(false);
    });
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);

    // As in Node, `on("message")` after `unref()` is a `ref()`.
    let (send, received) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32>| {
        port.keep_alive(false);
        let handle = port.clone();
        port.on_message(move |n| {
            send.send(n).unwrap();
            assert!(handle.off_message());
        });
    });
    worker.post_message(1).unwrap();
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished, "without a listener it ended");
    assert_eq!(received.recv(), Ok(1));
}

#[test]
fn a_port_tells_when_it_is_closed() {
    let (send, lines) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32>| {
        let closed = send.clone();
        port.closed().map(move |()| closed.send("closed".to_string()).unwrap());
        port.on_message(move |n| send.send(n.to_string()).unwrap());
    });
    worker.post_message(1).unwrap();
    worker.post_message(2).unwrap();
    drop(worker);
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["1", "2", "closed"]);

    let (send, lines) = mpsc::channel();
    let worker = Worker::spawn(move |port: Port<u32>| {
        port.closed().map(move |()| send.send("closed").unwrap());
        port.close();
        port.close();
    });
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["closed"], "the port may close itself, too");
    block_on(worker.exited()).unwrap();
}

#[test]
fn what_is_called_on_a_port_that_is_closed_does_nothing() {
    let worker = Worker::spawn(|port: Port<u32>| {
        port.close();
        port.on_message(|_| unreachable!("it is closed"));
        assert!(!port.off_message());
        port.keep_alive(true);
        let mut messages = port.messages();
        Promise::<(), ()>::spawn(async move {
            assert_eq!(futures::StreamExt::next(&mut messages).await, None);
            Ok(())
        });
    });
    assert_eq!(block_on(worker.exited()).unwrap(), WorkerExit::Finished);
}

#[test]
fn handles_show_what_they_are() {
    let worker = Worker::spawn(|port: Port<Call<u8, ()>>| {
        assert_eq!(format!("{port:?}"), "Port { is_open: true, .. }");
        port.on_message(|call| {
            assert_eq!(format!("{call:?}"), "Call { message: 7, .. }");
            let (_, reply) = call.into_parts();
            assert_eq!(format!("{reply:?}"), "Reply { .. }");
            reply.resolve(()).unwrap();
        });
    });
    block_on(worker.call(7)).unwrap();
    assert!(format!("{worker:?}").starts_with("Worker { exited: Promise(#"), "{worker:?}");
}
