//! What is customary: how keys are reached and used, who signs, where the account is active. Learnt day by day.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use keytrail_event::arn::{Arn, is_account_id};
use keytrail_event::context::SIGNATURE_BYTES_MAX;
use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use super::bulk::{BulkUse, largest};
use super::bulk_habits::BulkHabits;
use super::change_habits::ChangeHabits;
use super::deletion_habits::DeletionHabits;
use super::gathered::{Gathered, RegionDay};
use super::key_customs::KeyCustoms;
use super::lately::Lately;
use super::looking_habits::LookingHabits;
use super::past::remember;
use crate::bounds::{PAST_ENTRIES_MAX, REGION_HISTORY_DAYS_MAX, STEPS_MAX};

/// Days of use after which what a key always was is said to be its custom, and a key is judged by it.
pub const CUSTOM_DAYS: u32 = 7;
/// Days with records after which what an account never did is said to be new to it.
pub const ACCOUNT_DAYS: u32 = 7;

/// What is customary in an account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Customs {
    keys: BTreeMap<String, KeyCustoms>,
    /// Who signed, made codes or derived secrets, with which key, and since which day.
    signers: BTreeMap<(String, String), Day>,
    regions: BTreeMap<String, RegionCustoms>,
    /// Who looks at many keys at once.
    pub looking_habits: LookingHabits,
    /// Calls of the day's last hour.
    pub lately: Lately,
    /// The day's sweeps.
    sweeps: Vec<PastSweep>,
    /// Who encrypted in bulk on the day.
    bulk: Vec<BulkUse>,
    /// Who encrypts much in an hour.
    #[serde(default)]
    pub bulk_habits: BulkHabits,
    /// Who changes permissions as a matter of course.
    #[serde(default)]
    pub change_habits: ChangeHabits,
    /// Who takes keys away as a matter of course.
    #[serde(default)]
    pub deletion_habits: DeletionHabits,
    /// Days that were learnt.
    days: u32,
    last_day: Option<Day>,
}

/// A principal that was refused on many keys, or looked at many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSweep {
    /// Who.
    pub principal: String,
    /// The first call.
    pub first: EventTime,
    /// The last call.
    pub last: EventTime,
    /// How many calls.
    pub calls: u64,
    /// What it was, in words.
    pub words: String,
    /// Keys that the principal first used on the sweep's day, and not before the sweep.
    #[serde(default)]
    pub new_keys: BTreeSet<String>,
    /// When it decrypted with keys that were new to it on the sweep's day, at the end of that.
    #[serde(default)]
    pub late: Vec<EventTime>,
}

/// When a Region is active.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionCustoms {
    /// The last record.
    pub last: Option<EventTime>,
    /// Since when keys are used there.
    pub used_since: Option<Day>,
    /// The latest days with records, each with the longest silence before one of its records, in seconds.
    pub days: VecDeque<(Day, i64)>,
}

