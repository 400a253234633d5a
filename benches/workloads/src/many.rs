//! W3, W4: many on one, and one on many.

use thenable::{block_on, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};

/// W3: handlers of one pending promise, which is settled then.
pub(crate) fn handlers_of_one_promise(handlers: u64) -> Sample {
    timed(|| {
        let sum = Sum::new();
        let (promise, resolve, _reject) = P::with_resolvers();
        for _ in 0..handlers {
            promise.clone().then(move |value| sum.add(value));
        }
        drop(promise);
        run(|| resolve(1)).expect("nothing rejects");
        sum.get()
    })
}

/// W4: `all` of pending promises, which are settled then.
pub(crate) fn all_of_pending_promises(count: u64) -> Sample {
    timed(|| {
        let (promises, resolves): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| {
                let (promise, resolve, _reject) = P::with_resolvers();
                (promise, resolve)
            })
            .unzip();
        let all = P::all(promises);
        (0..).zip(resolves).for_each(|(index, resolve)| resolve(index));
        block_on(all).expect("nothing rejects").into_iter().sum()
    })
}
