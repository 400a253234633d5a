//! The benchmark of `thenable` and its peers: the driver, and the programs in Rust that it starts.

pub mod arguments;
pub mod campaign;
pub mod catalogue;
pub mod javascript;
pub mod machine;
pub mod native;
pub mod program;
pub mod report;
pub mod results;
pub mod statistics;
