//! The baselines over small histories: what scores, what does not, and what changes nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use keytrail_detect::baseline::constants::SCORE_FLOOR;
use keytrail_detect::baseline::{
    AccountBaseline, Bases, DayFacts, DayJudge, NoSurroundings, Seal, fold, score,
};
use keytrail_detect::tally::Tally;
use keytrail_event::{Day, EventTime, Issue, Reader, Record, Sink};
use proptest::prelude::*;

const ACCOUNT: &str = "111122223333";
/// A Monday.
const FIRST_DAY: i64 = 19_723;

struct Count<'t>(&'t mut Tally);

impl Sink for Count<'_> {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// One call.
#[derive(Debug, Clone)]
struct Call {
    second: i64,
    principal: &'static str,
    operation: &'static str,
    key: &'static str,
    network: u8,
    denied: bool,
    via_s3: bool,
}

impl Call {
    fn new(second: i64, principal: &'static str, key: &'static str) -> Self {
        Self {
            second,
            principal,
            operation: "Decrypt",
            key,
            network: 7,
            denied: false,
            via_s3: false,
        }
    }

    fn json(&self, day: i64, number: usize) -> String {
        let time = Day::from_days_since_1970(FIRST_DAY + day)
            .start()
            .plus_seconds(self.second);
        let error = if self.denied {
            r#","errorCode":"AccessDenied""#
        } else {
            ""
        };
        let (source, agent, invoked_by) = if self.via_s3 {
            let s3 = "s3.amazonaws.com".to_owned();
            (s3.clone(), s3, r#","invokedBy":"s3.amazonaws.com""#)
        } else {
            let address = format!("198.{}.100.7", self.network);
            (address, "aws-cli/2.15.1".to_owned(), "")
        };
        let region = if self.key.starts_with("far-") {
            "us-east-1"
        } else {
            "eu-west-1"
        };
        // A replica has the id of its primary key.
        let is_replica = self.key.starts_with("far-mrk-");
        let id = self
            .key
            .trim_start_matches(if is_replica { "far-" } else { "" });
        format!(
            r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"{}","awsRegion":"{region}","sourceIPAddress":"{source}","userAgent":"{agent}","eventID":"{day}-{number}","recipientAccountId":"{ACCOUNT}"{error},"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::{ACCOUNT}:{}","accountId":"{ACCOUNT}"{invoked_by}}},"resources":[{{"ARN":"arn:aws:kms:{region}:{ACCOUNT}:key/{}"}}]}}"#,
            self.operation, self.principal, id
        )
    }
}

fn tally(day: i64, calls: &[Call]) -> Tally {
    let mut tally = Tally::default();
    for (number, call) in calls.iter().enumerate() {
        Reader::default().read(call.json(day, number).as_bytes(), &mut Count(&mut tally));
    }
    tally
}

