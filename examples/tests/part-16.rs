//! The service of part 16, run as what starts services runs it.

#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
mod common;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{self, Child, Command, Stdio};

use clients::text;
use common::{PATIENCE, Program, poem_file, run};
use protocols::reactor::backend;
use rustix::process::{Pid, Signal, kill_process};
use servers::reset;

const SERVICE: &str = env!("CARGO_BIN_EXE_fastpoetry-service");
const LAMP: &str = "poems/lamp.txt";
/// More than the system takes for a client that does not read.
const LONG: usize = 32 << 20;

#[test]
fn everyone_gets_the_whole_poem_at_once_on_every_backend() {
    for name in backend::NAMES {
        let (_service, address) = serve("everyone", &["--poem", LAMP, "--backend", name]);

        let clients = [connect(address), connect(address)];

        for client in clients {
            assert_eq!(rest_of(client), fs::read(LAMP).unwrap(), "{name}");
        }
    }
}

#[test]
fn the_log_tells_from_the_first_to_the_last() {
    for (signal, number, code) in [(Signal::INT, 2, 130), (Signal::TERM, 15, 143)] {
        let service = Program::start(SERVICE, &afresh("log", &["--poem", LAMP]));
        let serving = service.line();
        let client = connect(address_in(&serving));
        let sending = format!("sending 651 bytes of poetry to {}", local(&client));
        assert_eq!(message(&line_with(&service, "sending ")), sending);
        rest_of(client);

        service.signal(signal);
        let ended = service.end();

        let begin = "serving 651 bytes of poetry from poems/lamp.txt on 127.0.0.1:";
        assert!(message(&serving).starts_with(begin), "{serving}");
        let last = text(&ended).lines().map(message).collect::<Vec<_>>();
        let ours = [
            &*format!("received signal {number}, shutting down"),
            "the port is closed, and 0 clients still read",
            "the service has stopped",
        ];
        // Between them, the library says what has become of the port.
        let last: Vec<_> = last.into_iter().filter(|it| ours.contains(it)).collect();
        assert_eq!(last, ours);
        assert_eq!((ended.code, ended.errors.as_str()), (code, ""));
    }
}

#[test]
fn what_is_logged_goes_behind_what_is_in_the_file_and_not_to_standard_output() {
    let file = poem_file("service.log", b"an older line\n");
    let service = Program::start(
        SERVICE,
        &afresh("logfile", &["--poem", LAMP, "--logfile", &file]),
    );
    let log = Program::start("tail", &["-n", "+1", "-f", &file]);
    while !log.line().contains("serving ") {}

    service.signal(Signal::TERM);
    let ended = service.end();

    assert_eq!(
        (ended.code, text(&ended), ended.errors.as_str()),
        (143, "", "")
    );
    let log = fs::read_to_string(file).unwrap();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines[0], "an older line");
    assert!(message(lines[1]).starts_with("serving "), "{log}");
    assert_eq!(message(lines[lines.len() - 1]), "the service has stopped");
}

#[test]
fn the_pid_file_is_there_as_long_as_the_service_is() {
    let pid_file = pid_file("as_long_as");
    let (service, _) = serve("as_long_as", &["--poem", LAMP]);

    kill_process(pid_in(&pid_file), Signal::TERM).unwrap();

    assert_eq!(service.end().code, 143);
    assert!(!Path::new(&pid_file).exists());
    assert!(!Path::new(&format!("{pid_file}.lock")).exists());
}

#[test]
fn a_service_that_runs_already_is_not_started_again() {
    let (_service, address) = serve("again", &["--poem", LAMP]);

    let refused = run(SERVICE, &on_any_port("again", &["--poem", LAMP]));

    let pid = pid_in(&pid_file("again"));
    let why = format!("is running already, as process {}", pid.as_raw_nonzero());
    refused.assert_refused("fastpoetry-service", &why);
    // And the first one is none the worse for it.
    assert_eq!(rest_of(connect(address)).len(), 651);
    assert!(Path::new(&pid_file("again")).exists());
}

#[test]
fn a_pid_file_of_any_living_process_is_respected() {
    fs::write(pid_file("living"), format!("{}\n", process::id())).unwrap();

    let refused = run(SERVICE, &on_any_port("living", &["--poem", LAMP]));

    let why = format!("is running already, as process {}", process::id());
    refused.assert_refused("fastpoetry-service", &why);
    assert!(Path::new(&pid_file("living")).exists());
}

