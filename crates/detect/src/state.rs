//! The state between ticks: open days, what was learnt, and the findings that can still change.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use keytrail_event::{Day, EventTime, Hour};

use crate::bounds::{JUDGED_MAX, PAIR_HISTORY_DAYS_MAX, PAIRS_MAX, RULE_QUIET_DAYS};
use crate::finding::Finding;
use crate::plan::{Changes, Fate, PairDay, Plan};
use crate::rules::past::Past;
use crate::tally::{Tally, TallyCounts};

/// The state in memory.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) open: Tally,
    pub(crate) accounts: BTreeMap<String, AccountState>,
    /// Distinct records of closed days.
    closed_distinct: u64,
    /// No open day is earlier than this one.
    earliest_day: Option<Day>,
    /// What rules have judged of closed days.
    pub(crate) judged: Judged,
}

/// Hashes of records and groups that rules have judged, so that a copy delivered after its day
/// closed is not judged again. The earliest days are forgotten when there are too many.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    by_day: BTreeMap<Day, Vec<u64>>,
    all: HashSet<u64, RandomState>,
}

impl Judged {
    fn remember(&mut self, judged: impl Iterator<Item = (Day, u64)>) {
        for (day, hash) in judged {
            if self.all.insert(hash) {
                self.by_day.entry(day).or_default().push(hash);
            }
        }
        while self.all.len() > JUDGED_MAX {
            let Some((_, forgotten)) = self.by_day.pop_first() else {
                break;
            };
            for hash in forgotten {
                self.all.remove(&hash);
            }
        }
    }

    pub fn contains(&self, hash: u64) -> bool {
        self.all.contains(&hash)
    }
}

/// What is known of one account.
#[derive(Debug, Default)]
pub(crate) struct AccountState {
    pub past: Past,
    pub pairs: BTreeMap<String, BTreeMap<String, PairHistory>>,
    /// Days on which the account had KMS records, folded.
    pub active_days: BTreeSet<Day>,
    pub first_day: Option<Day>,
    /// Findings whose episode can still go on, by id.
    pub findings: BTreeMap<String, Finding>,
    pub pairs_count: usize,
    pub forgotten_pairs: u64,
}

/// What a pair did on its folded days, the latest 28.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairHistory {
    pub first_day: Option<Day>,
    pub days: Vec<FoldedDay>,
    pub last_use: Option<EventTime>,
}

/// One folded day of a pair.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldedDay {
    pub day: Day,
    pub calls: u64,
    pub peak_hour_calls: u64,
    pub active_hours: u8,
}

impl State {
    /// Takes a tally in. Order does not matter.
    pub fn absorb(&mut self, tally: Tally) {
        let earliest = tally.earliest_day();
        self.earliest_day = match (self.earliest_day, earliest) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
        self.open.merge(tally);
        self.open.trim();
    }

    /// The earliest day that is open.
    #[must_use]
    pub const fn earliest_day(&self) -> Option<Day> {
        self.earliest_day
    }

    /// The days that are open, sorted.
    #[must_use]
    pub fn open_days(&self) -> Vec<Day> {
        self.open.days()
    }

    /// What came in so far.
    #[must_use]
    pub const fn counts(&self) -> TallyCounts {
        let mut counts = self.open.counts;
        counts.notables_not_carried = self.open.not_carried();
        counts
    }

