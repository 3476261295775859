//! Keeps the documentation true to the code.
//!
//! The texts are the Markdown files beside this folder. Here are the programs and checks about them:
//! [`conformance`] joins the list of behaviours with the tests that hold them, and the code that the
//! [README](readme) shows is compiled and run as a test of this crate.

#![forbid(unsafe_code)]

pub mod conformance;

#[doc = include_str!("../../README.md")]
pub mod readme {}
