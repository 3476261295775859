//! Servers that are not there, or go away half way.

use std::io::Write;

use crate::clients::text;
use crate::common::Ended;
use crate::servers::{accept, address_of, listen, refusing, reset};
use crate::table::{Ends, PROGRAMS, Row, Setting};

#[test]
fn a_client_tells_that_its_server_refuses() {
    let (_socket, refusing) = refusing();
    for row in clients() {
        let ended = row.start(&from(&refusing), &[]).end();

        assert_tells(row, &ended);
    }
}

#[test]
fn a_client_tells_that_its_server_breaks_off() {
    for row in clients() {
        let server = listen();
        let client = row.start(&from(&address_of(&server)), &[]);
        let mut half = accept(&server);
        half.write_all(b"half a po").unwrap();
        reset(half);

        assert_tells(row, &client.end());
    }
}

/// The programs that get poems, and end then.
fn clients() -> impl Iterator<Item = &'static Row> {
    // One of them waits for ever: that is what it shows. The other one ends with the first bytes.
    let others = ["client-3", "client-2-stack"];
    let is_client = |row: &&Row| row.takes("SERVER") && row.ends == Ends::AtLast;
    let clients = PROGRAMS.iter().filter(is_client);
    clients.filter(move |row| !others.contains(&row.name()))
}

/// Checks that the program failed, and told so once.
#[track_caller]
fn assert_tells(row: &Row, ended: &Ended) {
    let (name, errors) = (row.name(), &ended.errors);
    assert_eq!(ended.code, 1, "{name}: {errors}");
    // This one tells all that happens on its output.
    let told = text(ended).contains("poem_failed is called") || !errors.is_empty();
    assert!(told, "{name}");
    assert!(!errors.contains("panicked"), "{name}: {errors}");
}

fn from(server: &str) -> Setting<'_> {
    Setting {
        server,
        xform: server,
        ..Setting::ALONE
    }
}
