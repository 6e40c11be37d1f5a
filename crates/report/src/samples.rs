//! Fixed findings and records for the tests of every format.

use std::io::{self, Write};

use keytrail_detect::finding::{Attack, Evidence, Finding, FindingState, Severity};
use keytrail_detect::packed_finding::{PackedFinding, Packer};
use keytrail_event::EventTime;

use crate::events::EventRow;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// What a writer writes.
pub(crate) fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A behaviour while learning, a rule, and one whose strings an attacker wrote; by (episode, id).
pub(crate) fn findings() -> Vec<Finding> {
    let mut findings = vec![learning(), deletion(), hostile()];
    findings.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
    findings
}

/// The same, packed.
pub(crate) fn packed(findings: &[Finding]) -> Vec<PackedFinding> {
    let mut packer = Packer::default();
    findings.iter().map(|it| packer.pack(it)).collect()
}

fn at(text: &str) -> EventTime {
    EventTime::parse(text).unwrap()
}

fn base(rule: &str) -> Finding {
    Finding {
        score: 6.0,
        region: Some("us-east-1".to_owned()),
        principal: Some("arn:aws:iam::111122223333:user/rose".to_owned()),
        key: Some(KEY.to_owned()),
        event_ids: vec!["8ddd3ba9-9a7e-4b3b-b1ec-000000000001".to_owned()],
        attack: vec![Attack {
            version: "v18".to_owned(),
            tactic: "TA0006".to_owned(),
            technique: "T1552".to_owned(),
        }],
        practice: Some("least privilege".to_owned()),
        ..Finding::sample(rule, at("2024-01-31T23:42:18Z"))
    }
}

/// `rate-pair` in an account that is still being learnt.
pub(crate) fn learning() -> Finding {
    let history = "no earlier use of this key by this principal".to_owned();
    let rate = Evidence {
        feature: "calls_per_hour".to_owned(),
        observed: Some("2142".to_owned()),
        expected: Some("fewer than 50 (built-in prior for people)".to_owned()),
        one_in: Some(2_400_000.0),
        history: Some(history.clone()),
        weight: Some(1.0),
        text: format!(
            "2142 calls in the hour of 2024-01-31T23:00:00Z; {history}, and a person is expected to make fewer than 50 an hour."
        ),
    };
    let mut learning = Evidence::new("learning", "Made while learning: 3 of 14 days of this account's KMS use are known, so there is little to compare with.")
        .observed("3 days")
        .expected("14 days");
    learning.history = Some("3 days".to_owned());
    let plain = |feature: &str, text: &str| Evidence::new(feature, text);
    Finding {
        title: "rose made 2142 calls on key 1234abcd-12ab-34cd-56ef-1234567890ab within 12 minutes; there is no history to compare with".to_owned(),
        severity: Severity::High,
        score: 14.13,
        confidence: 0.11,
        state: FindingState::Provisional,
        last_seen: at("2024-01-31T23:54:01Z"),
        count: 2_142,
        event_ids: (1..=4).map(|n| format!("8ddd3ba9-9a7e-4b3b-b1ec-00000000000{n}")).collect(),
        evidence: vec![
            rate,
            learning,
            plain("operations", "Calls: 2 DescribeKey, 2140 Decrypt."),
            plain("service_paths", "Through: 2142 direct."),
            plain("networks", "From networks: 45.197.0.0/16."),
            plain("agents", "With agents: Boto3/1."),
            plain("contexts", "Encryption contexts: aws:s3:arn=arn:aws:s3:::invoices."),
            plain("denied", "3 of the calls were refused."),
        ],
        next_steps: vec![
            format!("Read every call: keytrail events ARCHIVE --principal 'arn:aws:iam::111122223333:user/rose' --key '{KEY}' --since 2024-01-31T23:42:18Z --until 2024-01-31T23:54:02Z"),
            "Ask the owner of the principal whether this was planned; if not, revoke its sessions and keys first, then the data behind the key is to be considered read.".to_owned(),
        ],
        ..base("rate-pair")
    }
}

