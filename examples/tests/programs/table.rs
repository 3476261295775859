//! How each program is run here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use examples::PARTS;

use crate::common::Program;

/// A program, and what is to be known of it.
pub(crate) struct Row {
    /// How it is called. A word in capitals stands for what a test puts there, see [`Setting`].
    line: &'static str,
    pub(crate) runs: Runs,
    pub(crate) ends: Ends,
}

/// Whether a program runs a reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// It does not.
    Alone,
    /// On a backend of its own choice.
    OnItsOwn,
    /// On a backend of the user's choice.
    OnAny,
}

/// How a program comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// As soon as it has begun.
    AtOnce,
    /// When it has got its poems, or the seconds have passed.
    AtLast,
    /// When it is told to.
    Never,
}

/// What stands in the place of the words in capitals.
pub(crate) struct Setting<'a> {
    /// `SERVER`: a poetry server.
    pub(crate) server: &'a str,
    /// `XFORM`: a server that transforms poems.
    pub(crate) xform: &'a str,
    /// `SECONDS`: a time to wait, in a row that does not end at once.
    pub(crate) seconds: &'a str,
    /// `POEM`: a file.
    pub(crate) poem: &'a str,
    /// `PORT`: one to listen on.
    pub(crate) port: &'a str,
    /// `PIDFILE`: a file that no other test writes.
    pub(crate) pid_file: &'a str,
}

impl Setting<'_> {
    /// What is right, where nobody listens and no time passes.
    pub(crate) const ALONE: Setting<'static> = Setting {
        server: "10000",
        xform: "11000",
        seconds: "0",
        poem: "poems/lamp.txt",
        port: "0",
        pid_file: concat!(env!("CARGO_TARGET_TMPDIR"), "/programs.pid"),
    };
}

impl Row {
    pub(crate) fn name(&self) -> &'static str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// The path of the program.
    pub(crate) fn path(&self) -> String {
        let beside = Path::new(env!("CARGO_BIN_EXE_poetry"));
        let path = beside.with_file_name(self.name());
        path.into_os_string().into_string().unwrap()
    }

    /// Whether this word in capitals is in its line.
    pub(crate) fn takes(&self, word: &str) -> bool {
        self.line.split([' ', '=']).any(|it| it == word)
    }

    pub(crate) fn args(&self, setting: &Setting<'_>) -> Vec<String> {
        let filled = |word: &str| match word {
            "SERVER" => setting.server.to_owned(),
            "XFORM" => setting.xform.to_owned(),
            "SECONDS" => setting.seconds.to_owned(),
            "POEM" => setting.poem.to_owned(),
            "PORT" => setting.port.to_owned(),
            "PIDFILE" => setting.pid_file.to_owned(),
            other => other.to_owned(),
        };
        let word = |word: &str| match word.split_once('=') {
            Some((option, value)) => format!("{option}={}", filled(value)),
            None => filled(word),
        };
        self.line.split(' ').skip(1).map(word).collect()
    }

    #[track_caller]
    pub(crate) fn start(&self, setting: &Setting<'_>, more: &[&str]) -> Program {
        let mut args = self.args(setting);
        args.extend(more.iter().map(ToString::to_string));
        Program::start(&self.path(), &args)
    }
}

const fn row(line: &'static str, runs: Runs, ends: Ends) -> Row {
    Row { line, runs, ends }
}

