//! Ports: where they listen, how they stop, and how they listen again.

mod common;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use common::{
    Log, Reports, Script, after_turns, calling, listen, listener, number, on_every_backend,
    peer_of, read_all, run, stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Address, ListenOptions, Port, ReactorTcp};
use rustix::io::Errno;

on_every_backend!(
    a_port_in_use_is_an_error_that_names_it,
    an_interface_of_another_machine_is_an_error_that_names_it,
    port_zero_is_replaced_by_the_real_number,
    a_port_listens_on_all_ipv4_interfaces_by_itself,
    an_ipv6_interface_selects_ipv6,
    a_stopped_port_can_be_bound_again_at_once,
    stopping_fires_when_the_loop_goes_on_and_not_before,
    stopping_twice_fires_both_times,
    stopping_a_stopped_port_has_fired_already,
    stopping_after_the_run_has_fired_already,
    a_stopped_port_leaves_its_connections_alone,
    a_stopped_port_lets_nobody_else_in,
    a_port_can_be_stopped_in_build_protocol,
    a_port_can_be_stopped_in_connection_made,
    a_stopped_port_listens_again_and_lets_clients_in,
    a_port_that_listens_is_not_opened_twice,
    a_port_stopped_and_started_in_one_callback_goes_on,
    listening_again_fails_while_somebody_else_has_the_port,
    a_port_shows_where_it_is_only_while_it_listens,
);

// L-001
fn a_port_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let (_taken, port) = listener();
    let options = ListenOptions::new(port).interface(Ipv4Addr::LOCALHOST.into());

    let error = reactor
        .listen_tcp_with(options, Rc::new(Script::unnoted()))
        .unwrap_err();

    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(error.address, address.into());
    assert_eq!(
        error.source.raw_os_error(),
        Some(Errno::ADDRINUSE.raw_os_error())
    );
    assert_eq!(
        error.to_string(),
        format!("cannot listen on 127.0.0.1:{port}")
    );
}

// L-001
fn an_interface_of_another_machine_is_an_error_that_names_it(reactor: &Reactor) {
    let interface = Ipv4Addr::new(192, 0, 2, 1);
    let options = ListenOptions::new(0).interface(interface.into());

    let error = reactor
        .listen_tcp_with(options, Rc::new(Script::unnoted()))
        .unwrap_err();

    assert_eq!(error.address, SocketAddr::from((interface, 0)).into());
    assert_eq!(
        error.source.raw_os_error(),
        Some(Errno::ADDRNOTAVAIL.raw_os_error())
    );
}

fn socket_address(port: &Port) -> SocketAddr {
    let Address::Tcp(address) = port.address() else {
        unreachable!("these ports are of TCP")
    };
    address
}

// L-002
fn port_zero_is_replaced_by_the_real_number(reactor: &Reactor) {
    let port = listen(reactor, Script::unnoted());

    assert_eq!(socket_address(&port).ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_ne!(number(&port), 0);
}

// L-002
fn a_port_listens_on_all_ipv4_interfaces_by_itself(reactor: &Reactor) {
    let port = reactor.listen_tcp(0, Rc::new(Script::unnoted())).unwrap();

    assert_eq!(
        socket_address(&port).ip(),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    );
    assert_ne!(number(&port), 0);
}

// L-002, N-058
fn an_ipv6_interface_selects_ipv6(reactor: &Reactor) {
    let Ok(probe) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return eprintln!("skipped: this machine has no IPv6");
    };
    drop(probe);
    let (stop, seen): (_, Rc<RefCell<Vec<Address>>>) = (reactor.clone(), Rc::default());
    let (built, made) = (seen.clone(), seen.clone());
    let script = Script::unnoted()
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |transport| {
            made.borrow_mut()
                .extend([transport.peer(), transport.host()]);
            stop_soon(&stop);
        });
    let options = ListenOptions::new(0).interface(Ipv6Addr::LOCALHOST.into());
    let port = reactor.listen_tcp_with(options, Rc::new(script)).unwrap();
    let peer = peer_of(&port);

    run(reactor);

    assert_eq!(socket_address(&port).ip(), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let theirs = Address::from(peer.local_addr().unwrap());
    assert_eq!(*seen.borrow(), [theirs.clone(), theirs, port.address()]);
}

/// Listens where `port` did, which fails as long as anybody has that port.
fn bind_again(port: &Port) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&socket_address(port).into())?;
    socket.listen(1)?;
    Ok(socket.into())
}

