//! W9: requests that consist of steps: doxbee-sequential and madeup-parallel.

use std::time::Duration;

use thenable::{delay_with, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};
use crate::timers::virtual_loop;

/// What a request does in one step: it takes a value, and promises one.
type Step = fn(u64) -> P<u64>;

/// A step that takes a millisecond.
fn timed_step(value: u64) -> P<u64> {
    delay_with(Duration::from_millis(1), value)
}

/// One request of doxbee-sequential: an upload. Eight steps one after the other, one of them two queries joined.
fn upload(step: Step, request: u64) -> P<u64> {
    step(request) // Begin the transaction.
        .then(move |transaction| step(transaction + 1)) // Store the blob.
        .then(move |blob| step(blob + 1)) // Find the file.
        .then(move |file| step(file + 1)) // Insert the version.
        .then(move |version| P::all([step(version), step(1)])) // Insert the file and the link to its version.
        .then(move |inserted| step(inserted.iter().sum())) // Update the file.
        .then(move |file| step(file + 1)) // Write the log.
        .then(move |entry| step(entry + 1)) // Commit.
}

async fn upload_awaiting(step: Step, request: u64) -> Result<u64, u64> {
    let transaction = step(request).await?;
    let blob = step(transaction + 1).await?;
    let found = step(blob + 1).await?;
    let version = step(found + 1).await?;
    let inserted = P::all([step(version), step(1)]).await?;
    let updated = step(inserted.iter().sum()).await?;
    let entry = step(updated + 1).await?;
    step(entry + 1).await
}

/// One request of madeup-parallel: 25 queries at once.
fn query(step: Step, request: u64) -> P<u64> {
    P::all((0..25).map(|index| step(request + index))).map(|answers| answers.into_iter().sum())
}

/// Serves requests all at once, and adds their answers.
fn serve(count: u64, request: impl Fn(u64) -> P<u64>) -> Sum {
    let sum = Sum::new();
    let served = (0..count).map(|number| request(number).map(move |answer| sum.add(answer)));
    P::all(served);
    sum
}

fn at_once(count: u64, request: impl Fn(u64) -> P<u64>) -> Sample {
    timed(|| run(|| serve(count, request)).expect("nothing rejects").get())
}

fn in_time(count: u64, request: impl Fn(u64) -> P<u64>) -> Sample {
    timed(|| virtual_loop().run(|| serve(count, request)).expect("nothing rejects").get())
}

/// W9d: doxbee-sequential without timers, with `then`.
pub(crate) fn uploads(count: u64) -> Sample {
    at_once(count, |number| upload(P::resolve, number))
}

/// W9da: doxbee-sequential without timers, with `await`.
pub(crate) fn awaiting_uploads(count: u64) -> Sample {
    at_once(count, |number| P::spawn(upload_awaiting(P::resolve, number)))
}

/// W9dt: doxbee-sequential with timers.
pub(crate) fn timed_uploads(count: u64) -> Sample {
    in_time(count, |number| upload(timed_step, number))
}

/// W9m: madeup-parallel without timers.
pub(crate) fn queries(count: u64) -> Sample {
    at_once(count, |number| query(P::resolve, number))
}

/// W9mt: madeup-parallel with timers.
pub(crate) fn timed_queries(count: u64) -> Sample {
    in_time(count, |number| query(timed_step, number))
}
