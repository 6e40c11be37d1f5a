//! One KMS record as output shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use keytrail_event::{EventTime, KeyName, Record};
use serde::{Deserialize, Serialize};

use crate::json_text;

/// One KMS record. Field names and their order are stable; what a record does not tell is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow<'a> {
    /// `eventTime`.
    pub time: EventTime,
    /// `eventID`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Cow<'a, str>>,
    /// The account whose trail the record belongs to.
    #[serde(borrow)]
    pub account: Cow<'a, str>,
    /// The Region.
    #[serde(borrow)]
    pub region: Cow<'a, str>,
    /// The operation, such as `Decrypt`.
    #[serde(borrow)]
    pub operation: Cow<'a, str>,
    /// The operation's class: `cryptographic`, `management`, `permission`, `discovery` or `unknown`.
    #[serde(borrow)]
    pub class: Cow<'a, str>,
    /// The canonical principal.
    #[serde(borrow)]
    pub principal: Cow<'a, str>,
    /// The kind of identity, in CloudTrail's word.
    #[serde(borrow)]
    pub principal_type: Cow<'a, str>,
    /// The key's ARN; `alias:<account>:<Region>:<name>` where the record names an alias alone.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
    /// The service that made the call for the principal, or `direct`.
    #[serde(borrow)]
    pub service_path: Cow<'a, str>,
    /// `success`, or the error code.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    /// `sourceIPAddress`, as written.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// `userAgent`, as written.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Cow<'a, str>>,
    /// The encryption context.
    #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// `sharedEventID`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub shared_event_id: Option<Cow<'a, str>>,
}

impl<'r> EventRow<'r> {
    /// The row of a record.
    #[must_use]
    pub fn of(record: &'r Record<'_>) -> Self {
        let optional = |text: &'r Option<Cow<'_, str>>| text.as_deref().map(Cow::Borrowed);
        let pairs = record.context.pairs();
        Self {
            time: record.time,
            event_id: optional(&record.event_id),
            account: Cow::Borrowed(&record.account),
            region: Cow::Borrowed(&record.region),
            operation: Cow::Borrowed(record.operation.name()),
            class: Cow::Borrowed(record.operation.class().as_str()),
            principal: Cow::Borrowed(record.principal()),
            principal_type: Cow::Borrowed(record.identity.principal_type.as_str()),
            key: record.key.as_ref().map(KeyName::as_str).map(Cow::Borrowed),
            service_path: Cow::Borrowed(record.service_path()),
            outcome: Cow::Borrowed(record.outcome.as_str()),
            source: optional(&record.source),
            user_agent: optional(&record.user_agent),
            context: pairs
                .map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value)))
                .collect(),
            shared_event_id: optional(&record.shared_event_id),
        }
    }

    /// Appends the row as one JSON object.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Texts and a map of texts into memory: nothing in this can fail.
        let _ = json_text::write_compact(out, self);
    }

    /// Reads back what [`EventRow::encode`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(json: &'r [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }
}

#[cfg(test)]
mod tests {
    use keytrail_event::{Issue, Reader, Sink};

    use super::*;

    struct Collect(Vec<String>);

    impl Sink for Collect {
        fn record(&mut self, record: &Record<'_>) {
            let json = serde_json::to_string(&EventRow::of(record)).unwrap();
            assert_eq!(
                serde_json::from_str::<EventRow<'_>>(&json).unwrap(),
                EventRow::of(record)
            );
            self.0.push(json);
        }
        fn issue(&mut self, _: Issue) {}
    }

    fn check(record: &str, expected: &str) {
        let mut collect = Collect(Vec::new());
        Reader::default().read(record.as_bytes(), &mut collect);
        assert_eq!(collect.0, [expected]);
    }

    #[test]
    fn a_full_record() {
        check(
            r#"{"eventTime":"2024-01-31T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"us-east-1","eventID":"e-1","recipientAccountId":"111122223333","sourceIPAddress":"203.0.113.7","userAgent":"Boto3/1.26","errorCode":"AccessDenied","sharedEventID":"s-1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/rose"},"requestParameters":{"encryptionContext":{"b":"2","a":"\n"}},"resources":[{"ARN":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]}"#,
            r#"{"time":"2024-01-31T10:00:00Z","event_id":"e-1","account":"111122223333","region":"us-east-1","operation":"Decrypt","class":"cryptographic","principal":"arn:aws:iam::111122223333:user/rose","principal_type":"IAMUser","key":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab","service_path":"direct","outcome":"AccessDenied","source":"203.0.113.7","user_agent":"Boto3/1.26","context":{"a":"\n","b":"2"},"shared_event_id":"s-1"}"#,
        );
    }

    #[test]
    fn what_is_absent_is_left_out() {
        check(
            r#"{"eventTime":"2024-01-31T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"ListKeys"}"#,
            r#"{"time":"2024-01-31T10:00:00Z","account":"unknown","region":"unknown","operation":"ListKeys","class":"discovery","principal":"aws-internal","principal_type":"absent","service_path":"direct","outcome":"success"}"#,
        );
    }
}
