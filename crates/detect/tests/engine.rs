//! The engine over small histories: what it finds, and what changes nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

use keytrail_detect::base::Base;
use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::finding::{Evidence, Finding, FindingState, Severity};
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Repeat, Sink};
use proptest::prelude::*;

const DAY: i64 = 86_400;
const START: i64 = 1_700_006_400; // 2023-11-15T00:00:00Z

/// A file: its stamp, and its records as JSON.
#[derive(Debug, Clone)]
struct File {
    stamp: i64,
    records: Vec<String>,
}

struct Count<'t>(&'t mut Tally, Option<EventTime>);

impl Sink for Count<'_> {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, self.1);
    }
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        self.0.add_repeat(repeat, self.1)
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

fn decrypt(second: i64, principal: &str, key: &str, id: &str) -> String {
    let time = EventTime::from_unix_seconds(START + second);
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.15.1","eventID":"{id}","recipientAccountId":"111122223333","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:{principal}","accountId":"111122223333"}},"resources":[{{"ARN":"arn:aws:kms:eu-west-1:111122223333:key/{key}"}}]}}"#
    )
}

fn tally(file: &File) -> Tally {
    let mut tally = Tally::default();
    let stamp = Some(EventTime::from_unix_seconds(START + file.stamp));
    for record in &file.records {
        Reader::default().read(record.as_bytes(), &mut Count(&mut tally, stamp));
    }
    tally
}

/// Replays files in the order of their stamps, merging `batch` of them before each tick; twice where
/// records come after their day has closed.
fn replay(files: &[File], batch: usize) -> (Vec<Finding>, State) {
    let (findings, state) = pass(files, batch, State::default());
    if state.has_afterwards() {
        return pass(files, batch, State::knowing(state.into_afterwards()));
    }
    (findings, state)
}

fn pass(files: &[File], batch: usize, state: State) -> (Vec<Finding>, State) {
    pass_with(files, batch, state, &Configuration::default())
}

fn pass_with(
    files: &[File],
    batch: usize,
    mut state: State,
    configuration: &Configuration,
) -> (Vec<Finding>, State) {
    let mut files: Vec<&File> = files.iter().collect();
    files.sort_by_key(|file| file.stamp);
    let mut findings = std::collections::BTreeMap::new();
    let mut emit = |plan: keytrail_detect::plan::Plan| {
        for finding in plan.findings {
            let finding = finding.unpack();
            findings.insert(finding.episode.clone(), finding);
        }
    };
    let mut newest = EventTime::from_unix_seconds(START);
    for group in files.chunks(batch) {
        // The clock of a group is that of its first file: no later file may come too late for it.
        let clock = EventTime::from_unix_seconds(START + group[0].stamp);
        engine::advance(
            &mut state,
            clock,
            configuration,
            &engine::OneByOne,
            &mut emit,
        );
        for file in group {
            state.absorb(tally(file));
            newest = EventTime::from_unix_seconds(START + file.stamp);
        }
    }
    engine::finish(
        &mut state,
        newest,
        configuration,
        &engine::OneByOne,
        &mut emit,
    );
    (findings.into_values().collect(), state)
}

/// An hourly job and a person, over some days; one file an hour.
fn normal_life(days: i64) -> Vec<File> {
    let hours = (0..days * 24).map(|hour| {
        let mut records: Vec<String> = (0..6)
            .map(|call| {
                decrypt(
                    hour * 3_600 + call * 60,
                    "role/job",
                    "job-key",
                    &format!("job-{hour}-{call}"),
                )
            })
            .collect();
        if hour % 24 == 10 {
            records.push(decrypt(
                hour * 3_600 + 5,
                "user/ana",
                "team-key",
                &format!("ana-{hour}"),
            ));
        }
        File {
            stamp: hour * 3_600 + 3_900,
            records,
        }
    });
    hours.collect()
}

