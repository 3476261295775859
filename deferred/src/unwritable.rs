//! Programs that Twisted refuses when they run, and that cannot be written here.
//!
//! # Firing
//!
//! A chain fires once, since firing uses its firer up (D-020, D-070); nor can a link that runs fire its own
//! chain again (D-021).
//!
//! ```compile_fail,E0382
//! let (firer, deferred) = deferred::Deferred::<u32>::new();
//! firer.callback(1);
//! firer.callback(2);
//! ```
//!
//! The success way takes a value of the chain's type, which a failure is not (D-016).
//!
//! ```compile_fail,E0308
//! let (firer, deferred) = deferred::Deferred::<u32>::new();
//! firer.callback(deferred::Failure::new(deferred::Abandoned));
//! ```
//!
//! Forwarding uses up the firer of the other chain, which therefore has not fired (D-057).
//!
//! ```compile_fail,E0382
//! let (firer, other) = deferred::Deferred::<u32>::new();
//! firer.callback(1);
//! deferred::Deferred::succeed(2).forward(firer);
//! ```
//!
//! A canceller is given the firing end only: there is nothing to add links to (D-082).
//!
//! ```compile_fail,E0599
//! let (firer, deferred) = deferred::Deferred::<u32>::with_canceller(|firer| {
//!     firer.add_callback(|_| ());
//! });
//! ```
//!
//! # Chaining
//!
//! A chain that a link returned is moved into the chain that waits for it: nobody is left who could add to
//! it (D-042), or return it to a second one (D-043).
//!
//! ```compile_fail,E0382
//! let (firer, inner) = deferred::Deferred::<u32>::new();
//! let outer = deferred::Deferred::succeed(()).add_callback(move |()| inner);
//! inner.map(|n| n + 1);
//! ```
//!
//! ```compile_fail,E0382
//! let (firer, inner) = deferred::Deferred::<u32>::new();
//! let one = deferred::Deferred::succeed(()).add_callback(move |()| inner);
//! let two = deferred::Deferred::succeed(()).add_callback(move |()| inner);
//! ```
//!
//! Awaiting uses the Deferred up as well (D-168).
//!
//! ```compile_fail,E0382
//! async fn twice(poem: deferred::Deferred<u32>) {
//!     let first = poem.await;
//!     let second = poem.await;
//! }
//! ```
//!
//! # Many at once
//!
//! A list owns its children, so nothing can be added to them later (D-110, D-111), and the caller's sequence is
//! gone (D-117).
//!
//! ```compile_fail,E0382
//! let children = vec![deferred::Deferred::succeed(1)];
//! let list = deferred::gather(children);
//! for child in children {}
//! ```
//!
//! A lock's `run` needs something to run (D-133), and only futures can be made into Deferreds (D-161).
//!
//! ```compile_fail,E0061
//! deferred::DeferredLock::new().run();
//! ```
//!
//! ```compile_fail,E0277
//! fn spawned(spawner: &dyn deferred::Spawn) -> deferred::Deferred<u32> {
//!     deferred::Deferred::from_future(spawner, 7)
//! }
//! ```
//!
//! # Printing
//!
//! How much of a failure is printed is a format, of which there are four (F-024).
//!
//! ```compile_fail
//! let failure = deferred::Failure::new(deferred::Abandoned);
//! println!("{failure:very_long}");
//! ```
