//! Programs of others as peers: what they say is understood, and they understand what is said.
//!
//! A program that this machine has not is said by name, and its check is left out.

mod common;
#[path = "common/paths.rs"]
mod paths;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use common::{
    Bytes, Log, Script, connect, listen, lose_write, number, on_every_backend, run, stop_at_call,
};
use paths::Folder;
use protocols::ReactorUnix;
use protocols::reactor::Reactor;

on_every_backend!(
    curl_gets_a_page_over_tcp,
    curl_gets_a_page_over_a_unix_socket,
    netcat_is_answered_after_its_end,
    socat_is_answered_over_a_unix_socket,
    asyncio_speaks_with_a_server,
    asyncio_is_spoken_to_by_a_client,
);

/// The program of this name, if there is one.
fn found(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: this machine has no {name}");
    }
    found
}

/// Runs a program with this input on a thread.
fn run_program(mut program: Command, input: &'static [u8]) -> JoinHandle<Output> {
    thread::spawn(move || {
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.spawn().expect("it was found");
        let mut stdin = child.stdin.take().expect("it is a pipe");
        stdin.write_all(input).expect("it reads what it is given");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    })
}

#[track_caller]
fn said(program: JoinHandle<Output>) -> String {
    let output = program.join().expect("it was begun");
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Answers the first request with a page, and stops the reactor when its connection has ended.
fn page(reactor: &Reactor) -> Script {
    let stop = stop_at_call(1, reactor);
    Script::unnoted()
        .on_data(|transport, request| {
            assert!(
                request.starts_with(b"GET /poem "),
                "{}",
                request.escape_ascii()
            );
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
            transport.write(b"roses");
            transport.lose_connection();
        })
        .on_lost(move |_| stop())
}

fn curl_gets_a_page_over_tcp(reactor: &Reactor) {
    let Some(curl) = found("curl") else { return };
    let port = listen(reactor, page(reactor));
    let mut command = Command::new(curl);
    let url = format!("http://127.0.0.1:{}/poem", number(&port));
    command.args(["--silent", "--noproxy", "*", "--max-time", "10", &url]);
    let client = run_program(command, b"");

    run(reactor);

    assert_eq!(said(client), "roses");
}

fn curl_gets_a_page_over_a_unix_socket(reactor: &Reactor) {
    let Some(curl) = found("curl") else { return };
    let folder = Folder::new();
    let path = folder.path("page");
    let _port = reactor.listen_unix(&*path, Rc::new(page(reactor))).unwrap();
    let mut command = Command::new(curl);
    command.args(["--silent", "--max-time", "10", "--unix-socket"]);
    command.arg(path).arg("http://localhost/poem");
    let client = run_program(command, b"");

    run(reactor);

    assert_eq!(said(client), "roses");
}

/// Sends everything back in capitals when the peer sends no more.
fn shout(reactor: &Reactor) -> Script {
    let (stop, received) = (stop_at_call(1, reactor), Bytes::default());
    let add = received.clone();
    Script::unnoted()
        .on_data(move |_, data| add.add(data))
        .half_closeable(
            move |transport| {
                transport.write(&received.take().to_ascii_uppercase());
                lose_write(transport);
            },
            |_| (),
        )
        .on_lost(move |_| stop())
}

fn netcat_is_answered_after_its_end(reactor: &Reactor) {
    let Some(netcat) = found("nc") else { return };
    let port = listen(reactor, shout(reactor));
    let mut command = Command::new(netcat);
    command.args(["-N", "127.0.0.1", &number(&port).to_string()]);
    let client = run_program(command, b"a quiet line\n");

    run(reactor);

    assert_eq!(said(client), "A QUIET LINE\n");
}

fn socat_is_answered_over_a_unix_socket(reactor: &Reactor) {
    let Some(socat) = found("socat") else { return };
    let folder = Folder::new();
    let path = folder.path("shout");
    let _port = reactor
        .listen_unix(&*path, Rc::new(shout(reactor)))
        .unwrap();
    let mut command = Command::new(socat);
    command
        .args(["-t", "10", "-"])
        .arg(format!("UNIX-CONNECT:{}", path.display()));
    let client = run_program(command, b"a quiet line\n");

    run(reactor);

    assert_eq!(said(client), "A QUIET LINE\n");
}

/// Sends what it reads to the port that it is given, and prints what comes back.
const ASYNCIO_CLIENT: &str = r#"
import asyncio, sys

async def main(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sys.stdin.buffer.read())
    writer.write_eof()
    sys.stdout.buffer.write(await reader.read())
    writer.close()

asyncio.run(main(int(sys.argv[1])))
"#;

fn asyncio_speaks_with_a_server(reactor: &Reactor) {
    let Some(python) = found("python3") else {
        return;
    };
    let port = listen(reactor, shout(reactor));
    let mut command = Command::new(python);
    command.args(["-c", ASYNCIO_CLIENT, &number(&port).to_string()]);
    let client = run_program(command, b"good morning");

    run(reactor);

    assert_eq!(said(client), "GOOD MORNING");
}

/// Serves one client: prints its port, and answers each chunk by the chunk turned round.
const ASYNCIO_SERVER: &str = r#"
import asyncio, sys

async def main():
    done = asyncio.Event()

    async def serve(reader, writer):
        while chunk := await reader.read(65536):
            writer.write(chunk[::-1])
        writer.close()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()

asyncio.run(main())
"#;

fn asyncio_is_spoken_to_by_a_client(reactor: &Reactor) {
    let Some(python) = found("python3") else {
        return;
    };
    let mut child = Command::new(python)
        .args(["-c", ASYNCIO_SERVER])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was found");
    let mut port = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("it is a pipe"));
    output.read_line(&mut port).expect("it says its port");
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("client", &log)
        .on_made(|transport| {
            transport.write(b"live");
        })
        .on_data(|transport, _| transport.lose_connection())
        .on_gone(move |_, _| stop());

    connect(
        reactor,
        port.trim().parse().expect("it is a number"),
        script,
    );
    run(reactor);

    assert!(child.wait().expect("it ends").success());
    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client data evil",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
}
