//! Sending files on a disk, which the system does by itself where it can.

#![cfg(target_os = "linux")]

mod common;
#[path = "common/paths.rs"]
mod paths;

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::thread;

use common::child::in_a_process_of_its_own;
use common::peers::{pattern, reset};
use common::{
    Log, Script, after_turns, listen, on_every_backend, peer_of, read_all, run, stop_at_call,
    stop_soon,
};
use paths::{Folder, listen_at, peer_at};
use protocols::deferred::Deferred;
use protocols::files::{FileConsumer, SendFileError, send_file};
use protocols::policies::{AtMost, Policy, TrafficLog, Wrapping};
use protocols::reactor::Reactor;
use protocols::{Consumer, Flow, ListenOptions, Producer, ProducerError, PullProducer, ReactorTcp};

on_every_backend!(
    a_file_on_disk_arrives_complete_and_the_last_byte_is_told,
    a_file_on_disk_goes_over_a_unix_socket_too,
    a_file_is_sent_from_where_it_stands,
    a_file_keeps_its_place_among_what_is_written,
    a_file_that_grows_is_sent_to_its_new_end,
    a_file_that_is_cut_short_ends_there_and_what_follows_it_arrives,
    an_empty_file_has_no_last_byte,
    what_has_no_length_of_its_own_is_read,
    a_file_that_may_not_be_read_fails_the_transfer,
    a_transfer_whose_connection_breaks_half_way_fails,
    an_aborted_connection_drops_the_rest_of_the_file,
    a_slow_reader_of_a_file_takes_no_memory,
    a_policy_that_looks_at_what_is_written_sees_the_file,
    a_policy_that_only_counts_connections_lets_files_past,
);

/// More than two sockets hold between them.
const MUCH: usize = 16 * 1024 * 1024;

/// A file with this in it, which stands at its beginning.
fn on_disk(data: &[u8]) -> File {
    let folder = Folder::new();
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(folder.path("poem"))
        .expect("there is nothing yet");
    file.write_all(data).expect("the disk has room");
    file.rewind().expect("a file on a disk can");
    file
}

/// Another handle to a file, which stands where the first one does.
fn same(file: &File) -> File {
    file.try_clone().expect("there are descriptors left")
}

/// Where a transfer is, once it was begun.
type Transfer = Rc<RefCell<Option<Deferred<Option<u8>>>>>;

