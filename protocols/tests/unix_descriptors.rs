//! Descriptors that are sent over UNIX sockets, and what becomes of those that nobody takes.

mod common;
#[path = "common/logs.rs"]
mod logs;
#[path = "common/paths.rs"]
mod paths;

use std::cell::RefCell;
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use common::{Bytes, Log, Reports, Script, listen, on_every_backend, peer_of, run, stop_at_call};
use logs::Logged;
use paths::{Folder, connect_to, listen_at, peer_at};
use protocols::Transport;
use protocols::reactor::Reactor;
use rustix::fs::fstat;
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

on_every_backend!(
    a_descriptor_arrives_as_another_one_for_the_same_file,
    a_descriptor_arrives_before_the_data_that_was_sent_with_it,
    descriptors_arrive_in_order_and_each_before_its_data,
    a_descriptor_arrives_after_the_data_that_was_written_before_it,
    a_descriptor_is_sent_with_what_still_waits_behind_much_else,
    descriptors_keep_their_places_among_parts_of_files,
    descriptors_keep_their_places_when_a_file_has_less_than_was_handed_over,
    a_descriptor_that_no_byte_follows_is_closed_and_not_sent,
    a_descriptor_sent_after_the_end_of_writing_is_closed,
    too_many_descriptors_for_one_byte_are_an_error,
    as_many_descriptors_as_go_with_one_byte_arrive,
    a_protocol_that_wants_no_descriptors_gets_the_data,
    a_flood_of_descriptors_that_are_not_kept_leaves_none,
    a_panic_in_descriptor_received_ends_the_connection_with_it,
    a_connection_closed_in_descriptor_received_gives_no_more,
    control_data_of_an_unknown_kind_is_skipped_and_logged_once,
    a_tcp_connection_sends_no_descriptors,
);

fn send(transport: &Rc<dyn Transport>, descriptor: impl AsFd) -> std::io::Result<()> {
    let descriptors = transport.abilities().descriptors;
    let descriptors = descriptors.expect("a UNIX socket can");
    descriptors.send_descriptor(descriptor.as_fd())
}

/// The two ends of a pipe: the first reads the end of the file when every copy of the other is closed.
fn pipe() -> (File, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().expect("there are descriptors left");
    (File::from(reader), writer)
}

#[track_caller]
fn assert_all_closed(mut reader: File) {
    rustix::io::ioctl_fionbio(&reader, true).expect("a pipe has this mode");
    assert_eq!(reader.read(&mut [0; 1]).expect("every copy is closed"), 0);
}

type Descriptors = Rc<RefCell<Vec<OwnedFd>>>;

/// A server that keeps the descriptors, and stops the reactor when it has got a full stop.
fn keeping(reactor: &Reactor, log: &Log) -> (Script, Descriptors) {
    let (kept, stop) = (Descriptors::default(), stop_at_call(1, reactor));
    let received = Rc::clone(&kept);
    let script = Script::new("server", log)
        .on_descriptor(move |_, descriptor| received.borrow_mut().push(descriptor))
        .on_data(move |_, data| {
            if data.ends_with(b".") {
                stop();
            }
        });
    (script, kept)
}

/// Runs a server that keeps the descriptors, and a client that does what `f` says when it is connected.
fn sent_by(reactor: &Reactor, f: impl Fn(&Rc<dyn Transport>) + 'static) -> (Log, Descriptors) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("socket");
    let (server, kept) = keeping(reactor, &log);
    listen_at(reactor, &path, server);
    connect_to(reactor, &path, Script::unnoted().on_made(f));

    run(reactor);

    (log, kept)
}

fn same_file(one: impl AsFd, other: impl AsFd) -> bool {
    let (one, other) = (fstat(one).unwrap(), fstat(other).unwrap());
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

// N-075
fn a_descriptor_arrives_as_another_one_for_the_same_file(reactor: &Reactor) {
    let (mut reader, writer) = pipe();
    let (writer, sent) = (Rc::new(writer), Rc::new(RefCell::new(None)));
    let (own, result) = (Rc::clone(&writer), Rc::clone(&sent));

    let (_, kept) = sent_by(reactor, move |transport| {
        *result.borrow_mut() = Some(send(transport, &own));
        transport.write(b".");
    });

    assert!(matches!(sent.take(), Some(Ok(()))));
    let received = kept.borrow_mut().pop().unwrap();
    assert_ne!(received.as_raw_fd(), writer.as_raw_fd());
    assert!(same_file(&received, &*writer));
    assert!(fcntl_getfd(&received).unwrap().contains(FdFlags::CLOEXEC));
    rustix::io::write(&received, b"both ").unwrap();
    drop(received);
    rustix::io::write(&*writer, b"work").unwrap();
    let mut text = [0; 9];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"both work");
}

