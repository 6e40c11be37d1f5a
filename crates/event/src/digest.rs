//! Digest files: what CloudTrail says it delivered within an hour, with hashes, and which digest came before.
//!
//! The fields are those of AWS's page "CloudTrail digest file structure". Hashes cover the text of a file,
//! not its packed bytes, so a file that was unpacked or packed anew still proves itself.

use serde::{Deserialize, Serialize};

use crate::time::EventTime;

/// Largest digest that is read, in bytes of text: room for a hundred thousand log files.
pub const DIGEST_BYTES_MAX: usize = 64 << 20;
/// The only algorithm that hashes files, as digests write it.
const HASH_ALGORITHM: &str = "SHA-256";
/// The only algorithm that signs digests.
const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";
/// How the name of a digest ends that names log files which earlier digests left out.
const BACKFILL_SUFFIX: &str = "_backfill";

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The account whose log files it names.
    pub account: String,
    /// The Region, by the digest's name.
    pub region: String,
    /// The trail's name.
    pub trail: String,
    /// The trail's home Region, whose key signs.
    pub home_region: String,
    /// Whether it names files that earlier digests left out; these digests have a chain of their own.
    pub is_backfill: bool,
    /// From when on it names what was delivered.
    pub start: EventTime,
    /// Until when it does.
    pub end: EventTime,
    /// The bucket it was delivered to.
    pub bucket: String,
    /// The object's key in that bucket.
    pub object: String,
    /// Which public key its signature is of, in hexadecimal.
    pub fingerprint: String,
    /// The digest before this one; `None` for the first of a chain.
    pub previous: Option<PreviousDigest>,
    /// The log files.
    pub files: Vec<NamedFile>,
    /// The end as it is written, which is what is signed.
    end_text: String,
}

/// What a digest says of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousDigest {
    /// Its bucket.
    pub bucket: String,
    /// Its key in that bucket.
    pub object: String,
    /// The SHA-256 of its text, in hexadecimal.
    pub hash: String,
    /// Its signature, in hexadecimal.
    pub signature: String,
}

/// What a digest says of a log file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    /// Its bucket.
    pub bucket: String,
    /// Its key in that bucket.
    pub object: String,
    /// The SHA-256 of its text, in hexadecimal.
    pub hash: String,
    /// The time of its oldest event, where it is told.
    pub oldest: Option<EventTime>,
    /// The time of its newest event, where it is told.
    pub newest: Option<EventTime>,
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// It is no JSON object with the fields of a digest.
    #[error("it is no digest: {0}")]
    Json(String),
    /// A field does not hold what it should.
    #[error("its `{0}` makes no sense")]
    Field(&'static str),
    /// An algorithm that is not known.
    #[error("its `{field}` is `{value}`, which is not known")]
    Algorithm {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
    },
}

impl Digest {
    /// The digest, naming no log files: what is left is its place in its chain.
    #[must_use]
    pub fn without_files(self) -> Self {
        Self {
            files: Vec::new(),
            ..self
        }
    }

    /// Reads a digest's text.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &[u8]) -> Result<Self, DigestError> {
        let written: Written =
            serde_json::from_slice(text).map_err(|error| DigestError::Json(error.to_string()))?;
        written.check_algorithms()?;
        let time = |field, text: &str| EventTime::parse(text).ok_or(DigestError::Field(field));
        let start = time("digestStartTime", &written.digest_start_time)?;
        let end = time("digestEndTime", &written.digest_end_time)?;
        if end < start {
            return Err(DigestError::Field("digestEndTime"));
        }
        let name = Name::parse(&written.digest_s3_object, &written.aws_account_id)
            .ok_or(DigestError::Field("digestS3Object"))?;
        Ok(Self {
            region: name.region.to_owned(),
            trail: name.trail.to_owned(),
            home_region: name.home_region.to_owned(),
            is_backfill: name.is_backfill,
            start,
            end,
            previous: written.previous()?,
            files: written.log_files.into_iter().map(Into::into).collect(),
            account: written.aws_account_id,
            bucket: written.digest_s3_bucket,
            object: written.digest_s3_object,
            fingerprint: written.digest_public_key_fingerprint,
            end_text: written.digest_end_time,
        })
    }

    /// What is signed: the end, the place, the SHA-256 of the digest's text in hexadecimal, and the
    /// signature of the digest before, or `null`.
    #[must_use]
    pub fn signed_text(&self, sha256: &str) -> String {
        let previous = self.previous.as_ref();
        let previous = previous.map_or("null", |previous| &previous.signature);
        let Self {
            end_text,
            bucket,
            object,
            ..
        } = self;
        format!("{end_text}\n{bucket}/{object}\n{sha256}\n{previous}")
    }
}

