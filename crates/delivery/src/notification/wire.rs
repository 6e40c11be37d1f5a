//! The wrappings as they stand on the wire: every field is optional, and what is not needed stays text.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// An object of any of the wrappings, by the fields that tell them apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Envelope<'a> {
    /// SQS, SNS, S3, Kinesis, or CloudTrail records.
    #[serde(borrow, rename = "Records")]
    pub records: Option<&'a RawValue>,
    /// CloudWatch Logs subscription.
    #[serde(borrow)]
    pub awslogs: Option<&'a RawValue>,
    /// EventBridge.
    #[serde(borrow, rename = "detail-type")]
    pub detail_type: Option<&'a RawValue>,
    /// EventBridge.
    #[serde(borrow)]
    pub detail: Option<&'a RawValue>,
    /// CloudTrail's own message.
    #[serde(borrow, rename = "s3Bucket")]
    pub bucket: Option<&'a RawValue>,
    /// CloudTrail's own message.
    #[serde(borrow, rename = "s3ObjectKey")]
    pub keys: Option<&'a RawValue>,
    /// SNS in another carrier.
    #[serde(borrow, rename = "Type")]
    pub sns_type: Option<&'a RawValue>,
    /// SNS in another carrier.
    #[serde(borrow, rename = "Message")]
    pub message: Option<&'a RawValue>,
    /// S3's test message.
    #[serde(borrow, rename = "Event")]
    pub event: Option<&'a RawValue>,
    /// CloudWatch Logs, unpacked.
    #[serde(borrow, rename = "messageType")]
    pub message_type: Option<&'a RawValue>,
    /// A batch of a distributed map over a bucket's listing.
    #[serde(borrow, rename = "Items")]
    pub items: Option<&'a RawValue>,
    /// What all items of such a batch share.
    #[serde(borrow, rename = "BatchInput")]
    pub batch_input: Option<&'a RawValue>,
    /// A CloudTrail record by itself.
    #[serde(borrow, rename = "eventSource")]
    pub event_source: Option<&'a RawValue>,
}

/// One of the `Records` of a payload, by the fields that tell them apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record<'a> {
    /// `aws:sqs`, `aws:s3`, `aws:kinesis`, or a CloudTrail record's `kms.amazonaws.com`.
    #[serde(borrow, rename = "eventSource")]
    pub source: Option<&'a RawValue>,
    /// `aws:sns`, in SNS's own spelling.
    #[serde(borrow, rename = "EventSource")]
    pub sns_source: Option<&'a RawValue>,
    /// S3's `ObjectCreated:Put`.
    #[serde(borrow, rename = "eventName")]
    pub event_name: Option<&'a RawValue>,
    /// SQS.
    #[serde(borrow, rename = "messageId")]
    pub message_id: Option<&'a RawValue>,
    /// SQS.
    #[serde(borrow)]
    pub body: Option<&'a RawValue>,
    /// SNS.
    #[serde(borrow, rename = "Sns")]
    pub sns: Option<&'a RawValue>,
    /// S3.
    #[serde(borrow)]
    pub s3: Option<&'a RawValue>,
    /// Kinesis.
    #[serde(borrow)]
    pub kinesis: Option<&'a RawValue>,
}

/// Bucket and object, as S3 and EventBridge both write them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stored<'a> {
    /// The bucket.
    #[serde(borrow)]
    pub bucket: StoredBucket<'a>,
    /// The object.
    #[serde(borrow)]
    pub object: StoredObject<'a>,
}

/// A bucket.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StoredBucket<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
}

/// An object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StoredObject<'a> {
    /// Its key.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// Its size in bytes, where it is a number.
    #[serde(borrow)]
    pub size: Option<&'a RawValue>,
}

/// An item of a bucket's listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Listed<'a> {
    /// Its key, plain.
    #[serde(borrow, rename = "Key")]
    pub key: Cow<'a, str>,
    /// Its size in bytes.
    #[serde(borrow, rename = "Size")]
    pub size: Option<&'a RawValue>,
}

/// Data in base64, under the name that Kinesis and CloudWatch Logs share.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Packed<'a> {
    /// The data.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
    /// Kinesis's name of the record.
    #[serde(borrow)]
    pub sequence_number: Option<Cow<'a, str>>,
}

/// The `Records` of a payload that is a batch: of SQS or Kinesis, whose messages fail one by one.
pub fn batch(text: &str) -> Option<Vec<&RawValue>> {
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    let records: Vec<&RawValue> = serde_json::from_str(envelope.records?.get()).ok()?;
    let first: Record<'_> = serde_json::from_str(records.first()?.get()).ok()?;
    let source = text_of(first.source)?;
    matches!(&*source, "aws:sqs" | "aws:kinesis").then_some(records)
}

/// A JSON string's text.
pub fn text_of(value: Option<&RawValue>) -> Option<String> {
    decoded(value)
}

/// A number that is a count.
pub fn count_of(value: Option<&RawValue>) -> Option<u64> {
    decoded(value)
}

fn decoded<T: DeserializeOwned>(value: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(value?.get()).ok()
}
