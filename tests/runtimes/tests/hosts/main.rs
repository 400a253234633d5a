//! The loop as a guest of other runtimes: the same tests in each, with its own timers, tasks and sockets.

/// Makes a test of each generic function `test::<H>` in every runtime.
macro_rules! in_every_host {
    ($($test:ident),* $(,)?) => {
        in_every_host! { @host tokio_block_on: crate::host::TokioBlockOn; $($test),* }
        in_every_host! { @host tokio_local_set: crate::host::TokioLocalSet; $($test),* }
        in_every_host! { @host tokio_local_runtime: crate::host::TokioLocalRuntime; $($test),* }
        in_every_host! { @host smol: crate::host::Smol; $($test),* }
    };
    (@host $module:ident: $host:ty; $($test:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test::<$host>();
                }
            )*
        }
    };
}

mod errors;
mod guest;
mod host;
mod tasks;
