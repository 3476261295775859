//! A reactor without a network and with a clock that the test moves: what it writes down, and what it answers.

mod common;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Ownership, Reports, Script};
use protocols::deferred::testing::{assert_no_result, success_result_of};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::endpoints::ClientEndpoint;
use protocols::reactor::{Reactor, Stopped, SystemEvent};
use protocols::testing::{
    Collector, ConnectArguments, ListenArguments, MemoryReactor, PairOptions,
};
use protocols::{
    Address, ConnectError, ConnectOptions, Destination, ListenOptions, ReactorTcp, ReactorUnix,
    UnixConnectOptions, UnixListenOptions,
};

const SECOND: Duration = Duration::from_secs(1);

/// A program as it is written for a real reactor.
fn connect(reactor: &Reactor, script: Script) {
    reactor.connect_tcp("poetry.example", 10000, Rc::new(script));
}

fn refused(destination: &Destination) -> ConnectError {
    ConnectError::Stopped(destination.clone())
}

fn tcp(host: &str, port: u16) -> Destination {
    let host = host.to_owned();
    Destination::Tcp { host, port }
}

// Z-016
#[test]
fn each_connect_is_written_down_with_its_arguments() {
    let reactor = MemoryReactor::new();
    let options = ConnectOptions::new().timeout(SECOND);
    let unix_options = UnixConnectOptions::new().check_lock();

    let script = || Rc::new(Script::unnoted());
    reactor.connect_tcp("poetry.example", 10000, script());
    reactor.connect_tcp_with("::1", 80, script(), options.clone());
    reactor.connect_unix_with("/run/poetry", script(), unix_options.clone());

    let [first, second, third] = &reactor.connects()[..] else {
        panic!("there were three calls");
    };
    assert_eq!(*first.destination(), tcp("poetry.example", 10000));
    assert_eq!(
        *first.arguments(),
        ConnectArguments::Tcp(ConnectOptions::new())
    );
    assert_eq!(*second.destination(), tcp("::1", 80));
    assert_eq!(*second.arguments(), ConnectArguments::Tcp(options));
    assert_eq!(
        *third.destination(),
        Destination::Unix("/run/poetry".into())
    );
    assert_eq!(*third.arguments(), ConnectArguments::Unix(unix_options));
    assert_eq!(third.connector().destination(), third.destination());
}

// Z-016
#[test]
fn each_port_is_written_down_with_its_arguments() {
    let reactor = MemoryReactor::new();
    let script = || Rc::new(Script::unnoted());
    let options = ListenOptions::new(10000).backlog(3);
    let unix_options = UnixListenOptions::new("/run/poetry").mode(0o600);

    let port = reactor
        .listen_tcp_with(options.clone(), script())
        .expect("nothing is opened");
    let other = reactor.listen_unix_with(unix_options.clone(), script());

    let [first, second] = &reactor.ports()[..] else {
        panic!("there were two calls");
    };
    assert_eq!(*first.arguments(), ListenArguments::Tcp(options));
    assert_eq!(first.address(), port.address());
    assert_eq!(port.address().to_string(), "0.0.0.0:10000");
    assert_eq!(*second.arguments(), ListenArguments::Unix(unix_options));
    let other = other.expect("nothing is opened").address();
    assert_eq!(other, Address::Unix("/run/poetry".into()));
    assert!(!std::path::Path::new("/run/poetry").exists());
}

// Z-016
#[test]
fn ports_that_take_any_number_get_different_ones() {
    let reactor = MemoryReactor::new();
    let [one, other] = [(); 2].map(|()| {
        let port = reactor.listen_tcp(0, Rc::new(Script::unnoted()));
        port.expect("nothing is opened").address()
    });

    assert_ne!(one, other);
    assert_ne!(one.port(), Some(0));
}

// Z-017
#[test]
fn the_factory_is_told_of_the_attempt_by_the_loop_and_not_inside_the_call() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let started = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&started);
    let script = Script::new("client", &log)
        .on_started(move |connector| *seen.borrow_mut() = Some(connector.destination().clone()));

    common::calling(|| connect(&reactor, script));
    log.assert(&[]);
    reactor.settle();

    log.assert(&["client started"]);
    assert_eq!(started.take(), Some(tcp("poetry.example", 10000)));
}

