//! Rules C1 to C5, and what else the algorithms of ECMA-262 §27.2.4 say: `all`, `all_settled`, `any`, `race`. Each test is a
//! snippet that Node ran, and asserts what Node printed.
mod common;

use std::fmt::Debug;
use std::iter;

use common::{at, c, expect_trace, g, log, object};
use thenable::{AggregateError, Outcome, Promise, Resolution, on_unhandled_rejection, queue_microtask};

type P = Promise<i32, i32>;

/// A handler that logs `name`, what it is given, and the tick.
fn show<A: Debug + 'static>(name: &'static str) -> impl FnOnce(A) + 'static {
    move |argument| at(format_args!("{name} {argument:?}"))
}

/// The same for a reason. It fulfills with the default of the promise's type.
fn caught<A: Debug + 'static, T: Default, E>(name: &'static str) -> impl FnOnce(A) -> Result<T, E> + 'static {
    move |reason| {
        at(format_args!("{name} {reason:?}"));
        Ok(T::default())
    }
}

/// The same for the reasons of `any`.
fn errors<T: Default, E>(name: &'static str) -> impl FnOnce(AggregateError<i32>) -> Result<T, E> + 'static {
    move |error| caught(name)(error.errors)
}

/// Calls `callback` after so many ticks.
fn tick(ticks: u32, callback: impl FnOnce() + 'static) {
    match ticks {
        0 => callback(),
        _ => queue_microtask(move || tick(ticks - 1, callback)),
    }
}

/// A promise that settles after so many ticks.
fn later<T: 'static>(ticks: u32, result: Result<T, i32>) -> Promise<T, i32> {
    Promise::new(|resolve, reject| {
        tick(ticks, move || match result {
            Ok(value) => resolve(value),
            Err(reason) => reject(reason),
        });
    })
}

/// `process.on('unhandledRejection', e => log('UNHANDLED ' + e))`.
fn log_unhandled() {
    on_unhandled_rejection(|report| log(format_args!("UNHANDLED {:?}", report.reason())));
}

#[test]
fn c1_over_settled_promises_the_result_settles_in_the_first_tick() {
    expect_trace("all@2  allSettled@2  any@2  race@2", || {
        let q = P::resolve(1);
        Promise::all([q.clone(), q.clone()]).then(c("all"));
        Promise::all_settled([q.clone()]).then(c("allSettled"));
        Promise::any([q.clone()]).then(c("any"));
        Promise::race([q]).then(c("race"));
    });
}

#[test]
fn c2_empty_iterables_settle_all_all_settled_and_any_at_once_and_race_never() {
    expect_trace("all@1  allSettled@1  any@1", || {
        Promise::all(iter::empty::<P>()).then(c("all"));
        Promise::all_settled(iter::empty::<P>()).then(c("allSettled"));
        Promise::any(iter::empty::<Promise<(), i32>>()).catch(c("any"));
        Promise::race(iter::empty::<Promise<(), i32>>()).then_catch(c("race"), c("race"));
    });
}

#[test]
fn c3_elements_are_converted_and_hooked_one_by_one() {
    expect_trace("race@2  from t.then", || {
        let t = object(|_resolve, _reject| {
            queue_microtask(|| log("from t.then"));
            Ok(())
        });
        Promise::race([Resolution::Adopt(P::resolve(1)), t]).then(c("race"));
    });
}

#[test]
fn c3_each_element_is_converted_before_the_next_one_is_asked_for() {
    struct Thenable(i32);

    impl thenable::IntoResolution<i32> for Thenable {
        type Value = i32;

        fn into_resolution(self) -> Resolution<i32, i32> {
            let Self(n) = self;
            log(format_args!("get then {n}"));
            object(move |resolve, _| {
                at(format_args!("then {n}"));
                resolve(n);
                Ok(())
            })
        }
    }

    let expected = "next 1  get then 1  next 2  get then 2  done  sync  then 1@1  then 2@1  all [1, 2]@3";
    expect_trace(expected, || {
        let mut n = 0;
        let elements = iter::from_fn(move || {
            n += 1;
            if n == 3 {
                log("done");
                return None;
            }
            log(format_args!("next {n}"));
            Some(Thenable(n))
        });
        Promise::all(elements).then(show("all"));
        log("sync");
    });
}

#[test]
fn c4_the_first_rejection_wins_in_tick_order_and_the_losers_are_handled() {
    log_unhandled();
    expect_trace("rejected 2@2", || {
        let d = |n| Promise::<(), i32>::resolve(()).then(|()| ()).then(move |()| Err::<(), _>(n));
        Promise::all([d(1), Promise::reject(2), d(3)]).catch(caught("rejected"));
    });
}