fn with_facts<R>(day: i64, calls: &[Call], then: impl FnOnce(&DayFacts<'_>) -> R) -> R {
    let tally = tally(day, calls);
    let facts = DayFacts::gather(
        ACCOUNT,
        Day::from_days_since_1970(FIRST_DAY + day),
        &tally.symbols,
        tally.cells.iter(),
        &[],
        &NoSurroundings,
    );
    then(&facts)
}

/// A job that uses its key every hour, and a person who uses another one on weekdays.
fn normal_day(day: i64) -> Vec<Call> {
    let mut calls: Vec<Call> = (0..24)
        .flat_map(|hour| {
            (0..6 + hour % 3)
                .map(move |call| Call::new(hour * 3_600 + call * 60, "role/job", "job-key"))
        })
        .collect();
    if day % 7 < 5 {
        for hour in 9..17 {
            let mut call = Call::new(hour * 3_600 + 30, "user/ana", "team-key");
            call.network = 51;
            calls.push(call);
        }
    }
    calls
}

/// The bases through the day before `days` and the one before that.
fn bases(days: i64) -> (AccountBaseline, AccountBaseline) {
    let (mut early, mut late) = (AccountBaseline::default(), AccountBaseline::default());
    for day in 0..days {
        let bases = Bases {
            early: &early,
            late: &late,
        };
        let (next, _) = with_facts(day, &normal_day(day), |facts| fold(bases, facts));
        early = std::mem::replace(&mut late, next);
    }
    (early, late)
}

type Scores = BTreeMap<(String, u8), f64>;

fn scores(
    (early, late): &(AccountBaseline, AccountBaseline),
    day: i64,
    calls: &[Call],
    seal: Seal,
) -> Scores {
    with_facts(day, calls, |facts| {
        let scored = score(Bases { early, late }, facts, seal);
        scored
            .iter()
            .map(|hour| {
                let name = facts.principals[hour.principal as usize].name.to_owned();
                ((name, hour.hour), hour.score)
            })
            .collect()
    })
}

fn highest(scores: &Scores) -> f64 {
    scores.values().copied().fold(0.0, f64::max)
}

#[test]
fn a_normal_day_scores_nothing() {
    let bases = bases(21);
    let normal = highest(&scores(&bases, 21, &normal_day(21), Seal::Final));
    assert!(normal < 4.0, "{normal}");
}

/// A job around the clock, a person on weekdays, and a worker whose load is never twice the same.
fn day_of_three(day: i64) -> Vec<Call> {
    let mut calls = normal_day(day);
    let mut draw = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(day as u64 + 1);
    for hour in 6..20 {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        for call in 0..3 + (draw % 12) as i64 {
            let mut call = Call::new(hour * 3_600 + call * 200, "role/worker", "job-key");
            call.via_s3 = true;
            calls.push(call);
        }
    }
    calls
}

#[test]
fn sixty_days_of_three_principals_without_an_attack_raise_nothing() {
    let (mut early, mut late) = (AccountBaseline::default(), AccountBaseline::default());
    for day in 0..60 {
        let calls = day_of_three(day);
        if day >= 15 {
            let bases = (early.clone(), late.clone());
            let highest = highest(&scores(&bases, day, &calls, Seal::Final));
            let threshold = bases.1.threshold(1.0, SCORE_FLOOR);
            assert!(highest < threshold, "day {day}: {highest} of {threshold}");
        }
        let bases = Bases {
            early: &early,
            late: &late,
        };
        let (next, _) = with_facts(day, &calls, |facts| fold(bases, facts));
        early = std::mem::replace(&mut late, next);
    }
    // And a theft on the next day does not go by.
    let mut theft = day_of_three(60);
    for call in 0..40 {
        let mut call = Call::new(12 * 3_600 + call * 60, "role/worker", "team-key");
        call.network = 203;
        theft.push(call);
    }
    let highest = highest(&scores(&(early, late.clone()), 60, &theft, Seal::Final));
    assert!(highest > late.threshold(1.0, SCORE_FLOOR), "{highest}");
}

#[test]
fn stolen_credentials_score_above_a_busy_hour() {
    let bases = bases(21);
    let with = |add: &[Call]| {
        let mut calls = normal_day(21);
        calls.extend_from_slice(add);
        highest(&scores(&bases, 21, &calls, Seal::Final))
    };
    let busy: Vec<Call> = (0..10)
        .map(|call| Call::new(13 * 3_600 + call, "role/job", "job-key"))
        .collect();
    let stolen: Vec<Call> = (0..30)
        .map(|call| Call {
            network: 203,
            ..Call::new(13 * 3_600 + call, "role/job", "team-key")
        })
        .collect();
    let burst: Vec<Call> = (0..900)
        .map(|call| Call::new(13 * 3_600 + call, "role/job", "job-key"))
        .collect();
    let (busy, stolen, burst) = (with(&busy), with(&stolen), with(&burst));
    assert!(busy < 10.0, "{busy}");
    assert!(stolen > busy + 8.0, "{stolen} against {busy}");
    assert!(burst > busy + 6.0, "{burst} against {busy}");
}

/// The bases after days of normal life with more beside it.
fn bases_with(days: i64, more: impl Fn(i64) -> Vec<Call>) -> (AccountBaseline, AccountBaseline) {
    let (mut early, mut late) = (AccountBaseline::default(), AccountBaseline::default());
    for day in 0..days {
        let mut calls = normal_day(day);
        calls.extend(more(day));
        let bases = Bases {
            early: &early,
            late: &late,
        };
        let (next, _) = with_facts(day, &calls, |facts| fold(bases, facts));
        early = std::mem::replace(&mut late, next);
    }
    (early, late)
}

/// A failover with a multi-Region key: its replica is the key that the job uses every day.
#[test]
fn a_replica_of_a_known_key_is_no_new_key() {
    let usual = |_| vec![Call::new(46_000, "role/job", "mrk-0123")];
    let bases = bases_with(21, usual);
    let with = |key| {
        let mut calls = normal_day(21);
        calls.extend(usual(21));
        calls.push(Call::new(46_800, "role/job", key));
        highest(&scores(&bases, 21, &calls, Seal::Final))
    };
    let (replica, strange) = (with("far-mrk-0123"), with("far-mrk-4567"));
    assert!(strange > replica + 0.5, "{strange} against {replica}");
}

/// Somebody new comes to a key that nobody used for weeks: of a call that was refused it is not said that it used the key,
/// and the first event that is shown is that call.
#[test]
fn of_a_key_that_lay_unused_it_is_told_whether_it_was_used() {
    let bases = bases_with(21, |day| match day {
        ..3 => vec![Call::new(46_000, "role/builder", "old-key")],
        _ => Vec::new(),
    });
    for (denied, outcome) in [(false, "used"), (true, "tried")] {
        let mut calls = normal_day(21);
        let number = calls.len();
        calls.push(Call {
            denied,
            ..Call::new(46_800, "role/job", "old-key")
        });
        with_facts(21, &calls, |facts| {
            let (early, late) = &bases;
            let judge = DayJudge::close(Bases { early, late }, facts);
            let best = judge.scored().max_by(|a, b| a.score.total_cmp(&b.score));
            let best = best.unwrap();
            let reasons = judge.reasons(&best).unwrap();
            let told = reasons.evidence.iter();
            let told: Vec<_> = told.filter(|it| it.feature == "dormant_key").collect();
            assert_eq!(told[0].observed.as_deref(), Some(outcome));
            assert_eq!(told[0].expected.as_deref(), Some("last used on 2024-01-03"));
            let text = "Key old-key: last used on 2024-01-03, 19 days before; ";
            assert!(told[0].text.starts_with(text), "{}", told[0].text);
            let ids = judge.event_ids(&best);
            assert_eq!(ids[0], format!("21-{number}"), "{ids:?}");
        });
    }
}

/// Two accounts: in one, roles come to keys all the time that nobody used before.
#[test]
fn a_key_nobody_used_is_less_news_where_such_keys_come_often() {
    let come = |day: i64| {
        let builder = Call::new(46_000, "role/builder", "builder-key");
        let key = format!("key-of-day-{day}").leak();
        vec![builder, Call::new(46_060, "role/builder", key)]
    };
    let stay = |_| vec![Call::new(46_000, "role/builder", "builder-key")];
    let with = |bases: &(AccountBaseline, AccountBaseline)| {
        let mut calls = normal_day(21);
        calls.push(Call::new(46_800, "role/job", "unknown-key"));
        highest(&scores(bases, 21, &calls, Seal::Final))
    };
    let (often, never) = (with(&bases_with(21, come)), with(&bases_with(21, stay)));
    assert!(never > often + 1.0, "{never} against {often}");
}

/// A role nobody knew opens two keys that are used every day: one that only ever had its job, and one that other roles
/// come to all the time.
#[test]
fn a_stranger_is_more_news_on_a_closed_key_than_on_an_open_one() {
    const ROLES: [&str; 7] = [
        "role/alpha",
        "role/bravo",
        "role/coral",
        "role/delta",
        "role/ember",
        "role/frost",
        "role/grove",
    ];
    let of_day = |day: i64| {
        let role = ROLES[day as usize % ROLES.len()];
        vec![Call::new(40_000, role, "open-key")]
    };
    let bases = bases_with(21, of_day);
    let with = |key| {
        let mut calls = normal_day(21);
        calls.push(Call::new(40_000, "role/stranger", key));
        let scores = scores(&bases, 21, &calls, Seal::Final);
        scores[&(format!("arn:aws:iam::{ACCOUNT}:role/stranger"), 11)]
    };
    let (closed, open) = (with("job-key"), with("open-key"));
    assert!(closed > open + 1.0, "{closed} against {open}");
}

/// A failover: the key is new because the Region is, and the two say the same.
#[test]
fn a_key_in_a_new_region_is_no_more_news_than_the_key_of_another_at_home() {
    let bases = bases(21);
    let with = |key| {
        let mut calls = normal_day(21);
        calls.push(Call::new(13 * 3_600, "role/job", key));
        highest(&scores(&bases, 21, &calls, Seal::Final))
    };
    let (far, of_another) = (with("far-key"), with("team-key"));
    assert!(far <= of_another, "{far} against {of_another}");
}

/// A volume is attached: EC2 makes the grant for itself, and nobody else gets anything.
#[test]
fn a_grant_that_a_service_makes_is_less_news_than_one_that_is_asked_for() {
    let bases = bases(21);
    let with = |via_s3| {
        let mut calls = normal_day(21);
        // The service is new for her either way.
        calls.push(Call {
            via_s3: true,
            ..Call::new(13 * 3_600 + 1, "user/ana", "team-key")
        });
        calls.push(Call {
            operation: "CreateGrant",
            via_s3,
            ..Call::new(13 * 3_600, "user/ana", "team-key")
        });
        let scores = scores(&bases, 21, &calls, Seal::Final);
        scores[&(format!("arn:aws:iam::{ACCOUNT}:user/ana"), 13)]
    };
    let (direct, of_a_service) = (with(false), with(true));
    assert!(direct > of_a_service, "{direct} against {of_a_service}");
}

#[test]
fn the_fold_of_the_same_days_is_the_same_to_the_last_bit() {
    let (once, twice) = (bases(18), bases(18));
    assert_eq!(once.1.encode(), twice.1.encode());
    let decoded = AccountBaseline::decode(&once.1.encode()).unwrap();
    assert_eq!(decoded, once.1);
    assert_eq!(decoded.encode(), once.1.encode());
}

#[test]
fn an_account_is_small() {
    let (_, late) = bases(60);
    let (principals, keys, pairs) = late.entities();
    assert_eq!((principals, keys, pairs), (2, 2, 2));
    let bytes = late.encode().len();
    // Calibrations of the classes take most of it; a principal takes its bound at most.
    assert!(bytes < 80_000, "{bytes}");
}

fn call() -> impl Strategy<Value = Call> {
    (
        (0..24_i64, 0..3_600_i64),
        prop_oneof![Just("role/job"), Just("user/ana"), Just("user/eve")],
        prop_oneof![
            4 => Just("Decrypt"),
            1 => Just("DescribeKey"),
            1 => Just("DisableKey"),
            1 => Just("CreateGrant"),
        ],
        prop_oneof![
            Just("job-key"),
            Just("team-key"),
            Just("strange-key"),
            Just("far-key"),
        ],
        prop_oneof![Just(7_u8), Just(51), Just(203)],
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |((hour, second), principal, operation, key, network, denied, via_s3)| Call {
                second: hour * 3_600 + second,
                principal,
                operation,
                key,
                network,
                denied,
                via_s3,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_provisional_score_never_falls_and_never_exceeds_the_final_one(
        calls in proptest::collection::vec(call(), 1..120),
        cut in 0..120_usize,
    ) {
        static BASES: std::sync::LazyLock<(AccountBaseline, AccountBaseline)> =
            std::sync::LazyLock::new(|| bases(17));
        let part = scores(&BASES, 17, &calls[..cut.min(calls.len())], Seal::Provisional);
        let whole = scores(&BASES, 17, &calls, Seal::Provisional);
        let last = scores(&BASES, 17, &calls, Seal::Final);
        for (hour, score) in &part {
            prop_assert!(*score <= whole[hour] + 1e-9, "{hour:?}: {score} above {}", whole[hour]);
        }
        for (hour, score) in &whole {
            prop_assert!(*score <= last[hour] + 1e-9, "{hour:?}: {score} above {}", last[hour]);
        }
    }

    #[test]
    fn the_order_of_records_changes_nothing(
        calls in proptest::collection::vec(call(), 1..60),
    ) {
        let mut backwards = calls.clone();
        backwards.reverse();
        let base = AccountBaseline::default();
        let of = |calls: &[Call]| with_facts(0, calls, |facts| {
            let (next, scored) = fold(Bases { early: &base, late: &base }, facts);
            (next.encode(), scored.iter().map(|hour| hour.score.to_bits()).collect::<Vec<_>>())
        });
        prop_assert_eq!(of(&calls).0.len(), of(&backwards).0.len());
        prop_assert_eq!(of(&calls), of(&backwards));
    }
}

#[test]
fn times_are_what_they_seem() {
    let monday = EventTime::parse("2024-01-01T00:00:00Z").unwrap();
    assert_eq!(monday.day(), Day::from_days_since_1970(FIRST_DAY));
}