#[test]
fn an_attempt_that_is_refused_fails() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    connect(&reactor, Script::new("client", &log));
    let recorded = reactor.connects().remove(0);

    assert!(recorded.refuse(refused(recorded.destination())));
    assert!(!recorded.refuse(refused(recorded.destination())));

    log.assert(&["client started", "client failed Stopped"]);
    recorded.connector().connect().expect("it is disconnected");
    assert!(recorded.refuse(refused(recorded.destination())));
    assert_eq!(log.count("client failed Stopped"), 2);
}

#[test]
fn an_attempt_that_nobody_answers_has_its_time() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    connect(&reactor, Script::new("client", &log));

    reactor.advance(29 * SECOND);
    log.assert(&["client started"]);
    reactor.advance(SECOND);

    log.assert(&["client started", "client failed TimedOut"]);
    assert!(reactor.connects()[0].accept().is_none());
}

#[test]
fn an_attempt_can_be_stopped() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    connect(&reactor, Script::new("client", &log));
    reactor.settle();

    let connector = reactor.connects()[0].connector().clone();
    connector
        .stop_connecting()
        .expect("an attempt is under way");
    reactor.settle();

    log.assert(&["client started", "client failed Stopped"]);
}

#[test]
fn an_attempt_fails_when_the_reactor_stops() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    connect(&reactor, Script::new("client", &log));

    reactor.run();

    log.assert(&["client started", "client failed ReactorStopped"]);
}

#[test]
fn an_attempt_that_is_accepted_is_a_connection_to_the_test() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let script = Script::new("client", &log).on_made(|transport| {
        transport.write(b"GET poem");
    });
    connect(&reactor, script);

    let connection = reactor.connects()[0].accept().expect("it is under way");
    assert_eq!(connection.transport().value(), b"GET poem");
    connection.receive(b"poem");
    reactor.connects()[0].connector().disconnect();
    connection.settle();

    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client data poem",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
    let connector = format!("{:?}", reactor.connects()[0].connector());
    assert!(
        connector.contains("disconnected from poetry.example:10000"),
        "{connector}"
    );
}

#[test]
fn an_attempt_whose_factory_declines_is_no_connection() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    connect(&reactor, Script::new("client", &log).on_build(|_| false));

    assert!(reactor.connects()[0].accept().is_none());

    log.assert(&[
        "client started",
        "client built",
        "client gone ConnectionDone",
    ]);
}

#[test]
fn an_attempt_can_be_accepted_by_a_protocol_of_the_test() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    connect(&reactor, Script::new("client", &log));
    let (server, collected) = Collector::new();

    let recorded = reactor.connects().remove(0);
    let pair = recorded
        .accept_by(PairOptions::new(), server)
        .expect("it is under way");
    pair.flush();
    pair.client().write(b"hello");
    pair.server().lose_connection();
    pair.flush();

    assert_eq!(
        collected.reason().map(|it| common::name_of(&it)),
        Some("ConnectionDone".into())
    );
    assert_eq!(
        log.notes().last().map(String::as_str),
        Some("client gone ConnectionDone")
    );
    assert_eq!(pair.client().peer().port(), Some(10000));
}

#[test]
fn a_client_and_a_server_of_one_reactor_can_be_joined() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let server = Script::new("server", &log).on_made(|transport| {
        transport.write(b"poem");
        transport.lose_connection();
    });
    let port = reactor
        .listen_tcp(10000, Rc::new(server))
        .expect("nothing is opened");
    connect(&reactor, Script::new("client", &log));
    reactor.settle();

    let recorded = reactor.connects().remove(0);
    let pair = recorded.accept_at(PairOptions::new(), &reactor.ports()[0]);
    let pair = pair.expect("both are there");
    pair.flush();

    assert_eq!(log.count("client data poem"), 1);
    assert_eq!(log.count("client gone ConnectionDone"), 1);
    assert_eq!(pair.server().host(), port.address());
    assert!(pair.is_over());
}

