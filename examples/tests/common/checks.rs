//! What holds for each client of the tutorial that gets its poems by callbacks, whatever it does with them.

use std::io::{Read, Write};
use std::net::TcpStream;

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::clients::{assert_ends_quietly_when_no_one_reads, text};
use crate::common::{Ended, Program, poem_file, serve};
use crate::servers::{accept, address_of, finish, listen, refusing, reset};

const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");

/// A client, and in what it is its own.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// Options that it is to be run with.
    pub(crate) options: &'static [&'static str],
    /// What it prints for a poem.
    pub(crate) printed: fn(&str) -> String,
    /// How the line begins that says that there is no poem.
    pub(crate) no_poem: &'static str,
}

/// Makes a test of each of these methods of [`Client`].
macro_rules! checks {
    ($client:ident: $($check:ident),+ $(,)?) => {
        $(#[test]
        fn $check() {
            super::$client.$check();
        })+
    };
}
pub(crate) use checks;

/// Makes a test of every one of them.
macro_rules! every_check {
    ($client:ident) => {
        $crate::checks::checks! { $client:
            poems_are_printed_in_the_order_in_which_they_are_complete_on_every_backend,
            a_piece_may_end_inside_a_letter,
            an_empty_poem_is_a_poem,
            a_server_that_refuses_costs_its_own_poem_only,
            a_name_that_no_one_knows_costs_its_own_poem_only,
            a_server_that_resets_the_connection_costs_its_own_poem_only,
            when_there_is_no_poem_at_all_the_program_ends_all_the_same,
            a_signal_ends_the_wait_quietly_on_every_backend,
            an_output_that_no_one_reads_to_its_end_ends_the_program_quietly,
        }
    };
}
pub(crate) use every_check;

impl Client {
    pub(crate) fn poems_are_printed_in_the_order_in_which_they_are_complete_on_every_backend(
        &self,
    ) {
        for name in backend::NAMES {
            let (first, second) = (listen(), listen());
            let args = ["--backend", name, &address_of(&first), &address_of(&second)];
            let client = self.start(&args);
            let (mut first, second) = (accept(&first), accept(&second));

            first.write_all("I come before, né".as_bytes()).unwrap();
            send(second, "but I am done.\n");
            send(first, "e slow.\n");

            let ended = client.end();
            let expected = ["but I am done.\n", "I come before, née slow.\n"];
            assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{name}");
            assert_eq!(text(&ended), expected.map(self.printed).concat(), "{name}");
        }
    }

    pub(crate) fn a_piece_may_end_inside_a_letter(&self) {
        let listener = listen();
        let client = self.start(&[&address_of(&listener)]);
        let mut server = accept(&listener);

        server.set_nodelay(true).unwrap();
        for byte in "“Ünter,” he said".bytes() {
            server.write_all(&[byte]).unwrap();
        }
        drop(server);

        let ended = client.end();
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
        assert_eq!(text(&ended), (self.printed)("“Ünter,” he said"));
    }

    pub(crate) fn an_empty_poem_is_a_poem(&self) {
        let listener = listen();
        let client = self.start(&[&address_of(&listener)]);

        drop(accept(&listener));

        let ended = client.end();
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
        assert_eq!(text(&ended), (self.printed)(""));
    }

    pub(crate) fn a_server_that_refuses_costs_its_own_poem_only(&self) {
        let (_socket, refusing) = refusing();
        let listener = listen();

        for name in backend::NAMES {
            let args = ["--backend", name, &refusing, &address_of(&listener)];
            let client = self.start(&args);
            send(accept(&listener), "a poem\n");

            self.assert_one_of_two(&client.end(), "a poem\n");
        }
    }

    pub(crate) fn a_name_that_no_one_knows_costs_its_own_poem_only(&self) {
        let listener = listen();
        // A name may have parts of 63 letters, so that no one needs to be asked about this one.
        let unknown = format!("{}:10000", "x".repeat(64));
        let client = self.start(&[&unknown, &address_of(&listener)]);

        send(accept(&listener), "a poem\n");

        self.assert_one_of_two(&client.end(), "a poem\n");
    }

    pub(crate) fn a_server_that_resets_the_connection_costs_its_own_poem_only(&self) {
        for name in backend::NAMES {
            let (resetting, other) = (listen(), listen());
            let args = [
                "--backend",
                name,
                &address_of(&resetting),
                &address_of(&other),
            ];
            let client = self.start(&args);
            let (mut resetting, other) = (accept(&resetting), accept(&other));

            resetting.write_all(b"half a po").unwrap();
            send(other, "a poem\n");
            reset(resetting);

            self.assert_one_of_two(&client.end(), "a poem\n");
        }
    }

    pub(crate) fn when_there_is_no_poem_at_all_the_program_ends_all_the_same(&self) {
        let ((_first, first), (_second, second)) = (refusing(), refusing());

        let ended = self.start(&[&first, &second]).end();

        assert_eq!((ended.code, text(&ended)), (1, ""));
        assert_eq!(ended.errors.matches(self.no_poem).count(), 2);
    }

    pub(crate) fn a_signal_ends_the_wait_quietly_on_every_backend(&self) {
        for name in backend::NAMES {
            for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
                let (half, whole) = (listen(), listen());
                let args = ["--backend", name, &address_of(&half), &address_of(&whole)];
                let client = self.start(&args);
                let (mut half, whole) = (accept(&half), accept(&whole));
                half.write_all(b"half a poe").unwrap();
                send(whole, "a poem\n");

                client.signal(signal);

                let ended = client.end();
                assert_eq!((ended.code, ended.errors.as_str()), (code, ""), "{name}");
                assert_eq!(text(&ended), (self.printed)("a poem\n"), "{name}");
            }
        }
    }

    pub(crate) fn an_output_that_no_one_reads_to_its_end_ends_the_program_quietly(&self) {
        // More than a pipe holds.
        let file = poem_file(self.name, &b"a line of many\n".repeat(100_000));
        let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=99999", &file]);

        let address = address.to_string();
        let args = [self.options, &[&address]].concat();
        assert_ends_quietly_when_no_one_reads(self.path, &args);
    }

    /// Starts the client with its own options and these.
    #[track_caller]
    pub(crate) fn start(&self, args: &[&str]) -> Program {
        Program::start(self.path, &[self.options, args].concat())
    }

    /// Checks that this poem came, and one other did not, which was told.
    #[track_caller]
    fn assert_one_of_two(&self, ended: &Ended, poem: &str) {
        assert_eq!(ended.code, 1, "{}", ended.errors);
        assert_eq!(text(ended), (self.printed)(poem), "{}", ended.errors);
        assert!(ended.errors.starts_with(self.no_poem), "{}", ended.errors);
        assert_eq!(ended.errors.matches(self.no_poem).count(), 1);
    }
}

/// Sends the last piece of a poem, and waits until the client has taken note of the end.
#[track_caller]
pub(crate) fn send(server: TcpStream, poem: &str) {
    let closed = server.try_clone().unwrap();
    finish(server, poem.as_bytes());
    assert_closed(closed);
}

/// Waits until the client closes its side, having sent nothing.
#[track_caller]
pub(crate) fn assert_closed(mut server: TcpStream) {
    // Unlike `read`, this goes on after a signal.
    let sent = server.read_to_end(&mut Vec::new());
    assert_eq!(sent.expect("the client closes its side"), 0);
}
