//! Datagrams that nobody takes, and errors that the system keeps for a port.

use std::fs;
use std::os::unix::net::UnixDatagram;

use protocols::UnixAddress;
use protocols::datagram::{
    DatagramError, DatagramTransport, Delivery, ReactorUnixDatagrams, UnixDatagramOptions,
};
use protocols::reactor::Reactor;
use rustix::io::Errno;

use crate::common::{Log, Reports, after_turns, on_every_backend, run, stop_at_call, stop_soon};
use crate::speakers::{Folder, speaker, unnoted};

on_every_backend!(
    a_datagram_to_nobody_is_refused_at_once,
    connecting_to_nobody_is_an_error_and_calls_nothing,
    connecting_from_a_path_in_use_is_an_error_that_names_it,
    a_connected_port_whose_peer_goes_is_told_and_connects_again,
    an_error_that_the_system_keeps_is_reported_and_the_port_goes_on,
);

// N-086
// fault: a datagram refused
fn a_datagram_to_nobody_is_refused_at_once(reactor: &Reactor) {
    let (folder, reports) = (Folder::new(), Reports::collected());
    let (left, nothing) = (folder.file("left"), folder.file("nothing"));
    // A file that its program has not removed.
    drop(UnixDatagram::bind(&left).unwrap());
    let port = reactor
        .listen_unix_datagrams(folder.file("port"), unnoted())
        .unwrap();

    for path in [left, nothing] {
        let address = UnixAddress::from(path);
        let error = port.send_to(b"anybody there?", &address).unwrap_err();
        assert!(matches!(&error, DatagramError::Refused(at, _) if *at == address.clone().into()));
        assert_eq!(error.to_string(), format!("nobody listens on {address}"));
    }
    assert_eq!(port.dropped(), 0);
    reports.assert(&[]);
}

// N-094
fn connecting_to_nobody_is_an_error_and_calls_nothing(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let options = UnixDatagramOptions::new(folder.file("client"));
    let to = folder.file("server");

    let error = reactor
        .connect_unix_datagrams_with(options, to.clone(), speaker("client", &log))
        .unwrap_err();
    stop_soon(reactor);
    run(reactor);

    assert!(matches!(&error, DatagramError::Refused(at, _) if *at == UnixAddress::from(to).into()));
    log.assert(&[]);
    assert!(!folder.file("client").exists());
}

// N-094
fn connecting_from_a_path_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let folder = Folder::new();
    let _server = UnixDatagram::bind(folder.file("server")).unwrap();
    let _client = UnixDatagram::bind(folder.file("client")).unwrap();
    let options = UnixDatagramOptions::new(folder.file("client"));

    let error = reactor
        .connect_unix_datagrams_with(options, folder.file("server"), unnoted())
        .unwrap_err();

    let path = folder.file("client");
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", path.display())
    );
    assert!(matches!(error, DatagramError::Listen(_)));
}

// N-086
// fault: a path that is gone
fn a_connected_port_whose_peer_goes_is_told_and_connects_again(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), reactor.clone());
    let (path, noted) = (folder.file("server"), log.clone());
    let server = UnixDatagram::bind(&path).unwrap();
    let again = path.clone();
    let client = speaker("client", &log).on_refused(move |port| {
        assert_eq!(port.peer(), None);
        fs::remove_file(&again).unwrap();
        let server = UnixDatagram::bind(&again).unwrap();
        port.connect(&again.clone().into()).unwrap();
        assert_eq!(port.send(b"welcome back").unwrap(), Delivery::Sent);
        let mut buffer = [0; 20];
        assert_eq!(server.recv(&mut buffer).unwrap(), 12);
        stop_soon(&stop);
    });
    let port = reactor.connect_unix_datagrams(path, client).unwrap();
    assert_eq!(port.send(b"hello").unwrap(), Delivery::Sent);
    drop(server);
    after_turns(reactor, 1, move |_| {
        let sent = port.send(b"still there?");
        noted.note("sent");
        assert!(matches!(sent, Err(DatagramError::Refused(..))));
        assert!(matches!(port.send(b"?"), Err(DatagramError::NotConnected)));
    });

    run(reactor);

    log.assert(&["client started", "sent", "client refused", "client stopped"]);
}

//
#[cfg(target_os = "linux")]
fn an_error_that_the_system_keeps_is_reported_and_the_port_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let (a, b, c) = (folder.file("a"), folder.file("b"), folder.file("c"));
    let friend = UnixDatagram::bind(&b).unwrap();
    let _other = UnixDatagram::bind(&c).unwrap();
    let port = reactor
        .connect_unix_datagrams_with(
            UnixDatagramOptions::new(a.clone()),
            b.clone(),
            speaker("port", &log).on_datagram(move |_, _, _| stop()),
        )
        .unwrap();
    // A friend who turns to somebody else, with something unread, leaves an error with the one who has sent that.
    friend.connect(&a).unwrap();
    assert_eq!(port.send(b"hello").unwrap(), Delivery::Sent);
    friend.connect(&c).unwrap();
    let headline = format!("Error on the UNIX datagram port {}", a.display());
    after_turns(reactor, 3, move |_| {
        friend.connect(&a).unwrap();
        friend.send(b"hello again").unwrap();
    });

    run(reactor);

    log.assert(&["port started", "port got hello again", "port stopped"]);
    let error = std::io::Error::from(Errno::CONNRESET);
    reports.assert(&[(&headline, &format!("std::io::error::Error: {error}"))]);
    assert_eq!(port.dropped(), 0);
}
