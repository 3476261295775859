//! A resolver that knows what a test has told it, and notes what it is asked.
//!
//! A test file that needs it names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use protocols::deferred::{Deferred, Firer};
use protocols::reactor::Reactor;
use protocols::{Query, ReactorNames, Resolver};

/// A resolver that answers each question with the same addresses, or when the test does; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Book {
    addresses: Option<Vec<SocketAddr>>,
    asked: Rc<RefCell<Vec<Query>>>,
    waiting: Rc<RefCell<Vec<Firer<Vec<SocketAddr>>>>>,
    cancelled: Rc<RefCell<Vec<String>>>,
}

impl Book {
    /// Has the reactor ask a book that answers at once.
    pub(crate) fn with(reactor: &Reactor, addresses: &[SocketAddr]) -> Self {
        Self {
            addresses: Some(addresses.to_vec()),
            ..Self::default()
        }
        .installed(reactor)
    }

    /// Has the reactor ask a book that lets it wait.
    pub(crate) fn silent(reactor: &Reactor) -> Self {
        Self::default().installed(reactor)
    }

    fn installed(self, reactor: &Reactor) -> Self {
        reactor.install_name_resolver(Rc::new(self.clone()));
        self
    }

    /// What it was asked.
    pub(crate) fn asked(&self) -> Vec<Query> {
        self.asked.borrow().clone()
    }

    /// The names of those who did not want to wait.
    pub(crate) fn cancelled(&self) -> Vec<String> {
        self.cancelled.borrow().clone()
    }

    /// Answers the question that has waited longest, and says whether anybody heard it.
    pub(crate) fn answer(&self, addresses: &[SocketAddr]) -> bool {
        let firer = self.waiting.borrow_mut().remove(0);
        firer.callback(addresses.to_vec())
    }
}

impl Resolver for Book {
    fn resolve(&self, _reactor: &Reactor, query: &Query) -> Deferred<Vec<SocketAddr>> {
        self.asked.borrow_mut().push(query.clone());
        if let Some(addresses) = &self.addresses {
            return Deferred::succeed(addresses.clone());
        }
        let (cancelled, host) = (Rc::clone(&self.cancelled), query.host().to_owned());
        let (firer, deferred) =
            Deferred::with_canceller(move |_| cancelled.borrow_mut().push(host));
        self.waiting.borrow_mut().push(firer);
        deferred
    }
}