// N-076
fn a_descriptor_arrives_before_the_data_that_was_sent_with_it(reactor: &Reactor) {
    let (log, kept) = sent_by(reactor, |transport| {
        send(transport, pipe().1).unwrap();
        transport.write(b"with it.");
    });

    log.assert(&[
        "server built",
        "server made",
        "server descriptor",
        "server data with it.",
        "server lost ReactorStopped",
    ]);
    assert_eq!(kept.borrow().len(), 1);
}

/// What a server has got.
#[derive(Clone, Default)]
struct Got {
    bytes: Bytes,
    /// Each with how many bytes had come before it.
    descriptors: Rc<RefCell<Vec<(usize, OwnedFd)>>>,
}

/// Like [`sent_by`], for those who want to know what came when.
fn got_from(reactor: &Reactor, f: impl Fn(&Rc<dyn Transport>) + 'static) -> Got {
    got_in_pieces_from(reactor, usize::MAX, f)
}

/// Like [`got_from`], with so many bytes read at once at the most.
fn got_in_pieces_from(
    reactor: &Reactor,
    most: usize,
    f: impl Fn(&Rc<dyn Transport>) + 'static,
) -> Got {
    let (folder, stop, got) = (Folder::new(), stop_at_call(1, reactor), Got::default());
    let (seen, read) = (got.clone(), got.bytes.clone());
    let server = Script::unnoted()
        .on_made(move |transport| transport.abilities().socket.unwrap().set_read_size(most))
        .on_descriptor(move |_, descriptor| {
            let before = seen.bytes.len();
            seen.descriptors.borrow_mut().push((before, descriptor));
        })
        .on_data(move |_, data| {
            read.add(data);
            if data.ends_with(b".") {
                stop();
            }
        });
    let path = folder.path("socket");
    listen_at(reactor, &path, server);
    connect_to(reactor, &path, Script::unnoted().on_made(f));

    run(reactor);

    got
}

// N-076, N-022
fn descriptors_arrive_in_order_and_each_before_its_data(reactor: &Reactor) {
    const COUNT: usize = 40;
    let files: Rc<Vec<_>> = Rc::new((0..COUNT).map(|_| pipe().0).collect());
    let own = Rc::clone(&files);

    let got = got_from(reactor, move |transport| {
        for (n, file) in own.iter().enumerate() {
            send(transport, file).unwrap();
            transport.write(format!("[{n}]").as_bytes());
        }
        transport.write(b".");
    });

    let text: String = (0..COUNT).map(|n| format!("[{n}]")).collect();
    assert_eq!(got.bytes.take(), format!("{text}.").as_bytes());
    let descriptors = got.descriptors.borrow();
    assert_eq!(descriptors.len(), COUNT);
    for (n, ((before, descriptor), sent)) in descriptors.iter().zip(&*files).enumerate() {
        assert!(same_file(descriptor, sent), "number {n}");
        let its_data = text.find(&format!("[{n}]")).unwrap();
        assert!(*before <= its_data, "number {n} came late");
    }
}

// N-076, N-022
fn a_descriptor_arrives_after_the_data_that_was_written_before_it(reactor: &Reactor) {
    let got = got_in_pieces_from(reactor, 1, |transport| {
        transport.write(b"before");
        send(transport, pipe().1).unwrap();
        transport.write(b"after.");
    });

    assert_eq!(got.bytes.take(), b"beforeafter.");
    assert_eq!(got.descriptors.borrow()[0].0, "before".len());
}

// N-076, N-025
fn a_descriptor_is_sent_with_what_still_waits_behind_much_else(reactor: &Reactor) {
    const MUCH: usize = 3_000_000;

    let got = got_from(reactor, |transport| {
        transport.write(&vec![b'x'; MUCH]);
        send(transport, pipe().1).unwrap();
        transport.write(b"with it.");
    });

    let before: Vec<_> = got.descriptors.borrow().iter().map(|it| it.0).collect();
    assert_eq!(before.len(), 1);
    // The system may put bytes into one read that were sent before it.
    assert!((1..=MUCH).contains(&before[0]), "{before:?}");
    assert_eq!(got.bytes.len(), MUCH + 8);
    assert!(got.bytes.take().ends_with(b"xwith it."));
}

/// A file on a disk with this in it.
fn on_disk(data: &[u8]) -> Rc<File> {
    let folder = Folder::new();
    std::fs::write(folder.path("file"), data).expect("the disk has room");
    Rc::new(File::open(folder.path("file")).expect("it is there"))
}

