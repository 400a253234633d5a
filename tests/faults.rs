//! Faults: the third way to settle. Whatever user code panics, the loop goes on, the derived promise settles with the
//! panic's payload, and nothing but `handle` and `catch_unwind` takes it for a value.
mod common;

use std::any::Any;
use std::fmt::Debug;
use std::future::Ready;
use std::panic::{AssertUnwindSafe, panic_any};

use common::{c, expect_trace, log, object, on_fault, trace};
use thenable::{
    Fault, IntoResolution, Outcome, Promise, PromiseState, Resolution, Stalled, block_on, on_unhandled_rejection, run,
};

type P = Promise<i32, i32>;

/// A payload that is no message.
#[derive(Debug, PartialEq)]
struct Payload(u8);

/// The end of an async body whose type is not `!`.
fn fails(message: &str) -> Result<i32, i32> {
    panic!("{message}")
}

/// The fault that `promise` settles with.
#[track_caller]
fn fault<T: Debug + 'static, E: Debug + 'static>(promise: Promise<T, E>) -> Fault {
    match block_on(promise.catch_unwind()) {
        Ok(Err(fault)) => fault,
        other => panic!("expected a fault, not {other:?}"),
    }
}

/// The payload with which `unwinding` unwinds.
#[track_caller]
fn caught<R>(unwinding: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match std::panic::catch_unwind(AssertUnwindSafe(unwinding)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

fn faulted() -> P {
    P::new(|_, _| panic_any(Payload(7)))
}

#[test]
fn a_handler_that_panics_faults_the_derived_promise() {
    assert_eq!(fault(P::resolve(1).then(|_| -> () { panic!("then") })).message(), "then");
    assert_eq!(fault(P::reject(1).catch(|_| -> Result<i32, i32> { panic!("catch") })).message(), "catch");
    assert_eq!(fault(P::resolve(1).finally(|| -> () { panic!("finally") })).message(), "finally");
    assert_eq!(fault(P::reject(1).finally(|| -> () { panic!("finally") })).message(), "finally");
    assert_eq!(fault(P::resolve(1).map(|_| -> u8 { panic!("map") })).message(), "map");
    assert_eq!(fault(P::reject(1).map_err(|_| -> u8 { panic!("map_err") })).message(), "map_err");
    assert_eq!(fault(P::reject(1).recover(|_| panic!("recover"))).message(), "recover");
    assert_eq!(fault(P::resolve(1).inspect(|_| panic!("inspect"))).message(), "inspect");
    assert_eq!(fault(P::reject(1).inspect_err(|_| panic!("inspect_err"))).message(), "inspect_err");
    assert_eq!(fault(P::resolve(1).handle(|_| -> () { panic!("handle") })).message(), "handle");
    assert_eq!(fault(P::resolve(1).then_catch(|_| -> () { panic!("first") }, |_| ())).message(), "first");
    assert_eq!(fault(P::reject(1).then_catch(|_| (), |_| -> () { panic!("second") })).message(), "second");
}

#[test]
fn an_executor_that_panics_faults_its_promise() {
    assert_eq!(fault(P::new(|_, _| panic!("executor"))).message(), "executor");
    assert_eq!(fault(P::try_new(|_, _| panic!("executor"))).message(), "executor");
    assert_eq!(fault(P::attempt(|| -> P { panic!("attempt") })).message(), "attempt");
    assert_eq!(P::new(|_, _| panic!("executor")).catch_unwind().state(), PromiseState::Pending);
    assert_eq!(faulted().catch_unwind().state(), PromiseState::Pending);
}

#[test]
fn the_panic_of_an_executor_is_ignored_after_it_called_a_function() {
    let (inner, settle, _) = P::with_resolvers();
    assert_eq!(
        block_on(P::new(|_, reject| {
            reject(1);
            panic!("ignored")
        })),
        Err(1)
    );
    let locked_in = P::new(|resolve, _| {
        resolve.with(inner);
        panic!("ignored");
    });
    settle(2);
    assert_eq!(block_on(locked_in), Ok(2));
}

#[test]
fn a_spawned_future_that_panics_faults_its_promise() {
    let before = P::spawn(async { fails("before an await") });
    assert_eq!(before.state(), PromiseState::Faulted);
    assert_eq!(fault(before).message(), "before an await");
    let after = P::spawn(async {
        P::resolve(1).await?;
        fails("after an await")
    });
    assert_eq!(after.state(), PromiseState::Pending);
    assert_eq!(fault(after).message(), "after an await");
}

#[test]
fn an_async_handler_that_panics_faults_the_derived_promise() {
    let before = P::resolve(1).then_async(async |_| fails("before an await"));
    assert_eq!(fault(before).message(), "before an await");
    let after = P::reject(1).catch_async(async |n| {
        P::resolve(n).await?;
        fails("after an await")
    });
    assert_eq!(fault(after).message(), "after an await");
    let closure = P::resolve(1).then_async(|_| -> Ready<Result<i32, i32>> { panic!("no future") });
    assert_eq!(fault(closure).message(), "no future");
}

/// A value, or a reason, whose `Clone` panics.
#[derive(Debug)]
struct Unclonable;

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        panic!("clone")
    }
}

