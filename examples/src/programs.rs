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
    Part {
        number: Some(6),
        about: "Callbacks of one's own",
        programs: &[
            program("client-3", "a callback for the poem"),
            program(
                "client-3-1",
                "a callback for the poem, and an errback for the failure",
            ),
            program(
                "client-3-order",
                "exercise: what is called, and in which order",
            ),
            program(
                "client-3-timeout",
                "exercise: an error of one's own for the errback",
            ),
            program("failure-examples", "failures: made, raised, and kept"),
            program("trap", "exercise: trap, beside a match"),
        ],
    },
    Part {
        number: Some(7),
        about: "Deferreds by themselves",
        programs: &[
            program("defer-1", "a Deferred that is fired with a result"),
            program("defer-2", "the same with a failure"),
            program("defer-3", "the same with an error, which becomes a failure"),
            program("defer-4", "fired twice: with a result, and a result"),
            program("defer-5", "fired twice: with a result, and an error"),
            program("defer-6", "fired twice: with an error, and an error"),
            program("defer-7", "fired twice: with an error, and a result"),
            program("defer-8", "fired by the reactor, which the callback stops"),
            program("defer-9", "the same, with one link for either case"),
        ],
    },
    Part {
        number: Some(8),
        about: "Poetry by Deferreds",
        programs: &[
            program("client-4", "get_poetry returns a Deferred"),
            program("client-4-stack", "who calls the callback of a Deferred"),
            program(
                "client-4-timeout",
                "exercise: a Deferred that fails when time is up",
            ),
            program("defer-block", "a callback that blocks"),
        ],
    },
    Part {
        number: Some(9),
        about: "Failures in a chain",
        programs: &[
            program("defer-unhandled", "a failure that no one handles"),
            program(
                "deferred-simulator",
                "draws how a chain of your own is fired",
            ),
        ],
    },
    Part {
        number: Some(10),
        about: "Poetry transformed",
        programs: &[
            program("client-5", "an engine in the chain, which may fail"),
            program(
                "client-5-1",
                "the same, with an errback that mends the chain",
            ),
        ],
    },
    Part {
        number: Some(13),
        about: "Deferreds in Deferreds",
        programs: &[program("defer-10", "a callback that returns a Deferred")],
    },
    Part {
        number: Some(14),
        about: "Deferreds that have fired",
        programs: &[program(
            "defer-11",
            "links that are added late, and to a chain that is paused",
        )],
    },
    Part {
        number: Some(16),
        about: "A service",
        programs: &[program(
            "fastpoetry-service",
            "a server with a log and a pid file, which stops in order",
        )],
    },
];
