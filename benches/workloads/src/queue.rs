//! W6, W6s: what waits on the microtask queue by itself.

use thenable::{queue_microtask, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};

/// W6: microtasks.
pub(crate) fn microtasks(count: u64) -> Sample {
    timed(|| {
        let sum = Sum::new();
        run(|| (0..count).for_each(|_| queue_microtask(move || sum.add(1)))).expect("nothing rejects");
        sum.get()
    })
}

/// W6s: async functions that are called, and await once.
pub(crate) fn tasks(count: u64) -> Sample {
    timed(|| {
        let sum = Sum::new();
        let task = move || {
            P::spawn(async move {
                P::resolve(()).await?;
                sum.add(1);
                Ok(())
            });
        };
        run(|| (0..count).for_each(|_| task())).expect("nothing rejects");
        sum.get()
    })
}