#[test]
fn a_clone_that_panics_faults_what_was_derived_from_that_handle() {
    let p = Promise::<_, Unclonable>::resolve(Unclonable);
    let q = Promise::<Unclonable, _>::reject(Unclonable);
    let awaited = p.clone();
    let derived = [
        p.clone().then(|_| ()),
        p.clone().finally(|| ()).map(|_| ()),
        p.clone().map(|_| ()),
        Promise::new(|resolve, _| resolve.with(p.clone())).map(|_| ()),
        q.clone().map(|_| ()),
        Promise::spawn(async { awaited.await.map(|_| ()) }),
    ]
    .map(Promise::catch_unwind);
    run(|| ()).unwrap();
    // The last handle of each gets the value itself, so nothing panics there.
    assert!(matches!(block_on(p), Ok(Unclonable)));
    assert!(matches!(block_on(q), Err(Unclonable)));
    for promise in derived {
        assert_eq!(block_on(promise).unwrap().unwrap_err().message(), "clone");
    }
}

/// What a handler returns and cannot say what it is.
struct Undecided;

impl IntoResolution<i32> for Undecided {
    type Value = i32;

    fn into_resolution(self) -> Resolution<i32, i32> {
        panic!("into_resolution")
    }
}

#[test]
fn an_into_resolution_that_panics_counts_as_the_code_that_returned_it() {
    let message = "into_resolution";
    assert_eq!(fault(P::resolve(1).then(|_| Undecided)).message(), message);
    assert_eq!(fault(P::reject(1).catch(|_| Undecided)).message(), message);
    assert_eq!(fault(P::resolve(1).finally(|| Undecided)).message(), message);
    assert_eq!(fault(P::resolve(1).then_async(async |_| Undecided)).message(), message);
    assert_eq!(fault(P::spawn(async { Undecided })).message(), message);
    assert_eq!(fault(P::attempt(|| Undecided)).message(), message);
    assert_eq!(fault(P::resolve_with(Undecided)).message(), message);
    // In the call of a resolving function, too, nothing unwinds to the caller: it is JavaScript's getter that throws.
    assert_eq!(fault(P::new(|resolve, _| resolve.with(Undecided))).message(), message);
    let (p, resolve, _) = P::with_resolvers();
    resolve.with(Undecided);
    resolve(1);
    assert_eq!(fault(p).message(), message);
}

#[test]
fn a_thenable_that_panics_faults_the_promise_before_it_settled_it_and_not_after() {
    assert_eq!(fault(P::resolve_with(object(|_, _| panic!("thenable")))).message(), "thenable");
    let after = object(|resolve, _| {
        resolve(1);
        panic!("ignored");
    });
    assert_eq!(block_on(P::resolve_with(after)), Ok(1));
    let (inner, settle, _) = P::with_resolvers();
    let locked_in = P::resolve_with(object(|resolve, _| {
        resolve.with(inner);
        panic!("ignored");
    }));
    assert_eq!(block_on(P::resolve(2).inspect(move |n| settle(*n))), Ok(2));
    assert_eq!(block_on(locked_in), Ok(2));
}

