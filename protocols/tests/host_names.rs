//! Connecting to hosts that have several addresses, of which the first to answer is taken.

#[path = "common/book.rs"]
mod book;
#[path = "common/clients.rs"]
mod clients;
mod common;
#[path = "common/waiting.rs"]
mod waiting;

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use book::Book;
use clients::greeter;
use common::peers::{ANY, port_without_answer, port_without_listener};
use common::{
    Log, Reports, Script, accepted, after_turns, listener, on_every_backend, read_all, run,
    stop_soon,
};
use protocols::deferred::Deferred;
use protocols::endpoints::{ClientEndpoint, Connected, HostNameOptions, NotConnected};
use protocols::reactor::Reactor;
use protocols::{Address, ConnectError, Factory, Families, Query};
use waiting::{run_until, run_until_failed};

on_every_backend!(
    a_name_is_resolved_and_its_address_connected_to,
    a_name_without_an_address_fails_with_an_error_that_names_it,
    a_slow_address_is_beaten_by_the_next_one,
    an_address_that_answers_in_time_is_the_only_one_tried,
    a_refused_address_has_the_next_one_tried_at_once,
    when_all_have_failed_the_last_ones_error_is_told,
    addresses_that_answer_together_have_one_protocol_between_them,
    a_connection_that_the_factory_declines_leaves_the_others_to_be_tried,
    a_factory_that_declines_all_fails_the_deferred,
    a_panic_in_connection_made_ends_the_race,
    cancelling_while_the_name_is_resolved_fails_at_once,
    cancelling_ends_all_attempts,
    the_time_limit_counts_while_the_name_is_resolved,
    the_time_limit_ends_all_attempts,
    the_reactors_end_is_told,
    a_local_host_is_connected_from_with_any_port,
    a_local_address_is_connected_from_with_its_port,
    without_a_local_address_the_system_takes_one,
    a_local_address_leaves_out_the_other_family,
    an_ipv6_literal_is_taken_as_it_is,
    a_name_is_resolved_for_ipv6_alone,
    a_name_that_cannot_be_turned_to_ascii_fails_the_connect,
);

/// Longer than any test lasts.
const NEVER: Duration = Duration::from_secs(3600);

fn endpoint(reactor: &Reactor, options: HostNameOptions) -> ClientEndpoint {
    ClientEndpoint::host_name(reactor, "poetry.example", 80, options)
}

/// Connects with these options.
fn connect(
    reactor: &Reactor,
    options: HostNameOptions,
    script: Script,
) -> Deferred<Connected<<Script as Factory>::Protocol>> {
    endpoint(reactor, options).connect(Rc::new(script))
}

