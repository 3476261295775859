//! Endpoints from strings: what they describe, what is wrong with those that describe nothing, and kinds of one's own.

#[path = "common/book.rs"]
mod book;
mod common;
#[path = "common/paths.rs"]
mod paths;
#[path = "common/waiting.rs"]
mod waiting;

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use book::Book;
use common::peers::ANY;
use common::{Script, accepted, listener, on_every_backend, run, stop_at_call};
use paths::{Folder, listen_at};
use proptest::prelude::*;
use protocols::endpoints::{
    ClientEndpoint, DescriptionError, ReactorEndpoints, ServerEndpoint, quote,
};
use protocols::reactor::Reactor;
use protocols::{
    Address, ConnectError, ConnectOptions, ListenOptions, Port, ReactorUnix, UnixListenOptions,
};
use waiting::{run_until, run_until_failed};

on_every_backend!(
    a_proxy_before_a_server_string_wraps_the_string_after_it,
    a_client_string_for_tcp_connects,
    a_client_string_for_tcp_sets_the_local_address,
    a_client_string_for_tcp_sets_the_time_limit,
    a_client_string_for_unix_connects_with_the_path_either_way,
    a_client_string_for_unix_looks_for_the_lock_only_if_asked_to,
    a_server_string_for_tcp_listens_on_the_interface,
    a_server_string_for_unix_makes_the_file_with_its_mode_and_its_lock,
    a_server_string_for_unix_leaves_out_the_lock_if_asked_to,
    kinds_can_be_added_for_clients,
    kinds_can_be_added_for_servers,
    a_kind_can_be_replaced_and_no_other_reactor_knows,
);

