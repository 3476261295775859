//! Our clients and Python's servers, and the other way round: the bytes between them are the same.
//!
//! Where there is no Python 3, or one without Twisted, the tests that need it say that they were skipped. The
//! environment's `PYTHON` names another interpreter than `python3`.

#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use common::{poem_file, run, serve};

const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");
const SERVICE: &str = env!("CARGO_BIN_EXE_fastpoetry-service");
const FASTPOETRY: &str = env!("CARGO_BIN_EXE_fastpoetry");
const TRANSFORMEDPOETRY: &str = env!("CARGO_BIN_EXE_transformedpoetry");
const LAMP: &str = "poems/lamp.txt";

/// Clients that print poems and nothing else.
const CLIENTS: [&str; 5] = [
    env!("CARGO_BIN_EXE_get-poetry"),
    env!("CARGO_BIN_EXE_client-2-simple"),
    env!("CARGO_BIN_EXE_client-3"),
    env!("CARGO_BIN_EXE_client-3-1"),
    env!("CARGO_BIN_EXE_client-4"),
];
/// Those of part 2 and 4, which print how much there was.
const COUNTING: [&str; 3] = [
    env!("CARGO_BIN_EXE_blocking-client"),
    env!("CARGO_BIN_EXE_async-client"),
    env!("CARGO_BIN_EXE_client-1"),
];
/// Those that have poems transformed by another server.
const TRANSFORMING: [&str; 3] = [
    env!("CARGO_BIN_EXE_client-6"),
    env!("CARGO_BIN_EXE_client-7"),
    env!("CARGO_BIN_EXE_client-8"),
];
const PROXIES: [&str; 3] = [
    env!("CARGO_BIN_EXE_poetry-proxy-1"),
    env!("CARGO_BIN_EXE_poetry-proxy-2"),
    env!("CARGO_BIN_EXE_poetry-proxy-3"),
];

#[test]
fn asyncio_gets_the_poems_of_our_servers_byte_for_byte() {
    python_gets_our_poems("get_poetry.py", "asyncio");
}

#[test]
fn a_blocking_client_in_python_gets_the_poems_of_our_servers_byte_for_byte() {
    python_gets_our_poems("get_poetry_blocking.py", "socket");
}

#[test]
fn twisted_gets_the_poems_of_our_servers_byte_for_byte() {
    python_gets_our_poems("get_poetry_twisted.py", "twisted.internet");
}

#[test]
fn our_clients_get_the_poem_of_a_blocking_server_in_python_byte_for_byte() {
    we_get_the_poem_of("slow_poetry.py", "socket");
}

#[test]
fn our_clients_get_the_poem_of_a_server_of_twisted_byte_for_byte() {
    we_get_the_poem_of("fast_poetry_twisted.py", "twisted.internet");
}

#[test]
fn asyncio_has_a_poem_transformed_by_our_server() {
    python_has_a_poem_transformed("transform.py", "asyncio");
}

#[test]
fn twisted_has_a_poem_transformed_by_our_server() {
    python_has_a_poem_transformed("transform_twisted.py", "twisted.internet");
}

#[test]
fn our_clients_have_poems_transformed_by_asyncio() {
    we_have_a_poem_transformed("transforming.py", "asyncio");
}

#[test]
fn our_clients_have_poems_transformed_by_twisted() {
    we_have_a_poem_transformed("transforming_twisted.py", "twisted.internet");
}

#[test]
fn our_proxies_stand_between_asyncio_and_a_blocking_server_in_python() {
    our_proxies_stand_between("get_poetry.py", "slow_poetry.py", "asyncio");
}

#[test]
fn our_proxies_stand_between_a_client_and_a_server_of_twisted() {
    let server = "fast_poetry_twisted.py";
    our_proxies_stand_between("get_poetry_twisted.py", server, "twisted.internet");
}

#[test]
fn a_proxy_of_asyncio_stands_between_our_clients_and_our_servers() {
    a_proxy_stands_between_ours("proxy.py", "asyncio");
}

#[test]
fn a_proxy_of_twisted_stands_between_our_clients_and_our_servers() {
    a_proxy_stands_between_ours("proxy_twisted.py", "twisted.internet");
}

