//! One line of the result: the stable fields of a KMS record.

use std::borrow::Cow;
use std::collections::BTreeMap;

use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};

/// The fields of a record, by their stable names. What a record does not have is left out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row<'a> {
    /// When the call was made.
    pub time: EventTime,
    /// `eventID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Cow<'a, str>>,
    /// The account that the record was delivered to.
    pub account: Cow<'a, str>,
    /// The Region.
    pub region: Cow<'a, str>,
    /// The operation.
    pub operation: Cow<'a, str>,
    /// The class of the operation.
    pub class: Cow<'a, str>,
    /// Who called: one canonical name.
    pub principal: Cow<'a, str>,
    /// What kind of identity that is.
    pub principal_type: Cow<'a, str>,
    /// The key: its ARN, or an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
    /// The service that called for the principal, or `direct`.
    pub service_path: Cow<'a, str>,
    /// `success` or the error code.
    pub outcome: Cow<'a, str>,
    /// `sourceIPAddress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// `userAgent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Cow<'a, str>>,
    /// The encryption context.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// `sharedEventID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_event_id: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    /// The names of the fields, in their order.
    pub const NAMES: [&'static str; 15] = [
        "time",
        "event_id",
        "account",
        "region",
        "operation",
        "class",
        "principal",
        "principal_type",
        "key",
        "service_path",
        "outcome",
        "source",
        "user_agent",
        "context",
        "shared_event_id",
    ];

    /// The row of a record.
    pub fn of(record: &'a Record<'_>) -> Self {
        fn optional<'t>(text: &'t Option<Cow<'_, str>>) -> Option<Cow<'t, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        Self {
            time: record.time,
            event_id: optional(&record.event_id),
            account: Cow::Borrowed(&record.account),
            region: Cow::Borrowed(&record.region),
            operation: record.operation.name().into(),
            class: record.operation.class().as_str().into(),
            principal: record.principal().into(),
            principal_type: record.identity.principal_type.as_str().into(),
            key: record.key.as_ref().map(|key| key.as_str().into()),
            service_path: record.service_path().into(),
            outcome: record.outcome.as_str().into(),
            source: optional(&record.source),
            user_agent: optional(&record.user_agent),
            context: record
                .context
                .pairs()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            shared_event_id: optional(&record.shared_event_id),
        }
    }

    /// Appends the row as one JSON object.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Texts and a map of texts into memory: nothing in this can fail.
        let _ = serde_json::to_writer(out, self);
    }

    /// Reads back what [`Row::encode`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(json: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// The fields as texts, in the order of [`Row::NAMES`]; what is not there is empty.
    pub fn cells(&self) -> [Cow<'_, str>; 15] {
        fn text<'t>(text: &'t Option<Cow<'_, str>>) -> Cow<'t, str> {
            Cow::Borrowed(text.as_deref().unwrap_or_default())
        }
        let context = if self.context.is_empty() {
            Cow::Borrowed("")
        } else {
            Cow::Owned(serde_json::to_string(&self.context).unwrap_or_default())
        };
        [
            Cow::Owned(self.time.to_string()),
            text(&self.event_id),
            Cow::Borrowed(&self.account),
            Cow::Borrowed(&self.region),
            Cow::Borrowed(&self.operation),
            Cow::Borrowed(&self.class),
            Cow::Borrowed(&self.principal),
            Cow::Borrowed(&self.principal_type),
            text(&self.key),
            Cow::Borrowed(&self.service_path),
            Cow::Borrowed(&self.outcome),
            text(&self.source),
            text(&self.user_agent),
            context,
            text(&self.shared_event_id),
        ]
    }
}

#[cfg(test)]
mod tests {
    use keytrail_event::{Issue, Reader, Sink};

    use super::*;

    struct Check;

    impl Sink for Check {
        fn record(&mut self, record: &Record<'_>) {
            let row = Row::of(record);
            let mut json = Vec::new();
            row.encode(&mut json);
            assert_eq!(Row::decode(&json).ok(), Some(row));
            let value: serde_json::Map<_, _> = serde_json::from_slice(&json).unwrap();
            let names: std::collections::BTreeSet<_> = Row::NAMES.into_iter().collect();
            assert!(value.keys().all(|name| names.contains(name.as_str())));
            assert!(value.values().all(|value| !value.is_null()));
        }
        fn issue(&mut self, issue: Issue) {
            assert!(!issue.kind.is_malformed(), "{issue}");
        }
    }

    #[test]
    fn a_row_reads_back() {
        let full = r#"{"eventTime":"2024-01-31T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Encrypt","awsRegion":"eu-west-1","eventID":"1","sharedEventID":"2","recipientAccountId":"111122223333","sourceIPAddress":"192.0.2.1","userAgent":"a\"\u001b","errorCode":"AccessDenied","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"},"requestParameters":{"keyId":"alias/prod","encryptionContext":{"b":"é","a":"2"}}}"#;
        let bare = r#"{"eventTime":"2024-01-31T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"ListKeys"}"#;
        for text in [full, bare] {
            let reading = Reader::default().read(text.as_bytes(), &mut Check);
            assert_eq!(reading.kms, 1);
        }
    }
}
