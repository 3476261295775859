//! What do calls from another thread cost, beside the channels of other event loops?
//!
//! ```text
//! cargo bench -p reactor --bench threads_beside
//! ```
//!
//! A thread sends a million closures that each add a number to a counter, and the loop runs them; the time is
//! from before the first is sent until the last has run. Then one closure at a time goes to a loop that waits,
//! and an answer comes back. The contenders take turns, so that what disturbs the machine disturbs all.
//!
//! With a word, as in `… -- epoll`, only the contenders run whose names contain it, each once and for the
//! million alone: to be counted by `strace -f -c`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Instant;

use reactor::{Reactor, RemoteHandle, backend};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How many closures are sent at a time.
const CALLS: u64 = 1_000_000;

/// How often one closure goes there and an answer back.
const TRIPS: u32 = 2_000;

/// How often everything is measured: an odd number, for there to be a median.
const ROUNDS: usize = 9;

/// What the others are compared with.
const RIVAL: &str = "tokio, closures";

/// How long one closure took.
type Nanoseconds = f64;

type Closure = Box<dyn FnOnce() + Send>;

fn main() {
    let word = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let mut contenders = contenders();
    if let Some(word) = word {
        contenders.retain(|contender| contender.name.contains(&word));
        for contender in contenders {
            let took = (contender.run)(Work::Flood);
            println!("{}: {took:.1} ns", contender.name);
        }
        return;
    }
    for (title, work) in [
        ("a million calls, ns each", Work::Flood),
        ("there and back, ns", Work::Trips),
    ] {
        let mut times: Vec<_> = contenders.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (contender, times) in contenders.iter().zip(&mut times) {
                times.push((contender.run)(work));
            }
        }
        print(title, &contenders, &times);
    }
}

/// A loop that takes closures from another thread.
struct Contender {
    name: String,
    /// Runs the loop on this thread, while another one has it work, and tells how many nanoseconds one closure took.
    run: Box<dyn Fn(Work) -> Nanoseconds>,
}

fn contenders() -> Vec<Contender> {
    let mut all = Vec::new();
    let mut add = |name: &str, run: Box<dyn Fn(Work) -> Nanoseconds>| {
        let name = name.to_owned();
        all.push(Contender { name, run });
    };
    for &name in backend::NAMES {
        let run = move |work| on_reactor(name, work);
        add(&format!("reactor, {name}"), Box::new(run));
    }
    add(RIVAL, Box::new(|work| on_tokio(true, work)));
    let without_io = |work| on_tokio(false, work);
    add("tokio, closures, no I/O", Box::new(without_io));
    add("tokio, numbers", Box::new(numbers_on_tokio));
    add("calloop", Box::new(on_calloop));
    add("std and mio's waker", Box::new(on_mio));
    all
}

/// What the other thread does.
#[derive(Clone, Copy)]
enum Work {
    /// It sends all the calls, and then asks for one answer.
    Flood,
    /// It asks for an answer, and waits for it, again and again.
    Trips,
}

/// The other thread's way to a loop.
trait Way: Send + 'static {
    /// Has the loop add a number to the counter.
    fn add(&self, number: u64);

    /// Has the loop answer.
    fn answer(&self, answer: &SyncSender<()>);

    /// Ends the loop.
    fn end(self);
}

static SUM: AtomicU64 = AtomicU64::new(0);

fn add(number: u64) {
    SUM.fetch_add(number, Ordering::Relaxed);
}

/// Has a thread measure the loop that `run` runs here.
fn measure(
    work: Work,
    way: impl Way,
    (answer, answered): (SyncSender<()>, Receiver<()>),
    run: impl FnOnce(),
) -> Nanoseconds {
    let other = thread::spawn(move || {
        let trip = || {
            way.answer(&answer);
            answered.recv().expect("the loop runs");
        };
        trip();
        SUM.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let number = match work {
            Work::Flood => {
                (1..=CALLS).for_each(|number| way.add(number));
                trip();
                CALLS as u32
            }
            Work::Trips => {
                (0..TRIPS).for_each(|_| trip());
                TRIPS
            }
        };
        let took = begun.elapsed().as_secs_f64() * 1e9 / f64::from(number);
        if let Work::Flood = work {
            assert_eq!(SUM.load(Ordering::Relaxed), CALLS * (CALLS + 1) / 2);
        }
        way.end();
        took
    });
    run();
    other.join().expect("the measuring thread does not panic")
}

fn on_reactor(backend: &str, work: Work) -> Nanoseconds {
    let backend = backend::from_name(backend).expect("the backend opens");
    let reactor = Reactor::with_backend(backend).expect("there are descriptors left");
    let way = reactor.remote_handle();
    measure(work, way, mpsc::sync_channel(1), || {
        reactor.run_without_signals().expect("the reactor runs");
    })
}

impl Way for RemoteHandle {
    fn add(&self, number: u64) {
        self.call_from_thread(move |_| add(number))
            .expect("it runs");
    }

    fn answer(&self, answer: &SyncSender<()>) {
        let answer = answer.clone();
        self.call_from_thread(move |_| answer.send(()).expect("it is waited for"))
            .expect("it runs");
    }

    fn end(self) {
        self.stop().expect("it runs");
    }
}

