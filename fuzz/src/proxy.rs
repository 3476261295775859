//! Headers of the PROXY protocol, and what follows them.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::proxy::{BehindProxy, parse};
use protocols::{Address, Factory, Protocol, Transport};

use crate::Setting;
use crate::recording::{Played, pieces};

/// What version 2 begins with, which would take long to find.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Receives an input as a connection from a balancer.
pub fn proxy(input: &[u8]) {
    let Some(setting) = Setting::of(input) else {
        return;
    };
    let signature = if setting.ends { SIGNATURE } else { b"" };
    let received = [signature, setting.received].concat();
    what_was_found_once_stays_so(&received);
    let in_pieces = pieces(&received, &setting.lengths);
    assert_eq!(outcome(&[received]), outcome(&in_pieces));
}

/// Reads more and more of the data until there is an answer, which must be that of the whole.
fn what_was_found_once_stays_so(data: &[u8]) {
    let found = (0..=data.len()).find_map(|end| match parse(&data[..end]) {
        Ok(None) => None,
        found => Some((end, found)),
    });
    let Some((end, found)) = found else {
        return;
    };
    if let Ok(Some(header)) = &found {
        assert_eq!(header.length, end);
    }
    assert_eq!(parse(data), found);
}

/// What the protocol got, what it saw as the two ends then, and whether the connection is over.
fn outcome(chunks: &[Vec<u8>]) -> (Vec<u8>, Option<[Address; 2]>, bool) {
    let seen = Rc::new(Seen::default());
    let factory = Rc::new(BehindProxy::new(Rc::clone(&seen)));
    let built = factory.build_protocol(&Address::Tcp(([127, 0, 0, 1], 1).into()));
    let mut played = Played::new(built.expect("it declines nobody"));
    for chunk in chunks {
        played.receive_all_the_same(chunk);
    }
    (
        seen.data.take(),
        seen.ends.take(),
        played.recorder.is_ended(),
    )
}

/// What a server behind a balancer has seen.
#[derive(Default)]
struct Seen {
    data: RefCell<Vec<u8>>,
    ends: RefCell<Option<[Address; 2]>>,
}

impl Factory for Seen {
    type Protocol = Server;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Server> {
        Some(Server(Rc::clone(self)))
    }
}

struct Server(Rc<Seen>);

impl Protocol for Server {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        assert!(!data.is_empty());
        let ends = [transport.peer(), transport.host()];
        let before = self.0.ends.replace(Some(ends.clone()));
        assert!(before.is_none_or(|before| before == ends));
        self.0.data.borrow_mut().extend_from_slice(data);
    }
}
