//! The client that gets poems from other programs, run as a user runs it.
//!
//! Where a server should misbehave, the test is the server, with a plain socket.

mod common;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one client needs is not what another does")]
mod servers;

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use common::{Ended, Program, poem_file, run, serve};
use protocols::reactor::backend;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use servers::{accept, address_of, listen, refusing, reset};

const GET_POETRY: &str = env!("CARGO_BIN_EXE_get-poetry");
const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");
const LAMP: &str = "poems/lamp.txt";

#[test]
fn a_poem_arrives_byte_for_byte_on_every_backend() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let file = poem_file("get_byte_for_byte", &bytes);
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=9999", &file]);
    let address = address.to_string();

    for name in backend::NAMES {
        let by_option = run(GET_POETRY, &["--backend", name, &address]);
        let by_environment = run(
            "env",
            &[&format!("REACTOR_BACKEND={name}"), GET_POETRY, &address],
        );

        for ended in [by_option, by_environment] {
            assert_eq!(ended.code, 0, "{name}: {}", ended.errors);
            assert!(ended.output == bytes, "{name}: {}", ended.errors);
        }
    }
}

#[test]
fn what_is_said_about_the_poems_goes_to_standard_error() {
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", LAMP]);

    let ended = run(GET_POETRY, &[address.to_string()]);

    let lines: Vec<_> = ended.errors.lines().collect();
    assert_eq!(lines[0], "Task 1: 651 bytes of poetry");
    assert!(lines[1].starts_with("Got 1 poems in 0:00:"));
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_port_alone_is_on_this_machine() {
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", LAMP]);

    assert_got_the_lamp(&run(GET_POETRY, &[address.port().to_string()]));
}

#[test]
fn a_host_may_be_a_name() {
    let (_server, address) = serve(SLOWPOETRY, &["--iface=localhost", "--delay=0", LAMP]);

    let server = format!("localhost:{}", address.port());

    assert_got_the_lamp(&run(GET_POETRY, &[server]));
}

#[test]
fn a_host_may_be_an_ipv6_address() {
    if let Err(error) = TcpListener::bind("[::1]:0") {
        return println!("not tested, this machine has no IPv6 loopback address: {error}");
    }
    let (_server, address) = serve(SLOWPOETRY, &["--iface=::1", "--delay=0", LAMP]);

    let server = format!("[::1]:{}", address.port());

    assert_got_the_lamp(&run(GET_POETRY, &[server]));
}

#[test]
fn an_empty_poem_is_a_poem() {
    let file = poem_file("get_empty", b"");
    let (_server, address) = serve(SLOWPOETRY, &[&file]);

    let ended = run(GET_POETRY, &[address.to_string()]);

    assert_eq!((ended.code, ended.output.as_slice()), (0, &b""[..]));
    assert!(ended.errors.starts_with("Task 1: 0 bytes of poetry\n"));
}

#[test]
fn poems_are_printed_whole_in_the_order_in_which_they_are_complete() {
    let (first, second) = (listen(), listen());
    let client = Program::start(GET_POETRY, &[address_of(&first), address_of(&second)]);

    let mut first = accept(&first);
    let mut second = accept(&second);
    first.write_all(b"I come before, ").unwrap();
    second.write_all(b"but I am done.\n").unwrap();
    drop(second);
    assert_eq!(client.line(), "but I am done.");
    first.write_all(b"and last.\n").unwrap();
    drop(first);

    let ended = client.end();
    assert_eq!(ended.output, b"I come before, and last.\n");
    assert_eq!(ended.code, 0, "{}", ended.errors);
}

#[test]
fn a_server_may_be_slower_than_the_timeout_as_long_as_it_is_not_silent() {
    // 33 pieces with a tenth of a second between them.
    let (_server, address) = serve(SLOWPOETRY, &["--num-bytes=20", LAMP]);

    assert_got_the_lamp(&run(GET_POETRY, &["--timeout=2", &address.to_string()]));
}

#[test]
fn a_server_that_refuses_costs_its_own_poem_only() {
    let (_socket, refusing) = refusing();
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", LAMP]);

    for name in backend::NAMES {
        let args = ["--backend", name, &refusing, &address.to_string()];
        let ended = run(GET_POETRY, &args);

        let reason = format!("the connection to {refusing} was refused: ");
        assert_only_the_lamp(&ended, &no_poetry(1, &refusing, &reason));
    }
}

#[test]
fn a_server_that_resets_the_connection_costs_its_own_poem_only() {
    for name in backend::NAMES {
        let (resetting, other) = (listen(), listen());
        let server = address_of(&resetting);
        let args = ["--backend", name, &server, &address_of(&other)];
        let client = Program::start(GET_POETRY, &args);
        let (mut resetting, mut other) = (accept(&resetting), accept(&other));

        resetting.write_all(b"half a po").unwrap();
        other.write_all(b"a poem\n").unwrap();
        drop(other);
        assert_eq!(client.line(), "a poem");
        reset(resetting);

        let ended = client.end();
        let line = no_poetry(1, &server, "the connection was lost: ");
        assert!(ended.errors.contains(&line), "{name}: {}", ended.errors);
        assert!(ended.errors.contains("Got 1 poems in "));
        assert_eq!((ended.code, ended.output.as_slice()), (1, &b""[..]));
    }
}

#[test]
fn a_server_that_stays_silent_costs_its_own_poem_only() {
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", LAMP]);

    for name in backend::NAMES {
        // The system answers for a server that does not accept.
        let silent = listen();
        let server = address_of(&silent);
        let address = address.to_string();
        // Long enough for the other server, however busy the machine is.
        let args = ["--timeout=3", "--backend", name, &server, &address];
        let ended = run(GET_POETRY, &args);

        let reason = "the server was silent for 3s";
        assert_only_the_lamp(&ended, &no_poetry(1, &server, reason));
    }
}

#[test]
fn a_server_that_falls_silent_is_given_up_too() {
    let listener = listen();
    let server = address_of(&listener);
    let client = Program::start(GET_POETRY, &["--timeout=0.2", &server]);

    let mut connection = accept(&listener);
    connection.write_all(b"half a po").unwrap();
    let ended = client.end();

    assert_eq!((ended.code, ended.output.as_slice()), (1, &b""[..]));
    let line = no_poetry(1, &server, "the server was silent for 200ms\n");
    assert!(ended.errors.starts_with(&line), "{}", ended.errors);
}

#[test]
fn a_server_that_was_given_up_sees_the_connection_end() {
    let (silent, slow) = (listen(), listen());
    let args = ["--timeout=3", &address_of(&silent), &address_of(&slow)];
    let client = Program::start(GET_POETRY, &args);
    let (mut silent, mut slow) = (accept(&silent), accept(&slow));

    // The other poem keeps the program running meanwhile.
    silent.set_nonblocking(true).unwrap();
    let still_open = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
    while silent.read(&mut [0]).is_err_and(still_open) {
        slow.write_all(b"on and ").unwrap();
        wait_for(&silent, Duration::from_millis(100));
    }
    drop(slow);

    let ended = client.end();
    assert_eq!(ended.code, 1, "{}", ended.errors);
    assert!(ended.output.starts_with(b"on and on and "));
}

#[test]
fn a_name_that_no_one_knows_is_told_with_its_task() {
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", LAMP]);
    // A name may have parts of 63 letters, so that no one needs to be asked about this one.
    let unknown = format!("{}:10000", "x".repeat(64));

    let ended = run(GET_POETRY, &[&unknown, &address.to_string()]);

    assert_only_the_lamp(&ended, &no_poetry(1, &unknown, "the host name "));
}

#[test]
fn every_poem_that_could_not_be_had_is_told() {
    let ((_first, first), (_second, second)) = (refusing(), refusing());

    let ended = run(GET_POETRY, &[&first, &second]);

    assert_eq!((ended.code, ended.output.as_slice()), (1, &b""[..]));
    for (task, server) in [(1, &first), (2, &second)] {
        let line = no_poetry(task, server, "the connection to ");
        assert_eq!(ended.errors.matches(&line).count(), 1, "{}", ended.errors);
    }
    assert!(ended.errors.contains("Got 0 poems in 0:00:"));
}

#[test]
fn a_signal_ends_the_wait_and_tells_what_has_come() {
    for name in backend::NAMES {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let (half, whole) = (listen(), listen());
            let server = address_of(&half);
            let args = ["--backend", name, &server, &address_of(&whole)];
            let client = Program::start(GET_POETRY, &args);
            let (mut half, mut whole) = (accept(&half), accept(&whole));
            half.write_all(b"half a poe").unwrap();
            whole.write_all(b"a poem\n").unwrap();
            drop(whole);
            assert_eq!(client.line(), "a poem");

            client.signal(signal);
            let ended = client.end();

            let line = format!("Task 1: interrupted after 10 bytes of poetry from {server}\n");
            assert!(ended.errors.ends_with(&line), "{name}: {}", ended.errors);
            assert!(!ended.errors.contains("Task 2: interrupted"));
            assert!(ended.errors.contains("Task 2: 7 bytes of poetry\n"));
            assert!(ended.errors.contains("Got 1 poems in "));
            assert_eq!((ended.code, ended.output.as_slice()), (code, &b""[..]));
        }
    }
}

