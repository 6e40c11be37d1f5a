//! What a base knows of one principal or key: in words and numbers, and as hours of activity.

use keytrail_event::Day;
use keytrail_event::key::short_key_name;
use keytrail_event::principal::{principal_names, principal_of_arn};

use super::canonical::class_of;
use super::decay::HABIT;
use super::features::Feature;
use super::state::{AccountBaseline, DATA, KeyBaseline, PrincipalBaseline, table_of};
use super::streams::KINDS;
use super::table::Table;
use super::words::{hours_in_words, short_number};

/// Values shown of each kind.
const VALUES_SHOWN: usize = 6;

/// A principal or key as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Portrait {
    /// Its full name.
    pub name: String,
    /// What is known: a label and a text for each thing.
    pub lines: Vec<(String, String)>,
    /// Mean calls in an active hour, by hour of the day (UTC): of weekdays and of weekends.
    pub calls: [[f64; 24]; 2],
}

impl AccountBaseline {
    /// The principals and keys with this name: a whole one, a session's, or what follows the last slash of one.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<&str> {
        let name = &*principal_of_arn(name);
        let is_meant = |known: &&str| principal_names(known).iter().any(|known| known == name);
        let principals = self.principals.keys().map(|known| &**known);
        let keys = self.keys.keys().map(|known| &**known);
        principals.chain(keys).filter(is_meant).collect()
    }

    /// What is known of the principal or key of this whole name in this account.
    #[must_use]
    pub fn portrait(&self, account: &str, name: &str) -> Option<Portrait> {
        if let Some(principal) = self.principals.get(name) {
            return Some(self.of_principal(account, name, principal));
        }
        let key = self.keys.get(name)?;
        Some(self.of_key(name, key))
    }

    fn of_principal(&self, account: &str, name: &str, known: &PrincipalBaseline) -> Portrait {
        let mut lines = vec![
            (
                "kind".to_owned(),
                format!("one of {}", class_of(name, account).plural()),
            ),
            (
                "active".to_owned(),
                format!(
                    "{} days from {} to {} ({} decayed), {} hours (decayed)",
                    known.active_days,
                    Day::from_days_since_1970(known.first_day),
                    Day::from_days_since_1970(known.day),
                    short_number(f64::from(known.days)),
                    short_number(f64::from(known.hours))
                ),
            ),
            (
                "hours".to_owned(),
                format!("usually {}", hours_in_words(known.times.usual_hours())),
            ),
        ];
        for (kind, stream) in KINDS.iter().zip(&known.streams) {
            let what = match kind.feature {
                Feature::Data => "calls that use keys",
                Feature::Control => "other calls",
                Feature::Denied => "refused calls",
                Feature::Failed => "failed calls",
                _ => "distinct keys",
            };
            let mean = f64::from(stream.calls()) / f64::from(stream.hours()).max(1e-9);
            if stream.calls() > 0.0 {
                lines.push((what.to_owned(), format!("{} an hour", short_number(mean))));
            }
        }
        lines.push((
            "a day".to_owned(),
            format!(
                "{} calls on a usual weekday, {} on a weekend",
                short_number(known.drift.usual(false)),
                short_number(known.drift.usual(true))
            ),
        ));
        for feature in [
            Feature::Network,
            Feature::Agent,
            Feature::Region,
            Feature::Path,
            Feature::Operation,
            Feature::Grantee,
        ] {
            if let Some(place) = table_of(feature)
                && !known.tables[place].is_empty()
            {
                let values = self.values(&known.tables[place]);
                lines.push((feature.id().to_owned(), values));
            }
        }
        lines.push(("keys".to_owned(), self.keys_of(known)));
        Portrait {
            name: name.to_owned(),
            lines,
            calls: by_hour(known.streams[DATA].by_slot()),
        }
    }

    /// The values of a table, on most days first.
    fn values(&self, table: &Table) -> String {
        let values = table.iter().map(|(id, days)| {
            let name = self.names.name(id as u32).unwrap_or("(forgotten)");
            (
                f64::from(days),
                if name.is_empty() { "(none)" } else { name },
            )
        });
        shown(values.collect())
    }

    fn keys_of(&self, known: &PrincipalBaseline) -> String {
        let pairs = known.pairs.iter().map(|pair| {
            let named = self.keys.iter().find(|(_, key)| key.number == pair.key);
            let name = named.map_or("(forgotten)".to_owned(), |(name, _)| {
                short_key_name(name).into_owned()
            });
            let days = f64::from(pair.days) * f64::from(HABIT.over(known.day - pair.day));
            let mean = f64::from(pair.calls.calls()) / f64::from(pair.calls.hours()).max(1e-9);
            (
                days,
                format!("{name} ({} calls an hour)", short_number(mean)),
            )
        });
        let pairs: Vec<(f64, String)> = pairs.collect();
        shown(
            pairs
                .iter()
                .map(|(days, text)| (*days, text.as_str()))
                .collect(),
        )
    }

    fn of_key(&self, name: &str, known: &KeyBaseline) -> Portrait {
        let day = |day: i64| Day::from_days_since_1970(day).to_string();
        let users = self.principals.iter().filter_map(|(name, principal)| {
            let pair = principal.pair(known.number)?;
            let days = f64::from(pair.days) * f64::from(HABIT.over(known.day - pair.day));
            Some((days, name.rsplit('/').next().unwrap_or(name)))
        });
        let mut lines = vec![
            (
                "known".to_owned(),
                format!(
                    "since {}, last named on {}",
                    day(known.first_day),
                    day(known.day)
                ),
            ),
            (
                "created".to_owned(),
                known.created.map_or("before, or unseen".to_owned(), day),
            ),
            (
                "used".to_owned(),
                known.used.map_or("never".to_owned(), |used| {
                    let days = short_number(f64::from(known.days));
                    format!("on {days} days (decayed), last on {}", day(used))
                }),
            ),
            ("principals".to_owned(), shown(users.collect())),
        ];
        for (label, table) in [("service_path", &known.paths), ("context", &known.contexts)] {
            if !table.is_empty() {
                lines.push((label.to_owned(), self.values(table)));
            }
        }
        Portrait {
            name: name.to_owned(),
            lines,
            calls: by_hour(known.calls.by_slot()),
        }
    }
}

