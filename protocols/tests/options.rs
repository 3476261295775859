//! What can be set on connections and ports, and what these say of themselves.

#[path = "common/clients.rs"]
mod clients;
mod common;
#[path = "common/paths.rs"]
mod paths;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

use clients::greeter;
use common::peers::{port_without_answer, port_without_listener};
use common::{
    Kept, Log, Script, after_turns, connect, listen, number, on_every_backend, peer_of, run,
    stop_at_call, stop_soon,
};
use paths::{Folder, listen_at, peer_at};
use protocols::reactor::Reactor;
use protocols::{
    Address, ConnectError, ConnectOptions, Destination, ListenOptions, ReactorTcp, Transport,
    tcp_port_of,
};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
#[cfg(target_os = "linux")]
use socket2::SockRef;

on_every_backend!(
    options_of_tcp_are_off_at_first_and_are_read_back,
    options_of_tcp_are_an_error_once_the_connection_is_over,
    a_unix_connection_has_no_options_of_tcp,
    the_transport_lends_its_descriptor_while_it_is_open,
    the_system_is_given_little_at_once_of_what_is_much,
    how_much_the_system_takes_at_once_can_be_set,
    two_ports_share_a_number_if_both_want_to,
    an_address_with_its_scope_can_be_listened_on,
    an_attempt_without_a_time_limit_is_left_to_the_system,
    an_attempt_that_this_side_gave_up_is_told_from_others,
    a_service_name_stands_for_its_port,
    a_connector_shows_its_factory_and_state_and_destination,
    a_connection_shows_its_protocol_and_state_and_addresses,
    log_prefixes_tell_clients_and_servers_apart,
    sockets_do_not_block_and_are_closed_on_exec,
);

/// Calls `f` with a server's transport.
fn with_server(reactor: &Reactor, f: impl Fn(&Rc<dyn Transport>) + 'static) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted().on_made(move |transport| {
        f(transport);
        stop();
    });
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);
}

// N-061
fn options_of_tcp_are_off_at_first_and_are_read_back(reactor: &Reactor) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&seen);
    with_server(reactor, move |transport| {
        let tcp = transport.abilities().tcp.expect("it is of TCP");
        let now = || {
            let switches = (tcp.no_delay().unwrap(), tcp.keep_alive().unwrap());
            (switches, tcp.linger().unwrap())
        };
        let mut seen = noted.borrow_mut();
        seen.push(now());
        tcp.set_no_delay(true).unwrap();
        tcp.set_linger(Some(Duration::from_secs(3))).unwrap();
        seen.push(now());
        tcp.set_keep_alive(true).unwrap();
        tcp.set_no_delay(false).unwrap();
        tcp.set_linger(None).unwrap();
        seen.push(now());
    });

    let three = Some(Duration::from_secs(3));
    let expected = [
        ((false, false), None),
        ((true, false), three),
        ((false, true), None),
    ];
    assert_eq!(*seen.borrow(), expected);
}

// N-061
fn options_of_tcp_are_an_error_once_the_connection_is_over(reactor: &Reactor) {
    let kept = Kept::default();
    let keep = kept.clone();
    with_server(reactor, move |transport| keep.keep(transport));

    let transport = kept.get();
    let tcp = transport.abilities().tcp.expect("it was of TCP");
    let errors = [
        tcp.no_delay().map(drop),
        tcp.set_no_delay(true),
        tcp.keep_alive().map(drop),
        tcp.set_keep_alive(true),
        tcp.linger().map(drop),
        tcp.set_linger(None),
    ];
    for error in errors {
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotConnected);
    }
}

// N-061
fn a_unix_connection_has_no_options_of_tcp(reactor: &Reactor) {
    let (folder, has) = (Folder::new(), Rc::new(Cell::new(None)));
    let (seen, stop) = (Rc::clone(&has), stop_at_call(1, reactor));
    let path = folder.path("socket");
    let script = Script::unnoted().on_made(move |transport| {
        seen.set(Some(transport.abilities().tcp.is_some()));
        stop();
    });
    listen_at(reactor, &path, script);
    let _peer = peer_at(&path);

    run(reactor);

    assert_eq!(has.get(), Some(false));
}

