//! The smallest executor that keeps the rules of [`Spawn`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use deferred::Spawn;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Polls a task when it is spawned, and after that in [`run`](Self::run) when it was woken; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Executor(Rc<Inner>);

#[derive(Default)]
struct Inner {
    /// The tasks that have not ended; one that is being polled is not here.
    tasks: RefCell<BTreeMap<usize, Task>>,
    spawned: Cell<usize>,
    woken: Arc<Mutex<VecDeque<usize>>>,
}

impl Executor {
    /// Polls the tasks that were woken, in the order of their waking, until none is.
    pub(crate) fn run(&self) {
        loop {
            let woken = self.0.woken.lock().unwrap().pop_front();
            let Some(id) = woken else { break };
            let task = self.0.tasks.borrow_mut().remove(&id);
            // A task that was woken twice may have ended meanwhile.
            if let Some(task) = task {
                self.poll(id, task);
            }
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn tasks(&self) -> usize {
        self.0.tasks.borrow().len()
    }

    fn poll(&self, id: usize, mut task: Task) {
        let wakes = Arc::new(Wakes {
            id,
            woken: Arc::clone(&self.0.woken),
        });
        let waker = Waker::from(wakes);
        if task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.0.tasks.borrow_mut().insert(id, task);
        }
    }
}

impl Spawn for Executor {
    fn spawn(&self, task: Task) {
        let id = self.0.spawned.get();
        self.0.spawned.set(id + 1);
        self.poll(id, task);
    }
}

struct Wakes {
    id: usize,
    woken: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().push_back(self.id);
    }
}
