//! Drops what comes.

use std::rc::Rc;

use crate::{Address, Factory, Protocol, Transport};

/// Makes a [`Discard`] for each connection. RFC 863.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiscardFactory;

impl Factory for DiscardFactory {
    type Protocol = Discard;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Discard> {
        Some(Discard)
    }
}

/// Drops what comes, and says nothing.
///
/// *Twisted's `wire.Discard`.*
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Protocol for Discard {
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}