#[test]
fn c5_race_takes_the_first_of_those_that_have_settled_and_any_keeps_the_order_of_errors() {
    expect_trace("race 1@2  any [1, 2, 3]@3", || {
        let (q, e) = (P::resolve, P::reject);
        Promise::race([q(1), q(2)]).then(show("race"));
        Promise::any([e(1), later(1, Err(2)), e(3)]).catch(errors("any"));
    });
}

#[test]
fn plain_values_take_as_long_as_settled_promises() {
    expect_trace("then@1  mixed@2  value@2  race@2  any@2  settled@2", || {
        let q = P::resolve(1);
        Promise::all([Resolution::Adopt(q.clone()), Resolution::Fulfill(2)]).then(c("mixed"));
        Promise::all([Ok::<_, i32>(3)]).then(c("value"));
        Promise::race([Ok::<_, i32>(4)]).then(c("race"));
        Promise::any([Ok::<_, i32>(5)]).then(c("any"));
        Promise::all_settled([Ok::<_, i32>(6)]).then(c("settled"));
        q.then(c("then"));
    });
}

#[test]
fn plain_reasons_reject_as_rejected_promises_do() {
    // In Node each `Err(n)` is a `Promise.reject(n)`.
    log_unhandled();
    expect_trace("all 1@2  race 1@2  any [1, 2]@2  settled [Rejected(1)]@2", || {
        Promise::all([Err::<i32, _>(1), Err(2)]).catch(caught("all"));
        Promise::race([Err::<i32, _>(1), Err(2)]).catch(caught("race"));
        Promise::any([Err::<i32, _>(1), Err(2)]).catch(errors("any"));
        Promise::all_settled([Err::<(), _>(1)]).then(show("settled"));
    });
}

#[test]
fn a_thenable_takes_a_tick_more() {
    expect_trace("called@1  called@1  called@1  called@1  then@2  all [1, 1]@3  race@3", || {
        let t = || {
            object::<i32, i32>(|r, _| {
                at("called");
                r(1);
                r(2);
                Ok(())
            })
        };
        Promise::all([t(), t()]).then(show("all"));
        Promise::race([t()]).then(c("race"));
        P::resolve_with(t()).then(c("then"));
    });
}

#[test]
fn an_element_that_settles_twice_counts_once() {
    expect_trace("again@2  all [1, 4]@5", || {
        let t = object(|r, j| {
            r(1);
            queue_microtask(move || {
                r(2);
                j(3);
                at("again");
            });
            Ok(())
        });
        let slow = P::resolve(0).then(|_| ()).then(|()| ()).then(|()| Ok(4));
        Promise::all([t, Resolution::Adopt(slow)]).then(show("all"));
    });
}

#[test]
fn a_thenable_that_fails() {
    expect_trace("all [1]@3  [Rejected(3), Rejected(4)]@3", || {
        let t = object::<i32, i32>(|r, _| {
            r(1);
            Err(2)
        });
        Promise::all([t]).then(show("all"));
        let rejects = object::<(), i32>(|_, j| {
            j(3);
            Ok(())
        });
        Promise::all_settled([rejects, object(|_, _| Err(4))]).then(|outcomes| at(format_args!("{outcomes:?}")));
    });
}

#[test]
fn the_same_promise_twice() {
    expect_trace("then@2  all [7, 7]@3", || {
        let (p, r, _) = P::with_resolvers();
        Promise::all([p.clone(), p.clone()]).then(show("all"));
        p.then(c("then"));
        queue_microtask(move || r(7));
    });
}

#[test]
fn all_settles_in_the_job_of_the_element_that_was_missing() {
    expect_trace("before@3  after@3  all [\"a\", \"b\"]@6", || {
        let p1 = Promise::<_, i32>::with_resolvers();
        let p2 = Promise::<_, i32>::with_resolvers();
        p2.0.clone().then(c("before"));
        Promise::all([p1.0, p2.0.clone()]).then(show("all"));
        p2.0.then(c("after"));
        tick(2, move || (p2.1)("b"));
        tick(4, move || (p1.1)("a"));
    });
}

#[test]
fn elements_rejected_in_the_same_tick() {
    expect_trace("all 2@3  race 2@3  any [1, 2]@3", || {
        let (p1, _, j1) = P::with_resolvers();
        let (p2, _, j2) = P::with_resolvers();
        Promise::all([p1.clone(), p2.clone()]).catch(caught("all"));
        Promise::race([p1.clone(), p2.clone()]).catch(caught("race"));
        Promise::any([p1, p2]).catch(errors("any"));
        queue_microtask(move || {
            j2(2);
            j1(1);
        });
    });
}

#[test]
fn the_winner_is_the_first_in_time() {
    expect_trace("race 2@3  any 1@5", || {
        Promise::race([later(3, Ok(1)), later(1, Err(2))]).catch(caught("race"));
        Promise::any([later(1, Err(2)), later(3, Ok(1))]).then(show("any"));
    });
}