/// Hands parts of this length of a file over, with a descriptor before each, and one more before the end.
fn send_parts(transport: &Rc<dyn Transport>, file: &Rc<File>, parts: &[usize], sent: &[File]) {
    let files = transport.file_consumer().expect("this system can");
    for (most, descriptor) in parts.iter().zip(sent) {
        send(transport, descriptor).unwrap();
        files.write_file(file, *most);
    }
    send(transport, sent.last().expect("there is one more")).unwrap();
    transport.write(b".");
}

#[track_caller]
fn assert_came(got: &Got, sent: &[File], at_most_after: &[usize]) {
    let descriptors = got.descriptors.borrow();
    assert_eq!(descriptors.len(), sent.len());
    for (n, (before, descriptor)) in descriptors.iter().enumerate() {
        assert!(same_file(descriptor, &sent[n]), "number {n}");
        assert!(
            *before <= at_most_after[n],
            "number {n} came after {before}"
        );
    }
}

// N-076, N-022
#[cfg(target_os = "linux")]
fn descriptors_keep_their_places_among_parts_of_files(reactor: &Reactor) {
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let sent: Rc<Vec<_>> = Rc::new((0..4).map(|_| pipe().0).collect());
    let (file, own) = (on_disk(&data), Rc::clone(&sent));

    let got = got_from(reactor, move |transport| {
        send_parts(transport, &file, &[100_000, 50_000, 150_000], &own);
    });

    assert_came(&got, &sent, &[0, 100_000, 150_000, 300_000]);
    assert!(got.bytes.take() == [&data[..], b"."].concat());
}

#[cfg(not(target_os = "linux"))]
fn descriptors_keep_their_places_among_parts_of_files(_: &Reactor) {
    eprintln!("skipped: this system sends no files");
}

// N-076
#[cfg(target_os = "linux")]
fn descriptors_keep_their_places_when_a_file_has_less_than_was_handed_over(reactor: &Reactor) {
    let sent: Rc<Vec<_>> = Rc::new((0..4).map(|_| pipe().0).collect());
    let (file, own) = (on_disk(&[b'x'; 120_000]), Rc::clone(&sent));

    let got = got_from(reactor, move |transport| {
        send_parts(transport, &file, &[100_000, 50_000, 50_000], &own);
    });

    // There is no byte of the last part for the third one to go with.
    assert_came(&got, &sent, &[0, 100_000, 120_000, 120_000]);
    assert_eq!(got.bytes.len(), 120_001);
}

#[cfg(not(target_os = "linux"))]
fn descriptors_keep_their_places_when_a_file_has_less_than_was_handed_over(_: &Reactor) {
    eprintln!("skipped: this system sends no files");
}

// N-075
fn a_descriptor_that_no_byte_follows_is_closed_and_not_sent(reactor: &Reactor) {
    let (reader, writer) = pipe();
    let writer = RefCell::new(Some(writer));

    let (_, kept) = sent_by(reactor, move |transport| {
        transport.write(b".");
        send(transport, writer.take().unwrap()).unwrap();
    });

    assert!(kept.borrow().is_empty());
    assert_all_closed(reader);
}

// N-029
fn a_descriptor_sent_after_the_end_of_writing_is_closed(reactor: &Reactor) {
    let (reader, writer) = pipe();
    let writer = RefCell::new(Some(writer));

    let (_, kept) = sent_by(reactor, move |transport| {
        transport.write(b".");
        transport.lose_connection();
        send(transport, writer.take().unwrap()).unwrap();
        transport.write(b"more");
    });

    assert!(kept.borrow().is_empty());
    assert_all_closed(reader);
}

/// As many as go with one byte.
const MOST: usize = 253;

// N-075
fn too_many_descriptors_for_one_byte_are_an_error(reactor: &Reactor) {
    let errors = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&errors);

    let (_, kept) = sent_by(reactor, move |transport| {
        let file = File::open("/dev/null").unwrap();
        let results = (0..=MOST).map(|_| send(transport, &file).is_err());
        seen.borrow_mut().extend(results);
        transport.write(b"a");
        seen.borrow_mut().push(send(transport, &file).is_err());
        transport.write(b".");
    });

    let errors = errors.borrow();
    assert_eq!(errors.iter().position(|failed| *failed), Some(MOST));
    assert!(!errors[MOST + 1]);
    assert_eq!(kept.borrow().len(), MOST + 1);
}

// N-075
fn as_many_descriptors_as_go_with_one_byte_arrive(reactor: &Reactor) {
    let (log, kept) = sent_by(reactor, |transport| {
        let file = File::open("/dev/null").unwrap();
        for _ in 0..MOST {
            send(transport, &file).unwrap();
        }
        transport.write(b".");
    });

    assert_eq!(kept.borrow().len(), MOST);
    assert_eq!(log.count("server descriptor"), MOST);
}