fn quick() -> HostNameOptions {
    HostNameOptions::new().attempt_delay(Duration::from_millis(1))
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Makes sure that nobody has come to this listener.
#[track_caller]
fn assert_alone(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
}

// E-019
fn a_name_is_resolved_and_its_address_connected_to(reactor: &Reactor) {
    let (_listener, port) = listener();
    let book = Book::with(reactor, &[here(port)]);

    let connecting = connect(reactor, HostNameOptions::new(), Script::unnoted());

    let connected = run_until(reactor, connecting).unwrap();
    assert_eq!(connected.transport().peer(), Address::Tcp(here(port)));
    assert_eq!(book.asked(), [Query::new("poetry.example", 80)]);
}

// E-019
fn a_name_without_an_address_fails_with_an_error_that_names_it(reactor: &Reactor) {
    Book::with(reactor, &[]);

    let connecting = connect(reactor, HostNameOptions::new(), Script::unnoted());

    let failure = run_until(reactor, connecting).unwrap_err();
    let Some(ConnectError::UnknownHost(host, _)) = failure.check() else {
        panic!("{failure}");
    };
    assert_eq!(host, "poetry.example");
}

// E-020, E-021
fn a_slow_address_is_beaten_by_the_next_one(reactor: &Reactor) {
    let (_full, slow) = port_without_answer();
    let (_listener, port) = listener();
    Book::with(reactor, &[here(slow), here(port)]);

    let connecting = connect(reactor, quick(), Script::unnoted());

    let connected = run_until(reactor, connecting).unwrap();
    assert_eq!(connected.transport().peer().port(), Some(port));
    assert!(reactor.writers().is_empty());
}

// E-020, E-021
fn an_address_that_answers_in_time_is_the_only_one_tried(reactor: &Reactor) {
    let ((_first, port), (second, spare)) = (listener(), listener());
    Book::with(reactor, &[here(port), here(spare)]);
    let options = HostNameOptions::new()
        .attempt_delay(NEVER)
        .without_timeout();

    let connecting = connect(reactor, options, Script::unnoted());

    let connected = run_until(reactor, connecting).unwrap();
    assert_eq!(connected.transport().peer().port(), Some(port));
    assert_alone(&second);
    // That of the limit of the test's run may be there.
    assert!(reactor.delayed_calls().len() <= 1);
}

// E-020, E-022
// fault: refused
fn a_refused_address_has_the_next_one_tried_at_once(reactor: &Reactor) {
    let (_taken, nobody) = port_without_listener();
    let (_listener, port) = listener();
    Book::with(reactor, &[here(nobody), here(port)]);

    let options = HostNameOptions::new().attempt_delay(NEVER);
    let connecting = connect(reactor, options, Script::unnoted());

    let connected = run_until(reactor, connecting).unwrap();
    assert_eq!(connected.transport().peer().port(), Some(port));
}

// E-022
fn when_all_have_failed_the_last_ones_error_is_told(reactor: &Reactor) {
    let ((_one, first), (_two, second)) = (port_without_listener(), port_without_listener());
    Book::with(reactor, &[here(first), here(second)]);

    let options = HostNameOptions::new().attempt_delay(NEVER);
    let connecting = connect(reactor, options, Script::unnoted());

    let failure = run_until(reactor, connecting).unwrap_err();
    let Some(ConnectError::ConnectionRefused(address, _)) = failure.check() else {
        panic!("{failure}");
    };
    assert_eq!(*address, Address::Tcp(here(second)));
}

// E-021
fn addresses_that_answer_together_have_one_protocol_between_them(reactor: &Reactor) {
    let log = Log::default();
    let ((_first, one), (_second, two)) = (listener(), listener());
    Book::with(reactor, &[here(one), here(two)]);
    let options = HostNameOptions::new().attempt_delay(Duration::ZERO);
    let built: Rc<RefCell<Vec<Address>>> = Rc::default();
    let seen = Rc::clone(&built);
    let script = Script::new("client", &log).on_build(move |peer| {
        seen.borrow_mut().push(peer.clone());
        true
    });

    let told = connect(reactor, options, script)
        .map(|connected| connected.with(|_, transport| transport.peer()));

    let told = run_until(reactor, told).unwrap();
    log.assert(&["client built", "client made", "client lost ReactorStopped"]);
    assert_eq!(*built.borrow(), told.into_iter().collect::<Vec<_>>());
}

// E-005, E-022
// fault: declined
fn a_connection_that_the_factory_declines_leaves_the_others_to_be_tried(reactor: &Reactor) {
    let ((first, one), (_second, two)) = (listener(), listener());
    Book::with(reactor, &[here(one), here(two)]);
    let script = Script::unnoted().on_build(move |peer| peer.port() == Some(two));

    let options = HostNameOptions::new().attempt_delay(NEVER);
    let connected = run_until(reactor, connect(reactor, options, script)).unwrap();

    assert_eq!(connected.transport().peer().port(), Some(two));
    assert_eq!(read_all(&accepted(&first)).unwrap(), b"");
}

// E-005
fn a_factory_that_declines_all_fails_the_deferred(reactor: &Reactor) {
    let (_listener, port) = listener();
    Book::with(reactor, &[here(port)]);
    let script = Script::unnoted().on_build(|_| false);

    let connecting = connect(reactor, HostNameOptions::new(), script);

    let failure = run_until(reactor, connecting).unwrap_err();
    assert_eq!(failure.check(), Some(&NotConnected));
}

// E-001, E-022
fn a_panic_in_connection_made_ends_the_race(reactor: &Reactor) {
    let reports = Reports::collected();
    let (_full, slow) = port_without_answer();
    let (_listener, port) = listener();
    Book::with(reactor, &[here(slow), here(port), here(slow)]);
    let script = Script::unnoted().on_made(|_| panic!("no beginning"));

    let connecting = connect(reactor, quick().without_timeout(), script);

    let failed = run_until_failed(reactor, connecting);
    assert_eq!(failed, "panic: no beginning");
    reports.assert_reasons(&["panic: no beginning"]);
    assert!(reactor.writers().is_empty());
}

// E-024
fn cancelling_while_the_name_is_resolved_fails_at_once(reactor: &Reactor) {
    let (listener, port) = listener();
    let book = Book::silent(reactor);
    let connecting = connect(reactor, HostNameOptions::new(), Script::unnoted());

    connecting.cancel();

    assert!(connecting.has_result());
    assert!(!book.answer(&[here(port)]));
    assert_eq!(run_until_failed(reactor, connecting), "Stopped");
    assert_alone(&listener);
}

// E-024
fn cancelling_ends_all_attempts(reactor: &Reactor) {
    let ((_full, one), (_also_full, two)) = (port_without_answer(), port_without_answer());
    Book::with(reactor, &[here(one), here(two)]);
    let options = HostNameOptions::new().attempt_delay(Duration::ZERO);
    let connecting = connect(reactor, options, Script::unnoted());
    let (handle, under_way) = (connecting.cancel_handle(), Rc::new(RefCell::new(0)));
    let seen = Rc::clone(&under_way);
    after_turns(reactor, 5, move |reactor| {
        *seen.borrow_mut() = reactor.writers().len();
        handle.cancel();
    });

    assert_eq!(run_until_failed(reactor, connecting), "Stopped");
    assert_eq!(*under_way.borrow(), 2);
    assert!(reactor.writers().is_empty());
}

/// The destination and the time of a failure that says that the time is over.
#[track_caller]
fn run_until_timed_out<T: 'static>(
    reactor: &Reactor,
    connecting: Deferred<T>,
) -> (String, Duration) {
    let Err(failure) = run_until(reactor, connecting) else {
        panic!("it has succeeded");
    };
    match failure.check() {
        Some(ConnectError::TimedOut { to, after }) => (to.to_string(), *after),
        _ => panic!("{failure}"),
    }
}

