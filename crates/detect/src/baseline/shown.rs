//! What a principal showed on a day, into its tables, its peers' and the account's.

use super::constants::{
    AGENTS_MAX, CONTEXTS_MAX, GRANTEES_MAX, NETWORKS_MAX, OPERATIONS_MAX, PAIRS_PER_PRINCIPAL_MAX,
    PATHS_MAX, REGIONS_MAX, SHARED_VALUES_MAX,
};
use super::decay::HABIT;
use super::features::Feature;
use super::state::{PairBaseline, PrincipalBaseline, Shared, TABLES, table_of};
use super::volume::Stream;

/// The tables a principal's values go into.
pub(super) struct Shown<'a> {
    pub own: &'a mut PrincipalBaseline,
    pub group: &'a mut Shared,
    pub account: &'a mut Shared,
    /// What the peers and the account showed before the day, so that the order of principals has no say.
    pub peers_before: Option<&'a Shared>,
    pub account_before: &'a Shared,
    /// Whether a table was empty before the day, where a first value must be new.
    pub is_first: [bool; TABLES],
    /// New values by table.
    pub new: [f32; TABLES],
    /// The same by who showed them before: peers, the account, nobody.
    pub reach: [[f32; 3]; TABLES],
}

impl Shown<'_> {
    pub fn value(&mut self, table: usize, id: u64) {
        let is_new = self.own.tables[table].add(id, 1.0, TABLE_MAX[table]);
        let is_new = is_new && !self.is_first[table];
        self.new[table] += f32::from(u8::from(is_new));
        if is_new {
            self.reaches(table, id);
        }
        self.group.tables[table].add(id, 1.0, SHARED_VALUES_MAX);
        self.account.tables[table].add(id, 1.0, SHARED_VALUES_MAX);
    }

    /// Counts a new value by who showed it before.
    fn reaches(&mut self, table: usize, id: u64) {
        let is_known = |shared: &Shared| shared.tables[table].tokens(id) > 0.0;
        let who = match self.peers_before {
            Some(peers) if is_known(peers) => 0,
            _ if is_known(self.account_before) => 1,
            _ => 2,
        };
        self.reach[table][who] += 1.0;
    }

    /// Contexts belong to keys, which keep their own count of them.
    pub fn context(&mut self, id: u64) {
        let table = table_of(Feature::Context).unwrap_or_default();
        let is_new = self.own.tables[table].add(id, 1.0, CONTEXTS_MAX);
        self.new[table] += f32::from(u8::from(is_new));
    }

    /// Whether the peers used a key before the day.
    pub fn is_known_to_peers(&self, key: u32) -> bool {
        let table = table_of(Feature::Key).unwrap_or_default();
        self.peers_before
            .is_some_and(|peers| peers.tables[table].tokens(key.into()) > 0.0)
    }

    /// Learns a day of a pair. True when the pair is new.
    pub fn pair(&mut self, key: u32, day: i64, learn: impl FnOnce(&mut Stream)) -> bool {
        let pairs = &mut self.own.pairs;
        let (place, is_new) = match pairs.binary_search_by_key(&key, |pair| pair.key) {
            Ok(place) => (place, false),
            Err(place) => {
                let pair = PairBaseline {
                    key,
                    first_day: day,
                    day,
                    ..PairBaseline::default()
                };
                pairs.insert(place, pair);
                (place, true)
            }
        };
        let pair = &mut pairs[place];
        let factor = HABIT.over(day - pair.day);
        pair.day = day;
        pair.calls.fade(factor);
        pair.days = pair.days * factor + 1.0;
        learn(&mut pair.calls);
        if pairs.len() > PAIRS_PER_PRINCIPAL_MAX {
            self.own.pairs_overflowed = true;
            let weight = |pair: &PairBaseline| pair.days * HABIT.over(day - pair.day);
            let smallest = (0..pairs.len())
                .filter(|other| *other != place)
                .min_by(|a, b| weight(&pairs[*a]).total_cmp(&weight(&pairs[*b])));
            if let Some(smallest) = smallest {
                pairs.remove(smallest);
            }
        }
        let table = table_of(Feature::Key).unwrap_or_default();
        self.new[table] += f32::from(u8::from(is_new));
        if is_new {
            self.reaches(table, key.into());
        }
        self.group.tables[table].add(key.into(), 1.0, SHARED_VALUES_MAX);
        self.account.tables[table].add(key.into(), 1.0, SHARED_VALUES_MAX);
        is_new
    }
}

/// The most values a principal's tables hold, by table; keys have their own bound.
const TABLE_MAX: [usize; TABLES] = [
    NETWORKS_MAX,
    AGENTS_MAX,
    REGIONS_MAX,
    PATHS_MAX,
    OPERATIONS_MAX,
    0,
    GRANTEES_MAX,
    CONTEXTS_MAX,
];
