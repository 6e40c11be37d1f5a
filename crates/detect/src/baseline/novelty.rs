//! New values: how unlikely it is that this principal shows this value.
//!
//! The probability of a new edge: Sanna Passino and Heard, Foundations of Data Science 1(3), 2019. A
//! principal shows something new at its own rate ν; what it shows then is drawn from its peers and the
//! account; otherwise it shows what it showed before.

use std::cmp::Ordering;

use super::canonical::Class;
use super::constants::{
    ACCOUNT_DAYS_PRIOR, ACCOUNT_TOKENS_PRIOR, ACCOUNT_WEIGHT, CLASS_WEIGHT_DAYS,
    DEPLOY_PROBABILITY, KEY_DAYS_PRIOR, KEY_NEW_PRINCIPALS_PRIOR, KEY_PATH_PRIOR, KEYS_MIN,
    NEW_DAYS_PRIOR, NEW_TOKENS_PRIOR, OVERFLOW_RATE_MIN, REACH_PRIOR_VALUES, UNSEEN_RATE,
    VALUE_OFFSET,
};
use super::decay::{HABIT, surprise};
use super::facts::PrincipalFacts;
use super::features::Feature;
use super::state::{KeyBaseline, PrincipalBaseline, Shared, age_of, table_of};
use super::strangers::Strangers;
use super::view::{Known, View};

/// A value's surprise with the numbers it was made from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Novelty {
    /// max(0, −log10 of the probability − 0.7).
    pub surprise: f64,
    /// The principal's decayed days with the value.
    pub own_days: f64,
    /// Its peers' decayed days with the value, and all of their days.
    pub peers: (f64, f64),
    /// The rest of the account's.
    pub account: (f64, f64),
    /// Of a key that a stranger opens: its strangers before, and its days of use.
    pub strangers: Option<(f64, f64)>,
}

/// How often a principal shows something new in this table, a day, at most 1. A principal never seen
/// shows something new on every second day at least.
pub(super) fn rate(
    view: &View<'_>,
    facts: &PrincipalFacts<'_>,
    known: &Known<'_>,
    table: usize,
) -> f64 {
    let age = age_of(known.principal.map_or(0, |known| known.active_days));
    let (new, days) = view
        .base
        .class(facts.class)
        .map_or((0.0, 0.0), |class| class.rates[table][age]);
    let of_class = (f64::from(new) * view.factor + NEW_TOKENS_PRIOR)
        / (f64::from(days) * view.factor + NEW_DAYS_PRIOR);
    let Some(principal) = known.principal else {
        return of_class.clamp(UNSEEN_RATE, 1.0);
    };
    let own = (f64::from(principal.new[table]) * known.factor + CLASS_WEIGHT_DAYS * of_class)
        / (known.days() + CLASS_WEIGHT_DAYS);
    if OF_A_FIRST.contains(&table) && principal.tables[table].is_empty() {
        return 1.0;
    }
    let least = if overflowed(principal, table) {
        OVERFLOW_RATE_MIN
    } else {
        0.0
    };
    own.clamp(least, 1.0)
}

/// Tables whose first value must be new: of a principal's first direct call the network and the agent. That it calls
/// directly is told by the service path.
pub(super) const OF_A_FIRST: [usize; 2] = [0, 1];

fn overflowed(principal: &PrincipalBaseline, table: usize) -> bool {
    if Some(table) == table_of(Feature::Key) {
        principal.pairs_overflowed
    } else {
        principal.tables[table].overflowed()
    }
}

