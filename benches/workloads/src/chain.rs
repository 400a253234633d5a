//! W1, W1b, W2: one promise after another.

use std::cell::Cell;

use thenable::{block_on, queue_microtask, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};

pub(crate) fn extend(head: P<u64>, links: u64) -> P<u64> {
    (0..links).fold(head, |tail, _| tail.then(|value| Ok(value + 1)))
}

/// W1: a chain of `then`; its head has settled when the chain is built.
pub(crate) fn settled_head(links: u64) -> Sample {
    timed(|| block_on(extend(P::resolve(0), links)).expect("no handler rejects"))
}

/// W1b: a chain of `then`; its head is settled when the chain stands.
pub(crate) fn pending_head(links: u64) -> Sample {
    timed(|| {
        let (head, resolve, _reject) = P::with_resolvers();
        let tail = extend(head, links);
        resolve(0);
        block_on(tail).expect("no handler rejects")
    })
}

/// W2: a new promise, settled by a microtask; its handler begins the next round.
pub(crate) fn one_after_the_other(rounds: u64) -> Sample {
    timed(|| {
        let rounds: &Rounds = Box::leak(Box::new(Rounds { wanted: rounds, done: Cell::new(0), sum: Sum::new() }));
        run(|| rounds.next()).expect("nothing rejects");
        rounds.sum.get()
    })
}

struct Rounds {
    wanted: u64,
    done: Cell<u64>,
    sum: Sum,
}

impl Rounds {
    fn next(&'static self) {
        let round = self.done.get();
        let promise = P::new(move |resolve, _reject| queue_microtask(move || resolve(round)));
        promise.then(|value| {
            self.sum.add(value);
            self.done.set(self.done.get() + 1);
            if self.done.get() < self.wanted {
                self.next();
            }
        });
    }
}
