//! What does a turn of a loop cost, when each turn ends by beginning the next one?
//!
//! A turn waits for a number that comes from outside, and is the next turn unless it is zero. That is a callback which
//! puts another one in its place, by hand; a callback that returns the next turn's `Deferred`; and a future that awaits
//! the next turn's, in a box. As a `loop` that awaits one number after the other, which is no recursion at all, the
//! same is there too.

use std::cell::RefCell;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use protocols::deferred::{Deferred, Firer};
use tokio::sync::oneshot;

use super::allocations::asked;
use super::{Rival, compare, each, grouped, processor_time};
use crate::options::Options;
use crate::table::Table;

/// How many turns a loop has, and how many loops there are in a round.
const SIZES: [(u64, usize); 2] = [(1_000, 20), (100_000, 1)];

/// Boxed futures poll each other, all of them at each turn; what no stack would hold is left out.
const MOST_IN_FUTURES: u64 = 1_000;

const ROUNDS: usize = 21;

pub(crate) fn run(options: &Options) -> io::Result<Vec<Table>> {
    let sizes = SIZES.map(|(turns, loops)| {
        let turns = options.operations(turns, 100);
        table(turns, loops.min(turns as usize), options)
    });
    let mut tables = Vec::from(sizes);
    if let Some(last) = tables.last_mut()
        && !options.check
    {
        last.notes = elsewhere(options);
    }
    Ok(tables)
}

/// A way to write a loop, begun: it is given a number for each turn, and tells whether it has ended.
type Loop = Box<dyn FnMut(u64) -> bool>;

/// What it is called, and how it is begun.
type Way = (&'static str, fn() -> Loop);

fn table(turns: u64, loops: usize, options: &Options) -> Table {
    let mut ways: Vec<Way> = vec![
        ("boxed callback", boxed_callback),
        ("deferred", deferred),
        ("tokio, a loop", || {
            awaited(|pending| Box::pin(looping(pending)))
        }),
    ];
    if turns <= MOST_IN_FUTURES {
        ways.push(("tokio, boxed recursion", || {
            awaited(|pending| Box::pin(recursive(pending)))
        }));
    }
    let rivals: Vec<_> = ways
        .iter()
        .map(|&(name, begin)| Rival::new(name, move || [timed(begin, turns, loops)]))
        .collect();
    let title = format!("loops of {} turns", grouped(turns as usize));
    let [mut table] = compare([title], "turn", options.rounds(ROUNDS), &rivals);
    table.more = vec!["bytes kept/turn"];
    for (row, (_, begin)) in table.rows.iter_mut().zip(&ways) {
        row.more = vec![format!("{:.0}", kept(*begin, turns))];
    }
    table
}

fn timed(begin: fn() -> Loop, turns: u64, loops: usize) -> f64 {
    let began = processor_time();
    for _ in 0..loops {
        let mut turn = begin();
        for left in (1..turns).rev() {
            turn(black_box(left));
        }
        assert!(turn(0), "it ends with a zero");
    }
    each(processor_time() - began, turns as usize * loops)
}

/// How many bytes each turn leaves, for as long as the loop goes on.
fn kept(begin: fn() -> Loop, turns: u64) -> f64 {
    let mut turn = begin();
    turn(1);
    let (asked, ()) = asked(|| {
        for left in 1..turns {
            turn(left);
        }
    });
    assert!(turn(0), "it ends with a zero");
    asked.kept as f64 / turns as f64
}

fn boxed_callback() -> Loop {
    type Pending = Rc<RefCell<Option<Box<dyn FnOnce(u64)>>>>;

    fn turn(pending: &Pending) {
        let next = Rc::clone(pending);
        *pending.borrow_mut() = Some(Box::new(move |left| {
            if left > 0 {
                turn(&next);
            }
        }));
    }

    let pending = Pending::default();
    turn(&pending);
    Box::new(move |left| {
        let callback = pending.borrow_mut().take();
        callback.expect("a turn waits")(left);
        pending.borrow().is_none()
    })
}

fn deferred() -> Loop {
    type Pending = Rc<RefCell<Option<Firer<u64>>>>;

    fn turn(pending: &Pending) -> Deferred<u64> {
        let (firer, deferred) = Deferred::new();
        *pending.borrow_mut() = Some(firer);
        let pending = Rc::clone(pending);
        deferred.add_callback(move |left| match left {
            0 => Deferred::succeed(0),
            _ => turn(&pending),
        })
    }

    let pending = Pending::default();
    let end = turn(&pending);
    Box::new(move |left| {
        let firer = pending.borrow_mut().take();
        firer.expect("a turn waits").callback(left);
        end.has_result()
    })
}

/// Where an asynchronous loop puts the sender of the number that it waits for.
type Pending = Rc<RefCell<Option<oneshot::Sender<u64>>>>;

fn next_number(pending: &Pending) -> oneshot::Receiver<u64> {
    let (sender, receiver) = oneshot::channel();
    *pending.borrow_mut() = Some(sender);
    receiver
}

async fn looping(pending: Pending) {
    while next_number(&pending).await.expect("it is sent") > 0 {}
}

async fn recursive(pending: Pending) {
    if next_number(&pending).await.expect("it is sent") > 0 {
        Box::pin(recursive(pending)).await;
    }
}

/// Polls a future at each turn, as the executor does that runs nothing else.
fn awaited(begin: fn(Pending) -> Pin<Box<dyn Future<Output = ()>>>) -> Loop {
    let pending = Pending::default();
    let mut future = begin(Rc::clone(&pending));
    let mut poll = move || {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        polled == Poll::Ready(())
    };
    assert!(!poll(), "it waits for a number");
    Box::new(move |left| {
        let sender = pending.borrow_mut().take();
        let sent = sender.expect("a turn waits").send(left);
        sent.expect("it is waited for");
        poll()
    })
}

/// What the programs for other languages print, where these are at hand.
fn elsewhere(options: &Options) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compare");
    let programs: [(&str, &[&str], &str); 3] = [
        (&options.python, &["-B"], "turns.py"),
        ("node", &["--expose-gc"], "turns.mjs"),
        (&options.python, &["-B"], "locks.py"),
    ];
    let said = programs.iter().map(|(program, arguments, script)| {
        let mut command = Command::new(program);
        command.args(*arguments).arg(folder.join(script));
        let said = printed(command);
        let said = said.unwrap_or_else(|| format!("left out, for {program} could not run it"));
        format!("`benches/compare/{script}`: {said}.")
    });
    said.collect()
}

/// The lines that a program prints, if it ends well.
fn printed(mut command: Command) -> Option<String> {
    let output = command.output().ok()?;
    let lines = String::from_utf8(output.stdout).ok()?;
    let lines: Vec<_> = lines.lines().collect();
    output.status.success().then(|| lines.join("; "))
}
