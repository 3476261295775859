//! What factories do in their hooks: they end their attempt or stop their port, or they panic.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use common::peers::port_without_listener;
use common::{
    Log, Reports, after_turns, calling, listener, name_of, on_every_backend, peer_of, run,
    stop_soon,
};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, Connector, Factory, ListenOptions, Port, Protocol, ReactorTcp,
    Transport,
};

on_every_backend!(
    a_client_disconnects_in_each_hook,
    a_failed_client_disconnects_in_each_hook,
    a_panic_in_each_hook_of_a_client_is_reported,
    a_panic_in_each_hook_of_a_failed_client_is_reported,
    a_port_is_stopped_in_each_hook,
    a_panic_in_each_hook_of_a_port_is_reported_and_the_port_goes_on,
);

/// A factory that notes what it is told, and does something in one of its hooks or those of its protocol.
struct Acting {
    log: Log,
    hook: &'static str,
    act: Box<dyn Fn()>,
    /// Stops soon after the factory has ended.
    reactor: Reactor,
}

impl Acting {
    fn new(reactor: &Reactor, hook: &'static str, act: impl Fn() + 'static) -> Rc<Self> {
        Rc::new(Self {
            log: Log::default(),
            hook,
            act: Box::new(act),
            reactor: reactor.clone(),
        })
    }

    fn told(&self, hook: &str) {
        self.told_why(hook, "");
    }

    fn told_why(&self, hook: &str, why: &str) {
        common::script::note_if_calling(hook, &self.log);
        self.log.note(format!("{hook}{why}"));
        if hook == self.hook {
            (self.act)();
        }
    }
}

impl Factory for Acting {
    type Protocol = Short;

    fn start_factory(self: &Rc<Self>) {
        self.told("begins");
    }

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Short> {
        self.told("built");
        Some(Short(Rc::clone(self)))
    }

    fn stop_factory(self: &Rc<Self>) {
        stop_soon(&self.reactor);
        self.told("ends");
    }
}

impl ClientFactory for Acting {
    fn started_connecting(self: &Rc<Self>, _connector: &Connector) {
        self.told("started");
    }

    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.told_why("failed", &format!(" {}", name_of(&reason)));
    }

    fn client_connection_lost(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.told_why("gone", &format!(" {}", name_of(&reason)));
    }
}

/// Ends its connection as soon as it is made.
struct Short(Rc<Acting>);

impl Protocol for Short {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.lose_connection();
        self.0.told("made");
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}

    fn connection_lost(&mut self, reason: Failure) {
        self.0.told_why("lost", &format!(" {}", name_of(&reason)));
    }
}

/// Has a client of this port disconnect in one hook, and gives what its factory was told.
#[track_caller]
fn disconnecting_in(reactor: &Reactor, hook: &'static str, port: u16) -> Vec<String> {
    let reactor = common::another(reactor);
    let connector: Rc<RefCell<Option<Connector>>> = Rc::default();
    let kept = Rc::clone(&connector);
    let factory = Acting::new(&reactor, hook, move || {
        let connector = kept.borrow().clone().expect("it is kept before the run");
        calling(|| connector.disconnect());
    });
    *connector.borrow_mut() = Some(reactor.connect_tcp("127.0.0.1", port, Rc::clone(&factory)));

    run(&reactor);

    factory.log.notes()
}

// fault: an end in a callback
fn a_client_disconnects_in_each_hook(reactor: &Reactor) {
    let (_listener, port) = listener();
    let connected = [
        "begins",
        "started",
        "built",
        "made",
        "lost ConnectionDone",
        "gone ConnectionDone",
        "ends",
    ];
    let stopped = ["begins", "started", "failed Stopped", "ends"];
    assert_eq!(disconnecting_in(reactor, "started", port), stopped);
    let not_begun = ["begins", "failed Stopped", "ends"];
    assert_eq!(disconnecting_in(reactor, "begins", port), not_begun);
    for hook in ["built", "made", "lost", "gone", "ends"] {
        assert_eq!(disconnecting_in(reactor, hook, port), connected, "{hook}");
    }
}

