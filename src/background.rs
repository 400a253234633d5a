//! Work beside the loop, on a pool of threads.

use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cell::handle::Promise;

impl<T: Send + 'static, E: Debug + Send + 'static> Promise<T, E> {
    /// Runs `work` on a pool of threads, so that it may block, and settles the promise on this thread's loop: what Node
    /// does with file access and the like on libuv's pool.
    ///
    /// The work is given to the pool at once, and waits there in line if all threads are busy; see
    /// [`set_blocking_threads`]. The result arrives as a macrotask. A panic in the work settles the promise with a
    /// [`Fault`](crate::Fault). Until it is done it keeps the loop going. Dropping the promise does not stop the work, nor does
    /// the end of the loop: the result is dropped then, on the pool.
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

/// Says how many threads the pool of [`Promise::blocking`] may have at once: `UV_THREADPOOL_SIZE` of Node, where it is 4.
///
/// Here it is 500 unless this says otherwise, or the environment variable `BLOCKING_MAX_THREADS` when the pool is first used.
/// The pool starts a thread when there is work and all threads are busy; what is over the limit waits in line. So the limit
/// matters only where many pieces of work block at the same time. Set a lower one to bound the memory, or what all this work
/// demands of a disk or a database. Do not set one below the number of pieces of work that wait for each other: they would
/// wait for ever.
///
/// Call it before the pool is used. A higher limit takes effect with the next work; of the threads that are over a lower one,
/// each ends when it has been idle for a while. The pool is that of the [`blocking`] crate, one for the process, so the limit is
/// one for all that use it.
///
/// ```
/// use std::num::NonZeroUsize;
/// use thenable::{Promise, block_on, set_blocking_threads};
///
/// set_blocking_threads(NonZeroUsize::new(4).unwrap());
/// let promise = Promise::<u64, ()>::blocking(|| Ok((1..=10).sum()));
/// assert_eq!(block_on(promise), Ok(55));
/// ```
pub fn set_blocking_threads(limit: NonZeroUsize) {
    blocking::set_max_blocking_threads(limit);
}