impl Customs {
    /// How a key is used, once it is known for [`CUSTOM_DAYS`] days of use.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<&KeyCustoms> {
        let customs = self.keys.get(key)?;
        (customs.days >= CUSTOM_DAYS && !customs.is_varied).then_some(customs)
    }

    /// Whether the account is known for [`ACCOUNT_DAYS`] days with records.
    #[must_use]
    pub const fn is_account_known(&self) -> bool {
        self.knows_account_for(ACCOUNT_DAYS)
    }

    /// Whether the account is known for so many days with records.
    #[must_use]
    pub const fn knows_account_for(&self, days: u32) -> bool {
        self.days >= days
    }

    /// Whether any key's use was seen: a trail of write events alone tells of none.
    #[must_use]
    pub fn knows_uses(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Since which day the principal signs with the key.
    #[must_use]
    pub fn signs(&self, principal: &str, key: &str) -> bool {
        let signer = (principal.to_owned(), key.to_owned());
        self.signers.contains_key(&signer)
    }

    /// When a Region is active.
    #[must_use]
    pub fn region(&self, region: &str) -> Option<&RegionCustoms> {
        self.regions.get(region)
    }

    /// The Regions with records so far.
    pub fn regions(&self) -> impl Iterator<Item = (&str, &RegionCustoms)> {
        self.regions
            .iter()
            .map(|(name, customs)| (name.as_str(), customs))
    }

    /// Keys of the day whose customs are still being learnt.
    pub(crate) fn learning_keys(&self, gathered: &Gathered<'_>) -> u64 {
        let is_learning = |key: &&&str| {
            let customs = self.keys.get(**key);
            customs.is_none_or(|customs| customs.days < CUSTOM_DAYS)
        };
        gathered.keys.keys().filter(is_learning).count() as u64
    }

    /// The sweeps of the day before.
    #[must_use]
    pub fn sweeps(&self) -> &[PastSweep] {
        &self.sweeps
    }

    /// Who encrypted in bulk on the day before.
    #[must_use]
    pub fn bulk(&self) -> &[BulkUse] {
        &self.bulk
    }

    /// Learns a day's sweeps and bulk uses, and what its last hour saw; how many found no room.
    pub(crate) fn learn_calls(
        &mut self,
        (mut sweeps, bulk): (Vec<PastSweep>, Vec<BulkUse>),
        (lately, not_kept): (Lately, u64),
    ) -> u64 {
        let (bulk, too_many) = largest(bulk);
        let mut forgotten = not_kept + too_many;
        forgotten += sweeps.len().saturating_sub(STEPS_MAX) as u64;
        sweeps.truncate(STEPS_MAX);
        self.sweeps = sweeps;
        self.bulk = bulk;
        self.lately = lately;
        forgotten
    }

    /// Learns a day, after it was judged; how many entries found no room. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, gathered: &Gathered<'_>) -> u64 {
        let mut forgotten = 0;
        if !gathered.regions.is_empty() && self.last_day.is_none_or(|last| last < day) {
            self.last_day = Some(day);
            self.days = self.days.saturating_add(1);
        }
        for (key, key_day) in &gathered.keys {
            if self.keys.len() >= PAST_ENTRIES_MAX && !self.keys.contains_key(*key) {
                forgotten += 1;
                continue;
            }
            let customs = self.keys.entry((*key).to_owned()).or_default();
            customs.learn(day, key_day);
        }
        for (principal, key) in &gathered.signers {
            let signer = ((*principal).to_owned(), (*key).to_owned());
            forgotten += remember(&mut self.signers, signer, day, |known, day| {
                *known = day.min(*known);
            });
        }
        for (region, region_day) in &gathered.regions {
            // There are a few dozen Regions, but a caller's record may name any.
            if self.regions.len() < PAST_ENTRIES_MAX || self.regions.contains_key(*region) {
                let customs = self.regions.entry((*region).to_owned()).or_default();
                customs.learn(day, region_day);
            } else {
                forgotten += 1;
            }
        }
        forgotten
    }
}

impl RegionCustoms {
    fn learn(&mut self, day: Day, region: &RegionDay) {
        let is_old = self.days.back().is_some_and(|(last, _)| *last >= day);
        if region.is_used {
            self.used_since = Some(self.used_since.map_or(day, |since| since.min(day)));
        }
        if is_old {
            return;
        }
        let longest = silences(self.last, region)
            .map(|(from, to)| to.seconds_since(from))
            .max();
        self.days.push_back((day, longest.unwrap_or(0)));
        if self.days.len() > REGION_HISTORY_DAYS_MAX {
            self.days.pop_front();
        }
        self.last = region
            .hours
            .values()
            .map(|(_, last)| *last)
            .max()
            .max(self.last);
    }
}

