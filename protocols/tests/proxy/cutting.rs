//! Headers that come in pieces.

use std::slice;

use proptest::prelude::*;

use crate::balancer::{LINE, LINE_OF_IPV6, block, connection, ends, unix_block};
use crate::common::{Bytes, Kept, Reports, Script};
use crate::recording::pieces;

/// What a connection has delivered, from whom to whom, and whether it is over, which no panic may be the reason of.
fn outcome(chunks: &[Vec<u8>]) -> (Vec<u8>, [String; 2], bool) {
    let reports = Reports::collected();
    let (bytes, kept) = (Bytes::default(), Kept::default());
    let (taken, keep) = (bytes.clone(), kept.clone());
    let script = Script::unnoted()
        .on_made(move |transport| keep.keep(transport))
        .on_data(move |_, data| taken.add(data));
    let connection = connection(script);
    for chunk in chunks {
        connection.receive(chunk);
    }
    reports.assert_reasons(&[]);
    (bytes.take(), ends(&kept.get()), connection.is_over())
}

/// The beginning of a connection: a header, often a good one, sometimes with one byte changed.
fn beginning() -> impl Strategy<Value = Vec<u8>> {
    let headers = prop::sample::select(vec![
        LINE.to_vec(),
        LINE_OF_IPV6.to_vec(),
        b"PROXY UNKNOWN whatever\r\n".to_vec(),
        block(0x20, 0x00, &[7; 300]),
        block(0x21, 0x11, &[7; 20]),
        unix_block("/a", "/b"),
    ]);
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (headers, change).prop_map(|(mut header, change)| {
        if let Some((at, byte)) = change {
            let at = at.index(header.len());
            header[at] = byte;
        }
        header
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // P-045, P-046, P-047
    #[test]
    fn how_the_bytes_are_cut_makes_no_difference(
        header in prop_oneof![4 => beginning(), 1 => prop::collection::vec(any::<u8>(), 0..20)],
        rest in prop::collection::vec(any::<u8>(), 0..60),
        lengths in prop::collection::vec(1..90_usize, 1..6),
    ) {
        let all = [header, rest].concat();

        let whole = outcome(slice::from_ref(&all));

        prop_assert_eq!(outcome(&pieces(&all, &lengths)), whole.clone());
        prop_assert_eq!(outcome(&pieces(&all, &[1])), whole);
    }
}
