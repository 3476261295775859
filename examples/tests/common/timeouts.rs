//! What holds for each client that gives up a poem which takes too long.

use std::io::Write;

use protocols::reactor::backend;

use crate::checks::{Client, assert_closed, send};
use crate::clients::text;
use crate::common::{Program, run};
use crate::servers::{accept, address_of, listen};

/// Makes a test of every one of the methods below, for a client.
macro_rules! every_timeout_check {
    ($client:ident) => {
        $crate::checks::checks! { $client:
            a_server_that_never_answers_costs_its_own_poem_only_on_every_backend,
            a_poem_that_was_given_up_has_its_connection_closed_and_is_not_printed,
            a_timeout_is_a_time,
        }
    };
}
pub(crate) use every_timeout_check;

impl Client {
    pub(crate) fn a_server_that_never_answers_costs_its_own_poem_only_on_every_backend(&self) {
        // The system answers for a server that does not accept.
        let silent = listen();
        let start_on = |name| {
            let other = listen();
            let args = ["--backend", name, &address_of(&silent), &address_of(&other)];
            (name, self.start_with("2", &args), other)
        };
        // All of them wait at the same time.
        let clients: Vec<_> = backend::NAMES.iter().copied().map(start_on).collect();
        for (_, _, other) in &clients {
            send(accept(other), "a poem\n");
        }

        for (name, client, _) in clients {
            let ended = client.end();
            assert_eq!((ended.code, text(&ended)), (1, "a poem\n"), "{name}");
            let error = "PoemTimedOut: the poem was not whole after 2s\n";
            assert!(ended.errors.contains(error), "{}", ended.errors);
            assert_eq!(ended.errors.matches(self.no_poem).count(), 1);
        }
    }

    pub(crate) fn a_poem_that_was_given_up_has_its_connection_closed_and_is_not_printed(&self) {
        let (slow, other) = (listen(), listen());
        let client = self.start_with("1", &[&address_of(&slow), &address_of(&other)]);
        let (mut slow, mut other) = (accept(&slow), accept(&other));

        slow.write_all(b"half a po").unwrap();
        other.write_all(b"half another").unwrap();
        assert_closed(slow);
        assert_closed(other);

        let ended = client.end();
        assert_eq!((ended.code, text(&ended)), (1, ""));
        assert_eq!(ended.errors.matches("PoemTimedOut").count(), 2);
    }

    pub(crate) fn a_timeout_is_a_time(&self) {
        for bad in ["abc", "", "-1", "0", "nan", "inf", "1e9"] {
            let ended = run(self.path, &["--timeout", bad, "10000"]);
            ended.assert_refused(self.name, "a time to wait is a number of seconds");
        }
    }

    #[track_caller]
    fn start_with(&self, timeout: &str, args: &[&str]) -> Program {
        Program::start(self.path, &[&["--timeout", timeout], args].concat())
    }
}
