//! The pictures of runs: each is what real programs have noted, in the order in which they did.
//!
//! The loop notes nothing: what its boxes say is a caption, written by the callback before or after it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::{Deferred, Failure, gather};
use protocols::endpoints::ClientEndpoint;
use protocols::reactor::{Reactor, task};
use protocols::{Address, ConnectOptions, Factory, ListenOptions, Protocol, ReactorTcp, Transport};

use super::control::Trace;
use super::svg::Tone;
use crate::hurried::Hurried;

/// A reactor in whose runs no time is lost.
fn hurried() -> Reactor {
    let backend = Hurried::over_poll();
    Reactor::with_backend(Box::new(backend)).expect("a reactor can be made")
}

/// The one thread, in the loop and in callbacks.
#[must_use]
pub(super) fn callbacks() -> String {
    const MAIN: usize = 0;
    const LOOP: usize = 1;
    const YOURS: usize = 2;
    let trace = Trace::default();
    let reactor = hurried();

    trace.note(MAIN, Tone::Callback, "call_when_running(hello)");
    let hello = trace.clone();
    reactor.call_when_running(move |reactor| {
        hello.note(LOOP, Tone::Loop, "begins to turn");
        hello.note(YOURS, Tone::Callback, "hello: call_later(1 s, tick)");
        let (tick, made) = (hello, reactor.now());
        reactor.call_later(Duration::from_secs(1), move |reactor| {
            let waited = (reactor.now() - made).as_secs();
            tick.note(LOOP, Tone::Loop, format!("waits, {waited} s"));
            tick.note(YOURS, Tone::Callback, "tick: stop()");
            reactor.stop()
        });
    });
    trace.note(MAIN, Tone::Callback, "run()");
    reactor.run().expect("it runs");
    trace.note(LOOP, Tone::Loop, "ends");
    trace.note(MAIN, Tone::Callback, "goes on after run()");

    let title = "The thread goes from main into the loop, from there into callbacks and back";
    trace.draw(title, &["main", "the loop", "your callbacks"], 240)
}

/// What a server's factory and protocol are called for during one connection.
#[must_use]
pub(super) fn connection() -> String {
    const LOOP: usize = 0;
    const FACTORY: usize = 1;
    const PROTOCOL: usize = 2;
    const TRANSPORT: usize = 3;

    struct Asking;
    struct NotingProtocol(Trace, Reactor);
    struct NotingFactory(Trace, Reactor);

    impl Protocol for NotingProtocol {
        fn connection_made(&mut self, _transport: &Rc<dyn Transport>) {
            self.0.note(PROTOCOL, Tone::Callback, "connection_made");
            self.0.note(LOOP, Tone::Loop, "waits, then reads");
        }

        fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
            let data = String::from_utf8_lossy(data);
            self.0
                .note(PROTOCOL, Tone::Callback, format!("data_received {data:?}"));
            transport.write(b"yes");
            self.0.note(TRANSPORT, Tone::Plain, "write \"yes\"");
            transport.lose_connection();
            self.0.note(TRANSPORT, Tone::Plain, "lose_connection");
            self.0.note(PROTOCOL, Tone::Callback, "returns");
            self.0.note(LOOP, Tone::Loop, "sends \"yes\", closes");
        }

        fn connection_lost(&mut self, _reason: Failure) {
            self.0.note(PROTOCOL, Tone::Callback, "connection_lost");
            self.0.note(LOOP, Tone::Loop, "drops the protocol");
            // The picture is complete.
            let _ = self.1.stop();
        }
    }

    impl Factory for NotingFactory {
        type Protocol = NotingProtocol;

        fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<NotingProtocol> {
            self.0.note(LOOP, Tone::Loop, "accepts");
            self.0.note(FACTORY, Tone::Callback, "build_protocol");
            Some(NotingProtocol(self.0.clone(), self.1.clone()))
        }
    }

    impl Protocol for Asking {
        fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
            transport.write(b"poem?");
        }

        fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
    }

    let trace = Trace::default();
    let reactor = Reactor::new().expect("a reactor can be made");
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let factory = Rc::new(NotingFactory(trace.clone(), reactor.clone()));
    let port = reactor
        .listen_tcp_with(options, factory)
        .expect("it listens");
    let number = port.address().port().expect("a port of TCP has a number");
    let server = ClientEndpoint::tcp(&reactor, "127.0.0.1", number, ConnectOptions::new());
    let asked = server.connect_protocol(Asking);
    reactor.run().expect("it runs");
    drop(asked);

    let title = "What the loop calls during one connection, and what the protocol calls";
    trace.draw(
        title,
        &["the loop", "factory", "protocol", "transport"],
        196,
    )
}

