//! Loops of one's own: nested and in turn, turn by turn, on a virtual clock, woken, seeded, dropped, and misused.
#[path = "../common/mod.rs"]
mod common;

mod closing;
mod misuse;
mod nesting;
mod schedule;
mod turns;
mod virtual_clock;
mod waking;
