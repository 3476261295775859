//! Files that are sent without their bytes passing through this program.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use rustix::io::Errno;

use crate::files::FileConsumer;
use crate::{Flow, Protocol};

use super::Connection;

impl<P: Protocol> FileConsumer for Connection<P> {
    fn write_file(&self, file: &Rc<File>, most: usize) -> Flow {
        if most == 0 {
            return Flow::Open;
        }
        self.queue(|outgoing| outgoing.push_file(Rc::clone(file), most))
    }
}

/// Has the system send up to `most` bytes from where the file stands, which then stands behind them.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn send_from_file(
    socket: BorrowedFd<'_>,
    file: &File,
    most: usize,
) -> Result<usize, Errno> {
    rustix::fs::sendfile(socket, file, None, most)
}

/// There is nothing of this form here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn send_from_file(_: BorrowedFd<'_>, _: &File, _: usize) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// Whether files can be sent without the danger that the process is killed when a peer has closed.
///
/// In sending a file there is no way to refuse SIGPIPE, as there is in sending bytes. A program in Rust ignores that
/// signal from its beginning, but may have been told not to, or be only a part of one in another language.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn can_send_files() -> bool {
    let status = std::fs::read_to_string("/proc/self/status");
    status.is_ok_and(|status| survives_sigpipe(&status))
}

/// Not by any call that is made here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const fn can_send_files() -> bool {
    false
}

/// Whether SIGPIPE is ignored or caught by a process whose status, as Linux writes it, is this.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn survives_sigpipe(status: &str) -> bool {
    const SIGPIPE: u64 = 1 << (13 - 1);
    status
        .lines()
        .filter_map(|line| {
            let set = line
                .strip_prefix("SigIgn:")
                .or_else(|| line.strip_prefix("SigCgt:"));
            u64::from_str_radix(set?.trim(), 16).ok()
        })
        .any(|set| set & SIGPIPE != 0)
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_rust_survives_a_peer_that_has_closed() {
        assert!(can_send_files());
    }

    #[test]
    fn a_signal_that_is_ignored_or_caught_does_no_harm_and_one_that_is_neither_does() {
        let status = |ignored, caught| {
            format!("Name:\tx\nSigBlk:\tfff\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\n")
        };

        assert!(survives_sigpipe(&status("0000000000001000", "0")));
        assert!(survives_sigpipe(&status("0", "0000000000001440")));
        assert!(!survives_sigpipe(&status(
            "0000000000000fff",
            "0000000000000440"
        )));
        assert!(!survives_sigpipe("Name:\tx\n"));
    }
}
