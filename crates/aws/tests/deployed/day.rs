//! Replay equals stream, with the functions as processes of their own: a day of an organisation comes file by file,
//! out of order, some of it twice and by a second trail, and what stands in the end is what a replay finds.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::FindingState;
use keytrail_store::Store as _;
use keytrail_store::executor::Executor;
use keytrail_tests::world::Chance;
use keytrail_tests::{files_below, finding_lines, program};
use serde_json::{Value, json};

use crate::stack::{ACCOUNT, Stack, until};

/// How much everybody calls, in percent of 20,000 records a day: enough that every attack is found, and so little
/// that a debug build reads it within a minute.
const VOLUME_PERCENT: &str = "2";
const SEED: u64 = 4;
/// The account of the drill, which has no other records.
const DRILLED: &str = "555566667777";

#[tokio::test]
async fn a_day_that_comes_file_by_file_is_the_day_replayed() {
    let Some(deployed) = Stack::deploy("day").await else {
        return;
    };
    let archive = Archive::new();
    let mut chance = Chance::of(SEED);
    let mut arrivals: Vec<&String> = archive.files.keys().collect();
    let again: Vec<&String> = arrivals
        .iter()
        .copied()
        .filter(|_| chance.percent(10))
        .collect();
    arrivals.extend(again);
    chance.shuffle(&mut arrivals);
    let s3 = deployed.connection.s3();
    for key in arrivals {
        let put = s3.put_object().bucket(&deployed.trail).key(key);
        put.body(archive.files[key].clone().into())
            .send()
            .await
            .unwrap();
        if chance.percent(10) {
            announce_again(&deployed, key).await;
        }
    }
    rest(&deployed).await;
    // Files that came after their day was closed have it judged anew by the next tick.
    for _ in 0..2 {
        deployed.sweep();
        rest(&deployed).await;
    }

    let store = deployed.store();
    assert!(store.quarantined(None, 1).await.unwrap().is_empty());
    let configuration = Configuration::default();
    let executor = Executor::new(&store, &configuration);
    let mut standing = Vec::new();
    for account in store.accounts().await.unwrap() {
        for found in store.findings(&account, None, 1_000).await.unwrap() {
            assert_eq!(
                found.sent_revision, found.record.revision,
                "{account}: not sent"
            );
        }
        standing.extend(executor.findings(&account).await.unwrap().into_values());
    }
    standing.retain(|finding| finding.state != FindingState::Withdrawn);
    let (streamed, replayed) = (finding_lines(standing).unwrap(), archive.replayed());
    let missing = replayed.iter().find(|line| !streamed.contains(line));
    let surplus = streamed.iter().find(|line| !replayed.contains(line));
    assert!(
        missing.is_none() && surplus.is_none() && streamed.len() == replayed.len(),
        "the functions end with other findings than a replay of {}.\nmissing: {missing:?}\ntoo many: {surplus:?}",
        day_before_yesterday()
    );
    assert!(
        streamed.len() > 8,
        "{} findings prove little",
        streamed.len()
    );
    let words = ["replay", "--quiet", "--format", "jsonl"];
    let bucket = format!("s3://{}/AWSLogs/", deployed.trail);
    let from_bucket = keytrail(&deployed, &[&words[..], &[&bucket]].concat());
    assert!(
        sorted(&from_bucket) == replayed,
        "the bucket is not replayed as its folder"
    );

    drill(&deployed).await;
    deployed.delete();
}

/// What a drill promises is on the topic soon after its delivery.
async fn drill(deployed: &Stack) {
    let bucket = format!("s3://{}", deployed.trail);
    let place = [
        "drill",
        "--out",
        &bucket,
        "--account",
        DRILLED,
        "--region",
        "eu-west-1",
    ];
    let labels = keytrail(deployed, &[&place[..], &["--attack", "all"]].concat());
    let labels = labels
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let promised: Vec<Value> = labels.collect();
    assert!(promised.len() >= 10, "{promised:?}");
    let store = deployed.store();
    let configuration = Configuration::default();
    let executor = Executor::new(&store, &configuration);
    until("the findings of the drill are sent", async || {
        let found = store.findings(DRILLED, None, 1_000).await.unwrap();
        let is_sent = found
            .iter()
            .all(|it| it.sent_revision == it.record.revision);
        let findings = executor.findings(DRILLED).await.unwrap();
        let is_found = |label: &Value| {
            let mut same = findings
                .values()
                .filter(|it| label["step"] == it.rule.as_str());
            same.any(|it| it.principal.as_deref() == label["principal"].as_str())
        };
        (is_sent && promised.iter().all(is_found)).then_some(())
    })
    .await;
}

/// What `keytrail` writes, with the services here as its own.
fn keytrail(deployed: &Stack, words: &[&str]) -> String {
    let mut command = Command::new(program());
    command.env_clear().args(words).envs([
        ("AWS_ENDPOINT_URL", deployed.endpoint_url().as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The files of a day that ended, by key, some of them by a second trail as well.
struct Archive {
    folder: tempfile::TempDir,
    files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("made");
        let mut command = Command::new(program());
        command.args(["simulate", "--organisation", "--days", "1"]);
        command.args(["--volume", VOLUME_PERCENT, "--seed", &SEED.to_string()]);
        command
            .args(["--start", &day_before_yesterday(), "--out"])
            .arg(&out);
        let made = command.output().unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        std::fs::remove_file(out.join("labels.jsonl")).unwrap();
        let mut files = files_below(&out, &out).unwrap();
        let mut chance = Chance::of(SEED);
        let second: Vec<_> = files
            .iter()
            .filter(|(key, _)| key.contains("_CloudTrail_") && chance.percent(20))
            .map(|(key, bytes): (&String, &Vec<u8>)| {
                (key.replace(".json.gz", "second.json.gz"), bytes.clone())
            })
            .collect();
        for (key, bytes) in second {
            std::fs::write(out.join(&key), &bytes).unwrap();
            files.insert(key, bytes);
        }
        Self { folder, files }
    }

    /// What `keytrail replay` finds in them, sorted.
    fn replayed(&self) -> Vec<String> {
        let mut command = Command::new(program());
        command.env_clear().current_dir(self.folder.path());
        command.args(["replay", "--quiet", "--format", "jsonl", "made"]);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        sorted(&String::from_utf8(output.stdout).unwrap())
    }
}

/// Since the schedule ticks by the clock, the day must be over for it, and not for long: some rules look at
/// what did not happen since.
pub fn day_before_yesterday() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let then = now - Duration::from_secs(2 * 86_400);
    let then = i64::try_from(then.as_secs()).unwrap();
    keytrail_event::EventTime::from_unix_seconds(then)
        .day()
        .to_string()
}

/// The queue has the announcement of a file a second time, in another of its forms.
async fn announce_again(deployed: &Stack, key: &str) {
    let body = json!({ "Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": deployed.trail }, "object": { "key": key, "size": 7 } },
    }] });
    let message = deployed.connection.sqs().send_message();
    let message = message
        .queue_url(deployed.queue_url("deliveries"))
        .message_body(body.to_string());
    message.send().await.unwrap();
}

/// Waits until nothing is on its way.
async fn rest(deployed: &Stack) {
    let mut calm = 0;
    until("the queues are empty", async || {
        let waiting =
            deployed.messages("deliveries").await + deployed.messages("tallies.fifo").await;
        calm = if waiting == 0 { calm + 1 } else { 0 };
        // Between the queues, a file is in neither for a moment.
        (calm > 5).then_some(())
    })
    .await;
}
