//! Emitters, against what Node's `EventEmitter` does.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures::stream::FusedStream;
use futures::{Stream, StreamExt};
use thenable::{
    Emitter, Events, ListenerId, Promise, PromiseState, block_on, on_unhandled_rejection, queue_microtask,
    remove_rejection_hooks, run,
};

#[path = "common/mod.rs"]
mod common;

use common::{at, expect_trace, log, trace};

/// Says so when it is dropped.
struct Dropped(&'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        log(format_args!("{} dropped", self.0));
    }
}

/// A listener that logs its name.
fn l(name: &'static str) -> impl Fn(&()) + 'static {
    move |()| log(name)
}

#[test]
fn listeners_are_called_within_emit_in_the_order_of_adding() {
    let emitter = Emitter::new();
    assert!(!emitter.emit(&0), "nobody listens");
    emitter.on(|n| log(format_args!("a{n}")));
    emitter.on(|n| log(format_args!("b{n}")));
    emitter.prepend(|n| log(format_args!("c{n}")));
    assert_eq!(emitter.listener_count(), 3);
    assert!(emitter.emit(&1));
    log("emitted");
    assert_eq!(trace(), "c1  a1  b1  emitted");
}

#[test]
fn a_listener_that_is_removed_during_an_emit_is_still_called() {
    let emitter = Emitter::new();
    let removed = Rc::new(Cell::new(None::<ListenerId>));
    let (inner, id) = (emitter.clone(), removed.clone());
    emitter.on(move |()| {
        log("a");
        log(inner.off(id.get().unwrap()));
    });
    removed.set(Some(emitter.on(l("b"))));
    emitter.emit(&());
    emitter.emit(&());
    assert_eq!(trace(), "a  true  b  a  false");
}

#[test]
fn a_listener_that_is_added_during_an_emit_is_called_from_the_next_on() {
    let emitter = Emitter::new();
    let inner = emitter.clone();
    emitter.on(move |()| {
        log("a");
        inner.on(l("c"));
    });
    emitter.on(l("b"));
    emitter.emit(&());
    log("|");
    emitter.emit(&());
    assert_eq!(trace(), "a  b  |  a  b  c");
}

#[test]
fn all_listeners_may_be_removed_during_an_emit() {
    let emitter = Emitter::new();
    let inner = emitter.clone();
    emitter.on(move |()| {
        log("a");
        inner.off_all();
    });
    emitter.on(l("b"));
    emitter.emit(&());
    assert!(!emitter.emit(&()));
    assert_eq!(trace(), "a  b");
}

#[test]
fn an_event_that_a_listener_emits_reaches_all_before_the_outer_one_goes_on() {
    let emitter = Emitter::new();
    let inner = emitter.clone();
    emitter.on(move |depth| {
        log(format_args!("in{depth}"));
        if *depth < 2 {
            inner.emit(&(depth + 1));
        }
        log(format_args!("out{depth}"));
    });
    emitter.on(|depth| log(format_args!("b{depth}")));
    emitter.emit(&0);
    assert_eq!(trace(), "in0  in1  in2  out2  b2  out1  b1  out0  b0");
}

#[test]
fn a_listener_of_one_event_is_removed_before_it_is_called() {
    let emitter = Emitter::new();
    let inner = emitter.clone();
    emitter.once(move |()| {
        log(format_args!("once {}", inner.listener_count()));
        log(inner.emit(&()));
    });
    assert_eq!(emitter.listener_count(), 1);
    assert!(emitter.emit(&()));
    assert!(!emitter.emit(&()));
    assert_eq!(trace(), "once 0  false");
}

#[test]
fn a_listener_of_one_event_is_called_once_if_an_emit_is_nested() {
    let emitter = Emitter::new();
    let (inner, depth) = (emitter.clone(), Cell::new(0));
    emitter.on(move |()| {
        log(format_args!("a{}", depth.get()));
        if depth.replace(1) == 0 {
            inner.emit(&());
        }
    });
    emitter.once(|()| log("once"));
    emitter.emit(&());
    assert_eq!(trace(), "a0  a1  once");
}

#[test]
fn a_listener_of_one_event_that_is_removed_during_an_emit_is_still_called() {
    let emitter = Emitter::new();
    let removed = Rc::new(Cell::new(None::<ListenerId>));
    let (inner, id) = (emitter.clone(), removed.clone());
    emitter.on(move |()| {
        log("a");
        inner.off(id.get().unwrap());
    });
    removed.set(Some(emitter.once(|()| log("once"))));
    emitter.emit(&());
    log("|");
    emitter.emit(&());
    assert_eq!(trace(), "a  once  |  a");
}

#[test]
fn a_panic_comes_out_of_emit_and_the_rest_is_not_called() {
    let emitter = Emitter::new();
    emitter.once(|()| panic!("a bug"));
    emitter.on(l("b"));
    let payload = catch_unwind(AssertUnwindSafe(|| emitter.emit(&()))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"a bug"));
    assert_eq!(trace(), "");
    assert_eq!(emitter.listener_count(), 1, "the one that panicked had its event");
    assert!(emitter.emit(&()));
    assert_eq!(trace(), "b");
}

