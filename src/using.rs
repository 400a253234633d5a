//! `using`: acquire, use, release.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, resume_unwind};

use futures::FutureExt;

use crate::cell::handle::Promise;
use crate::resolve::attempt;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// Acquires a resource, uses it, and releases it, whatever comes of its use: `await using` of JavaScript, `Promise.using` of
    /// Bluebird.
    ///
    /// It is `acquire.then(|resource| use_it(resource.clone()).finally(|| release(resource)))`, tick for tick, where a panic of
    /// `use_it` does not keep the resource from being released.
    ///
    /// - **Settles** as the promise of `use_it` does, when that of `release` has been fulfilled.
    /// - **If it cannot be acquired,** the result fails likewise. Nothing is used or released.
    /// - **If the release fails,** that takes the place of the value or the rejection, as with [`finally`](Self::finally). A
    ///   [`Fault`](crate::Fault) of the use goes before it.
    /// - **Abort:** a use that takes a signal ends by it, and the resource is released:
    ///   `|db| read(db).abortable(&signal)`. Nothing aborts the release. A [scope](Self::scope) waits for the release of what is
    ///   [added](crate::Scope::add) to it.
    /// - **If the use can never settle,** its resource is not released, but dropped.
    ///
    /// The use and the release have a clone of the resource each: `.map(Rc::new)` makes one of anything.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    /// use thenable::{Promise, block_on};
    ///
    /// let open = Rc::new(Cell::new(0));
    /// let (acquiring, releasing) = (open.clone(), open.clone());
    /// let result = Promise::using(
    ///     Promise::attempt(move || { acquiring.set(acquiring.get() + 1); Ok("connection") }),
    ///     |connection| Promise::<u32, _>::reject(format!("the {connection} broke")),
    ///     move |_connection| releasing.set(releasing.get() - 1),
    /// );
    /// assert_eq!(block_on(result), Err("the connection broke".to_string()));
    /// assert_eq!(open.get(), 0);
    /// ```
    #[track_caller]
    pub fn using<A, U, R, X, V>(acquire: A, use_it: U, release: V) -> Self
    where
        A: IntoResolution<E, Value: Clone>,
        U: FnOnce(A::Value) -> R + 'static,
        R: IntoResolution<E, Value = T>,
        V: FnOnce(A::Value) -> X + 'static,
        X: IntoResolution<E>,
    {
        let made_at = Location::caller();
        Promise::resolve_with(acquire).then(move |resource| {
            let used = resource.clone();
            let used = attempt(|| Ok(use_it(used).into_resolution()));
            Self::from_completion(used, made_at).finally(move || release(resource))
        })
    }

    /// [`using`](Self::using) with async closures. The use borrows the resource, and the release gets it.
    ///
    /// The whole runs as a spawned future of its own: it goes on when the promise is dropped. Awaits take the ticks of an async
    /// function with `try` and `finally`.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// struct File(Vec<u8>);
    ///
    /// let length = Promise::using_async(
    ///     Promise::<_, String>::resolve(File(Vec::new())),
    ///     async |file: &mut File| {
    ///         file.0.extend(b"two words");
    ///         Ok(file.0.len())
    ///     },
    ///     async |file: File| if file.0.is_empty() { Err("nothing was written".to_string()) } else { Ok(()) },
    /// );
    /// assert_eq!(block_on(length), Ok(9));
    /// ```
    #[track_caller]
    pub fn using_async<A, U, V, X>(acquire: A, use_it: U, release: V) -> Self
    where
        A: IntoResolution<E> + 'static,
        U: AsyncFnOnce(&mut A::Value) -> Result<T, E> + 'static,
        V: AsyncFnOnce(A::Value) -> X + 'static,
        X: IntoResolution<E> + 'static,
    {
        Self::spawn_at(
            async move {
                let mut resource = Promise::resolve_with(acquire).await?;
                let used = AssertUnwindSafe(use_it(&mut resource)).catch_unwind().await;
                let release = async move { Promise::resolve_with(release(resource).await).await };
                match (used, AssertUnwindSafe(release).catch_unwind().await) {
                    (Err(panic), _) | (Ok(_), Err(panic)) => resume_unwind(panic),
                    (Ok(_), Ok(Err(reason))) => Err(reason),
                    (Ok(result), Ok(Ok(_))) => result,
                }
            },
            Location::caller(),
        )
    }
}
