//! A file in the trail's bucket: alerts, findings, metrics and an alarm at the other end.

use std::io::Write as _;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_dynamodb::types::AttributeValue;
use keytrail_aws::Connection;
use keytrail_store::Store;
use serde_json::{Value, json};

use crate::day::day_before_yesterday;
use crate::stack::{ACCOUNT, Stack, until};

#[tokio::test]
async fn a_file_in_the_bucket_becomes_an_alert() {
    let Some(deployed) = Stack::deploy("alert").await else {
        return;
    };
    let (connection, stack, trail) = (&deployed.connection, &deployed.name, &deployed.trail);
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:{stack}-alerts");
    let subscriber = subscribe(connection, stack, &topic).await;

    // Two days ago: alerts are about what is news, and the day can close.
    let day = day_before_yesterday();
    let (folder, stamp) = (day.replace('-', "/"), day.replace('-', ""));
    let key = format!(
        "AWSLogs/111122223333/CloudTrail/eu-west-1/{folder}/111122223333_CloudTrail_eu-west-1_{stamp}T1005Z_a.json.gz"
    );
    let damaged = key.replace("_a.json", "_damaged.json");
    let s3 = connection.s3();
    for (key, body) in [
        (&key, delivery(&day)),
        (&damaged, b"\x1f\x8b\x08 damaged".to_vec()),
    ] {
        let put = s3.put_object().bucket(trail).key(key);
        put.body(body.into()).send().await.unwrap();
    }

    let (alert, attributes) = until("an alert arrives", async || {
        receive(connection, &subscriber).await
    })
    .await;
    // An OCSF Detection Finding.
    let finding: Value = serde_json::from_str(&alert).unwrap();
    assert_eq!(finding["class_uid"], 2004);
    assert_eq!(finding["metadata"]["event_code"], "key-deletion-scheduled");
    assert_eq!(finding["cloud"]["account"]["uid"], ACCOUNT);
    let severity = finding["severity"].as_str().unwrap().to_lowercase();
    assert!(attributes.contains(&("severity".to_owned(), severity.clone())));
    assert!(attributes.contains(&("account".to_owned(), ACCOUNT.to_owned())));

    let store = deployed.store();
    until("the finding is marked as sent", async || {
        let findings = store.findings(ACCOUNT, None, 10).await.unwrap();
        let sent = findings
            .iter()
            .filter(|it| it.sent_revision == it.record.revision);
        (sent.count() == 1).then_some(())
    })
    .await;
    resolve(&deployed, &store).await;
    let parked = until("the damaged file is set aside", async || {
        store.quarantined(None, 10).await.unwrap().pop()
    })
    .await;
    assert_eq!(parked.name, format!("s3://{trail}/{damaged}"));

    until("the metrics can be read", async || {
        let deliveries = metric(connection, "Deliveries", None).await;
        let findings = metric(connection, "Findings", Some(("Severity", &severity))).await;
        (deliveries >= 2.0 && findings >= 1.0).then_some(())
    })
    .await;
    let alarm = format!("{stack}-{severity}-findings");
    until("the alarm goes off", async || {
        let alarms = connection
            .cloudwatch()
            .describe_alarms()
            .alarm_names(&alarm);
        let answer = alarms.send().await.unwrap();
        let state = answer
            .metric_alarms()
            .first()?
            .state_value()?
            .as_str()
            .to_owned();
        (state == "ALARM").then_some(())
    })
    .await;

    let swept = deployed.sweep();
    assert_eq!(swept["accounts"], 1, "{swept}");
    until("the day is closed", async || {
        store.pointer(ACCOUNT).await.unwrap()
    })
    .await;
    deployed.delete();
}

/// What a runbook asks the table for, to see what stands and nobody has resolved.
const UNRESOLVED: &str =
    "#state IN (:p, :f) AND (attribute_not_exists(triage_state) OR triage_state <> :r)";

async fn unresolved(deployed: &Stack) -> i32 {
    let runbooks = include_str!("../../../../docs/runbooks/README.md");
    assert!(runbooks.contains(UNRESOLVED));
    let value = |text: &str| AttributeValue::S(text.to_owned());
    let scan = deployed.connection.dynamodb().scan();
    let scan = scan
        .table_name(format!("{}-state", deployed.name))
        .consistent_read(true)
        .filter_expression(UNRESOLVED)
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":p", value("provisional"))
        .expression_attribute_values(":f", value("final"))
        .expression_attribute_values(":r", value("resolved"));
    scan.send().await.unwrap().count()
}

