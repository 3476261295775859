//! Keeps the documentation true to the code.
//!
//! The texts are the Markdown files beside this folder. Here are the programs and checks about them:
//!
//! - [`conformance`] joins the list of behaviours with the tests that hold them, and [`faults`] that of what can go
//!   wrong, both by [`tables`];
//! - [`links`] finds out whether what the texts point to is there;
//! - [`measured`] writes the README's table of measurements;
//! - [`names`] writes the page of Twisted's names;
//! - [`pictures`] draws the book's pictures;
//! - [`small`], [`twins`], [`hurried`], [`louder`] and [`cache`] are what chapters of the book build, and
//!   [`solutions`] has those of its exercises that ask for code.
//!
//! The code that the [README](readme) shows is compiled and run as a test of this crate.

#![forbid(unsafe_code)]

pub mod cache;
pub mod conformance;
pub mod faults;
pub mod hurried;
pub mod links;
pub mod louder;
pub mod measured;
pub mod names;
pub mod pictures;
pub mod small;
pub mod solutions;
pub mod tables;
pub mod twins;

#[doc = include_str!("../../README.md")]
pub mod readme {}
