//! `discovery-sweep`: a principal that never did so looks at many keys at once.

use super::day::{DayHit, DayLight};
use super::sightings::events_of;
use super::support::learning_evidence;
use super::sweep::Kind;
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct DiscoverySweep;

const ABOUT: About = About {
    id: "discovery-sweep",
    title: "A principal looked at many keys at once",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0007", "T1580", "T1580")],
    practice: "every principal knows the keys it may use",
    side: Side::Caller,
    fires_when: "At least rules.discovery_sweep_calls calls (10) of one principal look at keys within ten minutes (DescribeKey, GetKeyPolicy, ListGrants, ListKeys, ListAliases and their kin), unless it looks at half as many at least on three of the last 100 days, the last of them no more than 35 days ago (fewer than 8 keys count as one size, and fewer than 25 on a whole day; policies and grants are read by habit where they were on these days). Calls that all name one key are no look around. Low while the account is known for less than 7 days with records, and where it touches fewer than 25 keys, or 8 where it reads policies or grants. AWS services and service-linked roles do not fire.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "userIdentity",
    ],
};

impl Rule for DiscoverySweep {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let hits = light.sweeps(Kind::Discovery).iter().map(|sweep| {
            let (first, last) = sweep.span();
            let calls = sweep.calls.len();
            let names = match sweep.keys() {
                0 => "no key by name".to_owned(),
                keys => format!("{keys} keys: {}", sweep.keys_in_words()),
            };
            let operations = sweep.operations_in_words();
            let is_known = light.customs.is_account_known();
            let history = if is_known {
                "; it has no habit of looking at so many"
            } else {
                ""
            };
            let severity = if is_known && sweep.look().is_large() {
                Severity::Medium
            } else {
                Severity::Low
            };
            let title = format!("One principal looked at keys {calls} times between {first} and {last}");
            let mut hit = Hit::about(Some(sweep.principal), None, severity, title)
                .because(
                    Evidence::new("calls", format!("{operations}{history}"))
                        .observed(calls)
                        .expected(format!("fewer than {}", light.configuration.rules.discovery_sweep_calls)),
                )
                .because(Evidence::new("keys", format!("It touched {names}")).observed(sweep.keys()))
                .names(sweep.key_names())
                .next("Ask whether the caller runs an inventory or a scan. If not, its credentials are in other hands.")
                .next(events_of(sweep.principal, first, 24));
            if !is_known {
                hit = hit.because(learning_evidence());
            }
            sweep.hit(hit, light)
        });
        hits.collect()
    }
}
