//! A factory of any type.

use std::fmt;
use std::rc::Rc;

use crate::{Address, Factory, Protocol};

/// A factory whose type is forgotten: what a kind of endpoint connects or listens with.
pub struct AnyFactory {
    factory: Box<dyn Builds>,
}

/// What is left of a factory when its type is forgotten.
trait Builds {
    fn build(&self, peer: &Address) -> Option<Box<dyn Protocol>>;
}

impl<F: Factory> Builds for Rc<F> {
    fn build(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let protocol = self.build_protocol(peer)?;
        Some(Box::new(protocol))
    }
}

impl AnyFactory {
    /// Forgets the type of `factory`.
    pub fn new<F: Factory>(factory: Rc<F>) -> Self {
        Self {
            factory: Box::new(factory),
        }
    }
}

impl Factory for AnyFactory {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        self.factory.build(peer)
    }
}

impl fmt::Debug for AnyFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyFactory").finish_non_exhaustive()
    }
}