#[test]
fn a_remote_resolver_sends_a_panic() {
    let (promise, resolver) = P::remote();
    let thread = std::thread::spawn(move || resolver.fault(Box::new(Payload(1))).expect("the loop waits for it"));
    assert_eq!(fault(promise).into_payload().downcast_ref(), Some(&Payload(1)));
    thread.join().unwrap();
}

#[test]
fn a_fault_passes_then_and_catch_and_runs_finally_tick_by_tick_as_a_rejection_does() {
    // In Node, with a rejection for the fault: the same ticks.
    expect_trace("finally@3  fault@7", || {
        Promise::<(), i32>::new(|_, _| panic!())
            .then(c("no"))
            .catch(c("no"))
            .finally(|| c("finally")(()))
            .then_catch(c("no"), c("no"))
            .handle(on_fault("fault"));
    });
}

#[test]
fn every_verb_that_has_no_use_for_a_fault_passes_it_on_with_its_payload() {
    let promise = faulted()
        .map(|n| n)
        .map_err(|n| n)
        .inspect(|_| log("no"))
        .inspect_err(|_| log("no"))
        .then_async(async |n| Ok(n))
        .catch_async(async |n| Ok(n))
        .recover(|n| n)
        .shared();
    let adopted = Promise::new(|resolve, _| resolve.with(promise));
    assert_eq!(fault(adopted).into_payload().downcast_ref(), Some(&Payload(7)));
    assert_eq!(trace(), "");
}

#[test]
fn handle_and_catch_unwind_take_a_fault_as_a_value() {
    let outcome = block_on(faulted().handle(|outcome| Ok(outcome.state())));
    assert_eq!(outcome, Ok(PromiseState::Faulted));
    assert_eq!(fault(faulted()).into_payload().downcast_ref(), Some(&Payload(7)));
    assert_eq!(block_on(P::resolve(1).catch_unwind()), Ok(Ok(1)));
    assert_eq!(block_on(P::reject(1).catch_unwind()), Err(1));
}

#[test]
fn block_on_and_await_go_on_unwinding_with_the_payload() {
    assert_eq!(caught(|| block_on(faulted())).downcast_ref(), Some(&Payload(7)));
    let mut passed = false;
    let in_a_future = caught(|| block_on(async { faulted().await.inspect(|_| passed = true) }));
    assert_eq!(in_a_future.downcast_ref(), Some(&Payload(7)));
    assert!(!passed);
    let spawned = P::spawn(async { faulted().await });
    assert_eq!(fault(spawned).into_payload().downcast_ref(), Some(&Payload(7)));
    // The loop is not left running, so it can be run again.
    run(|| log("again")).unwrap();
    assert_eq!(trace(), "again");
}

#[test]
fn an_outcome_that_is_a_fault_resumes_the_panic_when_it_is_made_a_result() {
    let outcome = Outcome::<i32, i32>::Faulted(Fault::from_panic(Box::new(Payload(3))));
    assert_eq!(caught(|| outcome.into_result()).downcast_ref(), Some(&Payload(3)));
    assert_eq!(Outcome::<i32, i32>::Fulfilled(1).into_result(), Ok(1));
    assert_eq!(Outcome::<i32, i32>::Rejected(1).into_result(), Err(1));
}

#[test]
fn clones_share_one_fault_and_the_first_taker_has_its_payload() {
    let p = faulted();
    let first = fault(p.clone());
    let second = fault(p.clone());
    let other = fault(faulted());
    assert_eq!(first, second);
    assert_ne!(first, other);
    assert_eq!(first.into_payload().downcast_ref(), Some(&Payload(7)));
    assert_eq!(second.into_payload().downcast_ref(), Some(&"Box<dyn Any>".to_string()));
    assert_eq!(caught(|| block_on(p)).downcast_ref(), Some(&"Box<dyn Any>".to_string()));
}

