//! The workloads as tasks of an executor, written once for all executors.
//!
//! A `then` is a task that awaits the task before it. A promise that is settled from outside is a oneshot channel.

use std::future::Future;
use std::iter;
use std::sync::mpsc;
use std::thread;

use futures::FutureExt;
use futures::future::join_all;
use thenable_workloads::{Sample, Sum, resident_bytes, timed};

use super::Entry;
use super::requests::{AtOnce, query, upload};

/// An executor for tasks of one thread, and its channel.
pub(super) trait Tasks: Copy + 'static {
    type Handle<T: 'static>: Future<Output = T> + 'static;
    type Sender: Send + 'static;
    type Receiver: Future<Output = u64> + 'static;

    /// Runs a program to its end.
    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output;

    fn spawn<T: 'static>(self, future: impl Future<Output = T> + 'static) -> Self::Handle<T>;

    fn detach(self, future: impl Future<Output = ()> + 'static);

    fn channel() -> (Self::Sender, Self::Receiver);

    fn send(sender: Self::Sender, value: u64);

    /// All values, when the last has been sent.
    fn all(receivers: Vec<Self::Receiver>) -> impl Future<Output = Vec<u64>> {
        join_all(receivers)
    }
}

/// The programs of the executor `X`.
pub(super) fn programs<X: Tasks>() -> Vec<Entry> {
    vec![
        Entry::new("W1", settled_head::<X>),
        Entry::new("W1b", pending_head::<X>),
        Entry::new("W2", one_after_the_other::<X>),
        Entry::new("W3", waiters_of_one_future::<X>),
        Entry::new("W4", all::<X>),
        Entry::new("W5", adoption::<X>),
        Entry::new("W5p", pending_adoption::<X>),
        Entry::new("W6", detached::<X>),
        Entry::new("W6s", detached::<X>),
        Entry::new("W8", pending_tasks::<X>),
        Entry::new("W9da", uploads::<X>),
        Entry::new("W9m", queries::<X>),
        Entry::new("W10", completions::<X>),
        Entry::new("W11", awaiting::<X>),
        Entry::new("W12a", awaiting_later::<X>),
    ]
}

/// The value that a task before this one comes to, plus one: a `then`.
fn extend<X: Tasks, F: Future<Output = u64> + 'static>(tasks: X, head: F, links: u64) -> X::Handle<u64> {
    let head = tasks.spawn(head);
    (0..links).fold(head, |tail, _| tasks.spawn(async move { tail.await + 1 }))
}

fn settled_head<X: Tasks>(links: u64) -> Sample {
    timed(|| X::run(|tasks| extend(tasks, async { 0 }, links)))
}

fn pending_head<X: Tasks>(links: u64) -> Sample {
    timed(|| {
        X::run(async |tasks: X| {
            let (send, receive) = X::channel();
            let tail = extend(tasks, receive, links);
            tasks.detach(async { X::send(send, 0) });
            tail.await
        })
    })
}

fn one_after_the_other<X: Tasks>(rounds: u64) -> Sample {
    timed(|| {
        X::run(async |tasks: X| {
            let mut sum = 0;
            for round in 0..rounds {
                let (send, receive) = X::channel();
                tasks.detach(async move { X::send(send, round) });
                sum += receive.await;
            }
            sum
        })
    })
}

fn waiters_of_one_future<X: Tasks>(waiters: u64) -> Sample {
    timed(|| {
        X::run(async |tasks: X| {
            let sum = Sum::new();
            let (send, receive) = X::channel();
            let shared = receive.shared();
            for _ in 0..waiters {
                let value = shared.clone();
                tasks.detach(async move { sum.add(value.await) });
            }
            tasks.detach(async { X::send(send, 1) });
            shared.await;
            // Whoever waits last is woken last.
            tasks.spawn(async {}).await;
            sum.get()
        })
    })
}

fn all<X: Tasks>(count: u64) -> Sample {
    timed(|| {
        X::run(async |tasks: X| {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| X::channel()).unzip();
            tasks.detach(async { (0..).zip(senders).for_each(|(index, sender)| X::send(sender, index)) });
            X::all(receivers).await.into_iter().sum()
        })
    })
}

fn adoption<X: Tasks>(links: u64) -> Sample {
    timed(|| {
        X::run(|tasks: X| {
            let head = tasks.spawn(async { 0 });
            (0..links).fold(head, |tail, _| {
                tasks.spawn(async move {
                    let value = tail.await;
                    tasks.spawn(async move { value + 1 }).await
                })
            })
        })
    })
}