#[test]
fn a_listener_may_drop_the_emitter() {
    let emitter = Rc::new(RefCell::new(Some(Emitter::new())));
    let (inner, value) = (emitter.clone(), Dropped("listener"));
    let handle = emitter.borrow().clone().unwrap();
    handle.on(move |()| {
        let _owned = &value;
        drop(inner.take());
        log("a");
    });
    handle.on(l("b"));
    drop(handle);
    let emit = emitter.borrow().clone().unwrap();
    emit.emit(&());
    assert_eq!(trace(), "a  b");
    drop(emit);
    assert_eq!(trace(), "a  b  listener dropped");
}

#[test]
fn a_listener_is_dropped_when_no_borrow_is_held() {
    struct UsesOnDrop(Emitter<()>);
    impl Drop for UsesOnDrop {
        fn drop(&mut self) {
            let added = self.0.on(l("late"));
            log(self.0.listener_count());
            self.0.off(added);
        }
    }
    let emitter = Emitter::new();
    let add = || {
        let value = UsesOnDrop(emitter.clone());
        emitter.on(move |()| log(value.0.listener_count()))
    };
    let listener = add();
    assert!(emitter.off(listener));
    add();
    emitter.off_all();
    assert_eq!(trace(), "1  1");
    assert_eq!(emitter.listener_count(), 0);
}

#[test]
fn a_listener_is_removed_by_its_own_emitter_only() {
    let (a, b) = (Emitter::<()>::new(), Emitter::<()>::new());
    let listener = a.on(|()| {});
    b.on(|()| {});
    assert!(!b.off(listener));
    assert_eq!((a.listener_count(), b.listener_count()), (1, 1));
}

/// `once(e, 'x').then(v => log('once' + v)); e.on('x', v => log('on' + v)); queueMicrotask(() => e.emit('x', 1))` and the same
/// with the emit at once, in Node.
#[test]
fn a_promise_of_the_next_event_takes_the_ticks_of_node() {
    expect_trace("on1  emitted@1  once1@3", || {
        let emitter = Emitter::new();
        emitter.next_event().map(|n: u32| at(format_args!("once{n}")));
        emitter.on(|n| log(format_args!("on{n}")));
        queue_microtask(move || {
            emitter.emit(&1);
            at("emitted");
        });
    });
    expect_trace("emitted@0  once1@3", || {
        let emitter = Emitter::new();
        emitter.next_event().map(|n: u32| at(format_args!("once{n}")));
        emitter.emit(&1);
        at("emitted");
    });
}