// E-004
fn the_time_limit_counts_while_the_name_is_resolved(reactor: &Reactor) {
    let book = Book::silent(reactor);
    let limit = Duration::from_millis(1);

    let options = HostNameOptions::new().timeout(limit);
    let connecting = connect(reactor, options, Script::unnoted());

    let timed_out = run_until_timed_out(reactor, connecting);
    assert_eq!(timed_out, ("poetry.example:80".into(), limit));
    assert_eq!(book.cancelled(), ["poetry.example"]);
}

// E-004
// fault: no answer in time
fn the_time_limit_ends_all_attempts(reactor: &Reactor) {
    let (_full, slow) = port_without_answer();
    Book::with(reactor, &[here(slow), here(slow)]);
    let limit = Duration::from_millis(20);

    let connecting = connect(reactor, quick().timeout(limit), Script::unnoted());

    let timed_out = run_until_timed_out(reactor, connecting);
    assert_eq!(timed_out, ("poetry.example:80".into(), limit));
    assert!(reactor.writers().is_empty());
}

// E-002
fn the_reactors_end_is_told(reactor: &Reactor) {
    let (_full, slow) = port_without_answer();
    Book::with(reactor, &[here(slow)]);
    let reason: Rc<RefCell<String>> = Rc::default();
    let seen = Rc::clone(&reason);
    connect(reactor, HostNameOptions::new(), Script::unnoted())
        .add_errback(move |failure| {
            *seen.borrow_mut() = common::name_of(&failure);
            Err(failure)
        })
        .ignore();
    after_turns(reactor, 3, |reactor| reactor.stop().unwrap());

    run(reactor);

    assert_eq!(*reason.borrow(), "ReactorStopped");
}

/// Where the connection comes from that is made with these options.
#[track_caller]
fn local_end(reactor: &Reactor, options: HostNameOptions) -> SocketAddr {
    let (listener, port) = listener();
    Book::with(reactor, &[here(port)]);
    run_until(reactor, connect(reactor, options, Script::unnoted())).unwrap();
    accepted(&listener).peer_addr().unwrap()
}

// E-004, E-027
fn a_local_host_is_connected_from_with_any_port(reactor: &Reactor) {
    let host = Ipv4Addr::new(127, 0, 0, 2);

    let local = local_end(reactor, HostNameOptions::new().bind_host(host.into()));

    assert_eq!(local.ip(), host);
    assert_ne!(local.port(), 0);
}

