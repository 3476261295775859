//! Client 3.0, which hears of poems only; with poems, it does what its successors do.

use std::io::Write;

use rustix::process::Signal;

use crate::CLIENT_3;
use crate::checks::send;
use crate::clients::text;
use crate::servers::{accept, address_of, listen, refusing, reset};

#[test]
fn where_a_server_refuses_it_waits_until_ctrl_c() {
    let (_socket, refusing) = refusing();
    let listener = listen();
    let client = CLIENT_3.start(&[&refusing, &address_of(&listener)]);

    send(accept(&listener), "a poem\n");
    client.signal(Signal::INT);

    let ended = client.end();
    assert_eq!((ended.code, ended.errors.as_str()), (130, ""));
    assert_eq!(text(&ended), "a poem\n");
}

#[test]
fn half_a_poem_is_none() {
    let (resetting, other) = (listen(), listen());
    let client = CLIENT_3.start(&[&address_of(&resetting), &address_of(&other)]);
    let (mut resetting, other) = (accept(&resetting), accept(&other));

    resetting.write_all(b"half a po").unwrap();
    reset(resetting);
    send(other, "a poem\n");
    client.signal(Signal::INT);

    let ended = client.end();
    assert_eq!((ended.code, ended.errors.as_str()), (130, ""));
    assert_eq!(text(&ended), "a poem\n");
}