/// A server that sends a file to its client and closes, and what came of the transfer.
fn sending(reactor: &Reactor, file: File) -> (Script, Transfer) {
    let (file, result) = (Cell::new(Some(file)), Transfer::default());
    let (kept, stop) = (Rc::clone(&result), stop_at_call(1, reactor));
    let script = Script::unnoted()
        .on_made(move |transport| {
            let file = file.take().expect("one client comes");
            *kept.borrow_mut() = Some(send_file(file, transport.clone()));
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    (script, result)
}

/// What arrives of a file, and its last byte as it was told.
#[track_caller]
fn sent(reactor: &Reactor, file: File) -> (Vec<u8>, Option<u8>) {
    let (script, result) = sending(reactor, file);
    let peer = peer_of(&listen(reactor, script));
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    let deferred = result.take().expect("it was begun");
    let last = deferred.into_result().expect("it has ended").unwrap();
    (reader.join().unwrap().unwrap(), last)
}

// P-026, P-027
fn a_file_on_disk_arrives_complete_and_the_last_byte_is_told(reactor: &Reactor) {
    let data = pattern(3_000_001);

    let (arrived, last) = sent(reactor, on_disk(&data));

    assert!(arrived == data);
    assert_eq!(last, data.last().copied());
}

fn a_file_on_disk_goes_over_a_unix_socket_too(reactor: &Reactor) {
    let (folder, data) = (Folder::new(), pattern(3_000_001));
    let (script, _result) = sending(reactor, on_disk(&data));
    listen_at(reactor, &folder.path("socket"), script);
    let mut peer = peer_at(&folder.path("socket"));
    let reader = thread::spawn(move || {
        let mut arrived = Vec::new();
        peer.read_to_end(&mut arrived).map(|_| arrived)
    });

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == data);
}

fn a_file_is_sent_from_where_it_stands(reactor: &Reactor) {
    let data = pattern(1_000_000);
    let mut file = on_disk(&data);
    file.seek(SeekFrom::Start(123_456)).unwrap();

    let (arrived, last) = sent(reactor, file);

    assert!(arrived == data[123_456..]);
    assert_eq!(last, data.last().copied());
}

// N-022
fn a_file_keeps_its_place_among_what_is_written(reactor: &Reactor) {
    let data = pattern(3_000_000);
    let file = Cell::new(Some(Rc::new(on_disk(&data))));
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(move |transport| {
            let (file, files) = (file.take().unwrap(), transport.file_consumer().unwrap());
            transport.write(b"before ");
            let flows = [1_000, 500_000].map(|most| files.write_file(&file, most));
            transport.write(b" between ");
            files.write_file(&file, 1_000_000);
            transport.write(b" after");
            transport.lose_connection();
            assert_eq!(flows, [Flow::Open, Flow::Full]);
        })
        .on_lost(move |_| stop());
    let peer = peer_of(&listen(reactor, script));
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    let (first, second) = (&data[..501_000], &data[501_000..1_501_000]);
    let expected = [b"before ", first, b" between ", second, b" after"].concat();
    assert!(reader.join().unwrap().unwrap() == expected);
}

fn a_file_that_grows_is_sent_to_its_new_end(reactor: &Reactor) {
    let data = pattern(MUCH + 100_000);
    let folder = Folder::new();
    let path = folder.path("poem");
    fs::write(&path, &data[..MUCH]).unwrap();
    let (script, result) = sending(reactor, File::open(&path).unwrap());
    let peer = peer_of(&listen(reactor, script));
    let (reader, more) = (Rc::new(Cell::new(None)), data[MUCH..].to_vec());
    let started = Rc::clone(&reader);
    after_turns(reactor, 200, move |_| {
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&more).unwrap();
        started.set(Some(thread::spawn(move || read_all(&peer))));
    });

    run(reactor);

    assert!(reader.take().unwrap().join().unwrap().unwrap() == data);
    let last = result.take().unwrap().into_result().unwrap().unwrap();
    assert_eq!(last, data.last().copied());
}

fn a_file_that_is_cut_short_ends_there_and_what_follows_it_arrives(reactor: &Reactor) {
    let data = pattern(MUCH);
    let (log, file) = (Log::default(), on_disk(&data));
    let (cut, given, noting) = (same(&file), Cell::new(Some(file)), log.clone());
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(move |transport| {
            let (then, noting) = (Rc::clone(transport), noting.clone());
            let file = given.take().unwrap();
            send_file(file, transport.clone())
                .map(move |_last| {
                    noting.note("done");
                    then.write(b"the end");
                    then.lose_connection();
                })
                .log_failure("not sent");
        })
        .on_lost(move |_| stop());
    let peer = peer_of(&listen(reactor, script));
    let reader = Rc::new(Cell::new(None));
    let started = Rc::clone(&reader);
    after_turns(reactor, 200, move |_| {
        cut.set_len(0).unwrap();
        started.set(Some(thread::spawn(move || read_all(&peer))));
    });

    run(reactor);

    let arrived = reader.take().unwrap().join().unwrap().unwrap();
    let of_file = arrived.strip_suffix(b"the end").expect("it came");
    assert!(of_file.len() < MUCH && *of_file == data[..of_file.len()]);
    log.assert(&["done"]);
}

// P-027
fn an_empty_file_has_no_last_byte(reactor: &Reactor) {
    assert_eq!(sent(reactor, on_disk(b"")), (Vec::new(), None));
}

fn what_has_no_length_of_its_own_is_read(reactor: &Reactor) {
    let version = fs::read("/proc/version").unwrap();
    let (pipe, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"through a pipe").unwrap();
    drop(writer);

    let (arrived, last) = sent(reactor, File::open("/proc/version").unwrap());
    let through = sent(
        &common::another(reactor),
        File::from(std::os::fd::OwnedFd::from(pipe)),
    );

    assert_eq!(last, version.last().copied());
    assert_eq!(arrived, version);
    assert_eq!(through, (b"through a pipe".to_vec(), Some(b'e')));
}

