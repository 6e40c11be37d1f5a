//! The simulated organisation: what rules say of an ordinary life, and of each attack on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use keytrail_detect::rules;
use keytrail_event::{Day, EventTime};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const HOME: &str = "111122223333";

/// The findings of rules, and not of behaviours, over these files.
fn findings_of_rules(sandbox: &Sandbox, files: &str) -> Vec<Value> {
    let ran = sandbox.keytrail(&format!("replay {files} --format json --quiet"));
    let all: Vec<Value> = serde_json::from_slice(&ran.stdout).unwrap();
    let is_of_rule = |finding: &Value| rules::find(text(finding, "rule")).is_some();
    all.into_iter().filter(is_of_rule).collect()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn time(value: &Value, field: &str) -> EventTime {
    EventTime::parse(text(value, field)).unwrap()
}

fn simulate(sandbox: &Sandbox, words: &str) {
    let ran = sandbox.keytrail(&format!(
        "simulate --organisation --out organisation {words}"
    ));
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn an_ordinary_month_is_quiet() {
    let sandbox = Sandbox::new();
    simulate(&sandbox, "--days 30 --seed 3 --volume 10 --attacks none");
    let findings = findings_of_rules(&sandbox, "organisation/AWSLogs");
    assert!(!findings.is_empty(), "the low ones are there");
    let mut weeks: BTreeMap<(&str, i64), Vec<&str>> = BTreeMap::new();
    for finding in &findings {
        let severity = text(finding, "severity");
        assert!(["low", "medium"].contains(&severity), "{finding:#}");
        if severity == "medium" {
            let begun = Day::days_since_1970(time(finding, "first_seen").day());
            let first = EventTime::parse("2026-01-05T00:00:00Z").unwrap().day();
            let week = (begun - first.days_since_1970()) / 7;
            let of_week = weeks.entry((text(finding, "account"), week)).or_default();
            of_week.push(text(finding, "title"));
        }
    }
    for ((account, week), titles) in weeks {
        assert!(titles.len() <= 1, "{account}, week {week}: {titles:#?}");
    }
}

/// The findings of behaviours from the day on which learning has ended, and the weeks from there to the end.
fn findings_by_behaviour(sandbox: &Sandbox, days: u32) -> (Vec<Value>, f64) {
    let ran = sandbox.keytrail("replay organisation/AWSLogs --format json --quiet");
    let all: Vec<Value> = serde_json::from_slice(&ran.stdout).unwrap();
    let learnt = EventTime::parse(FIRST_DAY)
        .unwrap()
        .plus_seconds(15 * 86_400);
    let is_counted = |finding: &Value| {
        rules::find(text(finding, "rule")).is_none() && time(finding, "last_seen") >= learnt
    };
    let of_behaviour = all.into_iter().filter(is_counted).collect();
    (of_behaviour, f64::from(days - 15) / 7.0)
}

#[test]
fn an_ordinary_month_has_at_most_one_finding_by_behaviour_a_week() {
    let mut severities = Vec::new();
    for seed in [3, 31] {
        let sandbox = Sandbox::new();
        let words = format!("--days 30 --seed {seed} --volume 10 --attacks none");
        simulate(&sandbox, &words);
        let (findings, weeks) = findings_by_behaviour(&sandbox, 30);
        let titles: Vec<&str> = findings.iter().map(|found| text(found, "title")).collect();
        assert!(titles.len() as f64 <= weeks, "seed {seed}: {titles:#?}");
        let of_seed = findings.iter().map(|found| text(found, "severity"));
        severities.extend(of_seed.map(str::to_owned));
    }
    // The two months have the first user of a key in a month, which is low, and a restore, which looks like a theft. When the
    // floor made every level of a quiet account, both were high.
    severities.sort();
    assert_eq!(severities, ["high", "low"]);
}

/// The budget knows no labels and no days to come: attacks take from it what false alerts do not.
#[test]
fn the_budget_holds_without_hindsight() {
    const FINDINGS_A_DAY: f64 = 1.0;
    let sandbox = Sandbox::new();
    simulate(&sandbox, "--days 48 --seed 1 --volume 8 --attack-count 1");
    let (findings, weeks) = findings_by_behaviour(&sandbox, 48);
    let attacks = attacks(&sandbox);
    let is_of_attack = |finding: &&Value| {
        let ids = finding["event_ids"].as_array().unwrap();
        attacks
            .iter()
            .flat_map(|attack| &attack.records)
            .any(|of| ids.contains(&of["eventID"]))
    };
    let found = findings.iter().filter(is_of_attack).count();
    assert!(found > 0, "{findings:#?}");
    let mut false_alerts: BTreeMap<&str, u32> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !is_of_attack(finding)) {
        *false_alerts.entry(text(finding, "account")).or_default() += 1;
    }
    for (account, alerts) in false_alerts {
        let a_day = f64::from(alerts) / (weeks * 7.0);
        assert!(a_day <= 1.2 * FINDINGS_A_DAY, "{account}: {a_day}");
    }
}

/// The first day of a simulated organisation.
const FIRST_DAY: &str = "2026-01-05T00:00:00Z";

#[test]
fn a_sensitive_key_makes_a_finding_one_severity_worse() {
    let sandbox = Sandbox::new();
    let archive = keytrail_tests::root().join("examples/archive");
    let severity = |more: &[&str]| {
        let archive = archive.to_str().unwrap();
        let mut words = vec![
            "replay", archive, "-q", "--format", "jsonl", "--rule", "rate-key",
        ];
        words.extend(more);
        let ran = sandbox.run(words);
        let findings = ran.json_lines();
        assert_eq!(findings.len(), 1, "{ran}");
        let is_told = findings[0].to_string().contains("behaviour.sensitive_keys");
        (text(&findings[0], "severity").to_owned(), is_told)
    };
    sandbox.write("ours.toml", "[behaviour]\nsensitive_keys = [\"*\"]\n");
    sandbox.write(
        "others.toml",
        "[behaviour]\nsensitive_keys = [\"no-key\"]\n",
    );
    assert_eq!(severity(&[]), ("high".to_owned(), false));
    assert_eq!(
        severity(&["--config", "others.toml"]),
        ("high".to_owned(), false)
    );
    assert_eq!(
        severity(&["--config", "ours.toml"]),
        ("critical".to_owned(), true)
    );
}

#[test]
fn the_ordinary_life_of_the_small_organisation_is_quiet() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("simulate --out small --attack none");
    assert_eq!(ran.code, Some(0), "{ran}");
    let findings = findings_of_rules(&sandbox, "small/AWSLogs");
    let grave: Vec<&str> = findings
        .iter()
        .filter(|finding| text(finding, "severity") != "low")
        .map(|finding| text(finding, "title"))
        .collect();
    assert!(grave.len() <= 1, "{grave:#?}");
}

