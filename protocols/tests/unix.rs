//! UNIX sockets: their names and files, and how connections over them begin and end.

mod common;
#[path = "common/paths.rs"]
mod paths;

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Script, after_turns, calling, on_every_backend, run, stop_at_call, stop_soon};
use paths::{Folder, connect_to, connect_to_within, listen_at, peer_at};
use protocols::reactor::Reactor;
use protocols::{
    Address, ConnectError, Destination, ReactorUnix, UnixAddress, UnixConnectOptions,
    UnixListenOptions,
};
use socket2::{Domain, SockAddr, Socket, Type};

on_every_backend!(
    a_client_and_a_server_see_matching_addresses,
    a_bound_client_is_seen_under_its_path,
    a_client_that_cannot_be_bound_fails_with_its_path,
    the_file_goes_when_the_port_is_closed,
    the_file_goes_when_the_reactor_stops,
    a_file_that_took_the_place_of_the_socket_stays,
    a_port_whose_file_is_gone_has_no_clients_and_stops_in_order,
    a_port_listens_again_at_its_path,
    the_mode_is_that_of_the_file,
    an_abstract_name_leaves_no_file,
    a_path_in_use_is_an_error_that_names_it,
    a_path_without_a_folder_is_an_error_that_names_it,
    a_name_that_is_too_long_is_an_error_from_the_call,
    a_socket_that_nobody_listens_at_refuses,
    a_path_without_a_file_fails_with_its_name,
    a_port_without_room_is_tried_again_until_there_is_some,
    a_port_that_gets_no_room_in_time_is_given_up,
    waiting_for_room_can_be_stopped,
    waiting_for_room_ends_when_the_reactor_stops,
    each_direction_ends_by_itself,
    an_aborted_connection_ends_at_both_sides,
);

/// The addresses that a script was given, in order; clones share them.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<Vec<Address>>>);

impl Seen {
    /// A script that has `build_protocol`'s address noted here, then the transport's peer and host.
    fn noted(&self, script: Script) -> Script {
        let (built, made) = (self.clone(), self.clone());
        script
            .on_build(move |peer| {
                built.0.borrow_mut().push(peer.clone());
                true
            })
            .on_made(move |transport| {
                let addresses = [transport.peer(), transport.host()];
                made.0.borrow_mut().extend(addresses);
                transport.write(b"hello");
            })
    }

    #[track_caller]
    fn assert(&self, expected: [&Address; 3]) {
        let seen = self.0.borrow();
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected);
    }
}

fn at(path: &Path) -> Address {
    UnixAddress::from(path).into()
}

fn unnamed() -> Address {
    UnixAddress::Unnamed.into()
}

// N-067, N-069, N-004
fn a_client_and_a_server_see_matching_addresses(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let (by_server, by_client) = (Seen::default(), Seen::default());
    let server = by_server
        .noted(Script::unnoted())
        .on_data(|transport, _| transport.lose_connection());
    let client = by_client
        .noted(Script::new("client", &log))
        .on_gone(move |_, _| stop());
    let port = listen_at(reactor, &path, server);
    let connector = connect_to(reactor, &path, client);

    run(reactor);

    by_server.assert([&unnamed(), &unnamed(), &at(&path)]);
    by_client.assert([&at(&path), &at(&path), &unnamed()]);
    assert_eq!(port.address(), at(&path));
    assert_eq!(connector.destination(), &Destination::Unix((*path).into()));
    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
}

// N-068
fn a_bound_client_is_seen_under_its_path(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let (path, own) = (folder.path("socket"), folder.path("client"));
    let (by_server, by_client) = (Seen::default(), Seen::default());
    let server = by_server
        .noted(Script::unnoted())
        .on_data(move |_, _| stop());
    listen_at(reactor, &path, server);
    let options = UnixConnectOptions::new().bind_address(&*own);
    let client = Rc::new(by_client.noted(Script::unnoted()));
    reactor.connect_unix_with(&*path, client, options);

    run(reactor);

    by_server.assert([&at(&own), &at(&own), &at(&path)]);
    by_client.assert([&at(&path), &at(&path), &at(&own)]);
}

// N-068, N-008
fn a_client_that_cannot_be_bound_fails_with_its_path(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let (path, taken) = (folder.path("socket"), folder.path("taken"));
    File::create(&taken).unwrap();
    listen_at(reactor, &path, Script::unnoted());
    let (client, text) = failing(reactor, &log);
    let options = UnixConnectOptions::new().bind_address(&*taken);
    reactor.connect_unix_with(&*path, Rc::new(client), options);

    run(reactor);

    log.assert(&["client started", "client failed BindFailed"]);
    let expected = format!("cannot connect from the local address {}", taken.display());
    assert_eq!(text.take(), expected);
}

