//! The seeded schedule: what is open is chosen by the seed, what a rule fixes is not.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::thread;

use thenable::{EventLoop, Promise, RemoteResolver, queue_microtask, set_immediate, set_timeout};

use crate::common::{log, ms, timeout, trace};

type P<T> = Promise<T, i32>;

/// Three threads that have each sent three messages before the loop runs, one thread after the other.
fn trace_of(builder: thenable::EventLoopBuilder) -> String {
    let run = move || {
        let event_loop = builder.build();
        let resolvers: Vec<RemoteResolver<String, i32>> = event_loop.enter(|| {
            set_immediate(|| log("immediate"));
            set_timeout(|| log("timer"), ms(1));
            (0..9)
                .map(|_| {
                    let (promise, resolver) = P::<String>::remote();
                    promise.map(log);
                    resolver
                })
                .collect()
        });
        let mut resolvers = resolvers.into_iter();
        for name in ["a", "b", "c"] {
            let own: Vec<_> = resolvers.by_ref().take(3).collect();
            let send = move || own.into_iter().zip(1..).for_each(|(to, n)| to.resolve(format!("{name}{n}")).unwrap());
            thread::spawn(send).join().unwrap();
        }
        event_loop.run(|| ()).unwrap();
        trace()
    };
    // The trace belongs to the thread.
    thread::spawn(run).join().unwrap()
}

fn builder() -> thenable::EventLoopBuilder {
    EventLoop::builder().virtual_clock().auto_advance(true)
}

#[test]
fn without_a_seed_messages_are_delivered_as_they_arrived() {
    assert_eq!(trace_of(builder()), "a1  a2  a3  b1  b2  b3  c1  c2  c3  immediate  timer");
}

#[test]
fn the_same_seed_makes_the_same_choices_and_others_make_others() {
    let traces: BTreeSet<String> = (0..40).map(|seed| trace_of(builder().seed(seed))).collect();
    assert!(traces.len() > 30, "{} different ones", traces.len());
    for seed in [0, 1, u64::MAX] {
        assert_eq!(trace_of(builder().seed(seed)), trace_of(builder().seed(seed)));
    }
    let notices_some_later = |trace: &String| !trace.ends_with("immediate  timer");
    assert!(traces.iter().any(notices_some_later) && !traces.iter().all(notices_some_later));
}

#[test]
fn the_messages_of_one_thread_stay_in_their_order() {
    for seed in 0..40 {
        let trace = trace_of(builder().seed(seed));
        for name in ["a", "b", "c"] {
            let own: Vec<_> = trace.split("  ").filter(|line| line.starts_with(name)).collect();
            let sent = [1, 2, 3].map(|n| format!("{name}{n}"));
            assert_eq!(own, sent, "seed {seed}: {trace}");
        }
    }
}

#[test]
fn no_seed_changes_what_a_rule_fixes() {
    for seed in 0..40 {
        let run = move || {
            builder()
                .seed(seed)
                .build()
                .run(|| {
                    timeout(5, || log("A0"));
                    timeout(1, || timeout(5, || log("A1")));
                    timeout(2, || timeout(4, || log("B")));
                    set_immediate(|| log("i1"));
                    set_immediate(|| log("i2"));
                    queue_microtask(|| log("m"));
                })
                .unwrap();
            trace()
        };
        assert_eq!(thread::spawn(run).join().unwrap(), "m  i1  i2  A0  B  A1", "seed {seed}");
    }
}

#[test]
fn the_seed_can_be_asked_for() {
    let event_loop = builder().seed(0x5eed).build();
    assert_eq!(event_loop.seed(), Some(0x5eed));
    assert!(format!("{event_loop:?}").contains("seed: 24301"), "{event_loop:?}");
    assert_eq!(EventLoop::new().seed(), None);
}

const FAILS: &str = "THENABLE_TEST_FAILS";

#[test]
fn a_test_that_fails_prints_the_seed() {
    if env::var_os(FAILS).is_some() {
        let _event_loop = builder().seed(4711).build();
        panic!("as a failing test does");
    }
    let name = "schedule::a_test_that_fails_prints_the_seed";
    let this = env::current_exe().expect("it is running");
    let run =
        Command::new(this).args(["--exact", name, "--nocapture"]).env(FAILS, "1").output().expect("it can be run");
    let text = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success());
    let note = "note: the event loop's schedule had the seed 4711; `EventLoop::builder().seed(4711)` repeats it";
    assert!(text.contains(note), "{text}");
}
