//! The sizes of the public types. They are moved about all the time, and one word more in a handle is one more in each
//! listener, queue entry and future that holds it. A size that has to change is changed here, on purpose.

#![cfg(target_pointer_width = "64")]

use std::mem::size_of;

use thenable::{
    BlockOnError, Fault, LoopClosed, Origin, Outcome, Peek, Promise, PromiseId, PromiseState, Reason, Reject,
    RejectionReport, RemoteResolver, Resolution, Resolve, SelfResolution, Stalled, Thenable, UnhandledRejection,
    UnhandledRejections,
};

const WORD: usize = size_of::<usize>();

#[test]
fn a_handle_is_a_fat_pointer_whatever_it_promises() {
    assert_eq!(size_of::<Promise<(), ()>>(), 2 * WORD);
    assert_eq!(size_of::<Promise<[u8; 1000], String>>(), 2 * WORD);
    // A handle may be empty, after its `await`, so there is no room for another nothing.
    assert_eq!(size_of::<Option<Promise<u64, u64>>>(), 3 * WORD);
}

#[test]
fn what_settles_a_promise_is_a_fat_pointer_or_a_key() {
    assert_eq!(size_of::<Resolve<[u8; 1000], String>>(), 2 * WORD);
    assert_eq!(size_of::<Reject<[u8; 1000], String>>(), 2 * WORD);
    assert_eq!(size_of::<Option<Resolve<u64, u64>>>(), 2 * WORD);
    assert_eq!(size_of::<RemoteResolver<[u8; 1000], String>>(), 3 * WORD);
}

#[test]
fn an_outcome_is_its_value_and_a_word() {
    assert_eq!(size_of::<Outcome<u64, u64>>(), 2 * WORD);
    assert_eq!(size_of::<Outcome<[u64; 8], u64>>(), 9 * WORD);
    assert_eq!(size_of::<Peek<'_, [u64; 8], u64>>(), WORD);
    assert_eq!(size_of::<Fault>(), WORD);
    assert_eq!(size_of::<PromiseState>(), 1);
}

#[test]
fn a_resolution_is_its_value_and_a_word_or_a_fat_pointer_and_a_word() {
    assert_eq!(size_of::<Resolution<u64, u64>>(), 3 * WORD);
    assert_eq!(size_of::<Resolution<[u64; 8], u64>>(), 9 * WORD);
    assert_eq!(size_of::<Box<dyn Thenable<u64, u64>>>(), 2 * WORD);
}

#[test]
fn a_name_is_a_number_and_a_place() {
    assert_eq!(size_of::<PromiseId>(), 8);
    assert_eq!(size_of::<Origin>(), 8 + WORD);
}

#[test]
fn errors_and_reports_are_small() {
    assert_eq!(size_of::<SelfResolution>(), size_of::<Origin>());
    assert_eq!(size_of::<LoopClosed<u64>>(), 8);
    assert_eq!(size_of::<Stalled>(), 8 * WORD);
    assert_eq!(size_of::<UnhandledRejection>(), 9 * WORD);
    assert_eq!(size_of::<BlockOnError>(), 9 * WORD);
    assert_eq!(size_of::<Reason<'_>>(), 6 * WORD);
    assert_eq!(size_of::<RejectionReport<'_>>(), 8 * WORD);
    assert_eq!(size_of::<UnhandledRejections>(), 1);
}
