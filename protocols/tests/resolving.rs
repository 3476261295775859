//! Finding the addresses of names: what a reactor asks its resolver, what it takes of the answer, and who answers.

#[path = "common/book.rs"]
mod book;
mod common;
#[path = "common/waiting.rs"]
mod waiting;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::thread;

use book::Book;
use common::{Log, Reports, Script, on_every_backend, run, stop_soon};
use protocols::deferred::{CancelledError, Deferred, Failure};
use protocols::reactor::Reactor;
use protocols::{
    BlockingResolver, Families, LookupError, Query, ReactorNames, ReactorTcp, Resolver,
    SimpleResolver,
};
use waiting::{run_until, run_until_failed};

on_every_backend!(
    the_addresses_come_once_in_order_on_the_reactors_thread,
    an_unknown_name_fails_and_is_not_reported,
    the_system_knows_this_machine,
    the_system_does_not_know_a_name_that_is_none,
    only_the_wanted_families_are_asked_for_and_given,
    a_host_without_an_address_that_is_wanted_fails,
    an_address_is_its_own_answer,
    an_address_of_a_family_that_is_not_wanted_fails,
    a_name_in_another_script_reaches_the_resolver_in_its_ascii_form,
    a_name_that_cannot_be_turned_fails_without_being_asked_for,
    a_resolution_names_what_it_resolves,
    a_resolution_that_is_cancelled_does_not_hear_a_late_answer,
    a_resolver_that_panics_fails_the_resolution,
    a_resolver_gives_its_place_to_another_and_comes_back,
    one_address_is_delivered_with_the_port,
    a_simple_resolver_that_finds_nothing_fails_without_a_report,
    a_simple_resolver_that_fails_otherwise_is_reported,
    a_cancelled_simple_resolver_is_not_reported,
    connecting_to_a_name_asks_the_reactors_resolver,
    stopping_an_attempt_stops_the_resolver,
);

/// The addresses of a name, to be resolved for port 80.
fn resolve(reactor: &Reactor, host: &str) -> Deferred<Vec<SocketAddr>> {
    reactor.resolve(Query::new(host, 80)).addresses()
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    let parsed = texts.iter().map(|text| text.parse());
    parsed
        .collect::<Result<_, _>>()
        .expect("they are addresses")
}

/// Has the reactor call this on its threads.
fn install_blocking(
    reactor: &Reactor,
    look_up: impl Fn(&Query) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
) {
    reactor.install_name_resolver(Rc::new(BlockingResolver::new(look_up)));
}

// E-041, E-043
fn the_addresses_come_once_in_order_on_the_reactors_thread(reactor: &Reactor) {
    let flow_and_scope = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 5, 6);
    let mut known = addresses(&["10.0.0.2:80", "[2001:db8::1]:80", "10.0.0.1:80"]);
    known.push(flow_and_scope.into());
    let (answer, here) = (known.clone(), thread::current().id());
    install_blocking(reactor, move |_| {
        assert_ne!(thread::current().id(), here, "it may block");
        Ok(answer.clone())
    });
    let heard = Rc::new(Cell::new(0));
    let seen = Rc::clone(&heard);

    let found = resolve(reactor, "poetry.example").map(move |found| {
        seen.set(seen.get() + 1);
        (found, thread::current().id())
    });

    assert_eq!(heard.get(), 0);
    assert_eq!(run_until(reactor, found).unwrap(), (known, here));
    assert_eq!(heard.get(), 1);
}

// E-044
fn an_unknown_name_fails_and_is_not_reported(reactor: &Reactor) {
    let reports = Reports::collected();
    install_blocking(reactor, |_| Err(io::Error::other("nobody of that name")));

    let failure = run_until(reactor, resolve(reactor, "poetry.example")).unwrap_err();

    let error = failure.check::<LookupError>().expect("it is of a look-up");
    assert_eq!(error.host, "poetry.example");
    assert_eq!(error.source.to_string(), "nobody of that name");
    reports.assert(&[]);
}

// E-047
fn the_system_knows_this_machine(reactor: &Reactor) {
    let found = run_until(reactor, resolve(reactor, "localhost")).unwrap();

    assert!(
        found.iter().all(|address| address.ip().is_loopback()),
        "{found:?}"
    );
    assert!(
        found.iter().all(|address| address.port() == 80),
        "{found:?}"
    );
}

// E-044, E-047
fn the_system_does_not_know_a_name_that_is_none(reactor: &Reactor) {
    let failure = run_until(reactor, resolve(reactor, "a\0b")).unwrap_err();

    let error = failure.check::<LookupError>().expect("it is of a look-up");
    assert_eq!(error.source.kind(), io::ErrorKind::InvalidInput);
}