/// An attack's records, by (time, id).
struct Attack {
    id: String,
    records: Vec<Value>,
}

#[test]
fn each_attack_that_a_rule_covers_is_found_on_the_first_event_that_makes_it_true() {
    let sandbox = Sandbox::new();
    simulate(
        &sandbox,
        "--days 48 --seed 1 --volume 8 --attacks grant-abuse,sabotage,enumeration,direct-use --attack-count 3",
    );
    let findings = findings_of_rules(&sandbox, "organisation/AWSLogs");
    let attacks = attacks(&sandbox);
    assert_eq!(attacks.len(), 12);
    let mut covered: BTreeSet<&str> = BTreeSet::new();
    for attack in &attacks {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for (rule, made_by) in expected(attack) {
            covered.insert(rule);
            let is_first = told.insert(rule);
            let making = &attack.records[made_by];
            let (at, id) = (time(making, "eventTime"), text(making, "eventID"));
            // In the whole archive, among everything else.
            let found = findings
                .iter()
                .filter(|finding| text(finding, "rule") == rule);
            let tells = |finding: &&Value| {
                (time(finding, "first_seen")..=time(finding, "last_seen")).contains(&at)
                    && (IS_OF_SET.contains(&rule)
                        || finding["event_ids"]
                            .as_array()
                            .unwrap()
                            .contains(&json!(id)))
            };
            assert!(
                found.clone().any(|it| tells(&it)),
                "{}: no {rule} for {id}",
                attack.id
            );
            // By itself: with this event it is true, with those before it is not.
            if is_first && !NEEDS_HISTORY.contains(&rule) {
                let before = rules_over(&sandbox, &attack.records[..made_by]);
                assert!(!before.contains(rule), "{}: {rule} before {id}", attack.id);
                let with = rules_over(&sandbox, &attack.records[..=made_by]);
                assert!(with.contains(rule), "{}: no {rule} with {id}", attack.id);
            }
        }
    }
    let all: Vec<&str> = covered.into_iter().collect();
    assert_eq!(
        all,
        [
            "cross-account-use",
            "denied-sweep",
            "direct-use-of-service-key",
            "discovery-sweep",
            "grant-broad",
            "grant-delegable",
            "grant-external",
            "key-deletion-scheduled",
            "key-disabled",
            "policy-public",
            "rotation-disabled",
        ]
    );
}

