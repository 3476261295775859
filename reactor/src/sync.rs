//! What `crossing.rs` is made of. The test that compiles that file once more, `tests/races.rs`, has its own.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