#[test]
fn clients_are_brought_to_a_port_while_it_listens() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let server = Script::new("server", &log).on_data(|transport, data| {
        transport.write(data);
    });
    let port = reactor
        .listen_tcp(10000, Rc::new(server))
        .expect("nothing is opened");
    let recorded = reactor.ports().remove(0);
    let (client, collected) = Collector::new();

    let alone = recorded.bring_test().expect("it listens");
    alone.receive(b"alone");
    let pair = recorded
        .bring(PairOptions::new(), client)
        .expect("it listens");
    pair.flush();
    pair.client().write(b"joined");
    pair.flush();
    port.stop_listening().ignore();

    assert_eq!(alone.transport().value(), b"alone");
    assert_eq!(collected.data(), b"joined");
    assert!(recorded.bring_test().is_none());
    assert!(
        recorded
            .bring(PairOptions::new(), Collector::new().0)
            .is_none()
    );
}

// Z-020
#[test]
fn a_port_that_has_stopped_is_not_written_down_any_more() {
    let reactor = MemoryReactor::new();
    let listen = || {
        reactor
            .listen_tcp(0, Rc::new(Script::unnoted()))
            .expect("nothing is opened")
    };
    let (first, second) = (listen(), listen());

    let stopped = assert_no_result(first.stop_listening());
    reactor.settle();

    success_result_of(stopped);
    let listening: Vec<_> = reactor.ports().iter().map(|port| port.address()).collect();
    assert_eq!(listening, [second.address()]);
    first.start_listening().expect("nothing is opened");
    assert_eq!(reactor.ports().len(), 2);
}

// Z-019
#[test]
fn each_attempt_fails_with_the_error_that_was_set() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    reactor.fail_connects(|to| {
        ConnectError::UnknownHost(to.to_string(), io::ErrorKind::NotFound.into())
    });

    connect(&reactor, Script::new("client", &log));
    reactor.connect_unix("/run/poetry", Rc::new(Script::new("other", &log)));
    reactor.settle();

    log.assert(&[
        "client started",
        "client failed UnknownHost",
        "other started",
        "other failed UnknownHost",
    ]);
}

// Z-019
#[test]
fn no_port_listens_because_of_the_error_that_was_set() {
    let reactor = MemoryReactor::new();
    reactor.fail_listens(|_| io::ErrorKind::AddrInUse.into());

    let tcp = reactor.listen_tcp(10000, Rc::new(Script::unnoted()));
    let unix = reactor.listen_unix("/run/poetry", Rc::new(Script::unnoted()));

    for error in [
        tcp.expect_err("it was told so"),
        unix.expect_err("it was told so"),
    ] {
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    }
    assert!(reactor.ports().is_empty());
}

#[test]
fn an_endpoint_connects_over_it() {
    let reactor = MemoryReactor::new();
    let endpoint = ClientEndpoint::tcp(&reactor, "poetry.example", 1, ConnectOptions::new());
    let (client, collected) = Collector::new();

    let connected = endpoint.connect_protocol(client);
    reactor.settle();
    let connection = reactor.connects()[0].accept().expect("it is under way");
    connection.receive(b"poem");

    assert!(connected.has_result());
    connected.ignore();
    assert_eq!(collected.data(), b"poem");
}

// Z-018
#[test]
fn a_run_calls_what_is_to_be_called_in_order_and_stops() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let note = |what: &'static str| {
        let log = log.clone();
        move |_: &Reactor| log.note(what)
    };
    reactor.after(SystemEvent::Shutdown, note("after shutdown"));
    reactor.before(SystemEvent::Startup, note("before startup"));
    reactor.call_when_running(note("first"));
    reactor.call_when_running(note("second"));
    reactor.call_later(SECOND, note("later"));

    let stopped = reactor.run();

    log.assert(&["before startup", "first", "second", "after shutdown"]);
    assert_eq!(stopped, Some(Stopped::Asked));
    assert_eq!(reactor.now(), Duration::ZERO);
    assert!(!reactor.is_running());
}