#[test]
fn a_signal_while_nothing_has_come_is_told_too() {
    let listener = listen();
    let server = address_of(&listener);
    let client = Program::start(GET_POETRY, &[&server]);
    let _connection = accept(&listener);

    client.signal(Signal::INT);
    let ended = client.end();

    let line = format!("Task 1: interrupted after 0 bytes of poetry from {server}\n");
    assert!(ended.errors.ends_with(&line), "{}", ended.errors);
    assert_eq!(ended.code, 130);
}

#[test]
fn an_output_that_no_one_reads_to_its_end_ends_the_program_quietly() {
    // More than a pipe holds.
    let file = poem_file("get_head", &b"a line of many\n".repeat(100_000));
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=9999", &file]);

    let line = r#"("$0" "$1"; echo "code $?" >&2) | head -1"#;
    let ended = run("sh", &["-c", line, GET_POETRY, &address.to_string()]);

    assert_eq!(ended.output, b"a line of many\n");
    assert_eq!(ended.errors, "code 0\n");
}

#[test]
fn an_output_that_is_full_is_told_even_after_the_last_poem() {
    if !Path::new("/dev/full").exists() {
        return println!("not tested, this system has no /dev/full");
    }
    // Without a line's end, it could stay in a buffer until it is too late to tell.
    let file = poem_file("get_full", b"no end");
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", &file]);

    let line = r#""$0" "$1" > /dev/full"#;
    let ended = run("sh", &["-c", line, GET_POETRY, &address.to_string()]);

    ended.assert_refused("get-poetry", "cannot write to standard output: ");
}

