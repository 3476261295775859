//! What do calls from another thread cost?
//!
//! A thread sends a million closures that each add a number to a counter, and the loop runs them; the time is
//! from before the first is sent until the last has run. Then one closure at a time goes to a loop that waits,
//! and an answer comes back.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Instant;

use protocols::reactor::{Reactor, RemoteHandle, backend};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Rival, compare, each, grouped};
use crate::options::Options;
use crate::table::Table;

/// How many closures are sent at a time.
const CALLS: u64 = 1_000_000;

/// How often one closure goes there and an answer back.
const TRIPS: u64 = 2_000;

const ROUNDS: usize = 9;

type Closure = Box<dyn FnOnce() + Send>;

pub(crate) fn run(options: &Options) -> io::Result<Vec<Table>> {
    let calls = options.operations(CALLS, 1_000);
    let flood = format!("{} calls from a thread", grouped(calls as usize));
    let works = [
        (flood, Work::Flood(calls)),
        (
            "one call there, and an answer back".to_owned(),
            Work::Trips(options.operations(TRIPS, 10)),
        ),
    ];
    let tables = works.map(|(title, work)| {
        let [table] = compare([title], "call", options.rounds(ROUNDS), &rivals(work));
        table
    });
    Ok(tables.into())
}

/// Loops that take closures from another thread.
fn rivals(work: Work) -> Vec<Rival<'static, 1>> {
    let mut all = vec![Rival::new("tokio, closures", move || {
        [on_tokio(true, work)]
    })];
    for &name in backend::NAMES {
        let run = move || [on_reactor(name, work)];
        all.push(Rival::new(format!("reactor, {name}"), run));
    }
    all.extend([
        Rival::new("tokio, closures, no I/O", move || [on_tokio(false, work)]),
        Rival::new("tokio, numbers", move || [numbers_on_tokio(work)]),
        Rival::new("calloop", move || [on_calloop(work)]),
        Rival::new("std and mio's waker", move || [on_mio(work)]),
    ]);
    all
}

/// What the other thread does.
#[derive(Clone, Copy)]
enum Work {
    /// It sends so many calls, and then asks for one answer.
    Flood(u64),
    /// It asks for an answer, and waits for it, so many times.
    Trips(u64),
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

/// Has a thread measure the loop that `run` runs here, in nanoseconds for each closure.
fn measure(
    work: Work,
    way: impl Way,
    (answer, answered): (SyncSender<()>, Receiver<()>),
    run: impl FnOnce(),
) -> f64 {
    let other = thread::spawn(move || {
        let trip = || {
            way.answer(&answer);
            answered.recv().expect("the loop runs");
        };
        trip();
        SUM.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let number = match work {
            Work::Flood(calls) => {
                (1..=calls).for_each(|number| way.add(number));
                trip();
                calls
            }
            Work::Trips(trips) => {
                (0..trips).for_each(|_| trip());
                trips
            }
        };
        let took = begun.elapsed();
        if let Work::Flood(calls) = work {
            assert_eq!(SUM.load(Ordering::Relaxed), calls * (calls + 1) / 2);
        }
        way.end();
        each(took, number as usize)
    });
    run();
    other.join().expect("the measuring thread does not panic")
}

fn on_reactor(backend: &str, work: Work) -> f64 {
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
fn on_tokio(waits_for_io: bool, work: Work) -> f64 {
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
fn numbers_on_tokio(work: Work) -> f64 {
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
    let runtime = runtime(waits_for_io);
    let task = runtime.spawn(task);
    runtime.block_on(task).expect("the task does not panic");
}

/// A runtime of one thread.
pub(super) fn runtime(waits_for_io: bool) -> Runtime {
    let mut builder = Builder::new_current_thread();
    if waits_for_io {
        builder.enable_all();
    }
    builder.build().expect("there are descriptors left")
}

fn on_calloop(work: Work) -> f64 {
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
fn on_mio(work: Work) -> f64 {
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
