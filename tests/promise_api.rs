//! The constructors and verbs of a promise, one by one: what each gives, in how many ticks, and which handle gets the
//! value.
mod common;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::num::ParseIntError;
use std::rc::Rc;

use common::{at, c, expect_trace, log, object};
use thenable::{
    IntoResolution, Outcome, Promise, PromiseState, Reject, Resolution, Resolve, Thenable, block_on, queue_microtask,
    run,
};

type P = Promise<i32, String>;

#[track_caller]
fn rejected(reason: &str) -> P {
    P::reject(reason.to_string())
}

fn no() -> String {
    "no".to_string()
}

// Constructors.

#[test]
fn new_runs_its_executor_at_once() {
    let promise = P::new(|resolve, _reject| {
        log("executor");
        resolve(1);
    });
    log("after");
    assert_eq!(common::trace(), "executor  after");
    assert_eq!(promise.state(), PromiseState::Fulfilled);
    assert_eq!(block_on(promise), Ok(1));
    assert_eq!(block_on(P::new(|_resolve, reject| reject(no()))), Err(no()));
}

#[test]
fn new_infers_its_types_from_the_calls() {
    for condition in [true, false] {
        let promise = Promise::new(|resolve, reject| if condition { resolve("success") } else { reject("failure") });
        assert_eq!(block_on(promise), if condition { Ok("success") } else { Err("failure") });
    }
}

#[test]
fn try_new_rejects_with_the_error_of_its_executor() {
    let parse = |text: &'static str| {
        Promise::<i32, ParseIntError>::try_new(move |resolve, _| {
            resolve(text.parse()?);
            Ok(())
        })
    };
    assert_eq!(block_on(parse("42")), Ok(42));
    assert!(block_on(parse("many")).is_err());
    assert_eq!(
        block_on(P::try_new(|_, reject| {
            reject(no());
            Err("late".to_string())
        })),
        Err(no())
    );
}

#[test]
fn with_resolvers_gives_functions_that_may_be_kept_cloned_and_called_again() {
    let (promise, resolve, reject) = P::with_resolvers();
    let (again, later) = (resolve.clone(), reject.clone());
    drop(resolve);
    assert_eq!(promise.state(), PromiseState::Pending);
    again(1);
    again(2);
    reject(no());
    later(no());
    again.with(P::resolve(3));
    assert_eq!(block_on(promise), Ok(1));
}

#[test]
fn resolving_functions_may_be_called_after_the_promise_is_gone() {
    let (promise, resolve, reject) = P::with_resolvers();
    drop(promise);
    resolve(1);
    reject(no());
    let (promise, _, reject) = P::with_resolvers();
    drop(promise);
    reject(no());
    // The rejection has nobody to handle it, so it is reported, as in JavaScript.
    assert_eq!(run(|| ()).unwrap_err().downcast::<String>().unwrap(), no());
}

#[test]
fn resolve_and_reject_are_born_settled() {
    assert_eq!(P::resolve(1).state(), PromiseState::Fulfilled);
    assert_eq!(block_on(P::resolve(1)), Ok(1));
    let promise = rejected("no");
    assert_eq!(promise.state(), PromiseState::Rejected);
    assert_eq!(block_on(promise), Err(no()));
}

#[test]
fn resolve_with_gives_a_promise_back_as_it_is() {
    let promise = P::resolve(1);
    let origin = promise.origin();
    let same = P::resolve_with(promise);
    assert_eq!(same.origin(), origin);
    assert_ne!(P::resolve_with(Ok(1)).id(), same.id());
    assert_eq!(block_on(same), Ok(1));
    assert_eq!(block_on(P::resolve_with(Err(no()))), Err(no()));
    assert_eq!(block_on(Promise::<(), String>::resolve_with(())), Ok(()));
}

#[test]
fn attempt_calls_its_function_at_once_and_resolves_with_what_it_returns() {
    // In Node: `new Promise(resolve => resolve(f()))`, which is what `Promise.try(f)` does.
    expect_trace("called  value@1  throw@1  thenable@2  promise@3", || {
        P::attempt(|| {
            log("called");
            Ok(1)
        })
        .then(c("value"));
        P::attempt(|| P::resolve(1)).then(c("promise"));
        let thenable = object(|resolve, _| {
            resolve(1);
            Ok(())
        });
        P::attempt(|| thenable).then(c("thenable"));
        Promise::<(), String>::attempt(|| Err::<(), _>(no())).catch(c("throw"));
    });
    let inner = P::resolve(1);
    let id = inner.id();
    assert_ne!(P::attempt(|| inner).id(), id);
}

