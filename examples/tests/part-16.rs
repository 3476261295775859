//! The service of part 16, run as a user runs it.

#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
#[path = "common/netcat.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod netcat;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use clients::{assert_explains_itself, assert_refuses_unknown_backends, text};
use common::{Program, poem_file, run};
use netcat::{connect, rest_of};
use protocols::reactor::backend;
use rustix::process::Signal;
use servers::listen;

const SERVICE: &str = env!("CARGO_BIN_EXE_fastpoetry-service");
const LAMP: &str = "poems/lamp.txt";

#[test]
fn the_service_logs_what_it_does_and_stops_in_order_on_every_backend() {
    for name in backend::NAMES {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let (service, address) = start(&["--backend", name, "--poem", LAMP]);
            let client = connect(address);
            let peer = client.local_addr().unwrap();
            assert_eq!(rest_of(client), fs::read(LAMP).unwrap(), "{name}");
            let sending = format!("sending 651 bytes of poetry to {peer}");
            assert_eq!(message(&service.line()), sending);

            service.signal(signal);

            let ended = service.end();
            assert_eq!((ended.code, ended.errors.as_str()), (code, ""), "{name}");
            let messages: Vec<_> = text(&ended).lines().map(message).collect();
            let expected = [
                &*format!("received signal {}, shutting down", signal.as_raw()),
                &*format!("PoetryFactory listens no more on TCP {address}"),
                "PoetryFactory stops",
                "server shut down",
            ];
            assert_eq!(messages, expected, "{name}");
        }
    }
}

#[test]
fn the_pid_file_has_the_number_of_the_process_as_long_as_that_runs() {
    let pid = new_file("runs.pid");
    // The shell prints its number, and becomes the service.
    let line = r#"echo $$; exec "$@""#;
    let args = ["--port=0", "--poem", LAMP, "--pidfile", &pid];
    let service = Program::start("sh", &[&["-c", line, "sh", SERVICE], &args[..]].concat());
    let number = service.line();
    assert_eq!(
        message(&service.line()),
        "loaded a poem from: poems/lamp.txt"
    );
    assert_eq!(message(&service.line()), "PoetryFactory starts");
    // When it serves, the file is there.
    rest_of(connect(address_in(&service.line())));

    assert_eq!(fs::read_to_string(&pid).unwrap(), number + "\n");
    service.signal(Signal::TERM);

    assert_eq!(service.end().code, 143);
    assert!(!Path::new(&pid).exists());
}

#[test]
fn a_log_may_be_a_file_at_the_end_of_which_lines_are_added() {
    let log = new_file("added.log");
    let pid = poem_file("taken.pid", b"7\n");
    let args = [
        "--port=0",
        "--poem",
        LAMP,
        "--logfile",
        &log,
        "--pidfile",
        &pid,
    ];

    for times in [1, 2] {
        // What ends it is that the other file is there.
        let right = "; a pid file is there while a service runs, and only then";
        run(SERVICE, &args).assert_refused("fastpoetry-service", right);

        let written = fs::read_to_string(&log).unwrap();
        assert_eq!(written.lines().count(), times);
        assert_eq!(written.matches("] loaded a poem from: ").count(), times);
    }
    assert_eq!(fs::read(&pid).unwrap(), b"7\n");
}

#[test]
fn a_client_that_does_not_read_does_not_keep_the_service_from_stopping() {
    // More than the system takes at once.
    let file = poem_file("service_stops", &vec![b'o'; 10_000_000]);
    let (service, address) = start(&["--poem", &file]);
    let mut idle = connect(address);
    idle.read_exact(&mut [0; 10]).unwrap();

    service.signal(Signal::TERM);

    let ended = service.end();
    assert!(text(&ended).ends_with(" [INFO] server shut down\n"));
    assert_eq!((ended.code, ended.errors.as_str()), (143, ""));
}

#[test]
fn bad_usage_is_told_in_one_line_and_help_is_no_error() {
    let refused =
        |args: &[&str], part| run(SERVICE, args).assert_refused("fastpoetry-service", part);
    refused(&[], "--poem <POEM-FILE>; Usage: ");
    for file in ["poems/nowhere.txt", "poems", "two\nlines"] {
        refused(&["--poem", file], "; a poem is a file that you may read");
    }
    for bad in ["abc", "", "-1", "65536"] {
        let args = ["--poem", LAMP, "--port", bad];
        refused(&args, "a port is a number from 0 to 65535");
    }
    let args = ["--poem", LAMP, "--logfile", "poems"];
    refused(&args, "; a log is a file that you may write");
    assert_refuses_unknown_backends(SERVICE, &["--poem", LAMP]);
    assert_explains_itself(SERVICE);
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line_and_leaves_no_pid_file() {
    let taken = listen();
    let port = taken.local_addr().unwrap().port().to_string();
    let (log, pid) = (new_file("port.log"), new_file("port.pid"));
    let args = [
        "--port",
        &port,
        "--poem",
        LAMP,
        "--logfile",
        &log,
        "--pidfile",
        &pid,
    ];

    let right = "; --port 0 takes one that is free";
    run(SERVICE, &args).assert_refused("fastpoetry-service", right);

    assert!(!Path::new(&pid).exists());
}

/// Starts the service with these options on a free port, and tells where it listens.
#[track_caller]
fn start(args: &[&str]) -> (Program, SocketAddr) {
    let service = Program::start(SERVICE, &[&["--port=0"], args].concat());
    assert!(message(&service.line()).starts_with("loaded a poem from: "));
    assert_eq!(message(&service.line()), "PoetryFactory starts");
    let address = address_in(&service.line());
    (service, address)
}

/// The address in the line that tells it.
#[track_caller]
fn address_in(line: &str) -> SocketAddr {
    let address = message(line).strip_prefix("PoetryFactory listens on TCP ");
    let address = address.and_then(|address| address.parse().ok());
    address.expect("the line ends with the address")
}

/// What was logged with a line, which begins with a time and a level.
#[track_caller]
fn message(line: &str) -> &str {
    let (time, message) = line.split_once(" [INFO] ").expect("a line has a level");
    assert!(time.parse::<f64>().is_ok_and(|time| time > 1e9), "{line}");
    message
}

/// The path of a file of one test, which is not there.
fn new_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may not be there.
    let _ = fs::remove_file(&path);
    path.to_str().unwrap().to_owned()
}
