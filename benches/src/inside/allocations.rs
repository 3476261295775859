//! How often a piece of work asks for memory, and how much it keeps.

#![expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static TIMES: AtomicUsize = AtomicUsize::new(0);
static KEPT: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, which counts while it is told to, so that what is timed pays for no more than a look
/// at whether it is.
struct Counting;

impl Counting {
    fn note(times: usize, bytes: isize) {
        if COUNTS.load(Ordering::Relaxed) {
            TIMES.fetch_add(times, Ordering::Relaxed);
            KEPT.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

// SAFETY: Every call goes to the system's allocator as it came; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(1, layout.size().cast_signed());
        // SAFETY: The caller keeps the conditions of `alloc`, which are the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Self::note(0, -layout.size().cast_signed());
        // SAFETY: The caller keeps the conditions of `dealloc`; the memory came from `System`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(1, layout.size().cast_signed());
        // SAFETY: The caller keeps the conditions of `alloc_zeroed`, which are the same there.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note(1, size.cast_signed() - layout.size().cast_signed());
        // SAFETY: The caller keeps the conditions of `realloc`; the memory came from `System`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// What the program has asked of the allocator.
pub(super) struct Asked {
    /// How often it has asked for memory, or for more of it.
    pub(super) times: usize,
    /// How many bytes it has more than before.
    pub(super) kept: isize,
}

/// What the program asks for while `f` runs, and what `f` returns; one at a time.
pub(super) fn asked<R>(f: impl FnOnce() -> R) -> (Asked, R) {
    TIMES.store(0, Ordering::Relaxed);
    KEPT.store(0, Ordering::Relaxed);
    COUNTS.store(true, Ordering::Relaxed);
    let result = f();
    COUNTS.store(false, Ordering::Relaxed);
    let asked = Asked {
        times: TIMES.load(Ordering::Relaxed),
        kept: KEPT.load(Ordering::Relaxed),
    };
    (asked, result)
}
