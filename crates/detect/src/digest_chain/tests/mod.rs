//! Chains of three hours, and everything that can be done to them.

use serde_json::json;

use super::*;

mod chain;
mod runs;

const ACCOUNT: &str = "111122223333";

fn object(hour: u32, ending: &str) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2024/03/05/{ACCOUNT}_CloudTrail-Digest_eu-west-1_audit_eu-west-1_20240305T{hour:02}0000Z{ending}.json.gz"
    )
}

fn log_object(hour: u32) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2024/03/05/{ACCOUNT}_CloudTrail_eu-west-1_20240305T{:02}30Z_file{hour}.json.gz",
        hour - 1
    )
}

/// What stands for the hash of a digest.
fn hash(hour: u32) -> String {
    format!("d{hour}")
}

fn digest_file(hour: u32, previous: Option<u32>, ending: &str) -> DigestFile {
    let time = |hour: u32| format!("2024-03-05T{hour:02}:00:00Z");
    let text = json!({
        "awsAccountId": ACCOUNT,
        "digestStartTime": time(hour - 1),
        "digestEndTime": time(hour),
        "digestS3Bucket": "logs",
        "digestS3Object": object(hour, ending),
        "digestPublicKeyFingerprint": "key",
        "digestSignatureAlgorithm": "SHA256withRSA",
        "previousDigestS3Bucket": previous.map(|_| "logs"),
        "previousDigestS3Object": previous.map(|hour| object(hour, ending)),
        "previousDigestHashValue": previous.map(hash),
        "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
        "previousDigestSignature": previous.map(|hour| format!("signature{hour}")),
        "logFiles": [{
            "s3Bucket": "logs",
            "s3Object": log_object(hour),
            "hashValue": format!("f{hour}"),
            "hashAlgorithm": "SHA-256",
        }],
    });
    DigestFile {
        path: format!("archive/{}", object(hour, ending)),
        sha256: hash(hour),
        digest: Digest::parse(text.to_string().as_bytes()).map_err(|error| error.to_string()),
    }
}

fn chain() -> Vec<DigestFile> {
    vec![
        digest_file(9, Some(8), ""),
        digest_file(10, Some(9), ""),
        digest_file(11, Some(10), ""),
        digest_file(12, Some(11), ""),
    ]
}

type Files = BTreeMap<String, Vec<LogFile>>;

fn log_file(hour: u32) -> (String, Vec<LogFile>) {
    let file = LogFile {
        path: format!("archive/{}", log_object(hour)),
        sha256: Some(Ok(format!("f{hour}"))),
    };
    (file_stem(&log_object(hour)).to_owned(), vec![file])
}

fn files() -> Files {
    (9..=12).map(log_file).collect()
}

/// Kind, hours of the span, and the end of the file's name.
fn gaps(verification: &Verification) -> Vec<(GapKind, String, String)> {
    let gaps = verification.gaps.iter().map(|found| {
        let gap = &found.gap;
        let hours = format!("{} {}", gap.from, gap.until).replace("2024-03-05T", "");
        let name = file_stem(&gap.file).rsplit('_').next().unwrap_or_default();
        (gap.kind, hours.replace(":00:00Z", ""), name.to_owned())
    });
    gaps.collect()
}

fn check(digests: Vec<DigestFile>, files: &Files, expected: &[(GapKind, &str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, hours, name)| (*kind, (*hours).to_owned(), (*name).to_owned()))
        .collect();
    let mut reversed = digests.clone();
    reversed.reverse();
    let verification = verify(digests, files, None);
    assert_eq!(gaps(&verification), expected);
    assert_eq!(verify(reversed, files, None), verification);
}