#[test]
fn a_fault_says_what_it_is() {
    let text = fault(P::new(|_, _| panic!("a bug")));
    assert_eq!((text.message(), format!("{text:?}")), ("a bug", "Fault(\"a bug\")".to_string()));
    assert_eq!(text.to_string(), "panicked: a bug");
    assert_eq!(fault(P::new(|_, _| panic!("bug {}", 7))).message(), "bug 7");
    assert_eq!(fault(faulted()).message(), "Box<dyn Any>");
    assert!(fault(faulted()).self_resolution().is_none());
}

#[test]
fn what_finally_comes_to_covers_up_no_fault() {
    let payload = |promise: P| fault(promise).into_payload();
    assert_eq!(payload(faulted().finally(|| Err::<(), _>(1))).downcast_ref(), Some(&Payload(7)));
    assert_eq!(payload(faulted().finally(|| P::reject(1))).downcast_ref(), Some(&Payload(7)));
    assert_eq!(payload(faulted().finally(|| -> () { panic!("finally") })).downcast_ref(), Some(&Payload(7)));
    assert_eq!(payload(faulted().finally(|| P::new(|_, _| panic!("gate")))).downcast_ref(), Some(&Payload(7)));
    assert_eq!(payload(P::reject(1).finally(faulted)).downcast_ref(), Some(&Payload(7)));
}

#[test]
fn the_loop_goes_on_and_other_promises_settle() {
    on_unhandled_rejection(|report| log(format_args!("{:?}", report.reason())));
    expect_trace("B@1  C@2  Fault(\"a bug\")  later", || {
        let (sent, resolver) = P::remote();
        sent.then(|_| log("later"));
        resolver.resolve(1).expect("the loop of this thread takes it");
        let p = P::resolve(1);
        p.clone().then(|_| -> () { panic!("a bug") });
        p.then(c("B")).then(c("C"));
    });
}

#[test]
fn a_handler_of_any_place_in_a_chain_may_panic_and_every_finally_still_runs() {
    const LINKS: usize = 12;
    for failing in 1..=LINKS + 1 {
        let mut promise = P::resolve(0);
        for link in 1..=LINKS {
            let check = move |n: i32| {
                assert!(link != failing, "link {link}");
                n + 1
            };
            promise = promise.map(check).finally(move || log(link));
        }
        let before = trace();
        match block_on(promise.catch_unwind()) {
            Ok(Ok(n)) => assert_eq!((n, failing), (12, LINKS + 1)),
            Ok(Err(fault)) => assert_eq!(fault.message(), format!("link {failing}")),
            Err(reason) => panic!("rejected with {reason}"),
        }
        let ran = trace()[before.len()..].trim_start().to_string();
        assert_eq!(ran, "1  2  3  4  5  6  7  8  9  10  11  12", "handler {failing} panicked");
    }
}

#[test]
fn a_finally_of_any_place_in_a_chain_may_panic_and_every_other_still_runs() {
    const LINKS: usize = 6;
    for failing in 1..=LINKS {
        let mut promise = P::reject(0);
        for link in 1..=LINKS {
            promise = promise.finally(move || {
                log(link);
                assert!(link != failing, "link {link}");
            });
        }
        let before = trace();
        assert_eq!(fault(promise).message(), format!("link {failing}"));
        assert_eq!(trace()[before.len()..].trim_start(), "1  2  3  4  5  6", "handler {failing} panicked");
    }
}

#[test]
fn what_a_panic_leaves_behind_is_abandoned() {
    // The resolving functions that the future held go with it when it unwinds.
    let (p, resolve, _) = P::with_resolvers();
    let origin = p.origin();
    let spawned = P::spawn(async move {
        let _kept = resolve;
        P::resolve(1).await?;
        fails("a bug")
    });
    assert_eq!(fault(spawned).message(), "a bug");
    let stalled = match thenable::try_block_on(p) {
        Err(thenable::BlockOnError::Stalled(stalled)) => stalled,
        other => panic!("{other:?}"),
    };
    assert_eq!(stalled, Stalled { awaited: vec![origin], abandoned: vec![origin], cycle: false, timers: 0 });
}