#[test]
fn a_result_is_a_settled_promise() {
    assert_eq!(P::from(Ok(1)).state(), PromiseState::Fulfilled);
    let promise: P = Err(no()).into();
    assert_eq!(promise.state(), PromiseState::Rejected);
    assert_eq!(block_on(promise), Err(no()));
}

// Verbs.

#[test]
fn then_takes_whatever_resolves() {
    assert_eq!(block_on(P::resolve(1).then(|n| Ok(n.to_string()))), Ok("1".to_string()));
    assert_eq!(block_on(P::resolve(1).then(|_| Err::<u8, _>(no()))), Err(no()));
    assert_eq!(block_on(P::resolve(1).then(|n| P::resolve(n + 1))), Ok(2));
    assert_eq!(block_on(P::resolve(1).then(|_| ())), Ok(()));
    assert_eq!(block_on(P::resolve(1).then(Resolution::Fulfill)), Ok(1));
    assert_eq!(block_on(rejected("no").then(|_| Ok(2))), Err(no()));
}

#[test]
fn catch_may_make_a_value_or_fail_again() {
    assert_eq!(block_on(rejected("no").catch(|_| Ok(1))), Ok(1));
    assert_eq!(block_on(rejected("no").catch(|reason| P::reject(reason + "!"))), Err("no!".to_string()));
    assert_eq!(block_on(P::resolve(1).catch(|_| Ok(2))), Ok(1));
}

#[test]
fn then_catch_runs_one_handler_and_does_not_catch_the_failure_of_the_first() {
    let both = |promise: P| promise.then_catch(|n| if n == 1 { Err("first".to_string()) } else { Ok(n) }, |_| Ok(0));
    assert_eq!(block_on(both(P::resolve(1))), Err("first".to_string()));
    assert_eq!(block_on(both(P::resolve(2))), Ok(2));
    assert_eq!(block_on(both(rejected("no"))), Ok(0));
}

#[test]
fn async_handlers_await_in_the_chain() {
    let add = async |n: i32| Ok::<_, String>(n + P::resolve(10).await?);
    assert_eq!(block_on(P::resolve(1).then_async(add)), Ok(11));
    assert_eq!(block_on(P::resolve(1).then_async(async |_| rejected("no").await)), Err(no()));
    assert_eq!(block_on(rejected("no").then_async(add)), Err(no()));
    assert_eq!(block_on(rejected("no").catch_async(async |_| P::resolve(2).await)), Ok(2));
    assert_eq!(block_on(P::resolve(1).catch_async(async |_| Ok(2))), Ok(1));
}

#[test]
fn map_and_map_err_change_the_types() {
    assert_eq!(block_on(P::resolve(1).map(|n| n.to_string())), Ok("1".to_string()));
    assert_eq!(block_on(rejected("no").map(|n| n + 1)), Err(no()));
    let promise: Promise<i32, usize> = rejected("no").map_err(|reason| reason.len());
    assert_eq!(block_on(promise), Err(2));
    assert_eq!(block_on(P::resolve(1).map_err(|reason| reason.len())), Ok(1));
}

#[test]
fn recover_leaves_no_reason() {
    let promise: Promise<i32, Infallible> = rejected("no").recover(|_| 7);
    let Ok(n) = block_on(promise);
    assert_eq!(n, 7);
    let Ok(n) = block_on(P::resolve(1).recover(|_| 7));
    assert_eq!(n, 1);
}

#[test]
fn inspect_and_inspect_err_look_at_what_passes() {
    let look = |promise: P| promise.inspect(|n| log(n)).inspect_err(|reason| log(reason));
    assert_eq!(block_on(look(P::resolve(1))), Ok(1));
    assert_eq!(block_on(look(rejected("no"))), Err(no()));
    assert_eq!(common::trace(), "1  no");
}

#[test]
fn handle_sees_the_whole_outcome() {
    let text = |promise: P| promise.handle(|outcome| Ok(format!("{outcome:?}")));
    assert_eq!(block_on(text(P::resolve(1))), Ok("Fulfilled(1)".to_string()));
    assert_eq!(block_on(text(rejected("no"))), Ok("Rejected(\"no\")".to_string()));
    assert_eq!(block_on(text(P::new(|_, _| panic!("bug")))), Ok("Faulted(Fault(\"bug\"))".to_string()));
}

