//! Which processor core does what.

use std::io;

use clap::ValueEnum;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How the measured process and its load share the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cores {
    /// Both on the same core.
    One,
    /// Each on a core of its own.
    Two,
    /// Measured both ways.
    Both,
}

/// On which cores the measured process and its load run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    server: usize,
    load: usize,
}

impl Cores {
    /// The placements that are to be measured.
    ///
    /// # Errors
    ///
    /// If the system does not tell which cores there are, or two are asked for and there is one.
    pub(crate) fn placements(self) -> io::Result<Vec<Placement>> {
        let allowed = allowed()?;
        let one = Placement {
            server: allowed[0],
            load: allowed[0],
        };
        let two = || {
            let &load = allowed.get(1).ok_or_else(|| {
                io::Error::other("there is one core only; measure with `--cores one`")
            })?;
            Ok::<_, io::Error>(Placement { load, ..one })
        };
        Ok(match self {
            Self::One => vec![one],
            Self::Two => vec![two()?],
            Self::Both => vec![one, two()?],
        })
    }
}

impl Placement {
    /// Puts this process on the core of the server: a child that is started now stays there.
    pub(crate) fn become_server(self) -> io::Result<()> {
        pin(self.server)
    }

    /// Puts this process on the core of the load.
    pub(crate) fn become_load(self) -> io::Result<()> {
        pin(self.load)
    }

    /// The same, the other way round.
    pub(crate) fn swapped(self) -> Self {
        Self {
            server: self.load,
            load: self.server,
        }
    }

    /// The title of a table, with the placement if it is the one that is less usual.
    pub(crate) fn titled(self, title: &str) -> String {
        if self.server == self.load {
            title.to_owned()
        } else {
            format!("{title}; a core each for it and its load")
        }
    }
}

/// The cores that this process could use when it was started, of which pinning leaves one.
fn allowed() -> io::Result<Vec<usize>> {
    use std::sync::OnceLock;
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();

    if let Some(allowed) = ALLOWED.get() {
        return Ok(allowed.clone());
    }
    let set = sched_getaffinity(None)?;
    let allowed: Vec<_> = (0..CpuSet::MAX_CPU)
        .filter(|&core| set.is_set(core))
        .collect();
    Ok(ALLOWED.get_or_init(|| allowed).clone())
}

fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}
