//! One process of the benchmark, with mimalloc.

use std::env;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    thenable_peers::native::main(&env::args().skip(1).collect::<Vec<_>>())
}
