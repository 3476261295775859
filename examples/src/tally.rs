//! Which poems a client waits for, and what has become of them.

use std::cell::RefCell;
use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use protocols::deferred::Failure;
use protocols::reactor::{Reactor, Stopped};

use crate::{cli, report};

/// Counts a client's poems, and stops the reactor when none is waited for any more.
///
/// A poem is a *task*: the first one is task 1.
#[derive(Debug)]
pub struct Tally {
    reactor: Reactor,
    started: Instant,
    tasks: RefCell<Vec<Task>>,
}

#[derive(Debug)]
struct Task {
    server: String,
    bytes: usize,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Waiting,
    /// It took so long.
    Got(Duration),
    Failed,
}

impl Tally {
    /// Begins to count, and to measure the time, for one task a server.
    pub fn new<S: Display>(reactor: &Reactor, servers: impl IntoIterator<Item = S>) -> Self {
        let waiting = |server: S| Task {
            server: server.to_string(),
            bytes: 0,
            outcome: Outcome::Waiting,
        };
        Self {
            reactor: reactor.clone(),
            started: Instant::now(),
            tasks: RefCell::new(servers.into_iter().map(waiting).collect()),
        }
    }

    /// Counts a piece of a poem.
    pub fn piece(&self, task: usize, bytes: usize) {
        self.tasks.borrow_mut()[task - 1].bytes += bytes;
    }

    /// How many bytes of a poem have come.
    pub fn bytes(&self, task: usize) -> usize {
        self.tasks.borrow()[task - 1].bytes
    }

    /// Counts a whole poem.
    pub fn got(&self, task: usize) {
        self.end(task, Outcome::Got(self.started.elapsed()));
    }

    /// Counts a poem that could not be had, and says why on standard error.
    ///
    /// When the user has interrupted the program, that is why, and [`end_of_run`](Self::end_of_run) says it.
    pub fn failed(&self, task: usize, why: &Failure) {
        if self.reactor.is_running() {
            let server = self.tasks.borrow()[task - 1].server.clone();
            cli::note(report::no_poem(task, server, why));
            self.end(task, Outcome::Failed);
        }
    }

    fn end(&self, task: usize, outcome: Outcome) {
        self.tasks.borrow_mut()[task - 1].outcome = outcome;
        if self
            .tasks
            .borrow()
            .iter()
            .all(|task| task.outcome != Outcome::Waiting)
        {
            // It may be stopping already.
            let _ = self.reactor.stop();
        }
    }

    /// The time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The tasks whose poems are whole, with the time that each took.
    pub fn times(&self) -> Vec<(usize, Duration)> {
        let time = |(index, task): (usize, &Task)| match task.outcome {
            Outcome::Got(time) => Some((index + 1, time)),
            Outcome::Waiting | Outcome::Failed => None,
        };
        self.tasks
            .borrow()
            .iter()
            .enumerate()
            .filter_map(time)
            .collect()
    }

    /// Whether all poems came.
    pub fn is_complete(&self) -> bool {
        self.times().len() == self.tasks.borrow().len()
    }

    /// Says what has come of the poems that are still waited for, and with which code the program ends:
    /// 0 if all came, 1 if one could not be had, and 128 and the signal's number after a signal.
    pub fn end_of_run(&self, stopped: Stopped) -> ExitCode {
        let tasks = self.tasks.borrow();
        for (index, task) in tasks.iter().enumerate() {
            if task.outcome == Outcome::Waiting {
                cli::note(report::interrupted(index + 1, task.bytes, &task.server));
            }
        }
        let failed = tasks.iter().any(|task| task.outcome == Outcome::Failed);
        cli::exit_code(stopped, !failed)
    }
}
