//! How the poems are shown while they come: bars on a terminal, the tutorial's lines elsewhere.

use std::io::{self, IsTerminal};

use examples::{cli, report};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use protocols::Address;

use crate::Task;

/// Shows the progress of each poem.
pub(crate) enum Show {
    Bars(MultiProgress, Vec<ProgressBar>),
    Lines,
}

impl Show {
    /// Bars if standard output is a terminal.
    pub(crate) fn new(tasks: &[Task]) -> Self {
        if !io::stdout().is_terminal() {
            return Self::Lines;
        }
        let bars = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::stdout());
        let bar = |task: &Task| {
            let length = task.poem.as_ref().map(|poem| poem.len() as u64);
            let template = match length {
                Some(_) => {
                    "{prefix:<8}  {bar:40.cyan/blue}  {bytes:>9} of {total_bytes}  {elapsed}"
                }
                None => "{prefix:<8}  {spinner}  {bytes:>9}  {elapsed}",
            };
            let style = ProgressStyle::with_template(template).expect("the template is right");
            let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
            bars.add(bar.with_style(style).with_prefix(task.name.clone()))
        };
        let each = tasks.iter().map(bar).collect();
        Self::Bars(bars, each)
    }

    /// A piece of a task's poem has come.
    pub(crate) fn piece(&self, task: usize, bytes: usize, server: &Address) {
        match self {
            Self::Bars(_, bars) => bars[task - 1].inc(bytes as u64),
            Self::Lines => cli::say(report::piece(task, bytes, server)),
        }
    }

    /// Does something that prints on the terminal, so that the bars do not paint over it.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        match self {
            Self::Bars(all, _) => all.suspend(print),
            Self::Lines => print(),
        }
    }

    /// A task has ended, one way or the other.
    pub(crate) fn ended(&self, task: usize) {
        if let Self::Bars(_, bars) = self {
            bars[task - 1].abandon();
        }
    }
}
