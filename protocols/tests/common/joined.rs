//! Two scripts that are joined, by sockets or in memory, so that one check can be made of both.
//!
//! A test file that needs this names the module itself, beside `common` and `paths`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use protocols::reactor::Reactor;
use protocols::testing::{Chunking, MemoryReactor, PairOptions};

use super::common::backends::check_on;
use super::common::{Log, Script, connect, listen, number, run};
use super::paths::{Folder, connect_to, listen_at};

/// Makes each of these checks a test on each way to join two protocols, in a module with its name.
///
/// A check takes a [`&Join`](Join).
macro_rules! on_every_transport {
    ($($check:ident),+ $(,)?) => {
        $crate::joined::on_every_transport! {
            @each [
                tcp_on_polling tcp_on_epoll tcp_on_poll tcp_on_select
                unix_on_polling unix_on_epoll unix_on_poll unix_on_select
                memory_as_written memory_all_in_one memory_bytewise memory_random memory_slow
            ] [$($check)+]
        }
    };
    (@each [$($way:ident)+] $checks:tt) => {
        $(mod $way {
            $crate::joined::on_every_transport! { @on $way $checks }
        })+
    };
    (@on $way:ident [$($check:ident)+]) => {
        $(#[test]
        fn $check() {
            $crate::joined::check_by(stringify!($way), super::$check);
        })+
    };
}
pub(crate) use on_every_transport;

/// A way to join two scripts.
pub(crate) enum Join<'a> {
    Tcp(&'a Reactor),
    /// Each connection has a port with a name of its own in the folder.
    Unix(&'a Reactor, Folder, Cell<usize>),
    Memory(MemoryReactor, PairOptions),
}

impl Join<'_> {
    pub(crate) fn reactor(&self) -> &Reactor {
        match self {
            Self::Tcp(reactor) | Self::Unix(reactor, ..) => reactor,
            Self::Memory(reactor, _) => reactor,
        }
    }

    /// More than its transports hold for one that does not read.
    pub(crate) fn much(&self) -> usize {
        match self {
            Self::Tcp(_) | Self::Unix(..) => 24 * 1024 * 1024,
            Self::Memory(..) => 200_000,
        }
    }

    /// Makes a connection from `client` to `server`.
    pub(crate) fn join(&self, client: Script, server: Script) {
        match self {
            Self::Tcp(reactor) => {
                let port = listen(reactor, server);
                connect(reactor, number(&port), client);
            }
            Self::Unix(reactor, folder, count) => {
                count.set(count.get() + 1);
                let path = folder.path(&count.get().to_string());
                listen_at(reactor, &path, server);
                connect_to(reactor, &path, client);
            }
            Self::Memory(reactor, options) => {
                let (client, server) = (Rc::new(client), Rc::new(server));
                let pair = options.clone().join_factories(reactor, &client, &server);
                pair.expect("scripts decline nothing");
            }
        }
    }

    /// Joins them, and runs the reactor until something stops it.
    #[track_caller]
    pub(crate) fn play(&self, client: Script, server: Script) {
        self.join(client, server);
        run(self.reactor());
    }
}

/// Makes a check in the way of this name.
pub(crate) fn check_by(way: &str, check: impl FnOnce(&Join<'_>)) {
    if let Some(backend) = way.strip_prefix("tcp_on_") {
        return check_on(backend, |reactor| check(&Join::Tcp(reactor)));
    }
    if let Some(backend) = way.strip_prefix("unix_on_") {
        return check_on(backend, |reactor| {
            check(&Join::Unix(reactor, Folder::new(), Cell::new(0)))
        });
    }
    let options = PairOptions::new();
    let options = match way {
        "memory_as_written" => options,
        "memory_all_in_one" => options.chunking(Chunking::AllInOne),
        "memory_bytewise" => options.chunking(Chunking::Bytewise),
        "memory_random" => options.chunking(Chunking::Random(42)),
        "memory_slow" => options.room(5000).latency(Duration::from_millis(3)),
        other => unreachable!("no way is called {other}"),
    };
    check(&Join::Memory(MemoryReactor::new(), options));
}

/// What the protocol that writes to `log` was told, of all that happened to its script.
#[track_caller]
pub(crate) fn assert_told(log: &Log, expected: &[&str]) {
    let notes = log.notes();
    let notes = notes.iter().filter_map(|note| note.split_once(' '));
    let told: Vec<_> = notes
        .map(|(_, what)| what)
        .filter(|what| !["started", "built"].contains(what) && !what.starts_with("gone"))
        .collect();
    assert_eq!(told, expected);
}
