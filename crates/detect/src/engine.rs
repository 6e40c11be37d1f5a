//! The engine of a replay: it moves the clock over the state of all accounts, and reads no clock itself.
//! It starts no thread either: who judges accounts at once is told to it ([`Workers`]).

use std::collections::BTreeMap;

use keytrail_event::{Day, EventTime};

use crate::account_day::AccountDay;
use crate::base::{Base, Standing};
use crate::bounds::CLOSE_LAG_SECONDS;
use crate::configuration::Configuration;
use crate::judge::judge;
use crate::plan::Plan;
use crate::state::State;

/// Who judges the accounts of a day, which know nothing of each other.
pub trait Workers {
    /// How many accounts are judged at once: their plans are in memory together. At least one.
    fn count(&self) -> usize;

    /// Does the work for each item, and returns one result for each, in the items' order.
    fn each<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R>;
}

/// One account after the other, on the thread that asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneByOne;

impl Workers for OneByOne {
    fn count(&self) -> usize {
        1
    }

    fn each<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        items.into_iter().map(work).collect()
    }
}

/// Moves the clock: judges, learns and closes every day that is due, in order. `emit` takes the plans of a day in the
/// order of their accounts, whoever judged them.
pub fn advance(
    state: &mut State,
    clock: EventTime,
    configuration: &Configuration,
    workers: &impl Workers,
    mut emit: impl FnMut(Plan),
) {
    while let Some(day) = state.earliest_day().filter(|day| is_due(*day, clock)) {
        let judge_and_learn = |account_day: &AccountDay<'_>, base: &mut Base| {
            let plan = judge(base, None, account_day, clock, configuration);
            base.learn(&plan);
            plan
        };
        each_account(state, day, workers, judge_and_learn, &mut emit);
        state.close(day);
    }
    state.close_before(clock);
}

/// The last tick of an input that ended: what is due closes, what is still open is looked at.
pub fn finish(
    state: &mut State,
    newest_stamp: EventTime,
    configuration: &Configuration,
    workers: &impl Workers,
    mut emit: impl FnMut(Plan),
) {
    let clock = newest_stamp.plus_seconds(CLOSE_LAG_SECONDS);
    advance(state, clock, configuration, workers, &mut emit);
    // What open days add to an account is known to the days behind them, and learnt by nobody.
    let mut ahead: BTreeMap<String, Standing> = BTreeMap::new();
    for day in state.open_days() {
        let look = |account_day: &AccountDay<'_>, base: &mut Base| {
            let ahead = ahead.get(account_day.account());
            judge(base, ahead, account_day, clock, configuration)
        };
        let mut standings = Vec::new();
        each_account(state, day, workers, look, |plan| {
            standings.push((plan.account.clone(), plan.standing.clone()));
            emit(plan);
        });
        ahead.extend(standings);
    }
}

/// Makes the plans of all accounts of a day, each of its own base.
fn each_account(
    state: &mut State,
    day: Day,
    workers: &impl Workers,
    plan_of: impl Fn(&AccountDay<'_>, &mut Base) -> Plan + Sync,
    mut emit: impl FnMut(Plan),
) {
    let State { open, bases, .. } = state;
    let mut account_days = AccountDay::of_day(open, day).into_iter().peekable();
    while account_days.peek().is_some() {
        let some = account_days.by_ref().take(workers.count().max(1));
        let with_bases = some.map(|account_day| {
            let base = bases.remove(account_day.account()).unwrap_or_default();
            (account_day, base)
        });
        let planned = workers.each(with_bases.collect(), |(account_day, mut base)| {
            let plan = plan_of(&account_day, &mut base);
            (plan, base)
        });
        for (plan, base) in planned {
            bases.insert(plan.account.clone(), base);
            emit(plan);
        }
    }
}

/// Whether a day closes at this time.
#[must_use]
pub fn is_due(day: Day, clock: EventTime) -> bool {
    clock >= day.end().plus_seconds(CLOSE_LAG_SECONDS)
}
