//! What stands between endpoints and protocols: what becomes of factories that decline, and what protocols are given.

#[path = "common/clients.rs"]
mod clients;
mod common;
#[path = "common/waiting.rs"]
mod waiting;

use std::cell::RefCell;
use std::fmt;
use std::net::Shutdown;
use std::rc::Rc;

use clients::greeter;
use common::peers::{ANY, port_without_listener, reset};
use common::{
    Kept, Log, Reports, Script, accepted, after_turns, listen, listener, lose_write, number,
    on_every_backend, read_all, run, stop_soon,
};
use protocols::deferred::{Deferred, Failure};
use protocols::endpoints::{AnyFactory, ClientEndpoint, Connect, NotConnected};
use protocols::policies::{Connection, Policy, Wrapping};
use protocols::reactor::Reactor;
use protocols::{Address, ConnectOptions, Factory, Protocol, Transport};
use waiting::{run_until, run_until_failed};

on_every_backend!(
    a_factory_that_declines_fails_the_deferred_and_closes,
    a_factory_that_panics_fails_the_deferred_and_closes,
    a_panic_in_connection_made_fails_the_deferred,
    a_connection_lost_in_connection_made_is_told_and_then_over,
    a_connection_aborted_in_connection_made_is_told_and_then_over,
    the_hooks_of_a_client_factory_are_left_alone,
    data_and_the_end_arrive_unchanged,
    a_broken_connection_is_told_as_such,
    the_protocol_is_given_the_real_transport,
    a_half_closeable_protocol_hears_of_each_direction,
    another_protocol_loses_its_connection_with_its_peers_direction,
    the_protocol_can_be_reached_until_the_connection_is_over,
    a_protocol_is_named_in_reports_as_it_wants,
    a_protocol_is_connected_without_a_factory,
    a_wrapped_endpoint_gives_the_inner_protocol_with_the_outer_ones_transport,
);

fn endpoint(reactor: &Reactor, port: u16) -> ClientEndpoint {
    ClientEndpoint::tcp(reactor, "127.0.0.1", port, ConnectOptions::new())
}

// E-005
// fault: declined
fn a_factory_that_declines_fails_the_deferred_and_closes(reactor: &Reactor) {
    let (listener, port) = listener();
    let script = Script::unnoted().on_build(|_| false);

    let connecting = endpoint(reactor, port).connect(Rc::new(script));

    let failure = run_until(reactor, connecting).unwrap_err();
    assert_eq!(failure.check(), Some(&NotConnected));
    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"");
}

// E-005
fn a_factory_that_panics_fails_the_deferred_and_closes(reactor: &Reactor) {
    let (listener, port) = listener();
    let script = Script::unnoted().on_build(|_| panic!("no protocol"));

    let connecting = endpoint(reactor, port).connect(Rc::new(script));

    let failed = run_until_failed(reactor, connecting);
    assert_eq!(failed, "panic: no protocol");
    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"");
}

// E-001, E-002
fn a_panic_in_connection_made_fails_the_deferred(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let (_listener, port) = listener();
    let script = Script::new("client", &log).on_made(|_| panic!("no beginning"));

    let connecting = endpoint(reactor, port).connect(Rc::new(script));

    let failed = run_until_failed(reactor, connecting);
    assert_eq!(failed, "panic: no beginning");
    reports.assert(&[("Unhandled error in connection_made", "panic: no beginning")]);
    log.assert(&[
        "client built",
        "client made",
        "client lost panic: no beginning",
    ]);
}

/// Connects, does this as the connection begins, and notes that it was told of.
fn told_of_after(reactor: &Reactor, begin: fn(&Rc<dyn Transport>)) -> Log {
    let log = Log::default();
    let (_listener, port) = listener();
    let (told, stop) = (log.clone(), reactor.clone());
    let script = Script::new("client", &log)
        .on_made(begin)
        .on_lost(move |_| stop_soon(&stop));
    endpoint(reactor, port)
        .connect(Rc::new(script))
        .add_callback(move |_| told.note("told"))
        .log_failure("no connection");
    run(reactor);
    log
}

// E-001
fn a_connection_lost_in_connection_made_is_told_and_then_over(reactor: &Reactor) {
    let log = told_of_after(reactor, |transport| transport.lose_connection());

    log.assert(&[
        "client built",
        "client made",
        "told",
        "client lost ConnectionDone",
    ]);
}

