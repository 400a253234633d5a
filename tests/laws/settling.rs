//! A promise settles once, by the first call (invariant 1; rules T10, T11). Reactions run in the order of registration, jobs
//! in the order of settling (invariant 3; rules T2, T3).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use thenable::{Promise, Reject, Resolve, queue_microtask, run};

use crate::interpreter::Seen;
use crate::sources::{Source, after, outcome, source};
use crate::{cases, on_a_new_thread};

/// A call of a resolving function.
#[derive(Clone, Debug)]
struct Call {
    place: Place,
    /// On a clone of the function, which is dropped after the call.
    on_a_clone: bool,
    what: What,
}

/// Where a resolving function is called. Those of one tick are called in the order in which they were written.
#[derive(Clone, Copy, Debug)]
enum Place {
    Executor,
    Microtask(u8),
    Handler(u8),
    AsyncFunction(u8),
}

#[derive(Clone, Debug)]
enum What {
    Resolve(i32),
    Reject(i32),
    With(Source),
    Throw(i32),
}

impl Place {
    fn tick(self) -> u8 {
        match self {
            Self::Executor => 0,
            Self::Microtask(tick) | Self::Handler(tick) | Self::AsyncFunction(tick) => tick,
        }
    }

    /// Makes the call of `callback` in this place.
    fn call(self, callback: impl FnOnce() + 'static) {
        match self {
            Self::Executor => callback(),
            Self::Microtask(tick) => after(tick, callback),
            Self::Handler(tick) => {
                let before = (1..tick).fold(Promise::<(), ()>::resolve(()), |promise, _| promise.map(|()| ()));
                before.map(|()| callback());
            }
            Self::AsyncFunction(tick) => {
                Promise::<(), ()>::spawn(async move {
                    for _ in 0..tick {
                        Promise::<(), ()>::resolve(()).await?;
                    }
                    callback();
                    Ok(())
                });
            }
        }
    }
}

impl What {
    fn call(self, resolve: &Resolve<i32, i32>, reject: &Reject<i32, i32>) {
        match self {
            Self::Resolve(value) => resolve(value),
            Self::Reject(reason) => reject(reason),
            Self::With(source) => resolve.with(source.promise()),
            Self::Throw(reason) => resolve.with(Err(reason)),
        }
    }

    fn seen(&self) -> Option<Seen> {
        match self {
            Self::Resolve(value) => Some(Seen::Fulfilled(*value)),
            Self::Reject(reason) | Self::Throw(reason) => Some(Seen::Rejected(*reason)),
            Self::With(source) => source.seen(),
        }
    }
}

fn a_call() -> impl Strategy<Value = Call> {
    let place = prop_oneof![
        Just(Place::Executor),
        (1..5_u8).prop_map(Place::Microtask),
        (1..5_u8).prop_map(Place::Handler),
        (1..5_u8).prop_map(Place::AsyncFunction),
    ];
    let what = prop_oneof![
        (0..9).prop_map(What::Resolve),
        (10..19).prop_map(What::Reject),
        source().prop_map(What::With),
        (10..19).prop_map(What::Throw),
    ];
    (place, any::<bool>(), what).prop_map(|(place, on_a_clone, what)| Call { place, on_a_clone, what })
}

/// What is written down about many promises: a reaction, or a settling.
#[derive(Clone, Debug)]
enum Line {
    React { promise: usize, how: How },
    Settle { promise: usize, fulfilled: bool },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Then,
    Finally,
    Handle,
    Await,
}

/// How many promises there are.
const PROMISES: usize = 4;

fn line() -> impl Strategy<Value = Line> {
    let how = prop_oneof![Just(How::Then), Just(How::Finally), Just(How::Handle), Just(How::Await)];
    prop_oneof![
        2 => (0..PROMISES, how).prop_map(|(promise, how)| Line::React { promise, how }),
        1 => (0..PROMISES, any::<bool>()).prop_map(|(promise, fulfilled)| Line::Settle { promise, fulfilled }),
    ]
}

