//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::contenders;
use crate::cores::Cores;
use crate::scenarios;

/// Measures our crates beside a bare epoll loop and other tools, in one run.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The scenarios to run; all of them, if none is named.
    #[arg(value_parser = PossibleValuesParser::new(scenarios::ALL.iter().map(|scenario| scenario.name)))]
    pub(crate) scenarios: Vec<String>,

    /// Say which scenarios and contenders there are, and measure nothing.
    #[arg(long)]
    pub(crate) list: bool,

    /// Measure everything in about a minute, and roughly.
    #[arg(long)]
    pub(crate) quick: bool,

    /// How often each contender is measured; each scenario has a number of its own, if none is given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,

    /// The contenders to measure; all of them, if none is named.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(contenders::ALL.iter().map(|contender| contender.name)))]
    pub(crate) contenders: Vec<String>,

    /// Whether the measured process and its load share a processor core, have one each, or are measured both ways.
    #[arg(long, value_enum, default_value_t = Cores::One)]
    pub(crate) cores: Cores,

    /// Write the tables and pictures to this folder, for the book.
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,

    /// The Python that runs the contenders written in it.
    #[arg(long, default_value = "python3")]
    pub(crate) python: String,

    /// Run everything once with small numbers, to see that what comes back is right, and measure nothing.
    #[arg(long)]
    pub(crate) check: bool,

    /// Be the program of this contender, in a child process.
    #[arg(long, hide = true, requires = "work")]
    pub(crate) serve: Option<String>,

    /// What the child process does.
    #[arg(long, hide = true)]
    pub(crate) work: Option<String>,
}

impl Options {
    /// Whether this scenario is to be run.
    pub(crate) fn wants(&self, scenario: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario)
    }

    /// Whether this contender is to be measured.
    pub(crate) fn wants_contender(&self, contender: &str) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|name| name == contender)
    }

    /// How many rounds there are in a scenario that takes `usual` ones when it has the time.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        match self.rounds {
            _ if self.check => 1,
            Some(rounds) => rounds.into(),
            None if self.quick => usual.min(3),
            None => usual,
        }
    }

    /// How many operations there are in a round, of which a look at whether it works needs only `least`.
    pub(crate) fn operations(&self, usual: u64, least: u64) -> u64 {
        match () {
            () if self.check => least,
            () if self.quick => (usual / 4).max(least),
            () => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["benches"], arguments].concat())
    }

    #[test]
    fn without_names_everything_is_wanted() {
        let options = parsed(&[]).unwrap();

        assert!(options.wants("ping-pong") && options.wants_contender("tokio"));
    }

    #[test]
    fn what_is_not_named_is_not_wanted() {
        let options = parsed(&["connect", "--contenders", "bare,epoll"]).unwrap();

        assert!(options.wants("connect") && !options.wants("ping-pong"));
        assert!(options.wants_contender("epoll") && !options.wants_contender("tokio"));
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_right_ones() {
        for arguments in [&["pingpong"][..], &["--contenders", "bare,netty"]] {
            let error = parsed(arguments).unwrap_err();

            let text = error.to_string();
            assert_eq!(error.exit_code(), 2);
            assert!(
                text.contains("ping-pong") || text.contains("tokio"),
                "{text}"
            );
        }
    }

    #[test]
    fn rounds_and_operations_are_few_when_time_is_short() {
        let quick = parsed(&["--quick"]).unwrap();
        let check = parsed(&["--check", "--rounds", "7"]).unwrap();
        let given = parsed(&["--quick", "--rounds", "7"]).unwrap();

        assert_eq!((quick.rounds(9), quick.operations(1000, 10)), (3, 250));
        assert_eq!((check.rounds(9), check.operations(1000, 10)), (1, 10));
        assert_eq!(given.rounds(9), 7);
    }
}
