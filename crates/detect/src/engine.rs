//! The engine: (state, day, clock) in, a plan out. It reads no clock and keeps nothing.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{Day, EventTime, Issue, Reader, Record, Sink};

use crate::behaviour::{self, Base};
use crate::bounds::{CLOSE_LAG_SECONDS, RULE_QUIET_DAYS};
use crate::configuration::Configuration;
use crate::distinct::DistinctEvents;
use crate::episode::{Candidate, keep_both_ends};
use crate::finding::{Finding, FindingState};
use crate::notable::{Group, Notable};
use crate::plan::{Changes, Fate, Metrics, Plan};
use crate::rules::day::{DayHit, DayLight, DayRecord};
use crate::rules::past::Past;
use crate::rules::{BURST_SECONDS, Hit, Light, RULES, Rule};
use crate::state::State;
use crate::uses::{AccountDay, DayUses};

/// Moves the clock: judges, learns and closes every day that is due, in order.
pub fn advance(
    state: &mut State,
    clock: EventTime,
    configuration: &Configuration,
    mut emit: impl FnMut(Plan),
) {
    while let Some(day) = state.earliest_day().filter(|day| is_due(*day, clock)) {
        let plan = plan(state, day, clock, Fate::Close, configuration);
        state.apply(&plan);
        emit(plan);
    }
}

/// The last tick of an input that ended: what is due closes, what is still open is looked at.
pub fn finish(
    state: &mut State,
    newest_stamp: EventTime,
    configuration: &Configuration,
    mut emit: impl FnMut(Plan),
) {
    let clock = newest_stamp.plus_seconds(CLOSE_LAG_SECONDS);
    advance(state, clock, configuration, &mut emit);
    let mut looked_through = None;
    for day in state.open_days() {
        let plan = plan(
            state,
            day,
            clock,
            Fate::StayOpen { looked_through },
            configuration,
        );
        looked_through = Some(day);
        state.apply(&plan);
        emit(plan);
    }
}

/// Whether a day closes at this time.
#[must_use]
pub fn is_due(day: Day, clock: EventTime) -> bool {
    clock >= day.end().plus_seconds(CLOSE_LAG_SECONDS)
}

/// Judges one day. Same arguments, same plan.
#[must_use]
pub fn plan(
    state: &State,
    day: Day,
    clock: EventTime,
    fate: Fate,
    configuration: &Configuration,
) -> Plan {
    let mut metrics = Metrics::default();
    let mut judged = Judged {
        state,
        clock,
        findings: BTreeMap::new(),
    };
    let mut changes = Changes {
        fate,
        ..Changes::default()
    };
    let account_days = AccountDay::of_day(&state.open, day);
    let mut rule_items = rule_items(state, day, fate);
    let with_cells = account_days.keys().map(|account| (*account).to_owned());
    let accounts: BTreeSet<String> = with_cells.chain(rule_items.keys().cloned()).collect();
    for account in accounts {
        let account_day = account_days.get(&*account);
        let items = rule_items.remove(&account).unwrap_or_default();
        let account_state = state.accounts.get(&account);
        let mut past = account_state
            .map(|known| known.past.clone())
            .unwrap_or_default();
        let uses = DayUses::new(account_state, account_day);
        metrics.rule_records += items.len() as u64;
        let forgotten_before = past.forgotten;
        judge_by_rules(&items, &mut past, &uses, configuration, &mut judged);
        metrics.forgotten += past.forgotten - forgotten_before;
        let look = DayLook {
            account: &account,
            day,
            items: &items,
            account_day,
            uses: &uses,
            configuration,
        };
        look.judge(&mut past, &mut judged);
        changes.pasts.push((account.clone(), past.clone()));
        if let Some(account_day) = account_day {
            metrics.cells += account_day.cells();
            metrics.estimated_cells += account_day.estimated_cells();
            let pairs = account_day.pairs(&past);
            let base = Base::new(account_state, configuration);
            if base.is_learning(day) {
                metrics.learning_pair_hours += pairs
                    .iter()
                    .map(|pair| pair.hours.len() as u64)
                    .sum::<u64>();
            }
            for pair in &pairs {
                for candidate in behaviour::judge(&account, pair, &base, clock) {
                    judged.settle(candidate);
                }
            }
            changes
                .pair_days
                .extend(pairs.iter().filter_map(|pair| pair.day(&account)));
        }
    }
    let mut findings: Vec<Finding> = judged.findings.into_values().collect();
    findings.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
    Plan {
        day,
        findings,
        changes,
        metrics,
    }
}