// Handles.

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

// Looking.

#[test]
fn state_says_where_a_promise_stands() {
    let (promise, resolve, _) = P::with_resolvers();
    let (following, follow, _) = P::with_resolvers();
    follow.with(promise.clone());
    assert_eq!((promise.state(), following.state()), (PromiseState::Pending, PromiseState::Pending));
    resolve(1);
    assert_eq!((promise.state(), following.state()), (PromiseState::Fulfilled, PromiseState::Pending));
    run(|| ()).unwrap();
    assert_eq!(following.state(), PromiseState::Fulfilled);
    assert_eq!(P::new(|_, _| panic!("a bug")).state(), PromiseState::Faulted);
    let names = [PromiseState::Pending, PromiseState::Fulfilled, PromiseState::Rejected, PromiseState::Faulted];
    assert_eq!(names.map(|state| state.to_string()).join(" "), "pending fulfilled rejected faulted");
}

#[test]
fn peek_shows_the_outcome_and_takes_nothing() {
    let (promise, resolve, _) = P::with_resolvers();
    assert!(promise.peek().is_none());
    resolve(1);
    assert_eq!(promise.peek().as_deref(), Some(&Outcome::Fulfilled(1)));
    assert_eq!(promise.peek().as_deref(), Some(&Outcome::Fulfilled(1)));
    assert_eq!(block_on(promise), Ok(1));
    let promise = rejected("no");
    assert_eq!(promise.peek().as_deref(), Some(&Outcome::Rejected(no())));
    assert_eq!(block_on(promise), Err(no()));
}

#[test]
fn a_promise_may_be_cloned_and_chained_while_somebody_peeks() {
    expect_trace("1  1  1", || {
        let promise = P::resolve(1);
        let other = promise.clone();
        let peeked = promise.peek();
        other.map(log);
        promise.clone().map(log);
        let Some(Outcome::Fulfilled(n)) = peeked.as_deref() else { panic!("it is fulfilled") };
        log(n);
    });
}

#[test]
fn a_promise_with_one_handle_may_be_cloned_while_somebody_peeks() {
    let promise = P::resolve(1);
    let peeked = promise.peek();
    let other = promise.clone();
    assert_eq!(peeked.as_deref(), Some(&Outcome::Fulfilled(1)));
    drop(peeked);
    assert_eq!((block_on(promise), block_on(other)), (Ok(1), Ok(1)));
}

#[test]
fn an_id_is_the_promises_and_the_origin_is_the_line_that_made_it() {
    let (line, promise) = (line!(), P::resolve(1));
    let (id, other) = (promise.id(), promise.clone());
    assert_eq!(other.id(), id);
    assert_eq!(promise.origin().id, id);
    let made_at = promise.origin().made_at;
    assert_eq!((made_at.file(), made_at.line()), (file!(), line));
    let (derived, after) = (promise.map(|n| n), line!());
    assert_ne!(derived.id(), id);
    assert_eq!(derived.origin().made_at.line(), after);
    assert_eq!(derived.origin().to_string(), format!("promise {} made at {}", derived.id(), derived.origin().made_at));
    assert_eq!(other.id(), id);
}

#[test]
fn every_way_to_make_a_promise_notes_its_caller() {
    #[rustfmt::skip]
    let lines = [
        P::new(|_, _| ()), P::try_new(|_, _| Ok(())), P::with_resolvers().0, P::resolve(1), P::resolve_with(Ok(1)),
        P::attempt(|| Ok(1)), P::from(Ok(1)), P::remote().0, P::spawn(async { Ok(1) }), P::blocking(|| Ok(1)),
        P::resolve(1).then(Ok), P::resolve(1).catch(Err::<i32, _>), P::resolve(1).finally(|| ()),
        P::resolve(1).then_catch(Ok, Err), P::resolve(1).then_async(async |n| Ok(n)),
        P::resolve(1).catch_async(async |_| Ok(1)), P::resolve(1).map(|n| n), P::resolve(1).map_err(|e| e),
        P::resolve(1).inspect(|_| ()), P::resolve(1).inspect_err(|_| ()), P::resolve(1).handle(Outcome::into_result),
    ]
    .map(|promise| (promise.origin().made_at.file(), promise.origin().made_at.line()));
    let first = lines[0].1;
    assert!(lines.iter().all(|(file, line)| *file == file!() && (first..first + 6).contains(line)), "{lines:?}");
}