fn client(reactor: &Reactor, text: &str) -> ClientEndpoint {
    ClientEndpoint::parse(reactor, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn server(reactor: &Reactor, text: &str) -> ServerEndpoint {
    ServerEndpoint::parse(reactor, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Connects by this string.
#[track_caller]
fn connect(reactor: &Reactor, text: &str) {
    let connecting = client(reactor, text).connect(Rc::new(Script::unnoted()));
    run_until(reactor, connecting).unwrap();
}

/// What goes wrong when one connects by this string.
#[track_caller]
fn failure_of(reactor: &Reactor, text: &str) -> String {
    run_until_failed(
        reactor,
        client(reactor, text).connect(Rc::new(Script::unnoted())),
    )
}

/// Listens by this string.
#[track_caller]
fn listen(reactor: &Reactor, text: &str) -> Port {
    let listening = server(reactor, text).listen(Rc::new(Script::unnoted()));
    let listening = listening.into_result().expect("sockets are bound at once");
    listening.unwrap()
}

/// A path as it is written in a string.
fn written(path: &Path) -> String {
    quote(path.to_str().expect("it is of this test's making"))
}

// E-029, E-033
fn a_client_string_for_tcp_connects(reactor: &Reactor) {
    let (_listener, port) = listener();

    connect(reactor, &format!("tcp:127.0.0.1:{port}"));
    connect(reactor, &format!("tcp:port={port}:host=127.0.0.1"));
    connect(reactor, &format!(r"tcp:127.0.0.\1:port={port}"));
}

// E-004, E-027
fn a_client_string_for_tcp_sets_the_local_address(reactor: &Reactor) {
    let (listener, port) = listener();

    connect(
        reactor,
        &format!("tcp:127.0.0.1:{port}:bindAddress=127.0.0.2"),
    );

    let local = accepted(&listener).peer_addr().unwrap();
    assert_eq!(local.ip(), Ipv4Addr::new(127, 0, 0, 2));

    connect(
        reactor,
        &format!(r"tcp:127.0.0.1:{port}:bindAddress=127.0.0.3\:0"),
    );

    let local = accepted(&listener).peer_addr().unwrap();
    assert_eq!(local.ip(), Ipv4Addr::new(127, 0, 0, 3));
}

// E-004
fn a_client_string_for_tcp_sets_the_time_limit(reactor: &Reactor) {
    Book::silent(reactor);
    let endpoint = client(reactor, "tcp:poetry.example:80:timeout=0.001");

    let connecting = endpoint.connect(Rc::new(Script::unnoted()));

    let failure = run_until(reactor, connecting).unwrap_err();
    let Some(ConnectError::TimedOut { after, .. }) = failure.check() else {
        panic!("{failure}");
    };
    assert_eq!(*after, Duration::from_millis(1));
}

// E-034
fn a_client_string_for_unix_connects_with_the_path_either_way(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("a:b=c");
    listen_at(reactor, &path, Script::unnoted());

    connect(reactor, &format!("unix:{}", written(&path)));

    // The port has ended with the run.
    fs::remove_file(&path).ok();
    listen_at(reactor, &path, Script::unnoted());
    connect(reactor, &format!("unix:timeout=9:path={}", written(&path)));
}

// E-034
fn a_client_string_for_unix_looks_for_the_lock_only_if_asked_to(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let text = format!("unix:{}:lockfile=", written(&path));

    assert_eq!(failure_of(reactor, &format!("{text}1")), "NotLocked");
    let failed = failure_of(reactor, &format!("{text}0"));
    assert_ne!(failed, "NotLocked");
    assert_eq!(
        failure_of(reactor, &format!("unix:{}", written(&path))),
        failed
    );

    let options = UnixListenOptions::new(path.as_path()).lock();
    let script = Rc::new(Script::unnoted());
    reactor.listen_unix_with(options, script).unwrap();
    connect(reactor, &format!("{text}1"));
}

// E-030
fn a_server_string_for_tcp_listens_on_the_interface(reactor: &Reactor) {
    for text in [
        "tcp:0:interface=127.0.0.1:backlog=5",
        "tcp:0:127.0.0.1:5",
        "tcp:backlog=5:interface=127.0.0.1:port=0",
    ] {
        let port = listen(reactor, text);
        assert_eq!(port.address().ip(), Some(ANY.ip()), "{text}");
    }
    let everywhere = listen(reactor, "tcp:0");
    assert_eq!(
        everywhere.address().ip(),
        Some(Ipv4Addr::UNSPECIFIED.into())
    );
}

fn mode_of(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("the file is there");
    metadata.permissions().mode() & 0o777
}

// E-004, E-030
fn a_server_string_for_unix_makes_the_file_with_its_mode_and_its_lock(reactor: &Reactor) {
    let folder = Folder::new();
    let (one, two) = (folder.path("one"), folder.path("two"));

    let first = listen(reactor, &format!("unix:{}:mode=600", written(&one)));
    listen(
        reactor,
        &format!("unix:address={}:backlog=2", written(&two)),
    );

    assert_eq!(first.address(), Address::Unix(one.as_path().into()));
    assert_eq!((mode_of(&one), mode_of(&two)), (0o600, 0o666));
    folder.assert_holds(&["one", "one.lock", "two", "two.lock"]);
}

// E-030
fn a_server_string_for_unix_leaves_out_the_lock_if_asked_to(reactor: &Reactor) {
    let folder = Folder::new();

    let path = written(&folder.path("one"));
    listen(reactor, &format!("unix:{path}:lockfile=0"));

    folder.assert_holds(&["one"]);
}

// E-039
fn a_proxy_before_a_server_string_wraps_the_string_after_it(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.path("a:b");
    let addresses = Rc::new(RefCell::new(Vec::new()));
    let (note, stop) = (Rc::clone(&addresses), stop_at_call(2, reactor));
    let script = Rc::new(Script::unnoted().on_data(move |transport, data| {
        assert_eq!(data, b"hello");
        note.borrow_mut().push(transport.peer().to_string());
        stop();
    }));
    let unix = format!("haproxy:unix:{}:mode=600", written(&path));
    for text in ["haproxy:tcp:0:interface=127.0.0.1", &unix] {
        let endpoint = server(reactor, text);
        let listening = endpoint.listen(Rc::clone(&script)).into_result();
        let port = listening.expect("sockets are bound at once").unwrap();
        let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\nhello";
        match port.address() {
            Address::Tcp(address) => TcpStream::connect(address).unwrap().write_all(header),
            _ => UnixStream::connect(&path).unwrap().write_all(header),
        }
        .unwrap();
    }

    run(reactor);

    assert_eq!(addresses.take(), ["192.0.2.7:4000", "192.0.2.7:4000"]);
}

// E-033
fn kinds_can_be_added_for_clients(reactor: &Reactor) {
    let given: Rc<RefCell<Vec<Option<String>>>> = Rc::default();
    let seen = Rc::clone(&given);
    reactor.add_client_kind("carrier-pigeon", move |reactor, arguments| {
        for name in ["loft", "ring", "colour"] {
            let argument = arguments.take(name)?;
            let text = argument.map(|argument| argument.as_str().to_owned());
            seen.borrow_mut().push(text);
        }
        let options = ConnectOptions::new();
        Ok(ClientEndpoint::tcp(reactor, "127.0.0.1", 80, options))
    });

    let endpoint = client(reactor, r"carrier-pigeon:north\:tower:colour=g=y");

    assert_eq!(endpoint.to_string(), "tcp:127.0.0.1:80");
    let given = given.borrow();
    let expected = [Some("north:tower".into()), None, Some("g=y".into())];
    assert_eq!(*given, expected);
}

// E-033
fn kinds_can_be_added_for_servers(reactor: &Reactor) {
    reactor.add_server_kind("local", |reactor, arguments| {
        let port = arguments.require("port", "a number")?.parse("a number")?;
        let options = ListenOptions::new(port).interface(ANY.ip());
        Ok(ServerEndpoint::tcp(reactor, options))
    });

    let port = listen(reactor, "local:0");

    assert_eq!(port.address().ip(), Some(ANY.ip()));
    let error = ServerEndpoint::parse(reactor, "local:0:again").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"local has no use for "again" at byte 8"#
    );
}

// E-033
fn a_kind_can_be_replaced_and_no_other_reactor_knows(reactor: &Reactor) {
    let other = common::another(reactor);
    reactor.add_client_kind("tcp", |reactor, _| {
        Ok(ClientEndpoint::tcp(
            reactor,
            "here",
            1,
            ConnectOptions::new(),
        ))
    });

    assert_eq!(client(reactor, "tcp").to_string(), "tcp:here:1");
    assert!(ClientEndpoint::parse(&other, "tcp").is_err());
}

/// What is said of a client's string.
#[track_caller]
fn client_error(text: &str) -> String {
    let reactor = Reactor::new().unwrap();
    ClientEndpoint::parse(&reactor, text)
        .unwrap_err()
        .to_string()
}

/// What is said of a server's string.
#[track_caller]
fn server_error(text: &str) -> String {
    let reactor = Reactor::new().unwrap();
    ServerEndpoint::parse(&reactor, text)
        .unwrap_err()
        .to_string()
}

// E-032
#[test]
fn an_unknown_kind_is_named_with_those_that_there_are() {
    let expected = r#"found "ftp" at byte 0, expected a kind of endpoint: "#;

    assert_eq!(
        client_error("ftp:host:21"),
        format!("{expected}tcp, tcp6, unix")
    );
    assert_eq!(
        server_error("ftp:21"),
        format!("{expected}haproxy, systemd, tcp, tcp6, unix")
    );
    assert!(client_error("").starts_with(r#"found "" at byte 0"#));
    assert!(client_error("host=tcp:80").starts_with(r#"found "" at byte 0"#));
}

// E-030
#[test]
fn a_port_may_be_named_as_the_system_knows_it() {
    let reactor = Reactor::new().unwrap();

    let by_number = server(&reactor, "tcp:80").to_string();

    match protocols::tcp_port_of("http") {
        Ok(_) => assert_eq!(server(&reactor, "tcp:http").to_string(), by_number),
        // A machine without a table has no names.
        Err(_) => assert!(ServerEndpoint::parse(&reactor, "tcp:http").is_err()),
    }
}

#[test]
fn what_is_missing_is_named_with_what_it_should_be() {
    assert_eq!(
        client_error("tcp:localhost"),
        "port of tcp: found nothing at byte 13, expected the number or the name of a port"
    );
    assert_eq!(
        server_error("unix"),
        "address of unix: found nothing at byte 4, expected a path"
    );
}

#[test]
fn what_is_wrong_is_shown_with_its_place_and_what_would_be_right() {
    assert_eq!(
        client_error("tcp:localhost:65536"),
        r#"port of tcp: found "65536" at byte 14, expected the number or the name of a port"#
    );
    assert_eq!(
        client_error("tcp:localhost:80:timeout=-1"),
        r#"timeout of tcp: found "-1" at byte 25, expected a number of seconds"#
    );
    assert_eq!(
        server_error("unix:/run/poetry:mode=888"),
        r#"mode of unix: found "888" at byte 22, expected an octal number from 0 to 777"#
    );
    assert_eq!(
        server_error("unix:/run/poetry:lockfile=maybe"),
        r#"lockfile of unix: found "maybe" at byte 26, expected 0 or 1"#
    );
    assert!(server_error("tcp6:80:interface=127.0.0.1").contains("the IPv6 address"));
    assert!(client_error("tcp::80").contains("the name or the address of a host"));
}

#[test]
fn what_is_too_much_is_shown_with_its_place() {
    assert_eq!(
        server_error("tcp:80:colour=green"),
        r#"tcp has no use for "colour=green" at byte 7"#
    );
    assert_eq!(
        client_error("tcp:localhost:80:5:127.0.0.1:more"),
        r#"tcp has no use for "more" at byte 29"#
    );
}

#[test]
fn what_is_wrong_behind_a_proxy_is_shown_with_its_place_in_the_whole_text() {
    assert!(server_error("haproxy:ftp:1").starts_with(r#"found "ftp" at byte 8"#));
    assert_eq!(
        server_error("haproxy:haproxy:tcp:ü"),
        r#"port of tcp: found "ü" at byte 20, expected the number or the name of a port"#
    );
    assert!(server_error("haproxy:tcp").contains("found nothing at byte 11"));
    assert!(server_error("haproxy").starts_with(r#"found "" at byte 7"#));
}

/// So many endpoints around one of TCP.
fn wrapped(times: usize) -> String {
    format!("{}tcp:0", "haproxy:".repeat(times))
}

#[test]
fn sixteen_endpoints_may_stand_around_another_and_no_more() {
    assert_eq!(
        server_error(&wrapped(17)),
        "the endpoint at byte 136 is inside more than 16 others"
    );
    // However many there are, they cost no more stack than that.
    assert_eq!(server_error(&wrapped(17)), server_error(&wrapped(100_000)));

    let reactor = Reactor::new().unwrap();
    assert!(ServerEndpoint::parse(&reactor, &wrapped(17)).is_err());
    // What was begun and did not come to its end does not count any more.
    assert!(ServerEndpoint::parse(&reactor, &wrapped(16)).is_ok());
}

#[test]
fn endpoints_of_added_kinds_stand_around_others_as_those_do_that_were_there() {
    let reactor = Reactor::new().unwrap();
    reactor.add_client_kind("again", |reactor, arguments| {
        ClientEndpoint::parse(reactor, &arguments.take_rest())
    });
    reactor.add_client_kind("panic", |_, _| panic!("there is no such thing"));
    let parse = |times, kind| {
        let text = format!("{}{kind}", "again:".repeat(times));
        ClientEndpoint::parse(&reactor, &text)
    };

    let panicked = panic::catch_unwind(AssertUnwindSafe(|| parse(16, "panic")));

    assert!(panicked.is_err());
    assert!(parse(16, "tcp:host:80").is_ok());
    assert!(matches!(
        parse(17, "tcp:host:80"),
        Err(DescriptionError::TooDeep { most: 16, .. })
    ));
}

#[test]
fn what_is_given_twice_is_an_error() {
    assert_eq!(
        server_error("tcp:80:port=81"),
        "port of tcp is given again at byte 7"
    );
    assert_eq!(
        server_error("tcp:port=80:port=81"),
        "port of tcp is given again at byte 12"
    );
}

// E-031
#[test]
fn a_server_string_for_tcp6_listens_on_all_ipv6_interfaces_unless_one_is_named() {
    let reactor = Reactor::new().unwrap();

    assert_eq!(server(&reactor, "tcp6:80").to_string(), "tcp:[::]:80");
    let one = server(&reactor, r"tcp6:80:interface=\:\:1:backlog=9");
    assert_eq!(one.to_string(), "tcp:[::1]:80");
}

// E-011
#[test]
fn a_client_string_for_tcp6_takes_a_literal() {
    let reactor = Reactor::new().unwrap();

    let endpoint = client(&reactor, r"tcp6:\:\:1:80");

    assert_eq!(endpoint.to_string(), "tcp:[::1]:80");
}

#[test]
fn errors_are_told_apart() {
    let reactor = Reactor::new().unwrap();

    let error = ClientEndpoint::parse(&reactor, "tcp:localhost").unwrap_err();

    assert!(matches!(
        error,
        DescriptionError::Missing {
            name: "port",
            position: 13,
            ..
        }
    ));
}

/// Where in its text the fault is.
fn position(error: &DescriptionError) -> usize {
    match error {
        DescriptionError::NothingQuoted { position }
        | DescriptionError::UnknownKind { position, .. }
        | DescriptionError::Missing { position, .. }
        | DescriptionError::Invalid { position, .. }
        | DescriptionError::Unexpected { position, .. }
        | DescriptionError::TooDeep { position, .. }
        | DescriptionError::Twice { position, .. } => *position,
        other => panic!("{other} has no place"),
    }
}

/// What a carrier pigeon is given by a text, each by its name.
fn pigeon(reactor: &Reactor, text: &str) -> Result<Vec<(&'static str, String)>, DescriptionError> {
    let taken: Rc<RefCell<Vec<_>>> = Rc::default();
    let take = Rc::clone(&taken);
    reactor.add_client_kind("pigeon", move |reactor, arguments| {
        for name in ["loft", "ring", "colour"] {
            let argument = arguments.take(name)?;
            let text = argument.map(|argument| (name, argument.as_str().to_owned()));
            take.borrow_mut().extend(text);
        }
        let options = ConnectOptions::new();
        Ok(ClientEndpoint::tcp(reactor, "127.0.0.1", 80, options))
    });
    ClientEndpoint::parse(reactor, text).map(|_| taken.take())
}

proptest! {
    // E-029
    #[test]
    fn what_was_read_and_is_written_by_name_is_read_the_same(
        text in r"(:(loft=|ring=|colour=)?[a-z\\.:=ü]{0,6}){0,3}",
    ) {
        let reactor = Reactor::new().unwrap();
        let Ok(taken) = pigeon(&reactor, &format!("pigeon{text}")) else {
            return Ok(());
        };

        let named = taken.iter().map(|(name, value)| format!(":{name}={}", quote(value)));
        let written = format!("pigeon{}", named.collect::<String>());

        prop_assert_eq!(pigeon(&reactor, &written), Ok(taken));
    }

    // E-029
    #[test]
    fn no_text_panics_and_each_fault_has_its_place(
        kind in "(haproxy:){0,20}(tcp|tcp6|unix|)",
        rest in r"(:(port=|timeout=|mode=|interface=|lockfile=)?[0-9a-z\\.:=\-ü]{0,6}){0,5}",
        anything in ".*",
    ) {
        let reactor = Reactor::new().unwrap();
        for text in [format!("{kind}{rest}"), anything] {
            let faults = [
                ClientEndpoint::parse(&reactor, &text).err(),
                ServerEndpoint::parse(&reactor, &text).err(),
            ];
            for fault in faults.iter().flatten() {
                prop_assert!(text.is_char_boundary(position(fault)), "{text:?}: {fault}");
            }
        }
    }

    // E-029
    #[test]
    fn any_path_can_be_quoted(path in "[^\u{0}]{1,50}") {
        let reactor = Reactor::new().unwrap();

        let endpoint = client(&reactor, &format!("unix:{}", quote(&path)));

        prop_assert_eq!(endpoint.to_string(), format!("unix:{path}"));
    }

    // E-004
    #[test]
    fn any_port_and_interface_reach_the_endpoint(address: SocketAddr) {
        let reactor = Reactor::new().unwrap();
        let (port, interface) = (address.port(), quote(&address.ip().to_string()));

        let endpoint = server(&reactor, &format!("tcp:{port}:interface={interface}"));

        let shown = SocketAddr::new(address.ip(), port);
        prop_assert_eq!(endpoint.to_string(), format!("tcp:{shown}"));
    }
}