// N-062
fn the_transport_lends_its_descriptor_while_it_is_open(reactor: &Reactor) {
    let (kept, seen) = (Kept::default(), Rc::new(Cell::new(None)));
    let (keep, noted) = (kept.clone(), Rc::clone(&seen));
    with_server(reactor, move |transport| {
        keep.keep(transport);
        let socket = transport.abilities().socket.expect("it is a socket");
        socket.with_descriptor(&mut |descriptor| {
            let name = rustix::net::getpeername(descriptor).unwrap().unwrap();
            let peer = SocketAddr::try_from(name).ok().map(Address::from);
            noted.set(Some(
                peer == Some(transport.peer()) && descriptor.as_raw_fd() >= 0,
            ));
        });
    });

    assert_eq!(seen.get(), Some(true));
    let (transport, calls) = (kept.get(), Cell::new(0));
    let socket = transport.abilities().socket.expect("it was a socket");
    socket.with_descriptor(&mut |_| calls.set(calls.get() + 1));
    assert_eq!(calls.get(), 0);
}

/// Asks for, or sets, how much the system takes at once of a connection that is sent much.
#[cfg(target_os = "linux")]
fn taken_at_once(transport: &Rc<dyn Transport>, set: Option<u32>) -> Option<u32> {
    let (socket, mut taken) = (transport.abilities().socket?, None);
    socket.with_descriptor(&mut |descriptor| {
        let socket = SockRef::from(&descriptor);
        if let Some(bytes) = set {
            socket.set_tcp_notsent_lowat(bytes).unwrap();
        }
        taken = socket.tcp_notsent_lowat().ok();
    });
    taken
}

// fault: slow reader
#[cfg(target_os = "linux")]
fn the_system_is_given_little_at_once_of_what_is_much(reactor: &Reactor) {
    const MUCH: usize = 256 * 1024;
    with_server(reactor, |transport| {
        transport.write(&vec![0; MUCH]);
        assert_eq!(taken_at_once(transport, None), Some(0), "it is not more");
    });
    with_server(reactor, |transport| {
        transport.write(&vec![0; MUCH + 1]);
        assert_eq!(taken_at_once(transport, None), Some(MUCH as u32));
    });

    let reactor_too = reactor.clone();
    let script = Script::unnoted().on_made(move |transport| {
        transport.write_shared(vec![0; MUCH + 1].into());
        let transport = Rc::clone(transport);
        after_turns(&reactor_too, 1, move |reactor| {
            assert_eq!(taken_at_once(&transport, None), Some(MUCH as u32));
            reactor.stop().unwrap();
        });
    });
    let port = listen(reactor, script);
    let _peer = peer_of(&port);
    run(reactor);
}

#[cfg(target_os = "linux")]
fn how_much_the_system_takes_at_once_can_be_set(reactor: &Reactor) {
    with_server(reactor, |transport| {
        taken_at_once(transport, Some(16 * 1024));
        transport.write(&vec![0; 1024 * 1024]);
        assert_eq!(taken_at_once(transport, None), Some(16 * 1024));
    });
}

#[cfg(not(target_os = "linux"))]
fn the_system_is_given_little_at_once_of_what_is_much(_: &Reactor) {}

#[cfg(not(target_os = "linux"))]
fn how_much_the_system_takes_at_once_can_be_set(_: &Reactor) {}

// L-001
fn two_ports_share_a_number_if_both_want_to(reactor: &Reactor) {
    let options = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
    let script = || Rc::new(Script::unnoted());
    let first = reactor.listen_tcp_with(options.reuse_port(), script());
    let number = number(&first.unwrap());
    let same = ListenOptions::new(number).interface(Ipv4Addr::LOCALHOST.into());

    assert!(reactor.listen_tcp_with(same.clone(), script()).is_err());
    assert!(reactor.listen_tcp_with(same.reuse_port(), script()).is_ok());
}