/// The surprise of a value with a table of its own: network, agent, Region, path, operation, grantee.
pub(super) fn value(
    view: &View<'_>,
    class: Class,
    known: &Known<'_>,
    table: usize,
    rate: f64,
    name: Option<u64>,
) -> Novelty {
    let mut novelty = Novelty::default();
    let own = match (known.principal, name) {
        (Some(principal), Some(id)) => principal.tables[table].tokens(id) * known.factor,
        _ => 0.0,
    };
    let days = known.days();
    let others = |shared: Option<&super::state::Shared>| {
        shared.map_or((0.0, 0.0), |shared| {
            let factor = f64::from(HABIT.over(view.day - shared.day));
            let tokens = name.map_or(0.0, |id| shared.tables[table].tokens(id)) * factor;
            let principal_days = f64::from(shared.principal_days) * factor;
            ((tokens - own).max(0.0), (principal_days - days).max(0.0))
        })
    };
    novelty.own_days = own;
    novelty.peers = others(known.group);
    novelty.account = others(Some(&view.base.shared));
    let of_account =
        (novelty.account.0 + ACCOUNT_TOKENS_PRIOR) / (novelty.account.1 + ACCOUNT_DAYS_PRIOR);
    let mut share = base_share(novelty.peers, of_account);
    if COMPARED_BY_REACH.contains(&table) {
        let is_unknown = novelty.peers.0 <= 0.0 && novelty.account.0 <= 0.0;
        share = share.max(reach(view, class, table, is_unknown));
    }
    novelty.surprise = predicted(rate, share, own, days);
    novelty
}

/// Tables whose values nobody expects one by one: which network or grantee it is that is new says nothing, but how far
/// it is new does. So it is with keys that nobody used, see [`key`].
const COMPARED_BY_REACH: [usize; 2] = [0, 6];

/// How often a new value of this class is one that nobody among the peers showed before, or even nobody in the
/// account: the chance of one at least as strange, learnt as Good and Turing count species never met.
fn reach(view: &View<'_>, class: Class, table: usize, is_unknown: bool) -> f64 {
    let of = |class: Class| {
        let [peers, account, nobody] = view
            .base
            .class(class)
            .map_or([0.0; 3], |class| class.reach[table]);
        let all = f64::from(peers + account + nobody) * view.factor;
        let known = if is_unknown { peers + account } else { peers };
        (all - f64::from(known) * view.factor, all)
    };
    let (mut strange, mut all) = (0.0, 0.0);
    for class in Class::ALL {
        let of_class = of(class);
        strange += of_class.0;
        all += of_class.1;
    }
    // One of two, before anything is known.
    let of_account = (strange + 1.0) / (all + 2.0);
    let (strange, all) = of(class);
    (strange + REACH_PRIOR_VALUES * of_account) / (all + REACH_PRIOR_VALUES)
}

/// The surprise of a key.
pub(super) fn key(
    view: &View<'_>,
    facts: &PrincipalFacts<'_>,
    known: &Known<'_>,
    rate: f64,
    key: u32,
) -> Novelty {
    let mut novelty = Novelty::default();
    let own_of = |key: &KeyBaseline| {
        let pair = known
            .principal
            .and_then(|principal| principal.pair(key.number));
        pair.map_or(0.0, |pair| {
            f64::from(pair.days) * f64::from(HABIT.over(view.day - pair.day))
        })
    };
    let table = table_of(Feature::Key).unwrap_or_default();
    // A replica in another Region is the same key: the one that is known best says what is usual, first by the
    // principal itself, then by its peers, then by anybody.
    let known_by = |key: &KeyBaseline| {
        let tokens = |shared: Option<&Shared>| {
            shared.map_or(0.0, |shared| shared.tables[table].tokens(key.number.into()))
        };
        let everybody = tokens(Some(&view.base.shared));
        [own_of(key), tokens(known.group), everybody]
    };
    let baseline = view
        .replicas(key)
        .max_by(|a, b| compare(&known_by(a), &known_by(b)));
    let own = baseline.map_or(0.0, own_of);
    let new_of_key = baseline.map_or(0.0, |key| {
        f64::from(key.new_principals) * f64::from(HABIT.over(view.day - key.day))
    });
    let new_of_all = f64::from(view.base.new_principals_of_keys) * view.factor;
    let keys = view.base.keys.len() as f64;
    let of_account = (new_of_key + KEY_NEW_PRINCIPALS_PRIOR)
        / (new_of_all + KEY_NEW_PRINCIPALS_PRIOR * keys.max(KEYS_MIN));
    let days = known.days();
    let others = |shared: Option<&Shared>| {
        shared.map_or((0.0, 0.0), |shared| {
            let factor = f64::from(HABIT.over(view.day - shared.day));
            let tokens =
                baseline.map_or(0.0, |key| shared.tables[table].tokens(key.number.into())) * factor;
            let principal_days = f64::from(shared.principal_days) * factor;
            ((tokens - own).max(0.0), (principal_days - days).max(0.0))
        })
    };
    novelty.own_days = own;
    novelty.peers = others(known.group);
    novelty.account = others(Some(&view.base.shared));
    let (mut rate, mut share) = (rate, base_share(novelty.peers, of_account));
    if baseline.is_none() {
        // Which of the keys that nobody ever used it is says nothing; that it is one of them does.
        share = share.max(reach(view, facts.class, table, true));
    }
    if view.is_deployed(key) {
        rate = rate.max(DEPLOY_PROBABILITY);
        share = share.max(DEPLOY_PROBABILITY);
    }
    if is_in_new_region(view, known, key) {
        rate = 1.0;
    }
    if facts.class != Class::Service {
        novelty.surprise = predicted(rate, share, own, days);
        if known.principal.is_none() {
            of_a_stranger(view, key, &mut novelty);
        }
    }
    novelty
}