// E-045
fn only_the_wanted_families_are_asked_for_and_given(reactor: &Reactor) {
    let book = Book::with(reactor, &addresses(&["10.0.0.1:80", "[::1]:80"]));
    let found = |families| {
        let query = Query::new("poetry.example", 80).families(families);
        let found = reactor.resolve(query).addresses().into_result();
        found.unwrap().unwrap()
    };

    assert_eq!(found(Families::Any).len(), 2);
    assert_eq!(found(Families::Ipv4), addresses(&["10.0.0.1:80"]));
    assert_eq!(found(Families::Ipv6), addresses(&["[::1]:80"]));
    let wanted: Vec<_> = book.asked().iter().map(Query::wanted).collect();
    assert_eq!(wanted, [Families::Any, Families::Ipv4, Families::Ipv6]);
}

// E-044, E-045
fn a_host_without_an_address_that_is_wanted_fails(reactor: &Reactor) {
    Book::with(reactor, &addresses(&["10.0.0.1:80"]));
    let query = Query::new("poetry.example", 80).families(Families::Ipv6);

    let found = reactor.resolve(query).addresses();

    let failure = run_until(reactor, found).unwrap_err();
    let error = failure.check::<LookupError>().expect("it is of a look-up");
    assert_eq!(error.source.to_string(), "it has no IPv6 address");
}

