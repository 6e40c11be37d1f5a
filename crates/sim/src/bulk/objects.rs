//! S3 data events: objects read, written and copied, some of them encrypted with a key that the request names.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::Key;
use crate::random::Random;
use crate::record::Record;

use super::place::{Builder, Voice};
use super::template::{HEX_16, OBJECT, TEXT_76};
use super::world::STRANGER;
use super::zipf::Zipf;

/// Callers of S3 in one place.
const CALLERS: usize = 16;
/// Writes that name a key of another account, outside the organisation: an attack or an export.
const FOREIGN_KEY_SHARE: f64 = 0.000_02;
/// Operations with their share, and whether the request names a key.
const OPERATIONS: [(&str, f64, bool); 6] = [
    ("GetObject", 0.55, false),
    ("HeadObject", 0.15, false),
    ("PutObject", 0.12, false),
    ("PutObject", 0.1, true),
    ("CopyObject", 0.04, false),
    ("CopyObject", 0.04, true),
];
const KEY_HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// Adds a place's S3 data events to its builder.
pub(crate) fn add(builder: &mut Builder<'_>, keys: &[&Key], principals: &[&Actor]) {
    let callers = principals.len().min(CALLERS);
    let Some(&first) = keys.first() else {
        return;
    };
    let (zipf, key_zipf) = (Zipf::new(callers), Zipf::new(keys.len()));
    for (rank, actor) in principals.iter().take(callers).enumerate() {
        let share = zipf.share(rank);
        for (operation, part, names_key) in OPERATIONS {
            let key = key_zipf.pick(keys, first, &mut builder.random).arn();
            let key = names_key.then_some(key);
            let record = object(builder, actor, operation, key.as_deref());
            builder.add_object(actor, record, share * part);
        }
    }
    if let Some(actor) = principals.first() {
        let foreign = Key::new(STRANGER, builder.region, "theirs", &mut builder.random).arn();
        for operation in ["CopyObject", "PutObject"] {
            let record = object(builder, actor, operation, Some(&foreign));
            builder.add_object(actor, record, FOREIGN_KEY_SHARE / 2.0);
        }
    }
}

fn object(
    builder: &mut Builder<'_>,
    actor: &Actor,
    operation: &'static str,
    key_arn: Option<&str>,
) -> Record {
    let mut record = builder.draft(actor, Voice::Own, "s3.amazonaws.com", operation);
    let region = builder.region;
    let bucket = format!("company-{}-data-lake-production", builder.random.hex(6));
    let name = format!("tables/transactions/region={region}/part-{OBJECT}.snappy.parquet");
    record.request_json = Some(request(
        &mut builder.random,
        &bucket,
        &name,
        operation,
        region,
        key_arn,
    ));
    record.read_only = matches!(operation, "GetObject" | "HeadObject");
    if !record.read_only {
        let mut response = Object::new().text("x-amz-server-side-encryption", "aws:kms");
        if let Some(arn) = key_arn {
            response = response.text(KEY_HEADER, arn);
        }
        record.response_json = Some(response.finish());
    }
    let transfer = builder.random.between(200, 4_000_000);
    record.additional_json = Some(
        Object::new()
            .text("SignatureVersion", "SigV4")
            .text("CipherSuite", "TLS_AES_128_GCM_SHA256")
            .number("bytesTransferredIn", 0)
            .text("AuthenticationMethod", "AuthHeader")
            .text("x-amz-id-2", TEXT_76)
            .number("bytesTransferredOut", transfer)
            .finish(),
    );
    let entry = |kind: &str, arn: &str| Object::new().text("type", kind).text("ARN", arn);
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    record.resources = Some(vec![
        entry("AWS::S3::Object", &format!("{bucket_arn}/{name}")).finish(),
        Object::new()
            .text("accountId", builder.account)
            .text("type", "AWS::S3::Bucket")
            .text("ARN", &bucket_arn)
            .finish(),
    ]);
    record.category = "Data";
    record.request_id = Some(HEX_16.to_owned());
    record
}

/// The request's fields come in either order: the key before or after the object.
fn request(
    random: &mut Random,
    bucket: &str,
    name: &str,
    operation: &str,
    region: &str,
    key_arn: Option<&str>,
) -> String {
    let host = format!("{bucket}.s3.{region}.amazonaws.com");
    let key_first = random.chance(0.5);
    let mut request = Object::new();
    if let Some(arn) = key_arn.filter(|_| key_first) {
        request = request.text(KEY_HEADER, arn);
    }
    request = request.text("bucketName", bucket).text("Host", &host);
    if operation == "CopyObject" {
        request = request.text("x-amz-copy-source", &format!("{bucket}/staging/{OBJECT}"));
    }
    if let Some(arn) = key_arn {
        request = request.text("x-amz-server-side-encryption", "aws:kms");
        if !key_first {
            request = request.text(KEY_HEADER, arn);
        }
    }
    request.text("key", name).finish()
}