/// A principal never seen, whose peers never used a key, is judged by the key as well: the larger of its own surprise
/// and of how often such a one comes to this key.
fn of_a_stranger(view: &View<'_>, key: u32, novelty: &mut Novelty) {
    let known = view
        .key(key)
        .filter(|known| Strangers::are_told(view.day - known.first_day));
    let Some(known) = known.filter(|_| novelty.peers.0 <= 0.0 && !view.is_deployed(key)) else {
        return;
    };
    let factor = f64::from(HABIT.over(view.day - known.day));
    let rarity = known
        .strangers
        .judge(factor, &view.base.strangers, view.factor);
    novelty.strangers = Some(known.strangers.faded(factor));
    novelty.surprise = novelty.surprise.max(rarity - VALUE_OFFSET);
}

/// The order of numbers that count one after the other.
fn compare(a: &[f64; 3], b: &[f64; 3]) -> Ordering {
    let each = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    each.fold(Ordering::Equal, Ordering::then)
}

/// Whether a key is in a Region where a known principal never was: whichever key it uses there must be new to it. That
/// it is in that Region is told by the Region.
fn is_in_new_region(view: &View<'_>, known: &Known<'_>, key: u32) -> bool {
    let Some(principal) = known.principal else {
        return false;
    };
    let Some(region) = view.region_of(key) else {
        return false;
    };
    let table = table_of(Feature::Region).unwrap_or_default();
    region.is_none_or(|number| principal.tables[table].tokens(number.into()) <= 0.0)
}

/// The surprise of a path or context on a key, from the other days of that value on that key.
pub(super) fn on_key(rate: f64, of_key: (f64, f64), own: f64, own_days: f64) -> f64 {
    let share = (of_key.0 + KEY_PATH_PRIOR) / (of_key.1 + KEY_DAYS_PRIOR);
    predicted(rate, share.min(1.0), own, own_days)
}

/// The share of a value in what peers newly show: theirs, held to the account's.
fn base_share(peers: (f64, f64), of_account: f64) -> f64 {
    ((peers.0 + ACCOUNT_WEIGHT * of_account) / (peers.1 + ACCOUNT_WEIGHT)).min(1.0)
}

/// max(0, −log10(ν q + (1 − ν) own share) − 0.7).
fn predicted(rate: f64, share: f64, own: f64, own_days: f64) -> f64 {
    let habit = (own / own_days.max(1.0)).min(1.0);
    (surprise(rate * share + (1.0 - rate) * habit) - VALUE_OFFSET).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_is_no_surprise_and_a_stranger_is() {
        assert_eq!(predicted(0.05, 0.001, 9.0, 10.0), 0.0);
        let alone = predicted(0.05, 0.0005, 0.0, 10.0);
        let shared = predicted(0.05, 0.6, 0.0, 10.0);
        assert!(alone > 3.5 && shared < 1.0, "{alone} {shared}");
    }

    #[test]
    fn a_path_never_seen_on_a_key_surprises_the_more_the_better_the_key_is_known() {
        let young = on_key(0.05, (0.0, 1.0), 0.0, 1.0);
        let old = on_key(0.05, (0.0, 15.0), 0.0, 10.0);
        assert!(old > young + 0.8, "{young} {old}");
        assert!(on_key(0.05, (14.0, 15.0), 0.0, 10.0) < 1.0);
    }
}