// fault: an end in a callback, refused
fn a_failed_client_disconnects_in_each_hook(reactor: &Reactor) {
    let (_taken, port) = port_without_listener();
    for hook in ["failed", "ends"] {
        let told = disconnecting_in(reactor, hook, port);
        assert_eq!(
            told,
            ["begins", "started", "failed ConnectionRefused", "ends"]
        );
    }
}

/// Has a client of this port panic in one hook, and gives what its factory was told.
#[track_caller]
fn panicking_in(reactor: &Reactor, hook: &'static str, port: u16) -> Vec<String> {
    let reports = Reports::collected();
    let reactor = common::another(reactor);
    let factory = Acting::new(&reactor, hook, || panic!("oh no"));
    reactor.connect_tcp("127.0.0.1", port, Rc::clone(&factory));

    run(&reactor);

    reports.assert_reasons(&["panic: oh no"]);
    factory.log.notes()
}

// fault: a panic in a callback
fn a_panic_in_each_hook_of_a_client_is_reported(reactor: &Reactor) {
    let (_listener, port) = listener();
    for hook in ["begins", "started", "built", "made", "lost", "gone", "ends"] {
        let told = panicking_in(reactor, hook, port);
        let (made, reason) = match hook {
            "built" => (&[][..], "panic: oh no"),
            "made" => (&["made", "lost panic: oh no"][..], "panic: oh no"),
            _ => (&["made", "lost ConnectionDone"][..], "ConnectionDone"),
        };
        let gone = format!("gone {reason}");
        let expected = [&["begins", "started", "built"], made, &[&gone, "ends"]].concat();
        assert_eq!(told, expected, "{hook}");
    }
}

// fault: a panic in a callback, refused
fn a_panic_in_each_hook_of_a_failed_client_is_reported(reactor: &Reactor) {
    let (_taken, port) = port_without_listener();
    for hook in ["begins", "started", "failed", "ends"] {
        let told = panicking_in(reactor, hook, port);
        assert_eq!(
            told,
            ["begins", "started", "failed ConnectionRefused", "ends"],
            "{hook}"
        );
    }
}

/// Listens until something stops it.
fn listen(reactor: &Reactor, factory: &Rc<Acting>) -> Port {
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let port = reactor.listen_tcp_with(options, Rc::clone(factory));
    port.expect("there is a free port")
}

// fault: a listener closed meanwhile
fn a_port_is_stopped_in_each_hook(reactor: &Reactor) {
    for hook in ["begins", "built", "made", "lost", "ends"] {
        let reactor = common::another(reactor);
        let port: Rc<RefCell<Option<Port>>> = Rc::default();
        let kept = Rc::clone(&port);
        let factory = Acting::new(&reactor, hook, move || {
            let port = kept.borrow().clone().expect("it is kept before the run");
            calling(|| port.stop_listening()).log_failure("while stopping");
        });
        let listening = listen(&reactor, &factory);
        let _peer = peer_of(&listening);
        *port.borrow_mut() = Some(listening.clone());
        if hook == "ends" {
            let ending = listening.clone();
            after_turns(&reactor, 10, move |_| {
                ending.stop_listening().log_failure("while stopping");
            });
        }

        run(&reactor);

        assert!(!listening.is_listening(), "{hook}");
        let told: &[&str] = match hook {
            "begins" => &["begins", "ends"],
            _ => &["begins", "built", "made", "lost ConnectionDone", "ends"],
        };
        assert_eq!(factory.log.notes(), told, "{hook}");
    }
}

// fault: a panic in a callback
fn a_panic_in_each_hook_of_a_port_is_reported_and_the_port_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    for hook in ["begins", "built", "made", "lost"] {
        let reactor = common::another(reactor);
        let factory = Acting::new(&reactor, hook, || panic!("oh no"));
        let port = listen(&reactor, &factory);
        let _peers = [peer_of(&port), peer_of(&port)];
        let (seen, listens) = (port.clone(), Rc::new(Cell::new(false)));
        let is_listening = Rc::clone(&listens);
        after_turns(&reactor, 10, move |reactor| {
            is_listening.set(seen.is_listening());
            stop_soon(reactor);
        });

        run(&reactor);

        assert!(listens.get(), "{hook}");
        assert_eq!(factory.log.count("built"), 2, "{hook}");
        let panics = if hook == "begins" { 1 } else { 2 };
        reports.assert_reasons(&vec!["panic: oh no"; panics]);
    }
}