// E-048
fn an_address_is_its_own_answer(reactor: &Reactor) {
    let book = Book::silent(reactor);

    for (host, address) in [
        ("10.0.0.1", "10.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("fe80::1%3", "[fe80::1%3]:80"),
    ] {
        let found = resolve(reactor, host).into_result().unwrap().unwrap();
        assert_eq!(found, addresses(&[address]));
    }
    assert_eq!(book.asked(), []);
}

// E-045, E-048
fn an_address_of_a_family_that_is_not_wanted_fails(reactor: &Reactor) {
    let query = Query::new("10.0.0.1", 80).families(Families::Ipv6);

    let found = reactor.resolve(query).addresses();

    let failure = run_until(reactor, found).unwrap_err();
    assert!(failure.check::<LookupError>().is_some(), "{failure}");
}

// E-025
fn a_name_in_another_script_reaches_the_resolver_in_its_ascii_form(reactor: &Reactor) {
    let book = Book::silent(reactor);

    resolve(reactor, "bücher.example").ignore();

    assert_eq!(book.asked(), [Query::new("xn--bcher-kva.example", 80)]);
}

// E-025
fn a_name_that_cannot_be_turned_fails_without_being_asked_for(reactor: &Reactor) {
    let book = Book::silent(reactor);

    let failure = run_until(reactor, resolve(reactor, "\u{fffd}")).unwrap_err();

    let error = failure.check::<LookupError>().expect("it is of a look-up");
    assert_eq!(error.host, "\u{fffd}");
    assert_eq!(book.asked(), []);
}

// E-042
fn a_resolution_names_what_it_resolves(reactor: &Reactor) {
    Book::silent(reactor);
    let query = Query::new("bücher.example", 80);

    let resolution = reactor.resolve(query.clone());

    assert_eq!(resolution.query(), &query);
    assert_eq!(resolution.query().to_string(), "bücher.example");
    resolution.addresses().ignore();
}

// E-024, E-041
fn a_resolution_that_is_cancelled_does_not_hear_a_late_answer(reactor: &Reactor) {
    let book = Book::silent(reactor);
    let found = resolve(reactor, "poetry.example");

    found.cancel();

    let failure = found.into_result().unwrap().unwrap_err();
    assert!(failure.check::<CancelledError>().is_some(), "{failure}");
    assert_eq!(book.cancelled(), ["poetry.example"]);
    assert!(!book.answer(&addresses(&["10.0.0.1:80"])));
}

/// A resolver that has a bad day.
struct Panics;

impl Resolver for Panics {
    fn resolve(&self, _reactor: &Reactor, _query: &Query) -> Deferred<Vec<SocketAddr>> {
        panic!("no book")
    }
}

// E-041
fn a_resolver_that_panics_fails_the_resolution(reactor: &Reactor) {
    reactor.install_name_resolver(Rc::new(Panics));
    let found = resolve(reactor, "poetry.example");

    assert_eq!(run_until_failed(reactor, found), "panic: no book");

    // A panic on a thread comes the same way.
    install_blocking(reactor, |_| panic!("no thread"));
    let found = resolve(reactor, "poetry.example");

    assert_eq!(run_until_failed(reactor, found), "panic: no thread");
}

// E-047
fn a_resolver_gives_its_place_to_another_and_comes_back(reactor: &Reactor) {
    let first: Rc<dyn Resolver> = Rc::new(Book::default());
    let second: Rc<dyn Resolver> = Rc::new(Book::default());

    let default = reactor.install_name_resolver(Rc::clone(&first));
    let before = reactor.install_name_resolver(second);
    let after = reactor.install_name_resolver(Rc::clone(&default));

    assert!(Rc::ptr_eq(&before, &first));
    assert!(!Rc::ptr_eq(&after, &first));
    assert!(Rc::ptr_eq(&reactor.name_resolver(), &default));
}

/// Has the reactor ask a function that knows one address at the most.
fn install_simple(reactor: &Reactor, find: impl Fn(&str) -> Deferred<IpAddr> + 'static) {
    reactor.install_name_resolver(Rc::new(SimpleResolver::new(find)));
}

// E-046
fn one_address_is_delivered_with_the_port(reactor: &Reactor) {
    install_simple(reactor, |name| {
        assert_eq!(name, "poetry.example");
        Deferred::succeed(Ipv4Addr::LOCALHOST.into())
    });

    let found = run_until(reactor, resolve(reactor, "poetry.example")).unwrap();

    assert_eq!(found, addresses(&["127.0.0.1:80"]));
}

// E-046
fn a_simple_resolver_that_finds_nothing_fails_without_a_report(reactor: &Reactor) {
    let reports = Reports::collected();
    install_simple(reactor, |name| {
        let (host, source) = (name.to_owned(), io::Error::other("not in the book"));
        Deferred::fail(Failure::without_backtrace(LookupError { host, source }))
    });

    let failure = run_until(reactor, resolve(reactor, "poetry.example")).unwrap_err();

    let error = failure.check::<LookupError>().expect("it is of a look-up");
    assert_eq!(error.source.to_string(), "not in the book");
    reports.assert(&[]);
}

// E-046
fn a_simple_resolver_that_fails_otherwise_is_reported(reactor: &Reactor) {
    let reports = Reports::collected();
    install_simple(reactor, |_| Deferred::fail(Failure::msg("the book is wet")));

    let failure = run_until(reactor, resolve(reactor, "poetry.example")).unwrap_err();

    assert!(failure.check::<LookupError>().is_some(), "{failure}");
    reports.assert(&[("Unhandled error in a resolver", "&str: the book is wet")]);
}

// E-024, E-046
fn a_cancelled_simple_resolver_is_not_reported(reactor: &Reactor) {
    let reports = Reports::collected();
    let firers = RefCell::new(Vec::new());
    install_simple(reactor, move |_| {
        let (firer, deferred) = Deferred::new();
        firers.borrow_mut().push(firer);
        deferred
    });
    let found = resolve(reactor, "poetry.example");

    found.cancel();

    let failure = found.into_result().unwrap().unwrap_err();
    assert!(failure.check::<CancelledError>().is_some(), "{failure}");
    reports.assert(&[]);
}

// E-047
fn connecting_to_a_name_asks_the_reactors_resolver(reactor: &Reactor) {
    let (listener, port) = common::listener();
    let book = Book::with(reactor, &[listener.local_addr().unwrap()]);
    let (log, stop) = (Log::default(), reactor.clone());
    let script = Script::new("client", &log).on_made(move |_| stop_soon(&stop));
    reactor.connect_tcp("poetry.example", port, Rc::new(script));

    run(reactor);

    assert_eq!(book.asked(), [Query::new("poetry.example", port)]);
    assert_eq!(log.count("client made"), 1);
}

// E-024
fn stopping_an_attempt_stops_the_resolver(reactor: &Reactor) {
    let book = Book::silent(reactor);
    let (log, stop) = (Log::default(), reactor.clone());
    let script = Script::new("client", &log).on_failed(move |_, _| stop_soon(&stop));
    let connector = reactor.connect_tcp("poetry.example", 80, Rc::new(script));
    let asked: Rc<RefCell<Vec<Query>>> = Rc::default();
    let (seen, pages) = (Rc::clone(&asked), book.clone());
    common::after_turns(reactor, 2, move |_| {
        *seen.borrow_mut() = pages.asked();
        connector.stop_connecting().unwrap();
    });

    run(reactor);

    assert_eq!(asked.borrow().len(), 1);
    assert_eq!(book.cancelled(), ["poetry.example"]);
    log.assert(&["client started", "client failed Stopped"]);
}
