//! The engine of a replay: it moves the clock over the state of all accounts, and reads no clock itself.

use std::collections::BTreeMap;

use keytrail_event::{Day, EventTime};

use crate::base::Standing;
use crate::bounds::CLOSE_LAG_SECONDS;
use crate::configuration::Configuration;
use crate::judge::judge;
use crate::plan::Plan;
use crate::state::State;
use crate::uses::AccountDay;

/// Moves the clock: judges, learns and closes every day that is due, in order.
pub fn advance(
    state: &mut State,
    clock: EventTime,
    configuration: &Configuration,
    mut emit: impl FnMut(Plan),
) {
    while let Some(day) = state.earliest_day().filter(|day| is_due(*day, clock)) {
        let State { open, bases, .. } = state;
        for account_day in AccountDay::of_day(open, day) {
            let base = bases.entry(account_day.account().to_owned()).or_default();
            let plan = judge(base, None, &account_day, clock, configuration);
            base.learn(&plan);
            emit(plan);
        }
        state.close(day);
    }
    state.close_before(clock);
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
    // What open days add to an account is known to the days behind them, and learnt by nobody.
    let mut ahead: BTreeMap<String, Standing> = BTreeMap::new();
    for day in state.open_days() {
        for account_day in AccountDay::of_day(&state.open, day) {
            let account = account_day.account();
            let base = state.bases.entry(account.to_owned()).or_default();
            let plan = judge(base, ahead.get(account), &account_day, clock, configuration);
            ahead.insert(account.to_owned(), plan.standing.clone());
            emit(plan);
        }
    }
}

/// Whether a day closes at this time.
#[must_use]
pub fn is_due(day: Day, clock: EventTime) -> bool {
    clock >= day.end().plus_seconds(CLOSE_LAG_SECONDS)
}
