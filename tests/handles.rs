//! Handles: which consumer gets the value itself, which one a clone, and who pays for it (invariant 10).
mod common;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;

use common::{expect_trace, log};
use futures::future::select;
use thenable::{AbortController, Aborted, Promise, PromiseState, block_on, run};

/// A value that counts how often it was cloned, and knows whether it is the one that was not.
#[derive(Debug)]
struct Counted {
    original: bool,
    clones: Rc<Cell<u32>>,
}

impl Counted {
    fn new() -> (Self, Rc<Cell<u32>>) {
        let clones = Rc::new(Cell::new(0));
        (Self { original: true, clones: clones.clone() }, clones)
    }

    /// Another value that is not a clone, with the same counter.
    fn twin(&self) -> Self {
        Self { original: true, clones: self.clones.clone() }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.set(self.clones.get() + 1);
        Self { original: false, clones: self.clones.clone() }
    }
}

type CountedPromise = Promise<Counted, Infallible>;

/// A handler that logs whether it got the value itself.
fn which(name: &'static str) -> impl FnOnce(Counted) + 'static {
    move |value| log(format_args!("{name} {}", if value.original { "original" } else { "clone" }))
}

#[test]
fn with_one_handle_a_value_that_is_not_clone_moves() {
    struct Unique(u8);
    let promise = Promise::<_, Infallible>::resolve(Unique(1));
    let promise = promise.map(|Unique(n)| Unique(n + 1)).then(|unique| Promise::resolve(unique)).finally(|| ());
    assert_eq!(block_on(promise.map(|Unique(n)| n)), Ok(2));
}

#[test]
fn with_one_handle_nothing_is_cloned_by_any_verb() {
    let (value, clones) = Counted::new();
    let promise = CountedPromise::resolve(value)
        .map(|value| value)
        .then(Promise::resolve)
        .then_async(async |value| Ok(value))
        .finally(|| Promise::resolve(()))
        .inspect(|value| assert!(value.original))
        .then_catch(Ok, Err);
    let Ok(value) = block_on(promise);
    assert!(value.original);
    assert_eq!(clones.get(), 0);
}

#[test]
fn with_several_handles_each_consumer_but_the_last_gets_a_clone() {
    for settled_before in [true, false] {
        let (value, clones) = Counted::new();
        expect_trace("a clone  b clone  c original", || {
            let (promise, resolve, _) = CountedPromise::with_resolvers();
            if settled_before {
                resolve(value.twin());
            }
            promise.clone().map(which("a"));
            promise.clone().map(which("b"));
            promise.map(which("c"));
            // Does nothing, if the promise was settled before.
            resolve(value);
        });
        assert_eq!(clones.get(), 2, "settled before: {settled_before}");
    }
}

#[test]
fn a_handle_that_is_dropped_gets_nothing_so_nothing_is_cloned_for_it() {
    let (value, clones) = Counted::new();
    expect_trace("a original", || {
        let promise = CountedPromise::resolve(value);
        let dropped = promise.clone();
        promise.map(which("a"));
        drop(dropped);
    });
    assert_eq!(clones.get(), 0);
}

#[test]
fn a_handle_that_is_kept_has_the_value_still() {
    let (value, clones) = Counted::new();
    let promise = CountedPromise::resolve(value);
    let kept = promise.clone();
    expect_trace("a clone", || drop(promise.map(which("a"))));
    assert_eq!((clones.get(), kept.state()), (1, PromiseState::Fulfilled));
    let Ok(value) = block_on(kept);
    assert!(value.original);
    assert_eq!(clones.get(), 1);
}

/// Who has stopped waiting for a promise is no consumer any more, whether its place was given to another or not (invariant 9).
#[test]
fn those_who_wait_no_more_are_no_consumers() {
    type P = Promise<Counted, Aborted>;

    /// The race is decided by another.
    fn lose_a_race(promise: P, value: Counted) {
        block_on(Promise::race([promise, P::resolve(value)])).unwrap();
    }

    /// The future that awaits is dropped.
    fn wait_in_vain(promise: P, value: Counted) {
        let waiting = async { promise.await.unwrap() };
        block_on(select(pin!(waiting), P::resolve(value)));
    }

    fn be_aborted(promise: P, _: Counted) {
        let controller = AbortController::new();
        let result = promise.abortable(&controller.signal());
        controller.abort();
        block_on(result).unwrap_err();
    }

    for (name, wait) in [("race", lose_a_race as fn(P, Counted)), ("await", wait_in_vain), ("abortable", be_aborted)] {
        for (consumers, expected) in [(1, "b original"), (2, "a clone  b original")] {
            for rounds in [1, 2, 10, 100] {
                let (value, clones) = Counted::new();
                let (promise, resolve, _reject) = P::with_resolvers();
                if consumers == 2 {
                    promise.clone().map(which("a"));
                }
                (0..rounds).for_each(|_| wait(promise.clone(), value.twin()));
                expect_trace(expected, || {
                    promise.map(which("b"));
                    resolve(value);
                });
                assert_eq!(clones.get(), consumers - 1, "{name}, {rounds} rounds");
            }
        }
    }
}

#[test]
fn awaiting_and_adopting_consume_as_handlers_do() {
    let (value, clones) = Counted::new();
    expect_trace("await clone  adopted clone  last original", || {
        let promise = CountedPromise::resolve(value);
        let (awaited, adopted) = (promise.clone(), promise.clone());
        CountedPromise::spawn(async {
            let Ok(value) = awaited.await;
            which("await")(value.clone());
            Ok(value)
        });
        CountedPromise::new(|resolve, _| resolve.with(adopted)).map(which("adopted"));
        Promise::<(), Infallible>::resolve(()).then(|()| ()).then(|()| ()).map(|()| promise.map(which("last")));
    });
    // Two by the consumers, and one by the test itself.
    assert_eq!(clones.get(), 3);
}

#[test]
fn shared_gives_handles_on_what_is_not_clone() {
    #[derive(Debug, PartialEq)]
    struct Unique(u8);
    let promise = Promise::<_, Infallible>::resolve(Unique(1)).shared();
    let (first, second) = (block_on(promise.clone()).unwrap(), block_on(promise).unwrap());
    assert!(Rc::ptr_eq(&first, &second));
    let promise = Promise::<Infallible, _>::reject(Unique(2)).shared();
    assert_eq!(block_on(promise.clone()), Err(Rc::new(Unique(2))));
    assert_eq!(block_on(promise), Err(Rc::new(Unique(2))));
}

#[test]
fn a_clone_of_a_value_may_use_its_promise() {
    // Cloning a value is user code, so it may re-enter anything (invariant 5).
    struct Nosy(Rc<RefCell<Option<Promise<Nosy, Infallible>>>>);

    impl Clone for Nosy {
        fn clone(&self) -> Self {
            if let Some(promise) = self.0.take() {
                promise.clone().map(|_| log("one more"));
                promise.map(|_| log("and one"));
            }
            Self(self.0.clone())
        }
    }

    expect_trace("first  second  one more  and one", || {
        let slot = Rc::new(RefCell::new(None));
        let promise = Promise::resolve(Nosy(slot.clone()));
        slot.replace(Some(promise.clone()));
        promise.clone().map(|_| log("first"));
        promise.map(|_| log("second"));
    });
}

/// What nobody can see any more is dropped with the last handle, though something else keeps the promise: here its resolving
/// functions.
#[test]
fn the_outcome_goes_with_the_last_handle() {
    type P = Promise<Rc<()>, Rc<()>>;

    for (name, is_looked_at) in [("nobody has looked", false), ("somebody has looked", true)] {
        let look = |promise: &P| {
            if is_looked_at {
                assert!(promise.peek().is_some());
            }
        };
        let (value, reason) = (Rc::new(()), Rc::new(()));
        let (fulfilled, resolve, _reject) = P::with_resolvers();
        resolve(value.clone());
        look(&fulfilled);
        assert_eq!(Rc::strong_count(&value), 2, "{name}");
        drop(fulfilled);
        assert_eq!(Rc::strong_count(&value), 1, "{name}");

        let (rejected, _resolve, reject) = P::with_resolvers();
        reject(reason.clone());
        look(&rejected);
        let seen = rejected.clone().recover(|_| Rc::new(()));
        block_on(seen).unwrap();
        assert_eq!(Rc::strong_count(&reason), 2, "{name}: the handle that is left may ask for it");
        drop(rejected);
        assert_eq!(Rc::strong_count(&reason), 1, "{name}");
    }
}

/// A rejection that nobody has handled yet is seen by the report, so it does not go with the last handle.
#[test]
fn a_reason_that_nobody_has_handled_outlives_the_handles() {
    type P = Promise<(), Rc<()>>;

    fn keep(_: &P) {}
    fn share(promise: &P) {
        drop(promise.clone());
    }
    fn look(promise: &P) {
        assert!(promise.peek().is_some());
    }

    for (name, use_it) in [("keep", keep as fn(&P)), ("share", share), ("look", look)] {
        let reason = Rc::new(());
        let (rejected, _resolve, reject) = P::with_resolvers();
        reject(reason.clone());
        use_it(&rejected);
        drop(rejected);
        assert_eq!(Rc::strong_count(&reason), 2, "{name}");
        let error = run(|| ()).unwrap_err();
        assert!(Rc::ptr_eq(&error.downcast::<Rc<()>>().unwrap(), &reason), "{name}");
    }
}
