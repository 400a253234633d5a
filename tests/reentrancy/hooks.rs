//! The hooks of unhandled rejections.

use std::cell::Cell;

use thenable::{Promise, on_rejection_handled, on_unhandled_rejection, queue_microtask, remove_rejection_hooks, run};

use crate::everything::{Log, Subject, Trigger, When, bystander, call_everything, called, jobs, lines, tick};

#[test]
fn hooks_may_call_everything() {
    let log = Log::default();
    run(|| {
        let subject = Subject::reject(Trigger::inert());
        let (inner, other) = (log.clone(), subject.clone());
        on_unhandled_rejection(move |report| {
            assert_eq!(report.id(), other.id());
            call_everything(&inner, "unhandled", &other);
        });
        let inner = log.clone();
        on_rejection_handled(move |id| {
            assert_eq!(id, subject.id());
            call_everything(&inner, "handled", &subject);
        });
    })
    .unwrap();
    remove_rejection_hooks();
    log.expect(&[
        &called("unhandled", "rejected"),
        &tick("unhandled"),
        &jobs("unhandled", "rejected"),
        &called("handled", "rejected"),
        &tick("handled"),
        &jobs("handled", "rejected"),
    ]);
}

/// A hook is replaced and removed while it runs; what it captured is dropped after it, and calls everything.
#[test]
fn a_hook_may_replace_and_remove_the_hooks() {
    let log = Log::default();
    let captured = {
        let log = log.clone();
        Trigger::new(When::Dropped, move || call_everything(&log, "captured", &bystander()))
    };
    let inner = log.clone();
    on_unhandled_rejection(move |_| {
        let _ = &captured;
        inner.log("the first hook");
        remove_rejection_hooks();
        let second = inner.clone();
        on_unhandled_rejection(move |report| {
            second.log(format_args!("the second hook: {:?}", report.reason()));
            let third = second.clone();
            on_unhandled_rejection(move |report| third.log(format_args!("the third hook: {:?}", report.reason())));
        });
        inner.log("the first hook ends");
    });
    run(|| {
        for reason in 1..=4 {
            Promise::<(), _>::reject(reason);
        }
    })
    .unwrap();
    remove_rejection_hooks();
    log.expect(&[
        &lines(["the first hook", "the first hook ends"]),
        &called("captured", "fulfilled"),
        &lines(["the second hook: 2", "the third hook: 3", "the third hook: 4"]),
        &tick("captured"),
        &jobs("captured", "fulfilled"),
    ]);
}

/// A hook that rejects and handles while it reports: each rejection is reported once, those made meanwhile in a round of
/// their own, after the microtasks (rule U5).
#[test]
fn a_hook_may_reject_and_handle_what_is_to_be_reported() {
    let log = Log::default();
    run(|| {
        let promises: Vec<Promise<(), u32>> = (1..=8).map(Promise::reject).collect();
        // Every other one is handled by the first call of the hook. They are due all the same, as in Node.
        let handles = Cell::new(promises.into_iter().skip(1).step_by(2).collect::<Vec<_>>());
        let inner = log.clone();
        on_unhandled_rejection(move |report| {
            inner.log(format_args!("unhandled {:?}", report.reason()));
            for promise in handles.take() {
                promise.catch(|_| Ok(()));
            }
            let reason = *report.reason().downcast_ref::<u32>().unwrap();
            if reason < 10 {
                for more in 1..=5 {
                    Promise::<(), _>::reject(reason * 10 + more);
                }
                let line = inner.line("microtask", &reason.to_string());
                queue_microtask(line);
            }
        });
    })
    .unwrap();
    remove_rejection_hooks();
    let first = [1, 2, 3, 4, 5, 6, 7, 8];
    log.expect(&[
        &first.map(|reason| format!("unhandled {reason}")),
        &first.map(|reason| format!("microtask: {reason}")),
        &first.map(|reason| [1, 2, 3, 4, 5].map(|more| format!("unhandled {}", reason * 10 + more))).concat(),
    ]);
}
