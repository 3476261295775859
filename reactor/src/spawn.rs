//! Futures that the loop runs: one more source of calls in its turn.
//!
//! A task is woken by whatever it waits for, most often a Deferred that has fired in a callback of the loop,
//! and polled by a job, in the order of the waking. Three rules keep it from harm:
//!
//! 1. A task that is polled is not in its slot: it is never polled inside itself, and if it is woken
//!    meanwhile, it is queued when its poll has returned.
//! 2. One run of the job polls each task once. When the next one in the queue was polled in it already, the
//!    rest waits for the next turn, so that tasks which wake themselves or each other do not starve the loop.
//! 3. A waker knows its task by a serial number that is never used again: one that comes late finds nothing.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use deferred::{Deferred, Failure, Spawn, report};
use slab::Slab;

use crate::crossing::Rung;
use crate::jobs::Job;
use crate::reactor::{Core, Reactor};
use crate::remote::RemoteHandle;

type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

impl Reactor {
    /// Runs `future` on this thread; the Deferred fires with what it ends with.
    ///
    /// Its body runs to the first `.await` that waits before this returns, also before the loop runs; after
    /// that, whenever what it awaits is there, later in the same turn of the loop, in the order in which the
    /// results came. It is never polled inside itself, and one that is woken again in a poll of its own, or
    /// by another task that it has woken, waits for the next turn, so that the loop goes on.
    ///
    /// Cancelling the Deferred drops the future, and cancels what it awaits. When the run ends, a future that
    /// awaits a descriptor is told so; then all are dropped, and their Deferreds end with
    /// [`Abandoned`](deferred::Abandoned), as they do at once on a reactor that is stopping or gone. A panic in
    /// the future is a failure of its Deferred. Its wakers may be used on any thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use deferred::{Deferred, Failure};
    /// use reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// async fn recite(reactor: Reactor) -> Result<(), Failure> {
    ///     for line in ["Roses are red,", "timers are due."] {
    ///         reactor.sleep(Duration::from_millis(2)).await?;
    ///         println!("{line}");
    ///     }
    ///     reactor.stop()?;
    ///     Ok(())
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let recited = reactor.spawn(recite(reactor.clone()));
    /// reactor.run()?;
    /// deferred::testing::success_result_of(recited);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// *Twisted's `ensureDeferred` and `Deferred.fromCoroutine`, where a coroutine goes on inside the call that
    /// fires what it awaits.*
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = Result<T, Failure>> + 'static,
    ) -> Deferred<T> {
        Deferred::from_future(self, future)
    }

    /// Polls a task, if it is still there and not being polled.
    fn poll(&self, id: TaskId) {
        let tasks = &self.core.tasks;
        let Some((mut future, alarm)) = tasks.take(id) else {
            return;
        };
        let waker = Waker::from(alarm);
        let polled = Failure::catch(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
        let ended = match polled {
            Ok(Poll::Pending) => self.core.put_back(id, future),
            Ok(Poll::Ready(())) => {
                tasks.remove(id);
                Some(future)
            }
            Err(panic) => {
                report("Unhandled error in a task", &panic);
                tasks.remove(id);
                Some(future)
            }
        };
        if let Some(future) = ended {
            discard(future);
        }
    }
}

/// What [`Reactor::spawn`] runs its futures by. A panic in a future that is given here is reported.
impl Spawn for Reactor {
    fn spawn(&self, future: TaskFuture) {
        if self.core.is_closed() {
            discard(future);
        } else {
            let id = self.core.insert(future);
            self.poll(id);
        }
    }
}

/// Drops a future, which is the program's own and may panic.
fn discard(future: TaskFuture) {
    if let Err(panic) = Failure::catch(|| drop(future)) {
        report("Unhandled error in a future that was dropped", &panic);
    }
}

/// A task's name: where it is, and which of all the tasks that were ever there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    index: usize,
    serial: u64,
}

struct Task {
    /// Taken out while it is polled.
    future: Option<TaskFuture>,
    alarm: Arc<Alarm>,
    /// Whether it is among the woken.
    queued: bool,
    /// The last run of the job that polled it.
    polled_in: u64,
}

/// The tasks of a reactor.
pub(crate) struct Tasks {
    tasks: RefCell<Slab<Task>>,
    spawned: Cell<u64>,
    /// Those to be polled, in the order in which they were woken.
    woken: RefCell<VecDeque<TaskId>>,
    /// What polls them; there is one, so that to schedule it takes no memory.
    job: Rc<dyn Job>,
    scheduled: Cell<bool>,
    runs: Cell<u64>,
    /// Made with the first task.
    home: OnceCell<Arc<Home>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            tasks: RefCell::default(),
            spawned: Cell::new(0),
            woken: RefCell::default(),
            job: Rc::new(PollWoken),
            scheduled: Cell::new(false),
            runs: Cell::new(0),
            home: OnceCell::new(),
        }
    }
}

impl Tasks {
    /// Takes the future of a task out of its slot.
    fn take(&self, id: TaskId) -> Option<(TaskFuture, Arc<Alarm>)> {
        let mut tasks = self.tasks.borrow_mut();
        let task = find(&mut tasks, id)?;
        let future = task.future.take()?;
        task.queued = false;
        task.alarm.rung.take();
        Some((future, Arc::clone(&task.alarm)))
    }

