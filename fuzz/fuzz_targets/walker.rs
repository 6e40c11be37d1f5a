//! The walker and the slow reader must tell the same of any bytes.

#![no_main]

use keytrail_event::oracle::{compare_one, compare_pieces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The last byte says which walker reads, and how the same input is cut.
    if let Some(last) = bytes.last() {
        compare_one(bytes, usize::from(*last));
        if last % 8 == 0 {
            compare_pieces(bytes, usize::from(*last) * 8 + 1);
        }
    }
});
