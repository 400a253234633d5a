//! W5, W5p: following another promise.

use thenable::{block_on, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};

/// W5: a chain in which each handler returns a promise that has settled.
pub(crate) fn settled(links: u64) -> Sample {
    timed(|| {
        let tail = (0..links).fold(P::resolve(0), |tail, _| tail.then(|value| P::resolve(value + 1)));
        block_on(tail).expect("no handler rejects")
    })
}

/// W5p: promises resolved with pending promises, which are settled when all of them follow.
pub(crate) fn pending(promises: u64) -> Sample {
    timed(|| {
        let sum = Sum::new();
        let mut resolvers = Vec::new();
        for _ in 0..promises {
            let (inner, resolve_inner, _reject) = P::with_resolvers();
            P::new(|resolve, _reject| resolve.with(inner)).then(move |value| sum.add(value));
            resolvers.push(resolve_inner);
        }
        run(|| ()).expect("nothing rejects");
        run(|| (0..).zip(resolvers).for_each(|(index, resolve)| resolve(index))).expect("nothing rejects");
        sum.get()
    })
}
