//! Calls: a promise for each, settled by whoever has the call.

use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use futures::future::join_all;
use futures::join;
use thenable::{
    Call, LoopClosed, Outcome, Port, PortClosed, Promise, Reply, Worker, WorkerError, WorkerExit, block_on,
    on_unhandled_rejection, queue_microtask, remove_rejection_hooks, run,
};

use crate::Log;

/// A worker that answers with twice the number.
fn doubler() -> Worker<Call<u32, u32>> {
    Worker::spawn(|port: Port<Call<u32, u32>>| port.on_message(|call| call.answer(|n| Ok(n * 2))))
}

#[test]
fn a_call_is_answered() {
    let worker = doubler();
    let answers: Vec<_> = (1..=3).map(|n| worker.call(n)).collect();
    let answers: Vec<_> = answers.into_iter().map(|answer| block_on(answer).unwrap()).collect();
    assert_eq!(answers, [2, 4, 6]);
}

#[test]
fn calls_of_several_types_share_one_order_with_messages() {
    enum Task {
        Note(u32),
        Count(Call<(), usize>),
        Name(Call<String, String>),
    }
    impl From<Call<(), usize>> for Task {
        fn from(call: Call<(), usize>) -> Self {
            Self::Count(call)
        }
    }
    impl From<Call<String, String>> for Task {
        fn from(call: Call<String, String>) -> Self {
            Self::Name(call)
        }
    }
    let worker = Worker::spawn(|port: Port<Task>| {
        let mut notes = Vec::new();
        port.on_message(move |task| match task {
            Task::Note(n) => notes.push(n),
            Task::Count(call) => call.answer(|()| Ok(notes.len())),
            Task::Name(call) => call.answer(|name| Ok(name.to_uppercase())),
        });
    });
    let before = worker.call(());
    worker.post_message(Task::Note(1)).unwrap();
    worker.post_message(Task::Note(2)).unwrap();
    let after = worker.call_as(Task::Count, ());
    let name = worker.call("zero".to_string());
    assert_eq!(block_on(before).unwrap(), 0);
    assert_eq!(block_on(after).unwrap(), 2);
    assert_eq!(block_on(name).unwrap(), "ZERO");
}

#[test]
fn a_handler_may_answer_later_and_in_any_order() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::spawn(|port: Port<Call<u32, u32>>| {
            let kept = RefCell::new(Vec::<(u32, Reply<u32>)>::new());
            port.on_message(move |call| {
                kept.borrow_mut().push(call.into_parts());
                if kept.borrow().len() == 3 {
                    for (n, reply) in kept.take().into_iter().rev() {
                        reply.resolve(n * 10).unwrap();
                    }
                }
            });
        });
        for n in 1..=3 {
            let log = inner.clone();
            worker.call(n).map(move |answer| log.push(answer));
        }
    })
    .unwrap();
    log.expect(["30", "20", "10"]);
}

#[test]
fn a_handler_may_answer_with_a_promise() {
    let worker = Worker::spawn(|port: Port<Call<u32, u32, String>>| {
        port.on_message(|call| {
            call.answer(|n| {
                Promise::<u32, String>::spawn(async move {
                    let n = Promise::<u32, String>::resolve(n).map(|n| n + 1).await?;
                    if n % 2 == 0 { Ok(n) } else { Err(format!("{n} is odd")) }
                })
            });
        });
    });
    assert_eq!(block_on(worker.call(1)).unwrap(), 2);
    let Err(WorkerError::Rejected(reason)) = block_on(worker.call(2)) else { panic!("the handler rejects") };
    assert_eq!(reason, "3 is odd");
}

#[test]
fn a_rejection_has_its_type() {
    let worker = Worker::spawn(|port: Port<Call<String, u32, std::num::ParseIntError>>| {
        port.on_message(|call| match call.message().as_str() {
            "reply" => drop(call.into_parts().1.reject("y".parse::<u32>().unwrap_err())),
            _ => call.answer(|text| text.parse()),
        });
    });
    assert_eq!(block_on(worker.call("7".to_string())).unwrap(), 7);
    for text in ["x", "reply"] {
        let Err(WorkerError::Rejected(error)) = block_on(worker.call(text.to_string())) else { panic!("no number") };
        assert_eq!(error.kind(), &std::num::IntErrorKind::InvalidDigit);
    }
}