    /// Distinct records that came in time so far; cells beyond exact counting are estimates.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.closed_distinct + self.open.distinct()
    }

    /// Pairs that were forgotten because an account had too many.
    #[must_use]
    pub fn forgotten_pairs(&self) -> u64 {
        self.accounts
            .values()
            .map(|account| account.forgotten_pairs)
            .sum()
    }

    /// Accounts that are still being learnt.
    #[must_use]
    pub fn learning_accounts(&self) -> usize {
        let learning = |account: &&AccountState| {
            (account.active_days.len() as i64) < crate::bounds::LEARNING_DAYS
        };
        self.accounts.values().filter(learning).count()
    }

    /// Carries a plan out.
    pub fn apply(&mut self, plan: &Plan) {
        let Changes {
            fate,
            pasts,
            pair_days,
        } = &plan.changes;
        for (account, past) in pasts {
            self.account(account).past = past.clone();
        }
        for finding in &plan.findings {
            let account = self.account(&finding.account);
            account
                .findings
                .insert(finding.id.as_str().to_owned(), finding.clone());
        }
        match fate {
            Fate::StayOpen { .. } => {}
            Fate::Close => {
                for pair_day in pair_days {
                    self.account(&pair_day.account).learn(plan.day, pair_day);
                }
                self.drop_through(plan.day);
            }
        }
    }

    fn account(&mut self, account: &str) -> &mut AccountState {
        self.accounts.entry(account.to_owned()).or_default()
    }

    /// Drops the cells and notable records of days up to this one, and findings that have been quiet.
    fn drop_through(&mut self, day: Day) {
        let before = self.open.distinct();
        let is_open = |hour: Hour| hour.day() > day;
        let notables = self
            .open
            .notables
            .iter()
            .map(|(hash, notable)| (hash, notable.time.hour()));
        let groups = self
            .open
            .groups
            .iter()
            .map(|(hash, group)| (hash, group.hour));
        let judged = notables.chain(groups).filter(|(_, hour)| !is_open(*hour));
        self.judged
            .remember(judged.map(|(hash, hour)| (hour.day(), hash)));
        self.open.cells.retain(|key, _| is_open(key.hour));
        self.open.groups.retain(|group| is_open(group.hour));
        self.open
            .notables
            .retain(|notable| is_open(notable.time.hour()));
        self.closed_distinct += before - self.open.distinct();
        self.earliest_day = self.open.earliest_day();
        let quiet = day.plus_days(-RULE_QUIET_DAYS).start();
        for account in self.accounts.values_mut() {
            account
                .findings
                .retain(|_, finding| finding.last_seen >= quiet);
        }
    }
}

impl AccountState {
    fn learn(&mut self, day: Day, pair_day: &PairDay) {
        self.first_day = Some(self.first_day.map_or(day, |first| first.min(day)));
        self.active_days.insert(day);
        while self.active_days.len() > 2 * PAIR_HISTORY_DAYS_MAX {
            self.active_days.pop_first();
        }
        let is_known = self
            .pairs
            .get(&pair_day.principal)
            .is_some_and(|keys| keys.contains_key(&pair_day.key));
        if !is_known && self.pairs_count >= PAIRS_MAX {
            self.forget_longest_unused();
        }
        let keys = self.pairs.entry(pair_day.principal.clone()).or_default();
        let history = keys.entry(pair_day.key.clone()).or_default();
        self.pairs_count += usize::from(!is_known);
        history.first_day = Some(history.first_day.map_or(day, |first| first.min(day)));
        history.last_use = history.last_use.max(pair_day.last_use);
        history.days.push(FoldedDay {
            day,
            calls: pair_day.calls,
            peak_hour_calls: pair_day.peak_hour_calls,
            active_hours: pair_day.active_hours,
        });
        if history.days.len() > PAIR_HISTORY_DAYS_MAX {
            history.days.remove(0);
        }
    }

    /// Makes room: a sixteenth of the pairs goes, the longest unused first, then by name.
    fn forget_longest_unused(&mut self) {
        let mut by_age: Vec<(Day, String, String)> = Vec::with_capacity(self.pairs_count);
        for (principal, keys) in &self.pairs {
            for (key, history) in keys {
                let last = history
                    .days
                    .last()
                    .map_or(Day::from_days_since_1970(0), |last| last.day);
                by_age.push((last, principal.clone(), key.clone()));
            }
        }
        by_age.sort();
        for (_, principal, key) in by_age.into_iter().take(PAIRS_MAX.div_ceil(16)) {
            if let Some(keys) = self.pairs.get_mut(&principal) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.pairs.remove(&principal);
                }
            }
            self.pairs_count -= 1;
            self.forgotten_pairs += 1;
        }
    }
}

impl PairHistory {
    /// The folded days up to and including `through`.
    pub fn through(&self, through: Day) -> impl Iterator<Item = &FoldedDay> {
        self.days
            .iter()
            .take_while(move |folded| folded.day <= through)
    }
}
