#![doc = include_str!("twisted.md")]
#![expect(unused_imports, reason = "the page above links to their names")]

use deferred::*;
use reactor::backend::Backend;
use reactor::task::*;
use reactor::testing::TestClock;
use reactor::*;

use crate::datagram::*;
use crate::endpoints::{
    ClientEndpoint, Connect, Connected, Listen, ReactorEndpoints, ServerEndpoint,
};
use crate::framing::Framing;
use crate::line::*;
use crate::policies::*;
use crate::services::{ChargenFactory, DiscardFactory, EchoFactory};
use crate::strings::*;
use crate::*;
