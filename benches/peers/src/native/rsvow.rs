//! `rsvow`: promises behind a mutex. It has no queue: handlers run inside `then` and inside the resolving function.
//!
//! A promise can have one `then`, and a handler cannot return a promise, so W3 and W5 cannot be written. Settling a chain
//! calls one handler inside the other, so a pending chain is cut into pieces.

use std::cell::Cell;
use std::sync::mpsc;

use rsvow::Promise;
use thenable_workloads::{Sample, resident_bytes, timed};

use super::Entry;

const PIECE: u64 = 1000;

type P<T> = Promise<T, u64>;
type Resolve = Box<dyn FnOnce(u64) + Send>;

pub(super) fn programs() -> Vec<Entry> {
    vec![
        Entry::new("W1", settled_head),
        Entry::new("W1b", pending_head),
        Entry::new("W2", one_after_the_other),
        Entry::new("W4", all),
        Entry::new("W8", pending_promises),
    ]
}

/// Where an executor leaves its function: it may not borrow.
type Place = &'static Cell<Option<Resolve>>;

fn place() -> Place {
    Box::leak(Box::new(Cell::new(None)))
}

fn pending(place: Place) -> (P<u64>, Resolve) {
    let promise = P::new(|resolve: Resolve, _reject| place.set(Some(resolve)));
    (promise, place.take().expect("the executor runs at once"))
}

fn extend(head: P<u64>, links: u64) -> P<u64> {
    (0..links).fold(head, |tail, _| tail.then(|value| value + 1))
}

fn settled_head(links: u64) -> Sample {
    timed(|| extend(P::resolve(0), links).state().unwrap())
}

fn pending_head(links: u64) -> Sample {
    timed(|| {
        let place = place();
        (0..links / PIECE).fold(0, |value, _| {
            let (head, resolve) = pending(place);
            let tail = extend(head, PIECE);
            resolve(value);
            tail.state().unwrap()
        })
    })
}

fn one_after_the_other(rounds: u64) -> Sample {
    timed(|| {
        let place = place();
        let mut sum = 0;
        for round in 0..rounds {
            let (promise, resolve) = pending(place);
            let derived = promise.then(|value| value);
            resolve(round);
            sum += derived.state().unwrap();
        }
        sum
    })
}

fn all(count: u64) -> Sample {
    timed(|| {
        let place = place();
        let (promises, resolvers): (Vec<_>, Vec<_>) = (0..count).map(|_| pending(place)).unzip();
        let sum = P::all(promises).then(|values| values.into_iter().sum::<u64>());
        (0..).zip(resolvers).for_each(|(index, resolve)| resolve(index));
        sum.state().unwrap()
    })
}

#[expect(clippy::cast_precision_loss, reason = "a mean of so many bytes has no more digits")]
fn pending_promises(count: u64) -> Sample {
    let mut bytes = 0.0;
    let sample = timed(|| {
        // The handlers have to be `Send`.
        let (send, receive) = mpsc::channel();
        let place = place();
        let mut resolvers: Vec<Option<Resolve>> = (0..count).map(|_| None).collect();
        let before = resident_bytes();
        for kept in &mut resolvers {
            let (promise, resolve) = pending(place);
            let send = send.clone();
            drop(promise.then(move |value| send.send(value).expect("somebody receives")));
            *kept = Some(resolve);
        }
        bytes = (resident_bytes() - before) as f64 / count as f64;
        (0..).zip(resolvers.into_iter().flatten()).for_each(|(index, resolve)| resolve(index));
        drop(send);
        receive.into_iter().sum()
    });
    Sample { bytes: Some(bytes), ..sample }
}
