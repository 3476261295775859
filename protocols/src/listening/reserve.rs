//! A descriptor in reserve, to be given up when there is no other.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

/// The reserve that all ports of one reactor share.
///
/// A process out of descriptors cannot accept a client, not even to turn it away: the client would wait for ever, and
/// the port would be ready for ever. So one descriptor is held for nothing, and given up for that.
///
/// *Twisted's `_FileDescriptorReservation`.*
#[derive(Default)]
pub(super) struct Reserve {
    held: RefCell<Option<OwnedFd>>,
    was_opened: Cell<bool>,
}

impl Reserve {
    /// Opens it, the first time. Without a descriptor left for it, that is logged, and there is none.
    ///
    /// # Errors
    ///
    /// What the system says for any other reason.
    pub(super) fn open(&self) -> io::Result<()> {
        self.open_by(open_nothing)
    }

    fn open_by(&self, open: impl FnOnce() -> io::Result<OwnedFd>) -> io::Result<()> {
        if self.was_opened.get() {
            return Ok(());
        }
        match open() {
            Ok(descriptor) => *self.held.borrow_mut() = Some(descriptor),
            Err(error) if is_want_of_descriptors(&error) => {
                log::error!(target: "protocols", "cannot hold a descriptor in reserve: {error}");
            }
            Err(error) => return Err(error),
        }
        self.was_opened.set(true);
        Ok(())
    }

    /// Whether there is one.
    pub(super) fn is_available(&self) -> bool {
        self.held.borrow().is_some()
    }

    /// Calls `f` with the reserve given up, and takes it back after that; `None` if there is no reserve.
    pub(super) fn spend<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        let held = self.held.take();
        drop(held?);
        let result = f();
        self.refill();
        Some(result)
    }

    /// Takes it back, if it is gone and there is a descriptor for it.
    pub(super) fn refill(&self) {
        if !self.is_available() {
            // If there is none, the next one to want it finds that out.
            *self.held.borrow_mut() = open_nothing().ok();
        }
    }
}

/// A descriptor that costs nothing else.
fn open_nothing() -> io::Result<OwnedFd> {
    File::open("/dev/null").map(OwnedFd::from)
}

fn is_want_of_descriptors(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|want| number == Some(want.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // L-018
    #[test]
    fn it_is_opened_once() {
        let (reserve, times) = (Reserve::default(), Cell::new(0));
        let open = || {
            times.set(times.get() + 1);
            open_nothing()
        };

        reserve.open_by(open).unwrap();
        reserve.open_by(open).unwrap();

        assert!(reserve.is_available());
        assert_eq!(times.get(), 1);
    }

    // L-019
    #[test]
    fn without_a_descriptor_for_it_there_is_none() {
        for errno in [Errno::MFILE, Errno::NFILE] {
            let reserve = Reserve::default();

            reserve.open_by(|| Err(errno.into())).unwrap();

            assert!(!reserve.is_available());
            assert_eq!(reserve.spend(|| ()), None);
        }
    }

    // L-019
    #[test]
    fn any_other_error_is_told() {
        let reserve = Reserve::default();

        let error = reserve.open_by(|| Err(Errno::ACCESS.into())).unwrap_err();

        assert_eq!(error.raw_os_error(), Some(Errno::ACCESS.raw_os_error()));
        assert!(reserve.open_by(open_nothing).is_ok());
        assert!(reserve.is_available());
    }

    // L-018
    #[test]
    fn it_is_there_again_when_it_was_spent() {
        let reserve = Reserve::default();
        reserve.open().unwrap();

        let was_available = reserve.spend(|| reserve.is_available());

        assert_eq!(was_available, Some(false));
        assert!(reserve.is_available());
    }
}
