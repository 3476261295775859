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
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
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
        ALLOCATED.set(ALLOCATED.get() + layout.size());
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

/// What this thread has asked of the allocator, since it began or while something was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// How often it has asked for memory, or for more of it.
    pub(crate) times: usize,
    /// For how much in all.
    pub(crate) bytes: usize,
    /// How much more of it there is than was given back.
    pub(crate) kept: isize,
}

impl Asked {
    /// Since the thread began.
    pub(crate) fn so_far() -> Self {
        Self {
            times: ALLOCATIONS.get(),
            bytes: ALLOCATED.get(),
            kept: LIVE.get(),
        }
    }

    /// From `begin`, which was the state of affairs then, to this one.
    pub(crate) fn since(self, begin: Self) -> Self {
        Self {
            times: self.times - begin.times,
            bytes: self.bytes - begin.bytes,
            kept: self.kept - begin.kept,
        }
    }

    /// While `f` runs.
    pub(crate) fn by(f: impl FnOnce()) -> Self {
        let begin = Self::so_far();
        f();
        Self::so_far().since(begin)
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
