//! Connections that do not begin with a header.

use std::rc::Rc;

use protocols::proxy::BehindProxy;
use protocols::testing::{StrictPushProducer, StringTransport};
use protocols::{Factory, Producer, Protocol, Transport};

use crate::balancer::{LINE, block, connection};
use crate::common::{Log, Script};

// P-047
#[test]
fn a_bad_header_ends_the_connection_and_nothing_of_it_is_delivered() {
    let headers = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7\r\nhello".to_vec(),
        block(0x31, 0x11, &[1; 12]),
    ];
    for header in headers {
        let log = Log::default();
        let connection = connection(Script::new("server", &log));

        connection.receive(&header);

        assert!(connection.is_over());
        log.assert(&[
            "server built",
            "server made",
            "server lost ConnectionAborted",
        ]);
    }
}

// P-047
#[test]
fn part_of_a_header_that_cannot_become_a_good_one_ends_the_connection() {
    let chunks: [[&[u8]; 2]; 3] = [
        [b"PRO", b"F"],
        [b"PROXY TCP4 203.0.", b"113.256 "],
        [b"\r\n\r\n\0\r\nQUIT\n", b"\x11"],
    ];
    for [good, bad] in chunks {
        let connection = connection(Script::unnoted());

        connection.receive(good);
        assert!(!connection.is_over());
        connection.receive(bad);

        assert!(connection.is_over());
    }
}

// P-047
#[test]
fn neither_a_producer_nor_what_was_written_keeps_a_connection_with_a_bad_header() {
    let connection = connection(Script::unnoted().on_made(|transport| {
        transport.write(b"welcome");
        let producer = Producer::Push(StrictPushProducer::new());
        transport.register_producer(producer).unwrap();
    }));

    connection.receive(b"\n");

    assert!(connection.is_over());
    assert!(connection.transport().is_aborting());
}

// P-047
#[test]
fn a_transport_that_goes_on_after_a_bad_header_is_not_listened_to() {
    let log = Log::default();
    let factory = Rc::new(BehindProxy::new(Rc::new(Script::new("server", &log))));
    let transport: Rc<dyn Transport> = StringTransport::new();
    let mut protocol = factory.build_protocol(&transport.peer()).unwrap();
    protocol.connection_made(&transport);

    protocol.data_received(&transport, b"?");
    protocol.data_received(&transport, LINE);
    protocol.data_received(&transport, b"hello");

    log.assert(&["server built", "server made"]);
}

// P-047
#[test]
fn a_half_closed_connection_does_not_wait_for_the_rest_of_a_header() {
    let log = Log::default();
    let script = Script::new("server", &log).half_closeable(|_| (), |_| ());
    let connection = connection(script);
    connection.receive(&LINE[..20]);

    connection.end_reading();

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}
