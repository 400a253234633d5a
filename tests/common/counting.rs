//! An allocator that counts.
#![allow(unreachable_pub, reason = "each test program uses it as a module of its own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(allocations: u64, bytes: i64) {
    ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
    BYTES.set(BYTES.get() + bytes);
}

fn size(layout: Layout) -> i64 {
    i64::try_from(layout.size()).expect("an allocation is smaller than the address space")
}

// SAFETY: everything is passed on to the system's allocator.
#[allow(unsafe_code, reason = "a global allocator cannot be written without it")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, size(layout));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, -size(layout));
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `operation` allocates, after the queues and tables of the thread have got their memory.
pub fn allocations<R>(operation: impl FnOnce() -> R) -> (R, u64) {
    let before = ALLOCATIONS.get();
    let result = operation();
    (result, ALLOCATIONS.get() - before)
}

/// How many bytes of this thread are allocated, but for a constant.
pub fn bytes() -> i64 {
    BYTES.get()
}
