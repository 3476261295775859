//! What do timers cost here, in tokio, in calloop and in a bare heap, when most of them are cancelled?
//!
//! ```console
//! $ cargo bench -p reactor --bench timers_beside
//! ```
//!
//! Every timer is due some time within ten minutes. All are scheduled, nine in ten are cancelled, in random
//! order, and then the time passes, in steps of ten seconds, and the rest fires. No time is waited for: each has a
//! clock that can be set, or takes times that are over.
//!
//! With a word, as in `… -- reactor`, only those run whose names contain it: to be looked at with `perf record`.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::env;
use std::hint::black_box;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, LoopHandle, RegistrationToken};
use reactor::backend::{Backend, Event, Interest, Key};
use reactor::{DelayedCall, Reactor};
use tokio::runtime::{EnterGuard, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{self, Sleep};

/// How many timers there are, and how often all is done, after once to warm up.
const SIZES: [(usize, usize); 2] = [(1_000_000, 5), (10_000, 20)];

/// What needs a time that grows with the number of timers, for each, is left out above.
const MOST_IN_CALLOOP: usize = 10_000;

/// All timers are due before so many steps have passed.
const STEPS: u32 = 60;

const STEP: Duration = Duration::from_secs(10);

fn main() {
    let word = env::args().skip(1).find(|word| !word.starts_with('-'));
    let word = word.unwrap_or_default();
    for (timers, rounds) in SIZES {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let delays: Vec<_> = (0..timers).map(|_| random.delay()).collect();
        let mut order: Vec<_> = (0..timers).collect();
        random.shuffle(&mut order);
        let work = Work { delays, order };
        compare(&work, rounds, &word);
    }
}

/// Has each of them whose name contains `word` do the work in turn, and prints the medians.
fn compare(work: &Work, rounds: usize, word: &str) {
    let timers = work.delays.len();
    let mut rivals: Vec<Rival> = vec![
        ("reactor", ours, Vec::new()),
        ("tokio, a sleep each", tokio_sleeps, Vec::new()),
        ("tokio, a task each", tokio_tasks, Vec::new()),
        ("bare BinaryHeap", bare_heap, Vec::new()),
    ];
    if timers <= MOST_IN_CALLOOP {
        rivals.push(("calloop", calloop, Vec::new()));
    }
    rivals.retain(|(name, ..)| name.contains(word));
    for round in 0..=rounds {
        for (_, run, results) in &mut rivals {
            let result = run(work);
            if round > 0 {
                results.push(result);
            }
        }
    }

    println!(
        "{timers} timers: nanoseconds each, and how many times the first (medians of {rounds})"
    );
    println!("{:<20}{:>16}{:>16}{:>16}", "", "schedule", "cancel", "fire");
    let ours = medians(&rivals[0].2);
    for (name, _, results) in &rivals {
        print!("{name:<20}");
        for (nanos, ours) in medians(results).into_iter().zip(ours) {
            print!("{nanos:>8.0} {:>6.2}×", nanos / ours);
        }
        println!();
    }
    println!();
}

type Rival = (&'static str, fn(&Work) -> [f64; 3], Vec<[f64; 3]>);

fn medians(results: &[[f64; 3]]) -> [f64; 3] {
    [0, 1, 2].map(|phase| {
        let mut times: Vec<_> = results.iter().map(|result| result[phase]).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// When the timers are due, and the order in which they are cancelled.
struct Work {
    delays: Vec<Duration>,
    order: Vec<usize>,
}

impl Work {
    /// Does all of it, and returns the nanoseconds that each timer took in each phase.
    fn of<T: Timers>(&self, timers: &mut T) -> [f64; 3] {
        let count = self.delays.len();
        let fired = count / 10;
        let mut handles = Vec::with_capacity(count);

        let began = Instant::now();
        for &delay in &self.delays {
            handles.push(Some(timers.schedule(delay)));
        }
        timers.have_scheduled(count);
        settle_memory();
        let scheduling = began.elapsed();

        // In this order they are cancelled, so that the way to the handle is not measured too.
        let mut handles: Vec<_> = self.order.iter().map(|&n| handles[n].take()).collect();
        let began = Instant::now();
        for handle in handles.drain(fired..) {
            timers.cancel(handle.expect("each is in the order once"));
        }
        timers.have_cancelled();
        settle_memory();
        let cancelling = began.elapsed();

        let began = Instant::now();
        let all = timers.fire();
        settle_memory();
        let firing = began.elapsed();

        assert_eq!(all, fired);
        [
            (scheduling, count),
            (cancelling, count - fired),
            (firing, fired),
        ]
        .map(|(time, count)| time.as_nanos() as f64 / count as f64)
    }
}

/// Has the allocator do what it has put off, so that each phase pays for what it has freed.
///
/// The one of glibc joins small blocks with their neighbours only when a large one is asked for, and then all
/// at once: whoever does that first in a later phase would pay a tenth of a second for the cancelled timers.
fn settle_memory() {
    drop(black_box(Vec::<u8>::with_capacity(100_000)));
}

/// One way to have timers.
trait Timers {
    type Handle;

    fn schedule(&mut self, delay: Duration) -> Self::Handle;

    /// Does what is left to be done until all wait.
    fn have_scheduled(&mut self, _count: usize) {}

    fn cancel(&mut self, handle: Self::Handle);

    /// Does what is left to be done until those that were cancelled are gone.
    fn have_cancelled(&mut self) {}

    /// Lets the time of all timers come, and returns how many have fired.
    fn fire(&mut self) -> usize;
}

/// Delayed calls of a reactor, in simulated time.
struct Ours {
    reactor: Reactor,
    time: Rc<Cell<Duration>>,
    fired: Rc<Cell<usize>>,
}

fn ours(work: &Work) -> [f64; 3] {
    let time = Rc::new(Cell::new(Duration::ZERO));
    let backend = Simulated(Rc::clone(&time));
    let mut ours = Ours {
        reactor: Reactor::with_backend(Box::new(backend)).expect("there are descriptors left"),
        time,
        fired: Rc::default(),
    };
    work.of(&mut ours)
}

impl Timers for Ours {
    type Handle = DelayedCall;

    fn schedule(&mut self, delay: Duration) -> DelayedCall {
        let fired = Rc::clone(&self.fired);
        let call = move |_: &Reactor| fired.set(fired.get() + 1);
        self.reactor.call_later(delay, call)
    }

    fn cancel(&mut self, handle: DelayedCall) {
        handle.cancel().expect("it waits");
    }

    fn fire(&mut self) -> usize {
        for _ in 0..STEPS {
            self.time.set(self.time.get() + STEP);
            let turned = self.reactor.iterate(Duration::ZERO);
            turned.expect("the backend does not fail");
        }
        self.fired.get()
    }
}

/// A backend without descriptors, whose time passes when it is told.
struct Simulated(Rc<Cell<Duration>>);

impl Backend for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: &mut Vec<Event>, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn now(&self) -> Duration {
        self.0.get()
    }
}

/// Futures of tokio's `sleep`, polled once by hand; nothing of tokio is used but its wheel of timers.
struct TokioSleeps<'a> {
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

fn tokio_sleeps(work: &Work) -> [f64; 3] {
    let runtime = paused_runtime();
    let fired = Arc::<Woken>::default();
    work.of(&mut TokioSleeps {
        runtime: &runtime,
        _entered: runtime.enter(),
        waker: Arc::clone(&fired).into(),
        fired,
    })
}

impl Timers for TokioSleeps<'_> {
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
struct TokioTasks {
    runtime: Runtime,
    begun: Arc<AtomicUsize>,
    fired: Arc<AtomicUsize>,
}

fn tokio_tasks(work: &Work) -> [f64; 3] {
    work.of(&mut TokioTasks {
        runtime: paused_runtime(),
        begun: Arc::default(),
        fired: Arc::default(),
    })
}

impl TokioTasks {
    fn turn_until(&self, is_so: impl Fn(&Self) -> bool) {
        self.runtime.block_on(async {
            while !is_so(self) {
                tokio::task::yield_now().await;
            }
        });
    }
}

impl Timers for TokioTasks {
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

/// Timers of calloop. Its clock cannot be set, so their times are over when they are scheduled.
struct Calloop {
    events: EventLoop<'static, usize>,
    handle: LoopHandle<'static, usize>,
    long_ago: Instant,
}

fn calloop(work: &Work) -> [f64; 3] {
    let events = EventLoop::try_new().expect("there are descriptors left");
    let long_ago = Instant::now().checked_sub(STEPS * STEP);
    work.of(&mut Calloop {
        handle: events.handle(),
        events,
        long_ago: long_ago.expect("the clock goes below zero"),
    })
}

impl Timers for Calloop {
    type Handle = RegistrationToken;

    fn schedule(&mut self, delay: Duration) -> RegistrationToken {
        let timer = Timer::from_deadline(self.long_ago + delay);
        let source = self.handle.insert_source(timer, |_, (), fired| {
            *fired += 1;
            TimeoutAction::Drop
        });
        source.expect("a timer needs nothing of the system")
    }

    fn cancel(&mut self, handle: RegistrationToken) {
        self.handle.remove(handle);
    }

    fn fire(&mut self) -> usize {
        let mut fired = 0;
        let turned = self.events.dispatch(Duration::ZERO, &mut fired);
        turned.expect("it has nothing to wait for");
        fired
    }
}

/// No more than the times and the numbers of timers: the least that one can do with the standard library.
#[derive(Default)]
struct BareHeap {
    waiting: BinaryHeap<Reverse<(u64, u64)>>,
    cancelled: HashSet<u64>,
    made: u64,
}

fn bare_heap(work: &Work) -> [f64; 3] {
    work.of(&mut BareHeap::default())
}

impl Timers for BareHeap {
    type Handle = u64;

    fn schedule(&mut self, delay: Duration) -> u64 {
        self.made += 1;
        self.waiting
            .push(Reverse((delay.as_nanos() as u64, self.made)));
        self.made
    }

    fn cancel(&mut self, handle: u64) {
        self.cancelled.insert(handle);
    }

    fn fire(&mut self) -> usize {
        let mut fired = 0;
        for step in 1..=STEPS {
            let now = (step * STEP).as_nanos() as u64;
            while let Some(&Reverse((due, number))) = self.waiting.peek()
                && due <= now
            {
                self.waiting.pop();
                fired += usize::from(!self.cancelled.remove(&black_box(number)));
            }
        }
        fired
    }
}

/// Numbers that are the same in each run. *Marsaglia's xorshift.*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn delay(&mut self) -> Duration {
        Duration::from_nanos(self.next() % (STEPS * STEP).as_nanos() as u64)
    }

    fn shuffle(&mut self, all: &mut [usize]) {
        for n in (1..all.len()).rev() {
            let other = self.next() % (n as u64 + 1);
            all.swap(n, other as usize);
        }
    }
}
