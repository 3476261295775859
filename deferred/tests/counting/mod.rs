//! What a thread allocates and holds, and small stacks.

#![allow(dead_code, reason = "no test file needs all of it")]
#![expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::thread;

use deferred::Deferred;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread on its own, as tests run beside each other.
struct Counting;

impl Counting {
    fn grows_by(bytes: isize) {
        let live = LIVE.get() + bytes;
        LIVE.set(live);
        PEAK.set(PEAK.get().max(live));
    }
}

// SAFETY: Every call goes to the system's allocator as it came; counting neither allocates nor panics,
// as the counters are thread-locals of a constant beginning, without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        Self::grows_by(layout.size() as isize);
        // SAFETY: The caller keeps the conditions of `alloc`, which are the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Self::grows_by(-(layout.size() as isize));
        // SAFETY: The caller keeps the conditions of `dealloc`; the memory came from `System` above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Has the crate set up what it sets up once for the whole process, when the first link runs.
fn sets_up() {
    Deferred::succeed(()).ignore();
}

/// How many allocations this thread has made.
pub(crate) fn allocated() -> usize {
    ALLOCATIONS.get()
}

/// How many allocations this thread makes in `f`.
pub(crate) fn allocations<R>(f: impl FnOnce() -> R) -> (usize, R) {
    sets_up();
    let before = ALLOCATIONS.get();
    let result = f();
    (ALLOCATIONS.get() - before, result)
}

/// Runs `f`, which must free all that it allocates, and returns how many bytes it held at most.
#[track_caller]
pub(crate) fn frees_all(f: impl FnOnce()) -> isize {
    sets_up();
    let before = LIVE.get();
    PEAK.set(before);
    f();
    let peak = PEAK.get() - before;
    assert_eq!(LIVE.get(), before, "bytes that are still held");
    peak
}

/// Runs `f`, which must free all that it allocates, on a thread with a stack of 64 KiB, and returns how many
/// bytes it held at most.
pub(crate) fn on_a_small_stack(f: impl FnOnce() + Send + 'static) -> isize {
    let thread = thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || frees_all(f));
    let ended = thread.expect("a thread can be started").join();
    ended.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// Says nothing of the failures that tests give up.
pub(crate) fn reports_nothing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| deferred::set_report_hook(|_| ()));
}