// L-003
// fault: a listener closed meanwhile
fn a_stopped_port_can_be_bound_again_at_once(reactor: &Reactor) {
    let bound = Rc::new(Cell::new(None));
    let (seen, stop) = (Rc::clone(&bound), reactor.clone());
    let script = Script::unnoted().on_made(|transport| transport.lose_connection());
    let port = listen(reactor, script);
    // The port has had a connection, whose remains the system keeps for a while.
    let peer = peer_of(&port);
    reactor.call_later(Duration::ZERO, move |reactor| {
        after_turns(reactor, 3, move |_| {
            let again = port.clone();
            port.stop_listening()
                .map(move |()| {
                    seen.set(Some(bind_again(&again).is_ok()));
                    stop_soon(&stop);
                })
                .log_failure("while stopping");
        });
    });

    run(reactor);

    drop(peer);
    assert_eq!(bound.get(), Some(true));
}

// L-003
fn stopping_fires_when_the_loop_goes_on_and_not_before(reactor: &Reactor) {
    let log = Log::default();
    let notes = log.clone();
    let port = listen(reactor, Script::unnoted());
    reactor.call_when_running(move |reactor| {
        let (fired, stop) = (notes.clone(), reactor.clone());
        port.stop_listening()
            .map(move |()| {
                fired.note("it has stopped");
                stop_soon(&stop);
            })
            .log_failure("while stopping");
        notes.note("the call has returned");
    });

    run(reactor);

    log.assert(&["the call has returned", "it has stopped"]);
}

// L-003
fn stopping_twice_fires_both_times(reactor: &Reactor) {
    let port = listen(reactor, Script::unnoted());
    let stop = stop_at_call(2, reactor);
    let again = stop.clone();

    port.stop_listening().map(move |()| stop()).ignore();
    port.stop_listening().map(move |()| again()).ignore();
    run(reactor);
}

// L-006
fn stopping_a_stopped_port_has_fired_already(reactor: &Reactor) {
    let port = listen(reactor, Script::unnoted());
    let stop = stop_at_call(1, reactor);
    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);

    let deferred = port.stop_listening();

    assert!(deferred.has_result());
}

// L-006
fn stopping_after_the_run_has_fired_already(reactor: &Reactor) {
    let port = listen(reactor, Script::unnoted());
    reactor.call_when_running(stop_soon);
    run(reactor);

    let deferred = port.stop_listening();

    assert!(deferred.has_result());
    assert!(bind_again(&port).is_ok());
}

// L-011
// fault: a listener closed meanwhile
fn a_stopped_port_leaves_its_connections_alone(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port: Rc<RefCell<Option<Port>>> = Rc::default();
    let listening = Rc::clone(&port);
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            let port = listening.borrow_mut().take().expect("it listens");
            let transport = Rc::clone(transport);
            port.stop_listening()
                .map(move |()| transport.write(b"still here"))
                .ignore();
        })
        .on_lost(move |_| stop());
    *port.borrow_mut() = Some(listen(reactor, script));
    let mut peer = peer_of(port.borrow().as_ref().unwrap());
    let reader = std::thread::spawn(move || {
        let mut text = [0; 10];
        std::io::Read::read_exact(&mut peer, &mut text).map(|()| text)
    });

    run(reactor);

    assert_eq!(&reader.join().unwrap().unwrap(), b"still here");
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

/// A port that is stopped by the first client's callback that `script` says, and two clients.
fn stopped_by_its_first_client(
    reactor: &Reactor,
    script: impl FnOnce(Script, Box<dyn Fn()>) -> Script,
) -> Log {
    let log = Log::default();
    let port: Rc<RefCell<Option<Port>>> = Rc::default();
    let (listening, stop) = (Rc::clone(&port), reactor.clone());
    let stop_port = move || {
        let port = listening.borrow().clone().expect("it listens");
        let (again, stop) = (port.clone(), stop.clone());
        let stopped = calling(|| port.stop_listening());
        stopped
            .map(move |()| {
                assert!(bind_again(&again).is_ok());
                stop_soon(&stop);
            })
            .log_failure("while stopping");
    };
    let script = script(Script::new("server", &log), Box::new(stop_port));
    *port.borrow_mut() = Some(listen(reactor, script));
    let _peers = {
        let port = port.borrow().clone().unwrap();
        (peer_of(&port), peer_of(&port))
    };

    run(reactor);

    drop(port.take());
    log
}