/// Somebody resolves the one finding, as its alert says.
async fn resolve(deployed: &Stack, store: &impl Store) {
    assert_eq!(unresolved(deployed).await, 1);
    let mut findings = store.findings(ACCOUNT, None, 10).await.unwrap();
    let episode = findings.remove(0).record.key.episode;
    let payload = json!({
        "keytrail": "triage", "finding": episode, "state": "resolved", "by": "ann",
        "note": "a planned migration",
    });
    let answer = deployed.ask_sweep(&payload.to_string());
    assert_eq!(answer["triaged"][0]["episode"], episode, "{answer}");
    let findings = store.findings(ACCOUNT, None, 10).await.unwrap();
    assert_eq!(findings[0].triage_state(), "resolved");
    assert_eq!(unresolved(deployed).await, 0);
    let answer = deployed.ask_sweep("{\"keytrail\":\"triage\"}");
    assert!(answer["refused"].is_string(), "{answer}");
}

/// One file: somebody schedules the deletion of a key on this day.
fn delivery(day: &str) -> Vec<u8> {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-000000000001";
    let record = json!({
        "eventVersion": "1.11", "eventTime": format!("{day}T10:00:00Z"),
        "eventSource": "kms.amazonaws.com", "eventName": "ScheduleKeyDeletion", "awsRegion": "eu-west-1",
        "eventID": "8ddd3ba9-9a7e-4b3b-b1ec-000000000001", "recipientAccountId": ACCOUNT,
        "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/rose", "accountId": ACCOUNT },
        "requestParameters": { "keyId": key, "pendingWindowInDays": 7 },
        "responseElements": { "keyId": key, "deletionDate": "Feb 7, 2024, 10:00:00 AM" },
        "resources": [{ "ARN": key, "type": "AWS::KMS::Key", "accountId": ACCOUNT }],
    });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let text = json!({ "Records": [record] }).to_string();
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A queue that gets every alert as it is, with its attributes.
async fn subscribe(connection: &Connection, stack: &str, topic: &str) -> String {
    let sqs = connection.sqs();
    let queue = sqs.create_queue().queue_name(format!("{stack}-subscriber"));
    let url = queue.send().await.unwrap().queue_url.unwrap();
    let sns = connection
        .sns()
        .subscribe()
        .topic_arn(topic)
        .protocol("sqs");
    let subscribed = sns
        .endpoint(format!(
            "arn:aws:sqs:us-east-1:{ACCOUNT}:{stack}-subscriber"
        ))
        .attributes("RawMessageDelivery", "true")
        .send();
    subscribed.await.unwrap();
    url
}

/// An alert, with its attributes.
async fn receive(connection: &Connection, url: &str) -> Option<(String, Vec<(String, String)>)> {
    let request = connection.sqs().receive_message().queue_url(url);
    let answer = request.message_attribute_names("All").send().await.unwrap();
    answer.messages().iter().find_map(|message| {
        let attributes = message.message_attributes()?.iter();
        let attributes = attributes
            .filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned())));
        let attributes: Vec<_> = attributes.collect();
        (!attributes.is_empty()).then(|| (message.body().unwrap().to_owned(), attributes))
    })
}

async fn metric(connection: &Connection, name: &str, dimension: Option<(&str, &str)>) -> f64 {
    let now = std::time::SystemTime::now();
    let dimension =
        dimension.map(|(name, value)| vec![Dimension::builder().name(name).value(value).build()]);
    let request = connection.cloudwatch().get_metric_statistics();
    let answer = request
        .namespace(keytrail_aws::metrics::NAMESPACE)
        .metric_name(name)
        .set_dimensions(dimension)
        .start_time((now - Duration::from_secs(3_600)).into())
        .end_time((now + Duration::from_secs(60)).into())
        .period(3_600)
        .statistics(Statistic::Sum)
        .send()
        .await
        .unwrap();
    answer
        .datapoints()
        .iter()
        .filter_map(|point| point.sum())
        .sum()
}
