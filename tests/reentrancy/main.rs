//! User code may call anything of the crate from anywhere (invariant 5): it runs in handlers, callbacks and futures, but also
//! in wakers, in hooks, and in `Drop`, `Clone` and `Debug` of values and reasons, where the crate is in the midst of its work.
//!
//! There is a module for each kind of user code. Each test calls everything (see [`everything::call_everything`]) in one such
//! place, and asserts the whole trace: what ran inside, and that all it queued runs afterwards, in order.

mod clones;
mod drops;
mod everything;
mod handlers;
mod hooks;
mod nested_runs;
mod nth_drop;
mod wakers;