#[track_caller]
fn python_gets_our_poems(script: &str, module: &str) {
    let Some(python) = python_with(module) else {
        return;
    };
    let poem = any_bytes(script);
    let (_slow, slow) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=999", &poem]);
    let pid_file = format!("{}/{script}.pid", env!("CARGO_TARGET_TMPDIR"));
    // The last service that ran here was killed.
    let _ = fs::remove_file(&pid_file);
    let args = ["--port=0", "--poem", &poem, "--pidfile", &pid_file];
    let (_fast, fast) = serve(SERVICE, &args);

    let ports = [slow.port().to_string(), fast.port().to_string()];
    let ended = run(&python, &[&path(script), &ports[0], &ports[1]]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    assert!(ended.output == fs::read(poem).unwrap().repeat(2));
}

#[track_caller]
fn we_get_the_poem_of(script: &str, module: &str) {
    let Some(python) = python_with(module) else {
        return;
    };
    let poem = fs::read(LAMP).unwrap();
    let (_server, address) = serve(&python, &[&path(script), LAMP]);
    let server = address.to_string();

    for client in CLIENTS {
        let ended = run(client, &[&server]);
        assert_eq!((ended.code, ended.output), (0, poem.clone()), "{client}");
    }
    for client in COUNTING {
        let ended = run(client, &[&server]);
        let text = String::from_utf8(ended.output).unwrap();
        assert_eq!(ended.code, 0, "{client}: {}", ended.errors);
        assert!(text.contains("Task 1: ") && text.contains("Got 1 poems in "));
    }
}

#[track_caller]
fn python_has_a_poem_transformed(script: &str, module: &str) {
    let Some(python) = python_with(module) else {
        return;
    };
    let poem = any_bytes(script);
    let (_server, address) = serve(TRANSFORMEDPOETRY, &[""; 0]);
    let port = address.port().to_string();

    let ended = run(&python, &[&path(script), &port, "cummingsify", &poem]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    assert!(ended.output == fs::read(poem).unwrap().to_ascii_lowercase());
}

#[track_caller]
fn we_have_a_poem_transformed(script: &str, module: &str) {
    let Some(python) = python_with(module) else {
        return;
    };
    let poem = any_bytes(script);
    let (_poems, poems) = serve(FASTPOETRY, &[&poem]);
    let (_xform, xform) = serve(&python, &[path(script)]);
    let mut expected = fs::read(poem).unwrap().to_ascii_lowercase();
    expected.push(b'\n');

    for client in TRANSFORMING {
        let ended = run(client, &[xform.to_string(), poems.to_string()]);
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{client}");
        assert!(ended.output == expected, "{client}");
    }
}

#[track_caller]
fn our_proxies_stand_between(client: &str, server: &str, module: &str) {
    let Some(python) = python_with(module) else {
        return;
    };
    let (_server, address) = serve(&python, &[&path(server), LAMP]);
    for proxy in PROXIES {
        let (_proxy, proxy) = serve(proxy, &[address.to_string()]);
        // The second of them is the one that is kept, or was asked for at the same time.
        let port = proxy.port().to_string();
        let ended = run(&python, &[&path(client), &port, &port]);

        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
        assert_eq!(ended.output, fs::read(LAMP).unwrap().repeat(2));
    }
}

#[track_caller]
fn a_proxy_stands_between_ours(script: &str, module: &str) {
    let Some(python) = python_with(module) else {
        return;
    };
    let (_server, address) = serve(FASTPOETRY, &[LAMP]);
    let port = address.port().to_string();
    let (_proxy, proxy) = serve(&python, &[&path(script), &port]);

    for client in CLIENTS {
        let ended = run(client, &[proxy.to_string()]);
        assert_eq!((ended.code, ended.output), (0, fs::read(LAMP).unwrap()));
    }
}

/// A poem of all the bytes that there are, which fits into a netstring.
fn any_bytes(name: &str) -> String {
    let bytes: Vec<u8> = (0..=255).cycle().take(90_000).collect();
    poem_file(&format!("{name}.poem"), &bytes)
}

fn path(script: &str) -> String {
    format!("tests/python/{script}")
}

/// The interpreter, if it is a Python 3 that has this module; else the test says that it was skipped.
fn python_with(module: &str) -> Option<String> {
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let asked = Command::new(&python)
        .args([
            "-c",
            &format!("import sys, {module}; sys.exit(sys.version_info < (3, 8))"),
        ])
        .stderr(Stdio::null())
        .status();
    if asked.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} is no Python 3.8 or newer with {module}");
    None
}
