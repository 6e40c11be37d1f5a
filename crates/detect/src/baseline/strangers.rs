//! A key's own side of a new user: how often it gets one whose peers never used it.
//!
//! A principal that was never seen has no history of its own to be held to, but the key has: a key that only ever
//! had users of one team is not opened by another team's new role every week.

use serde::{Deserialize, Serialize};

use super::constants::{
    STRANGER_DAYS_PRIOR, STRANGER_WEIGHT_DAYS, STRANGERS_PRIOR, USERS_KNOWN_DAYS,
};
use super::decay::surprise;

/// New users whose peers never used the key, and the days of use they came on, both decayed: of one key, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Strangers {
    came: f32,
    days: f32,
}

impl Strangers {
    /// Whether a key known for so many days has users enough that a stranger can be told from them.
    #[must_use]
    pub const fn are_told(age_days: i64) -> bool {
        age_days >= USERS_KNOWN_DAYS
    }

    /// Learns a day of use of one key.
    pub fn learn(&mut self, came: f32) {
        self.came += came;
        self.days += 1.0;
    }

    /// Lets everything fade.
    pub fn fade(&mut self, factor: f32) {
        self.came *= factor;
        self.days *= factor;
    }

    /// −log10 of how often a stranger comes to this key on a day of use, held to how often one comes to any key. The
    /// factors are the decays since both were learnt. 0 and more.
    #[must_use]
    pub fn judge(&self, factor: f64, of_all: &Self, factor_of_all: f64) -> f64 {
        let usual = (f64::from(of_all.came) * factor_of_all + STRANGERS_PRIOR)
            / (f64::from(of_all.days) * factor_of_all + STRANGER_DAYS_PRIOR);
        let (came, days) = self.faded(factor);
        surprise((came + STRANGER_WEIGHT_DAYS * usual) / (days + STRANGER_WEIGHT_DAYS)).max(0.0)
    }

    /// Strangers and days of use, decayed by a factor.
    #[must_use]
    pub fn faded(&self, factor: f64) -> (f64, f64) {
        (f64::from(self.came) * factor, f64::from(self.days) * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(days: u32, strangers_every: u32) -> Strangers {
        let mut strangers = Strangers::default();
        for day in 1..=days {
            let is_day = strangers_every > 0 && day % strangers_every == 0;
            strangers.learn(f32::from(u8::from(is_day)));
        }
        strangers
    }

    #[test]
    fn a_closed_key_is_opened_by_strangers_less_often_than_a_shared_one() {
        let all = of(400, 40);
        let [closed, shared] = [of(20, 0), of(20, 4)].map(|key| key.judge(1.0, &all, 1.0));
        assert!(closed > 2.2, "{closed}");
        assert!(shared < 1.0, "{shared}");
    }

    #[test]
    fn a_key_that_is_hardly_known_is_taken_for_one_of_all() {
        let [open, closed] = [of(400, 4), of(400, 0)];
        let young = of(1, 0);
        assert!(young.judge(1.0, &open, 1.0) < 1.0);
        assert!(young.judge(1.0, &closed, 1.0) > 3.0);
        assert!(Strangers::default().judge(1.0, &Strangers::default(), 1.0) > 1.0);
    }
}