// E-004, E-027
fn a_local_address_is_connected_from_with_its_port(reactor: &Reactor) {
    let free = TcpListener::bind(ANY).unwrap().local_addr().unwrap();
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), free.port()));

    let local = local_end(reactor, HostNameOptions::new().bind_address(address));

    assert_eq!(local, address);
}

// E-027
fn without_a_local_address_the_system_takes_one(reactor: &Reactor) {
    let local = local_end(reactor, HostNameOptions::new());

    assert_eq!(local.ip(), ANY.ip());
}

// E-027
fn a_local_address_leaves_out_the_other_family(reactor: &Reactor) {
    let options = HostNameOptions::new().bind_host(Ipv4Addr::LOCALHOST.into());
    Book::with(reactor, &["[::1]:80".parse().unwrap()]);

    let connecting = connect(reactor, options, Script::unnoted());

    assert_eq!(run_until_failed(reactor, connecting), "BindFailed");
}

// E-011
fn an_ipv6_literal_is_taken_as_it_is(reactor: &Reactor) {
    let book = Book::silent(reactor);
    let endpoint = ClientEndpoint::tcp6(reactor, "::1", 80, HostNameOptions::new());
    let literal_of_the_other = ClientEndpoint::tcp6(reactor, "127.0.0.1", 80, quick());

    endpoint.connect(Rc::new(Script::unnoted())).ignore();
    let failed = literal_of_the_other.connect(Rc::new(Script::unnoted()));

    assert_eq!(run_until_failed(reactor, failed), "UnknownHost");
    assert_eq!(book.asked(), []);
}

// E-011
fn a_name_is_resolved_for_ipv6_alone(reactor: &Reactor) {
    let book = Book::with(reactor, &[here(greeter(reactor))]);
    let endpoint = ClientEndpoint::tcp6(reactor, "poetry.example", 80, quick());

    let connecting = endpoint.connect(Rc::new(Script::unnoted()));

    assert_eq!(run_until_failed(reactor, connecting), "UnknownHost");
    let query = Query::new("poetry.example", 80).families(Families::Ipv6);
    assert_eq!(book.asked(), [query]);
}

// E-025
fn a_name_that_cannot_be_turned_to_ascii_fails_the_connect(reactor: &Reactor) {
    let book = Book::silent(reactor);
    let endpoint = ClientEndpoint::host_name(reactor, "\u{fffd}", 80, HostNameOptions::new());

    let connecting = endpoint.connect(Rc::new(Script::unnoted()));

    assert_eq!(run_until_failed(reactor, connecting), "UnknownHost");
    assert_eq!(book.asked(), []);
}

// E-026
#[test]
fn a_host_is_printed_as_the_resolver_would_be_asked_for_it() {
    let reactor = Reactor::new().unwrap();
    let printed = |host: &str| {
        ClientEndpoint::host_name(&reactor, host, 80, HostNameOptions::new()).to_string()
    };

    assert_eq!(printed("poetry.example"), "tcp:poetry.example:80");
    assert_eq!(printed("bücher.example"), "tcp:xn--bcher-kva.example:80");
    assert_eq!(printed("127.0.0.1"), "tcp:127.0.0.1:80");
    assert_eq!(printed("::1"), "tcp:[::1]:80");
    assert_eq!(printed("\u{fffd}\n"), r"tcp:\u{fffd}\n:80");
}

// E-020, E-024
#[test]
fn an_attempt_waits_three_tenths_of_a_second_for_the_one_before() {
    let shown = format!("{:?}", HostNameOptions::new());

    assert!(shown.contains("attempt_delay: 300ms"), "{shown}");
}

// E-001, E-021
#[test]
fn a_limit_is_gone_when_the_connection_stands() {
    let reactor = Reactor::new().unwrap();
    let (_listener, port) = listener();
    Book::with(&reactor, &[here(port)]);
    let stop = reactor.clone();
    let calls = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&calls);
    connect(
        &reactor,
        HostNameOptions::new().timeout(NEVER),
        Script::unnoted(),
    )
    .add_callback(move |_| {
        let times = stop.delayed_calls();
        seen.borrow_mut()
            .extend(times.iter().map(|call| call.time()));
        stop_soon(&stop);
    })
    .log_failure("no connection");

    run(&reactor);

    assert!(
        calls.borrow().iter().all(|time| *time < Some(NEVER)),
        "{calls:?}"
    );
}
