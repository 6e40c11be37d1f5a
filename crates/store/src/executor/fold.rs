//! Folding an account's days from where a base stands, and looking at those that are open.

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_detect::account_day::AccountDay;
use keytrail_detect::base::Base;
use keytrail_detect::engine::is_due;
use keytrail_detect::judge::judge;
use keytrail_detect::packed_finding::PackedFinding;
use keytrail_detect::plan::{Metrics, Plan};
use keytrail_event::{Day, EventTime};

use super::{ExecuteError, Executor};
use crate::Store;

/// A fold under way.
#[derive(Debug)]
pub(super) struct Fold {
    pub base: Base,
    /// The findings that the days judged so far left, by episode.
    pub standing: BTreeMap<Arc<str>, PackedFinding>,
    /// The findings that stood before the first judged day, by id.
    pub before: BTreeMap<String, PackedFinding>,
    pub metrics: Metrics,
    /// The days that were folded.
    pub closed: Vec<Day>,
}

impl Fold {
    pub fn from(base: Base) -> Self {
        Self {
            before: base.standing().episodes().clone(),
            base,
            standing: BTreeMap::new(),
            metrics: Metrics::default(),
            closed: Vec::new(),
        }
    }

    fn take(&mut self, plan: &Plan) {
        self.metrics.add(&plan.metrics);
        for finding in &plan.findings {
            self.standing
                .insert(Arc::clone(finding.episode()), finding.clone());
        }
    }
}

impl<S: Store> Executor<'_, S> {
    /// Folds these days, all of them due, in order.
    pub(super) async fn fold(
        &self,
        account: &str,
        fold: &mut Fold,
        days: &[Day],
        clock: EventTime,
    ) -> Result<(), ExecuteError> {
        for day in days {
            debug_assert!(is_due(*day, clock), "only days that are due are folded");
            let plan = {
                let base = &fold.base;
                self.plan(account, *day, |account_day| {
                    judge(base, None, account_day, clock, self.configuration)
                })
                .await?
            };
            if let Some(plan) = plan {
                fold.base.learn(&plan);
                fold.take(&plan);
            }
            fold.closed.push(*day);
        }
        Ok(())
    }

    /// Judges these open days, in order, of which nobody learns.
    pub(super) async fn look(
        &self,
        account: &str,
        fold: &mut Fold,
        days: &[Day],
        clock: EventTime,
    ) -> Result<(), ExecuteError> {
        let mut ahead = None;
        for day in days {
            let base = &fold.base;
            let plan = self
                .plan(account, *day, |account_day| {
                    judge(base, ahead.as_ref(), account_day, clock, self.configuration)
                })
                .await?;
            if let Some(plan) = plan {
                fold.take(&plan);
                ahead = Some(plan.standing);
            }
        }
        Ok(())
    }

    async fn plan(
        &self,
        account: &str,
        day: Day,
        judge: impl FnOnce(&AccountDay<'_>) -> Plan,
    ) -> Result<Option<Plan>, ExecuteError> {
        let Some(stored) = self.store.read_tally(account, day).await? else {
            return Ok(None);
        };
        let tally = self.decode(account, day, &stored.value)?;
        // A day is large: its bytes go before it is judged.
        drop(stored);
        let days = AccountDay::of_day(&tally, day);
        let own = days.iter().find(|of_day| of_day.account() == account);
        Ok(own.map(judge))
    }
}