    fn remove(&self, id: TaskId) {
        let mut tasks = self.tasks.borrow_mut();
        if find(&mut tasks, id).is_some() {
            tasks.remove(id.index);
        }
    }

    /// The next of the woken, unless it was polled in this run of the job already.
    fn next(&self, run: u64) -> Option<TaskId> {
        let mut woken = self.woken.borrow_mut();
        let id = *woken.front()?;
        if let Some(task) = find(&mut self.tasks.borrow_mut(), id) {
            if task.polled_in == run {
                return None;
            }
            task.polled_in = run;
        }
        woken.pop_front()
    }

    /// Drops all tasks.
    pub(crate) fn clear(&self) {
        let tasks = self.tasks.take();
        self.woken.borrow_mut().clear();
        self.scheduled.set(false);
        for (_, task) in tasks {
            if let Some(future) = task.future {
                discard(future);
            }
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        if let Some(home) = self.home.get() {
            forget(home);
        }
    }
}

/// The task of this name, if it is still there.
fn find(tasks: &mut Slab<Task>, id: TaskId) -> Option<&mut Task> {
    tasks.get_mut(id.index).filter(|task| task.alarm.id == id)
}

impl Core {
    fn insert(self: &Rc<Self>, future: TaskFuture) -> TaskId {
        let home = self.tasks.home.get_or_init(|| {
            let home = Arc::new(Home {
                remote: self.remote.clone(),
            });
            remember(&home, self);
            home
        });
        let serial = self.tasks.spawned.get();
        self.tasks.spawned.set(serial + 1);
        let mut tasks = self.tasks.tasks.borrow_mut();
        let index = tasks.vacant_key();
        let id = TaskId { index, serial };
        tasks.insert(Task {
            future: Some(future),
            alarm: Arc::new(Alarm {
                id,
                rung: Rung::new(),
                home: Arc::clone(home),
            }),
            queued: false,
            polled_in: 0,
        });
        id
    }

    /// Puts a future that goes on back into its slot; gives it back if the slot is gone.
    fn put_back(&self, id: TaskId, future: TaskFuture) -> Option<TaskFuture> {
        match find(&mut self.tasks.tasks.borrow_mut(), id) {
            Some(task) => task.future = Some(future),
            None => return Some(future),
        }
        // It may have been woken while it was polled.
        self.wake(id);
        None
    }

    /// Queues a task whose alarm has rung since it was last polled, and has the queue looked at.
    pub(crate) fn wake(&self, id: TaskId) {
        let tasks = &self.tasks;
        match find(&mut tasks.tasks.borrow_mut(), id) {
            Some(task) if !task.queued && task.future.is_some() && task.alarm.rung.is_set() => {
                task.queued = true;
            }
            _ => return,
        }
        tasks.woken.borrow_mut().push_back(id);
        if !tasks.scheduled.replace(true) {
            self.jobs.after_callback(Rc::clone(&tasks.job));
        }
    }
}

/// The job that polls the tasks which were woken.
struct PollWoken;

impl Job for PollWoken {
    fn run(self: Rc<Self>, reactor: &Reactor) {
        let tasks = &reactor.core.tasks;
        let run = tasks.runs.get() + 1;
        tasks.runs.set(run);
        while let Some(id) = tasks.next(run) {
            reactor.poll(id);
        }
        let rest = !tasks.woken.borrow().is_empty();
        tasks.scheduled.set(rest);
        if rest {
            reactor.core.jobs.next_turn(self);
        }
    }
}

/// What wakes one task.
struct Alarm {
    id: TaskId,
    /// Whether it has rung since the task was last polled; ringing it again does nothing.
    rung: Rung,
    home: Arc<Home>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.set() {
            return;
        }
        match here(&self.home) {
            Some(core) => core.wake(self.id),
            None => self.home.remote.wake(self.id),
        }
    }
}

/// What the wakers of a reactor's tasks know of it, on whatever thread they are.
struct Home {
    remote: RemoteHandle,
}

thread_local! {
    /// The reactors of this thread that had tasks: a waker that finds its own here needs no system call.
    static HERE: RefCell<Vec<(Arc<Home>, Weak<Core>)>> = const { RefCell::new(Vec::new()) };
}

fn remember(home: &Arc<Home>, core: &Rc<Core>) {
    let entry = (Arc::clone(home), Rc::downgrade(core));
    HERE.with_borrow_mut(|here| here.push(entry));
}

fn forget(home: &Arc<Home>) {
    // A thread that ends has forgotten all. The entry is dropped when the list is no longer borrowed.
    drop(HERE.try_with(|here| {
        let mut here = here.borrow_mut();
        let index = here
            .iter()
            .position(|(known, _)| Arc::ptr_eq(known, home))?;
        Some(here.swap_remove(index))
    }));
}

/// The reactor of `home`, if it is one of this thread.
fn here(home: &Arc<Home>) -> Option<Rc<Core>> {
    let find = |here: &RefCell<Vec<(Arc<Home>, Weak<Core>)>>| {
        let here = here.borrow();
        let (_, core) = here.iter().find(|(known, _)| Arc::ptr_eq(known, home))?;
        core.upgrade()
    };
    HERE.try_with(find).ok().flatten()
}