fn a_file_that_may_not_be_read_fails_the_transfer(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("poem");
    fs::write(&path, pattern(1_000_000)).unwrap();
    let unreadable = File::options().write(true).open(&path).unwrap();
    let (script, result) = sending(reactor, unreadable);
    let peer = peer_of(&listen(reactor, script));

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"");
    let failure = result.take().unwrap().into_result().unwrap().unwrap_err();
    assert!(matches!(
        failure.check::<SendFileError>(),
        Some(SendFileError::Read(_))
    ));
}

// P-027
fn a_transfer_whose_connection_breaks_half_way_fails(reactor: &Reactor) {
    let (script, result) = sending(reactor, on_disk(&pattern(MUCH)));
    let mut peer = peer_of(&listen(reactor, script));
    after_turns(reactor, 200, move |_| {
        peer.read_exact(&mut [0; 100_000]).unwrap();
        reset(peer);
    });

    run(reactor);

    let failure = result.take().unwrap().into_result().unwrap().unwrap_err();
    assert!(matches!(
        failure.check::<SendFileError>(),
        Some(SendFileError::Stopped)
    ));
}

fn an_aborted_connection_drops_the_rest_of_the_file(reactor: &Reactor) {
    let file = on_disk(&pattern(MUCH));
    let mut same = same(&file);
    let (given, stop) = (Cell::new(Some(file)), stop_at_call(1, reactor));
    let reactor_too = reactor.clone();
    let script = Script::unnoted()
        .on_made(move |transport| {
            send_file(given.take().unwrap(), transport.clone()).ignore();
            let transport = Rc::clone(transport);
            after_turns(&reactor_too, 200, move |_| transport.abort_connection());
        })
        .on_lost(move |_| stop());
    let peer = peer_of(&listen(reactor, script));

    run(reactor);

    assert!(same.stream_position().unwrap() < MUCH as u64);
    // What was sent before the end may be there to be read, but the end is no good one.
    assert!(read_all(&peer).is_err());
}

// P-026, N-032
fn a_slow_reader_of_a_file_takes_no_memory(reactor: &Reactor) {
    let name = "a_slow_reader_of_a_file_takes_no_memory";
    in_a_process_of_its_own(reactor, name, || {
        let file = on_disk(b"");
        file.set_len(1 << 30).unwrap();
        let mut same = same(&file);
        let (script, _result) = sending(reactor, file);
        let mut peer = peer_of(&listen(reactor, script));
        let before = peak_memory();
        read_a_little(reactor, 1_000, move || {
            let count = peer.read(&mut [0; 1_000]).unwrap();
            assert!(count > 0);
        });

        run(reactor);

        let grown = peak_memory() - before;
        println!("measured: {grown} bytes more at the most");
        assert!(grown < 1024 * 1024, "{grown} bytes more at the most");
        assert!(same.stream_position().unwrap() < MUCH as u64);
    });
}

/// Calls `read` in each of so many turns, and stops the reactor then.
fn read_a_little(reactor: &Reactor, turns: usize, mut read: impl FnMut() + 'static) {
    after_turns(reactor, 1, move |reactor| {
        read();
        match turns.checked_sub(1) {
            Some(left) => read_a_little(reactor, left, read),
            None => stop_soon(reactor),
        }
    });
}

/// How much memory the process has had at the most, in bytes.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("it is a number")
        * 1024
}

/// Listens for one client, with a policy around the factory.
fn wrapped<Q: Policy>(reactor: &Reactor, script: Script, policy: Q) -> std::net::TcpStream {
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let factory = Wrapping::new(Rc::new(script), policy);
    let port = reactor.listen_tcp_with(options, Rc::new(factory)).unwrap();
    peer_of(&port)
}

fn a_policy_that_looks_at_what_is_written_sees_the_file(reactor: &Reactor) {
    let folder = Folder::new();
    let (seen, data) = (folder.path("seen"), vec![b'x'; 100_000]);
    let (script, _result) = sending(reactor, on_disk(&data));
    let to = seen.clone();
    let policy = TrafficLog::new(move |_| Ok(Box::new(File::create(&to)?) as _));
    let peer = wrapped(reactor, script, policy);
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == data);
    let written = fs::read_to_string(&seen).unwrap();
    assert_eq!(written.matches('x').count(), data.len());
}