#[test]
fn a_promise_of_the_next_event_has_its_place_among_the_listeners_and_counts() {
    let emitter = Emitter::<u32>::new();
    let promise = emitter.next_event();
    assert_eq!(emitter.listener_count(), 1);
    emitter.emit(&1);
    assert_eq!(emitter.listener_count(), 0);
    emitter.emit(&2);
    assert_eq!(promise.state(), PromiseState::Pending, "a handler never runs inside a call");
    assert_eq!(block_on(promise), Ok(1));
}

#[test]
fn a_promise_of_an_emitter_that_is_gone_is_abandoned() {
    let emitter = Emitter::<u32>::new();
    let promise = emitter.next_event();
    let value = Dropped("handler");
    promise.map(move |_| drop(value));
    drop(emitter);
    assert_eq!(trace(), "", "the adoption has a job to do yet");
    run(|| {}).unwrap();
    assert_eq!(trace(), "handler dropped");
}

/// `for await (const [v] of on(e, 'y'))`, with three events in one microtask, in Node.
#[test]
fn a_stream_of_events_takes_a_tick_for_each() {
    expect_trace("emitted@1  ya@2  yb@3  yc@4", || {
        let emitter = Emitter::<&str>::new();
        let mut events = emitter.events();
        let inner = emitter.clone();
        Promise::<(), ()>::spawn(async move {
            while let Some(event) = events.next().await {
                at(format_args!("y{event}"));
            }
            Ok(())
        });
        queue_microtask(move || {
            for event in ["a", "b", "c"] {
                assert!(inner.emit(&event));
            }
            at("emitted");
        });
    });
}

#[test]
fn a_stream_ends_with_its_emitter_after_what_was_emitted() {
    let emitter = Emitter::new();
    let mut events = emitter.events();
    emitter.emit(&1);
    emitter.emit(&2);
    assert_eq!(events.size_hint(), (2, None));
    drop(emitter);
    assert_eq!(events.size_hint(), (2, Some(2)));
    assert_eq!(block_on(events.by_ref().collect::<Vec<_>>()), [1, 2]);
    assert!(events.is_terminated());
    assert_eq!(block_on(events.next()), None, "it stays ended");
}

#[test]
fn a_stream_that_waits_ends_with_its_emitter() {
    let emitter = Emitter::<()>::new();
    let mut events = emitter.events();
    let ended = Promise::<_, ()>::spawn(async move { Ok(events.next().await) });
    run(move || queue_microtask(move || drop(emitter))).unwrap();
    assert_eq!(block_on(ended), Ok(None));
}

#[test]
fn a_stream_that_is_dropped_does_not_listen_any_more() {
    let emitter = Emitter::<u32>::new();
    let (mut kept, dropped): (Events<u32>, _) = (emitter.events(), emitter.events());
    assert_eq!(emitter.listener_count(), 2);
    drop(dropped);
    assert_eq!(emitter.listener_count(), 1);
    // A wait that is dropped loses nothing: the next one has the event.
    block_on(async {
        let mut waits = kept.next();
        assert!(futures::poll!(&mut waits).is_pending());
    });
    emitter.emit(&7);
    assert_eq!(block_on(kept.next()), Some(7));
}

#[test]
fn an_error_that_nobody_listens_to_is_an_unhandled_rejection() {
    let errors = Emitter::new();
    let heard = errors.clone();
    let line = line!() + 1;
    let unhandled = run(|| assert!(!errors.emit_error("broken"))).unwrap_err();
    assert_eq!(unhandled.made_at().line(), line);
    assert_eq!(unhandled.downcast::<&str>().unwrap(), "broken");

    on_unhandled_rejection(|report| log(format_args!("{:?}", report.reason())));
    run(|| errors.emit_error("reported")).unwrap();
    remove_rejection_hooks();
    heard.on(|error| log(format_args!("heard {error}")));
    assert!(run(|| errors.emit_error("known")).unwrap());
    assert_eq!(trace(), "\"reported\"  heard known");
}