/// A way that brings closures in boxes, the last of which ends the loop.
struct Boxes<F> {
    send: F,
    last: Closure,
}

impl<F: Fn(Closure) + Send + 'static> Way for Boxes<F> {
    fn add(&self, number: u64) {
        (self.send)(Box::new(move || add(number)));
    }

    fn answer(&self, answer: &SyncSender<()>) {
        let answer = answer.clone();
        (self.send)(Box::new(move || {
            answer.send(()).expect("it is waited for");
        }));
    }

    fn end(self) {
        (self.send)(self.last);
    }
}

/// A task receives the closures; the runtime waits for descriptors and time too, as ours does, or does not.
fn on_tokio(waits_for_io: bool, work: Work) -> Nanoseconds {
    let (sender, mut receiver) = unbounded_channel::<Closure>();
    let way = Boxes {
        send: move |closure| sender.send(closure).expect("the task receives"),
        // It ends when the sender is gone.
        last: Box::new(|| ()),
    };
    measure(work, way, mpsc::sync_channel(1), || {
        run_on_tokio(waits_for_io, async move {
            while let Some(closure) = receiver.recv().await {
                closure();
            }
        });
    })
}

/// A task receives the numbers themselves, and adds them; nothing is asked for that it does not know.
fn numbers_on_tokio(work: Work) -> Nanoseconds {
    let (sender, mut receiver) = unbounded_channel::<u64>();
    let (answer, answered) = mpsc::sync_channel(1);
    let answering = answer.clone();
    measure(work, sender, (answer, answered), || {
        run_on_tokio(true, async move {
            while let Some(number) = receiver.recv().await {
                match number {
                    0 => answering.send(()).expect("it is waited for"),
                    number => add(number),
                }
            }
        });
    })
}

impl Way for UnboundedSender<u64> {
    fn add(&self, number: u64) {
        self.send(number).expect("the task receives");
    }

    fn answer(&self, _: &SyncSender<()>) {
        self.send(0).expect("the task receives");
    }

    fn end(self) {}
}

fn run_on_tokio(waits_for_io: bool, task: impl Future<Output = ()> + Send + 'static) {
    let mut builder = Builder::new_current_thread();
    if waits_for_io {
        builder.enable_all();
    }
    let runtime = builder.build().expect("there are descriptors left");
    let task = runtime.spawn(task);
    runtime.block_on(task).expect("the task does not panic");
}

fn on_calloop(work: Work) -> Nanoseconds {
    let mut event_loop = calloop::EventLoop::<()>::try_new().expect("there are descriptors left");
    let (sender, channel) = calloop::channel::channel::<Closure>();
    let source = event_loop
        .handle()
        .insert_source(channel, |event, (), ()| match event {
            calloop::channel::Event::Msg(closure) => closure(),
            calloop::channel::Event::Closed => {}
        });
    source.expect("the loop takes it");
    let signal = event_loop.get_signal();
    let way = Boxes {
        send: move |closure| sender.send(closure).expect("the loop receives"),
        last: Box::new(move || signal.stop()),
    };
    measure(work, way, mpsc::sync_channel(1), || {
        event_loop.run(None, &mut (), |()| ()).expect("it can wait");
    })
}

/// The least that a program would write itself: a wake-up for each closure.
fn on_mio(work: Work) -> Nanoseconds {
    let mut poll = mio::Poll::new().expect("there are descriptors left");
    let waker = mio::Waker::new(poll.registry(), mio::Token(0)).expect("there are too");
    // Closed by the other thread, it would take its last event with it.
    let waker = Arc::new(waker);
    let waking = Arc::clone(&waker);
    let (sender, receiver) = mpsc::channel::<Closure>();
    let over = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&over);
    let way = Boxes {
        send: move |closure| {
            sender.send(closure).expect("the loop receives");
            waking.wake().expect("it can be woken");
        },
        last: Box::new(move || ending.store(true, Ordering::Relaxed)),
    };
    measure(work, way, mpsc::sync_channel(1), || {
        let mut events = mio::Events::with_capacity(16);
        while !over.load(Ordering::Relaxed) {
            poll.poll(&mut events, None).expect("it can wait");
            receiver.try_iter().for_each(|closure| closure());
        }
        drop(waker);
    })
}

/// Prints the median, the least and the most of each, and how it compares with [`RIVAL`].
fn print(title: &str, contenders: &[Contender], times: &[Vec<Nanoseconds>]) {
    let sorted = |times: &Vec<_>| {
        let mut times = times.clone();
        times.sort_by(f64::total_cmp);
        times
    };
    let times: Vec<_> = times.iter().map(sorted).collect();
    let is_rival = |contender: &Contender| contender.name == RIVAL;
    let rival = contenders.iter().position(is_rival);
    let rival = times[rival.expect("it is among them")][ROUNDS / 2];
    println!(
        "{title:<26} {:>8} {:>8} {:>8} {:>8}",
        "median", "least", "most", "ratio"
    );
    for (contender, times) in contenders.iter().zip(times) {
        let [least, median, most] = [0, ROUNDS / 2, ROUNDS - 1].map(|n| times[n]);
        let (name, ratio) = (&contender.name, median / rival);
        println!("{name:<26} {median:>8.1} {least:>8.1} {most:>8.1} {ratio:>8.2}");
    }
    println!();
}
