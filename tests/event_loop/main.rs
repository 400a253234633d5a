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

use futures::channel::oneshot::Receiver;

/// Logs what is received.
async fn log_received(receiver: Receiver<u8>) -> Result<(), i32> {
    common::log(receiver.await.expect("it is sent"));
    Ok(())
}