fn a_policy_that_only_counts_connections_lets_files_past(reactor: &Reactor) {
    let (lets_past, stop) = (Rc::new(Cell::new(false)), stop_at_call(1, reactor));
    let noted = Rc::clone(&lets_past);
    let script = Script::unnoted().on_made(move |transport| {
        noted.set(transport.file_consumer().is_some());
        stop();
    });
    let _peer = wrapped(reactor, script, AtMost::new(1));

    run(reactor);

    assert!(lets_past.get());
}

/// A consumer that takes of each part of a file what a test says, as the system may.
struct Taking {
    producer: RefCell<Option<Rc<dyn PullProducer>>>,
    taken: RefCell<Vec<u8>>,
    parts: RefCell<Vec<usize>>,
    most_of_part: usize,
}

impl Taking {
    fn at_most(most_of_part: usize) -> Rc<Self> {
        Rc::new(Self {
            producer: RefCell::default(),
            taken: RefCell::default(),
            parts: RefCell::default(),
            most_of_part,
        })
    }

    /// Asks until there is no more.
    fn ask_for_all(&self) {
        loop {
            let producer = self.producer.borrow().clone();
            let Some(producer) = producer else { break };
            producer.resume_producing();
        }
    }
}

impl Consumer for Taking {
    fn write(&self, data: &[u8]) -> Flow {
        self.taken.borrow_mut().extend(data);
        Flow::Open
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        let Producer::Pull(producer) = producer else {
            panic!("a file waits to be asked");
        };
        *self.producer.borrow_mut() = Some(producer);
        Ok(())
    }

    fn unregister_producer(&self) {
        self.producer.take();
    }

    fn file_consumer(&self) -> Option<&dyn FileConsumer> {
        Some(self)
    }
}

impl FileConsumer for Taking {
    fn write_file(&self, file: &Rc<File>, most: usize) -> Flow {
        self.parts.borrow_mut().push(most);
        let mut part = (&**file).take(most.min(self.most_of_part) as u64);
        let read = part.read_to_end(&mut self.taken.borrow_mut());
        read.expect("the disk works");
        Flow::Open
    }
}

#[test]
fn a_file_is_handed_over_in_parts_of_which_the_little_that_is_left_is_read() {
    let (data, consumer) = (pattern(600_000), Taking::at_most(usize::MAX));
    let sent = send_file(on_disk(&data), consumer.clone());

    consumer.ask_for_all();

    assert_eq!(*consumer.parts.borrow(), [262_144, 262_144, 75_712]);
    assert!(*consumer.taken.borrow() == data);
    assert_eq!(sent.into_result().unwrap().unwrap(), data.last().copied());
}

#[test]
fn a_small_file_is_read_at_once() {
    let (data, consumer) = (pattern(16 * 1024), Taking::at_most(usize::MAX));
    let sent = send_file(on_disk(&data), consumer.clone());

    consumer.ask_for_all();

    assert!(consumer.parts.borrow().is_empty());
    assert!(*consumer.taken.borrow() == data);
    assert_eq!(sent.into_result().unwrap().unwrap(), data.last().copied());
}

#[test]
fn a_part_that_was_taken_in_part_is_gone_on_from_there() {
    let (data, consumer) = (pattern(300_000), Taking::at_most(100_000));
    let sent = send_file(on_disk(&data), consumer.clone());

    consumer.ask_for_all();

    assert_eq!(*consumer.parts.borrow(), [262_144, 200_000, 100_000]);
    assert!(*consumer.taken.borrow() == data);
    assert_eq!(sent.into_result().unwrap().unwrap(), data.last().copied());
}

#[test]
fn a_file_of_which_nothing_is_taken_is_read_from_then_on() {
    let (data, consumer) = (pattern(300_000), Taking::at_most(0));
    let sent = send_file(on_disk(&data), consumer.clone());

    consumer.ask_for_all();

    assert_eq!(*consumer.parts.borrow(), [262_144]);
    assert!(*consumer.taken.borrow() == data);
    assert_eq!(sent.into_result().unwrap().unwrap(), data.last().copied());
}
