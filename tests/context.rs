//! Values that follow a chain. What each kind of callback sees is compared with Node by the differential test, too.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::time::Duration;

use thenable::{
    AsyncLocal, EventLoop, Pending, Promise, Resolution, Snapshot, block_on, clear_interval, host, next_tick,
    on_unhandled_rejection, queue_microtask, run, set_immediate, set_interval, set_timeout,
};

static NAME: AsyncLocal<&str> = AsyncLocal::new();
static NUMBER: AsyncLocal<u32> = AsyncLocal::new();

type P<T> = Promise<T, &'static str>;

fn name() -> &'static str {
    NAME.get().map_or("none", |name| *name)
}

#[test]
fn a_value_is_there_while_the_function_runs() {
    assert_eq!(name(), "none");
    let returned = NAME.run("outer", || {
        let inner = NAME.run("inner", name);
        (inner, name(), NAME.exit(name), name())
    });
    assert_eq!(returned, ("inner", "outer", "none", "outer"));
    assert_eq!(name(), "none");
}

#[test]
fn variables_do_not_disturb_each_other() {
    NAME.run("a", || {
        NUMBER.run(1, || {
            assert_eq!((name(), NUMBER.get().as_deref()), ("a", Some(&1)));
            NAME.exit(|| assert_eq!((name(), NUMBER.get().as_deref()), ("none", Some(&1))));
        });
        assert_eq!(NUMBER.get(), None);
    });
}

#[test]
fn a_panic_restores_what_was_there_before() {
    NAME.run("outer", || {
        let panicked = catch_unwind(AssertUnwindSafe(|| NAME.run("inner", || panic!("a bug"))));
        assert!(panicked.is_err());
        assert_eq!(name(), "outer");
    });
}

#[test]
fn whatever_is_made_inside_sees_the_value() {
    let trace = Rc::new(RefCell::new(Vec::new()));
    let word = |kind: &'static str| {
        let trace = trace.clone();
        move || trace.borrow_mut().push(format!("{kind} {}", name()))
    };
    run(|| {
        NAME.run("a", || {
            queue_microtask(word("microtask"));
            next_tick(word("tick"));
            set_immediate(word("immediate"));
            set_timeout(word("timeout"), Duration::ZERO);
            let (interval, log) = (Rc::new(Cell::new(None)), word("interval"));
            let own = interval.clone();
            let mut calls = 0;
            interval.set(Some(set_interval(
                move || {
                    log();
                    calls += 1;
                    if calls == 2 {
                        clear_interval(own.get());
                    }
                },
                Duration::from_millis(3),
            )));
        });
        word("main")();
    })
    .unwrap();
    assert_eq!(
        trace.take(),
        ["main none", "tick a", "microtask a", "immediate a", "timeout a", "interval a", "interval a"]
    );
}

#[test]
fn each_verb_restores_the_value_of_its_call() {
    let (promise, resolve, _reject) = P::<u32>::with_resolvers();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let see = |label: &'static str| {
        let seen = seen.clone();
        move || seen.borrow_mut().push((label, name()))
    };
    let tail = NAME.run("then", || {
        let see = see("then");
        promise.then(move |n| {
            see();
            Err::<u32, _>(if n == 1 { "one" } else { "more" })
        })
    });
    let tail = NAME.run("catch", || {
        let see = see("catch");
        tail.catch(move |_| {
            see();
            Ok(2)
        })
    });
    let tail = NAME.run("finally", || tail.finally(see("finally")));
    let tail = NAME.run("handle", || {
        let see = see("handle");
        tail.handle(move |_| {
            see();
            Ok(3)
        })
    });
    let tail = NAME.run("then_async", || {
        let (before, after) = (see("async, before"), see("async, after"));
        tail.then_async(async move |n| {
            before();
            P::resolve(()).await?;
            after();
            Ok(n)
        })
    });
    let tail = NAME.run("inspect", || {
        let see = see("inspect");
        tail.inspect(move |_| see())
    });
    NAME.run("the one who settles", || resolve(1));
    assert_eq!(block_on(tail), Ok(3));
    assert_eq!(
        *seen.borrow(),
        [
            ("then", "then"),
            ("catch", "catch"),
            ("finally", "finally"),
            ("handle", "handle"),
            ("async, before", "then_async"),
            ("async, after", "then_async"),
            ("inspect", "inspect"),
        ]
    );
}

#[test]
fn a_spawned_future_keeps_the_value_of_its_spawning() {
    let promise = NAME.run("spawned", || {
        P::spawn(async {
            let before = name();
            P::resolve(()).await?;
            let inner = NAME.run("inside", name);
            P::resolve(()).await?;
            Ok((before, inner, name()))
        })
    });
    assert_eq!(NAME.run("elsewhere", || block_on(promise)), Ok(("spawned", "inside", "spawned")));
}

