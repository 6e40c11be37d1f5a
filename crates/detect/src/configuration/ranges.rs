//! The bounds of numbers in a configuration. The schema says the same.

use super::{Behaviour, Configuration, Rules};

/// Most events, keys or the like that a threshold counts.
const COUNT_MAX: f64 = 1_000_000.0;
const DAYS_MAX: f64 = 3_650.0;
const HOURS_MAX: f64 = 8_760.0;
const MINUTES_MAX: f64 = 525_600.0;

/// A number that stands in a configuration, and its bounds.
pub(super) struct Ranged {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) value: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Ranged {
    /// Whether it is within its bounds, which what is no number is not.
    pub(super) fn is_within(&self) -> bool {
        (self.min..=self.max).contains(&self.value)
    }
}

/// Every number that has bounds.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is beyond 2^53 is out of bounds either way"
)]
pub(super) fn ranged(configuration: &Configuration) -> Vec<Ranged> {
    let Behaviour {
        findings_a_day,
        score_floor,
        ..
    } = configuration.behaviour;
    let behaviour = [
        ("findings_a_day", findings_a_day, 0.001, 100.0),
        ("score_floor", score_floor, 0.0, 1_000.0),
    ];
    let Rules {
        bulk_keys,
        churn_loops,
        material_short_days,
        material_warning_days,
        rotations_a_day,
        sse_c_burst_calls,
        separation_hours,
        self_grant_minutes,
        grant_in_use_minutes,
        grant_stale_days,
        grants_open_limit,
        grants_open_floor,
        denied_sweep_keys,
        discovery_sweep_calls,
        throttled_calls,
        ransom_bulk_calls,
        theft_burst_calls,
        grants_times_peak,
    } = configuration.rules;
    let rules = [
        ("bulk_keys", bulk_keys as f64, 2.0, COUNT_MAX),
        ("churn_loops", churn_loops as f64, 1.0, COUNT_MAX),
        (
            "material_short_days",
            material_short_days as f64,
            1.0,
            DAYS_MAX,
        ),
        (
            "material_warning_days",
            material_warning_days as f64,
            1.0,
            DAYS_MAX,
        ),
        ("rotations_a_day", rotations_a_day as f64, 0.0, COUNT_MAX),
        (
            "sse_c_burst_calls",
            sse_c_burst_calls as f64,
            1.0,
            COUNT_MAX,
        ),
        ("separation_hours", separation_hours as f64, 1.0, HOURS_MAX),
        (
            "self_grant_minutes",
            self_grant_minutes as f64,
            1.0,
            MINUTES_MAX,
        ),
        (
            "grant_in_use_minutes",
            grant_in_use_minutes as f64,
            1.0,
            MINUTES_MAX,
        ),
        ("grant_stale_days", grant_stale_days as f64, 1.0, DAYS_MAX),
        (
            "grants_open_limit",
            grants_open_limit as f64,
            1.0,
            COUNT_MAX,
        ),
        (
            "grants_open_floor",
            grants_open_floor as f64,
            0.0,
            COUNT_MAX,
        ),
        (
            "denied_sweep_keys",
            denied_sweep_keys as f64,
            1.0,
            COUNT_MAX,
        ),
        (
            "discovery_sweep_calls",
            discovery_sweep_calls as f64,
            1.0,
            COUNT_MAX,
        ),
        ("throttled_calls", throttled_calls as f64, 1.0, COUNT_MAX),
        (
            "ransom_bulk_calls",
            ransom_bulk_calls as f64,
            1.0,
            COUNT_MAX,
        ),
        (
            "theft_burst_calls",
            theft_burst_calls as f64,
            1.0,
            COUNT_MAX,
        ),
        ("grants_times_peak", grants_times_peak, 1.0, 1_000.0),
    ];
    let ranged = |table| {
        move |(key, value, min, max)| Ranged {
            table,
            key,
            value,
            min,
            max,
        }
    };
    let behaviour = behaviour.into_iter().map(ranged("behaviour"));
    behaviour
        .chain(rules.into_iter().map(ranged("rules")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_schema_says_the_same() {
        let schema = schemars::schema_for!(Configuration).to_value();
        for Ranged {
            table,
            key,
            value,
            min,
            max,
        } in ranged(&Configuration::default())
        {
            let name = if table == "rules" {
                "Rules"
            } else {
                "Behaviour"
            };
            let of_key = &schema["$defs"][name]["properties"][key];
            assert_eq!(of_key["minimum"].as_f64(), Some(min), "{key}");
            assert_eq!(of_key["maximum"].as_f64(), Some(max), "{key}");
            assert!((min..=max).contains(&value), "{key}");
        }
        // Every number of a rule has bounds.
        let rules = schema["$defs"]["Rules"]["properties"].as_object().unwrap();
        assert!(
            rules.values().all(|key| key["maximum"].is_number()),
            "{schema:#}"
        );
        let suppress = &schema["$defs"]["Suppression"];
        assert_eq!(suppress["anyOf"].as_array().map(Vec::len), Some(4));
        assert_eq!(suppress["properties"]["reason"]["pattern"], r"\S");
        let organisation = &schema["$defs"]["Organisation"]["properties"];
        assert_eq!(organisation["accounts"]["items"]["pattern"], "^[0-9]{12}$");
        assert_eq!(organisation["accounts"]["uniqueItems"], Value::Null);
        assert_eq!(
            organisation["ids"]["items"]["pattern"],
            "^o-[a-z0-9]{10,32}$"
        );
        assert!(organisation["allowed_regions"]["items"]["pattern"].is_string());
    }

    #[test]
    fn no_number_is_within_no_bounds() {
        let mut configuration = Configuration::default();
        for value in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            configuration.rules.grants_times_peak = value;
            assert_eq!(
                ranged(&configuration)
                    .iter()
                    .filter(|of| !of.is_within())
                    .count(),
                1,
                "{value}"
            );
        }
    }
}
