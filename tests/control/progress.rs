//! `with_progress`.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;

use thenable::{AsyncLocal, Outcome, Progress, Promise, block_on, run, with_progress};

use crate::common::{at, c, expect_trace, log, trace};
use crate::{Failure, Noisy, P, fault, pending, tick};

/// A callback that logs.
fn bar(progress: Progress) {
    log(format_args!("[{progress}]"));
}

fn later(ticks: u32) -> P {
    P::new(move |resolve, _| tick(ticks, move || resolve(i32::try_from(ticks).expect("it is small"))))
}

#[test]
fn an_all() {
    expect_trace("[0 of 3]  sync  [1 of 3]  [2 of 3]  3@4  [3 of 3]  all@6", || {
        let all = with_progress(bar).all([later(3).inspect(|n| at(n)), later(1), P::resolve(0)]);
        all.then(|values| {
            assert_eq!(values, [3, 1, 0]);
            at("all");
        });
        log("sync");
    });
}

#[test]
fn it_takes_the_ticks_of_the_verb_without_progress() {
    expect_trace("all@2  all with progress@2  map@3  map with progress@3", || {
        let two = || [P::resolve(1), P::resolve(2)];
        Promise::all(two()).then(c("all"));
        with_progress(drop).all(two()).then(c("all with progress"));
        Promise::map_all(two(), 1, |element| element).then(c("map"));
        with_progress(drop).map_all(two(), 1, |element| element).then(c("map with progress"));
    });
}

#[test]
fn no_elements() {
    assert_eq!(block_on(with_progress(bar).all(Vec::<P>::new())), Ok(vec![]));
    assert_eq!(block_on(with_progress(bar).map_all(Vec::<i32>::new(), 1, P::resolve)), Ok(vec![]));
    assert_eq!(trace(), "[0 of 0]  [0 of 0]");
}

#[test]
fn an_element_that_fails_is_not_done() {
    let elements = || [P::resolve(1), P::reject(Failure::No(2)), P::resolve(3)];
    assert_eq!(block_on(with_progress(bar).all(elements())), Err(Failure::No(2)));
    log("settled");
    let Ok(outcomes) = block_on(with_progress(bar).all_settled(elements()));
    assert_eq!(outcomes[1], Outcome::Rejected(Failure::No(2)));
    assert_eq!(trace(), "[0 of 3]  [1 of 3]  settled  [0 of 3]  [1 of 3]  [2 of 3]  [3 of 3]");
}

#[test]
fn the_verbs_that_call_a_function() {
    let odd = |n: &i32| P::resolve(n % 2 == 1).map(|odd| odd);
    assert_eq!(block_on(with_progress(bar).map_all([1, 2], 2, P::resolve)), Ok(vec![1, 2]));
    assert_eq!(block_on(with_progress(bar).filter_all([1, 2], 1, odd)), Ok(vec![1]));
    assert_eq!(block_on(with_progress(bar).each([1, 2], P::resolve)), Ok(()));
    assert_eq!(trace(), ["[0 of 2]  [1 of 2]  [2 of 2]"; 3].join("  "));
}

#[test]
fn a_total_that_comes_later() {
    let items = || (1..=9).filter(|n| n % 4 == 0);
    assert_eq!(block_on(with_progress(bar).map_all(items(), 1, P::resolve)), Ok(vec![4, 8]));
    log("and");
    assert_eq!(block_on(with_progress(bar).map_all(items(), 9, P::resolve)), Ok(vec![4, 8]));
    log("and");
    assert_eq!(block_on(with_progress(bar).all(items().map(P::resolve))), Ok(vec![4, 8]));
    assert_eq!(
        trace(),
        "[0]  [1]  [2]  [2 of 2]  and  [0]  [0 of 2]  [1 of 2]  [2 of 2]  and  [0 of 2]  [1 of 2]  [2 of 2]"
    );
}

#[test]
fn a_panic_of_the_callback_is_a_fault() {
    let panics_at = |bad: usize| {
        move |progress: Progress| {
            if progress.done == bad {
                panic_any("bar")
            }
        }
    };
    for bad in 0..=2 {
        assert_eq!(fault(with_progress(panics_at(bad)).all([P::resolve(1), P::resolve(2)])), "bar");
        assert_eq!(fault(with_progress(panics_at(bad)).map_all([1, 2], 1, P::resolve)), "bar");
    }
}

#[test]
fn the_callback_is_dropped_when_the_result_is_known() {
    let noisy = Noisy("bar");
    let (slow, _resolve, _reject) = pending();
    let all = with_progress(move |_| _ = &noisy).all([slow, P::reject(Failure::No(1))]);
    assert_eq!(block_on(all), Err(Failure::No(1)));
    assert_eq!(trace(), "drop bar");
}

#[test]
fn a_callback_that_runs_the_loop_is_called_once_more() {
    let done = Rc::new(RefCell::new(Vec::new()));
    let seen = done.clone();
    let all = with_progress(move |progress: Progress| {
        seen.borrow_mut().push(progress.done);
        run(|| {}).unwrap();
    })
    .all([P::resolve(1), P::resolve(2)]);
    assert_eq!(block_on(all), Ok(vec![1, 2]));
    assert_eq!(*done.borrow(), [0, 2]);
}

#[test]
fn debug() {
    assert_eq!(format!("{:?}", with_progress(drop)), "WithProgress { .. }");
    assert_eq!(Progress { done: 1, total: Some(2) }.to_string(), "1 of 2");
    assert_eq!(Progress { done: 1, total: None }.to_string(), "1");
}

#[test]
fn the_callback_sees_the_values_of_its_making() {
    static BAR: AsyncLocal<&str> = AsyncLocal::new();

    let seen = Rc::new(RefCell::new(Vec::new()));
    let write = seen.clone();
    let show = move |progress: Progress| write.borrow_mut().push((progress.done, BAR.get().map(|bar| *bar)));
    let all = BAR.run("bar", || with_progress(show)).all([P::resolve(1)]);
    block_on(all).unwrap();
    assert_eq!(*seen.borrow(), [(0, Some("bar")), (1, Some("bar"))]);
}