fn pending_adoption<X: Tasks>(count: u64) -> Sample {
    timed(|| {
        X::run(async |tasks: X| {
            let sum = Sum::new();
            let mut senders = Vec::new();
            for _ in 0..count {
                let (send, inner) = X::channel();
                let outer = tasks.spawn(inner);
                tasks.detach(async move { sum.add(outer.await) });
                senders.push(send);
            }
            let settle = async move { (0..).zip(senders).for_each(|(index, sender)| X::send(sender, index)) };
            tasks.spawn(settle).await;
            until(tasks, || sum.get() == (0..count).sum::<u64>()).await;
            sum.get()
        })
    })
}

/// Lets other tasks run until something holds.
async fn until<X: Tasks>(tasks: X, holds: impl Fn() -> bool) {
    while !holds() {
        tasks.spawn(async {}).await;
    }
}

fn detached<X: Tasks>(count: u64) -> Sample {
    timed(|| {
        X::run(async |tasks: X| {
            let sum = Sum::new();
            for _ in 0..count {
                tasks.detach(async move { sum.add(1) });
            }
            until(tasks, || sum.get() == count).await;
            sum.get()
        })
    })
}

#[expect(clippy::cast_precision_loss, reason = "a mean of so many bytes has no more digits")]
fn pending_tasks<X: Tasks>(count: u64) -> Sample {
    let mut bytes = 0.0;
    let sample = timed(|| {
        X::run(async |tasks: X| {
            let sum = Sum::new();
            let mut senders: Vec<Option<X::Sender>> = iter::repeat_with(|| None).take(index(count)).collect();
            let before = resident_bytes();
            for place in &mut senders {
                let (send, receive) = X::channel();
                tasks.detach(async move { sum.add(receive.await) });
                *place = Some(send);
            }
            // So that all of them wait.
            tasks.spawn(async {}).await;
            bytes = (resident_bytes() - before) as f64 / count as f64;
            (0..).zip(senders.into_iter().flatten()).for_each(|(index, sender)| X::send(sender, index));
            until(tasks, || sum.get() == (0..count).sum::<u64>()).await;
            sum.get()
        })
    });
    Sample { bytes: Some(bytes), ..sample }
}

fn index(count: u64) -> usize {
    usize::try_from(count).expect("as many fit into memory")
}

/// Serves requests, each a task.
pub(super) async fn serve<X: Tasks, F: Future<Output = u64> + 'static>(
    tasks: X,
    count: u64,
    request: impl Fn(u64) -> F,
) -> u64 {
    let served: Vec<_> = (0..count).map(|number| tasks.spawn(request(number))).collect();
    let mut sum = 0;
    for answer in served {
        sum += answer.await;
    }
    sum
}

fn uploads<X: Tasks>(count: u64) -> Sample {
    timed(|| X::run(|tasks| serve(tasks, count, |number| upload(AtOnce, number))))
}

fn queries<X: Tasks>(count: u64) -> Sample {
    timed(|| X::run(|tasks| serve(tasks, count, |number| query(AtOnce, number))))
}

fn completions<X: Tasks>(count: u64) -> Sample {
    let (post, work) = mpsc::channel::<Vec<X::Sender>>();
    let thread = thread::spawn(move || {
        let senders = work.recv().expect("they are posted");
        (0..).zip(senders).for_each(|(index, sender)| X::send(sender, index));
    });
    let sample = timed(|| {
        X::run(async |tasks: X| {
            let sum = Sum::new();
            let mut senders = Vec::new();
            let mut waiting = Vec::new();
            for _ in 0..count {
                let (send, receive) = X::channel();
                waiting.push(tasks.spawn(async move { sum.add(receive.await) }));
                senders.push(send);
            }
            post.send(senders).expect("the thread waits for them");
            for task in waiting {
                task.await;
            }
            sum.get()
        })
    });
    thread.join().expect("the thread does not panic");
    sample
}

fn awaiting<X: Tasks>(count: u64) -> Sample {
    timed(|| {
        X::run(|tasks: X| {
            tasks.spawn(async move {
                let mut sum = 0;
                for index in 0..count {
                    sum += tasks.spawn(async move { index }).await;
                }
                sum
            })
        })
    })
}

fn awaiting_later<X: Tasks>(steps: u64) -> Sample {
    timed(|| {
        X::run(|tasks: X| {
            tasks.spawn(async move {
                let mut value = 0;
                for _ in 0..steps {
                    let (send, receive) = X::channel();
                    tasks.detach(async move { X::send(send, value + 1) });
                    value = receive.await;
                }
                value
            })
        })
    })
}
