//! The program starts. What it does is tested in `tests/end_to_end`, for which this has it built.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn it_says_its_version() {
    let program = env!("CARGO_BIN_EXE_keytrail");
    let output = Command::new(program).arg("--version").output().unwrap();
    let expected = concat!("keytrail ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(output.stdout, expected.as_bytes());
}