/// The last part of a key or path, without what tells how it is packed: what a file is found by
/// wherever it was copied to, packed or not.
#[must_use]
pub fn file_stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    [".gz", ".zst"]
        .into_iter()
        .find_map(|packed| name.strip_suffix(packed))
        .unwrap_or(name)
}

/// What a digest's name tells:
/// `<account>_CloudTrail-Digest_<Region>_<trail>_<home Region>_<end>[_backfill].json.gz`.
struct Name<'n> {
    region: &'n str,
    trail: &'n str,
    home_region: &'n str,
    is_backfill: bool,
}

impl<'n> Name<'n> {
    fn parse(object: &'n str, account: &str) -> Option<Self> {
        let name = file_stem(object).strip_suffix(".json")?;
        let rest = name
            .strip_prefix(account)?
            .strip_prefix("_CloudTrail-Digest_")?;
        let (rest, is_backfill) = match rest.strip_suffix(BACKFILL_SUFFIX) {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        // A trail's name may hold underscores, a Region's name holds none.
        let (region, rest) = rest.split_once('_')?;
        let (rest, _end) = rest.rsplit_once('_')?;
        let (trail, home_region) = rest.rsplit_once('_')?;
        Some(Self {
            region,
            trail,
            home_region,
            is_backfill,
        })
    }
}

/// A digest as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    aws_account_id: String,
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: String,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Vec<WrittenFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFile {
    s3_bucket: String,
    s3_object: String,
    hash_value: String,
    hash_algorithm: String,
    oldest_event_time: Option<String>,
    newest_event_time: Option<String>,
}

impl Written {
    fn check_algorithms(&self) -> Result<(), DigestError> {
        let previous = self.previous_digest_hash_algorithm.as_deref();
        let files = self.log_files.iter();
        let hashes = files
            .map(|file| ("hashAlgorithm", &*file.hash_algorithm))
            .chain(previous.map(|previous| ("previousDigestHashAlgorithm", previous)))
            .map(|(field, value)| (field, value, HASH_ALGORITHM));
        let signature = &*self.digest_signature_algorithm;
        let mut all = hashes.chain([("digestSignatureAlgorithm", signature, SIGNATURE_ALGORITHM)]);
        match all.find(|(_, value, known)| value != known) {
            Some((field, value, _)) => Err(DigestError::Algorithm {
                field,
                value: value.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// All that is said of the digest before, or nothing.
    fn previous(&self) -> Result<Option<PreviousDigest>, DigestError> {
        let fields = (
            &self.previous_digest_s3_bucket,
            &self.previous_digest_s3_object,
            &self.previous_digest_hash_value,
            &self.previous_digest_signature,
        );
        match fields {
            (None, None, None, None) => Ok(None),
            (Some(bucket), Some(object), Some(hash), Some(signature)) => Ok(Some(PreviousDigest {
                bucket: bucket.clone(),
                object: object.clone(),
                hash: hash.to_ascii_lowercase(),
                signature: signature.clone(),
            })),
            _ => Err(DigestError::Field("previousDigestS3Object")),
        }
    }
}

impl From<WrittenFile> for NamedFile {
    fn from(written: WrittenFile) -> Self {
        let time = |text: Option<String>| EventTime::parse(&text?);
        Self {
            bucket: written.s3_bucket,
            object: written.s3_object,
            hash: written.hash_value.to_ascii_lowercase(),
            oldest: time(written.oldest_event_time),
            newest: time(written.newest_event_time),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const OBJECT: &str = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/03/05/111122223333_CloudTrail-Digest_eu-west-1_our_trail_us-east-1_20240305T100000Z.json.gz";

    fn written() -> Value {
        json!({
            "awsAccountId": "111122223333",
            "digestStartTime": "2024-03-05T09:00:00Z",
            "digestEndTime": "2024-03-05T10:00:00Z",
            "digestS3Bucket": "logs",
            "digestS3Object": OBJECT,
            "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": "2024-03-05T09:50:00Z",
            "oldestEventTime": "2024-03-05T09:40:00Z",
            "previousDigestS3Bucket": "logs",
            "previousDigestS3Object": "before.json.gz",
            "previousDigestHashValue": "AB",
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": "cd",
            "logFiles": [{
                "s3Bucket": "logs",
                "s3Object": "file.json.gz",
                "hashValue": "EF",
                "hashAlgorithm": "SHA-256",
                "newestEventTime": "2024-03-05T09:50:00Z",
                "oldestEventTime": "2024-03-05T09:40:00Z"
            }]
        })
    }

    fn parse(written: &Value) -> Result<Digest, DigestError> {
        Digest::parse(written.to_string().as_bytes())
    }

    #[test]
    fn a_digest_is_read() {
        let digest = parse(&written()).unwrap();
        let names = (&*digest.region, &*digest.trail, &*digest.home_region);
        assert_eq!(names, ("eu-west-1", "our_trail", "us-east-1"));
        assert!(!digest.is_backfill);
        assert_eq!(digest.files[0].hash, "ef");
        assert_eq!(
            digest.files[0].oldest,
            EventTime::parse("2024-03-05T09:40:00Z")
        );
        let expected = format!("2024-03-05T10:00:00Z\nlogs/{OBJECT}\n00ff\ncd");
        assert_eq!(digest.signed_text("00ff"), expected);
    }

    #[test]
    fn the_first_of_a_chain_signs_null() {
        let mut first = written();
        for field in [
            "S3Bucket",
            "S3Object",
            "HashValue",
            "HashAlgorithm",
            "Signature",
        ] {
            first[format!("previousDigest{field}")] = Value::Null;
        }
        let digest = parse(&first).unwrap();
        assert_eq!(digest.previous, None);
        assert!(digest.signed_text("00").ends_with("\n00\nnull"));
    }

    #[test]
    fn a_backfill_is_told_by_its_name() {
        let mut backfill = written();
        backfill["digestS3Object"] = OBJECT.replace(".json.gz", "_backfill.json.gz").into();
        let digest = parse(&backfill).unwrap();
        assert!(digest.is_backfill);
        assert_eq!(digest.trail, "our_trail");
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        assert!(Digest::parse(b"{}").is_err());
        assert!(Digest::parse(b"\xff").is_err());
        for (field, value) in [
            ("digestStartTime", json!("yesterday")),
            ("digestEndTime", json!("2024-03-05T08:00:00Z")),
            ("digestS3Object", json!("elsewhere.json.gz")),
            ("awsAccountId", json!("444455556666")),
            ("digestSignatureAlgorithm", json!("MD5withRSA")),
            ("previousDigestHashAlgorithm", json!("MD5")),
            ("previousDigestSignature", json!(null)),
            ("logFiles", json!(null)),
        ] {
            let mut wrong = written();
            wrong[field] = value;
            assert!(parse(&wrong).is_err(), "{field}");
        }
    }

    #[test]
    fn a_file_is_found_packed_or_not() {
        for path in ["a/b/x.json.gz", "x.json", "c\\x.json.zst"] {
            assert_eq!(file_stem(path), "x.json");
        }
    }
}
