//! A replay into a state file: what was read before is known, and nothing is counted twice.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::digest_chain::{by_region, is_back};
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::packed_finding::Packer;
use keytrail_detect::plan::Metrics;
use keytrail_detect::rules::log_gap::Gap;
use keytrail_detect::tally::{Tally, TallyCounts};
use keytrail_event::digest::file_stem;
use keytrail_event::{Day, EventTime};
use keytrail_report::summary::Coverage;
use keytrail_report::{counted, escape};
use keytrail_store::bounds::VALUE_BYTES_MAX;
use keytrail_store::executor::{Absorbed, Executor, Refolded};
use keytrail_store::{SqliteStore, Store};
use pollster::block_on;

use super::Replayed;
use super::collect::{Intake, collect};
use super::room::Room;
use crate::digests::{SeenByRegion, Span, Verified, verify_files};
use crate::finding_list::FindingList;
use crate::input::{Discovered, InputFile};
use crate::progress::Progress;
use crate::state_file::in_state;
use crate::talk::Talk;
use crate::threads::Threads;

/// Replays the files into a state. The findings are all that stand in it.
///
/// # Errors
/// When the reading threads fail, or the state can not be read or written.
pub fn replay(
    found: &Discovered,
    store: &SqliteStore,
    threads: usize,
    progress: &Progress,
    configuration: &Configuration,
    room: Room,
    talk: Talk,
) -> anyhow::Result<Replayed> {
    let executor = Executor::new(store, configuration);
    let mut kept = Kept {
        executor: &executor,
        counts: TallyCounts::default(),
        absorbed: Absorbed::default(),
    };
    let mut coverage = Coverage::default();
    let newest = collect(
        found,
        &Threads::new(threads.min(found.files.len()))?,
        room.reading,
        progress,
        &mut coverage,
        &mut kept,
    )?;
    note_gaps(found, &executor, threads, talk)?;
    progress.finish();
    let Kept {
        mut counts,
        absorbed,
        ..
    } = kept;
    counts.notables_not_carried += absorbed.not_carried;
    if absorbed.pruned_records > 0 {
        let records = counted(absorbed.pruned_records, "record", "records");
        talk.say(format_args!(
            "{records} came for days that were pruned: those days were judged before, and are not judged again"
        ));
    }
    let judged = judge(&executor, newest, talk)?;
    Ok(Replayed {
        coverage,
        findings: judged.findings,
        counts,
        distinct: absorbed.new_records.min(counts.kept),
        learning_accounts: judged.learning_accounts,
        forgotten_pairs: judged.forgotten_pairs,
        metrics: judged.metrics,
        outgrown: None,
        scores: Vec::new(),
    })
}

/// Notes what the digests among the files show, and what they show to be whole again.
fn note_gaps<S: Store>(
    found: &Discovered,
    executor: &Executor<'_, S>,
    threads: usize,
    talk: Talk,
) -> anyhow::Result<()> {
    let known = block_on(executor.store().accounts()).map_err(in_state)?;
    let mut seen = seen_before(found, executor, &known)?;
    let verified = verify_files(found, threads, Span::default(), None, &seen)?;
    if verified.digests == 0 && seen.is_empty() {
        return Ok(());
    }
    let Verified {
        verification,
        log_files,
        endings,
        ..
    } = &verified;
    for chain in &verification.chains {
        // Who has no records has nothing that goes on.
        if known.contains(&chain.name.account) {
            let region = (chain.name.account.clone(), chain.name.region.clone());
            seen.entry(region).or_default();
        }
    }
    let mut accounts: BTreeMap<String, Vec<Gap>> = BTreeMap::new();
    for account in known {
        accounts.insert(account, Vec::new());
    }
    for gap in verification.within_archive(log_files) {
        let region = (gap.account.clone(), gap.region.clone());
        if !seen.get(&region).is_some_and(|seen| seen.told(&gap)) {
            accounts.entry(gap.account.clone()).or_default().push(gap);
        }
    }
    let files = by_region(log_files);
    for ((account, region), seen) in &mut seen {
        let name = (account.as_str(), region.as_str());
        let files = files.get(&name).map(Vec::as_slice).unwrap_or_default();
        let gaps = seen.take(name, verification, files, endings);
        accounts.entry(account.clone()).or_default().extend(gaps);
    }
    let is_mended = |gap: &Gap| verification.mends(gap) || is_back(gap, log_files);
    for (account, gaps) in &accounts {
        let noting = executor.note_gaps(account, gaps, is_mended);
        let surplus = block_on(noting).map_err(in_state)?;
        if surplus > 0 {
            let account = escape::terminal(account);
            talk.say(format_args!(
                "{surplus} gaps of log files of account {account} are too many to keep; keytrail verify names all of them"
            ));
        }
    }
    for ((account, region), seen) in seen {
        block_on(executor.keep_seen(&account, &region, seen)).map_err(in_state)?;
    }
    Ok(())
}

