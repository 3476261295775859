//! Protocols as consumers, and consumers as protocols.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::adapters::{FedProtocol, Feeding};
use protocols::files::send_file;
use protocols::testing::{StringConnection, StringTransport};
use protocols::{
    ConnectionClosed, Consumer, Flow, Producer, ProducerError, Protocol, PushProducer, Transport,
};

/// Answers in capitals.
struct Shout;

impl Protocol for Shout {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        transport.write(&data.to_ascii_uppercase());
    }
}

/// Never calls anybody.
struct Quiet;

impl PushProducer for Quiet {
    fn pause_producing(&self) {}
    fn resume_producing(&self) {}
    fn stop_producing(&self) {}
}

// P-030
#[test]
fn a_protocol_is_fed_what_is_written() {
    let transport = StringTransport::new();
    let fed = FedProtocol::new(Shout, transport.clone());

    assert_eq!(fed.write(b"quiet"), Flow::Open);
    fed.write(b"ly");

    assert_eq!(transport.value(), b"QUIETLY");
}

// P-030
#[test]
fn a_fed_protocol_has_one_producer() {
    let fed = Rc::new(FedProtocol::new(Shout, StringTransport::new()));

    let sent = send_file(&b"poem"[..], fed.clone());
    let second = fed.register_producer(Producer::Push(Rc::new(Quiet)));
    sent.cancel();

    assert_eq!(second, Err(ProducerError::AlreadyRegistered));
    sent.ignore();
    assert!(
        fed.register_producer(Producer::Push(Rc::new(Quiet)))
            .is_ok()
    );
}

/// A consumer that keeps everything.
#[derive(Default)]
struct Basket {
    producer: RefCell<Option<Producer>>,
    data: RefCell<Vec<u8>>,
}

impl Consumer for Basket {
    fn write(&self, data: &[u8]) -> Flow {
        self.data.borrow_mut().extend_from_slice(data);
        Flow::Open
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        if self.producer.borrow().is_some() {
            return Err(ProducerError::AlreadyRegistered);
        }
        *self.producer.borrow_mut() = Some(producer);
        Ok(())
    }

    fn unregister_producer(&self) {
        self.producer.take();
    }
}

// P-030
#[test]
fn a_consumer_stands_as_a_protocol() {
    let basket = Rc::new(Basket::default());
    let connection = StringConnection::new(Feeding::new(Rc::clone(&basket)));

    connection.receive(b"some, ");
    connection.receive(b"more");

    assert_eq!(*basket.data.borrow(), b"some, more");
    assert!(matches!(*basket.producer.borrow(), Some(Producer::Push(_))));
    connection.lose(ConnectionClosed::ConnectionDone);
    assert!(basket.producer.borrow().is_none());
}

#[test]
fn a_consumer_that_is_taken_loses_the_second_connection() {
    let basket = Rc::new(Basket::default());
    let _first = StringConnection::new(Feeding::new(Rc::clone(&basket)));

    let second = StringConnection::new(Feeding::new(Rc::clone(&basket)));

    assert!(second.is_over());
    assert!(basket.producer.borrow().is_some(), "the first one goes on");
}
