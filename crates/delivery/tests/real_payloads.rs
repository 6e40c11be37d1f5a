//! Payloads as AWS hands them to functions: each is understood, or refused with a reason.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these tests look for files by the environment, which the crate itself must not"
)]

use std::path::{Path, PathBuf};

use keytrail_delivery::notification::{self, Part};
use keytrail_event::{Issue, Reader, Record, Sink};

struct Nobody;

impl Sink for Nobody {
    fn record(&mut self, _: &Record<'_>) {}
    fn issue(&mut self, _: Issue) {}
}

fn payloads() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("KEYTRAIL_REAL_DATA").filter(|root| !root.is_empty()) else {
        eprintln!("skipped: this needs real payloads (set KEYTRAIL_REAL_DATA)");
        return None;
    };
    let folder = Path::new(&root).join("lambda_payloads");
    assert!(folder.is_dir(), "no folder {}", folder.display());
    Some(folder)
}

/// What a payload asks for, in words.
fn told(payload: &[u8]) -> String {
    let invocation = notification::read(payload);
    let parts = invocation
        .messages
        .iter()
        .flat_map(|message| &message.parts);
    let words = parts.map(|part| match part {
        Part::Object(object) => format!("object {}/{}", object.bucket, object.key),
        Part::Records(records) => {
            let reading = Reader::default().read(&records.text, &mut Nobody);
            assert!(reading.is_conserved());
            format!(
                "{:?}: {} records, {} of them KMS, {} malformed",
                records.lane, reading.records, reading.kms, reading.malformed
            )
        }
        Part::Ignored(reason) => format!("ignored {}", reason.as_str()),
        Part::Fault(fault) => format!("fault {}", fault.as_str()),
    });
    words.collect::<Vec<_>>().join("; ")
}

#[test]
fn payloads_of_cloudtrail_are_understood() {
    let Some(folder) = payloads() else { return };
    let object = "object example-cloudtrail-bucket/AWSLogs/218007301253/CloudTrail/us-east-1/2023/07/10/218007301253_CloudTrail_us-east-1_20230710T1205Z_zs3JGxETHr59VpkX.json.gz";
    let logs = "Logs: 20 records, 20 of them KMS, 0 malformed";
    let expected = [
        (
            "cloudwatch_logs_subscription_cloudtrail_kms",
            logs.to_owned(),
        ),
        (
            "eventbridge_kms_api_call_via_cloudtrail",
            "Events: 1 records, 1 of them KMS, 0 malformed".to_owned(),
        ),
        (
            "eventbridge_s3_object_created_cloudtrail",
            object.to_owned(),
        ),
        (
            "kinesis_cloudwatch_logs_cloudtrail_kms",
            format!("ignored control-message; {logs}"),
        ),
        ("s3_notification_cloudtrail_object", object.to_owned()),
        ("sns_cloudtrail_native_notification", object.to_owned()),
        (
            "sns_cloudtrail_validation_message",
            "ignored validation-message".to_owned(),
        ),
        ("sns_wrapped_s3_notification", object.to_owned()),
        ("sqs_s3_test_event", format!("ignored test-event; {object}")),
        (
            "sqs_wrapped_eventbridge_s3_object_created",
            object.to_owned(),
        ),
        ("sqs_wrapped_s3_notification", object.to_owned()),
        ("sqs_wrapped_sns_wrapped_s3_notification", object.to_owned()),
    ];
    for (name, expected) in expected {
        let path = folder.join("derived").join(name).with_extension("json");
        assert_eq!(told(&std::fs::read(&path).unwrap()), expected, "{name}");
    }
}

#[test]
fn every_payload_has_an_answer() {
    let Some(folder) = payloads() else { return };
    let mut count = 0;
    for sub in std::fs::read_dir(folder).unwrap() {
        let sub = sub.unwrap().path();
        if !sub.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(sub).unwrap() {
            let path = file.unwrap().path();
            let told = told(&std::fs::read(&path).unwrap());
            assert!(!told.is_empty(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count > 40, "only {count} payloads");
}
