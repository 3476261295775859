//! Futures to be run by a reactor.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::task::{Poll, Waker};
use std::{cell::Cell, hint};

use deferred::{Deferred, Failure, Firer};
use reactor::Reactor;

use super::Log;

/// A future that waits once, and wakes its task before it does.
pub(crate) async fn wakes_itself() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A future that is never ready, and counts how often it is polled; it leaves its waker here.
pub(crate) async fn never_ready(
    polls: Rc<Cell<usize>>,
    waker: Rc<Cell<Option<Waker>>>,
) -> Result<(), Failure> {
    poll_fn(|context| {
        polls.set(polls.get() + 1);
        waker.set(Some(context.waker().clone()));
        Poll::Pending
    })
    .await
}

/// Spawns a coroutine that notes `name` when the firer has fired.
pub(crate) fn notes_when_fired(reactor: &Reactor, name: &'static str, log: &Log) -> Firer<()> {
    let (firer, fired) = Deferred::new();
    let log = log.clone();
    let task = reactor.spawn(async move {
        fired.await?;
        log.note(name);
        Ok(())
    });
    task.ignore();
    firer
}

/// What another thread is asked: to wait this long, and then to wake a task.
pub(crate) struct Question {
    spins: usize,
    answered: Arc<AtomicBool>,
    waker: Waker,
}

/// Asks another thread to wake this task after so many turns of an empty loop, and waits for it.
pub(crate) async fn answered(ask: &Sender<Question>, spins: usize) {
    let answered = Arc::new(AtomicBool::new(false));
    let mut asked = false;
    poll_fn(|context| {
        if answered.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        assert!(!asked, "it was woken by the answer alone");
        asked = true;
        let question = Question {
            spins,
            answered: Arc::clone(&answered),
            waker: context.waker().clone(),
        };
        ask.send(question).expect("the other thread listens");
        Poll::Pending
    })
    .await;
}

/// Answers, on another thread, until nobody asks any more.
pub(crate) fn answer(asked: &Receiver<Question>) {
    for question in asked {
        for _ in 0..question.spins {
            hint::spin_loop();
        }
        question.answered.store(true, Ordering::Release);
        question.waker.wake();
    }
}
