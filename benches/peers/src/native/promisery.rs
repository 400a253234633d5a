//! `promisery`: each promise that is made has a thread of its own, on which its handlers run.
//!
//! A promise can have one `then`, and a handler cannot return a promise, so W3 and W5 cannot be written. A million pending
//! promises would be a million threads.

use std::sync::mpsc;

use promisery::Promise;
use thenable_workloads::{Sample, timed};

use super::Entry;

pub(super) fn programs() -> Vec<Entry> {
    vec![
        Entry::new("W1", settled_head),
        Entry::new("W1b", pending_head),
        Entry::new("W2", one_after_the_other).at_most(20_000),
    ]
}

type P = Promise<u64, u64>;

fn finish(promise: P) -> u64 {
    promise.wait().expect("no handler panics").expect("nothing rejects")
}

fn extend(head: P, links: u64) -> P {
    (0..links).fold(head, |tail, _| tail.map(|value| Ok(value + 1)))
}

fn settled_head(links: u64) -> Sample {
    timed(|| finish(extend(P::resolve(0), links)))
}

fn pending_head(links: u64) -> Sample {
    timed(|| {
        let (send, receive) = mpsc::channel();
        let head = P::new(move || Ok(receive.recv().expect("it is sent")));
        let tail = extend(head, links);
        send.send(0).expect("the thread waits for it");
        finish(tail)
    })
}

fn one_after_the_other(rounds: u64) -> Sample {
    timed(|| (0..rounds).map(|round| finish(P::new(move || Ok(round)).map(Ok))).sum())
}
