//! What is done for one account: its tallies are taken in, and it is judged.

use std::time::Duration;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::tally::Tally;
use keytrail_event::EventTime;
use keytrail_lambda::{Invocation, Level, log};
use keytrail_store::Store;
use keytrail_store::executor::{ExecuteError, Executor};
use serde_json::Value;

use crate::take::Handed;

/// Days that are folded in one tick: each costs a read and a judgement, and time is limited.
const DAYS_A_TICK: usize = 8;
/// With less time than this no further tick is begun.
const TIME_RESERVED: Duration = Duration::from_secs(60);
/// Times that a step is begun because another writer came first, before its messages come again.
const TRIES_MAX: u32 = 3;

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Records that were new.
    pub new_records: u64,
    /// Records handed over that were known already.
    pub known_records: u64,
    /// Accounts that are still learning, of those that a tick looked at.
    pub learning_accounts: u64,
    /// Days that changed after they had been folded.
    pub stale_days: u64,
    /// Findings with a new revision.
    pub revised: u64,
    /// Days folded.
    pub closed_days: u64,
    /// Accounts of which more was learnt than can be kept: each tick judges their last days again.
    pub unkept_bases: u64,
    /// Times that another writer came first.
    pub conflicts: u64,
}

impl Done {
    /// Adds another step's.
    pub const fn add(&mut self, other: &Self) {
        self.new_records += other.new_records;
        self.known_records += other.known_records;
        self.learning_accounts += other.learning_accounts;
        self.stale_days += other.stale_days;
        self.revised += other.revised;
        self.closed_days += other.closed_days;
        self.unkept_bases += other.unkept_bases;
        self.conflicts += other.conflicts;
    }
}

/// Takes in what the account was handed and judges it; again from what is stored, if another writer came first. What was
/// done is added to what an earlier step did with the same.
pub async fn step<S: Store>(
    store: &S,
    configuration: &Configuration,
    invocation: &Invocation,
    account: &str,
    handed: &Handed,
    done: &mut Done,
) -> Result<(), ExecuteError> {
    let executor = Executor::new(store, configuration).days_a_tick(DAYS_A_TICK);
    let offered: u64 = handed.tallies.values().map(Tally::distinct).sum();
    for number in 1.. {
        let result = once(&executor, invocation, account, handed, done).await;
        // What an earlier try took in is new all the same.
        done.known_records = offered.saturating_sub(done.new_records);
        let is_conflict = matches!(&result, Err(ExecuteError::Store(error)) if error.is_conflict());
        done.conflicts += u64::from(is_conflict);
        if !is_conflict || number >= TRIES_MAX {
            return result;
        }
        let account = [("account", Value::from(account.to_owned()))];
        log(Level::Warning, "another writer came first", account);
    }
    Ok(())
}

async fn once<S: Store>(
    executor: &Executor<'_, S>,
    invocation: &Invocation,
    account: &str,
    handed: &Handed,
    done: &mut Done,
) -> Result<(), ExecuteError> {
    let absorbed = executor.absorb(account, handed.tallies.clone());
    // Boxed, since the futures of SDK calls nest deeper than the compiler likes.
    let absorbed = Box::pin(absorbed).await?;
    done.new_records += absorbed.new_records;
    done.stale_days += absorbed.stale_days;
    if absorbed.changed_days == 0 && handed.tick.is_none() {
        return Ok(());
    }
    // Without a tick the account's own clock stands, and what is open is looked at as of then.
    let clock = handed.tick.unwrap_or(EventTime::from_unix_seconds(0));
    loop {
        let ticked = Box::pin(executor.tick(account, clock)).await?;
        done.revised += ticked.revised;
        done.closed_days += ticked.closed.len() as u64;
        if let Some(bytes) = ticked.unkept_base_bytes {
            done.unkept_bases = 1;
            let fields = [
                ("account", Value::from(account.to_owned())),
                ("bytes", Value::from(bytes)),
                ("days", Value::from(ticked.closed.len())),
            ];
            let what = "what was learnt is too large to be kept: its last days are judged again by each tick";
            log(Level::Error, what, fields);
        }
        // Each sweep ticks each account once, so that the sum over a sweep is the number of accounts.
        done.learning_accounts = u64::from(ticked.is_learning && handed.tick.is_some());
        if !ticked.is_unfinished || invocation.time_left() < TIME_RESERVED {
            return Ok(());
        }
    }
}
