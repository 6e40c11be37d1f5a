//! Judging one day of one account: (base, what stands, the day's set, clock) in, a plan out.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{Day, EventTime, Record};

use crate::account_day::AccountDay;
use crate::base::{Base, Standing};
use crate::behaviour::{self, Behaved};
use crate::bounds::{CLOSE_LAG_SECONDS, DAY_CELLS_BYTES_MAX, DAY_PRINCIPALS_MAX, RULE_QUIET_DAYS};
use crate::cell_order::CellOrder;
use crate::configuration::Configuration;
use crate::distinct::DistinctEvents;
use crate::episode::{Candidate, keep_both_ends};
use crate::finding::{Evidence, FindingId, FindingState};
use crate::items::{Bursts, Item, Rereader};
use crate::packed_finding::{PackedFinding, Packer};
use crate::plan::{LastUse, Metrics, Plan};
use crate::rules::bulk::bulk_uses;
use crate::rules::bulk_habits::much_encrypted;
use crate::rules::day::{DayHit, DayLight, DayRecord};
use crate::rules::gathered::Gathered;
use crate::rules::lately::Lately;
use crate::rules::past::Past;
use crate::rules::policy_put::WrittenPolicy;
use crate::rules::sweep::{DaySweeps, looks};
use crate::rules::theft_chain::sweeps_to_remember;
use crate::rules::{BURST_SECONDS, Hit, Light, OnRepeat, RULES, Rule};
use crate::uses::DayUses;

/// Judges a day of an account. Same arguments, same plan.
///
/// `base` is folded through the last closed day. Where open days lie between it and this one, `ahead` is
/// what stood at the end of the last of them.
#[must_use]
pub fn judge(
    base: &Base,
    ahead: Option<&Standing>,
    account_day: &AccountDay<'_>,
    clock: EventTime,
    configuration: &Configuration,
) -> Plan {
    let standing = ahead.unwrap_or(&base.standing);
    let mut metrics = Metrics {
        cells: account_day.cells(),
        estimated_cells: account_day.estimated_cells(),
        rule_records: account_day.items().len() as u64,
        cut_days: u64::from(account_day.is_cut()),
        ..Metrics::default()
    };
    let mut judged = Judged {
        standing,
        clock,
        bound_met: None,
        findings: BTreeMap::new(),
        packer: Packer::default(),
    };
    let mut past = standing.past.clone();
    let uses = DayUses::new(base, account_day);
    judge_by_rules(
        account_day.items(),
        &mut past,
        &uses,
        configuration,
        &mut judged,
    );
    judged.bound_met = account_day.is_cut().then(|| {
        Evidence::new(
            "bound",
            format!(
                "The day had more principals, or more names, than fit (day_principals_max = {DAY_PRINCIPALS_MAX}, day_cells_bytes_max = {DAY_CELLS_BYTES_MAX}): the calls of some are not counted, and this finding may miss them"
            ),
        )
    });
    let order = account_day.order(&past);
    let look = DayLook {
        account_day,
        order: &order,
        uses: &uses,
        configuration,
    };
    metrics.learning_keys = look.judge(&mut past, &mut judged);
    metrics.forgotten = past.forgotten - standing.past.forgotten;
    let mut behaved = behaviour::judge(&behaviour::Day {
        base,
        account_day,
        order: &order,
        past: &past,
        clock,
        configuration,
        episodes: &standing.episodes,
        follows_base: ahead.is_none(),
    });
    metrics.learning_hours = behaved.learning_hours;
    for candidate in std::mem::take(&mut behaved.candidates) {
        judged.settle(candidate);
    }
    let last_uses = account_day.last_uses(&order);
    judged.conclude(account_day, past, behaved, (last_uses, metrics))
}

/// The findings of a judgement on their way.
struct Judged<'s> {
    standing: &'s Standing,
    clock: EventTime,
    /// Why findings that rest on more than one record may not see all.
    bound_met: Option<Evidence>,
    /// By id.
    findings: BTreeMap<String, PackedFinding>,
    packer: Packer,
}