/// A client that stops the reactor when its attempt has failed, and the text of the failure.
fn failing(reactor: &Reactor, log: &Log) -> (Script, Rc<Cell<String>>) {
    let (text, stop) = (Rc::new(Cell::default()), stop_at_call(1, reactor));
    let seen = Rc::clone(&text);
    let script = Script::new("client", log).on_failed(move |_, reason| {
        let error = reason.check::<ConnectError>();
        seen.set(error.map(ToString::to_string).unwrap_or_default());
        stop();
    });
    (script, text)
}

// N-069
fn the_file_goes_when_the_port_is_closed(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let port = listen_at(reactor, &folder.path("socket"), Script::unnoted());
    folder.assert_holds(&["socket"]);

    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);

    folder.assert_holds(&[]);
}

// N-069
fn the_file_goes_when_the_reactor_stops(reactor: &Reactor) {
    let folder = Folder::new();
    let _port = listen_at(reactor, &folder.path("socket"), Script::unnoted());
    reactor.call_when_running(stop_soon);

    run(reactor);

    folder.assert_holds(&[]);
}

// N-069
// fault: a path that is gone
fn a_file_that_took_the_place_of_the_socket_stays(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let port = listen_at(reactor, &path, Script::unnoted());
    fs::rename(&path, folder.path("elsewhere")).unwrap();
    fs::write(&path, "somebody else's").unwrap();

    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);

    folder.assert_holds(&["elsewhere", "socket"]);
}

// fault: a path that is gone
fn a_port_whose_file_is_gone_has_no_clients_and_stops_in_order(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("socket");
    let port = listen_at(reactor, &path, Script::unnoted());
    fs::remove_file(&path).unwrap();
    let (note, stop) = (log.clone(), stop_at_call(1, reactor));
    let client = Script::new("client", &log).on_failed(move |_, _| {
        let (note, stop) = (note.clone(), stop.clone());
        let stopped = port.stop_listening().map(move |()| {
            note.note("the port has stopped");
            stop();
        });
        stopped.log_failure("while stopping");
    });
    connect_to(reactor, &path, client);

    run(reactor);

    log.assert(&[
        "client started",
        "client failed Other",
        "the port has stopped",
    ]);
    folder.assert_holds(&[]);
}

// L-004, N-069
fn a_port_listens_again_at_its_path(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let port = listen_at(reactor, &path, Script::unnoted().on_made(move |_| stop()));
    let (again, there) = (port.clone(), path.clone());
    let peer = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&peer);
    port.stop_listening()
        .map(move |()| {
            again.start_listening().unwrap();
            *kept.borrow_mut() = Some(peer_at(&there));
        })
        .log_failure("while it listened again");

    run(reactor);

    assert!(peer.borrow().is_some());
}

// N-070
fn the_mode_is_that_of_the_file(reactor: &Reactor) {
    let folder = Folder::new();
    for (name, mode) in [("secret", 0o600), ("open", 0o666)] {
        let path = folder.path(name);
        let options = UnixListenOptions::new(&*path).mode(mode);

        let script = Rc::new(Script::unnoted());
        let _port = reactor.listen_unix_with(options, script).unwrap();

        let found = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
}

// N-071
#[cfg(target_os = "linux")]
fn an_abstract_name_leaves_no_file(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let name = UnixAddress::abstract_name(format!("{}", folder.path("name").display()));
    let (by_server, by_client) = (Seen::default(), Seen::default());
    let server = Rc::new(by_server.noted(Script::unnoted()));
    let client = by_client
        .noted(Script::unnoted())
        .on_data(move |_, _| stop());
    let port = reactor.listen_unix(name.clone(), server).unwrap();
    reactor.connect_unix(name.clone(), Rc::new(client));

    run(reactor);

    let name = Address::from(name);
    by_server.assert([&unnamed(), &unnamed(), &name]);
    by_client.assert([&name, &name, &unnamed()]);
    assert_eq!(port.address(), name);
    folder.assert_holds(&[]);
}

#[cfg(not(target_os = "linux"))]
fn an_abstract_name_leaves_no_file(_: &Reactor) {
    eprintln!("skipped: only Linux has abstract names");
}

#[track_caller]
fn assert_cannot_listen(reactor: &Reactor, path: &Path, kind: io::ErrorKind) {
    let error = reactor
        .listen_unix(path, Rc::new(Script::unnoted()))
        .unwrap_err();

    assert_eq!(error.address, at(path));
    assert_eq!(error.source.kind(), kind);
    let expected = format!("cannot listen on {}", path.display());
    assert_eq!(error.to_string(), expected);
}

// N-072
fn a_path_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let folder = Folder::new();
    let (socket, file) = (folder.path("socket"), folder.path("file"));
    let _port = listen_at(reactor, &socket, Script::unnoted());
    fs::write(&file, "not a socket").unwrap();

    assert_cannot_listen(reactor, &socket, io::ErrorKind::AddrInUse);
    assert_cannot_listen(reactor, &file, io::ErrorKind::AddrInUse);
    folder.assert_holds(&["file", "socket"]);
}

