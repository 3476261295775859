//! SIGINT, which Ctrl-C sends, and SIGTERM, which `kill` sends.

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::common::{Ended, Program};
use crate::servers::{address_of, listen};
use crate::table::{Ends, PROGRAMS, Row, Runs, Setting};

const ENDED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/ended.pid");
const IGNORING: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/ignoring.pid");

#[test]
fn a_signal_ends_whatever_waits_without_a_word_on_every_backend() {
    for row in PROGRAMS.iter().filter(|row| row.ends != Ends::AtOnce) {
        for on in backends(row) {
            for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
                let silent = listen();
                let program = row.start(&waiting(&address_of(&silent), ENDED), &on);

                program.signal(signal);

                assert_ended(row, &program.end(), code);
            }
        }
    }
}

/// A shell without job control starts so what it is given with `&`.
#[test]
fn a_program_that_was_started_to_ignore_ctrl_c_does_so_and_is_ended_by_kill() {
    for row in PROGRAMS.iter().filter(|row| row.ends != Ends::AtOnce) {
        let silent = listen();
        let line = r#"trap "" INT; echo; exec "$@""#;
        let mut args = vec![
            "-c".to_owned(),
            line.to_owned(),
            "sh".to_owned(),
            row.path(),
        ];
        args.extend(row.args(&waiting(&address_of(&silent), IGNORING)));
        let program = Program::start("sh", &args);
        assert_eq!(program.line(), "");

        program.signal(Signal::INT);
        program.signal(Signal::TERM);

        assert_ended(row, &program.end(), 143);
    }
}

/// The options that choose each backend, for a program which leaves the choice.
fn backends(row: &Row) -> Vec<Vec<&'static str>> {
    match row.runs {
        Runs::OnAny => backend::NAMES
            .iter()
            .map(|name| vec!["--backend", *name])
            .collect(),
        Runs::Alone | Runs::OnItsOwn => vec![Vec::new()],
    }
}

/// With this, a program waits: for a server that says nothing, or for a day.
fn waiting<'a>(silent: &'a str, pid_file: &'a str) -> Setting<'a> {
    Setting {
        server: silent,
        xform: silent,
        seconds: "8640",
        pid_file,
        ..Setting::ALONE
    }
}

/// Checks that a program ended with this code, and told at most which poems it waited for, and that none has come.
#[track_caller]
fn assert_ended(row: &Row, ended: &Ended, code: i32) {
    let (name, errors) = (row.name(), &ended.errors);
    assert_eq!(ended.code, code, "{name}: {errors}");
    // It depends on how far it has come whether it tells anything.
    let tells_what_is_missing = |line: &str| {
        line.contains(": interrupted after ")
            || line.starts_with("Got 0 poems in ")
            || line.ends_with(" because the reactor stopped")
    };
    assert!(
        errors.lines().all(tells_what_is_missing),
        "{name}: {errors}"
    );
}
