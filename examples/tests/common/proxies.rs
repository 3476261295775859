//! What holds for each poetry proxy, with servers and clients of the tests' own.

use std::io::Write;

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::common::{run, serve};
use crate::netcat::{connect, interrupt, rest_of};
use crate::servers::{accept, address_of, finish, listen, refusing, reset};

/// What a proxy says when it asks its server, and when it need not.
pub(crate) const FETCHING: &str = "Fetching poem from server.";
pub(crate) const CACHED: &str = "Using cached poem.";

/// A proxy.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
}

/// Makes a test of every one of the methods below.
macro_rules! every_proxy_check {
    ($proxy:ident) => {
        $crate::proxies::every_proxy_check! { $proxy:
            a_poem_is_fetched_once_and_kept_on_every_backend,
            a_poem_is_passed_on_byte_for_byte,
            clients_that_come_while_the_poem_is_fetched_have_it_fetched_too,
            a_server_that_has_no_poem_is_asked_again,
            a_signal_ends_a_fetch_quietly_on_every_backend,
            an_address_of_its_own_that_is_none_is_refused,
        }
    };
    ($proxy:ident: $($check:ident),+ $(,)?) => {
        $(#[test]
        fn $check() {
            super::$proxy.$check();
        })+
    };
}
pub(crate) use every_proxy_check;

impl Proxy {
    pub(crate) fn a_poem_is_fetched_once_and_kept_on_every_backend(&self) {
        for name in backend::NAMES {
            let server = listen();
            let args = ["--backend", name, &address_of(&server)];
            let (proxy, address) = serve(self.path, &args);

            let client = connect(address);
            assert_eq!(proxy.line(), FETCHING, "{name}");
            finish(accept(&server), "a née poem\n".as_bytes());
            assert_eq!(rest_of(client), "a née poem\n".as_bytes(), "{name}");

            // No one is there any more.
            drop(server);
            assert_eq!(rest_of(connect(address)), "a née poem\n".as_bytes());
            assert_eq!(proxy.line(), CACHED, "{name}");
        }
    }

    pub(crate) fn a_poem_is_passed_on_byte_for_byte(&self) {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
        let server = listen();
        let (_proxy, address) = serve(self.path, &[address_of(&server)]);

        let client = connect(address);
        finish(accept(&server), &bytes);

        assert!(rest_of(client) == bytes);
        assert!(rest_of(connect(address)) == bytes);
    }

    pub(crate) fn clients_that_come_while_the_poem_is_fetched_have_it_fetched_too(&self) {
        let server = listen();
        let (proxy, address) = serve(self.path, &[address_of(&server)]);

        let first = connect(address);
        let first_fetch = accept(&server);
        let second = connect(address);
        let second_fetch = accept(&server);
        finish(second_fetch, b"second");
        assert_eq!(rest_of(second), b"second");
        finish(first_fetch, b"first");
        assert_eq!(rest_of(first), b"first");

        assert_eq!([proxy.line(), proxy.line()], [FETCHING, FETCHING]);
    }

    pub(crate) fn a_server_that_has_no_poem_is_asked_again(&self) {
        let server = listen();
        let (proxy, address) = serve(self.path, &[address_of(&server)]);

        let client = connect(address);
        let mut half = accept(&server);
        half.write_all(b"half a po").unwrap();
        reset(half);
        assert_eq!(rest_of(client), b"");
        let client = connect(address);
        finish(accept(&server), b"a poem\n");
        assert_eq!(rest_of(client), b"a poem\n");

        assert_eq!([proxy.line(), proxy.line()], [FETCHING, FETCHING]);
        let ended = interrupt(proxy);
        assert_eq!(ended.matches("Poem failed: ").count(), 1, "{ended}");

        let (_socket, refusing) = refusing();
        let (proxy, address) = serve(self.path, &[refusing]);
        assert_eq!(rest_of(connect(address)), b"");
        let ended = interrupt(proxy);
        assert_eq!(ended.matches("Poem failed: ").count(), 1, "{ended}");
    }

    pub(crate) fn a_signal_ends_a_fetch_quietly_on_every_backend(&self) {
        for name in backend::NAMES {
            for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
                let server = listen();
                let args = ["--backend", name, &address_of(&server)];
                let (proxy, address) = serve(self.path, &args);
                let client = connect(address);
                let mut half = accept(&server);
                half.write_all(b"half a po").unwrap();
                assert_eq!(proxy.line(), FETCHING);

                proxy.signal(signal);

                let ended = proxy.end();
                assert_eq!((ended.code, ended.errors.as_str()), (code, ""), "{name}");
                assert_eq!(rest_of(client), b"", "{name}");
            }
        }
    }

    pub(crate) fn an_address_of_its_own_that_is_none_is_refused(&self) {
        let ended = run(self.path, &["--iface=", "10000"]);

        ended.assert_refused(self.name, "--iface is a name or an address of this machine");
    }
}
