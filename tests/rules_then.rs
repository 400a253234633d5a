//! Rules T1 to T13: then, resolve, adoption.
mod common;

use common::expect_trace;
use thenable::Promise;

#[test]
fn t5_resolving_with_a_fulfilled_promise_costs_two_ticks_more() {
    expect_trace("resolve(1)@1  resolve(q)@3", |log| {
        let q = Promise::<_, ()>::resolve(1);
        log.on_fulfilled("resolve(q)", Promise::new(|resolve, _| resolve.with(q)));
        log.on_fulfilled("resolve(1)", Promise::<_, ()>::new(|resolve, _| resolve(1)));
    });
}

#[test]
fn f1_finally() {
    expect_trace("f@1  t@1  after then@2  after finally@4", |log| {
        let (a, b) = (log.clone(), log.clone());
        log.on_fulfilled("after finally", Promise::<_, ()>::resolve(1).finally(move || a.at("f")));
        log.on_fulfilled("after then", Promise::<_, ()>::resolve(1).map(move |_| b.at("t")));
    });
}

#[test]
fn a5_await() {
    expect_trace("then1@2  await@2  then2@2", |log| {
        let (p, resolve, _) = Promise::<_, ()>::with_resolvers();
        log.on_fulfilled("then1", p.clone());
        let l = log.clone();
        let q = p.clone();
        Promise::<(), ()>::spawn(async move {
            let _ = q.await;
            l.at("await");
        });
        log.on_fulfilled("then2", p);
        thenable::queue_microtask(move || resolve(()));
    });
}