/// The findings of a judgement on their way.
struct Judged<'s> {
    state: &'s State,
    clock: EventTime,
    findings: BTreeMap<String, Finding>,
}

impl Judged<'_> {
    fn settle(&mut self, candidate: Candidate) {
        let id = candidate.id();
        let earlier = self.state.accounts.get(&candidate.account);
        let known = self
            .findings
            .get(id.as_str())
            .or_else(|| earlier.and_then(|account| account.findings.get(id.as_str())));
        let finding = candidate.settle(known);
        // A new episode does not wipe out the earlier one of the same day: that one is published
        // by its own plan, and within a day episodes cannot part.
        self.findings.insert(id.as_str().to_owned(), finding);
    }

    /// Final once the hour is sealed.
    fn state_at(&self, time: EventTime) -> FindingState {
        state_at(time, self.clock)
    }
}

/// Whether the hour of this moment is sealed.
pub(crate) fn state_at(time: EventTime, clock: EventTime) -> FindingState {
    if clock >= time.hour().end().plus_seconds(CLOSE_LAG_SECONDS) {
        FindingState::Final
    } else {
        FindingState::Provisional
    }
}

/// A record that rules are to judge.
struct Item<'s> {
    time: EventTime,
    id: String,
    raw: &'s str,
    /// Only for this rule, when it comes from a group.
    only: Option<&'static str>,
    group: Option<&'s Group>,
}

/// The records that rules judge with this day, by account, in the order of (time, event id): those
/// of the day, and earlier ones that came late and were not judged before.
fn rule_items(state: &State, day: Day, fate: Fate) -> BTreeMap<String, Vec<Item<'_>>> {
    let looked_through = match fate {
        Fate::Close => None,
        Fate::StayOpen { looked_through } => looked_through,
    };
    let is_due = |hash: u64, of: Day| {
        of <= day && looked_through.is_none_or(|looked| of > looked) && !state.judged.contains(hash)
    };
    let whole = state
        .open
        .notables
        .iter()
        .filter(|(hash, notable)| is_due(*hash, notable.time.day()));
    let whole = whole.map(|(_, notable): (u64, &Notable)| Item {
        time: notable.time,
        id: String::new(),
        raw: &notable.raw,
        only: None,
        group: None,
    });
    let groups = state
        .open
        .groups
        .iter()
        .filter(|(hash, group)| is_due(*hash, group.hour.day()));
    let groups = groups.map(|(_, group)| Item {
        time: group.first.time,
        id: String::new(),
        raw: &group.first.raw,
        only: Some(group.rule),
        group: Some(group),
    });
    let mut reader = Reader::default();
    let mut by_account: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
    for item in whole.chain(groups) {
        with_record(&mut reader, item.raw, |record| {
            let id = record.event_id.as_deref().unwrap_or_default().to_owned();
            let account = record.account.clone().into_owned();
            by_account
                .entry(account)
                .or_default()
                .push(Item { id, ..item });
        });
    }
    for items in by_account.values_mut() {
        items.sort_by(|a, b| (a.time, &a.id, a.raw, a.only).cmp(&(b.time, &b.id, b.raw, b.only)));
    }
    by_account
}

/// What rules over an account's whole day look at.
struct DayLook<'a> {
    account: &'a str,
    day: Day,
    items: &'a [Item<'a>],
    account_day: Option<&'a AccountDay<'a>>,
    uses: &'a DayUses<'a>,
    configuration: &'a Configuration,
}

impl DayLook<'_> {
    fn judge(&self, past: &mut Past, judged: &mut Judged<'_>) {
        let until = self.day.end().min(judged.clock);
        let records: Vec<DayRecord<'_>> = self
            .items
            .iter()
            .map(|item| DayRecord {
                raw: item.raw,
                only: item.only,
                events: item.group.map(|group| &group.events),
            })
            .collect();
        let new_ids = self.items.iter().map(|item| item.id.clone()).collect();
        let light = DayLight {
            account: self.account,
            day: self.day,
            past,
            uses: self.uses,
            configuration: self.configuration,
            since: past.looked_until.unwrap_or_else(|| self.day.start()),
            until,
            records: &records,
            new_ids: &new_ids,
            cells: self.account_day,
        };
        for rule in RULES {
            for hit in rule.judge_day(&light) {
                judged.settle(day_candidate(rule, hit, self.account, judged));
            }
        }
        past.looked_until = past.looked_until.max(Some(until));
    }
}

