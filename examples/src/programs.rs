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

impl Program {
    /// The program of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut all = PARTS.iter().flat_map(|part| part.programs);
        all.find(|program| program.name == name)
    }
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
            program("defer-2", "a Deferred that is fired with a failure"),
            program(
                "defer-3",
                "a Deferred fired with an error, which becomes a failure",
            ),
            program("defer-4", "firing twice: with a result, and a result"),
            program("defer-5", "firing twice: with a result, and an error"),
            program("defer-6", "firing twice: with an error, and an error"),
            program("defer-7", "firing twice: with an error, and a result"),
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
        number: Some(11),
        about: "A server that does not block",
        programs: &[
            program("fastpoetry", "serves a poem to all who come"),
            program(
                "fastpoetry-slow",
                "exercise: the same, a piece at a time to each",
            ),
        ],
    },
    Part {
        number: Some(12),
        about: "A server with requests",
        programs: &[program(
            "transformedpoetry",
            "a server that transforms poems",
        )],
    },
    Part {
        number: Some(13),
        about: "Deferreds in Deferreds",
        programs: &[
            program("defer-10", "a callback that returns a Deferred"),
            program("client-6", "poems transformed by another server"),
        ],
    },
    Part {
        number: Some(14),
        about: "Deferreds that have fired",
        programs: &[
            program(
                "defer-11",
                "links that are added late, and to a chain that is paused",
            ),
            program("poetry-proxy-1", "a proxy that keeps the poem"),
            program("poetry-proxy-2", "the same, by Deferreds that have fired"),
            program(
                "poetry-proxy-2-once",
                "exercise: the same, with one fetch for all who wait",
            ),
        ],
    },
    Part {
        number: Some(16),
        about: "A service",
        programs: &[program(
            "fastpoetry-service",
            "a server with a log and a pid file, which stops in order",
        )],
    },
    Part {
        number: Some(17),
        about: "Callbacks in one function",
        programs: &[
            program(
                "inline-callbacks-1",
                "four callbacks written as one function",
            ),
            program(
                "inline-callbacks-2",
                "two such functions, and their Deferreds",
            ),
            program("inline-callbacks-tb", "who calls a function that waits"),
            program("client-7", "the way of a poem is one function"),
        ],
    },
    Part {
        number: Some(18),
        about: "Many Deferreds at once",
        programs: &[
            program("deferred-list-1", "a list of no Deferreds"),
            program("deferred-list-2", "a list of one"),
            program("deferred-list-3", "a list of two"),
            program(
                "deferred-list-4",
                "a list of two, fired the other way round",
            ),
            program("deferred-list-5", "a list of two, one of which fails"),
            program(
                "deferred-list-6",
                "a list of two, one of which fails, with a report",
            ),
            program(
                "deferred-list-7",
                "a list of two, one of which has an errback of its own",
            ),
            program("client-8", "a list waits for all the poems"),
        ],
    },
    Part {
        number: Some(19),
        about: "Deferreds that are cancelled",
        programs: &[
            program("defer-cancel-1", "cancelling without an errback"),
            program("defer-cancel-2", "cancelling with an errback"),
            program("defer-cancel-3", "cancelling what has fired"),
            program("defer-cancel-4", "firing what was cancelled"),
            program("defer-cancel-5", "a canceller"),
            program("defer-cancel-6", "a canceller that fires with a result"),
            program("defer-cancel-7", "a canceller that fires with an error"),
            program("defer-cancel-8", "a canceller that is not needed"),
            program("defer-cancel-9", "a poem that nobody cancels"),
            program(
                "defer-cancel-10",
                "a poem that is cancelled, and sent all the same",
            ),
            program("defer-cancel-11", "a poem that is cancelled, and not sent"),
            program(
                "defer-cancel-12",
                "cancelling what waits for another Deferred",
            ),
            program("poetry-proxy-3", "a proxy that cancels its fetch"),
        ],
    },
];
