//! What is looked at in an hour, in which family it counts, and which rule its findings carry.

/// One feature of a principal's hour. The order is fixed: it numbers arrays and histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Feature {
    /// Calls that use keys, against the slot's mean.
    Data,
    /// Calls that look at keys or change them.
    Control,
    /// Refused calls.
    Denied,
    /// Other failed calls.
    Failed,
    /// Distinct keys.
    Breadth,
    /// Calls with one key.
    Pair,
    /// Calls with one key by all principals together.
    KeyRate,
    /// A network.
    Network,
    /// An agent's product and major version.
    Agent,
    /// A Region.
    Region,
    /// A service path, in general and on a key.
    Path,
    /// An operation.
    Operation,
    /// A key.
    Key,
    /// The grantee of a grant.
    Grantee,
    /// An encryption context on a known key.
    Context,
    /// A key that lay unused.
    DormantKey,
    /// A principal that lay silent.
    DormantPrincipal,
    /// A principal never seen.
    NewPrincipal,
    /// New keys, few a day, for days.
    SlowBreadth,
    /// The hour of the day and the day of the week.
    Time,
    /// The day's calls so far.
    Day,
    /// Days above what is usual, added up.
    Drift,
}

/// How many features there are.
pub const FEATURES: usize = 22;

impl Feature {
    /// All features, in order.
    pub const ALL: [Self; FEATURES] = [
        Self::Data,
        Self::Control,
        Self::Denied,
        Self::Failed,
        Self::Breadth,
        Self::Pair,
        Self::KeyRate,
        Self::Network,
        Self::Agent,
        Self::Region,
        Self::Path,
        Self::Operation,
        Self::Key,
        Self::Grantee,
        Self::Context,
        Self::DormantKey,
        Self::DormantPrincipal,
        Self::NewPrincipal,
        Self::SlowBreadth,
        Self::Time,
        Self::Day,
        Self::Drift,
    ];

    /// The id of the feature in evidence.
    #[must_use]
    pub const fn id(self) -> &'static str {
        ABOUT[self as usize].0
    }

    /// Whether it only adds up through a day, so that it is compared with whole days instead of hours: an evening hour
    /// has more of the day behind it than a morning hour, which is no news.
    #[must_use]
    pub const fn is_of_a_day(self) -> bool {
        matches!(self, Self::Day | Self::Drift)
    }

    /// The family it counts in.
    #[must_use]
    pub const fn family(self) -> Family {
        ABOUT[self as usize].1
    }

    /// The rule whose findings it leads.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        ABOUT[self as usize].2
    }
}

/// The one table of features: id, family, rule. In the order of [`Feature`].
const ABOUT: [(&str, Family, &str); FEATURES] = [
    ("calls", Family::Volume, "rate-principal"),
    ("control_calls", Family::Volume, "rate-principal"),
    ("denied", Family::Denied, "rate-error"),
    ("failed", Family::Denied, "rate-error"),
    ("distinct_keys", Family::Volume, "breadth"),
    ("pair_calls", Family::Volume, "rate-pair"),
    ("key_calls", Family::Volume, "rate-key"),
    ("network", Family::Network, "new-source"),
    ("agent", Family::Network, "new-source"),
    ("region", Family::Edge, "new-source"),
    ("service_path", Family::Channel, "new-service-path"),
    ("operation", Family::Operation, "new-operation"),
    ("key", Family::Edge, "new-pair"),
    ("grantee", Family::Operation, "new-operation"),
    ("context", Family::Channel, "new-context"),
    ("dormant_key", Family::Edge, "dormant-key"),
    ("dormant_principal", Family::Edge, "dormant-principal"),
    ("new_principal", Family::Edge, "new-pair"),
    ("slow_breadth", Family::Edge, "slow-breadth"),
    ("time", Family::Time, "off-hours"),
    ("day_calls", Family::Day, "rate-principal"),
    ("growth", Family::Growth, "rate-principal"),
];

/// Features that say much the same: only the strongest counts whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// How much.
    Volume,
    /// What failed.
    Denied,
    /// Which key, and where it is: a new Region brings a new key with it.
    Edge,
    /// From where and with what.
    Network,
    /// Through what and for what.
    Channel,
    /// When.
    Time,
    /// What was done.
    Operation,
    /// How much in the whole day.
    Day,
    /// How much more from day to day.
    Growth,
}

/// How many families there are.
pub const FAMILIES: usize = 9;

impl Family {
    /// All families, in order.
    pub const ALL: [Self; FAMILIES] = [
        Self::Volume,
        Self::Denied,
        Self::Edge,
        Self::Network,
        Self::Channel,
        Self::Time,
        Self::Operation,
        Self::Day,
        Self::Growth,
    ];

    /// The weight of the family in T: growth of days, with which key, and through what and for what weigh more than one
    /// hour's or day's amount, which backfills have as well, and than refusals, which a broken deploy has by the hundred. Measured.
    #[must_use]
    pub const fn weight(self) -> f64 {
        match self {
            Self::Growth => 2.0,
            Self::Edge => 1.33,
            Self::Channel => 1.17,
            Self::Time => 1.1,
            Self::Network => 1.0,
            Self::Operation => 0.9,
            Self::Day => 0.65,
            Self::Volume => 0.63,
            Self::Denied => 0.55,
        }
    }

    /// The family's name in evidence.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Denied => "denied",
            Self::Edge => "edge",
            Self::Network => "network",
            Self::Channel => "channel",
            Self::Time => "time",
            Self::Operation => "operation",
            Self::Day => "day",
            Self::Growth => "growth",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_number() {
        for (place, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature as usize, place);
        }
        for (place, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(family as usize, place);
        }
    }

    #[test]
    fn ids_are_told_apart() {
        let mut ids: Vec<&str> = Feature::ALL.into_iter().map(Feature::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), FEATURES);
    }
}