/// A chain that waits for another one.
#[must_use]
pub(super) fn chaining() -> String {
    const PROGRAM: usize = 0;
    const OUTER: usize = 1;
    const INNER: usize = 2;
    let trace = Trace::default();
    let (inner_firer, inner) = Deferred::<u32>::new();
    let (outer_firer, outer) = Deferred::<u32>::new();

    let noting = trace.clone();
    let inner = inner.add_callback(move |n| {
        noting.note(INNER, Tone::Callback, format!("doubles {n}"));
        Ok(2 * n)
    });
    let (first, second, third) = (trace.clone(), trace.clone(), trace.clone());
    let chain = outer
        .add_callback(move |n| {
            first.note(OUTER, Tone::Callback, format!("callback 1 gets {n}"));
            Ok(n + 1)
        })
        .add_callback(move |n| {
            second.note(
                OUTER,
                Tone::Callback,
                format!("callback 2 gets {n}, returns inner"),
            );
            inner
        })
        .add_callback(move |n| {
            third.note(OUTER, Tone::Callback, format!("callback 3 gets {n}"));
            Ok(n)
        });

    trace.note(PROGRAM, Tone::Plain, "outer firer.callback(0)");
    outer_firer.callback(0);
    let waits = if chain.has_result() {
        "it has its result"
    } else {
        "the chain waits"
    };
    trace.note(PROGRAM, Tone::Loop, format!("it has returned; {waits}"));
    trace.note(PROGRAM, Tone::Plain, "inner firer.callback(21)");
    inner_firer.callback(21);
    trace.note(PROGRAM, Tone::Plain, "it has returned");
    chain.ignore();

    let title =
        "A callback returns a Deferred: the chain stops there, and goes on when that one is fired";
    trace.draw(
        title,
        &["the program", "the outer chain", "the inner chain"],
        262,
    )
}

/// A chain that is cancelled while it waits.
#[must_use]
pub(super) fn cancelling() -> String {
    const PROGRAM: usize = 0;
    const PRODUCER: usize = 1;
    const CHAIN: usize = 2;
    let trace = Trace::default();

    let noting = trace.clone();
    let (firer, poem) = Deferred::<&str>::with_canceller(move |_firer| {
        noting.note(PRODUCER, Tone::Errback, "canceller: closes the socket");
    });
    let (skipped, cancelled) = (trace.clone(), trace.clone());
    let chain = poem
        .add_callback(move |poem| {
            skipped.note(CHAIN, Tone::Callback, format!("callback gets {poem}"));
            Ok(poem)
        })
        .add_errback(move |failure| {
            let error = failure.error().to_string();
            cancelled.note(CHAIN, Tone::Errback, format!("errback gets \"{error}\""));
            Ok("no poem")
        });

    trace.note(PROGRAM, Tone::Plain, "chain.cancel()");
    chain.cancel();
    trace.note(PROGRAM, Tone::Plain, "it has returned");
    trace.note(PRODUCER, Tone::Callback, "firer.callback(\"late\")");
    let accepted = firer.callback("late");
    trace.note(
        PRODUCER,
        Tone::Faint,
        format!("returns {accepted}: nobody hears"),
    );
    chain.ignore();

    let title =
        "cancel() goes to the canceller, then down the errback line; a late result is refused";
    trace.draw(
        title,
        &["who wants the poem", "who gets the poem", "the chain"],
        256,
    )
}

/// When a client waited for a poem, in seconds.
pub(super) struct Span {
    pub(super) name: &'static str,
    pub(super) begin: f64,
    pub(super) end: f64,
}

/// When a client that gets three poems waits for which, be it for all of them at once or for one after the other.
///
/// The clients are real chains on a real reactor; of a server there is the time that it takes.
pub(super) fn poems(poems: [(&'static str, f64); 3], at_once: bool) -> Vec<Span> {
    let reactor = hurried();
    let spans = Rc::new(RefCell::new(Vec::new()));
    let get = {
        let (reactor, spans) = (reactor.clone(), Rc::clone(&spans));
        move |(name, seconds): (&'static str, f64)| {
            let (begin, clock, spans) = (reactor.now(), reactor.clone(), Rc::clone(&spans));
            task::sleep(&reactor, Duration::from_secs_f64(seconds)).map(move |()| {
                spans.borrow_mut().push(Span {
                    name,
                    begin: begin.as_secs_f64(),
                    end: clock.now().as_secs_f64(),
                });
            })
        }
    };
    let end = reactor.clone();
    reactor.call_when_running(move |_| {
        let [first, second, third] = poems;
        let all = if at_once {
            gather([get(first), get(second), get(third)]).map(drop)
        } else {
            let after = get.clone();
            get(first)
                .add_callback(move |()| get(second))
                .add_callback(move |()| after(third))
        };
        all.add_both(move |_| end.stop().map_err(Failure::from))
            .log_failure("No picture");
    });
    reactor.run().expect("it runs");
    spans.take()
}
