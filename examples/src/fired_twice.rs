//! The tutorial's programs that fire a Deferred twice, as far as they can be written here.
//!
//! In Twisted they end with an `AlreadyCalledError`. Here they do not compile, as the first call takes the
//! firer. The programs of these names show what can be done instead.
//!
//! `defer-4`, a result after a result:
//!
//! ```compile_fail,E0382
//! let (firer, d) = protocols::deferred::Deferred::new();
//! # d.ignore();
//! firer.callback("First result");
//! firer.callback("Second result");
//! ```
//!
//! `defer-5`, an error after a result:
//!
//! ```compile_fail,E0382
//! # use protocols::deferred::Failure;
//! let (firer, d) = protocols::deferred::Deferred::new();
//! # d.ignore();
//! firer.callback("First result");
//! firer.errback(Failure::msg("First error"));
//! ```
//!
//! `defer-6`, an error after an error:
//!
//! ```compile_fail,E0382
//! # use protocols::deferred::Failure;
//! let (firer, d) = protocols::deferred::Deferred::<u32>::new();
//! # d.ignore();
//! firer.errback(Failure::msg("First error"));
//! firer.errback(Failure::msg("Second error"));
//! ```
//!
//! `defer-7`, a result after an error:
//!
//! ```compile_fail,E0382
//! # use protocols::deferred::Failure;
//! let (firer, d) = protocols::deferred::Deferred::new();
//! # d.ignore();
//! firer.errback(Failure::msg("First error"));
//! firer.callback("First result");
//! ```
