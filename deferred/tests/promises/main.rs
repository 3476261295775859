//! The four promises: one allocation a link, no recursion, loops in constant memory, nothing borrowed.

mod allocations;
mod borrowing;
#[path = "../counting/mod.rs"]
mod counting;
mod loops;
mod recursion;
#[path = "../util/mod.rs"]
mod util;

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Failure;
use util::Lost;

const MANY: u64 = 1_000_000;

fn lost() -> Failure {
    Failure::without_backtrace(Lost)
}

/// A place where a callback finds a chain that it cannot own, such as its own.
type Shelf<T> = Rc<RefCell<Option<T>>>;

fn take<T>(shelf: &Shelf<T>) -> T {
    shelf.borrow_mut().take().expect("it was put there")
}
