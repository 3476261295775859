//! Lines with the time, of what a service and its libraries log.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use log::{LevelFilter, Log, Metadata, Record};
use protocols::reactor::{Reactor, RemoteHandle};

/// Has everything that is logged written into this file, behind what is in it; or on standard output, if there is none.
///
/// A service goes on if a line cannot be written: a full disk is no reason to serve no poems. But `reactor` is stopped
/// when what it printed was read, and is so no more, as in `fastpoetry-service … | head`.
///
/// # Errors
///
/// If the file cannot be opened for writing; it says which.
///
/// # Panics
///
/// If there is a logger already: a program calls this once.
pub fn log_to(file: Option<&Path>, reactor: &Reactor) -> Result<(), LogFileError> {
    let output: Box<dyn Write + Send> = match file {
        Some(path) => {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            Box::new(opened.map_err(|error| LogFileError(path.to_owned(), error))?)
        }
        None => Box::new(io::stdout()),
    };
    let log_file = LogFile {
        output: Mutex::new(output),
        reactor: reactor.remote_handle(),
    };
    // It is the logger as long as the program runs.
    log::set_logger(Box::leak(Box::new(log_file))).expect("this is the only logger");
    log::set_max_level(LevelFilter::Info);
    Ok(())
}

/// The log file cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {0:?}")]
pub struct LogFileError(PathBuf, #[source] io::Error);

/// Where lines go.
struct LogFile {
    output: Mutex<Box<dyn Write + Send>>,
    reactor: RemoteHandle,
}

impl Log for LogFile {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = line(SystemTime::now(), record);
        // A thread that panicked while it wrote has left half a line at worst.
        let mut output = self
            .output
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        // One call a line, so that lines of two programs in one file stay apart.
        let written = output.write_all(line.as_bytes());
        if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            // It may be stopping already.
            let _ = self.reactor.stop();
        }
    }

    fn flush(&self) {
        // Each line is written at once.
    }
}

fn line(time: SystemTime, record: &Record<'_>) -> String {
    let time = format_rfc3339_seconds(time);
    format!("{time} [{}] {}\n", record.level(), record.args())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use log::Level;

    use super::*;

    #[test]
    fn a_line_has_the_time_the_level_and_the_message() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
        let mut record = Record::builder();
        record.level(Level::Warn);

        let line = line(time, &record.args(format_args!("it rains")).build());

        assert_eq!(line, "2009-02-13T23:31:30Z [WARN] it rains\n");
    }
}
