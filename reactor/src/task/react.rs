//! A program whose whole work is one Deferred.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;

use deferred::{Abandoned, Failure, Outcome, maybe_deferred, report};

use crate::closed::ConnectionClosed;
use crate::reactor::{Phase, Reactor, ReactorError, Stopped};

/// A failure of [`react`]'s main by which it asks to exit with this code; it is not reported.
///
/// *Twisted's `SystemExit`.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("exit with code {0}")]
pub struct Exit(pub u8);

/// Calls `main` with a new reactor, runs that until what `main` returned has its result, and stops it.
///
/// `main` is called before the loop runs. It may return a Deferred, such as that of a coroutine which it has
/// [spawned](Reactor::spawn), or a `Result`, or nothing; with a result that is there already, the loop starts
/// and stops without a wait. A panic in `main` is a failure.
///
/// The exit code is
///
/// - 0, if `main`'s Deferred succeeds, be it while the reactor is being stopped;
/// - n, if it fails with [`Exit(n)`](Exit);
/// - 1, if it fails otherwise, which is [reported](deferred::report), or the reactor cannot start or go on;
/// - where the loop was stopped and `main`'s Deferred had no result, or failed only because of that: 128 + n
///   after signal n, and 0 after a call of [`Reactor::stop`] or [`Reactor::crash`].
///
/// # Examples
///
/// ```
/// use reactor::task::react;
/// use std::process::ExitCode;
/// use std::time::Duration;
///
/// fn main() -> ExitCode {
///     react(|reactor| {
///         let timers = reactor.clone();
///         reactor.spawn(async move {
///             timers.sleep(Duration::from_millis(2)).await?;
///             println!("Time flies like an arrow.");
///             Ok(())
///         })
///     })
/// }
/// ```
///
/// *Twisted's `task.react`, which exits by itself, and with 0 after a signal.*
#[must_use = "the exit code is what `main` returns"]
pub fn react<R: Outcome<Value = ()>>(main: impl FnOnce(&Reactor) -> R) -> ExitCode {
    match Reactor::new() {
        Ok(reactor) => react_with(&reactor, main),
        Err(error) => {
            report("The reactor cannot start", &error.into());
            ExitCode::FAILURE
        }
    }
}

/// Does what [`react`] does, on a reactor of the caller's, which can be run again afterwards.
///
/// A reactor that runs already, or is gone, cannot be run: that is reported, and the exit code is 1, without a
/// call of `main`.
#[must_use = "the exit code is what `main` returns"]
pub fn react_with<R: Outcome<Value = ()>>(
    reactor: &Reactor,
    main: impl FnOnce(&Reactor) -> R,
) -> ExitCode {
    if reactor.core.phase.get() != Phase::Idle {
        return code_of_run(reactor.run());
    }

    // Gone when this returns: what `main`'s Deferred ends with after that is no exit code.
    let code = Rc::new(Cell::new(None));
    let (code_there, there) = (Rc::downgrade(&code), reactor.clone());
    let ended = maybe_deferred(|| main(reactor)).add_both(move |result| {
        let code = code_there.upgrade();
        let over = code.is_none() || there.is_stopping();
        let ends_with = code_of_result(result, over);
        if let Some(code) = code {
            code.set(ends_with);
            there.call_when_running(stop);
        }
    });
    ended.ignore();

    let run = reactor.run();
    match code.get() {
        Some(code) if run.is_ok() => code,
        _ => code_of_run(run),
    }
}

/// Stops the reactor, unless somebody has done so.
fn stop(reactor: &Reactor) {
    if reactor.is_running() {
        let _ = reactor.stop();
    }
}

/// The code that `main`'s Deferred asks for; none, if it has ended only because the run is over.
fn code_of_result(result: Result<(), Failure>, over: bool) -> Option<ExitCode> {
    let Err(failure) = result else {
        return Some(ExitCode::SUCCESS);
    };
    if let Some(&Exit(code)) = failure.check() {
        return Some(ExitCode::from(code));
    }
    if over && is_due_to_the_end(&failure) {
        return None;
    }
    report("Unhandled error in main", &failure);
    Some(ExitCode::FAILURE)
}

fn is_due_to_the_end(failure: &Failure) -> bool {
    failure.check::<Abandoned>().is_some()
        || matches!(failure.check(), Some(ConnectionClosed::ReactorStopped))
}

fn code_of_run(run: Result<Stopped, ReactorError>) -> ExitCode {
    match run {
        Ok(Stopped::Asked | Stopped::Crashed) => ExitCode::SUCCESS,
        Ok(Stopped::Signal(signal)) => {
            let code = u8::try_from(128 + signal).unwrap_or(u8::MAX);
            ExitCode::from(code)
        }
        Err(error) => {
            report("The reactor cannot run", &error.into());
            ExitCode::FAILURE
        }
    }
}
