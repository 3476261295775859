//! What errors say, and which kinds they are of.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use protocols::{
    Address, AdoptError, ConnectError, ConnectionClosed, ConnectorError, Destination,
    InvalidAddress, ListenError, UnixAddress, UnknownService, tcp_port_of,
};

/// What the system says in all of these.
const SYSTEM: &str = "what the system says";

fn system() -> io::Error {
    io::Error::other(SYSTEM)
}

fn tcp() -> Address {
    SocketAddr::from(([127, 0, 0, 1], 80)).into()
}

fn unix() -> Address {
    UnixAddress::from("/run/poetry").into()
}

fn destination() -> Destination {
    let host = "poetry.example".to_owned();
    Destination::Tcp { host, port: 80 }
}

/// The sentence of an error, and that of its source.
fn told(error: &dyn Error) -> (String, Option<String>) {
    (error.to_string(), error.source().map(ToString::to_string))
}

#[track_caller]
fn assert_told(error: &dyn Error, sentence: &str, has_source: bool) {
    let source = has_source.then(|| SYSTEM.to_owned());
    assert_eq!(told(error), (sentence.to_owned(), source));
}

// N-019, N-008
#[test]
fn a_connect_error_says_what_was_connected_to_and_has_the_systems_error_as_its_source() {
    use ConnectError as E;
    let refused = E::ConnectionRefused(tcp(), system());
    let timed_out = E::TimedOut {
        to: destination(),
        after: Duration::from_secs(30),
    };

    assert_told(&refused, "the connection to 127.0.0.1:80 was refused", true);
    let sentence = "no connection to poetry.example:80 within 30s";
    assert_told(&timed_out, sentence, false);
    let errors = [
        (E::NoAnswer(tcp(), system()), "no answer from 127.0.0.1:80"),
        (
            E::NoRoute(tcp(), system()),
            "there is no route to 127.0.0.1:80",
        ),
        (
            E::UnknownHost("poetry.example".to_owned(), system()),
            r#"the host name "poetry.example" is not known"#,
        ),
        (
            E::BindFailed(unix(), system()),
            "cannot connect from the local address /run/poetry",
        ),
        (E::Other(unix(), system()), "cannot connect to /run/poetry"),
    ];
    for (error, sentence) in errors {
        assert_told(&error, sentence, true);
    }
}

// N-019, N-020
#[test]
fn an_attempt_that_was_ended_from_here_says_what_was_connected_to() {
    use ConnectError as E;
    let errors = [
        (
            E::Stopped(destination()),
            "the attempt to connect to poetry.example:80 was stopped",
        ),
        (
            E::ReactorStopped(destination()),
            "the reactor stopped during the attempt to connect to poetry.example:80",
        ),
        (E::NotLocked(unix()), "nobody holds the lock of /run/poetry"),
    ];
    for (error, sentence) in errors {
        assert_told(&error, sentence, false);
    }
}

// N-019
#[test]
fn each_other_error_says_a_sentence() {
    let listen = ListenError {
        address: tcp(),
        source: system(),
    };
    assert_told(&listen, "cannot listen on 127.0.0.1:80", true);
    let adopt = AdoptError::Other(system());
    assert_told(&adopt, "the socket cannot be adopted", true);
    let lost = ConnectionClosed::ConnectionLost(system());
    assert_told(&lost, "the connection was lost", true);
    let without_source: [(&dyn Error, &str); 5] = [
        (
            &ConnectorError::NotConnecting,
            "no attempt to connect is under way",
        ),
        (
            &ConnectorError::NotDisconnected,
            "the connector is not disconnected",
        ),
        (
            &ConnectionClosed::ConnectionDone,
            "the connection was closed cleanly",
        ),
        (
            &ConnectionClosed::ConnectionAborted,
            "the connection was aborted",
        ),
        (
            &UnknownService {
                name: "haiku".to_owned(),
            },
            r#"the service "haiku" is not known"#,
        ),
    ];
    for (error, sentence) in without_source {
        assert_told(error, sentence, false);
    }
}

// N-016
#[test]
fn every_reason_is_an_end_and_all_but_the_clean_one_are_losses() {
    let clean = ConnectionClosed::ConnectionDone;
    let losses = [
        ConnectionClosed::ConnectionLost(system()),
        ConnectionClosed::ConnectionAborted,
        ConnectionClosed::ReactorStopped,
    ];

    assert!(clean.is_clean() && !clean.is_lost());
    for loss in losses {
        assert!(loss.is_lost() && !loss.is_clean(), "{loss}");
    }
}

// N-018
#[test]
fn an_invalid_address_is_a_kind_of_invalid_input_and_says_why() {
    let invalid = InvalidAddress {
        address: unix(),
        explanation: "the name is too long",
    };

    let error = io::Error::from(invalid.clone());

    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let inner = error.get_ref().and_then(|it| it.downcast_ref());
    assert_eq!(inner, Some(&invalid));
    assert_eq!(
        error.to_string(),
        "the address /run/poetry is not valid: the name is too long"
    );
}

// N-012
#[test]
#[cfg(target_os = "linux")]
fn a_service_is_looked_up_in_the_table_of_the_machine() {
    let Ok(table) = std::fs::read_to_string("/etc/services") else {
        return eprintln!("skipped: this machine has no table");
    };
    let entry = table.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| !name.starts_with('#'))?;
        let number = words.next()?.strip_suffix("/tcp")?;
        Some((name, number.parse().ok()?))
    });
    let (name, number): (_, u16) = entry.expect("there is some service of TCP");

    assert_eq!(tcp_port_of(name), Ok(number));
}