/// All programs, in their order.
pub(crate) const PROGRAMS: &[Row] = {
    use Ends::{AtLast, AtOnce, Never};
    use Runs::{Alone, OnAny, OnItsOwn};
    &[
        row("poetry --delay=SECONDS", OnAny, AtLast),
        row("get-poetry SERVER", OnAny, AtLast),
        row("slowpoetry --delay=SECONDS --port=PORT POEM", Alone, Never),
        row("blocking-client SERVER", Alone, AtLast),
        row("async-client SERVER", Alone, AtLast),
        row("simple", OnAny, Never),
        row("simple-poll", OnItsOwn, Never),
        row("hello", OnAny, Never),
        row("stack", OnAny, Never),
        row("countdown --delay=SECONDS", OnAny, AtLast),
        row("exception", OnAny, AtOnce),
        row("log", Alone, AtOnce),
        row("countdown-three --delay=SECONDS", OnAny, AtLast),
        row("countdown-looping --delay=SECONDS", OnAny, AtLast),
        row("client-1 SERVER", OnAny, AtLast),
        row("client-1-broken SERVER", OnAny, AtLast),
        row("client-1-refused SERVER", OnAny, AtLast),
        row("client-1-timeout SERVER", OnAny, AtLast),
        row("client-2 SERVER", OnAny, AtLast),
        row("client-2-stack SERVER", OnAny, AtLast),
        row("client-2-simple SERVER", OnAny, AtLast),
        row("client-2-timeout SERVER", OnAny, AtLast),
        row("client-3 SERVER", OnAny, AtLast),
        row("client-3-1 SERVER", OnAny, AtLast),
        row("client-3-order SERVER", OnAny, AtLast),
        row("client-3-timeout --timeout=60 SERVER", OnAny, AtLast),
        row("failure-examples", Alone, AtOnce),
        row("trap", Alone, AtOnce),
        row("defer-1", Alone, AtOnce),
        row("defer-2", Alone, AtOnce),
        row("defer-3", Alone, AtOnce),
        row("defer-4", Alone, AtOnce),
        row("defer-5", Alone, AtOnce),
        row("defer-6", Alone, AtOnce),
        row("defer-7", Alone, AtOnce),
        row("defer-8", OnAny, AtOnce),
        row("defer-9", OnAny, AtOnce),
        row("client-4 SERVER", OnAny, AtLast),
        row("client-4-stack SERVER", OnAny, AtLast),
        row("client-4-timeout --timeout=60 SERVER", OnAny, AtLast),
        row("defer-block --delay=SECONDS", Alone, AtLast),
        row("defer-unhandled", Alone, AtOnce),
        row("deferred-simulator", Alone, AtOnce),
        row("client-5 --engine=success SERVER", OnAny, AtLast),
        row("client-5-1 --engine=success SERVER", OnAny, AtLast),
        row("fastpoetry --port=PORT POEM", OnAny, Never),
        row(
            "fastpoetry-slow --delay=SECONDS --port=PORT POEM",
            OnAny,
            Never,
        ),
        row("transformedpoetry --port=PORT", OnAny, Never),
        row("defer-10", Alone, AtOnce),
        row("client-6 XFORM SERVER", OnAny, AtLast),
        row("defer-11", Alone, AtOnce),
        row("poetry-proxy-1 --port=PORT SERVER", OnAny, Never),
        row("poetry-proxy-2 --port=PORT SERVER", OnAny, Never),
        row("poetry-proxy-2-once --port=PORT SERVER", OnAny, Never),
        row(
            "fastpoetry-service --port=PORT --pidfile=PIDFILE --poem=POEM",
            OnAny,
            Never,
        ),
        row("inline-callbacks-1 --second=SECONDS", OnAny, AtLast),
        row("inline-callbacks-2 --second=SECONDS", OnAny, AtLast),
        row("inline-callbacks-tb", OnAny, AtOnce),
        row("client-7 XFORM SERVER", OnAny, AtLast),
        row("deferred-list-1", Alone, AtOnce),
        row("deferred-list-2", Alone, AtOnce),
        row("deferred-list-3", Alone, AtOnce),
        row("deferred-list-4", Alone, AtOnce),
        row("deferred-list-5", Alone, AtOnce),
        row("deferred-list-6", Alone, AtOnce),
        row("deferred-list-7", Alone, AtOnce),
        row("client-8 XFORM SERVER", OnAny, AtLast),
        row("defer-cancel-1", Alone, AtOnce),
        row("defer-cancel-2", Alone, AtOnce),
        row("defer-cancel-3", Alone, AtOnce),
        row("defer-cancel-4", Alone, AtOnce),
        row("defer-cancel-5", Alone, AtOnce),
        row("defer-cancel-6", Alone, AtOnce),
        row("defer-cancel-7", Alone, AtOnce),
        row("defer-cancel-8", Alone, AtOnce),
        row("defer-cancel-9 --second=SECONDS", OnAny, AtLast),
        row("defer-cancel-10 --second=SECONDS", OnAny, AtLast),
        row("defer-cancel-11 --second=SECONDS", OnAny, AtLast),
        row("defer-cancel-12", Alone, AtOnce),
        row("poetry-proxy-3 --port=PORT SERVER", OnAny, Never),
    ]
};

#[test]
fn each_program_has_a_row() {
    let listed = PARTS.iter().flat_map(|part| part.programs);
    let listed: BTreeSet<_> = listed.map(|program| program.name).collect();
    let rows: BTreeSet<_> = PROGRAMS.iter().map(Row::name).collect();

    assert_eq!(rows, listed);
    assert_eq!(rows.len(), PROGRAMS.len());
}

#[test]
fn a_program_runs_a_reactor_if_its_source_says_so() {
    for part in PARTS {
        let number = part.number.map(|number| format!("part-{number:02}"));
        let folder = number.as_deref().unwrap_or("poetry");
        for program in part.programs {
            let name = program.name;
            let source = fs::read_to_string(format!("{folder}/{name}.rs")).unwrap();
            let row = PROGRAMS.iter().find(|row| row.name() == name).unwrap();
            let runs = row.runs != Runs::Alone;

            assert_eq!(source.contains("let reactor = "), runs, "{name}");
        }
    }
}
