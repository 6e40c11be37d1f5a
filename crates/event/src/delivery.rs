//! What the name of a delivered object tells: its stamp and its kind.

use crate::arn::is_account_id;
use crate::time::{DAY_SECONDS, EventTime, clock_seconds, days_from_civil, number};

/// What kind of object a delivery is, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// Records, or nothing that the name tells.
    Records,
    /// A digest file: hashes of other files, no records.
    Digest,
    /// CloudTrail Insights.
    Insight,
}

/// What a name tells about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryName {
    /// The kind of object.
    pub kind: DeliveryKind,
    /// The time in the name: when CloudTrail delivered the file.
    pub stamp: Option<EventTime>,
}

impl DeliveryName {
    /// Reads a path or S3 key such as
    /// `AWSLogs/111122223333/CloudTrail/eu-west-1/2024/01/31/111122223333_CloudTrail_eu-west-1_20240131T2355Z_0123456789abcdef.json.gz`.
    /// Any other name is one without stamp.
    #[must_use]
    pub fn parse(path: &str) -> Self {
        let file_name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let mut parts = file_name.split('_');
        let account = parts.next().unwrap_or_default();
        let product = parts.next().unwrap_or_default();
        let kind = if product == "CloudTrail-Digest" || path.contains("/CloudTrail-Digest/") {
            DeliveryKind::Digest
        } else if product == "CloudTrail-Insight" || path.contains("/CloudTrail-Insight/") {
            DeliveryKind::Insight
        } else {
            DeliveryKind::Records
        };
        let is_named = is_account_id(account) && product.starts_with("CloudTrail");
        let stamp = is_named.then(|| parts.find_map(parse_stamp)).flatten();
        Self { kind, stamp }
    }
}

/// `20240131T2355Z`, or `20240131T235500Z` as digests have it.
fn parse_stamp(text: &str) -> Option<EventTime> {
    let text = text.split('.').next().unwrap_or(text).as_bytes();
    if !(text.len() == 14 || text.len() == 16) || text[8] != b'T' || text[text.len() - 1] != b'Z' {
        return None;
    }
    let days = days_from_civil(
        number(&text[..4])?,
        number(&text[4..6])?,
        number(&text[6..8])?,
    )?;
    let second: &[u8] = if text.len() == 16 {
        &text[13..15]
    } else {
        b"00"
    };
    let clock = clock_seconds(&text[9..11], &text[11..13], second)?;
    Some(EventTime::from_unix_seconds(days * DAY_SECONDS + clock))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, kind: DeliveryKind, stamp: Option<&str>) {
        let name = DeliveryName::parse(path);
        assert_eq!(name.kind, kind, "{path}");
        assert_eq!(
            name.stamp.map(|time| time.to_string()).as_deref(),
            stamp,
            "{path}"
        );
    }

    #[test]
    fn names_of_deliveries() {
        check(
            "logs/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/2024/01/31/111122223333_CloudTrail_eu-west-1_20240131T2355Z_0123456789abcdef.json.gz",
            DeliveryKind::Records,
            Some("2024-01-31T23:55:00Z"),
        );
        check(
            "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/01/31/111122223333_CloudTrail-Digest_eu-west-1_trail_eu-west-1_20240131T235501Z.json.gz",
            DeliveryKind::Digest,
            Some("2024-01-31T23:55:01Z"),
        );
        check(
            "AWSLogs/111122223333/CloudTrail-Insight/eu-west-1/2024/01/31/111122223333_CloudTrail-Insight_eu-west-1_20240131T2355Z_x.json.gz",
            DeliveryKind::Insight,
            Some("2024-01-31T23:55:00Z"),
        );
        check("export.json", DeliveryKind::Records, None);
        check(
            "111122223333_CloudTrail_x_20241331T2355Z_y.json",
            DeliveryKind::Records,
            None,
        );
        check("1_20240131T2355Z.json", DeliveryKind::Records, None);
        check("", DeliveryKind::Records, None);
    }
}