/// The first values by days, and how many more there are.
fn shown(mut values: Vec<(f64, &str)>) -> String {
    values.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let more = values.len().saturating_sub(VALUES_SHOWN);
    let texts = values.iter().take(VALUES_SHOWN);
    let texts = texts.map(|(days, name)| format!("{name} on {} days", short_number(*days)));
    let mut text = texts.collect::<Vec<_>>().join(", ");
    if text.is_empty() {
        text.push_str("none");
    }
    if more > 0 {
        text.push_str(&format!(", and {more} more"));
    }
    text
}

/// Mean calls of an active hour, from the slots of a stream of 24 hours of weekdays and of weekends.
fn by_hour(slots: impl Iterator<Item = (u8, f32, f32)>) -> [[f64; 24]; 2] {
    let mut calls = [[0.0; 24]; 2];
    for (slot, sum, hours) in slots {
        let (kind, hour) = (usize::from(slot) / 24, usize::from(slot) % 24);
        if let Some(mean) = calls.get_mut(kind).and_then(|kind| kind.get_mut(hour)) {
            *mean = f64::from(sum) / f64::from(hours).max(1e-9);
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_values_and_how_many_more() {
        let values = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let values = values
            .into_iter()
            .zip(1..)
            .map(|(name, days)| (f64::from(days), name));
        assert_eq!(
            shown(values.collect()),
            "h on 8.0 days, g on 7.0 days, f on 6.0 days, e on 5.0 days, d on 4.0 days, c on 3.0 days, and 2 more"
        );
        assert_eq!(shown(Vec::new()), "none");
    }

    #[test]
    fn slots_are_hours_of_weekdays_and_of_weekends() {
        let calls = by_hour([(9, 30.0, 3.0), (24 + 2, 8.0, 2.0)].into_iter());
        assert_eq!(calls[0][9], 10.0);
        assert_eq!(calls[1][2], 4.0);
        assert_eq!(calls[0].iter().sum::<f64>(), 10.0);
    }

    #[test]
    fn nobody_is_known_at_first() {
        let base = AccountBaseline::default();
        assert!(base.named("worker").is_empty());
        assert_eq!(base.portrait("111122223333", "worker"), None);
    }
}
