//! String receivers, in memory: netstrings, counted strings, and strings with states.

#[path = "../common/recording.rs"]
mod recording;

mod counted;
mod handlers;
mod netstrings;
mod properties;
mod stateful;
mod waiting;
