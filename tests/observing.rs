//! Looking at a promise from outside: its state, its outcome, its id, the line that made it.
mod common;

use common::{expect_trace, log};
use thenable::{Outcome, Promise, PromiseState, block_on, run};

type P = Promise<i32, String>;

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
    let no = "no".to_string();
    let promise = P::reject(no.clone());
    assert_eq!(promise.peek().as_deref(), Some(&Outcome::Rejected(no.clone())));
    assert_eq!(block_on(promise), Err(no));
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
