//! A file on a disk, which the system sends by itself where it can.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use crate::Consumer;

use super::{CHUNK, Pieces, Source};

/// So much of a file is handed over at once at the most.
///
/// The system may have to fetch it from the disk meanwhile, and the loop waits for that: a few milliseconds, from one that
/// turns. It is more than most sockets take at once.
const PART: usize = 256 * 1024;

/// A file that is handed over in parts where these are taken, and read where they are not.
///
/// Both begin where the file stands, and leave it where they have ended, so that one goes on where the other has
/// stopped.
pub(super) struct Direct {
    file: Rc<File>,
    /// The same file, read.
    pieces: Pieces<Shared, fn(&mut Vec<u8>)>,
    /// Where the file stood at first.
    began: u64,
    /// Where the file stood when a part was handed over, if that was the last thing done.
    stood: Option<u64>,
    /// Whether the system was found to send nothing of it.
    is_only_read: bool,
}

impl Direct {
    pub(super) fn new(file: File) -> Self {
        let file = Rc::new(file);
        Self {
            pieces: Pieces::new(Shared(Rc::clone(&file)), |_| ()),
            began: (&*file).stream_position().unwrap_or(0),
            file,
            stood: None,
            is_only_read: false,
        }
    }

    /// Where the next part begins, and how long it is, if it is worth to be handed over unread.
    fn next_part(&mut self) -> Option<(u64, usize)> {
        let stands = (&*self.file).stream_position().ok()?;
        if self.stood == Some(stands) {
            // Nothing has gone out of the last part. To read it tells why, or goes well.
            self.is_only_read = true;
        }
        // It may have grown, or been cut.
        let len = self.file.metadata().ok()?.len();
        let left = usize::try_from(len.saturating_sub(stands)).unwrap_or(usize::MAX);
        let is_worth_it = left > CHUNK && !self.is_only_read;
        is_worth_it.then_some((stands, left.min(PART)))
    }
}

impl Source for Direct {
    fn go_on(&mut self, to: &dyn Consumer) -> io::Result<bool> {
        if let Some(files) = to.file_consumer()
            && let Some((stands, len)) = self.next_part()
        {
            self.stood = Some(stands);
            files.write_file(&self.file, len);
            return Ok(true);
        }
        let was_more = self.pieces.go_on(to)?;
        if was_more {
            self.stood = None;
        }
        Ok(was_more)
    }

    fn last(&self) -> Option<u8> {
        if self.stood.is_none() {
            return self.pieces.last();
        }
        let end = (&*self.file).stream_position().ok()?;
        let mut last = [0];
        let is_read = end > self.began && self.file.read_exact_at(&mut last, end - 1).is_ok();
        is_read.then_some(last[0])
    }
}

/// A file that is read by one and sent by another.
struct Shared(Rc<File>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}
