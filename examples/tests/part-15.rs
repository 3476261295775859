//! The tutorial's tests of part 15: `get_poetry` and a poetry server, in one reactor.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use examples::{ServerAddress, get_poetry, listen};
use protocols::deferred::{Deferred, Failure};
use protocols::reactor::Reactor;
use protocols::{Address, ConnectError, Factory, Port, Protocol, Transport};

/// How long a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(60);

const TEST_POEM: &str = "\
This is a trial of a poem,
a poem that is tried by no one else.";

#[test]
fn a_client_gets_the_poem_that_its_server_has() {
    let test = Test::set_up();

    let poem = test.get_poetry();

    assert_eq!(test.result_of(poem).unwrap(), TEST_POEM.as_bytes());
    test.tear_down();
}

#[test]
fn a_client_gets_the_reason_when_there_is_no_server() {
    let test = Test::set_up();
    test.tear_down();

    let poem = test.get_poetry();

    let failure = test.result_of(poem).unwrap_err();
    let error = failure.check::<ConnectError>();
    assert!(
        matches!(error, Some(ConnectError::ConnectionRefused(..))),
        "{failure}"
    );
}

/// A reactor with a poetry server.
struct Test {
    reactor: Reactor,
    port: Port,
    server: ServerAddress,
}

impl Test {
    fn set_up() -> Self {
        let reactor = Reactor::new().unwrap();
        let port = listen(&reactor, "127.0.0.1", 0, Rc::new(PoetryFactory));
        let server = port.address().to_string().parse().unwrap();
        Self {
            reactor,
            port,
            server,
        }
    }

    fn get_poetry(&self) -> Deferred<Vec<u8>> {
        get_poetry(&self.reactor, &self.server, PATIENCE, |_, _| {})
    }

    fn tear_down(&self) {
        self.result_of(self.port.stop_listening()).unwrap();
    }

    /// Runs the reactor until the Deferred has fired.
    fn result_of<T: 'static>(&self, deferred: Deferred<T>) -> Result<T, Failure> {
        let (result, fired) = (Rc::new(Cell::new(None)), self.reactor.clone());
        let of_deferred = Rc::clone(&result);
        let limit = self.reactor.call_later(PATIENCE, |reactor| reactor.stop());
        self.reactor.call_when_running(|_| {
            deferred
                .add_both(move |it| {
                    of_deferred.set(Some(it));
                    fired.stop().unwrap();
                })
                .log_failure("the test could not go on");
        });
        self.reactor.run_without_signals().unwrap();
        let _ = limit.cancel();
        result.take().expect("the Deferred fires in time")
    }
}

/// Sends the poem to one client.
struct PoetryProtocol;

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(TEST_POEM.as_bytes());
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }
}

/// Makes the protocol for each client.
struct PoetryFactory;

impl Factory for PoetryFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProtocol> {
        Some(PoetryProtocol)
    }
}
