//! W3: many on one.

use thenable::run;

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
