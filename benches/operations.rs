//! What each operation of the crate costs: `cargo bench`, or `cargo bench -- then` for a part.
//!
//! Each measurement does the operation a thousand times, and runs the loop until nothing is left. Where the crate stands
//! beside others is measured elsewhere: see docs/performance.md.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use thenable::{Promise, RemoteResolver, Resolve, block_on, next_tick, queue_microtask, run};

const COUNT: u64 = 1000;

type P<T> = Promise<T, u64>;

/// Measures `COUNT` calls of `operation` within one run of the loop.
fn repeat(criterion: &mut Criterion, group: &str, name: &str, operation: impl Fn(u64)) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function(name, |bencher| {
        bencher.iter(|| run(|| (0..COUNT).for_each(&operation)).expect("nothing rejects without a handler"));
    });
    group.finish();
}

/// Measures `COUNT` links that `extend` adds to a chain, and running them.
fn chain(criterion: &mut Criterion, name: &str, extend: impl Fn(P<u64>) -> P<u64>) {
    let mut group = criterion.benchmark_group("chain");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function(name, |bencher| {
        bencher.iter(|| block_on((0..COUNT).fold(P::resolve(0), |tail, _| extend(tail))));
    });
    group.finish();
}

/// Pending promises, and the functions that settle them.
fn pending() -> (Vec<P<u64>>, Vec<Resolve<u64, u64>>) {
    (0..COUNT)
        .map(|_| {
            let (promise, resolve, _reject) = P::with_resolvers();
            (promise, resolve)
        })
        .unzip()
}

fn settle(resolvers: Vec<Resolve<u64, u64>>) {
    run(|| resolvers.into_iter().for_each(|resolve| resolve(1))).expect("nothing rejects");
}

fn making(criterion: &mut Criterion) {
    let operation =
        |name: &str, criterion: &mut Criterion, operation: fn(u64)| repeat(criterion, "make", name, operation);
    operation("resolve", criterion, |n| drop(black_box(P::resolve(n))));
    operation("new, resolved", criterion, |n| drop(black_box(P::new(|resolve, _reject| resolve(n)))));
    operation("with_resolvers, abandoned", criterion, |_| drop(black_box(P::<u64>::with_resolvers())));
    operation("reject, caught", criterion, |n| drop(P::<u64>::reject(n).catch(Ok)));
    operation("attempt", criterion, |n| drop(black_box(P::attempt(|| Ok(n)))));
}

fn handlers(criterion: &mut Criterion) {
    chain(criterion, "then", |tail| tail.then(|n| Ok(n + 1)));
    chain(criterion, "map", |tail| tail.map(|n| n + 1));
    chain(criterion, "catch, passed", |tail| tail.catch(Ok));
    chain(criterion, "finally", |tail| tail.finally(|| ()));
    chain(criterion, "then, returning a settled promise", |tail| tail.then(|n| P::resolve(n + 1)));
    chain(criterion, "then_async", |tail| tail.then_async(async |n| Ok(n + 1)));
    repeat(criterion, "handler", "then on a settled promise", |n| drop(P::resolve(n).then(|n| Ok(n + 1))));
}

/// Handlers of pending promises, which are settled then.
fn later(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pending");
    group.throughput(Throughput::Elements(COUNT));
    let mut each = |name: &str, operation: fn(P<u64>)| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (promises, resolvers) = pending();
                promises.into_iter().for_each(operation);
                settle(resolvers);
            });
        });
    };
    each("settle alone", drop);
    each("then", |promise| drop(promise.then(|n| Ok(n + 1))));
    each("finally", |promise| drop(promise.finally(|| ())));
    each("adopted", |promise| drop(P::new(|resolve, _reject| resolve.with(promise))));
    each("awaited", |promise| drop(P::spawn(promise)));
    each("two handles", |promise| {
        drop(promise.clone().map(|n| n + 1));
        drop(promise.map(|n| n + 2));
    });
    group.finish();
}

fn queues(criterion: &mut Criterion) {
    repeat(criterion, "queue", "microtask", |n| queue_microtask(move || _ = black_box(n)));
    repeat(criterion, "queue", "next_tick", |n| next_tick(move || _ = black_box(n)));
}

fn futures(criterion: &mut Criterion) {
    repeat(criterion, "future", "spawn, ready at once", |n| drop(P::spawn(async move { Ok(n) })));
    let awaiting = |n| drop(P::spawn(async move { P::resolve(n).await }));
    repeat(criterion, "future", "spawn, awaiting a settled promise", awaiting);
    let mut group = criterion.benchmark_group("future");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function("await of a settled promise", |bencher| {
        let program = async || {
            for n in 0..COUNT {
                P::resolve(n).await?;
            }
            Ok::<(), u64>(())
        };
        bencher.iter(|| block_on(program()));
    });
    group.finish();
}

/// Settling from another thread, which is started before.
fn remote(criterion: &mut Criterion) {
    let (post, work) = mpsc::channel::<Vec<RemoteResolver<u64, u64>>>();
    let thread = thread::spawn(move || {
        for resolvers in work {
            for resolver in resolvers {
                resolver.resolve(1).expect("the loop runs");
            }
        }
    });
    let mut group = criterion.benchmark_group("thread");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function("remote settle", |bencher| {
        bencher.iter(|| {
            let (promises, resolvers): (Vec<_>, Vec<_>) = (0..COUNT).map(|_| P::remote()).unzip();
            run(|| {
                for promise in promises {
                    promise.map(black_box);
                }
                post.send(resolvers).expect("the thread waits for them");
            })
            .expect("nothing rejects");
        });
    });
    group.finish();
    drop(post);
    thread.join().expect("the thread does not panic");
}

criterion_group!(operations, making, handlers, later, queues, futures, remote);
criterion_main!(operations);
