//! A small life of one account, as files, and what a replay of them finds.

use std::collections::BTreeMap;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::finding::Finding;
use keytrail_detect::plan::Plan;
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Sink};

pub const ACCOUNT: &str = "111122223333";
const DAY: i64 = 86_400;
const START: i64 = 1_700_006_400; // 2023-11-15T00:00:00Z

/// A file: its stamp in seconds after the start, and its records as JSON.
#[derive(Debug, Clone)]
pub struct File {
    pub stamp: i64,
    pub records: Vec<String>,
}

pub fn moment(second: i64) -> EventTime {
    EventTime::from_unix_seconds(START + second)
}

struct Count<'t>(&'t mut Tally, Option<EventTime>);

impl Sink for Count<'_> {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, self.1);
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

pub fn tally(file: &File) -> Tally {
    let mut tally = Tally::default();
    let stamp = Some(moment(file.stamp));
    for record in &file.records {
        Reader::default().read(record.as_bytes(), &mut Count(&mut tally, stamp));
    }
    tally
}

/// What a replay finds, sorted by (episode, id).
pub fn replayed(files: &[File], configuration: &Configuration) -> Vec<Finding> {
    let (findings, state) = pass(files, configuration, State::default());
    if state.has_afterwards() {
        return pass(
            files,
            configuration,
            State::knowing(state.into_afterwards()),
        )
        .0;
    }
    findings
}

fn pass(files: &[File], configuration: &Configuration, mut state: State) -> (Vec<Finding>, State) {
    let mut files: Vec<&File> = files.iter().collect();
    files.sort_by_key(|file| file.stamp);
    let mut findings = BTreeMap::new();
    let mut emit = |plan: Plan| {
        for finding in plan.findings {
            let finding = finding.unpack();
            findings.insert((finding.episode.clone(), finding.id.clone()), finding);
        }
    };
    for file in &files {
        engine::advance(
            &mut state,
            moment(file.stamp),
            configuration,
            &engine::OneByOne,
            &mut emit,
        );
        state.absorb(tally(file));
    }
    let newest = moment(files.last().map_or(0, |file| file.stamp));
    engine::finish(
        &mut state,
        newest,
        configuration,
        &engine::OneByOne,
        &mut emit,
    );
    (findings.into_values().collect(), state)
}

pub fn decrypt(second: i64, principal: &str, key: &str, id: &str) -> String {
    let time = moment(second);
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.15.1","eventID":"{id}","recipientAccountId":"{ACCOUNT}","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::{ACCOUNT}:{principal}","accountId":"{ACCOUNT}"}},"resources":[{{"ARN":"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key}"}}]}}"#
    )
}

/// A change to a key by a person.
pub fn change(second: i64, operation: &str, key: &str, id: &str) -> String {
    decrypt(second, "user/ana", key, id).replace("\"Decrypt\"", &format!("\"{operation}\""))
}

pub fn file(second: i64, records: Vec<String>) -> File {
    File {
        stamp: second + 300,
        records,
    }
}

/// An hourly job and a person, over some days; one file in three hours.
pub fn normal_life(days: i64) -> Vec<File> {
    let files = (0..days * 8).map(|part| {
        let mut records = Vec::new();
        for hour in part * 3..part * 3 + 3 {
            records.extend((0..3).map(|call| {
                let id = format!("job-{hour}-{call}");
                decrypt(hour * 3_600 + call * 60, "role/job", "job-key", &id)
            }));
            if hour % 24 == 10 {
                let id = format!("ana-{hour}");
                records.push(decrypt(hour * 3_600 + 5, "user/ana", "team-key", &id));
            }
        }
        File {
            stamp: part * 3 * 3_600 + 7_200,
            records,
        }
    });
    files.collect()
}

pub fn burst(day: i64, principal: &str, key: &str, calls: i64) -> File {
    let from = day * DAY + 13 * 3_600;
    let records =
        (0..calls).map(|call| decrypt(from + call, principal, key, &format!("burst-{day}-{call}")));
    File {
        stamp: from + 600,
        records: records.collect(),
    }
}
