//! Sending what can be read.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Read};
use std::rc::Rc;
use std::thread;

use common::peers::pattern;
use common::{
    Log, Ownership, Script, after_turns, listen, on_every_backend, peer_of, read_all, run,
    stop_at_call,
};
use protocols::deferred::{CancelledError, Failure};
use protocols::files::{SendFileError, send_file, send_file_with};
use protocols::reactor::Reactor;
use protocols::{Consumer, Flow, Producer, ProducerError, PullProducer, Transport};

on_every_backend!(
    a_file_arrives_complete_and_the_last_byte_is_told,
    the_end_of_the_connection_waits_for_the_file,
    a_transfer_whose_connection_is_lost_fails,
    a_slow_reader_is_waited_for_with_little_in_memory,
);

/// A consumer that asks as often as a test does.
#[derive(Default)]
struct Asking {
    producer: RefCell<Option<Rc<dyn PullProducer>>>,
    written: RefCell<Vec<Vec<u8>>>,
}

impl Asking {
    fn ask(&self) {
        let producer = self.producer.borrow().clone();
        producer.expect("there is one").resume_producing();
    }

    fn pieces(&self) -> Vec<usize> {
        self.written.borrow().iter().map(Vec::len).collect()
    }
}

impl Consumer for Asking {
    fn write(&self, data: &[u8]) -> Flow {
        self.written.borrow_mut().push(data.to_vec());
        Flow::Open
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        let Producer::Pull(producer) = producer else {
            panic!("a file waits to be asked");
        };
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

/// Fails instead of being read.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the page is torn"))
    }
}

#[track_caller]
fn error_of(failure: &Failure) -> String {
    failure
        .check::<SendFileError>()
        .expect("it is one")
        .to_string()
}

// P-026, P-027
#[test]
fn a_file_is_sent_in_pieces_of_16_kib_each_when_it_is_asked_for() {
    let consumer = Rc::new(Asking::default());
    let sent = send_file(Cursor::new(pattern(40_000)), consumer.clone());
    assert!(consumer.pieces().is_empty());

    consumer.ask();
    consumer.ask();
    consumer.ask();
    assert!(!sent.has_result());
    consumer.ask();

    assert_eq!(consumer.pieces(), [16_384, 16_384, 7_232]);
    assert_eq!(consumer.written.borrow().concat(), pattern(40_000));
    assert!(consumer.producer.borrow().is_none());
    let last = sent.into_result().unwrap().unwrap();
    assert_eq!(last, pattern(40_000).last().copied());
}

// P-026
#[test]
fn each_piece_goes_through_the_transformation() {
    let consumer = Rc::new(Asking::default());
    let sent = send_file_with(Cursor::new(b"quietly"), consumer.clone(), |piece| {
        piece.make_ascii_uppercase();
        piece.push(b'!');
    });

    consumer.ask();
    consumer.ask();

    assert_eq!(consumer.written.borrow().concat(), b"QUIETLY!");
    assert_eq!(sent.into_result().unwrap().unwrap(), Some(b'!'));
}

// P-027
#[test]
fn an_empty_file_is_sent_at_once_and_has_no_last_byte() {
    let consumer = Rc::new(Asking::default());
    let sent = send_file(io::empty(), consumer.clone());

    consumer.ask();

    assert!(consumer.pieces().is_empty() && consumer.producer.borrow().is_none());
    assert_eq!(sent.into_result().unwrap().unwrap(), None);
}

// P-027
#[test]
fn a_consumer_that_stops_it_fails_the_transfer() {
    let consumer = Rc::new(Asking::default());
    let sent = send_file(Cursor::new(pattern(40_000)), consumer.clone());
    consumer.ask();

    let producer = consumer.producer.take().unwrap();
    producer.stop_producing();
    producer.resume_producing();

    let failure = sent.into_result().unwrap().unwrap_err();
    assert_eq!(error_of(&failure), "the consumer has stopped the transfer");
    assert_eq!(consumer.pieces().len(), 1);
}

