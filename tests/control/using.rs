//! `Promise::using` and `using_async`.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;

use thenable::{AbortController, Promise, Resolution, block_on, queue_microtask, run};

use crate::common::{at, c, expect_trace, log, trace};
use crate::{Failure, Noisy, aborted, fault, faulted, pending, stalled, tick};

type P<T = i32> = Promise<T, Failure>;

const NO: Failure = Failure::No(1);

fn open() -> P<&'static str> {
    log("open");
    P::resolve("file")
}

fn close(file: &'static str) {
    log(format_args!("close {file}"));
}

#[test]
fn it_takes_the_ticks_of_then_and_finally() {
    let by_hand = || {
        open()
            .then(|file| {
                at(format_args!("use {file}"));
                P::resolve(1).finally(move || at("close"))
            })
            .then(c("done"));
    };
    let using = || {
        let use_it = |file| {
            at(format_args!("use {file}"));
            P::resolve(1)
        };
        P::using(open(), use_it, |_| at("close")).then(c("done"));
    };
    expect_trace("open  use file@1  close@2  done@6", by_hand);
    expect_trace("open  use file@1  close@2  done@6", using);
}

#[test]
fn the_release_is_awaited_in_every_outcome() {
    let release = |file| {
        close(file);
        P::new(|resolve, _| {
            tick(3, move || {
                log("closed");
                resolve(0);
            });
        })
    };
    let seen = |result: P| block_on(result.catch_unwind());
    assert_eq!(seen(P::using(open(), |_| Ok(1), release)), Ok(Ok(1)));
    assert_eq!(seen(P::using(open(), |_| Err(NO), release)), Err(NO));
    let result = seen(P::using(open(), |_| -> P { panic_any("use") }, release));
    assert_eq!(result.unwrap().unwrap_err().message(), "use");
    let result = seen(P::using(open(), |_| faulted("promise"), release));
    assert_eq!(result.unwrap().unwrap_err().message(), "promise");
    assert_eq!(trace(), ["open  close file  closed"; 4].join("  "));
}

#[test]
fn what_cannot_be_acquired_is_not_released() {
    let use_it = |(): ()| -> P { unreachable!("it was not acquired") };
    let release = |()| -> Result<(), Failure> { unreachable!("it was not acquired") };
    assert_eq!(block_on(P::using(P::<()>::reject(NO), use_it, release)), Err(NO));
    assert_eq!(fault(P::using(faulted("acquire"), use_it, release)), "acquire");
}

#[test]
fn a_release_that_fails_takes_the_place_of_the_outcome() {
    let fails = |_: &'static str| Err::<(), _>(Failure::No(2));
    assert_eq!(block_on(P::using(open(), |_| Ok(1), fails)), Err(Failure::No(2)));
    assert_eq!(block_on(P::<i32>::using(open(), |_| P::reject(NO), fails)), Err(Failure::No(2)));
    assert_eq!(fault(P::<i32>::using(open(), |_| faulted("use"), fails)), "use");
    let panics = |_: &'static str| -> P { panic_any("release") };
    assert_eq!(fault(P::using(open(), |_| Ok(1), panics)), "release");
    assert_eq!(fault(P::<i32>::using(open(), |_| P::reject(NO), panics)), "release");
}

#[test]
fn an_abort_releases() {
    let controller = AbortController::new();
    let signal = controller.signal();
    let (reading, _resolve, _reject) = pending();
    let result = P::using(open(), move |_| reading.abortable(&signal), close);
    queue_microtask(move || queue_microtask(move || controller.abort_with("enough")));
    assert_eq!(aborted(result), "aborted: enough");
    assert_eq!(trace(), "open  close file");
}

#[test]
fn a_use_that_can_never_settle_drops_the_resource() {
    let acquire = P::resolve(Rc::new(Noisy("file")));
    let result = P::using(acquire, |_| P::new(|_, _| {}), |_| -> () { unreachable!("nobody asks for it") });
    assert!(!stalled::<i32, _>(result).abandoned.is_empty());
    assert_eq!(trace(), "drop file");
}

#[test]
fn dropping_the_promise_releases_all_the_same() {
    drop(P::using(open(), |_| P::resolve(1), close));
    run(|| {}).unwrap();
    assert_eq!(trace(), "open  close file");
}

#[test]
fn async_closures_borrow_the_resource() {
    let file = Rc::new(RefCell::new(Vec::new()));
    let (disk, acquired) = (file.clone(), P::resolve(Vec::new()));
    let result = P::using_async(
        acquired,
        async |buffer: &mut Vec<i32>| {
            for n in 1..=3 {
                buffer.push(P::resolve(n).await?);
            }
            Ok(6)
        },
        async move |buffer| {
            P::resolve(0).await?;
            *disk.borrow_mut() = buffer;
            Ok(())
        },
    );
    assert_eq!(block_on(result), Ok(6));
    assert_eq!(*file.borrow(), [1, 2, 3]);
}

#[test]
fn async_closures_in_every_outcome() {
    type Use = fn() -> P;
    fn using(use_it: Use, release: Use) -> P {
        P::using_async(
            open(),
            async move |_: &mut &'static str| use_it().await,
            async move |file| {
                close(file);
                release().await.map(drop)
            },
        )
    }
    let (value, reason, panic): (Use, Use, Use) = (|| P::resolve(1), || P::reject(NO), || panic_any("a panic"));
    let (other, other_panic): (Use, Use) = (|| P::reject(Failure::No(2)), || panic_any("another panic"));
    assert_eq!(block_on(using(value, value)), Ok(1));
    assert_eq!(block_on(using(reason, value)), Err(NO));
    assert_eq!(block_on(using(value, other)), Err(Failure::No(2)));
    assert_eq!(block_on(using(reason, other)), Err(Failure::No(2)));
    assert_eq!(fault(using(panic, value)), "a panic");
    assert_eq!(fault(using(panic, other)), "a panic");
    assert_eq!(fault(using(panic, other_panic)), "a panic");
    assert_eq!(fault(using(reason, other_panic)), "another panic");
    assert_eq!(trace(), ["open  close file"; 8].join("  "));
    let refused = P::using_async(
        P::<()>::reject(NO),
        async |(): &mut ()| unreachable!("it was not acquired"),
        async |()| unreachable!("it was not acquired") as Result<(), Failure>,
    );
    assert_eq!(block_on(refused), Err::<i32, _>(NO));
}

#[test]
fn anything_that_resolves_can_be_acquired() {
    let thenable =
        Resolution::Thenable(Box::new(|resolve: thenable::Resolve<_, _>, _: thenable::Reject<_, Failure>| {
            resolve("thenable");
            Ok(())
        }));
    assert_eq!(block_on(P::using(thenable, |file| Ok(file.len()), close)), Ok(8));
    assert_eq!(block_on(P::using(Ok("result"), |file| Ok(file.len()), close)), Ok(6));
}
