//! `new-pair`: a principal uses a key for the first time, in an account whose pairs are known.

use keytrail_event::principal::AWS_INTERNAL;
use keytrail_event::{Day, Hour};

use super::{
    AboutBehaviour, Case, Known, Opinion, base_day, calls_in_words, short_principal, span_in_words,
};
use crate::base::Base;
use crate::bounds::LEARNING_DAYS;
use crate::episode::Candidate;
use crate::finding::Evidence;
use crate::uses::HourUse;

/// What it is.
pub const ABOUT: AboutBehaviour = AboutBehaviour {
    id: "new-pair",
    title: "A principal used a key that it never used before",
    attack: ("TA0006", "T1552"),
    practice: "least privilege",
    fires_when: "A principal succeeds with a cryptographic call on a key known for at least three days that it never used, in an account with 14 known days. The score grows with how rarely keys get new users and with the number of calls.",
};

/// Days a key must be known before a new user of it is news.
const KEY_AGE_DAYS_MIN: i64 = 3;
/// Days at the start of an account's history in which every pair is new.
const WARM_UP_DAYS: i64 = 7;
/// Calls that are no more than a look; each doubling beyond them adds to the score.
const FEW_CALLS: f64 = 2.0;
/// Weight of the account's rate of new pairs in a key's own, in pair-days.
const ACCOUNT_WEIGHT: f64 = 5.0;

pub(crate) fn judge(case: &Case<'_>, known: &Known<'_>) -> Option<Candidate> {
    let base = known.base;
    let (first_hour, _) = case.pair.hours.first()?;
    let through = base_day(*first_hour);
    let principal = case.pair.principal;
    let is_aws = principal == AWS_INTERNAL
        || principal.ends_with(".amazonaws.com")
        || principal.starts_with("unknown:");
    if is_aws || known.days_through(through) < LEARNING_DAYS {
        return None;
    }
    let is_known = known
        .history(case.pair)
        .is_some_and(|history| history.through(through).next().is_some());
    let succeeded: u64 = case.pair.hours.iter().map(|(_, use_)| use_.succeeded).sum();
    if is_known || succeeded == 0 {
        return None;
    }
    let key = KeyHistory::gather(base, case.pair.key, through)?;
    if through.days_since_1970() - key.first_day.days_since_1970() < KEY_AGE_DAYS_MIN {
        return None;
    }
    let rate = new_pair_rate(known, base, &key, through);
    let one_in = 1.0 / rate;
    let hours: Vec<(Hour, &HourUse<'_>)> = case
        .pair
        .hours
        .iter()
        .map(|(hour, use_)| (*hour, use_))
        .collect();
    let calls: u64 = hours.iter().map(|(_, use_)| use_.calls).sum();
    let history = format!(
        "{} on {} pair-days since {}",
        match key.principals {
            1 => "1 principal".to_owned(),
            principals => format!("{principals} principals"),
        },
        key.pair_days,
        key.first_day
    );
    let text = format!(
        "First use of this key by this principal; {history}, {} of them new after the first week: a pair-day is a first one 1 in {one_in:.0} times.",
        key.new_principals
    );
    let evidence = Evidence {
        feature: "new_pair".to_owned(),
        observed: Some(format!("{calls} calls")),
        expected: Some("no use".to_owned()),
        one_in: Some((one_in * 10.0).round() / 10.0),
        history: Some(history),
        weight: Some(1.0),
        text,
    };
    let days = known.days_through(through) as f64;
    let opinion = Opinion {
        score: one_in.log10() + 1.5 * (1.0 + calls as f64 / FEW_CALLS).log2().min(12.0),
        confidence: days / (days + 7.0),
        title: format!(
            "{} used key {} for the first time: {} calls within {}",
            short_principal(case.pair.principal),
            keytrail_event::key::short_key_name(case.pair.key),
            calls_in_words(&hours),
            span_in_words(&hours)
        ),
        evidence: vec![evidence],
    };
    case.candidate(&ABOUT, &hours, opinion)
}

/// Who used a key before.
struct KeyHistory {
    first_day: Day,
    principals: u64,
    /// Principals whose first day lies behind the account's warm-up.
    new_principals: u64,
    pair_days: u64,
}

impl KeyHistory {
    fn gather(base: &Base, key: &str, through: Day) -> Option<Self> {
        let warm_up = base.first_day?.plus_days(WARM_UP_DAYS);
        let mut history: Option<Self> = None;
        for pair in base.pairs.values().filter_map(|keys| keys.get(key)) {
            let Some(first) = pair.first_day.filter(|first| *first <= through) else {
                continue;
            };
            let history = history.get_or_insert(Self {
                first_day: first,
                principals: 0,
                new_principals: 0,
                pair_days: 0,
            });
            history.first_day = history.first_day.min(first);
            history.principals += 1;
            history.new_principals += u64::from(first >= warm_up);
            history.pair_days += pair.through(through).count() as u64;
        }
        history
    }
}

/// The share of pair-days that were the pair's first: the key's own, shrunk to the account's.
fn new_pair_rate(known: &Known<'_>, base: &Base, key: &KeyHistory, through: Day) -> f64 {
    let earlier = known.new_pair_rate.get().filter(|(day, _)| *day == through);
    let account_rate = earlier.map_or_else(|| account_rate(base, through), |(_, rate)| rate);
    known.new_pair_rate.set(Some((through, account_rate)));
    (key.new_principals as f64 + ACCOUNT_WEIGHT * account_rate)
        / (key.pair_days as f64 + ACCOUNT_WEIGHT)
}

fn account_rate(base: &Base, through: Day) -> f64 {
    let warm_up = base
        .first_day
        .map_or(through, |first| first.plus_days(WARM_UP_DAYS));
    let (mut new_pairs, mut pair_days) = (0_u64, 0_u64);
    for pair in base.pairs.values().flat_map(|keys| keys.values()) {
        new_pairs += u64::from(
            pair.first_day
                .is_some_and(|first| first >= warm_up && first <= through),
        );
        pair_days += pair.through(through).count() as u64;
    }
    (new_pairs as f64 + 0.3) / (pair_days as f64 + 6.0)
}