#[test]
fn what_cannot_be_read_fails_the_transfer_and_frees_the_consumer() {
    let consumer = Rc::new(Asking::default());
    let sent = send_file(Broken, consumer.clone());

    consumer.ask();

    let failure = sent.into_result().unwrap().unwrap_err();
    assert_eq!(error_of(&failure), "cannot read what is to be sent");
    assert!(consumer.producer.borrow().is_none());
}

#[test]
fn a_busy_consumer_fails_the_transfer_and_goes_on_with_the_first() {
    let consumer = Rc::new(Asking::default());
    let first = send_file(Cursor::new(b"first"), consumer.clone());

    let second = send_file(Cursor::new(b"second"), consumer.clone());
    consumer.ask();
    consumer.ask();

    let failure = second.into_result().unwrap().unwrap_err();
    assert_eq!(error_of(&failure), "the consumer has a producer already");
    assert_eq!(first.into_result().unwrap().unwrap(), Some(b't'));
}

#[test]
fn a_cancelled_transfer_leaves_the_rest_and_frees_consumer_and_file() {
    let (owned, ownership) = Ownership::new();
    let consumer = Rc::new(Asking::default());
    let sent = send_file_with(Cursor::new(pattern(40_000)), consumer.clone(), move |_| {
        let _owned = &owned;
    });
    consumer.ask();

    sent.cancel();

    let failure = sent.into_result().unwrap().unwrap_err();
    assert!(failure.check::<CancelledError>().is_some());
    assert!(consumer.producer.borrow().is_none() && ownership.is_over());
}

// P-026, P-027
fn a_file_arrives_complete_and_the_last_byte_is_told(reactor: &Reactor) {
    const LEN: usize = 3_000_000;
    let stop = stop_at_call(1, reactor);
    let last = Rc::new(Cell::new(None));
    let told = Rc::clone(&last);
    let script = Script::unnoted()
        .on_made(move |transport| {
            let (to_end, told) = (Rc::clone(transport), Rc::clone(&told));
            send_file(Cursor::new(pattern(LEN)), transport.clone())
                .map(move |last| {
                    told.set(last);
                    to_end.lose_connection();
                })
                .log_failure("not sent");
        })
        .on_lost(move |_| stop());
    let peer = peer_of(&listen(reactor, script));
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(LEN));
    assert_eq!(last.get(), pattern(LEN).last().copied());
}

// S-013
fn the_end_of_the_connection_waits_for_the_file(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(|transport| {
            send_file(Cursor::new(pattern(1_000_000)), transport.clone()).ignore();
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let peer = peer_of(&listen(reactor, script));
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(1_000_000));
}

// P-027
fn a_transfer_whose_connection_is_lost_fails(reactor: &Reactor) {
    let log = Log::default();
    let (noting, stop) = (log.clone(), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            let noting = noting.clone();
            send_file(io::repeat(b'x'), transport.clone())
                .map(drop)
                .add_errback(move |failure| noting.note(error_of(&failure)))
                .ignore();
        })
        .on_lost(move |_| stop());
    let peer = peer_of(&listen(reactor, script));
    after_turns(reactor, 10, move |_| drop(peer));

    run(reactor);

    assert_eq!(log.count("the consumer has stopped the transfer"), 1);
}

// P-026, N-032
fn a_slow_reader_is_waited_for_with_little_in_memory(reactor: &Reactor) {
    let read = Rc::new(Cell::new(0));
    let (count, reactor_too) = (Rc::clone(&read), reactor.clone());
    let script = Script::unnoted().on_made(move |transport| {
        let count = Rc::clone(&count);
        let counted = move |piece: &mut Vec<u8>| count.set(count.get() + piece.len());
        send_file_with(io::repeat(b'x'), transport.clone(), counted).ignore();
        let transport: Rc<dyn Transport> = Rc::clone(transport);
        after_turns(&reactor_too, 2_000, move |reactor| {
            transport.abort_connection();
            common::stop_soon(reactor);
        });
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    // What two sockets hold between them, and one piece.
    assert!(
        read.get() < 16 * 1024 * 1024,
        "{} bytes were read",
        read.get()
    );
}
