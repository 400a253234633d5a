//! `futures`: tasks of a `LocalPool` with `RemoteHandle`s, and its oneshot channel.

use std::future::Future;

use futures::channel::oneshot;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;

use super::Entry;
use super::async_executor::Received;
use super::tasks::{self, Tasks};

pub(super) fn programs() -> Vec<Entry> {
    tasks::programs::<Pool>()
}

#[derive(Clone, Copy)]
struct Pool(&'static LocalSpawner);

impl Tasks for Pool {
    type Handle<T: 'static> = RemoteHandle<T>;
    type Sender = oneshot::Sender<u64>;
    type Receiver = Received;

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        let mut pool = LocalPool::new();
        let spawner = Box::leak(Box::new(pool.spawner()));
        pool.run_until(main(Self(spawner)))
    }

    fn spawn<T: 'static>(self, future: impl Future<Output = T> + 'static) -> RemoteHandle<T> {
        self.0.spawn_local_with_handle(future).expect("the pool runs")
    }

    fn detach(self, future: impl Future<Output = ()> + 'static) {
        self.0.spawn_local(future).expect("the pool runs");
    }

    fn channel() -> (oneshot::Sender<u64>, Received) {
        let (send, receive) = oneshot::channel();
        (send, Received(receive))
    }

    fn send(sender: oneshot::Sender<u64>, value: u64) {
        sender.send(value).expect("the receiver waits");
    }
}
