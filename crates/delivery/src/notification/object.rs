//! An object to read, and what its key alone says about it.

use keytrail_event::arn::is_account_id;
use keytrail_event::{DeliveryKind, DeliveryName};
use percent_encoding::percent_decode;

use super::{Fault, Ignored, Part};

/// Longest key of S3, in bytes.
const KEY_BYTES_MAX: usize = 1_024;
/// Longest name of a bucket, in bytes: 63, or 255 for the oldest ones.
const BUCKET_BYTES_MAX: usize = 255;

/// An object to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// Its bucket.
    pub bucket: String,
    /// Its key, decoded.
    pub key: String,
    /// Its size in bytes, where the message tells it.
    pub bytes: Option<u64>,
}

impl Object {
    /// What a created object with this plain key asks for: to be read, unless its key says that it
    /// holds no records.
    #[must_use]
    pub fn created(bucket: &str, key: &str, bytes: Option<u64>) -> Part {
        let fits = |text: &str, most: usize| !text.is_empty() && text.len() <= most;
        if !fits(bucket, BUCKET_BYTES_MAX) || !fits(key, KEY_BYTES_MAX) {
            return Part::Fault(Fault::NoObject);
        }
        if let Some(reason) = without_records(key) {
            return Part::Ignored(reason);
        }
        Part::Object(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            bytes,
        })
    }

    /// The same for a key as S3 notifications write it: encoded as in a web form.
    #[must_use]
    pub fn created_encoded(bucket: &str, key: &str, bytes: Option<u64>) -> Part {
        let spaced = key.replace('+', " ");
        match percent_decode(spaced.as_bytes()).decode_utf8() {
            Ok(key) => Self::created(bucket, &key, bytes),
            Err(_) => Part::Fault(Fault::BadKey),
        }
    }
}

/// Why an object with this key holds no records, where its key tells.
fn without_records(key: &str) -> Option<Ignored> {
    if key.ends_with('/') {
        return Some(Ignored::Folder);
    }
    match DeliveryName::parse(key).kind {
        DeliveryKind::Digest => return Some(Ignored::Digest),
        DeliveryKind::Insight => return Some(Ignored::Insight),
        DeliveryKind::Records => {}
    }
    let is_other = log_service(key).is_some_and(|service| service != "CloudTrail");
    is_other.then_some(Ignored::OtherService)
}

/// The service that wrote a log, in a key such as `prefix/AWSLogs/o-abc/111122223333/CloudTrail/…`.
fn log_service(key: &str) -> Option<&str> {
    let mut folders = key.split('/').skip_while(|folder| *folder != "AWSLogs");
    folders.next()?;
    let account = match folders.next()? {
        organisation if organisation.starts_with("o-") => folders.next()?,
        account => account,
    };
    let service = folders.next()?;
    // The last part is the object's own name.
    (is_account_id(account) && folders.next().is_some()).then_some(service)
}