#[test]
fn bad_usage_is_told_in_one_line() {
    let port = "a port is a number from 1 to 65535";
    let address = "an address is [HOST:]PORT, such as 10000 or localhost:10000";
    let timeout = "a time to wait is a number of seconds above 0, up to 86400";

    assert_refused(&[], "Usage: get-poetry [OPTIONS] <[HOST:]PORT>...");
    for bad in [
        "abc",
        "-1",
        "0",
        "65536",
        "1.5",
        "localhost:http",
        "[::1]:0",
    ] {
        assert_refused(&[bad], port);
        assert_refused(&["10000", bad], port);
    }
    for bad in ["", "localhost:", ":10000", "[::1]"] {
        assert_refused(&[bad], address);
    }
    assert_refused(&["::1"], "an IPv6 address stands in brackets");
    assert_refused(&["two\nlines:10000"], "a host is a name");
    for bad in ["abc", "", "-1", "0", "-0.0", "1e-12", "nan", "inf", "1e9"] {
        assert_refused(&["--timeout", bad, "10000"], timeout);
    }
    assert_refused(
        &["--timeout"],
        "a value is required for '--timeout <SECONDS>'",
    );
    assert_refused(&["--timeot", "1", "10000"], "'--timeout'");
}

#[test]
fn an_unknown_backend_is_told_in_one_line_with_the_ones_that_there_are() {
    let right = format!("there are: {}", backend::NAMES.join(", "));

    for bad in ["nope", "", "two\nlines"] {
        assert_refused(&["--backend", bad, "10000"], &right);
    }
    for bad in ["nope", "two\nlines"] {
        let variable = format!("REACTOR_BACKEND={bad}");
        let ended = run("env", &[&variable, GET_POETRY, "10000"]);
        ended.assert_refused("get-poetry", &format!("in REACTOR_BACKEND; {right}"));
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let help = run(GET_POETRY, &["--help"]);
    let text = String::from_utf8(help.output).unwrap();
    assert!(text.contains("Usage: get-poetry [OPTIONS] <[HOST:]PORT>..."));
    assert_eq!((help.code, help.errors.as_str()), (0, ""));

    let version = run(GET_POETRY, &["--version"]);
    assert!(version.output.starts_with(b"get-poetry "));
    assert_eq!((version.code, version.errors.as_str()), (0, ""));
}

/// Checks that the program refuses these arguments in one line that has `part` in it.
#[track_caller]
fn assert_refused(args: &[&str], part: &str) {
    run(GET_POETRY, args).assert_refused("get-poetry", part);
}

/// Checks that the lamp's poem came, and that nothing went wrong.
#[track_caller]
fn assert_got_the_lamp(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.errors);
    assert!(ended.output == fs::read(LAMP).unwrap(), "{}", ended.errors);
}

/// Checks that the lamp's poem came as task 2, and that the other task was reported in this line.
#[track_caller]
fn assert_only_the_lamp(ended: &Ended, line: &str) {
    assert_eq!(ended.code, 1, "{}", ended.errors);
    assert!(ended.output == fs::read(LAMP).unwrap(), "{}", ended.errors);
    assert_eq!(ended.errors.matches(line).count(), 1, "{}", ended.errors);
    assert!(ended.errors.contains("Task 2: 651 bytes of poetry\n"));
    assert!(ended.errors.contains("Got 1 poems in "));
    assert_eq!(ended.errors.lines().count(), 3, "{}", ended.errors);
}

/// How the line begins that says why a poem could not be had.
fn no_poetry(task: usize, server: &str, reason: &str) -> String {
    format!("Task {task}: no poetry from {server}: {reason}")
}

/// Waits until there is something to read or to accept, and says whether there is.
fn wait_for(socket: &impl AsFd, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).unwrap();
    poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&patience)) == Ok(1)
}