// L-003, L-011
// fault: a listener closed meanwhile
fn a_port_can_be_stopped_in_build_protocol(reactor: &Reactor) {
    let reports = Reports::collected();

    let log = stopped_by_its_first_client(reactor, |script, stop_port| {
        script.on_build(move |_| {
            stop_port();
            true
        })
    });

    log.assert(&["server built", "server made", "server lost ReactorStopped"]);
    reports.assert(&[]);
}

// L-003, L-011
// fault: a listener closed meanwhile
fn a_port_can_be_stopped_in_connection_made(reactor: &Reactor) {
    let reports = Reports::collected();

    let log = stopped_by_its_first_client(reactor, |script, stop_port| {
        script.on_made(move |_| stop_port())
    });

    log.assert(&["server built", "server made", "server lost ReactorStopped"]);
    reports.assert(&[]);
}

// L-003
// fault: a listener closed meanwhile
fn a_stopped_port_lets_nobody_else_in(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(reactor, Script::new("server", &log));
    let waiting = peer_of(&port);
    let stop = stop_at_call(1, reactor);

    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);

    log.assert(&[]);
    assert!(read_all(&waiting).is_err());
    assert!(std::net::TcpStream::connect(socket_address(&port)).is_err());
}

/// Listens at a number that stays the same when it listens again.
fn listen_at(reactor: &Reactor, port: u16, script: Script) -> Port {
    let options = ListenOptions::new(port).interface(Ipv4Addr::LOCALHOST.into());
    reactor
        .listen_tcp_with(options, Rc::new(script))
        .expect("nobody else has taken it since")
}

fn free_number() -> u16 {
    listener().1
}

// L-004
fn a_stopped_port_listens_again_and_lets_clients_in(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(2, reactor));
    let script = Script::new("server", &log).on_made(move |transport| {
        transport.lose_connection();
        stop();
    });
    let port = listen(reactor, script);
    let before = peer_of(&port);
    let (again, after) = (port.clone(), Rc::new(RefCell::new(None)));
    let kept = Rc::clone(&after);
    reactor.call_later(Duration::ZERO, move |reactor| {
        after_turns(reactor, 3, move |_| {
            let stopped = again.stop_listening();
            stopped
                .map(move |()| {
                    again.start_listening().unwrap();
                    *kept.borrow_mut() = Some(peer_of(&again));
                })
                .log_failure("while it listened again");
        });
    });

    run(reactor);

    assert_eq!(log.count("server made"), 2);
    assert_eq!(read_all(&before).unwrap(), b"");
    assert_eq!(read_all(after.borrow().as_ref().unwrap()).unwrap(), b"");
}

// L-004
fn a_port_that_listens_is_not_opened_twice(reactor: &Reactor) {
    let port = listen(reactor, Script::unnoted());
    let address = port.address();

    port.start_listening().unwrap();

    assert_eq!(port.address(), address);
    assert_eq!(reactor.readers().len(), 1);
}

// L-004, L-007
fn a_port_stopped_and_started_in_one_callback_goes_on(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let script = Script::new("server", &log).noting_use();
    let port = listen_at(reactor, free_number(), script);
    after_turns(reactor, 3, move |_| {
        let stopped = port.stop_listening();
        port.start_listening().unwrap();
        assert!(port.is_listening());
        stopped.map(move |()| stop()).ignore();
    });

    run(reactor);

    log.assert(&["server begins", "server ends"]);
}

// L-004, L-001
fn listening_again_fails_while_somebody_else_has_the_port(reactor: &Reactor) {
    let port = listen_at(reactor, free_number(), Script::unnoted());
    let number = number(&port);
    let stop = stop_at_call(1, reactor);
    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);
    let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).unwrap();

    let error = port.start_listening().unwrap_err();

    assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
    assert!(!port.is_listening());
}

// L-010, N-064
fn a_port_shows_where_it_is_only_while_it_listens(reactor: &Reactor) {
    let port = listen(reactor, Script::unnoted());
    let listening = format!("{port:?}");
    let stop = stop_at_call(1, reactor);
    port.stop_listening().map(move |()| stop()).ignore();
    let stopping = format!("{port:?}");
    run(reactor);

    assert_eq!(listening, format!("Port(Script on {})", port.address()));
    assert_eq!(stopping, "Port(Script not listening)");
    assert_eq!(format!("{port:?}"), "Port(Script not listening)");
}
