//! W9: requests that consist of steps, as async functions.

use std::future::Future;

use futures::future::{join, join_all};

/// What a request does in one step: it takes a value, and comes to one.
pub(super) trait Step: Copy + 'static {
    fn call(self, value: u64) -> impl Future<Output = u64> + 'static;
}

/// A step that has nothing to wait for.
#[derive(Clone, Copy)]
pub(super) struct AtOnce;

impl Step for AtOnce {
    async fn call(self, value: u64) -> u64 {
        value
    }
}

/// One request of doxbee-sequential: an upload. Eight steps one after the other, one of them two queries joined.
pub(super) async fn upload(step: impl Step, request: u64) -> u64 {
    let transaction = step.call(request).await;
    let blob = step.call(transaction + 1).await;
    let found = step.call(blob + 1).await;
    let version = step.call(found + 1).await;
    let (inserted, link) = join(step.call(version), step.call(1)).await;
    let updated = step.call(inserted + link).await;
    let entry = step.call(updated + 1).await;
    step.call(entry + 1).await
}

/// One request of madeup-parallel: 25 queries at once.
pub(super) async fn query(step: impl Step, request: u64) -> u64 {
    join_all((0..25).map(|index| step.call(request + index))).await.into_iter().sum()
}
