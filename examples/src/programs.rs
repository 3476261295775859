//! The programs that there are, in the order of the tutorial: the one place that lists them all.

/// A program of this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The name by which it is run.
    pub name: &'static str,
    /// What it shows, in one line without a full stop.
    pub shows: &'static str,
}

/// The programs of one part of the tutorial, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The number of the part; its folder is named by it. Those to begin with have none.
    pub number: Option<u8>,
    /// What the part is about.
    pub about: &'static str,
    /// Its programs.
    pub programs: &'static [Program],
}

const fn program(name: &'static str, shows: &'static str) -> Program {
    Program { name, shows }
}

/// All programs, by the parts of the tutorial.
pub const PARTS: &[Part] = &[
    Part {
        number: None,
        about: "To begin with",
        programs: &[
            program("poetry", "three slow servers and a client in one process"),
            program(
                "get-poetry",
                "gets poems from any servers, a Deferred a poem",
            ),
        ],
    },
    Part {
        number: Some(2),
        about: "Slow poetry, without a reactor",
        programs: &[
            program("slowpoetry", "a server that sends slowly, and blocks"),
            program(
                "blocking-client",
                "a client that gets one poem after the other",
            ),
            program("async-client", "all poems at once, by a loop around select"),
        ],
    },
    Part {
        number: Some(3),
        about: "The reactor",
        programs: &[
            program("simple", "a loop that has nothing to do"),
            program("simple-poll", "the same, waiting with poll"),
            program("hello", "the first callback"),
            program("stack", "who calls a callback"),
            program("countdown", "callbacks that come later, and an end"),
            program("exception", "callbacks that fail"),
            program("log", "where reports of failures go"),
            program("countdown-three", "exercise: three countdowns at once"),
            program(
                "countdown-looping",
                "exercise: the countdown by a LoopingCall",
            ),
        ],
    },
    Part {
        number: Some(4),
        about: "Poetry by a reactor",
        programs: &[
            program(
                "client-1",
                "sockets of the client's own, given to a reactor",
            ),
            program("client-1-broken", "the same with a callback that blocks"),
            program("client-1-refused", "exercise: a server that is not there"),
            program("client-1-timeout", "exercise: a poem that takes too long"),
        ],
    },
    Part {
        number: Some(5),
        about: "Protocols and factories",
        programs: &[
            program("client-2", "a protocol a poem, and a factory for them"),
            program("client-2-stack", "who calls a protocol"),
            program("client-2-simple", "the same client, about the poems only"),
            program(
                "client-2-timeout",
                "exercise: a connection that is given up",
            ),
        ],
    },
];
