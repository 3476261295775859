//! Ports: where they listen, how they stop, and what they do without descriptors.

mod common;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use common::child::{in_a_process_of_its_own, limit_descriptors, open_descriptors};
use common::{
    Log, Reports, Script, after_turns, calling, listen, listener, number, on_every_backend,
    peer_of, read_all, recorded, run, stop_at_call, stop_soon,
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
    a_port_without_descriptors_rests_and_goes_on_when_there_are_some,
    a_port_that_rests_leaves_its_connections_alone,
    a_port_that_is_stopped_while_it_rests_is_closed_when_it_says_so,
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
fn a_port_can_be_stopped_in_connection_made(reactor: &Reactor) {
    let reports = Reports::collected();

    let log = stopped_by_its_first_client(reactor, |script, stop_port| {
        script.on_made(move |_| stop_port())
    });

    log.assert(&["server built", "server made", "server lost ReactorStopped"]);
    reports.assert(&[]);
}

// L-003
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

/// Takes every descriptor that the process may still have.
fn use_up_descriptors() -> Vec<File> {
    limit_descriptors(open_descriptors() + 20);
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
                return files;
            }
        }
    }
}

// L-015, L-017, L-020
#[cfg(target_os = "linux")]
fn a_port_without_descriptors_rests_and_goes_on_when_there_are_some(reactor: &Reactor) {
    let name = "a_port_without_descriptors_rests_and_goes_on_when_there_are_some";
    in_a_process_of_its_own(reactor, name, || {
        let (reactor, waits) = recorded(reactor);
        let (log, stop) = (Log::default(), stop_at_call(3, &reactor));
        let port = listen(
            &reactor,
            Script::new("server", &log).on_made(move |_| stop()),
        );
        let _peers: Vec<_> = (0..3).map(|_| peer_of(&port)).collect();
        let (seen, resting) = (log.clone(), Rc::new(Cell::new(None)));
        let (turns, during) = (waits.clone(), Rc::clone(&resting));
        reactor.call_when_running(move |reactor| {
            let files = use_up_descriptors();
            reactor.call_later(Duration::from_millis(450), move |_| {
                during.set(Some((turns.count(), seen.is_empty())));
                drop(files);
            });
        });

        run(&reactor);

        let (turns, nobody) = resting.get().unwrap();
        assert!(nobody, "there was no descriptor to let anybody in");
        // It tries again at most each 100 ms, and each try is a turn that ends a rest and one that begins one.
        assert!(turns <= 20, "{turns} turns");
        assert_eq!(log.count("server made"), 3);
        println!("measured: {turns} turns in 450 ms without descriptors");
    });
}

// L-015
#[cfg(target_os = "linux")]
fn a_port_that_rests_leaves_its_connections_alone(reactor: &Reactor) {
    let name = "a_port_that_rests_leaves_its_connections_alone";
    in_a_process_of_its_own(reactor, name, || {
        let (log, stop) = (Log::default(), stop_at_call(2, reactor));
        let (files, late): (_, Rc<RefCell<Vec<_>>>) = (Rc::new(RefCell::new(None)), Rc::default());
        let peers = Rc::new(RefCell::new(Vec::new()));
        let (waiting, taken, answered) = (Rc::clone(&peers), Rc::clone(&files), late.clone());
        let script = Script::new("server", &log)
            .on_made(move |_| stop())
            .on_data(move |transport, _| {
                // By now another client waits in vain.
                transport.write(b"yes");
                answered.borrow_mut().push(taken.borrow().is_some());
                taken.borrow_mut().take();
            });
        let port = Rc::new(listen(reactor, script));
        peers.borrow_mut().push(peer_of(&port));
        let loop_port = Rc::clone(&port);
        reactor.call_later(Duration::ZERO, move |reactor| {
            after_turns(reactor, 2, move |reactor| {
                waiting.borrow_mut().push(peer_of(&loop_port));
                *files.borrow_mut() = Some(use_up_descriptors());
                after_turns(reactor, 5, move |_| {
                    (&waiting.borrow()[0]).write_all(b"still there?").unwrap();
                });
            });
        });

        run(reactor);

        assert_eq!(*late.borrow(), [true]);
        assert_eq!(log.count("server made"), 2);
        assert_eq!(read_all(&peers.borrow()[0]).unwrap(), b"yes");
    });
}

// L-003, L-020
#[cfg(target_os = "linux")]
fn a_port_that_is_stopped_while_it_rests_is_closed_when_it_says_so(reactor: &Reactor) {
    let name = "a_port_that_is_stopped_while_it_rests_is_closed_when_it_says_so";
    in_a_process_of_its_own(reactor, name, || {
        let port = listen(reactor, Script::unnoted());
        let _peer = peer_of(&port);
        let bound = Rc::new(Cell::new(None));
        let seen = Rc::clone(&bound);
        reactor.call_when_running(move |reactor| {
            let files = use_up_descriptors();
            // The client has come in vain by then.
            after_turns(reactor, 3, move |reactor| {
                drop(files);
                let (again, stop) = (port.clone(), reactor.clone());
                port.stop_listening()
                    .map(move |()| {
                        seen.set(Some(bind_again(&again).is_ok()));
                        stop_soon(&stop);
                    })
                    .log_failure("while stopping");
            });
        });

        run(reactor);

        assert_eq!(bound.get(), Some(true));
    });
}
