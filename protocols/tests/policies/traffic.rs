//! Traffic that is written down.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use protocols::Address;
use protocols::policies::{Policy, TrafficLog};
use protocols::reactor::Reactor;

use crate::common::{Log, Script, on_every_backend, peer_of, run, stop_at_call};
use crate::wrapped::wrapped;

on_every_backend!(
    the_traffic_of_each_connection_is_written_down,
    a_traffic_log_that_cannot_be_opened_is_done_without,
);

/// A place to write to that a test can read.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// P-044
fn the_traffic_of_each_connection_is_written_down(reactor: &Reactor) {
    let papers: Rc<RefCell<Vec<Paper>>> = Rc::default();
    let (open, stop) = (Rc::clone(&papers), stop_at_call(2, reactor));
    let policy = TrafficLog::new(move |number| {
        let paper = Paper::default();
        open.borrow_mut().push(paper.clone());
        assert_eq!(open.borrow().len() as u64, number);
        Ok(Box::new(paper))
    });
    let script = Script::unnoted()
        .on_data(|transport, _| {
            transport.write(b"b\n");
            transport.write_vectored(&[b"c", b"\xff"]);
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, policy);
    let mut first = peer_of(&port);
    first.write_all(b"a\"").unwrap();
    drop(peer_of(&port));

    run(reactor);

    let papers: Vec<_> = papers.take().iter().map(|it| it.0.take()).collect();
    let from = first.local_addr().unwrap();
    let expected = format!(
        "1 connected to {from}\n1 received \"a\\\"\"\n1 wrote \"b\\n\"\n1 wrote \"c\" \"\\xff\"\n\
         1 lost: the connection was closed cleanly\n"
    );
    assert_eq!(String::from_utf8_lossy(&papers[0]), expected);
    assert!(papers[1].starts_with(b"2 connected to "));
}

// P-044
fn a_traffic_log_that_cannot_be_opened_is_done_without(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log).on_lost(move |_| stop());
    let policy = TrafficLog::new(|_| Err(io::Error::other("the disk is full")));
    let port = wrapped(reactor, script, policy);
    peer_of(&port).write_all(b"x").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data x",
        "server lost ConnectionDone",
    ]);
}

// P-044
#[test]
fn traffic_goes_to_a_numbered_file_for_each_connection() {
    let folder = std::env::temp_dir().join(format!("traffic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let policy = TrafficLog::to_files(folder.join("log"));
    let peer = Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));

    drop((policy.accept(&peer), policy.accept(&peer)));

    assert!(folder.join("log-1").exists() && folder.join("log-2").exists());
    std::fs::remove_dir_all(folder).unwrap();
}
