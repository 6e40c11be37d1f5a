//! The whole deployment on this machine: the template as it stands, the functions as they are built,
//! files put to the trail's bucket, and alerts, findings, metrics and an alarm at the other end.
//!
//! It proves no permissions, quotas or limits: those are tests of the template and of each part.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stderr
)]

mod local;
#[path = "../../../tests/infra/template.rs"]
#[allow(dead_code, reason = "the policies of the template use more of it")]
mod template;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use keytrail_aws::Connection;
use keytrail_aws::store::AwsStore;
use keytrail_store::Store;
use local::{Endpoint, Faults};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const FUNCTIONS: [&str; 3] = ["ingest", "detect", "sweep"];
/// How long a step may take. Debug builds on a busy machine start slowly.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_file_in_the_bucket_becomes_an_alert() {
    let Some(endpoint) = Endpoint::from_environment() else {
        return;
    };
    let Some(bootstraps) = bootstraps() else {
        return;
    };
    let connection = endpoint.connection(Faults::None);
    let stack = format!("e2e-{}", std::process::id());
    let trail = format!("{stack}-trail");
    upload(&connection, &stack, &bootstraps).await;
    deploy(&endpoint, &stack, &trail);
    let outputs = |key: &str| format!("arn:aws:sns:us-east-1:{ACCOUNT}:{stack}-{key}");
    let subscriber = subscribe(&connection, &stack, &outputs("alerts")).await;

    let key = "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/01/31/111122223333_CloudTrail_eu-west-1_20240131T1005Z_a.json.gz";
    let damaged = key.replace("_a.json", "_damaged.json");
    let s3 = connection.s3();
    for (key, body) in [
        (key, delivery()),
        (&damaged, b"\x1f\x8b\x08 damaged".to_vec()),
    ] {
        let put = s3.put_object().bucket(&trail).key(key);
        put.body(body.into()).send().await.unwrap();
    }

    let (alert, attributes) = until("an alert arrives", async || {
        receive(&connection, &subscriber).await
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

    let (bucket, table) = (
        format!("{stack}-state-{ACCOUNT}-us-east-1"),
        format!("{stack}-state"),
    );
    let store = AwsStore::new(&connection, &bucket, &table, "");
    until("the finding is marked as sent", async || {
        let findings = store.findings(ACCOUNT, None, 10).await.unwrap();
        let sent = findings
            .iter()
            .filter(|it| it.sent_revision == it.record.revision);
        (sent.count() == 1).then_some(())
    })
    .await;
    let parked = until("the damaged file is set aside", async || {
        store.quarantined(None, 10).await.unwrap().pop()
    })
    .await;
    assert_eq!(parked.name, format!("s3://{trail}/{damaged}"));

    until("the metrics can be read", async || {
        let deliveries = metric(&connection, "Deliveries", None).await;
        let findings = metric(&connection, "Findings", Some(("Severity", &severity))).await;
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

    let swept = invoke(&endpoint, &format!("{stack}-sweep"));
    assert_eq!(swept["accounts"], 1, "{swept}");
    until("the day is closed", async || {
        store.pointer(ACCOUNT).await.unwrap()
    })
    .await;
    call(
        &endpoint,
        "cloudformation",
        "/",
        &format!("Action=DeleteStack&StackName={stack}"),
    );
}

/// One file: somebody schedules the deletion of a key.
fn delivery() -> Vec<u8> {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-000000000001";
    let record = json!({
        "eventVersion": "1.11", "eventTime": "2024-01-31T10:00:00Z",
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

/// The functions as cargo built them beside this test.
fn bootstraps() -> Option<Vec<(&'static str, PathBuf)>> {
    let here = std::env::current_exe().unwrap();
    let folder = here.parent().and_then(Path::parent).unwrap();
    let found: Vec<_> = FUNCTIONS.map(|name| (name, folder.join(name))).into();
    if found.iter().all(|(_, path)| path.is_file()) {
        return Some(found);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the functions are not built"
    );
    eprintln!("skipped: the functions are not built (cargo test --workspace does that)");
    None
}

async fn upload(connection: &Connection, stack: &str, bootstraps: &[(&str, PathBuf)]) {
    let bucket = format!("{stack}-code");
    let s3 = connection.s3();
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    for (name, path) in bootstraps {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .unix_permissions(0o755);
        writer.start_file("bootstrap", options).unwrap();
        writer.write_all(&std::fs::read(path).unwrap()).unwrap();
        let zip = writer.finish().unwrap().into_inner();
        let put = s3.put_object().bucket(&bucket).key(format!("{name}.zip"));
        put.body(zip.into()).send().await.unwrap();
    }
}

/// Deploys the template, packaged as `sam deploy` would do.
fn deploy(endpoint: &Endpoint, stack: &str, trail: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let mut template = template::parse(&std::fs::read_to_string(path).unwrap());
    let resources = template["Resources"].as_object_mut().unwrap();
    for resource in resources.values_mut() {
        if resource["Type"] == "AWS::Serverless::Function" {
            let properties = &mut resource["Properties"];
            let zip = properties["CodeUri"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap();
            properties["CodeUri"] = json!(format!("s3://{stack}-code/{zip}"));
            // The services here take the parameter for a text, and compare it with a number.
            if let Some(deliveries) = properties.pointer_mut("/Events/Deliveries/Properties") {
                deliveries.as_object_mut().unwrap().remove("ScalingConfig");
            }
        }
    }
    let parameter = |number: u32, name: &str, value: &str| {
        format!(
            "&Parameters.member.{number}.ParameterKey={name}&Parameters.member.{number}.ParameterValue={value}"
        )
    };
    let form = format!(
        "Action=CreateStack&StackName={stack}&Capabilities.member.1=CAPABILITY_IAM&Capabilities.member.2=CAPABILITY_AUTO_EXPAND{}{}&TemplateBody={}",
        parameter(1, "TrailBucketName", trail),
        parameter(2, "CreateTrailBucket", "true"),
        percent_encoding::utf8_percent_encode(
            &template.to_string(),
            percent_encoding::NON_ALPHANUMERIC
        )
    );
    let answer = call(endpoint, "cloudformation", "/", &form);
    assert!(answer.contains("StackId"), "{answer}");
    let from = Instant::now();
    loop {
        let form = format!("Action=DescribeStacks&StackName={stack}");
        let answer = call(endpoint, "cloudformation", "/", &form);
        if answer.contains("CREATE_COMPLETE") {
            return;
        }
        assert!(
            !answer.contains("ROLLBACK") && !answer.contains("FAILED"),
            "{answer}"
        );
        assert!(from.elapsed() < PATIENCE, "{answer}");
        std::thread::sleep(Duration::from_millis(200));
    }
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

/// An alert that is a finding, with its attributes; alarms come by the same topic.
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

/// Starts a function and returns its answer.
fn invoke(endpoint: &Endpoint, function: &str) -> Value {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let answer = call(endpoint, "lambda", &path, "{}");
    let json = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let (from, to) = (json.find('{').unwrap(), json.rfind('}').unwrap());
    serde_json::from_str(&json[from..=to]).unwrap()
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let from = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(from.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One call to a service that this test has no client for.
fn call(endpoint: &Endpoint, service: &str, path: &str, body: &str) -> String {
    let address = endpoint.address();
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/20240131/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