// L-002, N-057
fn an_address_with_its_scope_can_be_listened_on(reactor: &Reactor) {
    let address: SocketAddr = "[::1%1]:0".parse().unwrap();
    if TcpListener::bind("[::1]:0").is_err() {
        return eprintln!("skipped: this machine has no IPv6");
    }

    let options = ListenOptions::at(address);
    let port = reactor.listen_tcp_with(options, Rc::new(Script::unnoted()));

    let Address::Tcp(found) = port.unwrap().address() else {
        unreachable!("these ports are of TCP")
    };
    assert_eq!(found.ip(), address.ip());
    let addresses: HashSet<Address> = ["[fe80::1%1]:80", "[fe80::1%2]:80", "[fe80::1%1]:80"]
        .map(|text| Address::Tcp(text.parse().unwrap()))
        .into();
    assert_eq!(addresses.len(), 2);
}

// N-010
fn an_attempt_without_a_time_limit_is_left_to_the_system(reactor: &Reactor) {
    let (log, waits) = (Log::default(), Rc::new(Cell::new(None)));
    let (_full, port) = port_without_answer();
    let script = Rc::new(Script::new("client", &log));
    let options = ConnectOptions::new().without_timeout();
    reactor.connect_tcp_with("127.0.0.1", port, script, options);
    let seen = Rc::clone(&waits);
    after_turns(reactor, 5, move |reactor| {
        // The only call is the test's own limit.
        seen.set(Some(reactor.delayed_calls().len()));
        stop_soon(reactor);
    });

    run(reactor);

    assert_eq!(waits.get(), Some(1));
    log.assert(&["client started", "client failed ReactorStopped"]);
}

// N-017
fn an_attempt_that_this_side_gave_up_is_told_from_others(reactor: &Reactor) {
    let given_up = Rc::new(RefCell::new(Vec::new()));
    let stop = stop_at_call(3, reactor);
    let noting = || {
        let (seen, stop) = (Rc::clone(&given_up), stop.clone());
        Script::unnoted().on_failed(move |_, reason| {
            let error = reason.check::<ConnectError>().unwrap();
            seen.borrow_mut()
                .push((error.to_string(), error.is_given_up()));
            stop();
        })
    };
    let ((_full, silent), (_taken, refusing)) = (port_without_answer(), port_without_listener());
    let limit = Duration::from_millis(10);
    common::connect_within(limit, reactor, silent, noting());
    connect(reactor, refusing, noting());
    let stopped = connect(reactor, silent, noting());
    stopped.stop_connecting().unwrap();

    run(reactor);

    let mut given_up = given_up.take();
    given_up.sort();
    let expected = [
        (
            format!("no connection to 127.0.0.1:{silent} within 10ms"),
            true,
        ),
        (
            format!("the attempt to connect to 127.0.0.1:{silent} was stopped"),
            true,
        ),
        (
            format!("the connection to 127.0.0.1:{refusing} was refused"),
            false,
        ),
    ];
    assert_eq!(given_up, expected);
}

// N-012
fn a_service_name_stands_for_its_port(reactor: &Reactor) {
    let port = greeter(reactor);
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let script = Script::new("client", &log).on_gone(move |_, _| stop());
    let service = tcp_port_of(&port.to_string()).unwrap();

    let connector = reactor.connect_tcp("127.0.0.1", service, Rc::new(script));
    run(reactor);

    let host = "127.0.0.1".to_owned();
    assert_eq!(connector.destination(), &Destination::Tcp { host, port });
    assert_eq!(log.count("client data hello"), 1);
    assert!(tcp_port_of("poetry-by-pigeon").is_err());
}

// N-064
fn a_connector_shows_its_factory_and_state_and_destination(reactor: &Reactor) {
    let shown: Rc<RefCell<Vec<String>>> = Rc::default();
    let (at_start, at_end) = (Rc::clone(&shown), Rc::clone(&shown));
    let port = greeter(reactor);
    let connector: Rc<RefCell<Option<_>>> = Rc::default();
    let (known, while_open, stop) = (Rc::clone(&connector), shown.clone(), reactor.clone());
    let script = Script::unnoted()
        .on_started(move |connector| at_start.borrow_mut().push(format!("{connector:?}")))
        .on_made(move |_| {
            let connector = known.borrow();
            while_open
                .borrow_mut()
                .push(format!("{:?}", connector.as_ref().unwrap()));
        })
        .on_gone(move |connector, _| {
            at_end.borrow_mut().push(format!("{connector:?}"));
            stop_soon(&stop);
        });
    *connector.borrow_mut() = Some(connect(reactor, port, script));

    run(reactor);

    let states = ["connecting to", "connected to", "disconnected from"];
    let expected = states.map(|state| format!("Connector(Script {state} 127.0.0.1:{port})"));
    assert_eq!(*shown.borrow(), expected);
    connector.take();
}