/// The queue that the law speaks of: names of reactions, and the lines of the next tick.
fn expected_trace(parts: &[Vec<Line>]) -> Vec<usize> {
    enum Job {
        Part(usize),
        Reaction(usize),
    }

    let mut waiting: [Option<Vec<usize>>; PROMISES] = std::array::from_fn(|_| Some(Vec::new()));
    let mut queue = VecDeque::from([Job::Part(0)]);
    let mut trace = Vec::new();
    let mut names = 0..;
    while let Some(job) = queue.pop_front() {
        match job {
            Job::Reaction(name) => trace.push(name),
            Job::Part(part) => {
                let Some(lines) = parts.get(part) else { continue };
                queue.push_back(Job::Part(part + 1));
                for line in lines {
                    match line {
                        Line::React { promise, .. } => {
                            let name = names.next().expect("it has no end");
                            match &mut waiting[*promise] {
                                Some(waiting) => waiting.push(name),
                                None => queue.push_back(Job::Reaction(name)),
                            }
                        }
                        Line::Settle { promise, .. } => {
                            queue.extend(waiting[*promise].take().into_iter().flatten().map(Job::Reaction));
                        }
                    }
                }
            }
        }
    }
    trace
}

type Deferred = (Promise<(), ()>, Resolve<(), ()>, Reject<(), ()>);

/// The same lines on promises.
struct Writer {
    promises: Vec<Deferred>,
    parts: Vec<Vec<Line>>,
    trace: RefCell<Vec<usize>>,
    names: RefCell<std::ops::RangeFrom<usize>>,
}

impl Writer {
    fn part(self: &Rc<Self>, part: usize) {
        let Some(lines) = self.parts.get(part) else { return };
        let writer = self.clone();
        queue_microtask(move || writer.part(part + 1));
        for line in lines {
            match *line {
                Line::React { promise, how } => self.react(self.promises[promise].0.clone(), how),
                Line::Settle { promise, fulfilled: true } => (self.promises[promise].1)(()),
                Line::Settle { promise, fulfilled: false } => (self.promises[promise].2)(()),
            }
        }
    }

    fn react(self: &Rc<Self>, promise: Promise<(), ()>, how: How) {
        let name = self.names.borrow_mut().next().expect("it has no end");
        let writer = self.clone();
        let log = move || writer.trace.borrow_mut().push(name);
        match how {
            How::Then => {
                let other = log.clone();
                promise.then_catch(move |()| log(), move |()| other());
            }
            How::Finally => {
                promise.finally(log).catch(|()| Ok(()));
            }
            How::Handle => {
                promise.handle(move |_| log());
            }
            How::Await => {
                Promise::<(), ()>::spawn(async move {
                    let _ = promise.await;
                    log();
                });
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn the_first_call_settles(calls in vec(a_call(), 0..8)) {
        let seen = outcome(|| {
            Promise::new(|resolve, reject| {
                for call in &calls {
                    let Call { place, on_a_clone, what } = call.clone();
                    let (resolve, reject) = (resolve.clone(), reject.clone());
                    place.call(move || if on_a_clone {
                        what.call(&resolve.clone(), &reject.clone());
                    } else {
                        what.call(&resolve, &reject);
                    });
                }
            })
        });
        // `min_by_key` finds the first of equal ones.
        let first = calls.iter().min_by_key(|call| call.place.tick());
        prop_assert_eq!(seen, first.and_then(|call| call.what.seen()));
    }

    #[test]
    fn reactions_and_jobs_are_first_in_first_out(parts in vec(vec(line(), 0..8), 1..5)) {
        let expected = expected_trace(&parts);
        let trace = on_a_new_thread(|| {
            let promises = (0..PROMISES).map(|_| Promise::with_resolvers());
            let writer = Writer {
                // A rejection that nobody handles is no matter here.
                promises: promises.inspect(|(promise, ..)| { promise.clone().catch(|()| Ok(())); }).collect(),
                parts: parts.clone(),
                trace: RefCell::default(),
                names: RefCell::new(0..),
            };
            let writer = Rc::new(writer);
            run(|| writer.part(0)).expect("every rejection is handled");
            writer.trace.take()
        });
        prop_assert_eq!(trace, expected);
    }
}