#[test]
fn debug_shows_the_id_the_state_and_the_origin() {
    let (promise, resolve, reject) = P::with_resolvers();
    let origin = promise.origin();
    assert_eq!(format!("{promise:?}"), format!("Promise({}, pending, {})", origin.id, origin.made_at));
    assert_eq!(format!("{resolve:?} {reject:?}"), format!("Resolve({origin}) Reject({origin})"));
    resolve(1);
    assert_eq!(format!("{promise:?}"), format!("Promise({}, fulfilled, {})", origin.id, origin.made_at));
    let mut awaited = promise;
    assert_eq!(block_on(&mut awaited), Ok(1));
    assert_eq!(format!("{awaited:?}"), "Promise(awaited)");
}

// A user's own types.

/// An answer of some service, which may take its time.
enum Answer {
    Text(&'static str),
    Refused(u16),
    Later(Rc<Cell<Option<Resolve<&'static str, u16>>>>),
}

impl IntoResolution<u16> for Answer {
    type Value = &'static str;

    fn into_resolution(self) -> Resolution<&'static str, u16> {
        match self {
            Self::Text(text) => Resolution::Fulfill(text),
            Self::Refused(code) => Resolution::Reject(code),
            Self::Later(slot) => Resolution::Thenable(Box::new(Callback(slot))),
        }
    }
}

/// A thenable with a type of its own: it hands out its resolving function.
struct Callback(Rc<Cell<Option<Resolve<&'static str, u16>>>>);

impl Thenable<&'static str, u16> for Callback {
    fn then(self: Box<Self>, resolve: Resolve<&'static str, u16>, _: Reject<&'static str, u16>) -> Result<(), u16> {
        self.0.set(Some(resolve));
        Ok(())
    }
}

#[test]
fn a_type_of_the_users_own_resolves_wherever_a_promise_is_resolved() {
    type Ask = Promise<&'static str, u16>;
    let ask = || Promise::<(), u16>::resolve(());
    assert_eq!(block_on(ask().then(|()| Answer::Text("fine"))), Ok("fine"));
    assert_eq!(block_on(ask().then(|()| Answer::Refused(403))), Err(403));
    assert_eq!(block_on(Ask::reject(403).catch(|_| Answer::Text("fine"))), Ok("fine"));
    assert_eq!(block_on(Ask::resolve_with(Answer::Refused(404))), Err(404));
    assert_eq!(block_on(Ask::attempt(|| Answer::Text("fine"))), Ok("fine"));
    assert_eq!(block_on(Ask::spawn(async { Answer::Text("fine") })), Ok("fine"));
    assert_eq!(block_on(Ask::new(|resolve, _| resolve.with(Answer::Refused(500)))), Err(500));
    assert_eq!(block_on(ask().finally(|| Answer::Refused(500))), Err(500));
}

#[test]
fn a_thenable_of_the_users_own_may_settle_later() {
    // In Node: a thenable that keeps `resolve`, which a microtask of the third tick calls.
    expect_trace("called@3  later@4", || {
        let slot = Rc::new(Cell::new(None));
        let called = slot.clone();
        Promise::<(), u16>::resolve(()).then(move |()| Answer::Later(slot)).map(at);
        queue_microtask(|| {
            queue_microtask(|| {
                queue_microtask(move || {
                    let resolve: Resolve<_, _> = called.take().expect("the thenable was called in the second tick");
                    resolve("later");
                    at("called");
                });
            });
        });
    });
}

#[test]
fn a_resolution_shows_what_it_is() {
    let promise = P::resolve(1);
    let adopted = format!("Adopt({promise:?})");
    assert_eq!(format!("{:?}", Resolution::Adopt(promise)), adopted);
    assert_eq!(format!("{:?}", object::<i32, i32>(|_, _| Ok(()))), "Thenable(Thenable(..))");
}

/// A reason needs no more than `Debug`.
struct Opaque;

impl Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque")
    }
}

#[test]
fn a_reason_needs_no_more_than_debug() {
    assert!(block_on(Promise::<(), Opaque>::reject(Opaque)).is_err());
    let error = run(|| drop(Promise::<(), Opaque>::reject(Opaque))).unwrap_err();
    assert!(error.downcast::<Opaque>().is_ok());
}
