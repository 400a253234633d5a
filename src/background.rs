//! Work beside the loop, on a pool of threads.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cell::handle::Promise;

impl<T: Send + 'static, E: Debug + Send + 'static> Promise<T, E> {
    /// Runs `work` on a pool of threads, so that it may block, and settles the promise on this thread's loop: what Node
    /// does with file and database access on libuv's pool.
    ///
    /// The work is given to the pool at once. A panic in it settles the promise with a [`Fault`](crate::Fault). Dropping
    /// the promise does not stop the work. The pool is that of the [`blocking`] crate, one for the process, which grows
    /// with the work to 500 threads (the environment variable `BLOCKING_MAX_THREADS` sets another limit).
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let promise = Promise::blocking(|| std::fs::read_to_string("Cargo.toml"));
    /// assert!(block_on(promise).unwrap().contains("[package]"));
    /// ```
    #[track_caller]
    pub fn blocking(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Self {
        let (promise, resolver) = Self::remote();
        let work = move || {
            // If the loop has ended nobody is left to hear of the result.
            let _ = match catch_unwind(AssertUnwindSafe(work)) {
                Ok(Ok(value)) => resolver.resolve(value).is_ok(),
                Ok(Err(reason)) => resolver.reject(reason).is_ok(),
                Err(payload) => resolver.fault(payload).is_ok(),
            };
        };
        blocking::unblock(work).detach();
        promise
    }
}
