//! `region-new`: an account uses KMS in a Region where it did not before.

use keytrail_event::{OperationClass, OutcomeFamily};

use super::caller::is_aws_principal;
use super::customs::ACCOUNT_DAYS;
use super::day::{DayHit, DayLight};
use super::sightings::{calls_evidence, events_of, grouped, over_cells};
use super::support::{cut, listed};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RegionNew;

const ABOUT: About = About {
    id: "region-new",
    title: "KMS is used in a Region where the account did not use it before",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0005", "T1535", "T1535")],
    practice: "keys stay in the Regions that were chosen for them",
    side: Side::Caller,
    fires_when: "A call other than looking at keys succeeds in a Region where the account was not seen to use KMS, by anybody but an AWS service or service-linked role: medium when organisation.allowed_regions is set and does not hold the Region, else low. In Regions that are not forbidden nothing is said until the account is known for 7 days with records.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "awsRegion",
        "recipientAccountId",
        "userIdentity",
    ],
};

impl Rule for RegionNew {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let allowed = &light.configuration.organisation.allowed_regions;
        let is_outside = |region: &str| !allowed.is_empty() && !allowed.contains(region);
        let is_new = |region: &str| {
            let known = light.customs.region(region);
            known.is_none_or(|known| known.used_since.is_none())
                && (light.customs.is_account_known() || is_outside(region))
        };
        let mut regions = light.gathered.regions.iter();
        if !regions.any(|(region, day)| day.is_used && is_new(region)) {
            return Vec::new();
        }
        let cells = light.cells_like(|cell| {
            cell.outcome == OutcomeFamily::Success
                && cell.class != OperationClass::Discovery
                && !is_aws_principal(cell.principal)
                && is_new(cell.region)
        });
        let groups = grouped(&cells, |cell| Some(cell.region));
        let hits = groups.iter().filter_map(|(region, cells)| {
            let severity = if is_outside(region) { Severity::Medium } else { Severity::Low };
            let region = cut(region);
            let first = cells.iter().min_by_key(|cell| cell.first())?;
            let known: Vec<&str> = light
                .customs
                .regions()
                .filter(|(_, customs)| customs.used_since.is_some())
                .map(|(name, _)| name)
                .collect();
            let known = listed(known);
            let history = match (light.customs.is_account_known(), is_outside(region)) {
                (true, false) => format!("The account, known for {ACCOUNT_DAYS} days or more, used KMS in {known} only"),
                (true, true) => format!("{region} is none of organisation.allowed_regions; the account used KMS in {known} only"),
                (false, _) => format!("{region} is none of organisation.allowed_regions; the account is still being learnt"),
            };
            let title = format!("First use of KMS in {region}");
            let hit = Hit::about(None, None, severity, title)
                .class(region)
                .because(Evidence::new("region", history).observed(region).expected(known))
                .because(
                    Evidence::new("caller", format!("The first was {} by {}", cut(first.operation), cut(first.principal)))
                        .observed(cut(first.principal)),
                )
                .because(calls_evidence(cells))
                .next(format!("See whether a trail records {region}, and what else was made there."))
                .next(events_of(first.principal, first.first().time, 24));
            over_cells(hit, cells)
        });
        hits.collect()
    }
}
