//! Timers of tokio: bare ones, and in tasks as one would use them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{EnterGuard, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{self, Sleep};

use super::{STEP, STEPS, Timers, Work};

/// Futures of tokio's `sleep`, polled once by hand; nothing of tokio is used but its wheel of timers.
struct Sleeps<'a> {
    runtime: &'a Runtime,
    _entered: EnterGuard<'a>,
    fired: Arc<Woken>,
    waker: Waker,
}

/// A waker that counts.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn paused_runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("it needs no descriptors")
}

pub(super) fn sleeps(work: &Work) -> [f64; 3] {
    let runtime = paused_runtime();
    let fired = Arc::<Woken>::default();
    work.of(&mut Sleeps {
        runtime: &runtime,
        _entered: runtime.enter(),
        waker: Arc::clone(&fired).into(),
        fired,
    })
}

impl Timers for Sleeps<'_> {
    type Handle = Pin<Box<Sleep>>;

    fn schedule(&mut self, delay: Duration) -> Self::Handle {
        let mut sleep = Box::pin(time::sleep(delay));
        let polled = sleep.as_mut().poll(&mut Context::from_waker(&self.waker));
        assert_eq!(polled, Poll::Pending);
        sleep
    }

    fn cancel(&mut self, handle: Self::Handle) {
        drop(handle);
    }

    fn fire(&mut self) -> usize {
        self.runtime.block_on(pass_all_time());
        self.fired.0.load(Ordering::Relaxed)
    }
}

async fn pass_all_time() {
    // It rounds up to whole milliseconds.
    time::advance(Duration::from_millis(1)).await;
    for _ in 0..STEPS {
        time::advance(STEP).await;
    }
}

/// Tasks of tokio, each of which sleeps once.
struct Tasks {
    runtime: Runtime,
    begun: Arc<AtomicUsize>,
    fired: Arc<AtomicUsize>,
}

pub(super) fn tasks(work: &Work) -> [f64; 3] {
    work.of(&mut Tasks {
        runtime: paused_runtime(),
        begun: Arc::default(),
        fired: Arc::default(),
    })
}

impl Tasks {
    fn turn_until(&self, is_so: impl Fn(&Self) -> bool) {
        self.runtime.block_on(async {
            while !is_so(self) {
                tokio::task::yield_now().await;
            }
        });
    }
}

impl Timers for Tasks {
    type Handle = JoinHandle<()>;

    fn schedule(&mut self, delay: Duration) -> JoinHandle<()> {
        let (begun, fired) = (Arc::clone(&self.begun), Arc::clone(&self.fired));
        self.runtime.spawn(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            time::sleep(delay).await;
            fired.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn have_scheduled(&mut self, count: usize) {
        self.turn_until(|tasks| tasks.begun.load(Ordering::Relaxed) == count);
    }

    fn cancel(&mut self, handle: JoinHandle<()>) {
        handle.abort();
    }

    fn have_cancelled(&mut self) {
        // What each task holds counts them.
        let left = self.begun.load(Ordering::Relaxed) / 10;
        self.turn_until(|tasks| Arc::strong_count(&tasks.begun) == left + 1);
    }

    fn fire(&mut self) -> usize {
        self.runtime.block_on(pass_all_time());
        self.turn_until(|tasks| Arc::strong_count(&tasks.fired) == 1);
        self.fired.load(Ordering::Relaxed)
    }
}
