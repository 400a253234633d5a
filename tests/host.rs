//! The seam to a host with a microtask queue of its own.
mod common;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use common::{log, trace};
use thenable::host::{remove_job_hook, run_job, set_job_hook};
use thenable::{
    Outcome, Promise, Resolution, UnhandledRejection, block_on, next_tick, on_unhandled_rejection, queue_microtask, run,
};

type P = Promise<i32, String>;

/// Counts the calls of a hook.
fn count_jobs() -> Rc<Cell<u32>> {
    let jobs = Rc::new(Cell::new(0));
    let count = jobs.clone();
    set_job_hook(move || count.set(count.get() + 1));
    jobs
}

/// The message of the panic in `call`.
fn panic_of(call: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("it panics");
    payload.downcast::<String>().map_or_else(|payload| payload.downcast::<&str>().unwrap().to_string(), |text| *text)
}

#[test]
fn the_hook_is_called_once_for_each_job_while_it_is_queued() {
    let jobs = count_jobs();
    let (promise, resolve, _reject) = P::with_resolvers();
    let first = promise.clone().map(|n| n + 1);
    promise.map(|n| n + 2);
    assert_eq!(jobs.get(), 0, "nothing is queued before the promise settles");
    resolve(1);
    assert_eq!(jobs.get(), 2, "one job for each handler, before `resolve` returns");

    queue_microtask(|| {});
    assert_eq!(jobs.get(), 3, "a microtask");
    let adopting = P::new(|resolve, _reject| resolve.with(first));
    assert_eq!(jobs.get(), 4, "the job that calls the `then` of an adopted promise");
    let following = P::new(|resolve, _reject| {
        resolve.with(Resolution::Thenable(Box::new(|resolve: thenable::Resolve<_, _>, _| {
            resolve(5);
            Ok(())
        })));
    });
    assert_eq!(jobs.get(), 5, "the job that calls a thenable");
    let task = P::spawn(adopting);
    assert_eq!(jobs.get(), 5, "a task that waits");

    let mut ran = 0;
    while run_job() {
        ran += 1;
    }
    // The reaction in the adopting promise, and the turn of the task.
    assert_eq!((ran, jobs.get()), (7, 7), "as many jobs as calls");
    assert_eq!(task.peek().as_deref(), Some(&Outcome::Fulfilled(2)));
    assert_eq!(following.peek().as_deref(), Some(&Outcome::Fulfilled(5)));
}

#[test]
fn one_call_runs_one_job_the_oldest() {
    for name in ["a", "b", "c"] {
        queue_microtask(move || log(name));
    }
    for expected in ["a", "a  b", "a  b  c"] {
        assert!(run_job());
        assert_eq!(trace(), expected);
    }
    assert!(!run_job(), "nothing is left");
}

/// A host that has a queue of its own and takes the jobs of this crate into it.
#[derive(Clone, Default)]
struct Host(Rc<RefCell<VecDeque<Microtask>>>);

type Microtask = Box<dyn FnOnce()>;

impl Host {
    fn new() -> Self {
        let host = Self::default();
        let queue = host.clone();
        set_job_hook(move || queue.queue(|| assert!(run_job(), "a job was announced")));
        host
    }

    fn queue(&self, microtask: impl FnOnce() + 'static) {
        self.0.borrow_mut().push_back(Box::new(microtask));
    }

    fn drain(&self) {
        loop {
            let Some(microtask) = self.0.borrow_mut().pop_front() else { return };
            microtask();
        }
    }
}

#[test]
fn jobs_interleave_with_those_of_the_host() {
    fn host_chain(host: &Host, link: u32) {
        let next = host.clone();
        host.queue(move || {
            log(format_args!("host{link}"));
            if link < 4 {
                host_chain(&next, link + 1);
            }
        });
    }

    let host = Host::new();
    host_chain(&host, 1);
    // Rule T7: a value one tick after its handler, a promise two more.
    let settled = P::resolve(0);
    let (value, promise) = (settled.clone(), settled);
    value.then(|_| Ok(1)).map(|_| log("value"));
    promise.then(|_| P::resolve(1)).map(|_| log("promise"));
    log("main");
    host.drain();
    assert_eq!(trace(), "main  host1  host2  value  host3  host4  promise");
}

#[test]
fn a_hook_may_queue_jobs_and_hears_of_them() {
    let depth = Rc::new(Cell::new(0));
    let calls = depth.clone();
    set_job_hook(move || {
        calls.set(calls.get() + 1);
        if calls.get() < 3 {
            queue_microtask(|| log("nested"));
        }
    });
    queue_microtask(|| log("first"));
    assert_eq!(depth.get(), 3);
    while run_job() {}
    assert_eq!(trace(), "first  nested  nested");
}