#[test]
fn a_value_holds_for_a_part_of_a_future() {
    let seen = block_on(async {
        let scoped = NAME.run_async("scoped", async {
            P::resolve(()).await.unwrap();
            name()
        });
        (scoped.await, name())
    });
    assert_eq!(seen, ("scoped", "none"));
}

#[test]
fn the_main_program_sees_the_value_of_its_caller_and_its_callbacks_do_not() {
    let before: P<&str> = P::resolve(()).map(|()| name());
    NAME.run("caller", || {
        assert_eq!(run(name).unwrap(), "caller");
        let seen = block_on(async {
            let first = name();
            let handler = before.await.unwrap();
            (first, handler, name())
        });
        assert_eq!(seen, ("caller", "none", "caller"));
        queue_microtask(|| assert_eq!(name(), "caller"));
        NAME.exit(|| queue_microtask(|| assert_eq!(name(), "none")));
        while host::run_job() {}
        assert_eq!(name(), "caller");
    });
}

#[test]
fn loops_do_not_hand_values_to_each_other() {
    let outer = EventLoop::new();
    let inner = EventLoop::new();
    let seen = outer.block_on(NAME.run("outer", || {
        P::spawn(async move {
            let waiting = inner.enter(|| P::resolve(()).map(|()| name()));
            Ok((inner.run(name).unwrap(), inner.block_on(waiting).unwrap(), name()))
        })
    }));
    assert_eq!(seen, Ok(("outer", "outer", "outer")));
}

#[test]
fn thenables_see_the_value_where_they_were_handed_over() {
    let (promise, resolve, _reject) = P::<&str>::with_resolvers();
    NAME.run("handed over", || {
        let then = |resolve: thenable::Resolve<_, _>, _: thenable::Reject<_, _>| {
            resolve(name());
            Ok(())
        };
        resolve.with(Resolution::Thenable(Box::new(then)));
    });
    assert_eq!(block_on(promise), Ok("handed over"));
}

#[test]
fn functions_that_a_combinator_calls_later_see_the_value() {
    let one_at_a_time = NAME.run("mapped", || {
        P::<Vec<_>>::map_all(0..3, 1, |n| P::resolve(n).map(|n| (n, name())).map(|(n, inner)| (n, inner, name())))
    });
    let calls = NAME.run("called", || P::<Vec<_>>::map_all(0..3, 1, |_| Ok::<_, &str>(name())));
    assert_eq!(
        block_on(one_at_a_time),
        Ok(vec![(0, "mapped", "mapped"), (1, "mapped", "mapped"), (2, "mapped", "mapped")])
    );
    assert_eq!(block_on(calls), Ok(vec!["called"; 3]));
}

#[test]
fn a_listener_of_rejections_sees_none() {
    let seen = Rc::new(Cell::new(""));
    let listener = seen.clone();
    on_unhandled_rejection(move |_| listener.set(name()));
    run(|| NAME.run("rejecting", || drop(P::<()>::reject("nobody listens")))).unwrap();
    thenable::remove_rejection_hooks();
    assert_eq!(seen.get(), "none");
}

#[test]
fn a_snapshot_runs_what_is_called_by_other_ways() {
    let waiting: RefCell<Vec<Box<dyn FnOnce() -> &'static str>>> = RefCell::default();
    let ask = || waiting.borrow_mut().push(Box::new(Snapshot::take().bind(name)));
    NAME.run("first", ask);
    ask();
    let snapshot = NAME.run("kept", Snapshot::take);
    NAME.run("answering", || {
        let answers: Vec<_> = waiting.take().into_iter().map(|answer| answer()).collect();
        assert_eq!(answers, ["first", "none"]);
        assert_eq!((snapshot.run(name), snapshot.run(name), name()), ("kept", "kept", "answering"));
    });
}

#[test]
fn a_value_goes_when_nothing_can_see_it_any_more() {
    static KEPT: AsyncLocal<Rc<()>> = AsyncLocal::new();
    let value = Rc::new(());
    let alive: Weak<()> = Rc::downgrade(&value);
    let (promise, resolve, _reject) = P::<()>::with_resolvers();
    let tail = KEPT.run(value, || promise.map(|()| KEPT.get().is_some()));
    assert!(alive.upgrade().is_some(), "the handler will see it");
    resolve(());
    assert_eq!(block_on(tail), Ok(true));
    assert!(alive.upgrade().is_none());
}

