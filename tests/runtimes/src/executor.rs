//! hyper's executor trait for a spawner of the loop.

use std::future::Future;

use futures::task::LocalSpawnExt;
use hyper::rt::Executor;
use thenable::LocalSpawner;

/// Spawns what hyper gives it as tasks of the loop.
#[derive(Clone, Debug)]
pub struct OnLoop(pub LocalSpawner);

impl<F: Future<Output = ()> + 'static> Executor<F> for OnLoop {
    fn execute(&self, future: F) {
        // After the loop was dropped there is nothing that could poll it.
        let _ = self.0.spawn_local(future);
    }
}