/// The silences before and between the active hours of a day, each from a last record to the next first one.
pub(crate) fn silences(
    last: Option<EventTime>,
    region: &RegionDay,
) -> impl Iterator<Item = (EventTime, EventTime)> {
    let before = last.into_iter().map(|last| (last, last));
    let spans: Vec<(EventTime, EventTime)> = before.chain(region.hours.values().copied()).collect();
    let pairs: Vec<_> = spans
        .windows(2)
        .map(|pair| (pair[0].1, pair[1].0))
        .collect();
    pairs.into_iter()
}

/// The keys of a context, of its signature: `aws:s3:arn` of `aws:s3:arn=arn:aws:s3:::bucket`. Of a signature that
/// was cut the last, which may be a part, is left out.
#[must_use]
pub fn context_keys(signature: &str) -> String {
    let mut keys = String::new();
    add_context_keys(signature, &mut keys);
    keys
}

/// The same, behind a text.
pub(crate) fn add_context_keys(signature: &str, text: &mut String) {
    let is_cut = signature.len() + 4 > SIGNATURE_BYTES_MAX;
    let whole = if is_cut {
        signature.rsplit_once('&').map_or("", |(whole, _)| whole)
    } else {
        signature
    };
    for (place, pair) in whole.split('&').enumerate() {
        if place > 0 {
            text.push('&');
        }
        // Keys are short: byte by byte is faster than a search for the end.
        let end = pair.bytes().position(|byte| byte == b'=');
        text.push_str(&pair[..end.unwrap_or(pair.len())]);
    }
}

/// The accounts of the resources that a context names, of its signature.
pub fn context_accounts(signature: &str) -> impl Iterator<Item = &str> {
    signature.split('&').filter_map(|pair| {
        let (_, value) = pair.split_once('=')?;
        let account = Arn::parse(value)?.account;
        is_account_id(account).then_some(account)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::CUSTOMS_PER_KEY_MAX;

    fn gathered<'a>(key: &'a str, contexts: &[&'a str]) -> Gathered<'a> {
        let mut gathered = Gathered::default();
        let day = gathered.keys.entry(key).or_default();
        day.paths.insert("direct");
        day.contexts
            .extend(contexts.iter().map(|context| (*context, "direct")));
        gathered.regions.entry("us-west-2").or_default();
        gathered
    }

    fn day(number: i32) -> Day {
        Day::from_days_since_1970(number.into())
    }

    #[test]
    fn a_key_has_customs_after_seven_days_of_use() {
        let mut customs = Customs::default();
        for number in 0..7 {
            assert!(
                customs.key("k").is_none() && !customs.is_account_known(),
                "{number}"
            );
            customs.learn(day(10 * number), &gathered("k", &["a"]));
            let before = customs.clone();
            customs.learn(day(10 * number), &gathered("k", &["a"]));
            assert_eq!(customs, before, "learning twice changes nothing");
        }
        assert!(customs.key("k").is_some() && customs.is_account_known());
        assert!(customs.key("other").is_none());
    }

    #[test]
    fn of_a_key_that_varies_nothing_is_new() {
        let names: Vec<String> = (0..=CUSTOMS_PER_KEY_MAX)
            .map(|number| number.to_string())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut customs = Customs::default();
        for number in 0..9 {
            customs.learn(day(number), &gathered("k", &names[1..]));
        }
        assert!(customs.key("k").is_some());
        customs.learn(day(9), &gathered("k", &names[..1]));
        assert!(customs.key("k").is_none());
    }

    #[test]
    fn the_keys_of_a_context() {
        for (signature, keys) in [
            ("", ""),
            ("aws:s3:arn=arn:aws:s3:::b", "aws:s3:arn"),
            ("PARAMETER_ARN&SecretARN=x=y", "PARAMETER_ARN&SecretARN"),
            ("é=é&&=x&ü&", "é&&&ü&"),
        ] {
            assert_eq!(context_keys(signature), keys);
        }
        let long = format!("a=1&b={}", "x".repeat(SIGNATURE_BYTES_MAX));
        assert_eq!(context_keys(&long), "a");
    }
}
