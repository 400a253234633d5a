//! `await` means `then`: a chain and the async function of the same steps come to the same, and where the rules give both
//! the same ticks, no trace tells them apart.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use thenable::{Outcome, Promise, queue_microtask, run};

use crate::interpreter::Seen;
use crate::sources::{Fate, Function, Source, function, outcome, source};
use crate::{cases, on_a_new_thread};

/// A link of a chain.
#[derive(Clone, Debug)]
enum Link {
    Then(Function),
    Catch(Function),
    Finally(Function),
}

fn link() -> impl Strategy<Value = Link> {
    prop_oneof![
        3 => function().prop_map(Link::Then),
        1 => function().prop_map(Link::Catch),
        1 => function().prop_map(Link::Finally),
    ]
}

fn chained(source: &Source, links: &[Link]) -> Promise<i32, i32> {
    links.iter().fold(source.promise(), |promise, link| match link {
        Link::Then(f) => promise.then(f.handler()),
        Link::Catch(f) => promise.catch(f.handler()),
        Link::Finally(f) => {
            let handler = f.handler();
            promise.finally(move || handler(0))
        }
    })
}

/// The same by `await`, `match` and `?`. A panic leaves the function at once, so a `finally` that runs while it unwinds
/// cannot be written; see `no_fault`.
async fn awaited(source: Source, links: Vec<Link>) -> Result<i32, i32> {
    let mut result = source.promise().await;
    for link in links {
        match (link, result) {
            (Link::Then(f), Ok(value)) => result = Promise::resolve_with(f.call(value)).await,
            (Link::Catch(f), Err(reason)) => result = Promise::resolve_with(f.call(reason)).await,
            (Link::Finally(f), _) => {
                Promise::resolve_with(f.call(0)).await?;
            }
            (_, passed) => result = passed,
        }
    }
    result
}

/// A `finally` that fails by a reason may be followed by a `catch`; then `?` in the function above would say too much. So
/// chains with links after a `finally` that rejects are cut there.
fn cut_after_a_failing_finally(links: &mut Vec<Link>) {
    let fails = |link: &Link| match link {
        Link::Finally(Function::Throw(_)) => true,
        Link::Finally(Function::Promise(source) | Function::Thenable(source)) => {
            matches!(source.seen(), Some(Seen::Rejected(_)))
        }
        _ => false,
    };
    if let Some(at) = links.iter().position(fails) {
        links.truncate(at + 1);
    }
}

/// One of several chains of plain functions that run side by side.
#[derive(Clone, Debug)]
struct Lane {
    /// The tick in which its source settles.
    starts: u8,
    fulfilled: bool,
    length: usize,
}

/// The trace of `lanes`, of which those are async functions for which `by_await` says so.
fn race_of_lanes(lanes: &[Lane], by_await: impl Fn(usize) -> bool) -> Vec<String> {
    let trace = Rc::new(RefCell::new(Vec::new()));
    run(|| {
        for (number, lane) in lanes.iter().enumerate() {
            let trace = trace.clone();
            let log = move |line: String| trace.borrow_mut().push(line);
            let fate = if lane.fulfilled { Fate::Fulfill(0) } else { Fate::Reject(0) };
            let source = if lane.starts == 0 { Source::Now(fate) } else { Source::Later(lane.starts, fate) };
            let length = lane.length;
            let end = if by_await(number) {
                let log = log.clone();
                Promise::spawn(async move {
                    let mut result = source.promise().await;
                    for step in 0..length {
                        log(format!("lane {number}, step {step}: {result:?}"));
                        result = match result {
                            Ok(value) => Promise::resolve(value + 1).await,
                            Err(reason) => Promise::reject(reason + 1).await,
                        };
                    }
                    result
                })
            } else {
                (0..length).fold(source.promise(), |promise, step| {
                    let (on_value, on_reason) = (log.clone(), log.clone());
                    promise.then_catch(
                        move |value| {
                            on_value(format!("lane {number}, step {step}: {:?}", Ok::<i32, i32>(value)));
                            Ok(value + 1)
                        },
                        move |reason| {
                            on_reason(format!("lane {number}, step {step}: {:?}", Err::<i32, i32>(reason)));
                            Err(reason + 1)
                        },
                    )
                })
            };
            // An async function settles its promise in the tick of its last step, where a chain has one link more.
            let end = if by_await(number) { end } else { end.then_catch(Ok, Err) };
            end.handle(move |outcome| {
                if let Outcome::Faulted(fault) = &outcome {
                    unreachable!("{fault}");
                }
                log(format!("lane {number} ends"));
            });
        }
        // Ticks show in the trace.
        let trace = trace.clone();
        count_ticks(0, Rc::new(move |tick| trace.borrow_mut().push(format!("tick {tick}"))));
    })
    .expect("every rejection is handled");
    trace.take()
}

fn count_ticks(tick: u32, log: Rc<dyn Fn(u32)>) {
    if tick < 12 {
        queue_microtask(move || {
            log(tick);
            count_ticks(tick + 1, log);
        });
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_chain_and_its_async_function_come_to_the_same(source in source(), mut links in vec(link(), 0..6)) {
        cut_after_a_failing_finally(&mut links);
        let by_then = outcome(|| chained(&source, &links));
        let by_await = outcome(|| Promise::spawn(awaited(source.clone(), links.clone())));
        // After a fault only the `finally` links of a chain go on: they may wait for ever.
        let no_fault = !matches!(by_await, Some(Seen::Faulted(_)));
        let waits = by_then.is_none();
        prop_assert!(by_then == by_await || (!no_fault && waits), "{by_then:?} by then, {by_await:?} by await");
    }

    #[test]
    fn lanes_of_plain_functions_run_in_the_same_order_by_then_and_by_await(
        lanes in vec((0..4_u8, any::<bool>(), 1..5_usize), 1..5),
        by_await in vec(any::<bool>(), 4),
    ) {
        let lane = |(starts, fulfilled, length)| Lane { starts, fulfilled, length };
        let lanes: Vec<Lane> = lanes.into_iter().map(lane).collect();
        let by_then = on_a_new_thread(|| race_of_lanes(&lanes, |_| false));
        let mixed = on_a_new_thread(|| race_of_lanes(&lanes, |lane| by_await[lane]));
        prop_assert_eq!(mixed, by_then);
    }
}
