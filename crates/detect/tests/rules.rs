//! Every rule against its fixtures and its place in the catalogue.
#![allow(clippy::unwrap_used, clippy::panic)]
// These tests read fixtures and pages, and rewrite the index when asked to.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::finding::{Finding, Severity};
use keytrail_detect::rules::{self, RULES, Rule};
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Sink};
use serde_json::{Value, json};

#[path = "rules/administration.rs"]
mod administration;
#[path = "rules/benign.rs"]
mod benign;
#[path = "rules/calls.rs"]
mod calls;
#[path = "rules/chains.rs"]
mod chains;
#[path = "rules/deletions.rs"]
mod deletions;
#[path = "rules/encryption.rs"]
mod encryption;
#[path = "rules/evasive.rs"]
mod evasive;
#[path = "rules/grading.rs"]
mod grading;
#[path = "rules/grants.rs"]
mod grants;
#[path = "rules/keys.rs"]
mod keys;
#[path = "rules/pages.rs"]
mod pages;
#[path = "rules/policies.rs"]
mod policies;
#[path = "rules/repeats.rs"]
mod repeats;
#[path = "rules/spans.rs"]
mod spans;
#[path = "rules/ways.rs"]
mod ways;

/// An account of the organisation in every fixture.
const ORGANISATION_ACCOUNT: &str = "777788889999";

/// The organisation of every fixture.
const ORGANISATION: &str = "o-own1234567";

/// The Regions in which keys may be, in every fixture.
const ALLOWED_REGIONS: [&str; 3] = ["us-west-2", "us-east-1", "eu-west-1"];

/// The rules that records fire; others are tested beside their code.
fn rules_over_records() -> impl Iterator<Item = &'static dyn Rule> {
    RULES.into_iter().filter(|rule| rule.is_raised_by_records())
}

struct Count {
    tally: Tally,
    newest: Option<EventTime>,
}

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        let is_wanted = RULES.iter().any(|rule| rule.selects(record));
        assert!(
            !is_wanted || rules::may_be_selected(record),
            "{}",
            record.raw
        );
        self.tally.add(record, None);
        self.newest = self.newest.max(Some(record.time));
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// The findings over these records, to the end of their days, sorted by time.
fn findings_over(records: &[u8]) -> Vec<Finding> {
    let mut configuration = Configuration::default();
    let organisation = &mut configuration.organisation;
    organisation
        .accounts
        .insert(ORGANISATION_ACCOUNT.to_owned());
    organisation.ids.insert(ORGANISATION.to_owned());
    configuration.organisation.allowed_regions = ALLOWED_REGIONS.map(str::to_owned).into();
    findings_under(&configuration, records)
}

/// The findings over these records under a configuration, likewise.
fn findings_under(configuration: &Configuration, records: &[u8]) -> Vec<Finding> {
    let mut count = Count {
        tally: Tally::default(),
        newest: None,
    };
    Reader::default().read(records, &mut count);
    let Some(newest) = count.newest else {
        // Nobody reads these records.
        return Vec::new();
    };
    let mut state = State::default();
    state.absorb(count.tally);
    let mut findings = std::collections::BTreeMap::new();
    let after = newest.plus_seconds(2 * 86_400);
    engine::finish(
        &mut state,
        after,
        configuration,
        &engine::OneByOne,
        |plan| {
            for finding in plan.findings {
                let finding = finding.unpack();
                findings.insert(finding.episode.clone(), finding);
            }
        },
    );
    let mut findings: Vec<Finding> = findings.into_values().collect();
    findings
        .sort_by(|a, b| (a.first_seen, &a.rule, &a.title).cmp(&(b.first_seen, &b.rule, &b.title)));
    findings
}

fn summary(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(
            text,
            "{} {} {:?} x{}: {}",
            finding.rule, finding.severity, finding.state, finding.count, finding.title
        );
        let (principal, key) = (finding.principal.as_deref(), finding.key.as_deref());
        let _ = writeln!(
            text,
            "  by {} on {}",
            principal.unwrap_or("-"),
            key.unwrap_or("-")
        );
        for evidence in &finding.evidence {
            let seen = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let (observed, expected) = (seen(&evidence.observed), seen(&evidence.expected));
            let _ = writeln!(text, "  {}: {observed} / {expected}", evidence.feature);
            let _ = writeln!(text, "    {}", evidence.text);
        }
        for step in &finding.next_steps {
            let _ = writeln!(text, "  > {step}");
        }
    }
    text
}

fn fixture(rule: &str, name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules");
    root.join(rule).join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_rule_fires_on_its_fixture() {
    for rule in rules_over_records() {
        let id = rule.about().id;
        let mut findings = findings_over(read(&fixture(id, "fires.jsonl")).as_bytes());
        // What other rules make of the same records is in their own snapshots.
        findings.retain(|finding| finding.rule == id);
        assert!(!findings.is_empty(), "{id} is silent");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(fixture(id, ""));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("fires", summary(&findings)));
    }
}