fn burst(day: i64, principal: &str, key: &str, calls: i64) -> File {
    let from = day * DAY + 13 * 3_600;
    let records =
        (0..calls).map(|call| decrypt(from + call, principal, key, &format!("burst-{day}-{call}")));
    File {
        stamp: from + 600,
        records: records.collect(),
    }
}

#[test]
fn a_normal_life_raises_nothing() {
    let (findings, state) = replay(&normal_life(30), 1);
    assert_eq!(findings, []);
    assert_eq!(state.distinct(), 30 * (24 * 6 + 1));
}

/// A job that varies, a person in office hours with two keys, and a batch on Sundays, without two days alike.
fn three_lives(days: i64) -> Vec<File> {
    let mut state = 11_u64;
    let mut draw = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 33) % below) as i64
    };
    let hours = (0..days * 24).map(|hour| {
        let (day, of_day) = (hour / 24, hour % 24);
        let is_weekend = day % 7 >= 5;
        let mut records = Vec::new();
        let mut calls = |principal: &str, key: &str, count: i64| {
            for call in 0..count {
                let id = format!("{principal}-{key}-{hour}-{call}");
                records.push(decrypt(hour * 3_600 + call * 20, principal, key, &id));
            }
        };
        calls("role/job", "job-key", 4 + draw(12));
        if !is_weekend && (7..17).contains(&of_day) && draw(3) > 0 {
            let key = if draw(4) == 0 {
                "archive-key"
            } else {
                "team-key"
            };
            calls("user/ana", key, 1 + draw(4));
        }
        if day % 7 == 6 && (2..4).contains(&of_day) {
            calls("role/weekly", "archive-key", 20 + draw(30));
        }
        File {
            stamp: hour * 3_600 + 3_900,
            records,
        }
    });
    hours.collect()
}

#[test]
fn sixty_days_of_three_principals_raise_nothing() {
    let (findings, _) = replay(&three_lives(60), 1);
    let from = START + 15 * DAY;
    let judged = findings
        .iter()
        .filter(|finding| finding.last_seen.unix_seconds() >= from);
    assert_eq!(judged.collect::<Vec<_>>(), Vec::<&Finding>::new());
}

#[test]
fn a_burst_above_all_history_is_a_rate() {
    let mut files = normal_life(20);
    files.push(burst(18, "role/job", "job-key", 2_500));
    let (findings, _) = replay(&files, 1);
    let [finding] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert!(finding.rule.starts_with("rate-"), "{}", finding.rule);
    assert_eq!(finding.state, FindingState::Final);
    assert!(finding.title.starts_with("job: "), "{}", finding.title);
    let total: f64 = finding
        .evidence
        .iter()
        .filter(|evidence| evidence.feature != "rarity")
        .filter_map(|evidence| evidence.weight)
        .sum();
    let rarity = finding
        .evidence
        .iter()
        .find(|evidence| evidence.feature == "rarity")
        .and_then(|evidence| evidence.weight)
        .unwrap();
    // The score can be worked out again from what the finding holds.
    let score = rarity + 1.5 * total.min(20.0);
    assert!(
        (score - finding.score).abs() < 0.2,
        "{score} {}",
        finding.score
    );
}

#[test]
fn a_key_used_by_somebody_new_is_news() {
    let mut files = normal_life(20);
    files.push(burst(18, "user/ana", "job-key", 600));
    let (findings, _) = replay(&files, 1);
    let [finding] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert!(finding.principal.as_deref().unwrap().ends_with("user/ana"));
    let new_key = finding
        .evidence
        .iter()
        .find(|evidence| evidence.feature == "key")
        .unwrap();
    assert_eq!(new_key.observed.as_deref(), Some("job-key"));
    assert!(new_key.one_in.unwrap() > 50.0, "{new_key:?}");
}

