//! What holds for each client that has its poems transformed by a server for that.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::checks::{Client, assert_closed, send};
use crate::clients::{assert_ends_quietly_when_no_one_reads, text};
use crate::common::{Program, poem_file, run, serve};
use crate::servers::{accept, address_of, finish, listen, refusing, reset};

const FASTPOETRY: &str = env!("CARGO_BIN_EXE_fastpoetry");

/// A client, and a server that transforms its poems for as long as the tests run.
pub(crate) fn client(name: &'static str, path: &'static str) -> Client {
    let server = listen();
    let options = Vec::leak(vec![&*address_of(&server).leak()]);
    thread::spawn(move || {
        for client in server.incoming() {
            // A client that goes away has its reasons.
            let _ = client.and_then(cummingsify);
        }
    });
    Client {
        name,
        path,
        options,
        printed: |poem| poem.to_ascii_lowercase() + "\n",
        no_poem: "The poem download failed",
    }
}

/// Answers one request.
fn cummingsify(mut client: TcpStream) -> io::Result<()> {
    let request = request(&mut client)?;
    let poem = request.strip_prefix(b"cummingsify.");
    let poem = poem
        .expect("this is what clients ask for")
        .to_ascii_lowercase();
    let answer = [format!("{}:", poem.len()).as_bytes(), &poem, b","].concat();
    client.write_all(&answer)
}

/// Reads one request, which is a netstring.
fn request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut byte = [0];
    let mut length = 0;
    loop {
        client.read_exact(&mut byte)?;
        match byte[0] {
            b':' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut request = vec![0; length + 1];
    client.read_exact(&mut request)?;
    assert_eq!(request.pop(), Some(b','));
    Ok(request)
}

/// Makes a test of every one of the methods below, and of those of all clients that fit.
macro_rules! every_transforming_check {
    ($client:ident) => {
        $crate::checks::checks! { $client:
            a_piece_may_end_inside_a_letter,
            an_empty_poem_is_a_poem,
            a_server_that_refuses_costs_its_own_poem_only,
            a_name_that_no_one_knows_costs_its_own_poem_only,
            a_server_that_resets_the_connection_costs_its_own_poem_only,
            when_there_is_no_poem_at_all_the_program_ends_all_the_same,
            poems_are_printed_when_they_are_transformed_on_every_backend,
            a_poem_that_cannot_be_transformed_is_printed_as_it_is,
            a_signal_ends_the_wait_for_a_transformation_quietly_on_every_backend,
            no_one_needs_to_read_what_was_transformed,
            the_server_that_transforms_is_the_first_address,
        }
    };
}
pub(crate) use every_transforming_check;

impl Client {
    pub(crate) fn poems_are_printed_when_they_are_transformed_on_every_backend(&self) {
        for name in backend::NAMES {
            let (first, second) = (listen(), listen());
            let client =
                self.start(&["--backend", name, &address_of(&first), &address_of(&second)]);
            let (mut first, second) = (accept(&first), accept(&second));

            first.write_all("I come before, NÉ".as_bytes()).unwrap();
            send(second, "But I am Done.");
            assert_eq!(client.line(), "but i am done.");
            send(first, "e Slow.");

            let ended = client.end();
            assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{name}");
            assert_eq!(text(&ended), "i come before, nÉe slow.\n", "{name}");
        }
    }

    pub(crate) fn a_poem_that_cannot_be_transformed_is_printed_as_it_is(&self) {
        let (_socket, refusing) = refusing();
        self.assert_not_transformed(refusing, || {});
        for answer in [
            |client| finish(client, b""),
            |client| finish(client, b"6:half a"),
            |client| finish(client, b"no netstring"),
            reset as fn(TcpStream),
        ] {
            let server = listen();
            let address = address_of(&server);
            self.assert_not_transformed(address, || answer(after_request(&server)));
        }
    }

    pub(crate) fn a_signal_ends_the_wait_for_a_transformation_quietly_on_every_backend(&self) {
        for name in backend::NAMES {
            let (xform, poetry) = (listen(), listen());
            let args = ["--backend", name, &address_of(&xform), &address_of(&poetry)];
            let client = Program::start(self.path, &args);
            send(accept(&poetry), "A Poem");
            let silent = after_request(&xform);

            client.signal(Signal::INT);

            let ended = client.end();
            assert_eq!((ended.code, ended.errors.as_str()), (130, ""), "{name}");
            assert_eq!(text(&ended), "", "{name}");
            assert_closed(silent);
        }
    }

    pub(crate) fn no_one_needs_to_read_what_was_transformed(&self) {
        // More than a pipe holds, and less than a request may have.
        let file = poem_file(self.name, &b"a line of many\n".repeat(6000));
        let (_server, address) = serve(FASTPOETRY, &[&file]);

        let address = address.to_string();
        let args = [self.options, &[&address]].concat();
        assert_ends_quietly_when_no_one_reads(self.path, &args);
    }

    pub(crate) fn the_server_that_transforms_is_the_first_address(&self) {
        let usage = "<XFORM-PORT> <[HOST:]PORT>...";
        run::<&str>(self.path, &[]).assert_refused(self.name, usage);
        run(self.path, &["10000"]).assert_refused(self.name, usage);
    }

    /// Checks that a poem is printed as it is, when this server was asked to transform it and has done `this`.
    #[track_caller]
    fn assert_not_transformed(&self, xform: String, this: impl FnOnce()) {
        let poetry = listen();
        let client = Program::start(self.path, &[xform, address_of(&poetry)]);
        send(accept(&poetry), "A Poem, as it is");
        this();

        let ended = client.end();
        assert_eq!(text(&ended), "A Poem, as it is\n");
        assert_eq!(ended.errors, "Cummingsify failed!\n");
        assert_eq!(ended.code, 0);
    }
}

/// Waits for a client's whole request, so that a connection which is closed then has nothing unread in it.
#[track_caller]
fn after_request(server: &TcpListener) -> TcpStream {
    let mut client = accept(server);
    request(&mut client).expect("a request comes");
    client
}