impl Judged<'_> {
    fn settle(&mut self, mut candidate: Candidate) {
        candidate.evidence.extend(self.bound_met.clone());
        let id = candidate.id();
        let known = self
            .findings
            .get(id.as_str())
            .or_else(|| self.standing.episodes.get(id.as_str()));
        let known = known.map(PackedFinding::unpack);
        let Some(finding) = candidate.settle(known.as_ref()) else {
            return;
        };
        let finding = self.packer.pack(&finding);
        // A new episode does not wipe out the earlier one of the same day: that one is published
        // by its own plan, and within a day episodes cannot part.
        self.findings.insert(id.as_str().to_owned(), finding);
    }

    /// Adds what is told besides to every finding of the rule over the key that began after this moment.
    fn note_all(&mut self, candidate: &Candidate, since: EventTime) {
        let standing = self.standing.episodes.keys();
        let ids: BTreeSet<String> = self
            .findings
            .keys()
            .chain(standing)
            .filter(|id| FindingId::rule_of(id) == candidate.rule)
            .cloned()
            .collect();
        for id in ids {
            let known = self.findings.get(&id);
            let known = known.or_else(|| self.standing.episodes.get(&id));
            let Some(known) = known.map(PackedFinding::unpack) else {
                continue;
            };
            if known.key != candidate.key || known.first_seen <= since {
                continue;
            }
            if let Some(finding) = candidate.clone().settle(Some(&known)) {
                let finding = self.packer.pack(&finding);
                self.findings.insert(id, finding);
            }
        }
    }

    /// Final once the hour is sealed.
    fn state_at(&self, time: EventTime) -> FindingState {
        state_at(time, self.clock)
    }

    fn conclude(
        self,
        account_day: &AccountDay<'_>,
        past: Past,
        behaved: Behaved,
        (last_uses, metrics): (Vec<LastUse>, Metrics),
    ) -> Plan {
        // By (episode, id), too: an episode is its id and a day, and no id begins with another.
        let findings: Vec<PackedFinding> = self.findings.values().cloned().collect();
        let mut episodes = self.standing.episodes.clone();
        episodes.extend(self.findings);
        Plan {
            account: account_day.account().to_owned(),
            day: account_day.day(),
            findings,
            standing: Standing { past, episodes },
            last_uses,
            baseline: behaved.next,
            scores: behaved.scores,
            metrics,
        }
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

/// What rules over an account's whole day look at.
struct DayLook<'a> {
    account_day: &'a AccountDay<'a>,
    order: &'a CellOrder<'a>,
    uses: &'a DayUses<'a>,
    configuration: &'a Configuration,
}

impl DayLook<'_> {
    /// Judges, then learns the day; how many keys have no customs yet.
    fn judge(&self, past: &mut Past, judged: &mut Judged<'_>) -> u64 {
        let (account, day) = (self.account_day.account(), self.account_day.day());
        let items = self.account_day.items();
        let until = day.end().min(judged.clock);
        let records: Vec<DayRecord<'_>> = items
            .iter()
            .map(|item| DayRecord {
                raw: item.raw,
                only: item.only,
                events: item.group.map(|group| &group.events),
            })
            .collect();
        let new_ids = items.iter().map(|item| item.id.clone()).collect();
        let mut customs = std::mem::take(&mut past.customs);
        let gathered = Gathered::of(self.account_day, self.order);
        let learning_keys = customs.learning_keys(&gathered);
        let sweeps = DaySweeps::default();
        let light = DayLight {
            sweeps: &sweeps,
            customs: &customs,
            gathered: &gathered,
            account,
            day,
            past,
            uses: self.uses,
            configuration: self.configuration,
            until,
            records: &records,
            new_ids: &new_ids,
            cells: self.account_day,
            order: self.order,
        };
        let mut told = Vec::new();
        for rule in RULES {
            for mut found in rule.judge_day(&light) {
                told.append(&mut found.tells);
                if found.is_told_once {
                    told.push(found.hit.finding_id(rule.about().id, account));
                }
                judged.settle(day_candidate(rule, found, (account, day), judged));
            }
        }
        let lately = Lately::of(&light);
        let looks = looks(&light);
        let steps = (sweeps_to_remember(&light), bulk_uses(&light));
        let much = much_encrypted(&light);
        let forgotten = customs.bulk_habits.learn(day, much)
            + customs.change_habits.learn(day, past)
            + customs.deletion_habits.learn(day, past)
            + customs.learn(day, &gathered)
            + customs.looking_habits.learn(day, looks)
            + customs.learn_calls(steps, lately);
        past.customs = customs;
        past.forgotten += forgotten;
        for finding in told {
            past.tell(&finding);
        }
        learning_keys
    }
}