#[test]
fn while_an_account_is_learnt_only_people_who_call_much_are_told() {
    let mut files = normal_life(10);
    files.push(burst(8, "role/job", "team-key", 600));
    assert_eq!(replay(&files, 1).0, []);
    files.push(burst(8, "user/ana", "job-key", 600));
    let (findings, _) = replay(&files, 1);
    let told: Vec<_> = findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.severity))
        .collect();
    assert_eq!(told, [("rate-pair", Severity::Low)]);
    let learning = |evidence: &Evidence| evidence.feature == "learning";
    assert!(findings[0].evidence.iter().any(learning));
    // Six hundred calls are more than a cell counts exactly.
    assert!(
        findings[0].title.contains(" made ≈"),
        "{}",
        findings[0].title
    );
    let estimate = |evidence: &Evidence| evidence.feature == "estimate";
    assert!(findings[0].evidence.iter().any(estimate));
}

/// A change to a key by a person; refused when an error code is given.
fn change(
    second: i64,
    operation: &str,
    key: &str,
    request: &str,
    error: Option<&str>,
    id: &str,
) -> String {
    let record =
        decrypt(second, "user/ana", key, id).replace("\"Decrypt\"", &format!("\"{operation}\""));
    let error = error
        .map(|code| format!(r#","errorCode":"{code}""#))
        .unwrap_or_default();
    let tail = format!(r#","requestParameters":{request}{error}}}"#);
    format!("{}{tail}", &record[..record.len() - 1])
}

fn file(second: i64, records: Vec<String>) -> File {
    File {
        stamp: second + 300,
        records,
    }
}

fn counts(files: &[File]) -> Vec<(String, u64)> {
    let (findings, _) = replay(files, 1);
    findings
        .into_iter()
        .map(|finding| (finding.rule, finding.count))
        .collect()
}

#[test]
fn a_base_survives_as_bytes() {
    let mut files = normal_life(5);
    files.push(file(
        600,
        vec![change(600, "DisableKey", "job-key", "{}", None, "disable")],
    ));
    let (_, state) = replay(&files, 1);
    let (_, base) = state.bases().next().unwrap();
    let bytes = base.encode();
    assert_eq!(&Base::decode(&bytes).unwrap(), base);
    assert_eq!(Base::decode(&bytes).unwrap().encode(), bytes);
    for damaged in [&bytes[..bytes.len() / 2], &[], &[0xff, 1, 2]] {
        assert!(Base::decode(damaged).is_err());
    }
}

/// A silence that goes on ends with the day, which is no moment of the next hour.
#[test]
fn a_base_does_not_depend_on_when_the_day_was_closed() {
    let mut files = normal_life(15);
    let elsewhere = |hour: i64| {
        let second = 15 * DAY + hour * 3_600;
        let record = decrypt(second, "role/job", "job-key", &format!("elsewhere-{hour}"));
        file(second, vec![record.replace("eu-west-1", "us-east-1")])
    };
    files.extend((0..24).map(elsewhere));
    let closed_at = |seconds: i64| {
        let mut files = files.clone();
        files.push(File {
            stamp: 16 * DAY + CLOSE_LAG_SECONDS + seconds,
            records: Vec::new(),
        });
        let (findings, state) = replay(&files, 1);
        let is_silence = |finding: &&Finding| finding.rule == "log-silence";
        let silence = findings.iter().find(is_silence).unwrap();
        assert_eq!(silence.state, FindingState::Final);
        state.bases().next().unwrap().1.encode()
    };
    assert_eq!(closed_at(0), closed_at(3 * 3_600));
}

#[test]
fn being_refused_once_does_not_make_a_thief_known() {
    let mut files = normal_life(20);
    let refused = decrypt(17 * DAY + 10 * 3_600, "user/ana", "job-key", "refused")
        .replace("\"eventID\"", "\"errorCode\":\"AccessDenied\",\"eventID\"");
    files.push(file(17 * DAY + 10 * 3_600, vec![refused]));
    files.push(burst(18, "user/ana", "job-key", 600));
    let (findings, _) = replay(&files, 1);
    let is_news = |finding: &Finding| {
        finding
            .evidence
            .iter()
            .any(|evidence| evidence.feature == "key")
    };
    assert!(
        matches!(&findings[..], [finding] if is_news(finding)),
        "{findings:?}"
    );
}

#[test]
fn an_archive_that_ends_at_midnight_judges_nothing_twice() {
    let before = change(DAY - 600, "DisableKey", "job-key", "{}", None, "disable");
    let after = decrypt(DAY + 180, "role/job", "other-key", "after");
    let files = [File {
        stamp: DAY - 300,
        records: vec![before, after],
    }];
    assert_eq!(counts(&files), [("key-disabled".to_owned(), 1)]);
}

#[test]
fn a_copy_delivered_after_its_day_closed_counts_once() {
    let disable = || vec![change(600, "DisableKey", "job-key", "{}", None, "disable")];
    let copy = File {
        stamp: 20 * DAY,
        records: disable(),
    };
    let files = [
        file(600, disable()),
        file(10 * DAY, vec![decrypt(10 * DAY, "role/job", "k", "x")]),
        copy,
    ];
    assert_eq!(counts(&files), [("key-disabled".to_owned(), 1)]);
}

#[test]
fn a_harmless_refusal_does_not_hide_the_next_one() {
    let grant = |second, grantee: &str, id| {
        let request = format!(r#"{{"granteePrincipal":"{grantee}","operations":["Encrypt"]}}"#);
        change(
            second,
            "CreateGrant",
            "job-key",
            &request,
            Some("AccessDenied"),
            id,
        )
    };
    let own = grant(600, "arn:aws:iam::111122223333:role/own", "1");
    let foreign = grant(900, "arn:aws:iam::999988887777:role/theirs", "2");
    assert_eq!(
        counts(&[file(900, vec![own, foreign])]),
        [("grant-external".to_owned(), 1)]
    );
}

#[test]
fn an_old_change_delivered_late_does_not_undo_a_newer_one() {
    let alias = |second, key: &str, id| {
        change(
            second,
            "UpdateAlias",
            key,
            r#"{"aliasName":"alias/a"}"#,
            None,
            id,
        )
    };
    let late = File {
        stamp: 6 * DAY,
        records: vec![alias(DAY, "old-key", "0")],
    };
    let files = [
        file(3 * DAY, vec![alias(3 * DAY, "new-key", "1")]),
        late,
        file(8 * DAY, vec![alias(8 * DAY, "new-key", "2")]),
        file(12 * DAY, vec![decrypt(12 * DAY, "role/job", "k", "x")]),
    ];
    let repointed = counts(&files)
        .into_iter()
        .filter(|(rule, ..)| rule == "alias-repointed");
    // The first sight of the alias, and the late one; the last change points where it pointed.
    assert_eq!(repointed.count(), 2);
}

fn findings_as_text(files: &[File], batch: usize) -> String {
    serde_json::to_string_pretty(&replay(files, batch).0).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn order_repetition_and_division_change_nothing(
        seed in any::<u64>(),
        batch in 1_usize..5,
    ) {
        let mut files = normal_life(17);
        files.push(burst(15, "role/job", "job-key", 150));
        files.push(burst(16, "user/ana", "job-key", 1_500));
        let expected = findings_as_text(&files, 1);
        prop_assert!(expected.contains("user/ana"));
        let mut mixed = Vec::new();
        for (n, file) in files.iter().enumerate() {
            let turn = seed.rotate_left(n as u32 % 64);
            let mut records = file.records.clone();
            if turn & 1 == 1 {
                records.reverse();
            }
            let cut = (turn >> 1) as usize % (records.len() + 1);
            let (a, b) = records.split_at(cut);
            mixed.push(File { stamp: file.stamp, records: b.to_vec() });
            mixed.push(File { stamp: file.stamp, records: a.to_vec() });
            if turn & 6 == 6 {
                mixed.push(file.clone());
            }
        }
        mixed.rotate_left(seed as usize % files.len());
        prop_assert_eq!(findings_as_text(&mixed, batch), expected);
    }
}