#[test]
fn no_rule_fires_on_the_nearest_benign_case() {
    for rule in rules_over_records() {
        let id = rule.about().id;
        let findings = findings_over(read(&fixture(id, "silent.jsonl")).as_bytes());
        let fired: Vec<_> = findings
            .iter()
            .filter(|finding| finding.rule == id)
            .collect();
        assert!(fired.is_empty(), "{id}: {fired:#?}");
    }
}

#[test]
fn the_order_of_records_does_not_matter() {
    for rule in rules_over_records() {
        let text = read(&fixture(rule.about().id, "fires.jsonl"));
        let mut lines: Vec<&str> = text.lines().collect();
        let forward = findings_over(lines.join("\n").as_bytes());
        lines.reverse();
        let twice = [lines.as_slice(), lines.as_slice()].concat();
        assert!(
            findings_over(twice.join("\n").as_bytes()) == forward,
            "{}",
            rule.about().id
        );
    }
}

#[test]
fn fixtures_bring_out_every_severity_a_rule_declares() {
    for rule in rules_over_records() {
        let about = rule.about();
        let findings = findings_over(read(&fixture(about.id, "fires.jsonl")).as_bytes());
        let seen: BTreeSet<Severity> = findings
            .iter()
            .filter(|finding| finding.rule == about.id)
            .map(|finding| finding.severity)
            .collect();
        let declared: BTreeSet<Severity> = about.severities.iter().copied().collect();
        assert!(seen.is_subset(&declared), "{}: {seen:?}", about.id);
        assert!(about.severities.is_sorted(), "{}", about.id);
    }
}

#[test]
fn what_a_rule_repeats_of_a_record_is_bounded() {
    let long = "x".repeat(60_000);
    for rule in rules_over_records() {
        let id = rule.about().id;
        for line in read(&fixture(id, "fires.jsonl")).lines() {
            let text = line.replace("user/eve", &long).replace("management", &long);
            for finding in findings_over(text.as_bytes()) {
                let longest = finding
                    .evidence
                    .iter()
                    .map(|evidence| evidence.text.len())
                    .chain(finding.next_steps.iter().map(String::len))
                    .chain([finding.title.len()])
                    .max();
                assert!(longest < Some(4_096), "{id}: {longest:?}");
            }
        }
    }
}

/// A record of an IAM user, its fields overlaid with others.
fn record(time: &str, name: &str, key: u8, more: Value) -> Value {
    let arn = key_arn(key);
    let mut record = json!({
        "eventVersion": "1.08", "eventTime": time, "eventName": name, "eventSource": "kms.amazonaws.com",
        "awsRegion": "us-west-2", "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.10",
        "eventID": format!("{time}{name}{key}"),
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve", "accountId": "111122223333"},
        "requestParameters": {"keyId": arn}, "resources": [{"ARN": arn}],
    });
    for (field, value) in more.as_object().unwrap() {
        record[field] = value.clone();
    }
    record
}

fn key_arn(key: u8) -> String {
    format!("arn:aws:kms:us-west-2:111122223333:key/{key:08x}-12ab-34cd-56ef-1234567890ab")
}

fn lines(records: &[Value]) -> String {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    lines.join("\n")
}

/// The findings of these records, as (rule, severity, count).
fn check(records: &[Value], expected: &[(&str, &str, u64)]) {
    let findings = findings_over(lines(records).as_bytes());
    assert_eq!(told(&findings), expected, "{}", summary(&findings));
}

/// Findings as (rule, severity, count).
fn told(findings: &[Finding]) -> Vec<(&str, &str, u64)> {
    let told = findings.iter().map(|finding| {
        let (rule, severity) = (finding.rule.as_str(), finding.severity.as_str());
        (rule, severity, finding.count)
    });
    told.collect()
}

#[test]
fn refused_calls_weigh_full_as_a_burst_of_one_principal_only() {
    let refused = |time, key, user: &str| {
        let identity = json!({"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}"), "accountId": "111122223333"});
        let more = json!({"errorCode": "AccessDenied", "userIdentity": identity});
        record(time, "DisableKeyRotation", key, more)
    };
    let [nine, past_nine, almost_ten_past, ten_past] = [
        "2024-03-05T08:59:00Z",
        "2024-03-05T09:01:00Z",
        "2024-03-05T09:08:59Z",
        "2024-03-05T09:09:00Z",
    ];
    let rule = "rotation-disabled";
    let eve = |time, key| refused(time, key, "eve");
    // On one key, over the turn of an hour.
    check(
        &[eve(nine, 1), eve(past_nine, 1), eve(almost_ten_past, 1)],
        &[(rule, "medium", 3)],
    );
    // On three keys: each of the calls is part of the burst.
    check(
        &[eve(nine, 1), eve(past_nine, 2), eve(almost_ten_past, 3)],
        &[
            (rule, "medium", 1),
            (rule, "medium", 1),
            (rule, "medium", 1),
        ],
    );
    // A second too long.
    check(
        &[eve(nine, 1), eve(past_nine, 1), eve(ten_past, 1)],
        &[(rule, "low", 3)],
    );
    // Three principals.
    check(
        &[
            eve(nine, 1),
            refused(past_nine, 1, "bob"),
            refused(almost_ten_past, 1, "ann"),
        ],
        &[(rule, "low", 1), (rule, "low", 1), (rule, "low", 1)],
    );
}

