//! A measured process: its start and end, its processor time, its memory, its system calls.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::cores::Placement;

/// Longer than any answer takes, even on a machine that is busy: one that does not come by then never comes.
pub(crate) const PATIENCE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// A process that is measured.
pub(crate) struct Measured {
    process: Child,
    input: ChildStdin,
    output: RefCell<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Measured {
    /// Starts it on its core, and waits until it says that it is ready.
    pub(crate) fn start(mut command: Command, placement: Placement) -> io::Result<Self> {
        placement.become_server()?;
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        placement.become_load()?;
        let mut process = started?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let mut started = Self {
            process,
            input: input.expect("it is piped"),
            output: RefCell::new(BufReader::new(output.expect("it is piped"))),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        };
        // What listens nowhere says something that is no port.
        let port = started.answer()?.parse().unwrap_or(0);
        started.address.set_port(port);
        Ok(started)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives it a line, and waits for its answer.
    pub(crate) fn ask(&self, line: impl std::fmt::Display) -> io::Result<String> {
        writeln!(&self.input, "{line}")?;
        self.answer()
    }

    fn answer(&self) -> io::Result<String> {
        let mut output = self.output.borrow_mut();
        let readable = PollFd::new(output.get_ref(), PollFlags::IN);
        if poll(&mut [readable], Some(&PATIENCE))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
        }
        let mut line = String::new();
        if output.read_line(&mut line)? == 0 {
            let ended = "it has ended without an answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, ended));
        }
        Ok(line.trim().to_owned())
    }

    /// The nanoseconds that it has spent on a processor, all threads together.
    pub(crate) fn processor_time(&self) -> io::Result<f64> {
        let mut nanos = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let spent = stat
                .split(' ')
                .next()
                .and_then(|field| field.parse::<f64>().ok());
            let untold = || io::Error::other("the kernel tells no processor times");
            nanos += spent.ok_or_else(untold)?;
        }
        Ok(nanos)
    }

    /// The bytes of memory that it has, as opposed to having asked for it.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        let untold = || io::Error::other("the kernel tells no sizes");
        Ok(kilobytes.ok_or_else(untold)? * 1024)
    }

    /// The system calls that it makes while `run` runs; `None` if there is no strace that is allowed to count.
    ///
    /// It is slow meanwhile, so nothing can be measured.
    pub(crate) fn count_calls(
        &self,
        run: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Option<f64>> {
        let Ok(mut counter) = Counter::attach(self.process.id()) else {
            return Ok(None);
        };
        run()?;
        counter.finish().map(Some)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A strace that counts.
struct Counter {
    process: Child,
    output: BufReader<std::process::ChildStderr>,
}

impl Counter {
    /// Starts to count the calls of that process, and returns when they are counted.
    fn attach(process: u32) -> io::Result<Self> {
        let mut strace = Command::new("strace")
            .args(["-f", "-c", "-p", &process.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = strace.stderr.take().expect("it is piped");
        let mut counter = Self {
            process: strace,
            output: BufReader::new(output),
        };
        let mut line = String::new();
        counter.output.read_line(&mut line)?;
        if line.contains("attached") {
            Ok(counter)
        } else {
            Err(io::Error::other(line))
        }
    }

    /// Stops to count, and says how many there were.
    fn finish(&mut self) -> io::Result<f64> {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(pid.expect("it is a process"), Signal::INT)?;
        let mut summary = String::new();
        self.output.read_to_string(&mut summary)?;
        calls_in(&summary).ok_or_else(|| io::Error::other("strace has no total"))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The number of calls in strace's last line, which has shares, seconds and averages before it.
fn calls_in(summary: &str) -> Option<f64> {
    let total = summary.lines().find(|line| line.ends_with(" total"))?;
    total.split_whitespace().nth(3)?.parse().ok()
}

/// Allows this process, and those that it starts, as many descriptors as the system lets it have.
pub(crate) fn raise_descriptor_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_calls_is_read_from_straces_total() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 66.67    0.000020          10         2           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.000030           4         7         1 total
";
        assert_eq!(calls_in(summary), Some(7.0));
        assert_eq!(calls_in("strace: Process 7 detached"), None);
    }
}