/// Rules over sets name the first and last events of a set.
const IS_OF_SET: [&str; 3] = ["denied-sweep", "discovery-sweep", "key-deletion-bulk"];
/// Rules that hold an attack against what was usual.
const NEEDS_HISTORY: [&str; 1] = ["direct-use-of-service-key"];

/// Which rules cover an attack, each with the index of the record that first makes it true.
fn expected(attack: &Attack) -> Vec<(&'static str, usize)> {
    let mut expected = Vec::new();
    let (mut refused, mut looks, mut ended) =
        (Window::default(), Window::default(), Window::default());
    for (index, record) in attack.records.iter().enumerate() {
        let mut tell = |rule| {
            // A record-by-record rule is true of each key anew; a set is told once.
            if !IS_OF_SET.contains(&rule) || expected.iter().all(|(known, _)| *known != rule) {
                expected.push((rule, index));
            }
        };
        let (at, key) = (time(record, "eventTime"), key_of(record));
        let is_refused = record["errorCode"].is_string();
        match text(record, "eventName") {
            "DisableKeyRotation" => tell("rotation-disabled"),
            "PutKeyPolicy" => tell("policy-public"),
            name @ ("DisableKey" | "ScheduleKeyDeletion") => {
                tell(if name == "DisableKey" {
                    "key-disabled"
                } else {
                    "key-deletion-scheduled"
                });
                if ended.distinct(at, &key, 3_600) >= 3 {
                    tell("key-deletion-bulk");
                }
            }
            "CreateGrant" => {
                let grantee = text(&record["requestParameters"], "granteePrincipal");
                if grantee.contains(&format!(":{HOME}:")) {
                    tell("grant-broad");
                    tell("grant-delegable");
                } else {
                    tell("grant-external");
                }
            }
            "Decrypt" if is_refused => {
                let keys = refused.distinct(at, &key, 3_600);
                if keys >= 5 {
                    tell("denied-sweep");
                }
            }
            "DescribeKey" | "GetKeyPolicy" | "ListAliases" | "ListKeys" => {
                let calls = looks.calls(at, index, 600);
                if calls >= 10 {
                    tell("discovery-sweep");
                }
            }
            _ => {}
        }
    }
    let first_use = |is_wanted: &dyn Fn(&Value) -> bool| {
        let is_use = |record: &Value| {
            text(record, "eventName") == "Decrypt"
                && record["errorCode"].is_null()
                && text(record, "recipientAccountId") == HOME
        };
        let mut records = attack.records.iter();
        records.position(|record| is_use(record) && is_wanted(record))
    };
    if attack.id.starts_with("direct-use") {
        expected.extend(first_use(&|_| true).map(|index| ("direct-use-of-service-key", index)));
    }
    // Only the stranger never came before.
    let is_stranger = |record: &Value| {
        let account = text(&record["userIdentity"], "accountId");
        !account.is_empty() && account != HOME && account != "444455556666"
    };
    expected.extend(first_use(&is_stranger).map(|index| ("cross-account-use", index)));
    expected
}