/// A rule's finding: one record, all certain.
pub(crate) fn deletion() -> Finding {
    Finding {
        title: "rose scheduled the deletion of a key that was used 40 minutes ago".to_owned(),
        severity: Severity::Critical,
        score: 18.0,
        evidence: vec![
            Evidence::new("deletion_window_days", "The key goes on 2024-02-07, after the shortest window there is.")
                .observed(7)
                .expected("30 unless told otherwise"),
            Evidence::new("last_use", "The key was last used on 2024-01-31T23:02:00Z.").observed("2024-01-31T23:02:00Z"),
        ],
        attack: vec![
            Attack { version: "v18".to_owned(), tactic: "TA0040".to_owned(), technique: "T1485".to_owned() },
            Attack { version: "v19".to_owned(), tactic: "TA0040".to_owned(), technique: "T9999.001".to_owned() },
        ],
        practice: Some("deletion protection".to_owned()),
        next_steps: vec!["Cancel the deletion (CancelKeyDeletion) and enable the key before its date; nothing brings it back after that.".to_owned()],
        ..base("key-deletion-scheduled")
    }
}

/// A finding whose every string tries something.
pub(crate) fn hostile() -> Finding {
    Finding {
        title: "=cmd|'/C calc'!A0 \u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m user\u{202e}gnp.exe\u{2066} 漢字のタイトル\r\nHIGH  forged finding".to_owned(),
        severity: Severity::Medium,
        score: 10.0,
        state: FindingState::Withdrawn,
        account: "@SUM(1+1)".to_owned(),
        region: None,
        principal: Some("+x'; rm -rf ~; echo '\u{200b}\u{1b}[31m".to_owned()),
        key: None,
        event_ids: vec!["-1\n2".to_owned(), "＝1+1".to_owned()],
        evidence: vec![Evidence::new("\tagents", "=HYPERLINK(\"http://evil.example\",\"click\") | \u{2028}next\u{feff}").observed("\u{1b}[8m")],
        attack: vec![Attack { version: "v\u{1b}".to_owned(), tactic: "../x".to_owned(), technique: "T1/../..".to_owned() }],
        practice: Some("-practice\u{ad}".to_owned()),
        next_steps: vec!["\tRun: keytrail events ARCHIVE --principal 'a\u{7}b'".to_owned()],
        ..base("hostile")
    }
}

/// A finding with texts of 5,000 characters.
pub(crate) fn endless() -> Finding {
    Finding {
        title: "=漢".repeat(2_500),
        evidence: vec![Evidence::new("x", "word \u{1b}".repeat(1_000))],
        next_steps: vec!["n".repeat(5_000)],
        principal: None,
        key: None,
        ..base("endless")
    }
}

/// Rows of records: a usual one, one with little, one that was refused, one that tries something.
pub(crate) fn rows() -> Vec<EventRow<'static>> {
    let usual = EventRow {
        time: at("2024-01-31T10:00:00Z"),
        event_id: Some("8ddd3ba9-9a7e-4b3b-b1ec-000000000001".into()),
        account: "111122223333".into(),
        region: "us-east-1".into(),
        operation: "Decrypt".into(),
        class: "cryptographic".into(),
        principal: "arn:aws:iam::111122223333:role/billing-worker".into(),
        principal_type: "AssumedRole".into(),
        key: Some(KEY.into()),
        service_path: "secretsmanager.amazonaws.com".into(),
        outcome: "success".into(),
        source: Some("secretsmanager.amazonaws.com".into()),
        user_agent: Some("secretsmanager.amazonaws.com".into()),
        context: [(
            "SecretARN".into(),
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:db".into(),
        )]
        .into(),
        shared_event_id: Some("5a5a5a5a-0000-4000-8000-000000000001".into()),
    };
    let little = EventRow {
        event_id: None,
        operation: "ListKeys".into(),
        class: "discovery".into(),
        key: None,
        service_path: "direct".into(),
        source: None,
        user_agent: None,
        context: Default::default(),
        shared_event_id: None,
        ..usual.clone()
    };
    let refused = EventRow {
        operation: "GenerateDataKeyWithoutPlaintext".into(),
        key: Some("alias:111122223333:us-east-1:prod/orders".into()),
        outcome: "AccessDeniedException".into(),
        source: Some("2001:db8:1234:5678:9abc:def0:1234:5678".into()),
        ..little.clone()
    };
    let hostile = EventRow {
        account: "=1+1".into(),
        principal: "arn:aws:iam::1:user/漢字\u{1b}[31m\u{202e}root".into(),
        outcome: "+Error\r\n\u{9b}2J".into(),
        user_agent: Some("=cmd|'/C calc'!A0".into()),
        context: [("\u{1b}k".into(), "\u{2028}\"v\"".into())].into(),
        ..usual.clone()
    };
    vec![usual, little, refused, hostile]
}
