//! A value that counts how many of it are alive, and how often one was cloned.

use std::cell::Cell;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static CLONES: Cell<u64> = const { Cell::new(0) };
}

/// A number to be fulfilled with, or to be rejected for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Token(i32);

impl Token {
    pub(crate) fn new(number: i32) -> Self {
        LIVE.set(LIVE.get() + 1);
        Self(number)
    }

    pub(crate) fn number(&self) -> i32 {
        self.0
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self::new(self.0)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // A second drop of one token makes the count negative in the end.
        LIVE.set(LIVE.get() - 1);
    }
}

/// How many tokens of this thread are alive.
pub(crate) fn live() -> i64 {
    LIVE.get()
}

/// How many were cloned on this thread.
pub(crate) fn clones() -> u64 {
    CLONES.get()
}
