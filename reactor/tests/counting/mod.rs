//! What a thread allocates.

#![expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread on its own, as tests run beside each other.
struct Counting;

// SAFETY: Every call goes to the system's allocator as it came; counting neither allocates nor panics,
// as the counter is a thread-local of a constant beginning, without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: The caller keeps the conditions of `alloc`, which are the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: The caller keeps the conditions of `dealloc`; the memory came from `System` above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How many allocations this thread has made so far.
pub(crate) fn allocations() -> usize {
    ALLOCATIONS.get()
}
