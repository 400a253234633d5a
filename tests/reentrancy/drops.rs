//! `Drop`: of values, of reasons, and of what handlers captured.

use std::cell::RefCell;
use std::thread;

use thenable::{Promise, next_tick, on_unhandled_rejection, queue_microtask, run};

use crate::everything::{
    ENDING, Log, Subject, Trigger, When, bystander, call_everything, called, jobs, jobs_beside_a_pending, lines, tick,
};

/// Runs `main`, which is given triggers that call everything when they are dropped. Each that is named in `expected` has to be
/// called inside `main`, in this order; their jobs run afterwards.
#[track_caller]
fn expect_drops(expected: &[(&str, &str)], main: impl FnOnce(&dyn Fn(&'static str, Subject) -> Trigger, &Log)) {
    let log = Log::default();
    let trigger = |place: &'static str, subject: Subject| {
        let log = log.clone();
        Trigger::new(When::Dropped, move || call_everything(&log, place, &subject))
    };
    run(|| {
        main(&trigger, &log);
        log.log("main ends");
    })
    .unwrap();
    let inside = expected.iter().map(|(place, state)| called(place, state)).collect::<Vec<_>>().concat();
    let ticks = expected.iter().map(|(place, _)| tick(place)).collect::<Vec<_>>().concat();
    let jobs = expected.iter().map(|(place, state)| match *state {
        "pending" => jobs_beside_a_pending(place),
        state => jobs(place, state),
    });
    let jobs = jobs.collect::<Vec<_>>().concat();
    log.expect(&[&inside, &lines(["main ends"]), &ticks, &jobs]);
}

#[test]
fn the_drop_of_a_value_that_nobody_can_take_may_call_everything() {
    expect_drops(&[("no handle", "fulfilled"), ("last handle", "fulfilled")], |trigger, _| {
        let (promise, resolve, _reject) = Subject::with_resolvers();
        drop(promise);
        resolve(trigger("no handle", bystander()));

        let promise = Subject::resolve(trigger("last handle", bystander()));
        let clone = promise.clone();
        drop(promise);
        drop(clone);
    });
}

#[test]
fn the_drop_of_what_a_later_call_was_given_may_call_everything() {
    expect_drops(&[("second resolve", "fulfilled"), ("second reject", "fulfilled")], |trigger, _| {
        let (subject, resolve, reject) = Subject::with_resolvers();
        resolve(Trigger::inert());
        resolve(trigger("second resolve", subject.clone()));
        reject(trigger("second reject", subject));
    });
}

/// Dropping the first functions abandons a chain, whose handlers and values are dropped one by one, while each of them calls
/// everything, which abandons further chains.
#[test]
fn the_drop_of_captures_of_an_abandoned_chain_may_call_everything() {
    expect_drops(&[("then", "pending"), ("catch", "pending"), ("finally", "pending")], |trigger, _| {
        let (subject, resolve, reject) = Subject::with_resolvers();
        let (then, catch, finally) =
            (trigger("then", subject.clone()), trigger("catch", subject.clone()), trigger("finally", subject.clone()));
        subject
            .then(move |_| {
                drop(then);
                Ok(Trigger::inert())
            })
            .catch(move |_| {
                drop(catch);
                Ok(Trigger::inert())
            })
            .finally(move || drop(finally));
        drop(reject);
        drop(resolve);
    });
}

#[test]
fn the_drop_of_what_functions_and_futures_captured_may_call_everything() {
    // The executor is called and dropped inside `new`; the future is done and dropped inside `spawn`.
    expect_drops(&[("executor", "fulfilled"), ("future", "fulfilled")], |trigger, _| {
        let captured = trigger("executor", bystander());
        Subject::new(move |resolve, _| {
            resolve(Trigger::inert());
            drop(captured);
        });
        let captured = trigger("future", bystander());
        Promise::<(), ()>::spawn(async move { drop(captured) });
    });
}

/// Values, and captures of handlers that are not called, dropped inside jobs.
#[test]
fn drops_inside_a_job_may_call_everything() {
    let log = Log::default();
    let trigger = |place: &'static str, subject: &Subject| {
        let (log, subject) = (log.clone(), subject.clone());
        Trigger::new(When::Dropped, move || call_everything(&log, place, &subject))
    };
    run(|| {
        // The handler of the other outcome: its promise rejects, so the captures of `then` are dropped.
        let subject = Subject::reject(Trigger::inert());
        let captured = trigger("settled the other way", &subject);
        subject.clone().map(move |_| drop(captured)).catch(|_| Ok(()));
        // The value, by the handler that it was moved to.
        Subject::resolve(trigger("moved to a handler", &subject)).map(drop);
        // The value, passed on to a promise that nobody has a handle of.
        Subject::resolve(trigger("passed on", &subject)).catch(Err);
        // The reason, replaced by that of a failing `finally`.
        let reason = Subject::reject(trigger("replaced", &subject));
        reason.finally(|| Err::<(), _>(Trigger::inert())).handle(|_| ());
    })
    .unwrap();
    let places = ["settled the other way", "moved to a handler", "passed on", "replaced"];
    log.expect(&[
        &places.map(|place| called(place, "rejected")).concat(),
        &places.map(|place| jobs(place, "rejected")).concat(),
        &places.map(tick).concat(),
    ]);
}