// E-001
fn a_connection_aborted_in_connection_made_is_told_and_then_over(reactor: &Reactor) {
    let log = told_of_after(reactor, |transport| transport.abort_connection());

    log.assert(&[
        "client built",
        "client made",
        "told",
        "client lost ConnectionAborted",
    ]);
}

// E-006
fn the_hooks_of_a_client_factory_are_left_alone(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, nobody) = port_without_listener();
    let script = Rc::new(Script::new("client", &log));

    let connecting = endpoint(reactor, nobody).connect(Rc::clone(&script));
    run_until(reactor, connecting).unwrap_err();
    let (_listener, port) = listener();
    let connecting = endpoint(reactor, port).connect(script);
    run_until(reactor, connecting).unwrap();

    assert_eq!(log.count("client started"), 0);
    assert_eq!(log.count("client failed ConnectionRefused"), 0);
    assert_eq!(log.count("client gone ReactorStopped"), 0);
}

// E-007
fn data_and_the_end_arrive_unchanged(reactor: &Reactor) {
    let log = Log::default();
    let stop = reactor.clone();
    let script = Script::new("client", &log).on_lost(move |_| stop_soon(&stop));
    endpoint(reactor, greeter(reactor))
        .connect(Rc::new(script))
        .log_failure("no connection");

    run(reactor);

    log.assert(&[
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
    ]);
}

// E-007
fn a_broken_connection_is_told_as_such(reactor: &Reactor) {
    let log = Log::default();
    let (listener, port) = listener();
    let stop = reactor.clone();
    let script = Script::new("client", &log)
        .on_made(move |_| reset(accepted(&listener)))
        .on_lost(move |_| stop_soon(&stop));
    endpoint(reactor, port)
        .connect(Rc::new(script))
        .log_failure("no connection");

    run(reactor);

    log.assert(&["client built", "client made", "client lost ConnectionLost"]);
}

// E-007
fn the_protocol_is_given_the_real_transport(reactor: &Reactor) {
    let (_listener, port) = listener();
    let kept = Kept::default();
    let given = kept.clone();
    let script = Script::unnoted().on_made(move |transport| given.keep(transport));

    let connecting = endpoint(reactor, port).connect(Rc::new(script));

    let connected = run_until(reactor, connecting).unwrap();
    assert!(Rc::ptr_eq(connected.transport(), &kept.get()));
    assert!(kept.get().abilities().socket.is_some());
}

// E-008
fn a_half_closeable_protocol_hears_of_each_direction(reactor: &Reactor) {
    let log = Log::default();
    let stop = reactor.clone();
    let script = Script::new("client", &log)
        .half_closeable(lose_write, |_| ())
        .on_lost(move |_| stop_soon(&stop));
    endpoint(reactor, greeter(reactor))
        .connect(Rc::new(script))
        .log_failure("no connection");

    run(reactor);

    log.assert(&[
        "client built",
        "client made",
        "client data hello",
        "client read ended",
        "client write ended",
        "client lost ConnectionDone",
    ]);
}

// E-008
fn another_protocol_loses_its_connection_with_its_peers_direction(reactor: &Reactor) {
    let log = Log::default();
    let (listener, port) = listener();
    let peer = Rc::new(RefCell::new(None));
    let (kept, stop) = (Rc::clone(&peer), reactor.clone());
    let script = Script::new("client", &log)
        .on_made(move |_| {
            let peer = accepted(&listener);
            peer.shutdown(Shutdown::Write).unwrap();
            *kept.borrow_mut() = Some(peer);
        })
        .on_lost(move |_| stop_soon(&stop));
    endpoint(reactor, port)
        .connect(Rc::new(script))
        .log_failure("no connection");

    run(reactor);

    log.assert(&["client built", "client made", "client lost ConnectionDone"]);
}

/// A protocol that counts.
#[derive(Default)]
struct Counting {
    pieces: usize,
}

impl Protocol for Counting {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, _data: &[u8]) {
        self.pieces += 1;
        transport.lose_connection();
    }

    fn log_prefix(&self) -> String {
        "Sheep".into()
    }
}

