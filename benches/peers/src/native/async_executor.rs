//! `async-executor`: tasks of a `LocalExecutor`, and the oneshot channel of `futures`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_executor::{LocalExecutor, Task};
use futures::channel::oneshot;

use super::Entry;
use super::tasks::{self, Tasks};

pub(super) fn programs() -> Vec<Entry> {
    tasks::programs::<Local>()
}

#[derive(Clone, Copy)]
struct Local(&'static LocalExecutor<'static>);

impl Tasks for Local {
    type Handle<T: 'static> = Task<T>;
    type Sender = oneshot::Sender<u64>;
    type Receiver = Received;

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        let executor = Box::leak(Box::new(LocalExecutor::new()));
        futures_lite::future::block_on(executor.run(main(Self(executor))))
    }

    fn spawn<T: 'static>(self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.0.spawn(future)
    }

    fn detach(self, future: impl Future<Output = ()> + 'static) {
        self.0.spawn(future).detach();
    }

    fn channel() -> (oneshot::Sender<u64>, Received) {
        let (send, receive) = oneshot::channel();
        (send, Received(receive))
    }

    fn send(sender: oneshot::Sender<u64>, value: u64) {
        sender.send(value).expect("the receiver waits");
    }
}

/// A value that will be sent for sure.
pub(super) struct Received(pub(super) oneshot::Receiver<u64>);

impl Future for Received {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(context)).expect("the sender sends"))
    }
}
