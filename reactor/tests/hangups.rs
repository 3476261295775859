//! Errors and hang-ups: whoever watches the descriptor is told, whatever it is watched for.

mod common;

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

use common::{BackendName, End, Log, connection, on_every_backend, run};
use deferred::Failure;
use reactor::{ConnectionClosed, Reactor};
use rustix::net::sockopt;

on_every_backend!(
    a_hang_up_with_nothing_to_read_is_an_end_of_input,
    a_half_that_is_closed_is_an_end_of_input,
    a_hang_up_of_one_that_is_only_written_is_told_to_its_writer,
    an_error_of_one_that_is_only_written_is_told_to_its_writer,
    a_full_pipe_whose_reader_goes_is_told_to_its_writer,
    a_reader_that_was_removed_learns_of_a_reset_when_it_is_added_again,
    one_that_nobody_watches_costs_no_turn_when_it_is_reset,
    a_pending_error_of_a_datagram_socket_is_taken_and_the_next_datagram_comes,
);

/// Reads a byte, and ends the connection at the end of input.
fn read(end: &End) -> Result<(), Failure> {
    match end.read_byte()? {
        Some(_) => Ok(()),
        None => Err(ConnectionClosed::ConnectionDone.into()),
    }
}

/// Writes a byte.
fn write(end: &End) -> Result<(), Failure> {
    rustix::io::write(end, b"x").map_err(io::Error::from)?;
    Ok(())
}

/// The end, which notes the kind of the error that is the reason of its loss, and stops the reactor.
fn noting_the_error(end: End, log: &Log) -> End {
    let log = log.clone();
    end.on_lost(move |reactor, reason| {
        let error = reason.check::<io::Error>();
        log.note(error.map_or_else(|| "no error".to_owned(), |error| error.kind().to_string()));
        // It may have been told to stop.
        drop(reactor.stop());
    })
}

/// Closes a connection in disorder.
fn reset(peer: TcpStream) {
    sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
    drop(peer);
}

// R-062 (the descriptor's side)
fn a_hang_up_with_nothing_to_read_is_an_end_of_input(reactor: Reactor) {
    let log = Log::default();
    let (end, peer) = End::pair("end", &log);
    drop(peer);
    let end = noting_the_error(end, &log).on_read(|end, _| read(end));

    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);
    log.assert(&["end reads", "end is lost", "no error"]);
}

// R-062 (the descriptor's side)
fn a_half_that_is_closed_is_an_end_of_input(reactor: Reactor) {
    let log = Log::default();
    let (end, peer) = End::pair("end", &log);
    peer.shutdown(Shutdown::Write).unwrap();
    let end = noting_the_error(end, &log).on_read(|end, _| read(end));

    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);
    log.assert(&["end reads", "end is lost", "no error"]);
}

// R-062 (the descriptor's side)
fn a_hang_up_of_one_that_is_only_written_is_told_to_its_writer(reactor: Reactor) {
    let log = Log::default();
    let (end, peer) = End::pair("end", &log);
    while rustix::io::write(&end, &[0; 4096]).is_ok() {}
    let end = noting_the_error(end, &log).on_write(|end, _| write(end));
    reactor.add_writer(Rc::new(end)).unwrap();

    drop(peer);

    run(&reactor);
    log.assert(&["end writes", "end is lost", "broken pipe"]);
}

// R-062 (the descriptor's side)
fn an_error_of_one_that_is_only_written_is_told_to_its_writer(reactor: Reactor) {
    let log = Log::default();
    let (ours, peer) = connection();
    while rustix::io::write(&ours, &[0; 65_536]).is_ok() {}
    let end = noting_the_error(End::new("end", &log, ours), &log).on_write(|end, _| write(end));
    reactor.add_writer(Rc::new(end)).unwrap();

    reset(peer);

    run(&reactor);
    log.assert(&["end writes", "end is lost", "connection reset"]);
}

//
fn a_full_pipe_whose_reader_goes_is_told_to_its_writer(reactor: Reactor) {
    let log = Log::default();
    let (reads, writes) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writes, true).unwrap();
    while rustix::io::write(&writes, &[0; 4096]).is_ok() {}
    let end = noting_the_error(End::new("end", &log, writes), &log).on_write(|end, _| write(end));
    reactor.add_writer(Rc::new(end)).unwrap();

    drop(reads);

    run(&reactor);
    log.assert(&["end writes", "end is lost", "broken pipe"]);
}

//
fn a_reader_that_was_removed_learns_of_a_reset_when_it_is_added_again(reactor: Reactor) {
    let log = Log::default();
    let (ours, peer) = connection();
    let end = noting_the_error(End::new("end", &log, ours), &log).on_read(|end, _| read(end));
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();
    reactor.remove_reader(&*end);
    reset(peer);

    reactor.add_reader(end).unwrap();

    run(&reactor);
    log.assert(&["end reads", "end is lost", "connection reset"]);
}

//
fn one_that_nobody_watches_costs_no_turn_when_it_is_reset(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let log = Log::default();
    let (ours, peer) = connection();
    let end = Rc::new(End::new("end", &log, ours));
    reactor.add_reader(end.clone()).unwrap();
    let peer = Cell::new(Some(peer));
    reactor.call_when_running(move |reactor| {
        reactor.remove_reader(&*end);
        reset(peer.take().expect("it is called once"));
    });
    reactor.call_later(Duration::from_millis(20), Reactor::stop);

    run(&reactor);

    log.assert(&[]);
    assert!(waits.count() <= 3, "{:?}", waits.timeouts());
}

//
fn a_pending_error_of_a_datagram_socket_is_taken_and_the_next_datagram_comes(reactor: Reactor) {
    let log = Log::default();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    ours.connect(address).unwrap();
    ours.set_nonblocking(true).unwrap();
    let to = ours.local_addr().unwrap();
    drop(peer);
    // Nobody is there any more: the system answers with an error, which waits at our socket.
    ours.send(b"x").unwrap();
    let peer = Cell::new(None);
    let noting = log.clone();
    let end = End::new("end", &log, ours).on_read(move |end, reactor| {
        match end.read_byte() {
            Ok(Some(byte)) => {
                noting.note(char::from(byte));
                reactor.stop()?;
            }
            Ok(None) => {}
            Err(error) => {
                noting.note(error.kind().to_string());
                let again = UdpSocket::bind(address)?;
                again.send_to(b"y", to)?;
                peer.set(Some(again));
            }
        }
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);

    log.assert(&[
        "end reads",
        "connection refused",
        "end reads",
        "y",
        "end is lost",
    ]);
}
