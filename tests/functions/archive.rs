//! An archive as a bucket holds it, with the files of a second trail, and what a replay finds in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use keytrail_event::{DeliveryName, EventTime};
use keytrail_tests::world::Chance;
use keytrail_tests::{files_below, program};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The trail's bucket.
pub const BUCKET: &str = "trail";
/// Most that a file is delayed, in seconds; one in twenty up to a day.
const DELAY_SECONDS_MAX: i64 = 30 * 60;
const DELAY_SECONDS_LONG: i64 = 86_400;

pub struct Archive {
    folder: TempDir,
    /// The bytes of the files, by key.
    files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// A copy of the archive in a folder; a second trail writes some of its files, too.
    pub fn copied(folder: &Path, seed: u64) -> Self {
        Self::written(files_below(folder, folder).unwrap(), seed)
    }

    /// So many days of a simulated organisation, in which everybody calls so many percent of what is usual.
    pub fn simulated(days: u32, volume_percent: u32, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("made");
        let mut command = Command::new(program());
        command.args(["simulate", "--organisation"]);
        command.args([
            "--volume",
            &volume_percent.to_string(),
            "--days",
            &days.to_string(),
            "--seed",
            &seed.to_string(),
            "--out",
        ]);
        assert!(command.arg(&out).output().unwrap().status.success());
        Self::written(files_below(&out.join("AWSLogs"), &out).unwrap(), seed)
    }

    fn written(mut files: BTreeMap<String, Vec<u8>>, seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let second = files.iter().filter(|(key, _)| key.contains("_CloudTrail_"));
        let second: Vec<_> = second.filter(|_| chance.percent(20)).collect();
        let second: Vec<_> = second
            .into_iter()
            .map(|(key, bytes)| (key.replace(".json.gz", "second.json.gz"), bytes.clone()))
            .collect();
        files.extend(second);
        let folder = tempfile::tempdir().unwrap();
        for (key, bytes) in &files {
            let path = folder.path().join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Self { folder, files }
    }

    pub fn keys(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// The objects by bucket and key.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let named = |(key, bytes): (&String, &Vec<u8>)| (format!("{BUCKET}/{key}"), bytes.clone());
        self.files.iter().map(named).collect()
    }

    /// The newest stamp of a file.
    pub fn newest(&self) -> EventTime {
        self.files.keys().map(|key| stamp(key)).max().unwrap()
    }

    /// When files are announced, in order; some are announced twice.
    pub fn arrivals(&self, chance: &mut Chance) -> Vec<(EventTime, String)> {
        let mut arrivals = Vec::new();
        for key in self.files.keys() {
            for _ in 0..1 + usize::from(chance.percent(5)) {
                let most = if chance.percent(5) {
                    DELAY_SECONDS_LONG
                } else {
                    DELAY_SECONDS_MAX
                };
                arrivals.push((
                    stamp(key).plus_seconds(chance.between(0, most)),
                    key.clone(),
                ));
            }
        }
        arrivals.sort();
        arrivals
    }

    /// What `keytrail replay` finds in it, sorted.
    pub fn replayed(&self) -> Vec<String> {
        let mut command = Command::new(program());
        command.env_clear().current_dir(self.folder.path());
        let output = command
            .args(["replay", "--format", "jsonl", "."])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

/// When a file was delivered, by its name.
pub fn stamp(key: &str) -> EventTime {
    DeliveryName::parse(key)
        .stamp
        .expect("a file that CloudTrail could have named")
}

/// The body of the message that announces a file, in one of the ways there are.
pub fn announced(key: &str, chance: &mut Chance) -> String {
    let encoded = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string();
    let s3 = json!({ "Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": BUCKET }, "object": { "key": encoded, "size": 7 } },
    }] });
    let bridge = json!({
        "version": "0", "id": "1", "detail-type": "Object Created", "source": "aws.s3",
        "detail": { "bucket": { "name": BUCKET }, "object": { "key": key, "size": 7 }, "reason": "PutObject" },
    });
    let own = json!({ "s3Bucket": BUCKET, "s3ObjectKey": [key] });
    let topic = |message: &Value| json!({ "Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": message.to_string() });
    let ways = [s3.clone(), bridge, own.clone(), topic(&s3), topic(&own)];
    chance.one_of(&ways).to_string()
}
