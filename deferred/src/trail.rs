//! The links of the chains that a failure has passed.

use std::fmt;
use std::panic::Location;

/// Which kind of link it was, and where the program added it.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) kind: LinkKind,
    pub(crate) place: &'static Location<'static>,
}

#[derive(Clone, Copy)]
pub(crate) enum LinkKind {
    Firer,
    Callback,
    Errback,
    Callbacks,
    Both,
    /// A link of this crate's own, which no failure notes.
    Own,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            LinkKind::Firer => "fired at",
            LinkKind::Callback => "passed the callback added at",
            LinkKind::Errback => "passed the errback added at",
            LinkKind::Callbacks => "passed the callbacks added at",
            LinkKind::Both => "passed the both-callback added at",
            LinkKind::Own => "passed",
        };
        write!(f, "{kind} {}", self.place)
    }
}

/// The links that a failure has passed: the first ones and the last ones, if there were many.
#[derive(Clone, Default)]
pub(crate) struct Trail {
    links: Vec<Origin>,
    left_out: u64,
}

impl Trail {
    /// As many of the first links are kept, and as many of the last: a failure that travels for ever
    /// must not grow for ever, and what happened first and last says most.
    const KEPT: usize = 16;

    pub(crate) fn push(&mut self, origin: Origin) {
        if matches!(origin.kind, LinkKind::Own) {
            return;
        }
        if self.links.len() == 2 * Self::KEPT {
            self.links.remove(Self::KEPT);
            self.left_out += 1;
        }
        self.links.push(origin);
    }
}

impl Trail {
    /// Where the program added the link that was passed last.
    pub(crate) fn last_link(&self) -> Option<&'static Location<'static>> {
        let last = self
            .links
            .iter()
            .rfind(|origin| !matches!(origin.kind, LinkKind::Firer))?;
        Some(last.place)
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, origin) in self.links.iter().enumerate() {
            if n == Self::KEPT && self.left_out > 0 {
                write!(f, "\n  … {} links more …", self.left_out)?;
            }
            write!(f, "\n  {origin}")?;
        }
        Ok(())
    }
}
