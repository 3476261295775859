//! What the threads of a test ask of the allocator.
//!
//! A test file that needs it names this module itself, for with it the whole program is counted.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

thread_local! {
    /// How often this thread has asked for memory.
    pub(crate) static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// For how much in all.
    pub(crate) static ALLOCATED: Cell<usize> = const { Cell::new(0) };
    /// How much it has that it did not give back.
    pub(crate) static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count(asked: usize, given_back: usize) {
    if asked > 0 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    }
    ALLOCATED.set(ALLOCATED.get() + asked);
    HELD.set(HELD.get() + asked.cast_signed() - given_back.cast_signed());
}

#[expect(unsafe_code, reason = "an allocator is counted by standing before it")]
// SAFETY: every call is handed on as it came, and the counters neither allocate nor are ever dropped.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the same promises to us, and `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller keeps the same promises to us, and `pointer` came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
