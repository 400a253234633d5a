//! Calls that make no sense say so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use thenable::{Budget, EventLoop, elapse, queue_microtask, run, set_immediate, set_timeout};

use crate::common::{log, ms, quick_loop, trace};

fn message_of(call: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(call)).unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn a_loop_that_runs_cannot_be_run_once_more() {
    type Call = fn(&EventLoop);
    let calls: [(&str, Call); 8] = [
        ("run", |event_loop| drop(event_loop.run(|| ()))),
        ("block_on", |event_loop| event_loop.block_on(async {})),
        ("block_on", |event_loop| drop(event_loop.try_block_on(async {}))),
        ("turn", |event_loop| drop(event_loop.turn(Budget::unlimited()))),
        ("run_until_idle", |event_loop| drop(event_loop.run_until_idle())),
        ("advance", |event_loop| drop(event_loop.advance(ms(1)))),
        ("advance_to_next", |event_loop| drop(event_loop.advance_to_next())),
        ("run", |_| drop(run(|| ()))),
    ];
    for (name, call) in calls {
        let event_loop = Rc::new(quick_loop());
        let inside = event_loop.clone();
        let expected = format!(
            "`{name}` was called while the event loop of this thread is running: from a handler or a callback, return a \
             promise or await it instead"
        );
        let callback = move || assert_eq!(message_of(|| call(&inside)), expected);
        event_loop
            .run({
                let (first, second) = (callback.clone(), callback.clone());
                move || {
                    queue_microtask(first);
                    set_immediate(second);
                    set_timeout(callback, ms(1));
                }
            })
            .unwrap();
        // The loop is sound still.
        event_loop.run(|| log(name)).unwrap();
    }
    assert_eq!(trace(), calls.map(|(name, _)| name).join("  "));
}

#[test]
fn a_turn_inside_a_turn_is_one_too_many_and_one_of_another_loop_is_not() {
    let (event_loop, other) = (Rc::new(quick_loop()), quick_loop());
    let inside = event_loop.clone();
    event_loop.enter(|| {
        set_immediate(move || {
            other.enter(|| queue_microtask(|| log("other")));
            other.turn(Budget::unlimited()).unwrap();
            assert!(message_of(|| drop(inside.turn(Budget::unlimited()))).starts_with("`turn` was called while"));
            // Inside the other one, this one is running all the same.
            other.enter(|| assert!(message_of(|| drop(inside.run(|| ()))).starts_with("`run` was called while")));
        })
    });
    event_loop.turn(Budget::unlimited()).unwrap();
    assert_eq!(trace(), "other");
}

#[test]
fn the_clock_of_the_system_cannot_be_moved() {
    type Call = fn(&EventLoop);
    let calls: [(&str, Call); 4] = [
        ("advance", |event_loop| drop(event_loop.advance(ms(1)))),
        ("advance_to_next", |event_loop| drop(event_loop.advance_to_next())),
        ("elapse", |event_loop| event_loop.elapse(ms(1))),
        ("elapse", |event_loop| event_loop.enter(|| elapse(ms(1)))),
    ];
    for (name, call) in calls {
        let event_loop = EventLoop::builder().auto_advance(true).build();
        let expected = format!(
            "`{name}` was called on a loop that goes by the clock of the system: make it with \
             `EventLoop::builder().virtual_clock()`"
        );
        assert_eq!(message_of(|| call(&event_loop)), expected);
        assert_eq!(message_of(|| elapse(ms(1))).split(' ').next(), Some("`elapse`"), "nor that of the thread");
    }
    // What was said last counts.
    let event_loop = EventLoop::builder().virtual_clock().system_clock().build();
    assert!(message_of(|| event_loop.elapse(ms(1))).starts_with("`elapse`"));
}
