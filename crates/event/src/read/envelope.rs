//! What carries a record inside: `lookup-events`, CloudTrail Lake, CloudWatch Logs, EventBridge.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::Text;

/// How the `detail-type` of an EventBridge envelope ends that carries a CloudTrail record.
pub(super) const VIA_CLOUDTRAIL: &str = "via CloudTrail";

/// What carries one record.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    /// `CloudTrailEvent` of `lookup-events`, `eventJson` of CloudTrail Lake: the record as a string.
    pub(super) record: Option<Text<'a>>,
    /// `message` of CloudWatch Logs: the record as a string.
    pub(super) message: Option<Text<'a>>,
    /// `detail` of EventBridge: the record itself.
    pub(super) detail: Option<&'a str>,
    /// `detail-type` of EventBridge.
    pub(super) detail_type: Option<Text<'a>>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;
        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object that carries a record")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    match &*key.0 {
                        "CloudTrailEvent" | "eventJson" => envelope.record = map.next_value()?,
                        "detail-type" => envelope.detail_type = map.next_value()?,
                        "message" => envelope.message = map.next_value()?,
                        "detail" => {
                            envelope.detail = Some(map.next_value::<&'de RawValue>()?.get())
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}
