//! What passes through, in both directions.

use std::cell::RefCell;
use std::fs::File;
use std::rc::Rc;

use protocols::proxy::BehindProxy;
use protocols::testing::{Producing, StrictPushProducer, StringConnection, StringTransport};
use protocols::{Address, Factory, Flow, Producer, Protocol, Transport, UnixAddress};

use crate::balancer::{
    CLIENT, Connection, LINE, SERVER, SOCKET, connection, ends, kept_connection,
};
use crate::common::{LIMIT, Log, Reports, Script, lose_write};

#[test]
fn a_protocol_may_write_and_close_before_the_header_has_come() {
    let log = Log::default();
    let connection = connection(Script::new("server", &log).on_made(|transport| {
        transport.write_vectored(&[b"too ", b"busy"]);
        transport.lose_connection();
    }));

    connection.receive(LINE);

    assert_eq!(connection.transport().value(), b"too busy");
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

#[test]
fn a_panic_in_what_comes_with_the_header_ends_the_connection_with_it() {
    let reports = Reports::collected();
    let log = Log::default();
    let connection = connection(Script::new("server", &log).on_data(|_, _| panic!("no")));

    connection.receive(&[LINE, b"hello"].concat());

    reports.assert_reasons(&["panic: no"]);
    assert_eq!(log.count("server lost panic: no"), 1);
}

#[test]
fn half_closing_passes_through_once_the_header_has_come() {
    let log = Log::default();
    let script = Script::new("server", &log).half_closeable(lose_write, |_| ());
    let connection = connection(script);
    connection.receive(LINE);

    connection.end_reading();

    assert!(connection.transport().is_half_closed());
    connection.with_protocol(|protocol, transport| {
        let protocol = protocol.half_closeable().expect("the one inside is");
        protocol.write_connection_lost(transport);
    });
    log.assert(&[
        "server built",
        "server made",
        "server read ended",
        "server write ended",
    ]);
}

#[test]
fn a_protocol_that_is_not_half_closeable_is_none_behind_a_balancer() {
    let log = Log::default();
    let connection = connection(Script::new("server", &log));

    connection.end_reading();

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

#[test]
fn descriptors_pass_through_to_a_protocol_that_wants_them() {
    let has_receiver = |connection: &Connection| {
        connection.with_protocol(|protocol, _| protocol.descriptor_receiver().is_some())
    };
    assert_eq!(has_receiver(&connection(Script::unnoted())), Some(false));

    let log = Log::default();
    let connection = connection(Script::new("server", &log).on_descriptor(|transport, _| {
        assert_eq!(ends(transport), [CLIENT, SERVER]);
    }));
    connection.receive(LINE);
    connection.with_protocol(|protocol, transport| {
        let receiver = protocol.descriptor_receiver().expect("the one inside is");
        let file = File::open("/dev/null").unwrap();
        receiver.descriptor_received(transport, file.into());
    });

    log.assert(&["server built", "server made", "server descriptor"]);
}

/// Notes who the peer is whenever it is woken.
struct Sleeper(Rc<RefCell<Vec<String>>>);

impl Protocol for Sleeper {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.wake();
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, _data: &[u8]) {
        transport.wake();
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        self.0.borrow_mut().push(transport.peer().to_string());
    }
}

impl Factory for Sleeper {
    type Protocol = Self;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self> {
        Some(Self(Rc::clone(&self.0)))
    }

    fn log_prefix(&self) -> String {
        "Sleepers".to_owned()
    }
}

#[test]
fn a_protocol_is_woken_before_and_after_the_header() {
    let woken = Rc::default();
    let factory = Rc::new(BehindProxy::new(Rc::new(Sleeper(Rc::clone(&woken)))));
    let transport = StringTransport::new();
    let protocol = factory.build_protocol(&transport.peer()).unwrap();

    let connection = StringConnection::on(transport, protocol);
    connection.receive(&[LINE, b"hello"].concat());

    assert_eq!(woken.take(), [SOCKET[0], CLIENT]);
}

#[test]
fn the_factory_and_the_protocol_are_called_what_those_inside_are() {
    let factory = Rc::new(BehindProxy::new(Rc::new(Sleeper(Rc::default()))));
    let protocol = factory
        .build_protocol(&UnixAddress::Unnamed.into())
        .unwrap();

    assert_eq!(factory.log_prefix(), "Sleepers");
    assert_eq!(protocol.log_prefix(), "Sleeper (Proxied)");
    assert_eq!(
        format!("{factory:?}, {protocol:?}"),
        "BehindProxy(Sleeper), Proxied(Sleeper)"
    );
    assert!(!factory.is_quiet());
}

#[test]
fn a_factory_that_declines_is_heard() {
    let script = Script::unnoted().on_build(|balancer| balancer.ip().is_none());
    let factory = Rc::new(BehindProxy::new(Rc::new(script)));

    assert!(
        factory
            .build_protocol(&StringTransport::new().peer())
            .is_none()
    );
}

#[test]
fn all_that_is_asked_of_the_transport_passes_through() {
    let (connection, transport) = kept_connection();
    let beneath = connection.transport();
    assert!(transport.abilities().half_close.is_some());
    assert_eq!(
        transport.describe(),
        (Rc::clone(beneath) as Rc<dyn Transport>).describe()
    );
    connection.receive(LINE);
    assert!(transport.describe().ends_with(&format!(" for {CLIENT}")));

    transport.set_water_marks(3, 0);
    assert_eq!(transport.write(b"four"), Flow::Full);
    transport.pause_producing();
    assert_eq!(beneath.producing(), Producing::Paused);
    transport.resume_producing();
    assert_eq!(beneath.producing(), Producing::On);
    let producer = Producer::Push(StrictPushProducer::new());
    transport.register_producer(producer).unwrap();
    assert!(beneath.producer().is_some());
    transport.unregister_producer();
    assert!(beneath.producer().is_none());
    transport.lose_connection_within(LIMIT);
    assert_eq!(beneath.limit(), Some(LIMIT));
}