#[test]
fn a_hook_may_replace_and_remove_itself() {
    set_job_hook(|| {
        log("old");
        set_job_hook(|| {
            log("new");
            remove_job_hook();
        });
    });
    for _ in 0..3 {
        queue_microtask(|| {});
    }
    assert_eq!(trace(), "old  new");
}

/// Those who are told after the one whose job the hook could not take are told all the same.
#[test]
fn a_hook_that_panics_takes_no_handler_with_it() {
    let (promise, resolve, _reject) = P::with_resolvers();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for name in ["first", "second", "third"] {
        let seen = seen.clone();
        promise.clone().map(move |n| seen.borrow_mut().push((name, n)));
    }
    let calls = Cell::new(0);
    set_job_hook(move || {
        calls.set(calls.get() + 1);
        assert!(calls.get() != 1, "the hook is broken");
    });
    assert_eq!(panic_of(|| resolve(1)), "the hook is broken");
    remove_job_hook();
    while run_job() {}
    assert_eq!(*seen.borrow(), [("first", 1), ("second", 1), ("third", 1)]);
}

#[test]
fn the_drop_of_a_hook_may_queue_jobs() {
    struct QueuesInDrop;

    impl Drop for QueuesInDrop {
        fn drop(&mut self) {
            queue_microtask(|| log("queued in a drop"));
        }
    }

    let captured = QueuesInDrop;
    set_job_hook(move || {
        let _captured = &captured;
        log("old");
    });
    set_job_hook(|| log("new"));
    assert!(run_job());
    assert_eq!(trace(), "new  queued in a drop");
}

#[test]
fn a_hook_cannot_run_jobs() {
    set_job_hook(|| {
        let messages = [
            panic_of(|| {
                run_job();
            }),
            panic_of(|| run(|| ()).unwrap()),
            panic_of(|| block_on(async {})),
        ];
        for (message, caller) in messages.iter().zip(["run_job", "run", "block_on"]) {
            let expected = format!("`{caller}` was called while the event loop of this thread is running");
            assert!(message.starts_with(&expected), "{message}");
        }
        log("refused");
    });
    queue_microtask(|| log("job"));
    assert_eq!(trace(), "refused");
    assert!(run_job(), "outside the hook it runs");
    assert_eq!(trace(), "refused  job");
}

#[test]
fn within_a_job_no_other_runs_even_if_the_job_queued_one() {
    count_jobs();
    queue_microtask(|| {
        // The hook has been called, and that must not end the job.
        queue_microtask(|| log("second"));
        let message = panic_of(|| {
            run_job();
        });
        assert!(message.starts_with("`run_job` was called while the event loop"), "{message}");
        log("first");
    });
    while run_job() {}
    assert_eq!(trace(), "first  second");
}

#[test]
fn a_panic_in_a_handler_is_a_fault_and_in_a_microtask_unwinds() {
    let faulted = P::resolve(1).then(|_| -> Result<(), String> { panic!("in a handler") });
    queue_microtask(|| panic!("in a microtask"));
    queue_microtask(|| log("after"));

    assert!(run_job());
    assert!(matches!(faulted.peek().as_deref(), Some(Outcome::Faulted(fault)) if fault.message() == "in a handler"));
    let message = panic_of(|| {
        run_job();
    });
    assert_eq!(message, "in a microtask");
    assert!(run_job(), "what is queued stays so");
    assert_eq!(trace(), "after");
}

#[test]
fn ticks_and_reports_wait_for_the_loop() -> Result<(), UnhandledRejection> {
    on_unhandled_rejection(|report| log(format_args!("unhandled {:?}", report.reason())));
    count_jobs();
    P::reject("lost".to_owned());
    next_tick(|| log("tick"));
    queue_microtask(|| log("job"));
    while run_job() {}
    assert_eq!(trace(), "job");
    run(|| ())?;
    assert_eq!(trace(), "job  tick  unhandled \"lost\"");
    Ok(())
}

#[test]
fn the_loop_runs_what_was_announced_and_announces_what_it_runs() -> Result<(), UnhandledRejection> {
    let jobs = count_jobs();
    queue_microtask(|| log("before"));
    run(|| queue_microtask(|| log("in the loop")))?;
    assert_eq!(jobs.get(), 2);
    assert_eq!(trace(), "before  in the loop");
    assert!(!run_job(), "the jobs that were announced have run");
    Ok(())
}

#[test]
fn every_thread_has_its_own_hook() {
    let jobs = count_jobs();
    std::thread::spawn(|| {
        queue_microtask(|| {});
        assert!(run_job());
        // The thread ends with a hook, and a job that nobody runs.
        count_jobs();
        queue_microtask(|| {});
    })
    .join()
    .expect("it ends in peace");
    assert_eq!(jobs.get(), 0);
}
