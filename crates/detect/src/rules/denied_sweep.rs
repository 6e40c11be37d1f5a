//! `denied-sweep`: many keys were refused to one principal within an hour.

use super::day::{DayHit, DayLight};
use super::sightings::events_of;
use super::support::argument;
use super::sweep::Kind;
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct DeniedSweep;

const ABOUT: About = About {
    id: "denied-sweep",
    title: "Many keys were refused to one principal",
    severities: &[Severity::Medium],
    attack: &[("TA0007", "T1580", "T1580")],
    practice: "every principal knows the keys it may use",
    side: Side::Caller,
    fires_when: "At least rules.denied_sweep_keys distinct keys (5) are refused to one principal within an hour, whatever the calls. AWS services and service-linked roles do not fire.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "errorMessage",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "userIdentity",
    ],
};

impl Rule for DeniedSweep {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let hits = light.sweeps(Kind::Denied).iter().map(|sweep| {
            let (first, last) = sweep.span();
            let keys = sweep.keys();
            let names = sweep.keys_in_words();
            let operations = sweep.operations_in_words();
            let title = format!("{keys} keys were refused to one principal between {first} and {last}");
            let hit = Hit::about(Some(sweep.principal), None, Severity::Medium, title)
                .because(
                    Evidence::new("keys", format!("Refused on {names}; by {operations}"))
                        .observed(keys)
                        .expected(format!("fewer than {}", light.configuration.rules.denied_sweep_keys)),
                )
                .names(sweep.key_names())
                .next(format!(
                    "See whether any key let the caller in: keytrail events ARCHIVE --principal {} --outcome success --since {first}",
                    argument(sweep.principal, "principal")
                ))
                .next(events_of(sweep.principal, first, 24));
            sweep.hit(hit, light)
        });
        hits.collect()
    }
}