/// Sends descriptors and bytes from a socket that knows nothing of the reactor.
fn send_from(peer: &UnixStream, descriptors: &[BorrowedFd<'_>], bytes: &[u8]) {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    let bytes = [IoSlice::new(bytes)];
    sendmsg(peer, &bytes, &mut control, SendFlags::empty()).unwrap();
}

// N-075
fn a_protocol_that_wants_no_descriptors_gets_the_data(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let server = Script::new("server", &log).on_data(move |_, _| stop());
    listen_at(reactor, &path, server);
    let (peer, (reader, writer)) = (peer_at(&path), pipe());
    send_from(&peer, &[writer.as_fd()], b"only this");
    drop(writer);

    run(reactor);

    assert_eq!(log.count("server data only this"), 1);
    assert_all_closed(reader);
}

// N-075
fn a_flood_of_descriptors_that_are_not_kept_leaves_none(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let server = Script::new("server", &log)
        .on_descriptor(|_, descriptor| drop(descriptor))
        .on_data(move |_, data| {
            if data.ends_with(b".") {
                stop();
            }
        });
    listen_at(reactor, &path, server);
    let (mut peer, (reader, writer)) = (peer_at(&path), pipe());
    for _ in 0..4 {
        send_from(&peer, &[writer.as_fd(); MOST], b"x");
    }
    peer.write_all(b".").unwrap();
    drop(writer);

    run(reactor);

    assert_eq!(log.count("server descriptor"), 4 * MOST);
    assert_all_closed(reader);
}

// N-075, N-021
// fault: a panic in a callback
fn a_panic_in_descriptor_received_ends_the_connection_with_it(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let (path, reports) = (folder.path("socket"), Reports::collected());
    let server = Script::new("server", &log)
        .on_descriptor(|_, _| panic!("not that one"))
        .on_lost(move |_| stop());
    listen_at(reactor, &path, server);
    let (peer, (reader, writer)) = (peer_at(&path), pipe());
    send_from(&peer, &[writer.as_fd(); 3], b"never received");
    drop(writer);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server descriptor",
        "server lost panic: not that one",
    ]);
    reports.assert(&[(
        "Unhandled error in descriptor_received",
        "panic: not that one",
    )]);
    assert_all_closed(reader);
}

// N-075, N-040
fn a_connection_closed_in_descriptor_received_gives_no_more(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let server = Script::new("server", &log)
        .on_descriptor(|transport, _| transport.lose_connection())
        .on_lost(move |_| stop());
    listen_at(reactor, &path, server);
    let (peer, (reader, writer)) = (peer_at(&path), pipe());
    send_from(&peer, &[writer.as_fd(); 3], b"never received");
    drop(writer);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server descriptor",
        "server lost ConnectionDone",
    ]);
    assert_all_closed(reader);
}

// N-077
#[cfg(target_os = "linux")]
fn control_data_of_an_unknown_kind_is_skipped_and_logged_once(reactor: &Reactor) {
    let (folder, log, logged) = (Folder::new(), Log::default(), Logged::collected());
    let path = folder.path("socket");
    let (server, kept) = keeping(reactor, &log);
    let server = server.on_made(|transport| {
        let socket = transport.abilities().socket.unwrap();
        // From now on the system says with everything who has sent it.
        socket.with_descriptor(&mut |socket| {
            rustix::net::sockopt::set_socket_passcred(socket, true).unwrap();
        });
        transport.write(b"go on");
    });
    listen_at(reactor, &path, server);
    let client = Script::unnoted().on_data(|transport, _| {
        transport.write(b"without, ");
        send(transport, pipe().1).unwrap();
        transport.write(b"with one.");
    });
    connect_to(reactor, &path, client);

    run(reactor);

    assert_eq!(kept.borrow().len(), 1);
    let warnings = logged.take_level("WARN");
    let expected = format!(
        "WARN Player,0,{}: control data of an unknown kind was skipped",
        protocols::UnixAddress::Unnamed
    );
    assert_eq!(warnings, [expected]);
}

#[cfg(not(target_os = "linux"))]
fn control_data_of_an_unknown_kind_is_skipped_and_logged_once(_: &Reactor) {
    eprintln!("skipped: only Linux can be made to send some");
}

// N-075
fn a_tcp_connection_sends_no_descriptors(reactor: &Reactor) {
    let (stop, seen) = (stop_at_call(1, reactor), Rc::new(RefCell::new(None)));
    let can = Rc::clone(&seen);
    let server = Script::unnoted().on_made(move |transport| {
        *can.borrow_mut() = Some(transport.abilities().descriptors.is_some());
        stop();
    });
    let port = listen(reactor, server);
    let _peer = peer_of(&port);

    run(reactor);

    assert_eq!(seen.take(), Some(false));
}
