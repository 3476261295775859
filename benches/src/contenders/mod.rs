//! Who is measured: each has the same three programs, in the way its own documentation would write them.

mod bare;
mod calloop;
mod mio;
mod ours;
mod python;
mod smol;
mod tokio;

use std::io;
use std::net::SocketAddr;
use std::process::Command;

use crate::child::Work;
use crate::options::Options;
use crate::table::rounded;

/// So much is read at once at the most, into one buffer of all connections or into one of each.
const READ_SIZE: usize = 64 * 1024;

/// How a program says where it listens.
type Listening<'a> = &'a dyn Fn(SocketAddr);

/// The programs of a contender. All their connections send at once what they are given (`TCP_NODELAY`).
pub(crate) trait Programs {
    /// Listens on a free loopback port, and sends back what comes.
    fn echo(&self, listening: Listening<'_>) -> io::Result<()>;

    /// Listens on a free loopback port, sends `poem` to whoever connects, and closes.
    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()>;

    /// Gets so many poems from there, `at_once` at a time, and says how many bytes they were.
    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64>;
}

/// Who is measured.
pub(crate) struct Contender {
    /// The name on the command line and in tables.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// More connections than this it cannot have, or should not be asked to.
    most_connections: usize,
    /// Where its programs are.
    home: Home,
}

enum Home {
    /// In this program.
    Here(fn() -> Box<dyn Programs>),
    /// In a script in `compare/`, which imports this module.
    Python {
        script: &'static str,
        module: &'static str,
    },
}

/// All of them; the first one is what the others are compared with.
pub(crate) const ALL: &[Contender] = &[
    here("bare", "a bare loop over epoll: the limit", || {
        Box::new(bare::Bare::<bare::Epoll>::new())
    }),
    here(
        "bare-polling",
        "the same loop over our backend `polling`: the limit of that",
        || Box::new(bare::Bare::<bare::Polling>::new()),
    ),
    here("epoll", "ours, on the backend `epoll`", || {
        Box::new(ours::Ours("epoll"))
    }),
    here("polling", "ours, on the backend `polling`", || {
        Box::new(ours::Ours("polling"))
    }),
    Contender {
        most_connections: 1_000,
        ..here("poll", "ours, on the backend `poll`", || {
            Box::new(ours::Ours("poll"))
        })
    },
    Contender {
        // Its descriptors must be less than 1,024.
        most_connections: 64,
        ..here("select", "ours, on the backend `select`", || {
            Box::new(ours::Ours("select"))
        })
    },
    here("mio", "mio, edge-triggered", || Box::new(mio::Mio)),
    here(
        "calloop",
        "calloop, with a callback for each connection",
        || Box::new(calloop::Calloop),
    ),
    here(
        "tokio",
        "tokio on one thread, with a task for each connection",
        || Box::new(tokio::Tokio),
    ),
    here(
        "smol",
        "async-io and a local executor, with a task for each connection",
        || Box::new(smol::Smol),
    ),
    python(
        "twisted",
        "Twisted, on its epoll reactor",
        "twisted_programs.py",
        "twisted",
    ),
    python(
        "asyncio",
        "asyncio, on its own loop",
        "asyncio_programs.py",
        "asyncio",
    ),
    python(
        "uvloop",
        "asyncio, on uvloop",
        "asyncio_programs.py",
        "uvloop",
    ),
];

const fn here(
    name: &'static str,
    about: &'static str,
    programs: fn() -> Box<dyn Programs>,
) -> Contender {
    Contender {
        name,
        about,
        most_connections: usize::MAX,
        home: Home::Here(programs),
    }
}

const fn python(
    name: &'static str,
    about: &'static str,
    script: &'static str,
    module: &'static str,
) -> Contender {
    Contender {
        name,
        about,
        most_connections: usize::MAX,
        home: Home::Python { script, module },
    }
}

impl Contender {
    /// The command that starts its program for this work.
    pub(crate) fn command(&self, work: Work, options: &Options) -> io::Result<Command> {
        match self.home {
            Home::Here(_) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["--serve", self.name, "--work", &work.to_string()]);
                Ok(command)
            }
            Home::Python { script, module } => Ok(python::command(script, module, work, options)),
        }
    }

    /// How many operations it is given where others have so many: who takes ten times as long needs no more time.
    pub(crate) fn share(&self, operations: u64) -> u64 {
        match self.home {
            Home::Here(_) => operations,
            Home::Python { .. } => (operations / 5).max(1),
        }
    }

    /// Why it cannot be measured on this machine.
    fn missing(&self, options: &Options) -> Option<String> {
        match self.home {
            Home::Here(_) => None,
            Home::Python { module, .. } => python::missing(module, options),
        }
    }
}

/// The programs of this contender, if they are in this program.
pub(crate) fn programs(name: &str) -> Option<Box<dyn Programs>> {
    let contender = ALL.iter().find(|contender| contender.name == name)?;
    match contender.home {
        Home::Here(programs) => Some(programs()),
        Home::Python { .. } => None,
    }
}

/// Those that are to be measured with so many connections.
pub(crate) fn chosen(
    connections: usize,
    options: &Options,
) -> impl Iterator<Item = &'static Contender> {
    ALL.iter().filter(move |contender| {
        options.wants_contender(contender.name)
            && contender.most_connections >= connections
            && contender.missing(options).is_none()
    })
}

/// A line for each that is to be measured, but not with so many connections.
pub(crate) fn left_out(connections: usize, options: &Options) -> Vec<String> {
    let all = ALL.iter().filter(|contender| {
        options.wants_contender(contender.name) && contender.most_connections < connections
    });
    all.map(|contender| {
        let (name, most) = (contender.name, rounded(contender.most_connections as f64));
        format!("Without `{name}`, which is for {most} connections at the most.")
    })
    .collect()
}

/// Says on the error output who is missing on this machine, and why.
pub(crate) fn report_missing(options: &Options) {
    for contender in ALL
        .iter()
        .filter(|contender| options.wants_contender(contender.name))
    {
        if let Some(reason) = contender.missing(options) {
            eprintln!("{} is left out: {reason}", contender.name);
        }
    }
}

/// What the contenders are made of, with the versions.
pub(crate) fn versions(options: &Options) -> Vec<(String, String)> {
    let mut versions = Vec::new();
    for contender in ALL
        .iter()
        .filter(|contender| options.wants_contender(contender.name))
    {
        let (package, version) = match contender.home {
            Home::Here(_) => {
                let package = if contender.name == "smol" {
                    "async-io"
                } else {
                    contender.name
                };
                (package, locked_version(package))
            }
            Home::Python { module, .. } => (module, python::version(module, options)),
        };
        versions.extend(version.map(|version| (format!("`{package}`"), version)));
    }
    versions
}

/// The version of a package that is compiled into this program.
fn locked_version(package: &str) -> Option<String> {
    let lock = include_str!("../../../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}