/// What hangs on promises, queues, hooks and tasks when the thread ends. Nothing that is queued then runs any more.
#[test]
fn drops_at_the_end_of_the_thread_may_call_everything() {
    thread_local! {
        static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
    }

    /// Leaves something behind that owns a trigger.
    type Leave = fn(Trigger);

    let leaves: [(&'static str, Leave); 9] = [
        ("microtask", |trigger| queue_microtask(move || drop(trigger))),
        ("tick", |trigger| next_tick(move || drop(trigger))),
        ("job", |trigger| drop(Promise::<(), ()>::resolve(()).map(move |()| drop(trigger)))),
        ("value of a kept promise", |trigger| {
            KEPT.with_borrow_mut(|kept| kept.push(Box::new(Subject::resolve(trigger))));
        }),
        ("handler of a kept promise", |trigger| {
            let (promise, resolve, _reject) = Promise::<(), ()>::with_resolvers();
            promise.map(move |()| drop(trigger));
            KEPT.with_borrow_mut(|kept| kept.push(Box::new(resolve)));
        }),
        ("unhandled reason", |trigger| drop(Subject::reject(trigger))),
        ("hook", |trigger| {
            on_unhandled_rejection(move |_| {
                let _ = &trigger;
            });
        }),
        ("task", |trigger| {
            Promise::<(), ()>::spawn(async move {
                Promise::<(), ()>::resolve(()).await?;
                drop(trigger);
                Ok(())
            });
        }),
        ("handler of a remote promise", |trigger| {
            let (promise, resolver) = Promise::<(), ()>::remote();
            promise.map(move |()| drop(trigger));
            std::mem::forget(resolver);
        }),
    ];
    for (place, leave) in leaves {
        // Thread-locals are dropped in the order in which they were first used, or the reverse: so try both, the crate's
        // own first and the test's first.
        for crate_first in [false, true] {
            let log = Log::default();
            let inner = log.clone();
            let thread = thread::spawn(move || {
                if crate_first {
                    call_everything(&inner, "first", &bystander());
                    run(|| {}).unwrap();
                } else {
                    KEPT.with_borrow_mut(Vec::clear);
                }
                let subject = bystander();
                leave(Trigger::new(When::Dropped, move || call_everything(&inner, place, &subject)));
                ENDING.set(true);
            });
            thread.join().unwrap();
            let first = if crate_first {
                [called("first", "fulfilled"), tick("first"), jobs("first", "fulfilled")].concat()
            } else {
                Vec::new()
            };
            log.expect(&[&first, &called(place, "fulfilled")]);
        }
    }
}
