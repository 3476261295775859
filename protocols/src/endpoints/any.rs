//! A factory of any type.

use std::fmt;
use std::rc::Rc;

use crate::uses::Inner;
use crate::{Address, Factory, Protocol};

/// A factory whose type is forgotten: what a kind of endpoint connects or listens with.
pub struct AnyFactory {
    factory: Box<dyn Builds>,
}

/// What is left of a factory when its type is forgotten.
trait Builds {
    fn build(&self, peer: &Address) -> Option<Box<dyn Protocol>>;
    fn start(&self);
    fn stop(&self);
    fn name(&self) -> String;
    fn is_quiet(&self) -> bool;
}

impl<F: Factory> Builds for Inner<F> {
    fn build(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let protocol = self.build_protocol(peer)?;
        Some(Box::new(protocol))
    }

    fn start(&self) {
        Self::start(self);
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn name(&self) -> String {
        self.log_prefix()
    }

    fn is_quiet(&self) -> bool {
        self.get().is_quiet()
    }
}

impl AnyFactory {
    /// Forgets the type of `factory`.
    pub fn new<F: Factory>(factory: Rc<F>) -> Self {
        Self {
            factory: Box::new(Inner::new(factory)),
        }
    }
}

impl Factory for AnyFactory {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        self.factory.build(peer)
    }

    fn start_factory(self: &Rc<Self>) {
        self.factory.start();
    }

    fn stop_factory(self: &Rc<Self>) {
        self.factory.stop();
    }

    fn log_prefix(&self) -> String {
        self.factory.name()
    }

    fn is_quiet(&self) -> bool {
        self.factory.is_quiet()
    }
}

impl fmt::Debug for AnyFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyFactory").finish_non_exhaustive()
    }
}
