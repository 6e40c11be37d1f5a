//! `verify`: an archive signed by a key made for these tests, and everything that is done to it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use insta::assert_snapshot;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox};

/// A key that signs nothing but the digests of these tests.
const SIGNING_KEY: &[u8] = include_bytes!("digest_signing_key.der");
const ACCOUNT: &str = "111122223333";
const FINGERPRINT: &str = "31e8b5433410dfb61a9dc45cc65b22ff";

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(text: &str) -> String {
    hexadecimal(digest(&SHA256, text.as_bytes()).as_ref())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// What a digest passes on to the next: its key, hash and signature.
struct Signed {
    object: String,
    hash: String,
    signature: String,
}

/// An archive of four hours, each with a log file and a digest, and the public key beside it.
struct Archive {
    sandbox: Sandbox,
    key: RsaKeyPair,
}

impl Archive {
    fn new() -> Self {
        let archive = Self {
            sandbox: Sandbox::new(),
            key: RsaKeyPair::from_der(SIGNING_KEY).unwrap(),
        };
        let mut previous = None;
        for hour in 9..=12 {
            let file = archive.log_file(hour);
            previous = Some(archive.digest(hour, "", previous.as_ref(), &[file]));
        }
        let value = base64::engine::general_purpose::STANDARD.encode(archive.key.public().as_ref());
        archive.write_keys(&value, FINGERPRINT);
        archive
    }

    fn write_keys(&self, value: &str, fingerprint: &str) {
        let keys = json!({"PublicKeyList": [{
            "Value": value,
            "ValidityStartTime": 1_700_000_000,
            "ValidityEndTime": 1_800_000_000,
            "Fingerprint": fingerprint,
        }]});
        self.sandbox.write("keys.json", keys.to_string());
    }

    fn place(&self, object: &str) -> PathBuf {
        self.sandbox.path().join("bucket").join(object)
    }

    /// Writes a log file, and tells what a digest says of it.
    fn log_file(&self, hour: u32) -> Value {
        let object = log_object(hour);
        let time = format!("2024-03-05T{:02}:25:00Z", hour - 1);
        let text = json!({"Records": [{
            "eventVersion": "1.11", "eventTime": time, "eventSource": "kms.amazonaws.com",
            "eventName": "Decrypt", "awsRegion": "eu-west-1", "eventID": format!("event-{hour}"),
            "recipientAccountId": ACCOUNT,
            "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{ACCOUNT}:user/ana")},
        }]})
        .to_string();
        self.sandbox
            .write(Path::new("bucket").join(&object), gzip(&text));
        json!({
            "s3Bucket": "logs", "s3Object": object, "hashValue": sha256(&text),
            "hashAlgorithm": "SHA-256", "oldestEventTime": time, "newestEventTime": time,
        })
    }

    fn digest(
        &self,
        hour: u32,
        ending: &str,
        previous: Option<&Signed>,
        files: &[Value],
    ) -> Signed {
        let object = digest_object(hour, ending);
        let end = format!("2024-03-05T{hour:02}:00:00Z");
        let text = json!({
            "awsAccountId": ACCOUNT,
            "digestStartTime": format!("2024-03-05T{:02}:00:00Z", hour - 1),
            "digestEndTime": end,
            "digestS3Bucket": "logs",
            "digestS3Object": object,
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "previousDigestS3Bucket": previous.map(|_| "logs"),
            "previousDigestS3Object": previous.map(|it| &it.object),
            "previousDigestHashValue": previous.map(|it| &it.hash),
            "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
            "previousDigestSignature": previous.map(|it| &it.signature),
            "logFiles": files,
        })
        .to_string();
        self.sandbox
            .write(Path::new("bucket").join(&object), gzip(&text));
        let hash = sha256(&text);
        let before = previous.map_or("null", |it| &it.signature);
        let to_sign = format!("{end}\nlogs/{object}\n{hash}\n{before}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                to_sign.as_bytes(),
                &mut signature,
            )
            .unwrap();
        Signed {
            object,
            hash,
            signature: hexadecimal(&signature),
        }
    }

    fn verify(&self, more: &str) -> Ran {
        self.sandbox.keytrail(&format!("verify bucket {more}"))
    }

    fn replay(&self, more: &str) -> Vec<Value> {
        let ran = self.sandbox.keytrail(&format!(
            "replay bucket -q --format jsonl --rule log-gap {more}"
        ));
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.json_lines()
    }
}

fn log_object(hour: u32) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2024/03/05/{ACCOUNT}_CloudTrail_eu-west-1_20240305T{:02}30Z_file{hour}.json.gz",
        hour - 1
    )
}

fn digest_object(hour: u32, ending: &str) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2024/03/05/{ACCOUNT}_CloudTrail-Digest_eu-west-1_audit_us-east-1_20240305T{hour:02}0000Z{ending}.json.gz"
    )
}

#[test]
fn a_whole_archive() {
    let archive = Archive::new();
    let plain = archive.verify("");
    let signed = archive.verify("--public-keys keys.json");
    assert_eq!((plain.code, signed.code), (Some(0), Some(0)));
    assert_snapshot!(format!("{plain}===== with keys =====\n{signed}"));
    assert_eq!(archive.replay(""), [] as [Value; 0]);
}