#[test]
fn a_pid_file_that_a_dead_process_left_is_taken_over() {
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    fs::write(pid_file("stale"), format!("{}\n", dead.id())).unwrap();

    let service = Program::start(SERVICE, &on_any_port("stale", &["--poem", LAMP]));

    let line = service.line();
    let end = format!(
        "stale.pid\" was left by process {}, which is gone",
        dead.id()
    );
    assert!(line.contains("Z [WARN] ") && line.ends_with(&end), "{line}");
    assert_eq!(rest_of(connect(address_in(&service.line()))).len(), 651);
    kill_process(pid_in(&pid_file("stale")), Signal::TERM).unwrap();
    assert_eq!(service.end().code, 143);
}

#[test]
fn a_pid_file_that_is_none_is_left_alone() {
    for content in ["", "a poem\n", "0\n", "-1\n", "1 2\n"] {
        fs::write(pid_file("none"), content).unwrap();

        let refused = run(SERVICE, &on_any_port("none", &["--poem", LAMP]));

        refused.assert_refused("fastpoetry-service", "has no process number in it");
        assert_eq!(fs::read_to_string(pid_file("none")).unwrap(), content);
    }
}

#[test]
fn a_client_that_still_reads_when_the_service_stops_gets_its_poem() {
    for name in backend::NAMES {
        let poem = poem_file("still_reads.txt", &b"no end of it\n".repeat(LONG / 13));
        let args = ["--poem", &poem, "--grace", "60", "--backend", name];
        let (service, address) = serve("still_reads", &args);
        let client = connect(address);
        line_with(&service, "sending ");

        service.signal(Signal::TERM);

        let line = line_with(&service, "the port is closed");
        assert_eq!(
            message(&line),
            "the port is closed, and 1 clients still read"
        );
        // No one else comes in meanwhile.
        assert!(TcpStream::connect(address).is_err());
        assert_eq!(rest_of(client).len(), LONG / 13 * 13, "{name}");
        assert_eq!(service.end().code, 143);
    }
}

#[test]
fn a_client_that_does_not_read_is_cut_off_when_the_grace_is_over() {
    let poem = poem_file("cut_off.txt", &vec![b'o'; LONG]);
    let (service, address) = serve("cut_off", &["--poem", &poem, "--grace", "0.05"]);
    let client = connect(address);
    line_with(&service, "sending ");

    service.signal(Signal::TERM);
    let ended = service.end();

    assert_eq!((ended.code, ended.errors.as_str()), (143, ""));
    let why = format!("{} did not take all of it: ", local(&client));
    assert!(text(&ended).contains(&why), "{}", text(&ended));
    assert!(!Path::new(&pid_file("cut_off")).exists());
}

#[test]
fn a_second_signal_cuts_everyone_off_at_once() {
    let poem = poem_file("second.txt", &vec![b'o'; LONG]);
    let (service, address) = serve("second", &["--poem", &poem, "--grace", "86400"]);
    let _client = connect(address);
    line_with(&service, "sending ");

    service.signal(Signal::INT);
    line_with(&service, "1 clients still read");
    service.signal(Signal::INT);

    assert_eq!(service.end().code, 130);
    assert!(!Path::new(&pid_file("second")).exists());
}

#[test]
fn a_client_that_goes_away_costs_no_one_else_the_poem() {
    let poem = poem_file("goes_away.txt", &vec![b'o'; LONG]);
    let (service, address) = serve("goes_away", &["--poem", &poem]);
    let (gone, stays) = (connect(address), connect(address));
    let name = local(&gone);
    line_with(&service, "sending ");
    line_with(&service, "sending ");

    reset(gone);

    let line = line_with(&service, "did not take");
    let why = format!("{name} did not take all of it: the connection was lost: ");
    assert!(message(&line).starts_with(&why), "{line}");
    assert_eq!(rest_of(stays).len(), LONG);
}

#[test]
fn a_service_that_cannot_be_started_leaves_no_pid_file() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let pid_file = pid_file("cannot");
    let args = ["--poem", LAMP, "--pidfile", &pid_file, "--port", &port];
    run(SERVICE, &args).assert_refused("fastpoetry-service", "; --port 0 takes one that is free");

    assert!(!Path::new(&pid_file).exists());
}

