//! The walker and the slow reader must tell the same of any bytes.

#![no_main]

use keytrail_event::oracle::{compare, compare_pieces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    compare(bytes);
    // The last byte says how the same input is cut.
    if let Some(last) = bytes.last() {
        compare_pieces(bytes, usize::from(*last) * 8 + 1);
    }
});
