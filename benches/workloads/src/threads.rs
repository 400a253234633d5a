//! W10: completions from another thread.

use std::sync::mpsc;
use std::thread;

use thenable::{RemoteResolver, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};

/// W10: promises with a handler each; another thread fulfills them one by one.
pub(crate) fn completions(count: u64) -> Sample {
    let (send, receive) = mpsc::channel::<Vec<RemoteResolver<u64, u64>>>();
    let thread = thread::spawn(move || {
        let resolvers = receive.recv().expect("they are sent");
        for (index, resolver) in (0..).zip(resolvers) {
            resolver.resolve(index).expect("the loop runs");
        }
    });
    let sample = timed(|| {
        let sum = Sum::new();
        let mut resolvers = Vec::new();
        for _ in 0..count {
            let (promise, resolver) = P::remote();
            promise.then(move |value| sum.add(value));
            resolvers.push(resolver);
        }
        run(|| send.send(resolvers).expect("the thread waits for them")).expect("nothing rejects");
        sum.get()
    });
    thread.join().expect("the thread does not panic");
    sample
}
