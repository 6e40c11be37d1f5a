//! How many findings a day: the score from which behaviour is reported, from the scores of the last weeks.
//!
//! The threshold extrapolates the tail of principal-day maxima by their mean excess (peaks over threshold:
//! Siffer et al., KDD 2017). A rank alone would page a quiet account once a day for ever, so there is a floor.

use serde::{Deserialize, Serialize};

use super::constants::{
    BUDGET_DAYS, BUDGET_MAXIMA_PER_DAY, BUDGET_PRINCIPAL_DAYS_MIN, BUDGET_RANK_MIN,
};

/// The largest scores of the last days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetHistory {
    days: Vec<DayMaxima>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct DayMaxima {
    day: i64,
    principals: u32,
    /// The largest score of each of the highest principals, highest first.
    highest: Vec<f32>,
}

impl BudgetHistory {
    /// Learns a day: the largest score of each of its principals. Days that raised findings count as well.
    pub fn learn(&mut self, day: i64, maxima: &mut [f64]) {
        maxima.sort_by(|a, b| b.total_cmp(a));
        self.days.push(DayMaxima {
            day,
            principals: maxima.len() as u32,
            highest: maxima
                .iter()
                .take(BUDGET_MAXIMA_PER_DAY)
                .map(|score| *score as f32)
                .collect(),
        });
        self.days.retain(|known| known.day > day - BUDGET_DAYS);
    }

    /// The score that about so many principals a day reach: max(floor, the m-th of the history's scores +
    /// mean excess·ln(m/k)), with k = findings·days and m = max(25, 3k). The floor is a score, too.
    #[must_use]
    pub fn threshold(&self, findings_a_day: f64, floor: f64) -> f64 {
        let principal_days: u64 = self.days.iter().map(|day| u64::from(day.principals)).sum();
        if principal_days < BUDGET_PRINCIPAL_DAYS_MIN {
            return floor;
        }
        let wanted = (findings_a_day * self.days.len() as f64).max(1e-3);
        let rank = (3.0 * wanted).max(BUDGET_RANK_MIN as f64) as usize;
        let mut scores: Vec<f64> = self
            .days
            .iter()
            .flat_map(|day| day.highest.iter().map(|score| f64::from(*score)))
            .collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let Some(least) = scores.get(rank - 1) else {
            return floor;
        };
        let excess: f64 = scores[..rank].iter().map(|score| score - least).sum();
        let mean_excess = excess / rank as f64;
        floor.max(least + mean_excess * libm::log(rank as f64 / wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::super::constants::SCORE_FLOOR;
    use super::*;

    fn history(days: i64, of_day: impl Fn(i64) -> Vec<f64>) -> BudgetHistory {
        let mut history = BudgetHistory::default();
        for day in 0..days {
            history.learn(day, &mut of_day(day));
        }
        history
    }

    #[test]
    fn a_quiet_account_has_the_floor() {
        assert_eq!(history(28, |_| vec![1.0; 3]).threshold(1.0, 20.0), 20.0);
        assert_eq!(history(60, |_| vec![2.0; 50]).threshold(1.0, 20.0), 20.0);
        assert_eq!(BudgetHistory::default().threshold(1.0, 20.0), 20.0);
    }

    #[test]
    fn a_loud_account_gets_what_it_asked_for() {
        // Exponential maxima of 200 principals a day, drawn by a fixed sequence.
        let mut state = 7_u64;
        let mut day = |_| {
            let draw = |_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let uniform = ((state >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
                SCORE_FLOOR - 4.0 - 3.0 * libm::log(uniform)
            };
            (0..200).map(draw).collect::<Vec<f64>>()
        };
        let days: Vec<Vec<f64>> = (0..56).map(&mut day).collect();
        let history = history(28, |day| days[day as usize].clone());
        for wanted in [1.0, 0.2] {
            let threshold = history.threshold(wanted, SCORE_FLOOR);
            let later = days[28..].iter().flatten();
            let alerts = later.filter(|score| **score >= threshold).count() as f64 / 28.0;
            assert!(
                alerts < 1.6 * wanted + 0.1 && alerts > 0.4 * wanted - 0.1,
                "{wanted}: {alerts}"
            );
        }
    }

    #[test]
    fn fewer_findings_need_a_higher_score() {
        let history = history(28, |day| {
            (0..100)
                .map(|i| 8.0 + f64::from(i % 17) + day as f64 / 28.0)
                .collect()
        });
        assert!(history.threshold(0.05, SCORE_FLOOR) > history.threshold(0.2, SCORE_FLOOR));
        assert!(history.threshold(0.2, SCORE_FLOOR) > history.threshold(1.0, SCORE_FLOOR));
    }
}