fn day_candidate(rule: &dyn Rule, found: DayHit, account: &str, judged: &Judged<'_>) -> Candidate {
    let about = rule.about();
    let DayHit { hit, .. } = found;
    let mut event_ids = found.event_ids;
    keep_both_ends(&mut event_ids);
    Candidate {
        rule: about.id,
        class: hit.class,
        title: hit.title,
        severity: hit.severity,
        score: hit.severity.score(),
        confidence: 1.0,
        account: account.to_owned(),
        region: found.region,
        principal: hit.principal,
        key: hit.key,
        first_seen: found.first_seen,
        last_seen: found.last_seen,
        count: found.count,
        new: found.new,
        event_ids,
        evidence: hit.evidence,
        attack: about.techniques(),
        practice: about.practice,
        next_steps: hit.next_steps,
        state: judged.state_at(found.last_seen),
        quiet_seconds: RULE_QUIET_DAYS * keytrail_event::time::DAY_SECONDS,
    }
}

fn judge_by_rules(
    items: &[Item<'_>],
    past: &mut Past,
    uses: &DayUses<'_>,
    configuration: &Configuration,
    judged: &mut Judged<'_>,
) {
    let mut reader = Reader::default();
    let mut items = items.iter().peekable();
    while let Some(item) = items.next() {
        // One record stands in several groups when several rules selected it; it is learnt once
        // all of them have judged it.
        let is_last_of_record = items.peek().is_none_or(|next| next.raw != item.raw);
        let events = item.group.map(|group| &group.events);
        with_record(&mut reader, item.raw, |record| {
            let light = Light {
                past,
                uses,
                configuration,
                count: events.map_or(1, DistinctEvents::count),
                burst_calls: events.map_or(1, |events| events.most_within(BURST_SECONDS)),
            };
            let rules = RULES
                .into_iter()
                .filter(|rule| item.only.is_none_or(|only| only == rule.about().id));
            for rule in rules {
                if let Some(hit) = rule.judge(record, &light) {
                    judged.settle(candidate(rule, hit, record, item, judged));
                }
            }
            if is_last_of_record {
                past.learn(record);
            }
        });
    }
}

fn candidate(
    rule: &dyn Rule,
    hit: Hit,
    record: &Record<'_>,
    item: &Item<'_>,
    judged: &Judged<'_>,
) -> Candidate {
    let about = rule.about();
    let last = item.group.map(|group| &group.last);
    let last_seen = last.map_or(record.time, |last| last.time);
    let mut event_ids: Vec<String> = record
        .event_id
        .iter()
        .map(|id| id.clone().into_owned())
        .collect();
    if let Some(last) = last.filter(|last| *last.raw != *record.raw) {
        with_record(&mut Reader::default(), &last.raw, |record| {
            event_ids.extend(record.event_id.iter().map(|id| id.clone().into_owned()));
        });
    }
    Candidate {
        rule: about.id,
        class: hit.class,
        title: hit.title,
        severity: hit.severity,
        score: hit.severity.score(),
        confidence: 1.0,
        account: record.account.clone().into_owned(),
        region: Some(record.region.clone().into_owned()),
        principal: hit.principal,
        key: hit.key,
        first_seen: record.time,
        last_seen,
        count: item.group.map_or(1, |group| group.events.count()),
        new: item.group.map_or(1, |group| group.events.count()),
        event_ids,
        evidence: hit.evidence,
        attack: about.techniques(),
        practice: about.practice,
        next_steps: hit.next_steps,
        state: judged.state_at(last_seen),
        quiet_seconds: RULE_QUIET_DAYS * keytrail_event::time::DAY_SECONDS,
    }
}

/// Reads a record that was carried as text.
pub(crate) fn with_record(reader: &mut Reader, raw: &str, then: impl FnMut(&Record<'_>)) {
    struct Then<F>(F);
    impl<F: FnMut(&Record<'_>)> Sink for Then<F> {
        fn record(&mut self, record: &Record<'_>) {
            (self.0)(record);
        }
        fn issue(&mut self, _: Issue) {}
    }
    reader.read(raw.as_bytes(), &mut Then(then));
}