#[test]
fn a_panic_in_a_handler_is_a_fault_of_the_caller_and_the_worker_lives_on() {
    let worker = Worker::spawn(|port: Port<Call<u32, u32>>| {
        port.on_message(|call| {
            call.answer(|n| match n {
                0 => panic!("at once"),
                1 => Promise::resolve(1).map(|_| panic!("later")),
                _ => Promise::resolve(n),
            });
        });
    });
    for (n, message) in [(0, "at once"), (1, "later")] {
        let fault = block_on(worker.call(n).catch_unwind()).unwrap().unwrap_err();
        assert_eq!(fault.message(), message);
        assert_eq!(fault.into_payload().downcast_ref(), Some(&message));
    }
    assert_eq!(block_on(worker.call(2)).unwrap(), 2);
}

#[test]
fn another_thread_may_answer() {
    let worker = Worker::spawn(|port: Port<Call<u32, thread::ThreadId>>| {
        port.on_message(|call| {
            thread::spawn(move || call.answer(|_| Ok(thread::current().id())));
        });
    });
    // It is not the worker that has the call, so it may end before the answer. Then the call is rejected.
    let there = block_on(worker.call(1)).unwrap();
    assert_ne!(there, thread::current().id());
}

#[test]
fn a_call_that_is_dropped_is_rejected() {
    let worker = Worker::spawn(|port: Port<Call<u32, u32>>| {
        port.on_message(|call| match call.message() {
            0 => drop(call),
            1 => drop(call.into_parts().1),
            2 => call.answer(|_| Promise::new(|_resolve, _reject| {})),
            3 => {
                let (n, reply) = call.into_parts();
                // A panic that a promise takes does not end the worker.
                Promise::<u32, ()>::resolve(n)
                    .map(move |_| {
                        let _reply = reply;
                        panic!("with the reply in hand");
                    })
                    .handle(|_: Outcome<(), ()>| ());
            }
            _ => call.answer(Ok),
        });
    });
    for n in 0..4 {
        let error = block_on(worker.call(n)).unwrap_err();
        assert!(matches!(error, WorkerError::Unanswered), "{n} gave {error}");
    }
    assert_eq!(block_on(worker.call(4)).unwrap(), 4);
}

#[test]
fn what_ends_the_worker_rejects_the_calls_that_wait() {
    type Task = Call<&'static str, ()>;
    let worker = || {
        Worker::spawn(|port: Port<Task>| {
            let (mut kept, handle) = (Vec::new(), port.clone());
            port.on_message(move |task: Task| match *task.message() {
                "panic" => {
                    let _held = task;
                    panic!("a bug");
                }
                "reject" => {
                    let _held = task;
                    Promise::<(), _>::reject("lost");
                }
                "close" => {
                    // Nobody will ever drop it.
                    mem::forget(task);
                    handle.close();
                }
                _ => kept.push(task),
            });
        })
    };
    let errors = |what: &'static str| {
        let worker = worker();
        let waiting = [worker.call("keep"), worker.call(what)];
        let exited = worker.exited().handle(|_| ());
        let [kept, held] = waiting;
        let (kept, held) = block_on(async { join!(kept, held) });
        block_on(exited).unwrap();
        ([kept.unwrap_err(), held.unwrap_err()], block_on(worker.call("late")).unwrap_err())
    };
    let (waiting, late) = errors("panic");
    for error in waiting.into_iter().chain([late]) {
        let WorkerError::Panicked(panic) = error else { panic!("not {error}") };
        assert_eq!(panic.message(), "a bug");
    }
    let ([kept, _], late) = errors("reject");
    for error in [kept, late] {
        let WorkerError::UnhandledRejection(rejection) = error else { panic!("not {error}") };
        assert!(rejection.message().contains("\"lost\""), "{rejection}");
        assert_eq!(rejection.made_at().file(), file!());
    }
    let ([kept, closed], late) = errors("close");
    assert!(matches!(kept, WorkerError::Unanswered), "the listener owned it");
    assert!(matches!((closed, late), (WorkerError::Closed, WorkerError::Closed)));

    let terminated = worker();
    let waiting = join_all([terminated.call("keep"), terminated.call("keep")]);
    let (answers, exit) = block_on(async { join!(waiting, terminated.terminate()) });
    assert!(matches!(answers[..], [Err(WorkerError::Terminated), Err(WorkerError::Terminated)]), "{answers:?}");
    assert_eq!(exit.unwrap(), WorkerExit::Terminated);
    assert!(matches!(block_on(terminated.call("late")), Err(WorkerError::Terminated)));
}

#[test]
fn a_call_to_a_worker_that_has_ended_comes_back() {
    let worker = Worker::spawn(|_: Port<Call<String, u32>>| {});
    block_on(worker.exited()).unwrap();
    let PortClosed(call) = worker.try_call("late".to_string()).unwrap_err();
    let (message, reply) = call.into_parts();
    assert_eq!(message, "late");
    // Nobody waits for it.
    drop(reply);
    assert!(matches!(block_on(worker.call("late".to_string())), Err(WorkerError::Closed)));
    run(|| {}).unwrap();
}

