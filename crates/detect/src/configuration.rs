//! What users decide: organisation accounts, allowed Regions, thresholds.

mod ranges;
mod wrong;

use std::collections::BTreeSet;

use crate::baseline::constants::SCORE_FLOOR;
use crate::disposition::{ExpectedChange, Suppression};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::wrong::{Step, Wrong, is_rule, written, wrong_values};

/// The configuration of detection. The defaults stand in `default.toml`, which is read the same way as a user's file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Configuration {
    /// Rules whose findings only count: they alert nobody.
    #[schemars(with = "Vec<String>")]
    pub shadow: BTreeSet<String>,
    /// The organisation.
    pub organisation: Organisation,
    /// Behaviour.
    pub behaviour: Behaviour,
    /// The rules.
    pub rules: Rules,
    /// Findings that nobody wants to be told for a while.
    pub suppress: Vec<Suppression>,
    /// Changes that are planned.
    pub expected: Vec<ExpectedChange>,
    /// Whether plans carry the score of every hour; for evaluation.
    #[serde(skip)]
    pub with_scores: bool,
}

impl Configuration {
    /// A number that tells apart configurations that judge differently: XXH3 of their JSON form. What
    /// is done about findings once they are judged ([`crate::disposition`]) has no part in it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let judging = Self {
            shadow: BTreeSet::new(),
            suppress: Vec::new(),
            expected: Vec::new(),
            ..self.clone()
        };
        // The configuration is made of tables, texts and numbers, which all have a form in JSON.
        let json = serde_json::to_vec(&judging).unwrap_or_default();
        xxhash_rust::xxh3::xxh3_64(&json)
    }
}

/// Who belongs together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    /// Accounts of the organisation, twelve digits each. Grants and policies for them are not external.
    #[schemars(with = "Vec<String>", inner(regex(pattern = r"^[0-9]{12}$")))]
    pub accounts: BTreeSet<String>,
    /// Ids of the organisation itself, as AWS Organizations gives them: `o-` and 10 to 32 letters and digits. Policies for
    /// them are not external.
    #[schemars(with = "Vec<String>", inner(regex(pattern = r"^o-[a-z0-9]{10,32}$")))]
    pub ids: BTreeSet<String>,
    /// Regions in which keys may be used; empty means all.
    #[schemars(
        with = "Vec<String>",
        inner(regex(pattern = r"^[a-z]{2,5}(-[a-z]{2,10}){1,2}-[1-9][0-9]?$"))
    )]
    pub allowed_regions: BTreeSet<String>,
}

/// How much behaviour is reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Findings by behaviour that an account should have a day at most, on average.
    #[schemars(range(min = 0.001, max = 100.0))]
    pub findings_a_day: f64,
    /// The score below which no behaviour is reported, however few findings a day there are.
    #[schemars(range(min = 0.0, max = 1_000.0))]
    pub score_floor: f64,
    /// While an account is learnt: calls in an hour from which a person's use of a key is reported.
    pub learning_floor_calls: u64,
    /// Keys whose findings by behaviour are one severity higher: canonical keys, or their ids; `*` stands for any
    /// characters.
    #[schemars(with = "Vec<String>")]
    pub sensitive_keys: BTreeSet<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            findings_a_day: 1.0,
            score_floor: SCORE_FLOOR,
            learning_floor_calls: 50,
            sensitive_keys: BTreeSet::new(),
        }
    }
}

/// Thresholds of rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// `key-deletion-bulk`: keys taken away by one principal within an hour.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub bulk_keys: u64,
    /// `key-churn`: loops of disabling and enabling a key, or of scheduling and cancelling its deletion, within 24 hours.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub churn_loops: u64,
    /// `material-imported`: days of life below which imported material weighs more.
    #[schemars(range(min = 1, max = 3_650))]
    pub material_short_days: u64,
    /// `material-expiring`: days before the material's expiry from which it is told.
    #[schemars(range(min = 1, max = 3_650))]
    pub material_warning_days: u64,
    /// `rotation-burst`: rotations on demand of one key within 24 hours that are still usual.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rotations_a_day: u64,
    /// `sse-c-burst`: objects written under keys of the caller's own within ten minutes.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub sse_c_burst_calls: u64,
    /// `sod-violation`: hours between administration and use of a key.
    #[schemars(range(min = 1, max = 8_760))]
    pub separation_hours: u64,
    /// `self-grant-use`: minutes from the grant or policy to the use.
    #[schemars(range(min = 1, max = 525_600))]
    pub self_grant_minutes: u64,
    /// `grant-revoked-in-use`: minutes before the revocation in which a use counts.
    #[schemars(range(min = 1, max = 525_600))]
    pub grant_in_use_minutes: u64,
    /// `grant-stale`: days without a use after which a grant is told.
    #[schemars(range(min = 1, max = 3_650))]
    pub grant_stale_days: u64,
    /// `grant-sprawl`: open grants of a key that are too many, whatever its history.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub grants_open_limit: u64,
    /// `grant-sprawl`: open grants below which a key's history is not looked at.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub grants_open_floor: u64,
    /// `grant-sprawl`: how many times the most open grants of any day before.
    #[schemars(range(min = 1.0, max = 1_000.0))]
    pub grants_times_peak: f64,
    /// `denied-sweep`: distinct keys refused to one principal within an hour.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub denied_sweep_keys: u64,
    /// `discovery-sweep`: calls of one principal that look at keys within ten minutes.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub discovery_sweep_calls: u64,
    /// `throttled`: calls turned away within five minutes below which nothing is said.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub throttled_calls: u64,
    /// `ransom-chain`: calls in an hour from which somebody encrypts in bulk.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub ransom_bulk_calls: u64,
    /// `theft-chain`: Decrypt calls within ten minutes that are a burst.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub theft_burst_calls: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            bulk_keys: 3,
            churn_loops: 2,
            material_short_days: 7,
            material_warning_days: 14,
            rotations_a_day: 2,
            sse_c_burst_calls: 10,
            separation_hours: 24,
            self_grant_minutes: 60,
            grant_in_use_minutes: 60,
            grant_stale_days: 30,
            grants_open_limit: 10_000,
            grants_open_floor: 100,
            grants_times_peak: 4.0,
            denied_sweep_keys: 5,
            discovery_sweep_calls: 10,
            throttled_calls: 20,
            ransom_bulk_calls: 50,
            theft_burst_calls: 20,
        }
    }
}
