//! `futures` without tasks: a chain is one boxed future inside the next, and runs where it is awaited.
//!
//! Each link is a stack frame when the chain is polled and when it is dropped, and a million overflow the stack. So the
//! chains are cut into pieces.

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{LocalBoxFuture, join_all, ready};
use futures::{FutureExt, TryFutureExt};
use thenable_workloads::{Sample, timed};

use super::Entry;

const PIECE: u64 = 1000;

pub(super) fn programs() -> Vec<Entry> {
    vec![
        Entry::new("W1", settled_head),
        Entry::new("W1b", pending_head),
        Entry::new("W4", all),
        Entry::new("W5", adoption),
        Entry::new("W11", awaiting),
    ]
}

type Boxed = LocalBoxFuture<'static, u64>;

/// Runs chains of at most `PIECE` links, each beginning with what the one before came to.
fn in_pieces(links: u64, piece: impl Fn(u64, u64) -> u64) -> u64 {
    let whole = (0..links / PIECE).fold(0, |value, _| piece(value, PIECE));
    if links.is_multiple_of(PIECE) { whole } else { piece(whole, links % PIECE) }
}

fn settled_head(links: u64) -> Sample {
    timed(|| {
        in_pieces(links, |value, links| {
            let head: Boxed = ready(value).boxed_local();
            block_on((0..links).fold(head, |tail, _| tail.map(|value| value + 1).boxed_local()))
        })
    })
}

fn pending_head(links: u64) -> Sample {
    timed(|| {
        in_pieces(links, |value, links| {
            let (send, receive) = oneshot::channel();
            let head: Boxed = receive.unwrap_or_else(|_| unreachable!("it is sent")).boxed_local();
            let mut tail = (0..links).fold(head, |tail, _| tail.map(|value| value + 1).boxed_local());
            assert!((&mut tail).now_or_never().is_none(), "the head is pending");
            send.send(value).expect("the receiver waits");
            block_on(tail)
        })
    })
}

fn all(count: u64) -> Sample {
    timed(|| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| oneshot::channel::<u64>()).unzip();
        let mut all = join_all(receivers);
        assert!((&mut all).now_or_never().is_none(), "all are pending");
        (0..).zip(senders).for_each(|(index, sender)| sender.send(index).expect("the receiver waits"));
        block_on(all).into_iter().map(|value| value.expect("it was sent")).sum()
    })
}

fn adoption(links: u64) -> Sample {
    timed(|| {
        in_pieces(links, |value, links| {
            let head: Boxed = ready(value).boxed_local();
            let link = |value| -> Boxed { ready(value + 1).boxed_local() };
            block_on((0..links).fold(head, |tail, _| tail.then(link).boxed_local()))
        })
    })
}

fn awaiting(count: u64) -> Sample {
    timed(|| {
        block_on(async {
            let mut sum = 0;
            for index in 0..count {
                let settled: Boxed = ready(index).boxed_local();
                sum += settled.await;
            }
            sum
        })
    })
}