// N-064
fn a_connection_shows_its_protocol_and_state_and_addresses(reactor: &Reactor) {
    let (kept, shown) = (Kept::default(), Rc::new(RefCell::new(Vec::new())));
    let (keep, noted) = (kept.clone(), Rc::clone(&shown));
    with_server(reactor, move |transport| {
        keep.keep(transport);
        noted.borrow_mut().push(format!("{transport:?}"));
        transport.lose_connection();
        noted.borrow_mut().push(format!("{transport:?}"));
    });
    let transport = kept.get();
    shown.borrow_mut().push(format!("{transport:?}"));

    let (host, peer) = (transport.host(), transport.peer());
    let states = ["open", "closing", "closed"];
    let expected = states.map(|state| format!("Transport(Player {state} from {host} to {peer})"));
    assert_eq!(*shown.borrow(), expected);
}

// N-063
fn log_prefixes_tell_clients_and_servers_apart(reactor: &Reactor) {
    let names: Rc<RefCell<Vec<String>>> = Rc::default();
    let (loop_, seen, stop) = (reactor.clone(), Rc::clone(&names), stop_at_call(1, reactor));
    let port = listen(
        reactor,
        Script::unnoted().on_made(|transport| {
            transport.write(b"hello");
        }),
    );
    let client = Script::unnoted().on_data(move |_, _| {
        let readers = loop_.readers();
        let names = readers.iter().map(|reader| reader.log_prefix());
        seen.borrow_mut().extend(names);
        stop();
    });
    connect(reactor, number(&port), client);

    run(reactor);

    let names = names.borrow();
    for expected in ["Player,client", "Player,0,127.0.0.1"] {
        assert!(names.iter().any(|name| name == expected), "{names:?}");
    }
    let of_port = format!("Script on TCP {}", port.address());
    assert!(names.contains(&of_port), "{names:?}");
}

// N-014
fn sockets_do_not_block_and_are_closed_on_exec(reactor: &Reactor) {
    let (folder, flags) = (Folder::new(), Rc::new(RefCell::new(Vec::new())));
    let path = folder.path("socket");
    let (loop_, seen, stop) = (reactor.clone(), Rc::clone(&flags), stop_at_call(1, reactor));
    let port = listen(reactor, Script::unnoted());
    let greeting = |transport: &Rc<dyn Transport>| {
        transport.write(b"hello");
    };
    listen_at(reactor, &path, Script::unnoted().on_made(greeting));
    let last = Script::unnoted().on_data(move |_, _| {
        for reader in loop_.readers() {
            let name = reader.log_prefix();
            let closes = fcntl_getfd(&reader).unwrap().contains(FdFlags::CLOEXEC);
            let waits = !fcntl_getfl(&reader).unwrap().contains(OFlags::NONBLOCK);
            seen.borrow_mut().push((name, closes, waits));
        }
        stop();
    });
    // The second connection begins when the first one stands.
    let (last, again) = (RefCell::new(Some(last)), reactor.clone());
    let first = Script::unnoted().on_made(move |_| {
        let last = last.borrow_mut().take().expect("it is made once");
        paths::connect_to(&again, &path, last);
    });
    connect(reactor, number(&port), first);

    run(reactor);

    let mut flags = flags.take();
    flags.retain(|(name, ..)| name.starts_with("Player") || name.starts_with("Script"));
    // Two ports, and both ends of a connection to each.
    assert_eq!(flags.len(), 6, "{flags:?}");
    for (name, closes, waits) in flags {
        assert!(closes && !waits, "{name}");
    }
}
