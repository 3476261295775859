//! Ports whose protocols are wrapped.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use protocols::policies::{Policy, Wrapping};
use protocols::reactor::Reactor;
use protocols::reactor::testing::TestClock;
use protocols::{Factory, ListenOptions, Port, ReactorTcp};

use crate::common::{Script, peer_of, read_all};

pub(crate) fn listen_with<F: Factory>(reactor: &Reactor, factory: F) -> Port {
    let options = ListenOptions::new(0).interface(IpAddr::V4(Ipv4Addr::LOCALHOST));
    reactor
        .listen_tcp_with(options, Rc::new(factory))
        .expect("there is a free port")
}

pub(crate) fn wrapped<Q: Policy>(reactor: &Reactor, script: Script, policy: Q) -> Port {
    listen_with(reactor, Wrapping::new(Rc::new(script), policy))
}

/// Advances the clock by so much in each turn, until the reactor stops.
pub(crate) fn tick(reactor: &Reactor, clock: &TestClock, step: Duration) {
    let clock = clock.clone();
    reactor.call_later(Duration::from_micros(200), move |reactor| {
        clock.advance(step);
        tick(reactor, &clock, step);
    });
}

/// A client that does nothing until the other end closes, and gives back what came.
pub(crate) fn waiting_client(port: &Port) -> thread::JoinHandle<io::Result<Vec<u8>>> {
    let peer = peer_of(port);
    thread::spawn(move || read_all(&peer))
}
