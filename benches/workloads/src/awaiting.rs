//! W11, W12t, W12a: `await`, and `then` beside it.

use thenable::{block_on, queue_microtask};

use crate::P;
use crate::sample::{Sample, timed};

/// W11: an async function that awaits promises that have settled.
pub(crate) fn settled(count: u64) -> Sample {
    timed(|| {
        let promise = P::spawn(async move {
            let mut sum = 0;
            for index in 0..count {
                sum += P::resolve(index).await?;
            }
            Ok(sum)
        });
        block_on(promise).expect("nothing rejects")
    })
}

/// A promise that a microtask settles.
fn soon(value: u64) -> P<u64> {
    P::new(move |resolve, _reject| queue_microtask(move || resolve(value)))
}

/// W12t: a chain in which each handler returns a promise that a microtask settles.
pub(crate) fn chained(steps: u64) -> Sample {
    timed(|| {
        let tail = (0..steps).fold(P::resolve(0), |tail, _| tail.then(|value| soon(value + 1)));
        block_on(tail).expect("no handler rejects")
    })
}

/// W12a: the same program as an async function.
pub(crate) fn awaited(steps: u64) -> Sample {
    timed(|| {
        let promise = P::spawn(async move {
            let mut value = 0;
            for _ in 0..steps {
                value = soon(value + 1).await?;
            }
            Ok(value)
        });
        block_on(promise).expect("nothing rejects")
    })
}