// N-072
// fault: a path that is gone
fn a_path_without_a_folder_is_an_error_that_names_it(reactor: &Reactor) {
    let path = Folder::new().path("no such folder/socket");

    assert_cannot_listen(reactor, &path, io::ErrorKind::NotFound);
}

// N-072
fn a_name_that_is_too_long_is_an_error_from_the_call(reactor: &Reactor) {
    let path = Folder::new().path(&"x".repeat(200));

    assert_cannot_listen(reactor, &path, io::ErrorKind::InvalidInput);
}

// N-007
// fault: refused
fn a_socket_that_nobody_listens_at_refuses(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("left behind");
    drop(UnixListener::bind(&path).unwrap());
    let (client, text) = failing(reactor, &log);
    connect_to(reactor, &path, client);

    run(reactor);

    log.assert(&["client started", "client failed ConnectionRefused"]);
    let expected = format!("the connection to {} was refused", path.display());
    assert_eq!(text.take(), expected);
}

// N-008
// fault: a path that is gone
fn a_path_without_a_file_fails_with_its_name(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("nothing");
    let (client, text) = failing(reactor, &log);
    connect_to(reactor, &path, client);

    run(reactor);

    log.assert(&["client started", "client failed Other"]);
    assert_eq!(text.take(), format!("cannot connect to {}", path.display()));
}

/// A listener with as many waiting clients as it takes.
fn without_room(path: &Path) -> (Socket, Vec<Socket>) {
    let address = SockAddr::unix(path).unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        if client.connect(&address).is_err() {
            return (listener, waiting);
        }
        waiting.push(client);
        assert!(waiting.len() < 10, "it has room for ever");
    }
}

// N-009, N-069
fn a_port_without_room_is_tried_again_until_there_is_some(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let (listener, waiting) = without_room(&path);
    // Nothing of this is closed before the end.
    let sockets = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&sockets);
    let client = Script::new("client", &log).on_made(move |_| stop());
    connect_to(reactor, &path, client);
    // By then it has been tried in vain.
    after_turns(reactor, 3, move |_| {
        let taken = waiting.iter().map(|_| listener.accept().unwrap().0);
        kept.borrow_mut().extend(taken);
        kept.borrow_mut().push(listener);
    });

    run(reactor);

    assert_eq!(log.count("client made"), 1);
}

// N-009
// fault: no answer in time
fn a_port_that_gets_no_room_in_time_is_given_up(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("socket");
    let _full = without_room(&path);
    let (client, text) = failing(reactor, &log);
    connect_to_within(Duration::from_millis(30), reactor, &path, client);

    run(reactor);

    log.assert(&["client started", "client failed TimedOut"]);
    let expected = format!("no connection to {} within 30ms", path.display());
    assert_eq!(text.take(), expected);
}

// N-011, N-020
fn waiting_for_room_can_be_stopped(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("socket");
    let _full = without_room(&path);
    let (client, text) = failing(reactor, &log);
    let connector = connect_to(reactor, &path, client);
    after_turns(reactor, 3, move |_| {
        calling(|| connector.stop_connecting()).unwrap();
    });

    run(reactor);

    log.assert(&["client started", "client failed Stopped"]);
    let expected = format!("the attempt to connect to {} was stopped", path.display());
    assert_eq!(text.take(), expected);
}

// N-044
fn waiting_for_room_ends_when_the_reactor_stops(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("socket");
    let _full = without_room(&path);
    connect_to(reactor, &path, Script::new("client", &log));
    after_turns(reactor, 3, stop_soon);

    run(reactor);

    log.assert(&["client started", "client failed ReactorStopped"]);
}

// N-041
fn each_direction_ends_by_itself(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let server = Script::unnoted()
        .on_made(|transport| {
            let half_close = transport.abilities().half_close.unwrap();
            transport.write(b"all that there is");
            half_close.lose_write_connection();
        })
        .on_data(move |_, data| {
            assert_eq!(data, b"thanks");
            stop();
        });
    listen_at(reactor, &path, server);
    let mut peer = peer_at(&path);
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        peer.write_all(b"thanks").unwrap();
        (text, peer)
    });

    run(reactor);

    let (text, peer) = reader.join().unwrap();
    assert_eq!(text, "all that there is");
    drop(peer.shutdown(Shutdown::Both));
}

// N-021
fn an_aborted_connection_ends_at_both_sides(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(2, reactor));
    let path = folder.path("socket");
    let other = stop.clone();
    let server = Script::new("server", &log)
        .on_made(|transport| transport.abort_connection())
        .on_lost(move |_| stop());
    let ends = Log::default();
    let client = Script::new("client", &ends).on_lost(move |_| other());
    listen_at(reactor, &path, server);
    connect_to(reactor, &path, client);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
    assert_eq!(ends.count("client made"), 1);
}