#[test]
fn an_attempt_and_the_success_after_it_are_two_findings() {
    let refused = record(
        "2024-03-05T09:00:00Z",
        "DisableKey",
        1,
        json!({"errorCode": "AccessDenied"}),
    );
    let made = record("2024-03-05T09:05:00Z", "DisableKey", 1, json!({}));
    check(
        &[refused, made],
        &[("key-disabled", "low", 1), ("key-disabled", "medium", 1)],
    );
}

#[test]
fn the_callers_copy_is_no_business_of_owner_rules() {
    let foreign_key = "arn:aws:kms:us-west-2:444455556666:key/00000009-12ab-34cd-56ef-1234567890ab";
    let request = json!({"keyId": foreign_key, "granteePrincipal": "arn:aws:iam::777700001111:role/x", "operations": ["Decrypt"]});
    let more = json!({"requestParameters": request, "resources": [{"ARN": foreign_key}]});
    check(
        &[record("2024-03-05T09:00:00Z", "CreateGrant", 1, more)],
        &[],
    );
}

#[test]
fn a_service_linked_role_of_another_account_is_external() {
    let grantee = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let more = json!({"requestParameters": {"keyId": key_arn(1), "granteePrincipal": grantee, "operations": ["Decrypt"]}});
    check(
        &[record("2024-03-05T09:00:00Z", "CreateGrant", 1, more)],
        &[("grant-external", "high", 1)],
    );
}

#[test]
fn a_policy_that_cannot_be_read_is_said_to_be_so() {
    let more = json!({"requestParameters": {"keyId": key_arn(1), "policy": "{"}});
    check(
        &[record("2024-03-05T09:00:00Z", "PutKeyPolicy", 1, more)],
        &[("policy-public", "medium", 1)],
    );
}

#[test]
fn without_an_account_nobody_is_locked_out() {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/eve"}, "Action": "kms:*", "Resource": "*"});
    let more = json!({
        "requestParameters": {"policy": json!({"Statement": [statement]}).to_string()},
        "userIdentity": {"type": "AssumedRole"}, "recipientAccountId": null, "resources": [],
    });
    check(
        &[record("2024-03-05T09:00:00Z", "PutKeyPolicy", 1, more)],
        &[],
    );
}

#[test]
fn a_lockout_that_stays_is_told_once() {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/eve"}, "Action": "kms:*", "Resource": "*"});
    let policy = json!({"Statement": [statement]}).to_string();
    let put = |time| {
        let more = json!({"requestParameters": {"keyId": key_arn(1), "policy": policy, "bypassPolicyLockoutSafetyCheck": false}});
        record(time, "PutKeyPolicy", 1, more)
    };
    let twice = ["2024-03-05T09:00:00Z", "2024-03-06T09:00:00Z"].map(put);
    check(&twice, &[("policy-lockout", "medium", 1)]);
}

#[test]
fn a_trail_that_goes_dark_again_is_counted_again() {
    let put = |time, excluded: &[&str]| {
        let selector = json!({"readWriteType": "All", "includeManagementEvents": true, "excludeManagementEventSources": excluded});
        let request = json!({"trailName": "main", "eventSelectors": [selector]});
        let more = json!({"eventSource": "cloudtrail.amazonaws.com", "requestParameters": request, "resources": []});
        record(time, "PutEventSelectors", 0, more)
    };
    let kms = &["kms.amazonaws.com"];
    let records = [
        put("2024-03-05T09:00:00Z", kms),
        put("2024-03-05T10:00:00Z", kms),
        put("2024-03-05T11:00:00Z", &[]),
        put("2024-03-05T12:00:00Z", kms),
    ];
    check(&records, &[("trail-kms-excluded", "critical", 2)]);
}

#[test]
fn a_key_last_used_a_day_and_a_second_ago_is_not_in_use() {
    let application = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/app", "accountId": "111122223333"});
    let decrypt = |time| record(time, "Decrypt", 1, json!({"userIdentity": application}));
    let schedule = record(
        "2024-03-05T09:00:00Z",
        "ScheduleKeyDeletion",
        1,
        json!({"requestParameters": {"keyId": key_arn(1), "pendingWindowInDays": 8}}),
    );
    for (used, severity) in [
        ("2024-03-04T09:00:00Z", "high"),
        ("2024-03-04T08:59:59Z", "medium"),
        ("2024-03-05T09:00:01Z", "medium"),
    ] {
        let records = [decrypt(used), schedule.clone()];
        check(&records, &[("key-deletion-scheduled", severity, 1)]);
    }
}

#[test]
fn the_registry_is_sorted_and_found_by_id() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.about().id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    for id in ids {
        assert_eq!(rules::find(id).map(|rule| rule.about().id), Some(id));
    }
    assert!(rules::find("no-such-rule").is_none());
}