/// What earlier runs saw of the accounts and Regions that these files are of.
fn seen_before<S: Store>(
    found: &Discovered,
    executor: &Executor<'_, S>,
    known: &[String],
) -> anyhow::Result<SeenByRegion> {
    let mut regions = BTreeSet::new();
    for path in found.files.iter().filter_map(InputFile::path) {
        let stem = file_stem(path.to_str().unwrap_or_default());
        let mut parts = stem.split('_');
        if let (Some(account), Some(_product), Some(region)) =
            (parts.next(), parts.next(), parts.next())
            && known.iter().any(|known| known == account)
        {
            regions.insert((account.to_owned(), region.to_owned()));
        }
    }
    let mut all = SeenByRegion::new();
    for (account, region) in regions {
        let seen = block_on(executor.seen(&account, &region)).map_err(in_state)?;
        all.extend(seen.map(|seen| ((account, region), seen)));
    }
    Ok(all)
}

/// What judging all accounts of a state came to.
#[derive(Debug, Default)]
pub struct Judged {
    /// The findings that stand, sorted by (episode, id).
    pub findings: FindingList,
    /// Accounts that are still being learnt.
    pub learning_accounts: u64,
    /// Pairs that were forgotten because an account had too many.
    pub forgotten_pairs: u64,
    /// What was counted while judging.
    pub metrics: Metrics,
}

/// Judges every account of a state as of the newest stamp, or of the latest that was read before.
///
/// # Errors
/// When the state can not be read or written.
pub fn judge<S: Store>(
    executor: &Executor<'_, S>,
    newest: Option<EventTime>,
    talk: Talk,
) -> anyhow::Result<Judged> {
    let accounts = block_on(executor.store().accounts()).map_err(in_state)?;
    let mut clock = newest.map(|newest| newest.plus_seconds(CLOSE_LAG_SECONDS));
    for account in &accounts {
        // The clock is that of the deliveries, and one for all accounts.
        clock = clock.max(block_on(executor.clock(account)).map_err(in_state)?);
    }
    let Some(clock) = clock else {
        return Ok(Judged::default());
    };
    let mut judged = Judged::default();
    for account in &accounts {
        let ticked = block_on(executor.tick(account, clock)).map_err(in_state)?;
        if let Some(refolded) = &ticked.refolded {
            talk.say(refolded_in_words(refolded, account, ticked.closed.len()));
            let pruned = block_on(executor.pruned(account)).map_err(in_state)?;
            if let Some(pruned) = pruned.filter(|pruned| !pruned.is_known()) {
                let account = escape::terminal(account);
                let why = match pruned.is_lost() {
                    true => "what they taught could not be read any more",
                    false => "another version of keytrail learnt from them",
                };
                talk.say(format!(
                    "Account {account} is learnt from {} on: records before that were pruned, and {why}",
                    pruned.before
                ));
            }
        }
        if let Some(bytes) = ticked.unkept_base_bytes {
            let account = escape::terminal(account);
            talk.say(format_args!(
                "What was learnt of account {account} has {bytes} bytes, and at most {VALUE_BYTES_MAX} can be kept: the next replay judges its last {} days again",
                ticked.closed.len()
            ));
        }
        judged.learning_accounts += u64::from(ticked.is_learning);
        judged.forgotten_pairs += ticked.forgotten_pairs;
        judged.metrics.add(&ticked.metrics);
    }
    judged.findings = standing(executor)?;
    Ok(judged)
}

/// The findings that stand in a state, sorted by (episode, id).
///
/// # Errors
/// When the state can not be read.
pub fn standing<S: Store>(executor: &Executor<'_, S>) -> anyhow::Result<FindingList> {
    let mut all = Vec::new();
    let mut packer = Packer::default();
    for account in block_on(executor.store().accounts()).map_err(in_state)? {
        let take = |finding: Finding| {
            if finding.state != FindingState::Withdrawn {
                all.push(packer.pack(&finding));
            }
        };
        block_on(executor.each_finding(&account, take)).map_err(in_state)?;
    }
    Ok(all.into())
}

fn refolded_in_words(refolded: &Refolded, account: &str, days: usize) -> String {
    let why = match refolded {
        Refolded::Delivery(day) => {
            format!("its records from {day} on are others than before, or were to be judged again")
        }
        Refolded::Configuration => "the configuration is another one".to_owned(),
        Refolded::Mathematics => "they were judged by another version of keytrail".to_owned(),
        Refolded::Damaged(why) => format!(
            "what was learnt of them could not be read ({})",
            escape::terminal(why)
        ),
    };
    let days = match days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let account = escape::terminal(account);
    format!("Judged {days} of account {account} again: {why}")
}

struct Kept<'e, S> {
    executor: &'e Executor<'e, S>,
    counts: TallyCounts,
    absorbed: Absorbed,
}

impl<S: Store> Intake for Kept<'_, S> {
    fn reach(&mut self, _: EventTime) -> anyhow::Result<()> {
        Ok(())
    }

    fn take(&mut self, tally: Tally) -> anyhow::Result<()> {
        self.counts.add(&tally.counts);
        self.counts.notables_not_carried += tally.notables.dropped() + tally.groups.dropped();
        let mut accounts: BTreeMap<String, BTreeMap<Day, Tally>> = BTreeMap::new();
        for ((account, day), tally) in tally.into_account_days() {
            accounts.entry(account).or_default().insert(day, tally);
        }
        for (account, days) in accounts {
            let absorbed = block_on(self.executor.absorb(&account, days)).map_err(in_state)?;
            self.absorbed.add(&absorbed);
        }
        Ok(())
    }
}
