//! A small cache that speaks a part of memcached's text protocol: shown by the book's chapter on writing a
//! protocol of one's own.
//!
//! `get`, `set` and `delete`, as memcached's `protocol.txt` has them. Nothing expires, so an expiry time
//! other than 0 is refused.
//!
//! - [`Input`]: cuts lines and blocks out of the bytes that come;
//! - [`Session`]: the server's half of a conversation, which knows no network;
//! - [`CacheServer`]: the factory that puts sessions on connections;
//! - [`Client`]: the client's half, a Deferred a request.

mod client;
mod input;
mod server;
mod session;

pub use client::{Answer, CacheError, Client, connect};
pub use input::{Input, TooLong};
pub use server::{CacheProtocol, CacheServer};
pub use session::{Session, Store};