#[test]
fn files_that_were_unpacked_or_moved_still_prove_themselves() {
    let archive = Archive::new();
    let mut text = String::new();
    let packed = fs::File::open(archive.place(&log_object(10))).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text).unwrap();
    fs::remove_file(archive.place(&log_object(10))).unwrap();
    let name = log_object(10)
        .rsplit('/')
        .next()
        .unwrap()
        .replace(".gz", "");
    archive
        .sandbox
        .write(format!("bucket/elsewhere/{name}"), text);
    let ran = archive.verify("--public-keys keys.json");
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// A log file gone, another one changed, a digest gone.
#[test]
fn gaps_are_named() {
    let archive = Archive::new();
    fs::remove_file(archive.place(&log_object(9))).unwrap();
    fs::write(archive.place(&log_object(11)), gzip(r#"{"Records":[]}"#)).unwrap();
    fs::remove_file(archive.place(&digest_object(10, ""))).unwrap();
    let table = archive.verify("--public-keys keys.json");
    assert_eq!(table.code, Some(1));
    let json = archive.verify("--format json");
    assert_snapshot!(format!("{table}===== as JSON =====\n{json}"));
}

/// A file that fails its hash is a finding of a replay, by whatever threads, with a state or without,
/// and no finding any more once it is whole again.
#[test]
fn a_replay_raises_log_gap() {
    let archive = Archive::new();
    let sound = fs::read(archive.place(&log_object(11))).unwrap();
    fs::write(archive.place(&log_object(11)), gzip(r#"{"Records":[]}"#)).unwrap();
    let found = archive.replay("--threads 1");
    let titles: Vec<&Value> = found.iter().map(|finding| &finding["title"]).collect();
    assert_eq!(
        titles,
        ["Log files were changed after delivery in eu-west-1"]
    );
    assert_eq!(archive.replay("--threads 4"), found);
    for _ in 0..2 {
        let mut kept = archive.replay("--state state.db");
        kept[0]["revision"] = found[0]["revision"].clone();
        kept[0]["published_at"] = found[0]["published_at"].clone();
        assert_eq!(kept, found);
    }
    let shown = archive.sandbox.keytrail("explain log-gap bucket");
    assert_snapshot!(shown);
    fs::write(archive.place(&log_object(11)), sound).unwrap();
    assert_eq!(archive.replay("--state state.db"), [] as [Value; 0]);
}

/// A note of so many gaps outgrew its bound, and a replay that goes on from a state judged nothing at all.
#[test]
fn hundreds_of_deleted_log_files_are_told_with_a_state_too() {
    let archive = Archive::new();
    let deleted = |number: u32| {
        let name = format!("{ACCOUNT}_CloudTrail_eu-west-1_20240305T1030Z_gone{number}.json.gz");
        json!({
            "s3Bucket": "logs", "s3Object": format!("AWSLogs/{ACCOUNT}/CloudTrail/{name}"),
            "hashValue": sha256(&name), "hashAlgorithm": "SHA-256",
        })
    };
    let files: Vec<Value> = (0..500).map(deleted).collect();
    archive.digest(13, "", None, &files);
    let found = archive.replay("");
    let counts: Vec<&Value> = found.iter().map(|finding| &finding["count"]).collect();
    assert!(counts.contains(&&json!(500)), "{counts:?}");
    for _ in 0..2 {
        let mut kept = archive.replay("--state state.db");
        for finding in &mut kept {
            finding["published_at"] = Value::Null;
        }
        assert_eq!(kept, found);
    }
}

/// The newest digests were deleted, and with them what they told of.
#[test]
fn log_files_behind_the_last_digest_are_a_gap() {
    let archive = Archive::new();
    archive.log_file(16);
    archive.log_file(17);
    let ran = archive.verify("--public-keys keys.json");
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stdout().contains("chain-broken"), "{ran}");
    let until = archive.verify("--until 2024-03-05T12:00:00Z");
    assert_eq!(until.code, Some(0), "{until}");
    let found = archive.replay("");
    let titles: Vec<&Value> = found.iter().map(|finding| &finding["title"]).collect();
    assert_eq!(titles, ["Hours have no digest in eu-west-1"]);
}

/// Whoever can write to the bucket can write a digest that is right in itself, but cannot sign it.
#[test]
fn a_forged_chain_is_told_by_its_signatures() {
    let mut archive = Archive::new();
    let other = base64::engine::general_purpose::STANDARD.encode([0x30; 270]);
    archive.write_keys(&other, FINGERPRINT);
    let ran = archive.verify("--public-keys keys.json");
    assert_eq!(ran.code, Some(1));
    let text = ran.stdout();
    assert_eq!(
        text.matches("is not that of its content").count(),
        3,
        "{text}"
    );
    archive.write_keys(&other, "0000");
    let ran = archive.verify("--public-keys keys.json");
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stdout().matches("key-unknown").count(), 3, "{ran}");
    archive = Archive::new();
    assert_eq!(archive.verify("--public-keys keys.json").code, Some(0));
}

#[test]
fn a_backfill_digest_names_a_late_file() {
    let archive = Archive::new();
    let late = archive.log_file(8);
    let unnamed = archive.verify("--since 2024-03-05T08:30:00Z");
    assert_eq!(unnamed.code, Some(0), "{unnamed}");
    archive.digest(8, "_backfill", None, &[late]);
    let ran = archive.verify("--public-keys keys.json");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_snapshot!(ran);
}

#[test]
fn what_cannot_be_verified_is_an_error() {
    let archive = Archive::new();
    let mut all = String::new();
    for words in [
        "verify incident",
        "verify bucket --since 2025-01-01",
        "verify bucket --public-keys missing.json",
        "verify bucket --public-keys bucket",
        "verify nowhere",
    ] {
        let ran = archive.sandbox.keytrail(words);
        assert_eq!(ran.code, Some(2), "{ran}");
        all.push_str(&format!("===== {words} =====\n{ran}"));
    }
    assert_snapshot!(all);
}
