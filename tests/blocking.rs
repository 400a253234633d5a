//! Work on the pool of threads.

use std::panic::panic_any;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, ThreadId};

use futures::future::join_all;
use thenable::{Outcome, Promise, block_on, next_tick, queue_microtask, run};

type P<T> = Promise<T, String>;

/// Says, when it is dropped, on which thread that happened.
struct DropReport(Sender<ThreadId>);

impl Drop for DropReport {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

#[test]
fn a_panic_of_any_payload_is_a_fault() {
    let (text, number) = (P::<()>::blocking(|| panic!("on the pool")), P::<()>::blocking(|| panic_any(7_u8)));
    let faults = block_on(join_all([text, number].map(Promise::catch_unwind)));
    let [Ok(Err(text)), Ok(Err(number))] = <[_; 2]>::try_from(faults).unwrap() else { panic!("both panicked") };
    assert_eq!(text.message(), "on the pool");
    assert_eq!(number.into_payload().downcast_ref(), Some(&7_u8));
    // The pool works on.
    assert_eq!(block_on(P::blocking(|| Ok(1))), Ok(1));
}

#[test]
fn a_panic_on_the_pool_that_nobody_handles_is_reported() {
    let line = line!() + 2;
    let unhandled = run(|| {
        P::<()>::blocking(|| panic!("unseen"));
    })
    .unwrap_err();
    assert_eq!(unhandled.made_at().line(), line);
    assert!(unhandled.to_string().contains("unseen"), "{unhandled}");
}

#[test]
fn dropping_the_promise_does_not_lose_the_work_and_the_loop_waits_for_it() {
    let (send, done) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    run(move || {
        drop(P::blocking(move || {
            waits.recv().map_err(|error| error.to_string())?;
            send.send(thread::current().id()).unwrap();
            Ok(())
        }));
        go.send(()).unwrap();
    })
    .unwrap();
    assert_ne!(done.try_recv(), Ok(thread::current().id()), "it ran elsewhere, before `run` returned");
}

#[test]
fn what_comes_back_arrives_as_macrotasks() {
    let log = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let inner = log.clone();
    run(move || {
        let (send, ready) = mpsc::channel();
        for n in 0..2 {
            let (log, tick, microtask, send) = (inner.clone(), inner.clone(), inner.clone(), send.clone());
            P::blocking(move || {
                send.send(()).unwrap();
                Ok(())
            })
            .map(move |()| {
                log.borrow_mut().push("handler");
                next_tick(move || tick.borrow_mut().push("tick"));
                queue_microtask(move || microtask.borrow_mut().push("microtask"));
            });
            // Both are about to be done, so that they are likely to arrive together.
            let _: () = ready.recv().unwrap_or_else(|_| panic!("the work {n} runs"));
        }
    })
    .unwrap();
    assert_eq!(*log.borrow(), ["handler", "microtask", "tick", "handler", "microtask", "tick"]);
}

#[test]
fn work_that_outlives_its_loop_goes_on_and_its_result_is_dropped_there() {
    let (report, drops) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let (send_id, id) = mpsc::channel();
    let (handler_report, handler_drops): (_, Receiver<ThreadId>) = mpsc::channel();
    let home = thread::spawn(move || {
        let handler = DropReport(handler_report);
        let value = DropReport(report);
        P::blocking(move || {
            waits.recv().unwrap();
            send_id.send(thread::current().id()).unwrap();
            Ok(value)
        })
        .handle(move |outcome| {
            let _owned = handler;
            let Outcome::Fulfilled(_) = outcome else { panic!("the loop has ended") };
        });
        thread::current().id()
    })
    .join()
    .unwrap();
    assert_eq!(handler_drops.recv(), Ok(home), "the handler went with its thread");
    go.send(()).unwrap();
    assert_eq!(drops.recv().unwrap(), id.recv().unwrap());
}

#[test]
fn a_result_whose_drop_panics_does_not_harm_the_pool() {
    struct Bomb(Sender<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            panic!("in a drop");
        }
    }
    let (send, dropped) = mpsc::channel();
    for _ in 0..8 {
        let send = send.clone();
        let (go, waits) = mpsc::channel::<()>();
        thread::spawn(move || {
            P::blocking(move || {
                waits.recv().unwrap();
                Ok(Bomb(send))
            });
        })
        .join()
        .unwrap();
        go.send(()).unwrap();
        dropped.recv().unwrap();
    }
    assert_eq!(block_on(P::blocking(|| Ok(1))), Ok(1));
}
