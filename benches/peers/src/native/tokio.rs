//! `tokio`: tasks of a `LocalSet` on the current-thread runtime, its oneshot channel, and its timers on a paused clock.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use thenable_workloads::{Delays, Sample, Sum, timed};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet, spawn_local, unconstrained};
use tokio::time::sleep;

use super::Entry;
use super::requests::{Step, query, upload};
use super::tasks::{self, Tasks, serve};

pub(super) fn programs() -> Vec<Entry> {
    let timed_programs = [
        Entry::new("W7", timers),
        Entry::new("W7c", cleared_timers),
        Entry::new("W9dt", |count| requests(count, |number| upload(AfterAMillisecond, number))),
        Entry::new("W9mt", |count| requests(count, |number| query(AfterAMillisecond, number))),
    ];
    tasks::programs::<Local>().into_iter().chain(timed_programs).collect()
}

#[derive(Clone, Copy)]
struct Local;

impl Tasks for Local {
    type Handle<T: 'static> = Joined<T>;
    type Sender = oneshot::Sender<u64>;
    type Receiver = Received;

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        let runtime = Builder::new_current_thread().build().expect("the runtime starts");
        LocalSet::new().block_on(&runtime, async { main(Self).await })
    }

    fn spawn<T: 'static>(self, future: impl Future<Output = T> + 'static) -> Joined<T> {
        Joined(spawn_local(future))
    }

    fn detach(self, future: impl Future<Output = ()> + 'static) {
        drop(spawn_local(future));
    }

    fn channel() -> (oneshot::Sender<u64>, Received) {
        let (send, receive) = oneshot::channel();
        (send, Received(receive))
    }

    fn send(sender: oneshot::Sender<u64>, value: u64) {
        sender.send(value).expect("the receiver waits");
    }

    /// Without tokio's budget: `join_all` would poll all of them again whenever 128 have used it up.
    fn all(receivers: Vec<Received>) -> impl Future<Output = Vec<u64>> {
        unconstrained(join_all(receivers))
    }
}

/// A task that does not panic.
struct Joined<T>(JoinHandle<T>);

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(context)).expect("the task does not panic"))
    }
}

/// A value that will be sent for sure.
struct Received(oneshot::Receiver<u64>);

impl Future for Received {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(context)).expect("the sender sends"))
    }
}

/// Runs a program on a clock that jumps to the next timer when nothing else is left.
fn with_paused_clock<F: Future>(main: F) -> F::Output {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("the runtime starts");
    LocalSet::new().block_on(&runtime, main)
}

/// W7: each timer is a task that sleeps.
fn timers(count: u64) -> Sample {
    timed(|| {
        with_paused_clock(async {
            let fired = Sum::new();
            for delay in (0..count).zip(Delays::new()).map(|(_, delay)| delay) {
                spawn_local(async move {
                    sleep(delay).await;
                    fired.add(1);
                });
            }
            sleep(Duration::from_secs(2)).await;
            fired.get()
        })
    })
}

/// W7c: each timer is a `Sleep` that was polled, and is dropped.
fn cleared_timers(count: u64) -> Sample {
    timed(|| {
        with_paused_clock(async {
            let mut timers = Vec::new();
            for delay in (0..count).zip(Delays::new()).map(|(_, delay)| delay) {
                let mut timer = Box::pin(sleep(delay));
                assert!(poll!(&mut timer).is_pending());
                timers.push(timer);
            }
            let cleared = Cell::new(0);
            for timer in timers {
                drop(timer);
                cleared.set(cleared.get() + 1);
            }
            cleared.get()
        })
    })
}

/// A step that takes a millisecond.
#[derive(Clone, Copy)]
struct AfterAMillisecond;

impl Step for AfterAMillisecond {
    async fn call(self, value: u64) -> u64 {
        sleep(Duration::from_millis(1)).await;
        value
    }
}

fn requests<F: Future<Output = u64> + 'static>(count: u64, request: impl Fn(u64) -> F) -> Sample {
    timed(|| with_paused_clock(serve(Local, count, request)))
}
