//! A folder as life leaves it: what can be read is read, the rest is named.
#![cfg(unix)]

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// Length of the line that is no JSON, in bytes.
const LINE_BYTES: usize = 50 << 20;

fn odd() -> Sandbox {
    let sandbox = Sandbox::new();
    let good = sandbox.read("broken.jsonl");
    let good = good.lines().next().unwrap();
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(good.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    sandbox.write("odd/truncated.json.gz", &packed[..packed.len() / 2]);
    sandbox.write("odd/empty.json", "");
    let binary: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    sandbox.write("odd/binary", binary);
    let latin_1 = "{\"Records\":[{\"eventName\":\"Verschl\u{fc}sseln\"}]}";
    let latin_1: Vec<u8> = latin_1.chars().map(|c| u8::try_from(c).unwrap()).collect();
    sandbox.write("odd/latin-1.json", latin_1);
    sandbox.write("odd/long-line.txt", vec![b'x'; LINE_BYTES]);
    sandbox.write(
        std::path::Path::new("odd").join(OsStr::from_bytes(b"g\xff\xfeod.json")),
        good,
    );
    sandbox
}

#[test]
fn an_odd_folder() {
    let sandbox = odd();
    assert_snapshot!(sandbox.keytrail("replay odd"));
    let strict = sandbox.keytrail("replay odd --strict -q --format jsonl --threads 1");
    assert_eq!(strict.code, Some(3), "{strict}");
    assert_eq!(strict.json_lines().len(), 1, "{strict}");
}
