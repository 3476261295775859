//! The lock beside a UNIX socket: who may take a dead process's place, and who is told that it is dead.

mod common;
#[path = "common/paths.rs"]
mod paths;

use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;

use common::{Log, Script, on_every_backend, run, stop_at_call, stop_soon};
use paths::Folder;
use protocols::reactor::Reactor;
use protocols::{ListenError, Port, ReactorUnix, UnixConnectOptions, UnixListenOptions};
use rustix::fs::{FlockOperation, flock};

on_every_backend!(
    a_lock_file_stands_beside_the_socket_while_the_port_listens,
    without_a_lock_a_socket_that_was_left_behind_is_in_the_way,
    with_the_lock_a_socket_that_was_left_behind_is_replaced,
    with_the_lock_a_file_that_is_no_socket_stays,
    a_lock_that_another_process_holds_is_an_error_that_names_the_path,
    a_lock_file_that_was_left_behind_is_taken,
    a_lock_that_somebody_looks_at_is_not_held_by_him,
    a_client_that_checks_the_lock_connects_while_it_is_held,
    a_client_that_checks_the_lock_fails_before_connecting_when_nobody_holds_it,
    checking_the_lock_does_not_take_it,
    a_port_that_fails_gives_the_lock_back,
);

fn listen_locked(reactor: &Reactor, path: &Path, script: Script) -> Result<Port, ListenError> {
    let options = UnixListenOptions::new(path).lock();
    reactor.listen_unix_with(options, Rc::new(script))
}

// N-073
fn a_lock_file_stands_beside_the_socket_while_the_port_listens(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let port = listen_locked(reactor, &folder.path("socket"), Script::unnoted()).unwrap();
    folder.assert_holds(&["socket", "socket.lock"]);

    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);

    folder.assert_holds(&[]);
}

// N-072
fn without_a_lock_a_socket_that_was_left_behind_is_in_the_way(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    drop(UnixListener::bind(&path).unwrap());

    let error = reactor
        .listen_unix(&*path, Rc::new(Script::unnoted()))
        .unwrap_err();

    assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
}

// N-073
fn with_the_lock_a_socket_that_was_left_behind_is_replaced(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    drop(UnixListener::bind(&path).unwrap());

    let script = Script::unnoted().on_made(move |_| stop());
    let _port = listen_locked(reactor, &path, script).unwrap();
    let _peer = paths::peer_at(&path);
    run(reactor);
}

// N-072
fn with_the_lock_a_file_that_is_no_socket_stays(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    fs::write(&path, "a poem").unwrap();

    let error = listen_locked(reactor, &path, Script::unnoted()).unwrap_err();

    assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a poem");
}

/// What another process does that listens at `path`, or has died and left its files there.
fn lock_of_another(path: &Path, operation: FlockOperation) -> File {
    let file = File::create(path.with_extension("lock")).unwrap();
    flock(&file, operation).unwrap();
    file
}

// N-072
fn a_lock_that_another_process_holds_is_an_error_that_names_the_path(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let _held = lock_of_another(&path, FlockOperation::LockExclusive);

    let error = listen_locked(reactor, &path, Script::unnoted()).unwrap_err();

    assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    let expected = format!("cannot listen on {}", path.display());
    assert_eq!(error.to_string(), expected);
    folder.assert_holds(&["socket.lock"]);
}

// N-073
fn a_lock_file_that_was_left_behind_is_taken(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    drop(lock_of_another(&path, FlockOperation::LockExclusive));

    listen_locked(reactor, &path, Script::unnoted()).unwrap();
}

// N-073
fn a_lock_that_somebody_looks_at_is_not_held_by_him(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let looks = lock_of_another(&path, FlockOperation::LockShared);
    let stops = std::thread::spawn(move || drop(looks));

    let port = listen_locked(reactor, &path, Script::unnoted());

    stops.join().unwrap();
    // It may have been looked at for longer than anybody waits for, but then it is free now.
    let port = port.or_else(|_| listen_locked(reactor, &path, Script::unnoted()));
    assert!(port.is_ok());
}

/// What becomes of a client that checks the lock.
fn checking_client(reactor: &Reactor, path: &Path) -> Log {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let failed = stop.clone();
    let script = Script::new("client", &log)
        .on_made(move |_| stop())
        .on_failed(move |_, _| failed());
    let options = UnixConnectOptions::new().check_lock();
    reactor.connect_unix_with(path, Rc::new(script), options);

    run(reactor);

    log
}

// N-074
fn a_client_that_checks_the_lock_connects_while_it_is_held(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let _port = listen_locked(reactor, &path, Script::unnoted()).unwrap();

    let log = checking_client(reactor, &path);

    assert_eq!(log.count("client made"), 1);
}

// N-074
fn a_client_that_checks_the_lock_fails_before_connecting_when_nobody_holds_it(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();

    let without_file = checking_client(reactor, &path);
    drop(lock_of_another(&path, FlockOperation::LockExclusive));
    let left_behind = checking_client(reactor, &path);

    for log in [without_file, left_behind] {
        log.assert(&["client started", "client failed NotLocked"]);
    }
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
}

// N-074
fn checking_the_lock_does_not_take_it(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    drop(lock_of_another(&path, FlockOperation::LockExclusive));
    checking_client(reactor, &path);

    assert!(listen_locked(reactor, &path, Script::unnoted()).is_ok());
}

// N-073
fn a_port_that_fails_gives_the_lock_back(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    fs::write(&path, "not a socket").unwrap();
    listen_locked(reactor, &path, Script::unnoted()).unwrap_err();

    folder.assert_holds(&["socket"]);
    fs::remove_file(&path).unwrap();
    let port = listen_locked(reactor, &path, Script::unnoted()).unwrap();

    assert!(port.is_listening());
    reactor.call_when_running(stop_soon);
    run(reactor);
    folder.assert_holds(&[]);
}
