//! One process of the benchmark, with the allocator of the system.

use std::env;

fn main() -> anyhow::Result<()> {
    thenable_peers::native::main(&env::args().skip(1).collect::<Vec<_>>())
}
