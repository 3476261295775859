//! The names of ports: what cannot be one, and what becomes of the files.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

use protocols::Address;
use protocols::datagram::{DatagramTransport, ReactorUnixDatagrams, UnixDatagramOptions};
use protocols::reactor::Reactor;
use rustix::io::Errno;

use crate::common::{Log, on_every_backend, run, stop_at_call, stop_soon};
use crate::speakers::{Folder, abstract_name, speaker, unnoted};

on_every_backend!(
    a_path_in_use_is_an_error_that_names_it,
    a_file_that_is_no_socket_is_left_alone,
    a_folder_that_is_not_there_is_an_error_that_names_the_path,
    a_path_that_is_too_long_is_an_error,
    an_abstract_name_leaves_no_file,
    the_file_has_the_mode_that_was_asked_for,
    the_file_goes_when_the_port_stops,
    the_file_goes_when_the_reactor_stops,
    a_file_that_somebody_else_has_put_there_stays,
);

#[track_caller]
fn assert_not_listened(reactor: &Reactor, path: &Path, errno: Errno) {
    let error = reactor.listen_unix_datagrams(path, unnoted()).unwrap_err();
    assert_eq!(error.address, Address::Unix(path.into()));
    assert_eq!(error.source.raw_os_error(), Some(errno.raw_os_error()));
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", path.display())
    );
}

// N-094
fn a_path_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.file("taken");
    let port = reactor.listen_unix_datagrams(path.clone(), unnoted());

    assert_not_listened(reactor, &path, Errno::ADDRINUSE);

    // The first one has kept its file.
    drop(port.unwrap());
    assert!(path.exists());
}

fn a_file_that_is_no_socket_is_left_alone(reactor: &Reactor) {
    let folder = Folder::new();
    fs::write(folder.file("letter"), "Dear reader,").unwrap();

    assert_not_listened(reactor, &folder.file("letter"), Errno::ADDRINUSE);

    assert_eq!(fs::read(folder.file("letter")).unwrap(), b"Dear reader,");
}

// fault: a path that is gone
fn a_folder_that_is_not_there_is_an_error_that_names_the_path(reactor: &Reactor) {
    let folder = Folder::new();

    assert_not_listened(reactor, &folder.file("no/where"), Errno::NOENT);
}

fn a_path_that_is_too_long_is_an_error(reactor: &Reactor) {
    let folder = Folder::new();

    let path = folder.file(&"x".repeat(200));
    let error = reactor
        .listen_unix_datagrams(&*path, unnoted())
        .unwrap_err();
    assert_eq!(error.address, Address::Unix((&*path).into()));
    assert!(
        error.source.to_string().ends_with("the name is too long"),
        "{}",
        error.source
    );
}

// N-071
#[cfg(target_os = "linux")]
fn an_abstract_name_leaves_no_file(reactor: &Reactor) {
    let name = abstract_name(reactor, "taken");
    let port = reactor
        .listen_unix_datagrams(name.clone(), speaker("The echo", &Log::default()))
        .unwrap();

    let again = reactor
        .listen_unix_datagrams(name.clone(), unnoted())
        .unwrap_err();

    assert_eq!(again.address, Address::Unix(name.clone()));
    assert!(!Path::new(&name.to_string()).exists());
    assert_eq!(
        format!("{port:?}"),
        format!("UnixDatagramPort(The echo on {name})")
    );
}

// N-070
fn the_file_has_the_mode_that_was_asked_for(reactor: &Reactor) {
    for mode in [0o600, 0o622, 0o777] {
        let folder = Folder::new();
        let options = UnixDatagramOptions::new(folder.file("port")).mode(mode);

        let port = reactor.listen_unix_datagrams_with(options, unnoted());

        let permissions = fs::metadata(folder.file("port")).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
        drop(port.unwrap());
    }
}

fn the_file_goes_when_the_port_stops(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let path = folder.file("port");
    let port = reactor
        .listen_unix_datagrams(path.clone(), unnoted())
        .unwrap();
    let (existed, seen) = (path.exists(), Rc::new(Cell::new(false)));
    let (gone, file) = (Rc::clone(&seen), path.clone());

    port.stop_listening()
        .map(move |()| {
            gone.set(!file.exists());
            stop();
        })
        .log_failure("while stopping");
    run(reactor);

    assert!(existed && seen.get());
    // There is place for the next one.
    assert!(reactor.listen_unix_datagrams(path, unnoted()).is_ok());
}

fn the_file_goes_when_the_reactor_stops(reactor: &Reactor) {
    let folder = Folder::new();
    reactor
        .listen_unix_datagrams(folder.file("port"), unnoted())
        .unwrap();
    stop_soon(reactor);

    run(reactor);

    assert!(!folder.file("port").exists());
}

fn a_file_that_somebody_else_has_put_there_stays(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.file("port");
    let port = reactor
        .listen_unix_datagrams(path.clone(), unnoted())
        .unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();

    drop(port.stop_listening());

    assert_eq!(fs::read(&path).unwrap(), b"mine");
}