fn day_candidate(
    rule: &dyn Rule,
    mut found: DayHit,
    (account, day): (&str, Day),
    judged: &Judged<'_>,
) -> Candidate {
    keep_both_ends(&mut found.event_ids);
    // What lasts until the day ends is as final as its last hour: the base would depend on when the day was closed.
    let last_moment = found.last_seen.min(day.end().plus_seconds(-1));
    candidate(rule, found, account, judged.state_at(last_moment))
}

fn judge_by_rules(
    items: &[Item<'_>],
    past: &mut Past,
    uses: &DayUses<'_>,
    configuration: &Configuration,
    judged: &mut Judged<'_>,
) {
    let mut reader = Rereader::default();
    let mut reader_of_last = Rereader::default();
    let bursts = Bursts::of(items, BURST_SECONDS);
    let mut items = items.iter().peekable();
    while let Some(item) = items.next() {
        // One record stands in several groups when several rules selected it; it is learnt once
        // all of them have judged it.
        let is_last_of_record = items.peek().is_none_or(|next| next.raw != item.raw);
        let events = item.group.map(|group| &group.events);
        reader.record(item.raw, |record| {
            let written = WrittenPolicy::default();
            let light = Light {
                written: &written,
                past,
                uses,
                configuration,
                count: events.map_or(1, DistinctEvents::count),
                burst_calls: bursts.most_around(item),
            };
            let rules = RULES
                .into_iter()
                .filter(|rule| item.only.is_none_or(|only| only == rule.about().id));
            for rule in rules {
                if let Some(hit) = rule.judge(record, &light) {
                    let found =
                        record_candidate(rule, hit, record, item, judged, &mut reader_of_last);
                    if let OnRepeat::NotesAll(since) = found.on_repeat {
                        judged.note_all(&found, since);
                    } else {
                        judged.settle(found);
                    }
                }
            }
            if is_last_of_record {
                past.learn_judged(record, &written);
            }
        });
    }
}

fn record_candidate(
    rule: &dyn Rule,
    hit: Hit,
    record: &Record<'_>,
    item: &Item<'_>,
    judged: &Judged<'_>,
    reader_of_last: &mut Rereader,
) -> Candidate {
    let last = item.group.map(|group| &group.last);
    let last_seen = last.map_or(record.time, |last| last.time);
    let mut event_ids: Vec<String> = record
        .event_id
        .iter()
        .map(|id| id.clone().into_owned())
        .collect();
    if let Some(last) = last.filter(|last| *last.raw != *record.raw) {
        reader_of_last.record(&last.raw, |record| {
            event_ids.extend(record.event_id.iter().map(|id| id.clone().into_owned()));
        });
    }
    let count = item.group.map_or(1, |group| group.events.count());
    let found = DayHit {
        hit,
        region: Some(record.region.clone().into_owned()),
        first_seen: record.time,
        last_seen,
        count,
        new: count,
        event_ids,
        is_told_once: false,
        tells: Vec::new(),
    };
    candidate(rule, found, &record.account, judged.state_at(last_seen))
}

fn candidate(rule: &dyn Rule, found: DayHit, account: &str, state: FindingState) -> Candidate {
    let about = rule.about();
    let hit = found.hit;
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
        event_ids: found.event_ids,
        evidence: hit.evidence,
        attack: about.techniques(),
        practice: about.practice,
        next_steps: hit.next_steps,
        further_keys: hit.further_keys,
        state,
        on_repeat: hit.on_repeat,
        quiet_seconds: RULE_QUIET_DAYS * keytrail_event::time::DAY_SECONDS,
    }
}