#[test]
fn dropping_a_value_may_use_variables() {
    struct Drops(Rc<RefCell<Vec<&'static str>>>);

    impl Drop for Drops {
        fn drop(&mut self) {
            let seen = self.0.clone();
            NAME.run("while a value is dropped", || queue_microtask(move || seen.borrow_mut().push(name())));
        }
    }

    static DROPPED: AsyncLocal<Drops> = AsyncLocal::new();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (between, after) = (seen.clone(), seen.clone());
    run(|| {
        DROPPED.run(Drops(seen.clone()), || queue_microtask(|| {}));
        // The queue drops the first value when it comes to the second one, and that one when it is empty.
        DROPPED.run(Drops(seen.clone()), || queue_microtask(move || between.borrow_mut().push(name())));
    })
    .unwrap();
    assert_eq!(*after.borrow(), ["none", "while a value is dropped", "while a value is dropped"]);
}

/// Entries of one queue, with contexts that change and that do not.
#[test]
fn what_is_queued_side_by_side_sees_its_own_value_each() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let look = |number: u32| {
        let seen = seen.clone();
        move |()| seen.borrow_mut().push((number, name()))
    };
    run(|| {
        P::resolve(()).map(look(0));
        NAME.run("a", || {
            P::resolve(()).map(look(1));
            P::resolve(()).map(look(2)).map(look(6));
        });
        P::resolve(()).map(look(3)).map(look(7));
        NAME.run("b", || P::resolve(()).map(look(4)));
        let look = look(5);
        NAME.run("a", || queue_microtask(move || look(())));
    })
    .unwrap();
    let all = [(0, "none"), (1, "a"), (2, "a"), (3, "none"), (4, "b"), (5, "a"), (6, "a"), (7, "none")];
    assert_eq!(*seen.borrow(), all);
}

#[test]
fn what_is_pending_is_counted_whatever_values_it_sees() {
    let event_loop = EventLoop::new();
    event_loop.enter(|| {
        queue_microtask(|| {});
        NAME.run("a", || (0..2).for_each(|_| queue_microtask(|| {})));
        NAME.run("b", || drop(P::resolve(()).map(|()| ())));
        queue_microtask(|| {});
        NAME.run("a", || next_tick(|| {}));
    });
    let pending = event_loop.pending();
    assert_eq!((pending.jobs, pending.ticks), (5, 1));
    event_loop.run(|| {}).unwrap();
    assert_eq!(event_loop.pending(), Pending::default());
}

#[test]
fn a_panic_leaves_those_that_are_queued_their_values() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let look = |seen: &Rc<RefCell<Vec<&'static str>>>| {
        let seen = seen.clone();
        move || seen.borrow_mut().push(name())
    };
    NAME.run("a", || {
        queue_microtask(|| panic!("on purpose"));
        queue_microtask(look(&seen));
    });
    queue_microtask(look(&seen));
    assert!(catch_unwind(AssertUnwindSafe(|| run(|| ()))).is_err());
    assert_eq!(name(), "none");
    queue_microtask(look(&seen));
    run(|| ()).unwrap();
    assert_eq!(*seen.borrow(), ["a", "none", "none"]);
}

#[test]
fn what_is_dropped_with_a_promise_sees_the_value_of_what_dropped_it() {
    struct Drops(Rc<Cell<&'static str>>);

    impl Drop for Drops {
        fn drop(&mut self) {
            self.0.set(name());
        }
    }

    let seen = Rc::new(Cell::new("nothing was dropped"));
    let value = Drops(seen.clone());
    // The promise that the handler returns is followed in jobs of its own, and nobody wants what it comes to.
    NAME.run("a", || drop(P::resolve(()).then(|()| P::resolve(value))));
    NAME.run("b", || queue_microtask(|| {}));
    run(|| ()).unwrap();
    assert_eq!(seen.get(), "a");
}

#[test]
fn another_thread_has_values_of_its_own() {
    NAME.run("here", || {
        let there = std::thread::spawn(|| (name(), NAME.run("there", name)));
        assert_eq!(there.join().unwrap(), ("none", "there"));
        assert_eq!(name(), "here");
    });
}

#[test]
fn a_debug_text_shows_the_value_of_here_and_now() {
    assert_eq!(format!("{NAME:?}"), "AsyncLocal { value: None }");
    NAME.run("a", || assert_eq!(format!("{NAME:?}"), "AsyncLocal { value: Some(\"a\") }"));
    assert_eq!(format!("{:?}", Snapshot::take()), "Snapshot { .. }");
    assert_eq!(format!("{:?}", NAME.run_async("a", async {})), "RunAsync { .. }");
}