#[test]
fn an_answer_to_a_loop_that_is_gone_comes_back() {
    let (send, replies) = mpsc::channel();
    thread::spawn(move || {
        let worker = Worker::spawn(move |port: Port<Call<(), String>>| {
            port.on_message(move |call| send.send(call.into_parts().1).unwrap());
        });
        drop(worker.call(()));
        drop(worker);
        // The loop of this thread does not run, and ends.
    })
    .join()
    .unwrap();
    // The worker may be told to stop before it gets the call, which is dropped then.
    if let Ok(reply) = replies.recv() {
        assert_eq!(reply.resolve("late".to_string()), Err(LoopClosed("late".to_string())));
    }
}

#[test]
fn a_worker_calls_its_parent() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::<(), Call<String, usize>>::spawn(|port| {
            let calls = ["one", "three"].map(|text| port.call(text.to_string()));
            Promise::<(), String>::spawn(async move {
                let mut sum = 0;
                for call in calls {
                    sum += call.await.map_err(|error| error.to_string())?;
                }
                assert_eq!(sum, 8);
                Ok(())
            });
        });
        worker.on_message(move |call| {
            inner.push(call.message());
            call.answer(|text| Ok(text.len()));
        });
        // A failure of the assertion is one of the worker, which nobody handles, so `run` fails.
    })
    .unwrap();
    log.expect(["one", "three"]);
}

#[test]
fn a_call_to_a_parent_that_does_not_listen_any_more_is_rejected() {
    let (send, errors) = mpsc::channel();
    let worker = Worker::<(), Call<(), ()>>::spawn(move |port| {
        port.call(()).handle(move |outcome| {
            let Outcome::Rejected(error) = outcome else { panic!("nobody answers") };
            send.send(error).unwrap();
        });
    });
    // The last handle goes, and nobody listens.
    drop(worker);
    run(|| {}).unwrap();
    let error = errors.recv().unwrap();
    assert!(matches!(error, WorkerError::Unanswered), "{error}");
}

#[test]
fn a_worker_may_call_a_worker() {
    let worker = Worker::spawn(|port: Port<Call<u32, u32, String>>| {
        let inner = doubler();
        port.on_message(move |call| {
            call.answer(|n| inner.call(n + 1).map_err(|error: WorkerError| error.to_string()));
        });
    });
    assert_eq!(block_on(worker.call(20)).unwrap(), 42);
}

#[test]
fn a_panic_of_the_parent_with_a_call_in_hand_rejects_it_when_the_loop_goes_on() {
    let (send, errors) = mpsc::channel();
    let worker = Worker::<(), Call<(), ()>>::spawn(move |port| {
        port.call(()).handle(move |outcome: Outcome<(), WorkerError>| send.send(format!("{outcome:?}")).unwrap());
    });
    worker.on_message(|call| {
        let _held = call;
        panic!("in the parent");
    });
    let payload = catch_unwind(AssertUnwindSafe(|| run(|| {}))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the parent"));
    run(|| {}).unwrap();
    assert_eq!(errors.recv().unwrap(), "Rejected(Unanswered)");
}

#[test]
fn answers_are_macrotasks() {
    let log = Log::default();
    let inner = log.clone();
    run(move || {
        let worker = Worker::spawn(|port: Port<Call<u32, u32>>| {
            let kept = RefCell::new(Vec::new());
            port.on_message(move |call| {
                kept.borrow_mut().push(call);
                if kept.borrow().len() == 2 {
                    kept.take().into_iter().for_each(|call: Call<u32, u32>| call.answer(Ok));
                }
            });
        });
        for n in 1..=2 {
            let (log, microtask) = (inner.clone(), inner.clone());
            worker.call(n).map(move |n| {
                log.push(n);
                queue_microtask(move || microtask.push(format_args!("{n} microtask")));
            });
        }
    })
    .unwrap();
    log.expect(["1", "1 microtask", "2", "2 microtask"]);
}

#[test]
fn a_call_that_nobody_handles_is_reported_with_the_line_of_the_call() {
    let log = Log::default();
    let inner = log.clone();
    on_unhandled_rejection(move |report| inner.push(format_args!("{}:{:?}", report.made_at().line(), report.reason())));
    let line = line!() + 4;
    run(|| {
        let worker =
            Worker::spawn(|port: Port<Call<u32, (), &'static str>>| port.on_message(|call| call.answer(|_| Err("no"))));
        worker.call(1);
    })
    .unwrap();
    remove_rejection_hooks();
    log.expect([&format!("{line}:Rejected(\"no\")")]);
}