/// What happened lately.
#[derive(Default)]
struct Window(Vec<(EventTime, String)>);

impl Window {
    fn distinct(&mut self, at: EventTime, key: &str, seconds: i64) -> usize {
        self.0.push((at, key.to_owned()));
        self.0
            .retain(|(time, _)| at.seconds_since(*time) <= seconds);
        let keys: BTreeSet<&str> = self.0.iter().map(|(_, key)| key.as_str()).collect();
        keys.len()
    }

    fn calls(&mut self, at: EventTime, index: usize, seconds: i64) -> usize {
        self.distinct(at, &index.to_string(), seconds)
    }
}

fn key_of(record: &Value) -> String {
    let named = text(&record["resources"][0], "ARN");
    // Refused calls name the key in words only.
    let words = text(record, "errorMessage").split_whitespace();
    let in_words = words
        .into_iter()
        .find(|word| word.starts_with("arn:aws:kms:"));
    if named.is_empty() {
        in_words.unwrap_or_default().to_owned()
    } else {
        named.to_owned()
    }
}

/// The rules that fire over these records alone.
fn rules_over(sandbox: &Sandbox, records: &[Value]) -> BTreeSet<String> {
    sandbox.write("part.json", json!({"Records": records}).to_string());
    let findings = findings_of_rules(sandbox, "part.json");
    findings
        .iter()
        .map(|finding| text(finding, "rule").to_owned())
        .collect()
}

/// The attacks that the labels name, with their records from the archive.
fn attacks(sandbox: &Sandbox) -> Vec<Attack> {
    let labels = sandbox.read("organisation/labels.jsonl");
    let labels = labels
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let labels: Vec<Value> = labels
        .filter(|label: &Value| text(label, "category") == "attack")
        .collect();
    let mut of_event = BTreeMap::new();
    // Folders of the days on which the attacks' records may have been delivered.
    let mut days: BTreeSet<String> = BTreeSet::new();
    for (number, label) in labels.iter().enumerate() {
        let day = |field: &str| {
            let seconds = label[field].as_i64().unwrap();
            EventTime::from_unix_seconds(seconds)
                .day()
                .days_since_1970()
        };
        let delivered = day("first")..=day("last") + 1;
        days.extend(delivered.map(|day| {
            let day = Day::from_days_since_1970(day).to_string();
            format!("/{}/", day.replace('-', "/"))
        }));
        for id in label["event_ids"].as_array().unwrap() {
            of_event.insert(id.as_str().unwrap().to_owned(), number);
        }
    }
    let mut attacks: Vec<Attack> = labels
        .iter()
        .map(|label| Attack {
            id: format!("{} ({})", text(label, "id"), text(label, "strength")),
            records: Vec::new(),
        })
        .collect();
    let archive = sandbox.path().join("organisation/AWSLogs");
    gather(&archive, &days, &mut |record| {
        if let Some(number) = of_event.get(text(&record, "eventID")) {
            attacks[*number].records.push(record);
        }
    });
    for attack in &mut attacks {
        let place = |record: &Value| {
            let (at, id) = (text(record, "eventTime"), text(record, "eventID"));
            (at.to_owned(), id.to_owned())
        };
        attack.records.sort_by_key(place);
        // A second trail delivers some again.
        attack.records.dedup_by_key(|record| place(record));
    }
    attacks
}

/// Hands over every record below a folder that was delivered on these days.
fn gather(folder: &Path, days: &BTreeSet<String>, then: &mut impl FnMut(Value)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, days, then);
        } else if days.iter().any(|day| path.to_string_lossy().contains(day)) {
            let mut text = String::new();
            let mut file = MultiGzDecoder::new(fs::File::open(&path).unwrap());
            file.read_to_string(&mut text).unwrap();
            let mut delivery: Value = serde_json::from_str(&text).unwrap();
            if let Value::Array(records) = delivery["Records"].take() {
                records.into_iter().for_each(&mut *then);
            }
        }
    }
}
