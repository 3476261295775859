//! What holds for every program, whatever it shows: one row of a table for each, and one test for each promise.

#[path = "../common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
#[path = "../common/netcat.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod netcat;
mod refusing;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;
mod signals;
mod table;
mod unread;
mod usage;