// E-001, E-010
fn the_protocol_can_be_reached_until_the_connection_is_over(reactor: &Reactor) {
    let counted = Rc::new(RefCell::new(Vec::new()));
    let (seen, stop) = (Rc::clone(&counted), reactor.clone());
    endpoint(reactor, greeter(reactor))
        .connect_protocol(Counting::default())
        .add_callback(move |connected| {
            let at_first = connected.with(|counting, _| counting.pieces);
            seen.borrow_mut().push(at_first);
            let transport = Rc::clone(connected.transport());
            transport.when_lost().map(move |_| {
                let at_last = connected.with(|counting, _| counting.pieces);
                seen.borrow_mut().push(at_last);
                stop_soon(&stop);
            })
        })
        .log_failure("no connection");

    run(reactor);

    assert_eq!(*counted.borrow(), [Some(0), None]);
}

// E-009
fn a_protocol_is_named_in_reports_as_it_wants(reactor: &Reactor) {
    let (_listener, port) = listener();
    let connecting = endpoint(reactor, port).connect_protocol(Counting::default());
    let names: Rc<RefCell<Vec<String>>> = Rc::default();
    let (seen, at) = (Rc::clone(&names), reactor.clone());
    connecting
        .add_callback(move |_| {
            // While a callback runs, its protocol is borrowed, and cannot tell.
            after_turns(&at, 1, move |reactor| {
                let readers = reactor.readers();
                let prefixes = readers.iter().map(|reader| reader.log_prefix());
                seen.borrow_mut().extend(prefixes);
                stop_soon(reactor);
            });
        })
        .log_failure("no connection");

    run(reactor);

    assert_eq!(*names.borrow(), ["Sheep,client"]);
}

// E-010
fn a_protocol_is_connected_without_a_factory(reactor: &Reactor) {
    let connecting = endpoint(reactor, greeter(reactor)).connect_protocol(Counting::default());

    let connected = run_until(reactor, connecting).unwrap();

    assert!(format!("{connected:?}").starts_with("Connected(Counting to 127.0.0.1:"));
}

/// An endpoint that is no endpoint: it asks the factory twice.
struct Twice(Rc<RefCell<Vec<bool>>>);

impl Connect for Twice {
    fn connect(&self, factory: Rc<AnyFactory>) -> Deferred<Rc<dyn Transport>> {
        for _ in 0..2 {
            let protocol = factory.build_protocol(&Address::Tcp(ANY));
            self.0.borrow_mut().push(protocol.is_some());
        }
        Deferred::fail(Failure::without_backtrace(NotConnected))
    }
}

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("twice")
    }
}

// E-010
#[test]
fn a_protocol_serves_for_one_connection() {
    let built: Rc<RefCell<Vec<bool>>> = Rc::default();
    let endpoint = ClientEndpoint::new(Twice(Rc::clone(&built)));

    endpoint.connect_protocol(Counting::default()).ignore();

    assert_eq!(*built.borrow(), [true, false]);
}

/// Notes what passes, and whose transport it is not.
struct Noted(Log);

impl Policy for Noted {
    type Connection = Self;

    fn accept(&self, _peer: &Address) -> Option<Self> {
        self.0.note("outer built");
        Some(Self(self.0.clone()))
    }
}

impl Connection for Noted {
    fn data_received(&self, data: &[u8]) {
        self.0.note(format!("outer data {}", data.escape_ascii()));
    }

    fn written(&self, _parts: &[&[u8]]) {
        self.0.note("outer written");
    }
}

// E-014
fn a_wrapped_endpoint_gives_the_inner_protocol_with_the_outer_ones_transport(reactor: &Reactor) {
    let log = Log::default();
    let (outer, stop) = (log.clone(), reactor.clone());
    // One that closed before it has read what was written would reset the connection.
    let server = Script::unnoted().on_data(|transport, _| {
        transport.write(b"hello");
        transport.lose_connection();
    });
    let port = number(&listen(reactor, server));
    let script = Script::new("inner", &log).on_lost(move |_| stop_soon(&stop));
    let wrapped = endpoint(reactor, port)
        .wrapped(move |factory| Rc::new(Wrapping::new(factory, Noted(outer.clone()))));
    wrapped
        .connect(Rc::new(script))
        .add_callback(|connected| {
            assert_eq!(connected.with(|_player, _| "reached"), Some("reached"));
            connected.transport().write(b"through the policy");
        })
        .log_failure("no connection");

    run(reactor);

    log.assert(&[
        "outer built",
        "inner built",
        "inner made",
        "outer written",
        "outer data hello",
        "inner data hello",
        "inner lost ConnectionDone",
    ]);
}
