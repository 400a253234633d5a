//! Spawners: how a library that takes an executor runs its futures on the loop.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use futures::task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use super::handle::EventLoop;
use super::state::{self, LoopId};
use crate::cell::handle::Promise;
use crate::inbox::home::Address;
use crate::queue::queue_microtask;

impl EventLoop {
    /// A spawner for this thread: it implements [`LocalSpawn`] and [`Spawn`] of the `futures` crate.
    ///
    /// ```
    /// use futures::task::LocalSpawnExt;
    /// use std::{cell::Cell, rc::Rc};
    /// use thenable::EventLoop;
    ///
    /// let promises = EventLoop::new();
    /// let spawner = promises.local_spawner();
    /// let (done, inside) = (Rc::new(Cell::new(false)), spawner.clone());
    /// let flag = done.clone();
    /// spawner.spawn_local(async move { inside.spawn_local(async move { flag.set(true) }).unwrap() })?;
    /// assert!(!done.get(), "it runs when the loop runs");
    /// promises.run(|| ()).unwrap();
    /// assert!(done.get());
    /// # Ok::<(), futures::task::SpawnError>(())
    /// ```
    pub fn local_spawner(&self) -> LocalSpawner {
        LocalSpawner { owner: self.state.id, address: self.address(), thread: PhantomData }
    }

    /// A spawner for all other threads: it implements [`Spawn`] of the `futures` crate.
    ///
    /// ```
    /// use futures::task::SpawnExt;
    /// use thenable::EventLoop;
    ///
    /// let promises = EventLoop::new();
    /// let spawner = promises.spawner();
    /// let (sender, receiver) = futures::channel::oneshot::channel();
    /// std::thread::spawn(move || spawner.spawn(async move { sender.send(std::thread::current().id()).unwrap() }));
    /// assert_eq!(promises.block_on(receiver), Ok(std::thread::current().id()));
    /// ```
    pub fn spawner(&self) -> Spawner {
        Spawner { address: self.address() }
    }

    fn address(&self) -> Address {
        let _entered = self.entered();
        Address::of_home()
    }
}

/// Spawns futures of this thread in an [`EventLoop`]: see [`EventLoop::local_spawner`].
///
/// A future is polled for the first time in a microtask of the loop, so never inside the call that spawns it. From then on
/// it is a task of the loop like that of [`Promise::spawn`](crate::Promise::spawn). It has no promise that could take a panic: that is
/// reported as an unhandled rejection is.
///
/// The spawner does not keep the loop alive.
///
/// # Errors
///
/// [`SpawnError::is_shutdown`] after the loop was dropped; the future is dropped then.
///
/// # Other traits
///
/// A library with an executor trait of its own takes a newtype around the spawner. For hyper:
///
/// ```rs
/// use futures::task::LocalSpawnExt;
/// use thenable::LocalSpawner;
///
/// #[derive(Clone)]
/// struct OnLoop(LocalSpawner);
///
/// impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnLoop {
///     fn execute(&self, future: F) {
///         self.0.spawn_local(future).expect("the loop lives as long as its server");
///     }
/// }
/// ```
#[derive(Clone)]
pub struct LocalSpawner {
    owner: LoopId,
    address: Address,
    /// It means something on its own thread only.
    thread: PhantomData<*const ()>,
}

impl LocalSpawner {
    fn check(&self) -> Result<(), SpawnError> {
        if self.address.is_closed() { Err(SpawnError::shutdown()) } else { Ok(()) }
    }
}

impl LocalSpawn for LocalSpawner {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.check()?;
        let state = state::find(self.owner).ok_or_else(SpawnError::shutdown)?;
        EventLoop { state, owned: false }.enter(|| queue_microtask(move || spawn(future)));
        Ok(())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        self.check()
    }
}

impl Spawn for LocalSpawner {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn_local_obj(future.into())
    }

    fn status(&self) -> Result<(), SpawnError> {
        self.check()
    }
}

impl fmt::Debug for LocalSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSpawner").field("is_shutdown", &self.address.is_closed()).finish_non_exhaustive()
    }
}

/// Spawns futures in an [`EventLoop`] from any thread: see [`EventLoop::spawner`].
///
/// A future arrives as a macrotask of the loop, in the order of what its thread sends, and is polled there. For everything
/// else see [`LocalSpawner`]. A future that has arrived keeps the loop going, a spawner does not: a loop that would end
/// meanwhile is kept by something that waits, such as a [remote resolver](crate::Promise::remote).
///
/// # Errors
///
/// [`SpawnError::is_shutdown`] after the loop was dropped or its thread has ended; the future is dropped then, by the thread
/// that would have spawned it.
#[derive(Clone)]
pub struct Spawner {
    address: Address,
}

impl Spawn for Spawner {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let is_sent = self.address.run(Box::new(move || spawn(future)));
        if is_sent { Ok(()) } else { Err(SpawnError::shutdown()) }
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.address.is_closed() { Err(SpawnError::shutdown()) } else { Ok(()) }
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("is_shutdown", &self.address.is_closed()).finish_non_exhaustive()
    }
}

/// Polls the future, as a task of the entered loop.
fn spawn(future: impl Future<Output = ()> + 'static) {
    drop(Promise::<(), Infallible>::spawn(async move {
        future.await;
        Ok(())
    }));
}
