//! The template holds to its policies, and each policy notices when it does not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod again;
mod alarms;
mod losses;
mod policy;
mod template;
mod triage;

use std::path::Path;
use std::process::Command;

use keytrail_tests::root;
use policy::violations;
use serde_json::{Value, json};

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn the_template() -> Value {
    template::parse(&read("infra/template.yaml"))
}

/// The text of everything that publishes metrics.
fn sources() -> String {
    let mut text = String::new();
    for folder in ["functions", "crates/lambda/src", "crates/aws/src"] {
        collect(&root().join(folder), &mut text);
    }
    text
}

fn collect(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn found(template: &Value) -> Vec<String> {
    violations(template, &read("docs/runbooks/README.md"), &sources())
}

#[test]
fn the_template_holds_to_its_policies() {
    assert_eq!(found(&the_template()), Vec::<String>::new());
}

/// The page that says what the stack costs knows how many alarms it has.
#[test]
fn the_costs_count_the_alarms() {
    let template = the_template();
    let alarms = template::resources(&template, "AWS::CloudWatch::Alarm").count();
    let row = format!("{alarms} alarms × $0.10");
    assert!(read("docs/deploy.md").contains(&row), "{row}");
}

/// Who looks at an alarm or at the dashboard finds what its metric counts.
#[test]
fn the_metrics_are_explained() {
    let template = the_template();
    let alarms = template::resources(&template, "AWS::CloudWatch::Alarm");
    let mut metrics: Vec<String> = alarms
        .map(|(_, alarm)| &alarm["Properties"])
        .filter(|properties| properties["Namespace"] == "Keytrail")
        .map(|properties| properties["MetricName"].as_str().unwrap().to_owned())
        .collect();
    let body = "/Resources/Dashboard/Properties/DashboardBody/Fn::Sub";
    let body = template.pointer(body).unwrap().as_str().unwrap();
    let shown = body.split("[\"Keytrail\", \"").skip(1);
    metrics.extend(shown.map(|rest| rest.split('"').next().unwrap().to_owned()));
    let page = read("docs/deploy.md");
    for metric in metrics {
        assert!(page.contains(&format!("`{metric}`")), "{metric}");
    }
}

/// Changes the template at one place; that and nothing else is noticed.
#[track_caller]
fn check(pointer: &str, value: Value, expected: &[&str]) {
    let mut template = the_template();
    match template.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => panic!("the template has no {pointer}"),
    }
    let found = found(&template);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn a_wildcard_is_noticed() {
    let policy = "/Resources/IngestRole/Properties/Policies/0/PolicyDocument/Statement/0";
    check(
        &format!("{policy}/Action"),
        json!(["sqs:*"]),
        &["IngestRole allows \"sqs:*\""],
    );
    check(
        &format!("{policy}/Resource"),
        json!("*"),
        &["IngestRole allows [String(\"sqs:ReceiveMessage\")"],
    );
    let metrics = "/Resources/SweepRole/Properties/Policies/0/PolicyDocument/Statement/8/Condition";
    check(metrics, json!({}), &["SweepRole allows"]);
}

#[test]
fn missing_dead_letters_are_noticed() {
    check(
        "/Resources/DeliveryQueue/Properties/RedrivePolicy",
        Value::Null,
        &["DeliveryQueue has no dead letters"],
    );
    check(
        "/Resources/TallyQueue/Properties/RedrivePolicy/deadLetterTargetArn",
        json!({ "Fn::GetAtt": ["AlertTopic", "TopicArn"] }),
        &["TallyQueue has no dead letters", "which is no queue"],
    );
}

#[test]
fn a_short_visibility_timeout_is_noticed() {
    check(
        "/Resources/DeliveryQueue/Properties/VisibilityTimeout",
        json!(719),
        &["DeliveryQueue shows messages again before six timeouts of IngestFunction"],
    );
}

#[test]
fn functions_without_a_bound_are_noticed() {
    check(
        "/Resources/DetectFunction/Properties/Events/Tallies/Properties/ScalingConfig",
        Value::Null,
        &["Tallies may start DetectFunction without a bound"],
    );
}

/// What detect fails at was hidden for half an hour, whatever it asked for.
#[test]
fn a_queue_that_hides_what_failed_is_noticed() {
    let take = "/Resources/DetectRole/Properties/Policies/0/PolicyDocument/Statement/0/Action";
    check(
        take,
        json!([
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes"
        ]),
        &["DetectFunction may not have messages of TallyQueue shown again"],
    );
    check(
        "/Resources/DetectFunction/Properties/Environment/Variables/KEYTRAIL_TALLY_QUEUE_URL",
        Value::Null,
        &["DetectFunction does not know the queue TallyQueue"],
    );
    check(
        "/Resources/TallyQueue/Properties/RedrivePolicy/maxReceiveCount",
        json!(8),
        &["TallyQueue gives up before an outage of two hours is over"],
    );
}

#[test]
fn an_alarm_without_a_runbook_is_noticed() {
    check(
        "/Resources/TallyAgeAlarm/Properties/AlarmDescription",
        json!("docs/runbooks/README.md#nowhere: something"),
        &["TallyAgeAlarm has no runbook"],
    );
    check(
        "/Resources/TallyAgeAlarm/Properties/AlarmDescription",
        json!("the oldest tally has waited"),
        &["TallyAgeAlarm has no runbook"],
    );
    check(
        "/Resources/StateConflictsAlarm/Properties/MetricName",
        json!("NoSuchMetric"),
        &["which nobody publishes"],
    );
}

#[test]
fn the_wrong_bucket_is_noticed() {
    let files = "/Resources/IngestRole/Properties/Policies/0/PolicyDocument/Statement/1/Resource";
    check(
        files,
        json!({ "Fn::Sub": "${StateBucket.Arn}/*" }),
        &["IngestRole names the wrong bucket"],
    );
    check(
        "/Resources/DeliveredRule/Properties/EventPattern/detail/bucket/name/0",
        json!({ "Ref": "StateBucket" }),
        &[
            "BackfillRole names the wrong bucket",
            "IngestRole names the wrong bucket",
            "Backfill lists another bucket",
        ],
    );
    check(
        "/Resources/Backfill/Properties/DefinitionSubstitutions/Bucket",
        json!({ "Ref": "StateBucket" }),
        &["Backfill lists another bucket"],
    );
}

#[test]
fn open_doors_are_noticed() {
    let events = "/Resources/DeliveryQueuePolicy/Properties/PolicyDocument/Statement";
    check(
        &format!("{events}/0/Condition"),
        json!({}),
        &["DeliveryQueuePolicy lets a service in for any account"],
    );
    check(
        &format!("{events}/1/Condition"),
        json!({}),
        &["DeliveryQueue can be reached without TLS"],
    );
    check(
        "/Resources/StateTable/DeletionPolicy",
        json!("Delete"),
        &["StateTable has no DeletionPolicy of RetainExceptOnCreate"],
    );
    check(
        "/Resources/IngestLogs/Properties/RetentionInDays",
        Value::Null,
        &["IngestLogs is kept for ever"],
    );
    check(
        "/Resources/SweepFunction/Properties/Role",
        json!({ "Fn::GetAtt": ["DetectRole", "Arn"] }),
        &["SweepFunction has no role of its own"],
    );
}

/// Who may invoke detect could hand in records of any account.
#[test]
fn notes_that_go_nowhere_or_too_far_are_noticed() {
    let told =
        "/Resources/DetectFunction/Properties/Environment/Variables/KEYTRAIL_TRIAGE_FUNCTION";
    let by_name = |name: &str| json!({ "Fn::Sub": format!("${{AWS::StackName}}-{name}") });
    check(
        told,
        by_name("triage"),
        &["alerts of DetectFunction name no function"],
    );
    check(
        told,
        by_name("detect"),
        &["whoever may note by DetectFunction may hand records in"],
    );
    let keep_items = "/Resources/SweepRole/Properties/Policies/0/PolicyDocument/Statement/4/Action";
    check(
        keep_items,
        json!(["dynamodb:GetItem", "dynamodb:Query"]),
        &[
            "SweepFunction may not note what alerts of DetectFunction",
            "SweepFunction may not note what alerts of SweepFunction",
        ],
    );
}

#[test]
fn what_could_be_lost_is_noticed() {
    check(
        "/Resources/DeliveredRule/Properties/Targets/0/DeadLetterConfig",
        Value::Null,
        &["DeliveredRule has no dead letters"],
    );
    check(
        "/Resources/ArrivalDeadLettersPolicy/Properties/PolicyDocument/Statement/0/Condition/ArnEquals/aws:SourceArn/1",
        Value::Null,
        &["NotableRule may not send its dead letters"],
    );
    check(
        "/Resources/NotableRuleAlarm/Properties/MetricName",
        json!("Invocations"),
        &["no alarm watches FailedInvocations of NotableRule"],
    );
    check(
        "/Resources/IngestFunction/Properties/DeadLetterQueue",
        Value::Null,
        &["IngestFunction loses what it was invoked with"],
    );
    check(
        "/Resources/ArrivalDeadLetters/Properties",
        json!({ "KmsMasterKeyId": { "Ref": "StateKey" }, "MessageRetentionPeriod": 1_209_600 }),
        &["ArrivalDeadLetters is not encrypted by its service"],
    );
    check(
        "/Resources/StateBucket/Properties/LifecycleConfiguration/Rules/1/Prefix",
        Value::Null,
        &["StateBucket ends versions of everything"],
    );
}

#[test]
fn an_alarm_that_nobody_would_hear_is_noticed() {
    check(
        "/Resources/QuarantineAlarm/Properties/AlarmActions/0",
        json!({ "Ref": "AlertTopic" }),
        &["QuarantineAlarm tells by a topic of the state's key"],
    );
    check(
        "/Resources/FindingsUnpublishedAlarm/Properties/MetricName",
        json!("FindingsPublished"),
        &["no alarm watches all of FindingsUnpublished"],
    );
    let parked = "/Resources/PartsParkedAlarm/Properties";
    let properties = the_template().pointer(parked).unwrap().clone();
    let mut of_one_reason = properties;
    of_one_reason["Dimensions"] = json!([{ "Name": "Reason", "Value": "cannot-be-read" }]);
    check(
        parked,
        of_one_reason,
        &["no alarm watches all of PartsParked"],
    );
}

#[test]
fn a_backfill_that_gives_up_or_keeps_silent_is_noticed() {
    let definition = "/Resources/Backfill/Properties/DefinitionString";
    let template = the_template();
    let text = template.pointer(definition).unwrap().as_str().unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        json!(text.replace(from, to))
    };
    check(
        definition,
        changed("FailurePercentage\": 20", "FailurePercentage\": 0"),
        &["Backfill ends with the first file that fails"],
    );
    check(
        definition,
        changed("\"ResultWriter\"", "\"Comment\""),
        &["Backfill does not tell what failed"],
    );
    check(
        definition,
        changed("arn:${Partition}", "arn:aws"),
        &["Backfill names a resource of one partition"],
    );
    check(
        definition,
        changed("${Partition}", "${NoSuchPlace}"),
        &["Backfill leaves a place open"],
    );
}

/// `cargo xtask test` installs cfn-lint and names it; in continuous integration it must be there.
#[test]
fn the_linter_of_cloudformation_has_nothing_to_say() {
    let Some(linter) = std::env::var_os("KEYTRAIL_CFN_LINT") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "KEYTRAIL_CFN_LINT is not set; cargo xtask test sets it"
        );
        let note = "skipped: cfn-lint is not installed (cargo xtask test does that)\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        return;
    };
    let mut command = Command::new(linter);
    command.arg(root().join("infra/template.yaml"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