// Z-018
#[test]
fn a_stop_is_noted() {
    let reactor = MemoryReactor::new();
    assert_eq!(reactor.settle(), None);

    reactor.stop().expect("it runs");

    assert_eq!(reactor.settle(), Some(Stopped::Asked));
}

// Z-018
#[test]
fn triggers_can_be_fired_without_a_run() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let noted = log.clone();
    let trigger = reactor.before(SystemEvent::Shutdown, move |_| {
        noted.note("before shutdown")
    });
    assert_eq!(format!("{trigger:?}"), "Trigger(before shutdown)");

    reactor.fire_system_event(SystemEvent::Shutdown);
    reactor.settle();

    log.assert(&["before shutdown"]);
    assert!(reactor.is_running());
}

#[test]
fn a_run_whose_end_is_held_up_says_that_it_has_none() {
    let reactor = MemoryReactor::new();
    let firer: Rc<RefCell<Option<Firer<()>>>> = Rc::default();
    let keep = Rc::clone(&firer);
    reactor.before(SystemEvent::Shutdown, move |_| {
        let (firer, wait) = Deferred::new();
        *keep.borrow_mut() = Some(firer);
        wait
    });

    assert_eq!(reactor.run(), None);
    firer.take().expect("the trigger has run").callback(());

    assert_eq!(reactor.settle(), Some(Stopped::Asked));
}

#[test]
fn time_stops_at_each_call_on_its_way() {
    let reactor = MemoryReactor::new();
    let times: Rc<RefCell<Vec<Duration>>> = Rc::default();
    let seen = Rc::clone(&times);
    reactor.call_later(SECOND, move |reactor| {
        seen.borrow_mut().push(reactor.now());
        let seen = Rc::clone(&seen);
        reactor.call_later(SECOND, move |reactor| seen.borrow_mut().push(reactor.now()));
    });

    assert_eq!(reactor.advance(5 * SECOND), None);

    assert_eq!(*times.borrow(), [SECOND, 2 * SECOND]);
    assert_eq!(reactor.now(), 5 * SECOND);
}

#[test]
fn code_that_runs_the_reactor_itself_does_not_wait_for_time_to_pass() {
    fn program(reactor: &Reactor) -> Stopped {
        reactor.call_later(3600 * SECOND, Reactor::stop);
        reactor.run_without_signals().expect("it can run")
    }
    let reactor = MemoryReactor::new();

    assert_eq!(program(&reactor), Stopped::Asked);
    assert_eq!(reactor.now(), 3600 * SECOND);
}

#[test]
fn other_threads_reach_it() {
    let reactor = MemoryReactor::new();
    let answer = Rc::new(Cell::new(0));
    let got = Rc::clone(&answer);
    reactor.call_when_running(move |reactor| {
        let stop = reactor.clone();
        let work = reactor.defer_to_thread(|| Ok(42)).add_callback(move |n| {
            got.set(n);
            stop.stop().map_err(Failure::new)
        });
        work.log_failure("Unhandled error in the work");
    });

    reactor.run_without_signals().expect("it can run");

    assert_eq!(answer.get(), 42);
}

#[test]
fn a_panic_of_a_factory_is_reported_by_an_answer_as_by_the_loop() {
    let (reactor, log, reports) = (MemoryReactor::new(), Log::default(), Reports::collected());
    connect(
        &reactor,
        Script::new("client", &log).on_build(|_| panic!("no protocol")),
    );

    assert!(reactor.connects()[0].accept().is_none());

    reports.assert_reasons(&["panic: no protocol"]);
    assert_eq!(log.count("client gone panic: no protocol"), 1);
}

#[test]
fn nothing_is_left_of_what_was_written_down_when_the_reactor_is_dropped() {
    let (owned, ownership) = Ownership::new();
    let reactor = MemoryReactor::new();
    let keeping = |owned: &_| {
        let owned = common::Owned::clone(owned);
        Script::unnoted().on_lost(move |_| drop(owned.clone()))
    };
    let port = reactor.listen_tcp(1, Rc::new(keeping(&owned)));
    connect(&reactor, keeping(&owned));
    drop((port, owned));
    reactor.settle();

    drop(reactor);

    assert!(ownership.is_over());
}