#[test]
fn all_settled_keeps_the_order_of_the_elements() {
    let expected = "[Fulfilled('a'), Rejected(1), Rejected(2)]@5";
    expect_trace(expected, || {
        let elements = [later(3, Ok('a')), Promise::reject(1), later(1, Err(2))];
        Promise::all_settled(elements).then(|outcomes| at(format_args!("{outcomes:?}")));
    });
}

#[test]
fn the_result_is_a_rejection_of_its_own() {
    on_unhandled_rejection(|report| log(format_args!("{:?}", report.reason())));
    expect_trace("AggregateError { errors: [] }  1  3  AggregateError { errors: [5, 6] }", || {
        let e = P::reject;
        Promise::all([e(1), e(2)]);
        Promise::race([e(3), e(4)]);
        Promise::any([e(5), e(6)]);
        Promise::all_settled([e(7)]);
        Promise::any(iter::empty::<P>());
    });
}

#[test]
fn losers_that_are_rejected_later_are_handled() {
    log_unhandled();
    expect_trace("reject 1  race@2  any@2  all 1@4  reject 2  reject 3  reject 4", || {
        let later = |ticks, reason| {
            P::new(|_, reject| {
                tick(ticks, move || {
                    log(format_args!("reject {reason}"));
                    reject(reason);
                });
            })
        };
        Promise::all([P::resolve(1), later(2, 1), later(4, 2)]).catch(caught("all"));
        Promise::race([P::resolve(1), later(5, 3)]).then(c("race"));
        Promise::any([P::resolve(1), later(6, 4)]).then(c("any"));
    });
}

#[test]
fn combinators_of_combinators() {
    expect_trace("nested [[1], []]@3  race@3", || {
        let q = P::resolve(1);
        Promise::all([Promise::all([q.clone()]), Promise::all(iter::empty::<P>())]).then(show("nested"));
        Promise::race([Promise::race([q])]).then(c("race"));
    });
}

#[test]
fn a_combinator_is_awaited_as_any_promise() {
    expect_trace("await@2  then@2", || {
        Promise::<(), i32>::spawn(async {
            Promise::all([P::resolve(1)]).await?;
            at("await");
            Ok(())
        });
        Promise::all([P::resolve(1)]).then(c("then"));
    });
}

#[test]
fn a_combinator_is_adopted_as_any_promise() {
    expect_trace("resolved@3  returned@4", || {
        P::resolve(1).then(|_| Promise::all([P::resolve(1)])).then(c("returned"));
        Promise::new(|resolve, _| resolve.with(Promise::all(iter::empty::<P>()))).then(c("resolved"));
    });
}

#[test]
fn elements_are_hooked_up_in_order_with_handlers() {
    expect_trace("before@1  after@1  all@2  second@2", || {
        let q = P::resolve(1);
        q.clone().then(c("before"));
        Promise::all([q.clone()]).then(c("all"));
        q.then(c("after")).then(c("second"));
    });
    expect_trace("then@2  race@3  any@3  all@3  settled@3", || {
        let (p, r, _) = P::with_resolvers();
        Promise::race([p.clone()]).then(c("race"));
        p.clone().then(c("then"));
        Promise::any([p.clone()]).then(c("any"));
        Promise::all([p.clone()]).then(c("all"));
        Promise::all_settled([p]).then(c("settled"));
        tick(1, move || r(1));
    });
}

#[test]
fn an_iterator_that_fails_settles_the_result_at_once() {
    // In Node the iterator throws, and the results are rejected; here it panics, which is a fault.
    log_unhandled();
    let expected = "throws  throws  throws  throws  sync  all bad@1  allSettled bad@1  any bad@1  race bad@1";
    expect_trace(expected, || {
        fn elements() -> impl Iterator<Item = P> {
            let mut n = 0;
            iter::from_fn(move || {
                n += 1;
                match n {
                    1 => Some(P::resolve(1)),
                    2 => Some(later(1, Err(2))),
                    _ => {
                        log("throws");
                        std::panic::resume_unwind(Box::new("bad"))
                    }
                }
            })
        }
        fn show_fault<T: 'static, E: Debug + 'static>(name: &'static str, promise: Promise<T, E>) {
            promise.handle(move |outcome| match outcome {
                Outcome::Faulted(fault) => at(format_args!("{name} {}", fault.message())),
                _ => log(format_args!("{name} has not faulted in {}", g())),
            });
        }
        show_fault("all", Promise::all(elements()));
        show_fault("allSettled", Promise::all_settled(elements()));
        show_fault("any", Promise::any(elements()));
        show_fault("race", Promise::race(elements()));
        log("sync");
    });
}