#[test]
fn the_service_stops_in_order_when_its_log_is_no_longer_read() {
    let mut service = Background::start("unread");
    let mut output = BufReader::new(service.0.stdout.take().unwrap());
    let mut lines = String::new();
    while !lines.contains("serving ") {
        assert!(output.read_line(&mut lines).unwrap() > 0, "{lines}");
    }
    let address = address_in(lines.trim_end());
    drop(output);

    // The line about this client is one too many, if no other was before it.
    let _ = TcpStream::connect(address);

    assert_eq!(service.0.wait().unwrap().code(), Some(0));
    assert!(!Path::new(&pid_file("unread")).exists());
}

#[test]
fn bad_usage_is_told_in_one_line() {
    let refused = |args: &[&str], part| {
        run(SERVICE, &on_any_port("usage", args)).assert_refused("fastpoetry-service", part);
    };

    refused(&[], "--poem <FILE>; Usage: ");
    refused(
        &["--poem", LAMP, "--iface", "no such"],
        "cannot listen on port 0 of \"no such\"",
    );
    refused(
        &["--poem", LAMP, "--iface", "192.0.2.1"],
        "; --iface is a name or an address of this machine",
    );
    refused(
        &["--poem", LAMP, "--logfile", "no/such.log"],
        "cannot write \"no/such.log\": ",
    );
    refused(
        &["--poem", LAMP, "--grace", "0"],
        "a time to wait is a number of seconds above 0",
    );
    let args = ["--poem", LAMP, "--port=0", "--pidfile", "no/such.pid"];
    run(SERVICE, &args).assert_refused("fastpoetry-service", "no/such.pid");
}

/// A service whose output the test reads by itself, and which ends with the test.
struct Background(Child);

impl Background {
    fn start(name: &str) -> Self {
        let child = Command::new(SERVICE)
            .args(afresh(name, &["--poem", LAMP]))
            .stdout(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Both fail only for one that has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As [`on_any_port`], without what the service of an earlier run left when it was killed.
fn afresh(name: &str, args: &[&str]) -> Vec<String> {
    let _ = fs::remove_file(pid_file(name));
    on_any_port(name, args)
}

/// These arguments, with a port and a pid file of one test's own.
fn on_any_port(name: &str, args: &[&str]) -> Vec<String> {
    let mut all = vec![
        "--port=0".to_owned(),
        "--pidfile".to_owned(),
        pid_file(name),
    ];
    all.extend(args.iter().map(ToString::to_string));
    all
}

/// The path of a test's pid file.
fn pid_file(name: &str) -> String {
    format!("{}/{name}.pid", env!("CARGO_TARGET_TMPDIR"))
}

/// The number in a pid file.
#[track_caller]
fn pid_in(file: &str) -> Pid {
    let text = fs::read_to_string(file).expect("there is a pid file");
    let number = text.trim_end().parse().expect("it has a number in it");
    Pid::from_raw(number).unwrap()
}

/// Starts the service, and tells where it listens.
#[track_caller]
fn serve(name: &str, args: &[&str]) -> (Program, SocketAddr) {
    common::serve(SERVICE, &afresh(name, args))
}

/// Waits for a line of the log that has `part` in it.
#[track_caller]
fn line_with(service: &Program, part: &str) -> String {
    loop {
        let line = service.line();
        if line.contains(part) {
            return line;
        }
    }
}

/// The address at the end of the line that tells it.
#[track_caller]
fn address_in(line: &str) -> SocketAddr {
    let (_, address) = line.rsplit_once(" on ").expect("it tells where");
    address.parse().unwrap()
}

/// A line of the log without the time and the level, which must be there.
#[track_caller]
fn message(line: &str) -> &str {
    let (time, message) = line.split_once(" [INFO] ").expect("there is a level");
    assert_eq!(time.len(), "2009-02-13T23:31:30Z".len(), "{line}");
    message
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn local(client: &TcpStream) -> SocketAddr {
    client.local_addr().unwrap()
}

#[track_caller]
fn rest_of(mut client: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    client
        .read_to_end(&mut rest)
        .expect("the poem ends in order");
    rest
}
