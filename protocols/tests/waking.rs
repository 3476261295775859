//! Protocols that are woken: from where, how often, and until when.

mod common;

use std::rc::Rc;

use common::{
    Kept, Log, Reports, after_turns, calling, name_of, on_every_backend, peer_of, run, stop_soon,
};
use protocols::deferred::Failure;
use protocols::policies::{AtMost, Wrapping};
use protocols::reactor::Reactor;
use protocols::{Address, Factory, ListenOptions, Port, Protocol, ReactorTcp, Transport};

on_every_backend!(
    a_protocol_that_is_woken_is_called_by_the_loop,
    waking_several_times_in_one_callback_is_once,
    waking_in_woken_lets_the_loop_turn_before_the_next_time,
    a_paused_protocol_is_woken,
    a_protocol_that_is_losing_its_connection_is_not_woken,
    a_protocol_within_a_policy_is_woken,
    a_panic_in_woken_ends_the_connection,
    waking_a_transport_that_is_over_does_nothing,
);

type Act = Rc<dyn Fn(&Rc<dyn Transport>)>;

/// Makes protocols that note when they are woken and lost, and do something then.
struct Sleepers {
    log: Log,
    made: Act,
    woken: Act,
    reactor: Reactor,
}

struct Sleeper(Rc<Sleepers>);

impl Factory for Sleepers {
    type Protocol = Sleeper;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Sleeper> {
        Some(Sleeper(Rc::clone(self)))
    }
}

impl Protocol for Sleeper {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        (self.0.made)(transport);
        self.0.log.note("made");
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        self.0.log.note("data");
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        self.0.log.note("woken");
        (self.0.woken)(transport);
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.0.log.note(format!("lost {}", name_of(&reason)));
        stop_soon(&self.0.reactor);
    }
}

fn sleepers(
    reactor: &Reactor,
    log: &Log,
    made: impl Fn(&Rc<dyn Transport>) + 'static,
    woken: impl Fn(&Rc<dyn Transport>) + 'static,
) -> Sleepers {
    Sleepers {
        log: log.clone(),
        made: Rc::new(made),
        woken: Rc::new(woken),
        reactor: reactor.clone(),
    }
}

/// Listens for the one connection of a test; it ends when the test's peer or one of the acts ends it.
fn listen(
    reactor: &Reactor,
    log: &Log,
    made: impl Fn(&Rc<dyn Transport>) + 'static,
    woken: impl Fn(&Rc<dyn Transport>) + 'static,
) -> Port {
    listen_with(reactor, sleepers(reactor, log, made, woken))
}

fn listen_with(reactor: &Reactor, factory: impl Factory) -> Port {
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let port = reactor.listen_tcp_with(options, Rc::new(factory));
    port.expect("there is a free port")
}

fn a_protocol_that_is_woken_is_called_by_the_loop(reactor: &Reactor) {
    let (log, kept) = (Log::default(), Kept::default());
    let (keep, notes) = (kept.clone(), log.clone());
    let port = listen(
        reactor,
        &log,
        move |transport| keep.keep(transport),
        |transport| transport.lose_connection(),
    );
    let _peer = peer_of(&port);
    after_turns(reactor, 10, move |_| {
        kept.get().wake();
        notes.note("the timer returns");
    });

    run(reactor);

    log.assert(&["made", "the timer returns", "woken", "lost ConnectionDone"]);
}

fn waking_several_times_in_one_callback_is_once(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(
        reactor,
        &log,
        |transport| {
            calling(|| transport.wake());
            transport.wake();
        },
        |transport| transport.lose_connection(),
    );
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["made", "woken", "lost ConnectionDone"]);
}

fn waking_in_woken_lets_the_loop_turn_before_the_next_time(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(
        reactor,
        &log,
        |transport| transport.wake(),
        |transport| transport.wake(),
    );
    // It would be woken for ever, were its peer not heard in between.
    drop(peer_of(&port));

    run(reactor);

    assert_eq!(log.count("lost ConnectionDone"), 1);
    assert!(log.count("woken") > 0);
}

fn a_paused_protocol_is_woken(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(
        reactor,
        &log,
        |transport| {
            transport.pause_producing();
            transport.wake();
        },
        |transport| transport.lose_connection(),
    );
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["made", "woken", "lost ConnectionDone"]);
}

fn a_protocol_that_is_losing_its_connection_is_not_woken(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(
        reactor,
        &log,
        |transport| {
            transport.wake();
            transport.lose_connection();
            transport.wake();
        },
        |_| (),
    );
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["made", "lost ConnectionDone"]);
}

fn a_protocol_within_a_policy_is_woken(reactor: &Reactor) {
    let log = Log::default();
    let sleepers = sleepers(
        reactor,
        &log,
        |transport| transport.wake(),
        |transport| transport.lose_connection(),
    );
    let port = listen_with(reactor, Wrapping::new(Rc::new(sleepers), AtMost::new(1)));
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["made", "woken", "lost ConnectionDone"]);
}

// fault: a panic in a callback
fn a_panic_in_woken_ends_the_connection(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let port = listen(
        reactor,
        &log,
        |transport| transport.wake(),
        |_| panic!("too early"),
    );
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["made", "woken", "lost panic: too early"]);
    reports.assert(&[("Unhandled error in woken", "panic: too early")]);
}

fn waking_a_transport_that_is_over_does_nothing(reactor: &Reactor) {
    let (log, kept) = (Log::default(), Kept::default());
    let keep = kept.clone();
    let made = move |transport: &Rc<dyn Transport>| {
        keep.keep(transport);
        let over = Rc::clone(transport);
        transport.when_lost().map(move |_| over.wake()).ignore();
        transport.lose_connection();
    };
    let port = listen(reactor, &log, made, |_| ());
    let _peer = peer_of(&port);

    run(reactor);
    kept.get().wake();

    log.assert(&["made", "lost ConnectionDone"]);
}
