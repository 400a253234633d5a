//! Handlers, callbacks, executors, futures, thenables.

use thenable::{Promise, Reject, Resolution, Resolve, next_tick, queue_microtask, run};

use crate::everything::{Log, Subject, Trigger, bystander, call_everything, called, jobs, tick};

/// The handler of a promise that has another handle.
#[test]
fn a_handler_may_call_everything() {
    let log = Log::default();
    let inner = log.clone();
    run(|| {
        let promise = bystander();
        let subject = promise.clone();
        promise.map(move |_| call_everything(&inner, "handler", &subject));
    })
    .unwrap();
    log.expect(&[&called("handler", "fulfilled"), &jobs("handler", "fulfilled"), &tick("handler")]);
}

/// The handlers of `catch`, `finally` and `handle`, on one promise, one after the other.
#[test]
fn handlers_of_all_kinds_may_call_everything() {
    let log = Log::default();
    run(|| {
        let subject = Subject::reject(Trigger::inert());
        let call = |place: &'static str| {
            let (log, subject) = (log.clone(), subject.clone());
            move || call_everything(&log, place, &subject)
        };
        let (catch, finally, handle) = (call("catch"), call("finally"), call("handle"));
        subject.clone().map(drop).catch(move |_| {
            catch();
            Ok(())
        });
        subject.clone().finally(finally).catch(|_| Ok(Trigger::inert()));
        subject.handle(move |_| handle());
    })
    .unwrap();
    // The `catch` runs a tick after the others, for it stands behind a `map`.
    log.expect(&[
        &called("finally", "rejected"),
        &called("handle", "rejected"),
        &called("catch", "rejected"),
        &jobs("finally", "rejected"),
        &jobs("handle", "rejected"),
        &jobs("catch", "rejected"),
        &tick("finally"),
        &tick("handle"),
        &tick("catch"),
    ]);
}

#[test]
fn callbacks_executors_and_futures_may_call_everything() {
    let log = Log::default();
    run(|| {
        let call = |place: &'static str| {
            let (log, subject) = (log.clone(), bystander());
            move || call_everything(&log, place, &subject)
        };
        next_tick(call("in a tick"));
        call("main")();
        Promise::<(), ()>::new(|_, _| call("executor")());
        let in_task = call("task");
        Promise::<(), ()>::spawn(async move {
            Promise::<(), ()>::resolve(()).await?;
            in_task();
            Ok(())
        });
        queue_microtask(call("in a microtask"));
        let in_thenable = call("thenable");
        Promise::<(), ()>::resolve_with(Resolution::Thenable(Box::new(
            move |resolve: Resolve<(), ()>, _reject: Reject<(), ()>| {
                in_thenable();
                resolve(());
                Ok(())
            },
        )));
    })
    .unwrap();
    log.expect(&[
        &called("main", "fulfilled"),
        &called("executor", "fulfilled"),
        // The ticks, before the microtasks of the main script.
        &called("in a tick", "fulfilled"),
        &tick("main"),
        &tick("executor"),
        &tick("in a tick"),
        &jobs("main", "fulfilled"),
        &jobs("executor", "fulfilled"),
        &called("task", "fulfilled"),
        &called("in a microtask", "fulfilled"),
        &called("thenable", "fulfilled"),
        &jobs("in a tick", "fulfilled"),
        &jobs("task", "fulfilled"),
        &jobs("in a microtask", "fulfilled"),
        &jobs("thenable", "fulfilled"),
        &tick("task"),
        &tick("in a microtask"),
        &tick("thenable"),
    ]);
}
